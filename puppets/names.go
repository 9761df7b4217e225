package puppets

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"wtvgate/bridge/id"
)

// maxName is the longest screen name in bytes as sent. MSNP allows 129
// characters and 387 encoded bytes (msnp.md 15); a byte may become three when
// it is escaped, so 129 bytes always fit.
const maxName = 129

// ScreenName is the name a box shows for a friend: one line without control and
// invisible characters, at most maxName bytes; the address when nothing is left,
// since an empty name would shift the columns of a line (msnp.md 2.3).
func ScreenName(name string, a id.Address) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	for len(name) > maxName {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	if name == "" {
		return string(a)
	}
	return name
}

// AccountName is the display name of an account that was made without one: its
// local part with a capital, Alice of alice@webtv.local.
func AccountName(a id.Account) string {
	local := a.Local()
	r, n := utf8.DecodeRuneInString(local)
	return string(unicode.ToUpper(r)) + local[n:]
}
