package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// markdown.go: Discord's dialect of markdown as runs (discord.md 7.2). It is no
// CommonMark: one line end is a line end, there are no indented blocks, no
// tables, and _ is not * .

// maxNesting is how deep styles are read in each other; deeper marks stay text.
const maxNesting = 8

// markdown reads one message.
type markdown struct {
	x        *DiscordContext
	mentions []DiscordUser
	out      []Run
}

// markdown reads a text with its mentions.
func (x *DiscordContext) markdown(s string, mentions []DiscordUser) []Run {
	s = strings.TrimSpace(cut(s, MaxInput))
	if s == "" {
		return nil
	}
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	p := markdown{x: x, mentions: mentions}
	for s != "" {
		before, code, after, ok := fence(s)
		if !ok {
			p.lines(s)
			break
		}
		p.lines(before)
		p.freshLine()
		p.out = append(p.out, Run{Kind: KindBlock, Text: code})
		if s = strings.TrimPrefix(strings.TrimLeft(after, " "), "\n"); s != "" {
			p.out = append(p.out, Run{Text: "\n"})
		}
	}
	return p.out
}

// freshLine ends the line if something is on it.
func (p *markdown) freshLine() {
	if n := len(p.out); n > 0 && !strings.HasSuffix(p.out[n-1].Text, "\n") {
		p.out = append(p.out, Run{Text: "\n"})
	}
}

// fence finds the first block of code and takes its marks and language off.
func fence(s string) (before, code, after string, ok bool) {
	const mark = "```"
	a := strings.Index(s, mark)
	if a < 0 || a > 0 && s[a-1] == '\\' {
		return "", "", "", false
	}
	b := strings.Index(s[a+len(mark):], mark)
	if b < 0 {
		return "", "", "", false
	}
	code = s[a+len(mark) : a+len(mark)+b]
	if lang, rest, more := strings.Cut(code, "\n"); more && strings.TrimFunc(lang, isLanguage) == "" {
		code = rest
	}
	code = strings.TrimRight(code, "\n ")
	return s[:a], code, s[a+2*len(mark)+b:], strings.TrimSpace(code) != ""
}

// isLanguage tells of the characters of a code block's language.
func isLanguage(c rune) bool {
	return c == '+' || c == '-' || c == '#' || c == '.' || c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c)
}

// lines reads what is not in a block of code, line by line; lines without marks
// are read together, because a style may go over line ends.
func (p *markdown) lines(s string) {
	if s == "" {
		return
	}
	var plain []string
	flush := func(quote int) {
		if len(plain) > 0 {
			p.inline(strings.Join(plain, ""), 0, quote)
			plain = plain[:0]
		}
	}
	quote, rest := 0, false
	all := strings.Split(s, "\n")
	for i, line := range all {
		q := quote
		if !rest {
			q = 0
			if after, ok := strings.CutPrefix(line, ">>> "); ok {
				line, q, rest = after, 1, true
			} else if after, ok := strings.CutPrefix(line, "> "); ok {
				line, q = after, 1
			}
		}
		if q != quote {
			flush(quote)
			quote = q
		}
		mark, style, text := lineMark(line)
		if mark != "" || style != 0 || text != line {
			flush(quote)
			if mark != "" {
				p.out = append(p.out, Run{Kind: KindItem, Text: mark, Quote: quote})
			}
			p.inline(text, style, quote)
			if i < len(all)-1 {
				p.out = append(p.out, Run{Text: "\n", Quote: quote})
			}
			continue
		}
		if i < len(all)-1 {
			line += "\n"
		}
		plain = append(plain, line)
	}
	flush(quote)
}

// lineMark takes off what makes a line a heading, small print or an item.
func lineMark(line string) (mark string, style Style, text string) {
	for _, h := range [...]string{"# ", "## ", "### ", "-# "} {
		if t, ok := strings.CutPrefix(line, h); ok {
			if h != "-# " {
				style = Bold
			}
			return "", style, t
		}
	}
	t := strings.TrimLeft(line, " ")
	indent := min(len(line)-len(t), 2*maxIndent)
	for _, b := range [...]string{"- ", "* "} {
		if item, ok := strings.CutPrefix(t, b); ok && strings.TrimSpace(item) != "" {
			return line[:indent] + "- ", 0, item
		}
	}
	return "", 0, line
}

// inliner reads the marks within lines.
type inliner struct {
	p      *markdown
	s      string
	style  Style
	quote  int
	depth  int
	plain  int             // where text begins that is not yet written
	closed map[string]bool // marks that do not come again: what was looked for once is not looked for twice
}

// inline reads marks and writes runs.
func (p *markdown) inline(s string, style Style, quote int) {
	(&inliner{p: p, s: s, style: style, quote: quote}).read()
}

// emit writes a run in the current looks.
func (n *inliner) emit(x Run) {
	if len(n.p.out) < maxRuns {
		x.Style |= n.style
		x.Quote = n.quote
		n.p.out = append(n.p.out, x)
	}
}

// flush writes the text before i.
func (n *inliner) flush(i int) {
	if n.plain < i {
		n.emit(Run{Text: n.s[n.plain:i]})
	}
	n.plain = i
}

func (n *inliner) read() {
	s := n.s
	for i := 0; i < len(s); {
		k := 0
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && punctuation(s[i+1]):
			n.flush(i)
			n.plain = i + 1
			k = 2
			if s[i+1] == '\\' || s[i+1] == '`' {
				n.flush(i + 2)
			}
		case c == '`':
			k = n.code(i)
		case c == '<':
			k = n.tag(i)
		case c == '[':
			k = n.masked(i)
		case (c|0x20) == 'h' && linkAt(s, i):
			k = n.address(i)
		case strings.IndexByte("*_~|", c) >= 0:
			k = n.styled(i)
		}
		i += max(k, 1)
	}
	n.flush(len(s))
}

