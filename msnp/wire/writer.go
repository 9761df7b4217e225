package wire

import "strconv"

// AppendLine appends a line with its CR LF. Arguments are written as they are,
// so escape names first; but a space, a control byte or a line end within an
// argument, which would add parameters or lines, is written as %HH: a mistake
// of the caller never becomes a command.
func AppendLine(dst []byte, verb string, args ...string) []byte {
	dst = appendFields(dst, verb, args)
	return append(dst, '\r', '\n')
}

// AppendPayload appends a line whose last parameter is the byte count of
// payload, and then the payload without anything after it (msnp.md 2.4).
func AppendPayload(dst []byte, payload []byte, verb string, args ...string) []byte {
	dst = appendFields(dst, verb, args)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(len(payload)), 10)
	dst = append(dst, '\r', '\n')
	return append(dst, payload...)
}

func appendFields(dst []byte, verb string, args []string) []byte {
	dst = appendSafe(dst, verb)
	for _, a := range args {
		dst = append(dst, ' ')
		dst = appendSafe(dst, a)
	}
	return dst
}

// appendSafe escapes what would break the line and nothing else: arguments are
// escaped already where the protocol wants it.
func appendSafe(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); i++ {
		if s[i] > ' ' && s[i] != 0x7F {
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendHex(dst, s[i])
		start = i + 1
	}
	return append(dst, s[start:]...)
}
