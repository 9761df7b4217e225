package text

import (
	"strings"
	"unicode"
)

// to_discord.go: a content as a Discord message in which nothing is markup but
// what we make so (discord.md 7.4).

// DiscordLimit is the longest message on Discord, in characters, markup and
// backslashes counted (discord.md 4.1). Pieces are counted in bytes, of which a
// character has at least one.
const DiscordLimit = 2000

// ToDiscord is the content in pieces that Discord takes; none if there is nothing
// but blanks, which it refuses. Mentions are real where a run says whose; all
// other text is inert.
func ToDiscord(c Content) []string {
	var b strings.Builder
	for _, x := range c.parts() {
		discordRun(&b, &x)
		if b.Len() > maxOutput {
			break
		}
	}
	return Split(strings.TrimSpace(b.String()), DiscordLimit)
}

// discordMarks are the marks of the styles, outermost first.
var discordMarks = [...]struct {
	bit  Style
	mark string
}{{Spoiler, "||"}, {Strike, "~~"}, {Underline, "__"}, {Bold, "**"}, {Italic, "*"}}

// discordRun writes one run. It is at a line's start if nothing or a line end was
// written before.
func discordRun(b *strings.Builder, x *Run) {
	switch {
	case x.Kind == KindMention && digits(x.ID):
		mark := "<@"
		if strings.HasPrefix(x.Text, "#") {
			mark = "<#"
		}
		b.WriteString(mark + x.ID + ">")
		return
	case x.Kind == KindEmoji, x.Kind == KindTime, x.Kind == KindFile, x.Kind == KindLink:
		r := renderer{emoji: EmojiKept}
		r.run(&Run{Kind: x.Kind, Text: x.Text, At: x.At, File: x.File, URL: x.URL})
		b.WriteString(inert(r.end(), atStart(b)))
		return
	}
	text := clean(strings.ReplaceAll(x.Text, "\r\n", "\n"))
	text += x.Text[len(strings.TrimRightFunc(x.Text, unicode.IsSpace)):]
	core := strings.TrimSpace(text)
	if x.Style == 0 || core == "" {
		b.WriteString(inert(text, atStart(b)))
		return
	}
	i := strings.Index(text, core)
	b.WriteString(text[:i])
	for _, m := range discordMarks {
		if x.Style&m.bit != 0 {
			b.WriteString(m.mark)
		}
	}
	b.WriteString(inert(core, true))
	for j := len(discordMarks) - 1; j >= 0; j-- {
		if m := discordMarks[j]; x.Style&m.bit != 0 {
			b.WriteString(m.mark)
		}
	}
	b.WriteString(text[i+len(core):])
}

func atStart(b *strings.Builder) bool {
	return b.Len() == 0 || strings.HasSuffix(b.String(), "\n")
}

// inert is text in which Discord finds no markup and nobody to notify. Start:
// its first line begins a line.
func inert(s string, start bool) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/8)
	for i := 0; i < len(s); {
		if start {
			start = false
			if n := lineEscape(s[i:]); n >= 0 {
				b.WriteString(s[i : i+n])
				b.WriteByte('\\')
				b.WriteByte(s[i+n])
				i += n + 1
				continue
			}
		}
		c := s[i]
		switch {
		case (c|0x20) == 'h' && linkAt(s, i):
			n := linkLen(s[i:])
			b.WriteString(inertLink(s[i : i+n]))
			i += n
			continue
		case c == '@' && (hasWord(s[i+1:], "everyone") || hasWord(s[i+1:], "here")):
			b.WriteString("@\u200B")
		case strings.IndexByte("\\*_~|`<[", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteByte(c)
			start = true
		default:
			b.WriteByte(c)
		}
		i++
	}
	return b.String()
}

// hasWord tells whether s begins with a word, in any case.
func hasWord(s, word string) bool {
	return len(s) >= len(word) && strings.EqualFold(s[:len(word)], word)
}

// lineEscape is where the beginning of a line needs a backslash; -1 for nowhere.
func lineEscape(s string) int {
	t := strings.TrimLeft(s, " ")
	at := len(s) - len(t)
	for _, mark := range [...]string{"# ", "## ", "### ", "-# ", "- ", "+ ", "> ", ">>> "} {
		if strings.HasPrefix(t, mark) {
			return at
		}
	}
	if n := len(t) - len(strings.TrimLeft(t, "0123456789")); n > 0 && n <= 9 && strings.HasPrefix(t[n:], ". ") {
		return at + n
	}
	return -1
}

// inertLink is an address that stays one link: no backslash may be put into it,
// so what could reach beyond it is percent-encoded.
func inertLink(u string) string {
	if !strings.ContainsAny(u, "@`") {
		return u
	}
	u = strings.ReplaceAll(u, "`", "%60")
	var b strings.Builder
	for i := 0; i < len(u); i++ {
		if u[i] == '@' && (hasWord(u[i+1:], "everyone") || hasWord(u[i+1:], "here")) {
			b.WriteString("%40")
			continue
		}
		b.WriteByte(u[i])
	}
	return b.String()
}