// punctuation tells of ASCII that a backslash can escape.
func punctuation(c byte) bool {
	return c > ' ' && c < 0x7F && !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z')
}

// code reads code between equal numbers of ticks.
func (n *inliner) code(i int) int {
	ticks := len(n.s[i:]) - len(strings.TrimLeft(n.s[i:], "`"))
	mark := n.s[i : i+ticks]
	if n.closed[mark] {
		return ticks
	}
	for j := i + ticks; ; {
		k := strings.Index(n.s[j:], mark)
		if k < 0 {
			n.never(mark)
			return ticks
		}
		j += k
		run := len(n.s[j:]) - len(strings.TrimLeft(n.s[j:], "`"))
		if run == ticks && j > i+ticks {
			n.flush(i)
			n.emit(Run{Kind: KindCode, Text: n.s[i+ticks : j]})
			n.plain = j + ticks
			return n.plain - i
		}
		j += run
	}
}

// never notes that a mark has no end in what is left.
func (n *inliner) never(mark string) {
	if n.closed == nil {
		n.closed = make(map[string]bool)
	}
	n.closed[mark] = true
}

// Marks of styles, longest first.
var marks = [...]struct {
	mark  string
	style Style
}{{"**", Bold}, {"__", Underline}, {"~~", Strike}, {"||", Spoiler}, {"*", Italic}, {"_", Italic}}

// styled reads text between two equal marks.
func (n *inliner) styled(i int) int {
	for _, m := range marks {
		if !strings.HasPrefix(n.s[i:], m.mark) {
			continue
		}
		if n.closed[m.mark] || n.depth >= maxNesting || !opens(n.s, i, m.mark) {
			continue
		}
		end := n.closing(i+len(m.mark), m.mark)
		if end < 0 {
			n.never(m.mark)
			continue
		}
		n.flush(i)
		inner := inliner{p: n.p, s: n.s[i+len(m.mark) : end], style: n.style | m.style, quote: n.quote, depth: n.depth + 1}
		inner.read()
		n.plain = end + len(m.mark)
		return n.plain - i
	}
	k := 1
	for i+k < len(n.s) && n.s[i+k] == n.s[i] {
		k++
	}
	return k
}

// opens tells whether a mark at s[i] can begin a style: * not before a blank, _
// not within a word.
func opens(s string, i int, mark string) bool {
	next, _ := utf8.DecodeRuneInString(s[i+len(mark):])
	switch mark {
	case "*":
		return !unicode.IsSpace(next) && next != utf8.RuneError
	case "_":
		prev, _ := utf8.DecodeLastRuneInString(s[:i])
		return !wordly(prev) && next != utf8.RuneError && !unicode.IsSpace(next)
	}
	return true
}

// wordly tells of the characters of words.
func wordly(c rune) bool { return c != utf8.RuneError && (unicode.IsLetter(c) || unicode.IsDigit(c)) }

// closing finds the end of a style that begins before from; -1 if there is none.
func (n *inliner) closing(from int, mark string) int {
	s := n.s
	for i := from; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '`':
			ticks := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
			if k := strings.Index(s[i+ticks:], s[i:i+ticks]); k >= 0 && k < maxSpan {
				i += ticks + k
			}
			i += ticks - 1
		case i > from && strings.HasPrefix(s[i:], mark) && closes(s, i, mark):
			return i
		case len(mark) == 1 && s[i] == mark[0] && i+1 < len(s) && s[i+1] == mark[0]:
			for i+1 < len(s) && s[i+1] == mark[0] { // a longer mark is another's
				i++
			}
		}
	}
	return -1
}

// maxSpan is how long code within a style may be, in bytes.
const maxSpan = 1000

// closes tells whether the mark at s[i] can end a style.
func closes(s string, i int, mark string) bool {
	after := i + len(mark)
	prev, _ := utf8.DecodeLastRuneInString(s[:i])
	next, _ := utf8.DecodeRuneInString(s[after:])
	switch mark {
	case "*":
		return !unicode.IsSpace(prev) && next != '*' && s[i-1] != '*'
	case "_":
		return !wordly(next) && next != '_' && s[i-1] != '_'
	}
	return mark == "~~" || mark == "||" || next != rune(mark[0])
}

// address reads a link, which no mark may be read in.
func (n *inliner) address(i int) int {
	k := linkLen(n.s[i:])
	u := n.s[i : i+k]
	if words, ok := n.p.x.messageLink(u); ok {
		n.flush(i)
		n.emit(Run{Text: words})
		n.plain = i + k
	}
	return k
}

// masked reads [words](address).
func (n *inliner) masked(i int) int {
	if n.closed["]("] {
		return 1
	}
	end := strings.Index(n.s[i:], "](")
	if end < 0 {
		n.never("](")
		return 1
	}
	words := n.s[i+1 : i+end]
	u, _, ok := strings.Cut(n.s[i+end+2:min(len(n.s), i+end+2+maxAddress)], ")")
	size := end + 2 + len(u) + 1
	u = strings.TrimSuffix(strings.TrimPrefix(u, "<"), ">")
	if !ok || words == "" || strings.ContainsAny(words, "[]\n") || !webLink(u) {
		return 1
	}
	n.flush(i)
	n.emit(Run{Kind: KindLink, Text: unescape(words), URL: u})
	n.plain = i + size
	return size
}

// maxAddress is the longest masked address, in bytes, as browsers take them.
const maxAddress = 2048

// unescape takes backslashes and simple marks off a link's words.
func unescape(s string) string {
	return strings.NewReplacer(`\*`, "*", `\_`, "_", `\[`, "[", `\]`, "]", "**", "", "__", "", "`", "").Replace(s)
}
