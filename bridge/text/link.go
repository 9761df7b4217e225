package text

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// link.go: addresses in text, which no rule may touch inside.

// linkAt tells whether an address of the web begins at s[i].
func linkAt(s string, i int) bool {
	if i > 0 {
		if c, _ := utf8.DecodeLastRuneInString(s[:i]); unicode.IsLetter(c) || unicode.IsDigit(c) {
			return false
		}
	}
	s = s[i:]
	const short, long = len("http://"), len("https://")
	switch {
	case len(s) > short && strings.EqualFold(s[:short], "http://"):
		return linkLen(s) > short
	case len(s) > long && strings.EqualFold(s[:long], "https://"):
		return linkLen(s) > long
	}
	return false
}

// linkLen is how long the address at the beginning of s is: up to what cannot
// stand in one.
func linkLen(s string) int {
	for i, c := range s {
		switch {
		case c <= ' ', c == '<', c == '>', c == '"', c == 0x7F, c == utf8.RuneError:
			return i
		case c < 0x80:
		case c < 0xA1, c == 0xAB, c == 0xBB, c == 0xAD:
			return i
		case c >= '\u2000' && c <= '\u206F', c >= '\u3000' && c <= '\u303F', c >= 0x1F000, invisible(c), unicode.IsSpace(c):
			return i
		}
	}
	return len(s)
}

// webLink tells whether u is an address that may be shown as a link.
func webLink(u string) bool { return linkAt(u, 0) && linkLen(u) == len(u) }

// pill reads the address of a mention: a user or a room of Matrix.
func pill(href string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(href, "https://matrix.to/#/")
	if !ok {
		if rest, ok = strings.CutPrefix(href, "matrix:u/"); ok {
			rest = "@" + rest
		} else if rest, ok = strings.CutPrefix(href, "matrix:r/"); ok {
			rest = "#" + rest
		}
	}
	rest, _, _ = strings.Cut(rest, "?")
	id, err := url.PathUnescape(rest)
	if !ok || err != nil || strings.Contains(id, "/") || !(strings.HasPrefix(id, "@") || strings.HasPrefix(id, "#")) {
		return "", false
	}
	return id, true
}
