package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"reflect"
	"strings"
	"text/template/parse"
	"unicode/utf8"
)

//go:embed templates/*.html
var files embed.FS

// renderer is the one way from a view to the bytes of a page.
type renderer struct {
	t     *template.Template
	latin func(string) string
}

// newRenderer reads the templates; they are part of the program, so that it fails only in tests. latin writes any text with
// letters of Latin-1.
func newRenderer(latin func(string) string) (*renderer, error) {
	if latin == nil {
		latin = questionMarks
	}
	r := &renderer{latin: latin}
	t, err := template.New("").Funcs(template.FuncMap{
		"latin": r.latinValue, "soft": r.soft, "short": r.short, "lines": lines, "hex": r.hex, "arg": arg,
	}).ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("pages: templates: %w", err)
	}
	for _, each := range t.Templates() {
		if each.Tree != nil { // all but the nameless one
			throughLatin(each.Tree, each.Tree.Root)
		}
	}
	r.t = t
	return r, nil
}

// throughLatin sends every value that a template writes through latin, before html/template adds its escaping behind it: what a
// letter is written with may be markup (U+2039 is <).
func throughLatin(tree *parse.Tree, n parse.Node) {
	each := func(list *parse.ListNode) {
		if list == nil {
			return
		}
		for _, n := range list.Nodes {
			throughLatin(tree, n)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		each(n)
	case *parse.IfNode:
		each(n.List)
		each(n.ElseList)
	case *parse.WithNode:
		each(n.List)
		each(n.ElseList)
	case *parse.RangeNode:
		each(n.List)
		each(n.ElseList)
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			latin := parse.NewIdentifier("latin").SetPos(n.Pos).SetTree(tree)
			n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{latin}})
		}
	}
}

// page makes the bytes of a page in Windows-1252. The 27 characters that it has beyond Latin-1 are not used, so that it does not
// matter which of the two a firmware means.
func (r *renderer) page(name string, view any) ([]byte, error) {
	var b bytes.Buffer
	if err := r.t.ExecuteTemplate(&b, name, view); err != nil {
		return nil, fmt.Errorf("pages: %s: %w", name, err)
	}
	page := encode(b.String())
	if len(page) > MaxPage {
		return nil, fmt.Errorf("pages: %s has %d bytes, more than %d", name, len(page), MaxPage)
	}
	return page, nil
}

// encode writes a text in the bytes that a box reads. What the letters of Latin-1 cannot say is gone by now.
func encode(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, c := range s {
		switch {
		case c == '\n' || c >= ' ' && c < 0x7f || c >= 0xa0 && c <= 0xff:
			b = append(b, byte(c))
		default:
			b = append(b, '?')
		}
	}
	return b
}

// questionMarks is latin without a transliteration.
func questionMarks(s string) string {
	return strings.Map(func(c rune) rune {
		if c > 0xff {
			return '?'
		}
		return c
	}, s)
}

// ascii tells of texts that every box can show as they are.
func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// line is a text on one line in the letters of Latin-1.
func (r *renderer) line(s string) string {
	if ascii(s) {
		return s
	}
	return strings.Join(strings.Fields(r.latin(s)), " ")
}

// latinValue is line for whatever a template writes.
func (r *renderer) latinValue(v any) any {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.String {
		return r.line(rv.String())
	}
	return v
}

// soft gives a text places to break: no word has more than MaxWord characters, no address among them has a line with more than
// MaxAddressLine.
func (r *renderer) soft(s string) string {
	words := strings.Fields(r.line(s))
	for i, w := range words {
		pieces := cut
		if strings.Contains(w, "@") {
			pieces = func(w string, _ int) []string { return lines(w) }
		}
		words[i] = strings.Join(pieces(w, MaxWord), " ")
	}
	return strings.Join(words, " ")
}

// maxListed is how much of a name, and of an address, a list shows, in characters: with it eight of the worst, each character of
// which is written as five, fit a page.
const maxListed = 44

// short is what a list shows of a text.
func (r *renderer) short(s string) string {
	s = r.line(s)
	if n := utf8.RuneCountInString(s); n > maxListed {
		s = strings.TrimRight(cut(s, maxListed-3)[0], " ") + "..."
	}
	return s
}

// lines breaks an address after its @ and, if a part is long, where a line ends. The browser puts no blank into it.
func lines(address string) []string {
	if utf8.RuneCountInString(address) <= MaxAddressLine {
		return []string{address}
	}
	local, domain, ok := strings.Cut(address, "@")
	if !ok {
		return cut(address, MaxAddressLine)
	}
	return append(cut(local+"@", MaxAddressLine), cut(domain, MaxAddressLine)...)
}

// cut makes pieces of at most n characters; an empty text is one empty piece.
func cut(s string, n int) []string {
	var all []string
	for utf8.RuneCountInString(s) > n {
		i := 0
		for range n {
			_, size := utf8.DecodeRuneInString(s[i:])
			i += size
		}
		all, s = append(all, s[:i]), s[i:]
	}
	if s != "" || len(all) == 0 {
		all = append(all, s)
	}
	return all
}

// hex writes a text so that unescape() of the oldest JavaScript, and a URL, have it back. The escapes that html/template would
// write are younger than the boxes.
func (r *renderer) hex(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range encode(r.line(s)) {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// arg hands several values to a template: name, value, name, value.
func arg(pairs ...any) (map[string]any, error) {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		k, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("arg: %v is no name", pairs[i])
		}
		m[k] = pairs[i+1]
	}
	return m, nil
}
