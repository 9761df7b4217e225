package text

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// html.go: Matrix's HTML as runs. Tags are read one after the other and never
// made into a tree: what is wrongly nested still is text, and there is nothing
// that a hostile message could make deep.

const (
	// maxDepth is how many open elements are remembered; those below only give
	// their text.
	maxDepth = 100
	// maxIndent is how deep lists are indented.
	maxIndent = 3
)

// hypertext reads HTML. Its zero value is ready but for the tokenizer.
type hypertext struct {
	z      *html.Tokenizer
	person func(string) (string, bool)
	out    []Run
	stack  []element
	skip   int  // elements open whose content is not shown
	pre    int  // elements open where blanks count
	blank  bool // a blank is owed before the next word
	lines  int  // line ends are owed: 1 a new line, 2 a blank line between
}

// element is an open element.
type element struct {
	tag   atom.Atom
	style Style
	quote int
	count int // of an ordered list: its next number
	item  bool
	href  string
	from  int // of a link: the first of its runs
}

// fromHTML reads a message's HTML; nothing if there is no text in it.
func fromHTML(s string, person func(string) (string, bool)) []Run {
	h := hypertext{z: html.NewTokenizer(strings.NewReader(s)), person: person}
	h.z.SetMaxBuf(MaxInput + 1)
	for len(h.out) < maxRuns {
		switch h.z.Next() {
		case html.ErrorToken:
			h.closeAll()
			return h.out
		case html.TextToken:
			h.text(string(h.z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			h.start()
		case html.EndTagToken:
			name, _ := h.z.TagName()
			if tag := atom.Lookup(name); tag != 0 {
				h.end(tag)
			} else if string(name) == "mx-reply" {
				h.end(hidden)
			}
		}
	}
	h.closeAll()
	return h.out
}

// top is the innermost element's state.
func (h *hypertext) top() element {
	if n := len(h.stack); n > 0 {
		return h.stack[n-1]
	}
	return element{}
}

// attributes reads those that matter of the tag that begins.
func (h *hypertext) attributes() map[string]string {
	var out map[string]string
	for {
		k, v, more := h.z.TagAttr()
		switch name := string(k); name {
		case "href", "alt", "title", "start", "data-mx-emoticon", "data-mx-spoiler", "data-mx-maths":
			if out == nil {
				out = make(map[string]string, 2)
			}
			if _, twice := out[name]; !twice {
				out[name] = string(v)
			}
		}
		if !more {
			return out
		}
	}
}

// styles are the tags that only look.
var styles = map[atom.Atom]Style{
	atom.B: Bold, atom.Strong: Bold, atom.H1: Bold, atom.H2: Bold, atom.H3: Bold, atom.H4: Bold, atom.H5: Bold, atom.H6: Bold,
	atom.I: Italic, atom.Em: Italic, atom.Cite: Italic, atom.U: Underline, atom.Ins: Underline,
	atom.S: Strike, atom.Strike: Strike, atom.Del: Strike,
}

// gap is how many line ends stand around an element. Paragraphs have a blank line
// between them, except in lists: a TV has few lines.
func (h *hypertext) gap(t atom.Atom) int {
	switch t {
	case atom.P:
		if slices.ContainsFunc(h.stack, func(e element) bool { return e.tag == atom.Li }) {
			return 1
		}
		return 2
	case atom.Div, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Li, atom.Pre,
		atom.Blockquote, atom.Table, atom.Tr, atom.Caption, atom.Details, atom.Summary, atom.Hr:
		return 1
	}
	return 0
}

// start handles the beginning of an element.
func (h *hypertext) start() {
	raw, hasAttr := h.z.TagName()
	name := string(raw)
	tag := atom.Lookup(raw)
	var attr map[string]string
	if hasAttr {
		attr = h.attributes()
	}
	switch tag {
	case atom.Br:
		h.br()
		return
	case atom.Hr:
		h.owe(1)
		h.word(Run{Text: "---"})
		h.owe(1)
		return
	case atom.Img:
		h.image(attr)
		return
	case atom.Input, atom.Meta, atom.Link, atom.Wbr, atom.Source, atom.Col, atom.Base:
		return
	}
	if len(h.stack) >= maxDepth {
		return
	}
	h.owe(h.gap(tag))
	e := h.top()
	e.tag, e.count, e.item, e.href = tag, 0, false, ""
	e.style |= styles[tag]
	switch {
	case name == "mx-reply" || tag == atom.Script || tag == atom.Style || tag == atom.Title:
		e.tag = hidden
		h.skip++
	case tag == atom.Blockquote:
		e.quote++
	case tag == atom.Pre:
		h.pre++
	case tag == atom.A:
		e.href, e.from = attr["href"], len(h.out)
	case tag == atom.Ol:
		e.count = 1
		if n, err := strconv.Atoi(attr["start"]); err == nil && n >= 0 && n < 1e6 {
			e.count = n
		}
	case tag == atom.Li:
		h.item()
	case tag == atom.Td || tag == atom.Th:
		h.cell()
	}
	if _, ok := attr["data-mx-spoiler"]; ok {
		e.style |= Spoiler
	}
	h.stack = append(h.stack, e)
}

// hidden stands for an element whose content is not shown.
const hidden atom.Atom = 1 << 31

// end handles the end of an element, and with it of those left open inside.
func (h *hypertext) end(tag atom.Atom) {
	if tag == atom.Script || tag == atom.Style || tag == atom.Title {
		tag = hidden
	}
	at := -1
	for i := len(h.stack) - 1; i >= 0; i-- {
		if h.stack[i].tag == tag {
			at = i
			break
		}
	}
	if at < 0 {
		if tag == atom.P { // an end alone is a paragraph
			h.owe(2)
		}
		return
	}
	for len(h.stack) > at {
		h.pop()
	}
}

// pop closes the innermost element.
func (h *hypertext) pop() {
	e := h.top()
	h.stack = h.stack[:len(h.stack)-1]
	switch e.tag {
	case hidden:
		h.skip--
	case atom.Pre:
		h.pre--
	case atom.A:
		h.anchor(e)
	}
	h.owe(h.gap(e.tag))
}

func (h *hypertext) closeAll() {
	for len(h.stack) > 0 {
		h.pop()
	}
}

// anchor makes one run of a link's words.
func (h *hypertext) anchor(e element) {
	if e.from >= len(h.out) || e.href == "" {
		return
	}
	var words strings.Builder
	for _, x := range h.out[e.from:] {
		words.WriteString(x.Text)
	}
	lead := ""
	if w := words.String(); strings.HasPrefix(w, "\n") || strings.HasPrefix(w, " ") {
		lead = w[:len(w)-len(strings.TrimLeft(w, " \n"))]
	}
	first := h.out[e.from]
	x := Run{Kind: KindLink, Text: oneLine(words.String()), Style: first.Style, Quote: first.Quote, URL: strings.TrimSpace(e.href)}
	if user, ok := pill(x.URL); ok {
		x.Kind, x.URL, x.ID = KindMention, "", user
		if h.person != nil && strings.HasPrefix(x.Text, "@") && strings.Contains(x.Text, ":") {
			if name, _ := h.person(user); name != "" {
				x.Text = name
			}
		}
	} else if !webLink(x.URL) && !strings.HasPrefix(x.URL, "mailto:") {
		return // the words, without what could not be opened anyway
	}
	h.out = h.out[:e.from]
	if lead != "" {
		h.out = append(h.out, Run{Text: lead, Quote: x.Quote})
	}
	if x.Text != "" {
		h.out = append(h.out, x)
	}
}

// image is a network's own emoji, or a picture's words.
func (h *hypertext) image(attr map[string]string) {
	name := attr["alt"]
	if name == "" {
		name = attr["title"]
	}
	name = oneLine(name)
	if _, ok := attr["data-mx-emoticon"]; ok {
		if name = strings.Trim(name, ":"); name != "" {
			h.word(Run{Kind: KindEmoji, Text: name})
		}
		return
	}
	h.word(Run{Kind: KindFile, File: &Attachment{Kind: Picture, Name: name}})
}

// item begins an item of the innermost list.
func (h *hypertext) item() {
	mark, depth := "- ", -1
	for i := range h.stack {
		if t := h.stack[i].tag; t == atom.Ul || t == atom.Ol {
			depth++
		}
	}
	for i := len(h.stack) - 1; i >= 0; i-- {
		if l := &h.stack[i]; l.tag == atom.Ol {
			mark = strconv.Itoa(l.count) + ". "
			l.count++
			break
		} else if l.tag == atom.Ul {
			break
		}
	}
	h.word(Run{Kind: KindItem, Text: strings.Repeat("  ", min(max(depth, 0), maxIndent)) + mark})
	h.blank = false
}

// cell keeps the cells of a table apart.
func (h *hypertext) cell() {
	if h.lines == 0 && len(h.out) > 0 {
		h.word(Run{Text: " | "})
		h.blank = false
	}
}

// owe asks for n line ends before the next word.
func (h *hypertext) owe(n int) {
	if n > 0 && h.skip == 0 && len(h.out) > 0 && h.out[len(h.out)-1].Kind != KindItem {
		h.lines, h.blank = max(h.lines, n), false
	}
}

// br ends the line at once.
func (h *hypertext) br() {
	if h.skip == 0 {
		h.pay()
		h.append(Run{Text: "\n"})
		h.blank = false
	}
}

// pay writes the line ends that are owed.
func (h *hypertext) pay() {
	if h.lines > 0 {
		q := 0
		if len(h.out) > 0 {
			q = min(h.out[len(h.out)-1].Quote, h.top().quote)
		}
		h.out = append(h.out, Run{Text: "\n\n"[:h.lines], Quote: q})
		h.lines, h.blank = 0, false
	}
}

// word writes a run after what is owed.
func (h *hypertext) word(x Run) {
	if h.skip > 0 {
		return
	}
	h.pay()
	if h.blank { // it belongs to what the words on both sides stand in
		sep, e := Run{Text: " "}, h.top()
		if n := len(h.out); n > 0 {
			sep.Style, sep.Quote = e.style&h.out[n-1].Style, e.quote
		}
		if sep.Style == e.style {
			h.append(sep)
		} else {
			h.out = append(h.out, sep)
		}
		h.blank = false
	}
	h.append(x)
}

// append adds a run in the innermost element's looks.
func (h *hypertext) append(x Run) {
	e := h.top()
	x.Style, x.Quote = e.style, e.quote
	if n := len(h.out); n > e.from && n > 0 && x.Kind == h.out[n-1].Kind && (x.Kind == KindText || x.Kind == KindCode || x.Kind == KindBlock) &&
		h.out[n-1].Style == x.Style && h.out[n-1].Quote == x.Quote {
		h.out[n-1].Text += x.Text
		return
	}
	h.out = append(h.out, x)
}

// text handles characters between tags.
func (h *hypertext) text(s string) {
	s = strings.Map(visible, s)
	if h.skip > 0 || s == "" {
		return
	}
	if h.pre > 0 {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		if n := len(h.stack); h.lines > 0 || n > 0 && len(h.out) == 0 {
			s = strings.TrimPrefix(s, "\n")
		}
		if s != "" {
			h.word(Run{Kind: KindBlock, Text: s})
		}
		return
	}
	if folded := oneLine(s); folded != "" {
		if blank(s[0]) && h.lines == 0 && len(h.out) > 0 {
			h.blank = true
		}
		kind := KindText
		for i := range h.stack {
			if h.stack[i].tag == atom.Code {
				kind = KindCode
			}
		}
		h.word(Run{Kind: kind, Text: folded})
		h.blank = blank(s[len(s)-1])
	} else if h.lines == 0 && len(h.out) > 0 {
		h.blank = true
	}
}

// visible drops the control characters that are no white space.
func visible(c rune) rune {
	if unicode.IsControl(c) && (c > 0x7F || !blank(byte(c))) {
		return -1
	}
	return c
}

// blank tells of the white space of HTML.
func blank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }
