package pages_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"wtvgate/wtvp/service/pages"
)

// tags are what the pages use of HTML 3.2, with their attributes. onsubmit is the one that is younger, and boxes have it.
var tags = map[string]string{
	"html": "", "head": "", "title": "", "body": "bgcolor text link vlink alink", "script": "language",
	"table": "width border cellspacing cellpadding bgcolor", "tr": "", "td": "width colspan align bgcolor",
	"a": "href", "b": "", "i": "", "br": "", "p": "", "font": "size",
	"form": "method action onsubmit", "input": "type name value size maxlength",
}

// empty are those without an end tag.
var empty = []string{"br", "input"}

// oldScript finds what JavaScript 1.1 does not have.
var newScript = regexp.MustCompile(`\\u|\\x|===|=>|\blet\b|\bconst\b|\btry\b|\bpush\b|getElement|XMLHttp`)

// lint lists what a box could not show.
func lint(page []byte) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if len(page) > pages.MaxPage {
		fault("%d bytes", len(page))
	}
	for i, c := range page {
		if c != '\n' && (c < ' ' || c >= 0x7f && c < 0xa0) {
			fault("byte %#x at %d", c, i)
			break
		}
	}
	var open []string
	z := html.NewTokenizer(bytes.NewReader(page))
	for z.Next() != html.ErrorToken {
		switch tok := z.Token(); tok.Type {
		case html.StartTagToken, html.SelfClosingTagToken:
			allowed, ok := tags[tok.Data]
			if !ok {
				fault("tag %s", tok.Data)
			}
			for _, a := range tok.Attr {
				if !slices.Contains(strings.Fields(allowed), a.Key) {
					fault("attribute %s of %s", a.Key, tok.Data)
				}
			}
			faults = append(faults, lintTag(tok)...)
			if !slices.Contains(empty, tok.Data) {
				open = append(open, tok.Data)
			}
		case html.EndTagToken:
			if n := len(open); n == 0 || open[n-1] != tok.Data {
				fault("</%s> inside of %v", tok.Data, open)
			} else {
				open = open[:n-1]
			}
		case html.TextToken:
			faults = append(faults, lintText(tok.Data, open)...)
		default:
			fault("%v %q", tok.Type, tok.Data)
		}
	}
	if len(open) > 0 {
		fault("left open: %v", open)
	}
	return faults
}

// lintTag looks at sizes: the screen is 560 wide, and a body has margins.
func lintTag(tok html.Token) (faults []string) {
	at := attributes(tok)
	for name, most := range map[string]int{"width": 530, "size": 32} {
		n := 0
		if _, err := fmt.Sscanf(at[name], "%d", &n); err == nil && n > most {
			faults = append(faults, fmt.Sprintf("%s of %s is %d", name, tok.Data, n))
		}
	}
	if href := at["href"] + at["action"]; href != "" && !strings.HasPrefix(href, pages.Name+":/") {
		faults = append(faults, "link to "+href)
	}
	return faults
}

func lintText(s string, open []string) (faults []string) {
	if slices.Contains(open, "script") {
		if bad := newScript.FindString(s); bad != "" {
			faults = append(faults, fmt.Sprintf("script with %q", bad))
		}
		return faults
	}
	for _, w := range strings.Fields(s) {
		// The tokenizer reads Windows-1252 as bytes: one is one character.
		if len(w) > pages.MaxAddressLine {
			faults = append(faults, fmt.Sprintf("the word %q does not break", w))
		}
	}
	return faults
}

// shape is a page's tags without its texts.
func shape(page []byte) string {
	var b strings.Builder
	z := html.NewTokenizer(bytes.NewReader(page))
	for z.Next() != html.ErrorToken {
		tok := z.Token()
		if tok.Type == html.TextToken {
			continue
		}
		b.WriteString(tok.Type.String() + " " + tok.Data)
		for _, a := range tok.Attr {
			b.WriteString(" " + a.Key)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestLint(t *testing.T) {
	for page, want := range map[string]string{
		"<html><b>x</b></html>":              "",
		"<html><blink>x</blink></html>":      "tag blink",
		"<b onclick=x>y</b>":                 "attribute onclick of b",
		"<b>x":                               "left open: [b]",
		"<b><i>x</b></i>":                    "</b> inside of [b i]",
		"<p>caf\xe9</p>":                     "",
		"<p>\x80</p>":                        "byte 0x80 at 3",
		"<p>" + strings.Repeat("w", 31):      "does not break",
		"<table width=600></table>":          "width of table is 600",
		"<a href='http://x/'>y</a>":          "link to http://x/",
		"<script>var a='\\u0026'</script>":   `script with "\\u"`,
		strings.Repeat("a ", pages.MaxPage):  "20000 bytes",
		"<!-- x -->":                         "Comment",
		"<input size=80>":                    "size of input is 80",
		"<a href='wtv-messenger:/add'>y</a>": "",
		"<script>var longlonglonglonglonglonglong=1</script>": "",
	} {
		got := strings.Join(lint([]byte(page)), "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%.40q: %q, want %q", page, got, want)
		}
	}
}
