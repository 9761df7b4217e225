package pages

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

// form is what a request carries, decoded. Of a field that repeats the first counts.
type form map[string]string

// readForm reads the body of a POST; false if it is none of our forms. Boxes name two types for it (section 3), and some send a
// line end behind it.
func readForm(r *server.Request) (form, bool) {
	if r.Method != wire.MethodPost || len(r.Body) > MaxForm {
		return nil, false
	}
	return parseForm(strings.TrimRight(string(r.Body), "\r\n\x00"))
}

// parseForm reads name=value&...; texts are UTF-8 afterwards.
func parseForm(s string) (form, bool) {
	f := form{}
	for pair := range strings.SplitSeq(s, "&") {
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		k, err := url.QueryUnescape(k)
		if err != nil {
			return nil, false
		}
		if v, err = url.QueryUnescape(v); err != nil || len(v) > MaxInput {
			return nil, false
		}
		if _, again := f[k]; !again {
			f[k] = strings.TrimSpace(unicodeOf(v))
		}
	}
	return f, true
}

// query reads what stands behind the ? of a page; what cannot be read is as if it were not there.
func query(r *server.Request) form {
	if len(r.URL.Query) > MaxForm {
		return form{}
	}
	f, ok := parseForm(r.URL.Query)
	if !ok {
		return form{}
	}
	return f
}

// unicodeOf reads what a box typed: Windows-1252, which is hardly ever valid UTF-8 by chance. Control characters are blanks.
func unicodeOf(s string) string {
	if !utf8.ValidString(s) {
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			b.WriteRune(windows1252(s[i]))
		}
		s = b.String()
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 {
			return ' '
		}
		return c
	}, s)
}

// upper are the characters of Windows-1252 where Latin-1 has control characters; a blank where it has none.
var upper = [32]rune{
	'\u20AC', ' ', '\u201A', '\u0192', '\u201E', '\u2026', '\u2020', '\u2021', '\u02C6', '\u2030', '\u0160', '\u2039', '\u0152', ' ', '\u017D', ' ',
	' ', '\u2018', '\u2019', '\u201C', '\u201D', '\u2022', '\u2013', '\u2014', '\u02DC', '\u2122', '\u0161', '\u203A', '\u0153', ' ', '\u017E', '\u0178',
}

func windows1252(c byte) rune {
	if c >= 0x80 && c < 0xa0 {
		return upper[c-0x80]
	}
	return rune(c)
}
