package text

import (
	"html"
	"strings"
)

// to_matrix.go: a content as a Matrix message.

// ToMatrix is the body of an m.text message, and its formatted body where plain
// text would lose something: looks, code, a mention, words that are a link. What
// somebody typed is never read as markup.
func ToMatrix(c Content) (body, formatted string) {
	body = cut(c.Body, MaxInput)
	if !rich(c.Runs) {
		return body, ""
	}
	var b strings.Builder
	for _, x := range c.parts() {
		matrixRun(&b, &x)
		if b.Len() > maxFormatted {
			return body, "" // an event must stay below 64 KiB
		}
	}
	return body, b.String()
}

// maxFormatted is how long a formatted body may get, in bytes: with the body it
// stays below the 64 KiB of an event (matrix.md 11).
const maxFormatted = 24 << 10

// rich tells whether runs say more than their text.
func rich(runs []Run) bool {
	for i := range runs {
		if x := &runs[i]; x.Style != 0 || x.Kind == KindMention && matrixID(x.ID) || x.Kind == KindLink || x.Kind == KindCode || x.Kind == KindBlock {
			return true
		}
	}
	return false
}

// matrixID tells whether a mention is of somebody or something on Matrix.
func matrixID(s string) bool { return strings.HasPrefix(s, "@") || strings.HasPrefix(s, "#") }

// tags are the elements of the styles, outermost first.
var tags = [...]struct {
	bit         Style
	open, close string
}{
	{Spoiler, "<span data-mx-spoiler>", "</span>"}, {Strike, "<del>", "</del>"}, {Underline, "<u>", "</u>"},
	{Bold, "<strong>", "</strong>"}, {Italic, "<em>", "</em>"},
}

// matrixRun writes one run as HTML.
func matrixRun(b *strings.Builder, x *Run) {
	text := strings.Trim(x.Text, " \n")
	at := strings.Index(x.Text, text)
	lead, trail := x.Text[:at], x.Text[at+len(text):]
	b.WriteString(lines(lead))
	for _, t := range tags {
		if x.Style&t.bit != 0 && text != "" {
			b.WriteString(t.open)
		}
	}
	switch {
	case x.Kind == KindMention && matrixID(x.ID):
		b.WriteString(`<a href="https://matrix.to/#/` + html.EscapeString(x.ID) + `">` + html.EscapeString(text) + "</a>")
	case x.Kind == KindLink && (webLink(x.URL) || strings.HasPrefix(x.URL, "mailto:")):
		b.WriteString(`<a href="` + html.EscapeString(x.URL) + `">` + html.EscapeString(text) + "</a>")
	case x.Kind == KindCode:
		b.WriteString("<code>" + html.EscapeString(text) + "</code>")
	case x.Kind == KindBlock:
		b.WriteString("<pre><code>" + html.EscapeString(text) + "</code></pre>")
	case x.Kind == KindEmoji, x.Kind == KindTime, x.Kind == KindFile, x.Kind == KindItem:
		r := renderer{emoji: EmojiKept}
		r.run(&Run{Kind: x.Kind, Text: x.Text, At: x.At, File: x.File})
		b.WriteString(html.EscapeString(r.end()))
		if x.Kind == KindItem {
			b.WriteString(" ")
		}
	default:
		b.WriteString(lines(text))
	}
	for i := len(tags) - 1; i >= 0; i-- {
		if x.Style&tags[i].bit != 0 && text != "" {
			b.WriteString(tags[i].close)
		}
	}
	if x.Kind != KindItem {
		b.WriteString(lines(trail))
	}
}

// lines is text as HTML, its line ends kept.
func lines(s string) string { return strings.ReplaceAll(html.EscapeString(s), "\n", "<br>") }
