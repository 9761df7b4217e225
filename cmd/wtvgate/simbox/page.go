package simbox

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

const (
	// maxPage is how much of a page is read, in bytes: boxes had little memory, and
	// the gateway's own pages keep below 10,000 (docs/pages.md).
	maxPage = 256 << 10
	// maxParts bounds the lines, the links and the forms of a page each.
	maxParts = 500
	// maxDepth bounds how deep elements are nested: pages are walked by recursion.
	maxDepth = 200
)

// page is a page of the TV as text.
type page struct {
	url   string
	lines []string
	links []string // their URLs; link n is [n+1] in the text
	forms []form
}

// form is a form with what it sends unless it is told otherwise.
type form struct {
	action string
	post   bool
	values url.Values
	fields []string // those to fill in
	label  string
}

// readPage makes text of HTML, with [1] behind links and {1} for forms.
func readPage(at string, body []byte) (*page, error) {
	if len(body) > maxPage {
		return nil, fmt.Errorf("the page has %d bytes; a box would not show it", len(body))
	}
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}
	r := reader{page: page{url: at}, form: -1}
	r.walk(root, 0)
	r.end()
	return &r.page, nil
}

// reader makes lines.
type reader struct {
	page
	text strings.Builder
	form int // the one that is open, -1: none
}

// end ends a line; empty ones are left out.
func (r *reader) end() {
	line := strings.Join(strings.Fields(Clean(r.text.String(), maxText)), " ")
	r.text.Reset()
	if line != "" && len(r.lines) < maxParts {
		r.lines = append(r.lines, line)
	}
}

func (r *reader) walk(n *html.Node, depth int) {
	if depth > maxDepth {
		return
	}
	if n.Type == html.TextNode {
		r.text.WriteString(strings.ReplaceAll(n.Data, "\n", " "))
		return
	}
	if n.Type != html.ElementNode && n.Type != html.DocumentNode {
		return
	}
	switch n.Data {
	case "script", "style", "head":
		if t := find(n, "title"); t != nil && t.FirstChild != nil {
			r.text.WriteString("== " + t.FirstChild.Data + " ==")
			r.end()
		}
		return
	case "br":
		r.end()
	case "input", "textarea", "select":
		r.field(n)
	}
	outer := r.form
	if n.Data == "form" {
		r.end()
		r.open(n)
	}
	if block(n.Data) {
		r.end()
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.walk(c, depth+1)
	}
	switch {
	case n.Data == "a":
		r.link(n)
	case n.Data == "td":
		r.text.WriteString("  ")
	case n.Data == "form":
		r.close(outer)
	case block(n.Data):
		r.end()
	}
}

func find(n *html.Node, name string) *html.Node {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && c.Data == name {
			return c
		}
	}
	return nil
}

func block(name string) bool {
	return slices.Contains([]string{"p", "tr", "table", "div", "h1", "h2", "h3", "li", "hr", "body"}, name)
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func (r *reader) link(n *html.Node) {
	to := attr(n, "href")
	if to == "" || len(r.links) >= maxParts {
		return
	}
	r.links = append(r.links, to)
	fmt.Fprintf(&r.text, " [%d]", len(r.links))
}

func (r *reader) open(n *html.Node) {
	if len(r.forms) >= maxParts {
		return
	}
	r.forms = append(r.forms, form{action: attr(n, "action"), post: strings.EqualFold(attr(n, "method"), "post"), values: url.Values{}})
	r.form = len(r.forms) - 1
}

// close shows what a form is for.
func (r *reader) close(outer int) {
	r.end()
	if r.form != outer && r.form >= 0 {
		f := r.forms[r.form]
		line := fmt.Sprintf("{%d} %s", r.form+1, f.label)
		for _, name := range f.fields {
			line += fmt.Sprintf("  %s=%s", name, f.values.Get(name))
		}
		r.text.WriteString(line)
		r.end()
	}
	r.form = outer
}

// field notes what a form sends.
func (r *reader) field(n *html.Node) {
	if r.form < 0 {
		return
	}
	f := &r.forms[r.form]
	name, value := attr(n, "name"), attr(n, "value")
	switch kind := strings.ToLower(attr(n, "type")); {
	case kind == "submit":
		f.label = value
		if name != "" {
			f.values.Set(name, value)
		}
	case name == "" || len(f.values) >= maxParts:
	case kind == "hidden":
		f.values.Set(name, value)
	case kind == "checkbox" || kind == "radio":
		if slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
			f.values.Set(name, value)
		}
		if !slices.Contains(f.fields, name) {
			f.fields = append(f.fields, name)
		}
	default:
		f.values.Set(name, value)
		f.fields = append(f.fields, name)
	}
}

// resolve makes a URL of a service of one that may be relative to the page.
func (p *page) resolve(to string) string {
	if service, _, ok := strings.Cut(to, ":"); ok && !strings.ContainsAny(service, "/?#") {
		return to
	}
	service, path, _ := strings.Cut(p.url, ":")
	if strings.HasPrefix(to, "/") {
		return service + ":" + to
	}
	path, _, _ = strings.Cut(path, "?")
	return service + ":" + path[:strings.LastIndexByte(path, '/')+1] + to
}
