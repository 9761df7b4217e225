package text

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// msn.go: between the plain model and what a box writes or reads.

// FromMSN is what a person typed on a box or PC client: line ends folded to \n,
// control characters gone, no white space at the end.
func FromMSN(s string) Content {
	return Content{Body: clean(s)}
}

// ToMSN is the content as lines for a box, in pieces of at most limit bytes with
// CR LF between lines. Nothing to show gives no piece (lessons L24).
func ToMSN(c Content, limit int) []string {
	body := clean(c.Body)
	if body == "" {
		return nil
	}
	return Split(strings.ReplaceAll(body, "\n", "\r\n"), limit)
}

// Late marks a text that waited: the first thing on its line is when it was
// written, in the gateway's time zone. On another day than now it names the day.
func Late(s string, sent, now time.Time) string {
	layout := "15:04"
	if y, d := sent.Year(), sent.YearDay(); y != now.Year() || d != now.YearDay() {
		layout = "Jan 2, 15:04"
	}
	return "(" + sent.Format(layout) + ") " + s
}

// clean folds line ends and drops control and invisible format characters,
// which a box would show as boxes or choke on. Invalid UTF-8 becomes U+FFFD.
func clean(s string) string {
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
	return strings.TrimRightFunc(s, unicode.IsSpace)
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
