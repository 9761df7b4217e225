package simbox

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxName is how much of a name or an address is shown, in runes: addresses have
	// at most 129 (msnp.md 15), names may have more.
	maxName = 129
	// maxText is how much of a message is shown: a payload has at most 1664 bytes
	// (msnp.md 12.3), so this cuts only what no server may send.
	maxText = 2000
	// newline stands for the end of a line within a message, so that one event stays
	// one line and nobody can write lines of others.
	newline = " / "
)

// Clean is text of others as a terminal may get it: one line, at most limit runes,
// no control characters, nothing invisible that changes the order of letters, no
// broken UTF-8.
func Clean(s string, limit int) string {
	s = strings.Trim(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	var b strings.Builder
	count := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if unicode.Is(unicode.Cf, r) { // joiners, and what turns the writing direction
			continue
		}
		if count++; count > limit {
			b.WriteString("...")
			break
		}
		switch {
		case r == '\n':
			b.WriteString(newline)
		case r == '\t', unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case r == utf8.RuneError, !unicode.IsPrint(r):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
