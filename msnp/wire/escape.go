package wire

import "unicode/utf8"

const hexDigits = "0123456789ABCDEF"

func appendHex(dst []byte, b byte) []byte {
	return append(dst, '%', hexDigits[b>>4], hexDigits[b&15])
}

// Escape writes a name as one parameter: bytes up to the space, the percent
// sign and DEL become %HH, all others stay (msnp.md 2.3). An empty name would
// shift the columns behind it: send the address instead.
func Escape(s string) string {
	n := 0
	for i := 0; i < len(s); i++ {
		if escaped(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	out := make([]byte, 0, len(s)+2*n)
	for i := 0; i < len(s); i++ {
		if escaped(s[i]) {
			out = appendHex(out, s[i])
		} else {
			out = append(out, s[i])
		}
	}
	return string(out)
}

func escaped(b byte) bool { return b <= ' ' || b == '%' || b == 0x7F }

// Unescape reads a name: %HH in either case, in one pass; what is no valid
// sequence stays as it is, and a plus is a plus (msnp.md 2.3). The result is
// always UTF-8: bytes that are not are read as Latin-1. It may hold control
// characters and line ends.
func Unescape(s string) string {
	var out []byte
	start := 0
	for i := 0; i+2 < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		hi, ok1 := unhex(s[i+1])
		lo, ok2 := unhex(s[i+2])
		if !ok1 || !ok2 {
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(s))
		}
		out = append(out, s[start:i]...)
		out = append(out, hi<<4|lo)
		start = i + 3
		i += 2
	}
	if out == nil {
		if utf8.ValidString(s) {
			return s
		}
		return latin1([]byte(s))
	}
	out = append(out, s[start:]...)
	if !utf8.Valid(out) {
		return latin1(out)
	}
	return string(out)
}

func unhex(b byte) (byte, bool) {
	switch {
	case b >= '0' && b <= '9':
		return b - '0', true
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10, true
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}

// latin1 reads each byte as the character of that number.
func latin1(b []byte) string {
	out := make([]byte, 0, len(b)+len(b)/4)
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return string(out)
}
