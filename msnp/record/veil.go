package record

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"wtvgate/msnp/wire"
)

// secretFields are header fields of a payload whose values say who or where
// somebody is to whoever has them (the profile of msnp.md 12.5).
var secretFields = []string{"MSPAuth", "ClientIP", "ClientPort"}

// plainFields of an invitation say what it is; the others name files, addresses
// and people (msnp.md 13).
var plainFields = []string{"Application-Name", "Application-GUID", "Session-Protocol", "Invitation-Command", "Invitation-Cookie",
	"Launch-Application", "Cancel-Code", "Request-Data", "Conn-Type"}

// veil is a payload that may be shown: head and form stay, letters and secrets
// do not. It is as long as the payload.
func veil(cmd wire.Command) []byte {
	if cmd.Verb != "MSG" {
		return letters(cmd.Payload)
	}
	head, body := cut(cmd.Payload)
	out := fields(head, func(name string) bool { return !named(secretFields, name) })
	if wire.ParseMessage(cmd.Payload).Kind() == wire.KindInvite {
		return append(out, fields(body, func(name string) bool { return named(plainFields, name) })...)
	}
	return append(out, letters(body)...)
}

// cut parts a payload behind the empty line that ends its head.
func cut(p []byte) (head, body []byte) {
	if i := strings.Index(string(p), "\r\n\r\n"); i >= 0 {
		return p[:i+4], p[i+4:]
	}
	return nil, p
}

// fields veils the values of the fields that show does not want.
func fields(b []byte, show func(name string) bool) []byte {
	out := make([]byte, 0, len(b))
	for line := range strings.SplitAfterSeq(string(b), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if ok && !show(strings.TrimSpace(name)) {
			out = append(append(out, name...), ':')
			out = append(out, letters([]byte(value))...)
			continue
		}
		if !ok {
			line = string(letters([]byte(line)))
		}
		out = append(out, line...)
	}
	return out
}

func named(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// veils are what stands for a letter, by the bytes it takes: what a fault
// depends on is mostly a length or a letter outside ASCII.
var veils = [utf8.UTFMax + 1]string{1: "x", 2: "ë", 3: "中", 4: "😀"}

// letters veils text. The length in bytes stays.
func letters(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			out = append(out, '?') // Latin-1, say
		case unicode.IsDigit(r) && n == 1:
			out = append(out, '0')
		case n > 1, unicode.IsLetter(r):
			out = append(out, veils[n]...)
		default:
			out = append(out, b[0])
		}
		b = b[n:]
	}
	return out
}
