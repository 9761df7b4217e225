package simbox

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	wtvp "wtvgate/wtvp/client"
)

// menuURL is the first of Messenger's pages (docs/pages.md).
const menuURL = "wtv-messenger:/"

func (b *Box) cmdPage(ctx context.Context, args []string) error {
	at := menuURL
	if len(args) > 0 {
		at = args[0]
	}
	return b.visit(ctx, at, nil)
}

// visit fetches a page, by POST with a body, and shows it.
func (b *Box) visit(ctx context.Context, at string, body []byte) error {
	line := b.o.Way.Line()
	if line == nil {
		return errors.New("PC clients have no pages on a TV; sign in as a box")
	}
	if service, _, ok := strings.Cut(at, ":"); !ok || !strings.HasPrefix(service, "wtv-") {
		return fmt.Errorf("%s is not for this box: only addresses such as %s are", Clean(at, maxName), menuURL)
	}
	var answer *wtvp.Response
	var err error
	if body == nil {
		answer, err = line.Get(ctx, at)
	} else {
		answer, err = line.Post(ctx, at, body)
	}
	var status *wtvp.StatusError
	if errors.As(err, &status) {
		return fmt.Errorf("the TV shows an error: %s", status.Text)
	}
	if err != nil {
		return err
	}
	text := answer.Body
	if kind := answer.Header.Value("Content-type"); kind != "" && !strings.HasPrefix(strings.ToLower(kind), "text/html") {
		return fmt.Errorf("that is no page but %s, %d bytes", Clean(kind, maxName), len(text))
	}
	p, err := readPage(at, latin1(text))
	if err != nil {
		return err
	}
	b.page = p
	for _, l := range p.lines {
		b.o.Screen.Line("    TV | " + l)
	}
	if len(p.links)+len(p.forms) > 0 {
		b.tell("%d links [n] for /go n, %d forms {n} for /form n", len(p.links), len(p.forms))
	}
	return nil
}

// latin1 makes UTF-8 of a page as boxes get it (docs/pages.md).
func latin1(p []byte) []byte {
	var b strings.Builder
	for _, c := range p {
		b.WriteRune(rune(c))
	}
	return []byte(b.String())
}

// pick reads a number from 1 to n.
func pick(text string, n int, what string) (int, error) {
	i, err := strconv.Atoi(strings.Trim(text, "[]{}"))
	if err != nil || i < 1 || i > n {
		return 0, fmt.Errorf("the page has %d %s, and none is %s", n, what, Clean(text, maxName))
	}
	return i - 1, nil
}

var errNoPage = errors.New("no page is shown; /page shows one")

func (b *Box) cmdGo(ctx context.Context, args []string) error {
	if b.page == nil {
		return errNoPage
	}
	i, err := pick(args[0], len(b.page.links), "links")
	if err != nil {
		return err
	}
	return b.visit(ctx, b.page.resolve(b.page.links[i]), nil)
}

func (b *Box) cmdForm(ctx context.Context, args []string) error {
	if b.page == nil {
		return errNoPage
	}
	i, err := pick(args[0], len(b.page.forms), "forms")
	if err != nil {
		return err
	}
	f := b.page.forms[i]
	values := url.Values{}
	for name, v := range f.values {
		values[name] = slices.Clone(v)
	}
	for _, a := range args[1:] {
		name, value, ok := strings.Cut(a, "=")
		if !ok || !slices.Contains(f.fields, name) {
			return fmt.Errorf("that form has the fields %s; fill in like FIELD=VALUE", Clean(strings.Join(f.fields, ", "), maxText))
		}
		values.Set(name, value)
	}
	to := b.page.resolve(f.action)
	if f.post {
		return b.visit(ctx, to, []byte(values.Encode()))
	}
	return b.visit(ctx, to+"?"+values.Encode(), nil)
}
