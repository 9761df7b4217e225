package text

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// to_msn.go: what a box or PC client reads.

// ToMSN is the content as lines for one client, in pieces of at most o.Limit bytes
// with CR LF between lines, in UTF-8. For a first-generation box every character
// is one of Latin-1. Nothing to show gives no piece (lessons L24).
func ToMSN(c Content, o Options) []string {
	pieces, _ := Render(c, o)
	return pieces
}

// Render is ToMSN, and counts the characters that became a ? because the client
// cannot show them.
func Render(c Content, o Options) (pieces []string, lost int) {
	if o.hides(&c) {
		return nil, 0
	}
	r := newRenderer(&o)
	s := r.render(&c)
	if s == "" {
		return nil, 0
	}
	s = capLines(s, o.lines())
	limit := o.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	return Split(strings.ReplaceAll(s, "\n", "\r\n"), limit), r.lost
}

// Plain is the content as one text for a client, lines separated by \n, neither
// capped nor split.
func Plain(c Content, o Options) string { return newRenderer(&o).render(&c) }

// Effects is the EF value of X-MMS-IM-Format for a content: what all of its text
// has in common, since the line is for a whole message (msnp.md 13). Crossing out
// is said in words.
func Effects(c Content) string {
	if len(c.Runs) == 0 {
		return ""
	}
	all := Bold | Italic | Underline
	for i := range c.Runs {
		if x := &c.Runs[i]; strings.TrimSpace(x.Text) != "" || x.File != nil {
			all &= x.Style
		}
	}
	out := ""
	for _, e := range [...]struct {
		bit  Style
		name string
	}{{Bold, "B"}, {Italic, "I"}, {Underline, "U"}} {
		if all&e.bit != 0 {
			out += e.name
		}
	}
	return out
}

// Late marks a text that waited: the first thing on its line is when it was
// written, in the gateway's time zone. On another day than now it names the day.
func Late(c Content, sent, now time.Time) Content {
	layout := "15:04"
	if y, d := sent.Year(), sent.YearDay(); y != now.Year() || d != now.YearDay() {
		layout = "Jan 2, 15:04"
	}
	return c.Prefixed("(" + sent.Format(layout) + ") ")
}

// clean folds line ends and drops control and direction characters, which a box
// would show as boxes or choke on. Invalid UTF-8 becomes U+FFFD.
func clean(s string) string {
	if strings.IndexFunc(s, unclean) >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
		s = strings.Map(func(r rune) rune {
			switch {
			case r == '\n':
				return r
			case r == '\t':
				return ' '
			case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
				return -1
			}
			return r
		}, strings.ToValidUTF8(s, string(utf8.RuneError)))
	}
	return strings.TrimRightFunc(s, unicode.IsSpace)
}

// unclean tells of what clean has work with.
func unclean(r rune) bool {
	return r < ' ' && r != '\n' || r == 0x7F || r == utf8.RuneError || r > 0x7F && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// Excerpt is the beginning of a text on one line, at most n characters, for
// lines that speak about a message.
func Excerpt(c Content, n int) string {
	line := []rune(strings.Join(strings.Fields(clean(c.Body)), " "))
	if len(line) > n {
		return string(line[:n]) + "..."
	}
	return string(line)
}
