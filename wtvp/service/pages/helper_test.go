package pages_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"wtvgate/bridge/text"
	"wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/service"
	"wtvgate/wtvp/service/pages"
)

var key = sec.Key{0x31, 0x41, 0x59, 0x26, 0x53, 0x58, 0x97, 0x93}

const ssid = "81a7b50070b002bf"

// book is an account in memory: it implements pages.Backend for the box with ssid and pages.Account.
type book struct {
	mu    sync.Mutex
	me    pages.Overview
	all   map[string]pages.Contact
	edits []pages.Edit
	self  bool  // of Unlinked
	fail  error // of every call
}

func newBook(contacts ...pages.Contact) *book {
	b := &book{all: map[string]pages.Contact{}, me: pages.Overview{
		Address: "alice@webtv.local", Name: "Alice", Accounts: "webtv.local", SignedIn: true, Matrix: true, Discord: true,
		Networks: []pages.Network{{Name: "Matrix", Up: true, Since: time.Date(2026, 11, 22, 9, 5, 0, 0, time.UTC)}, {Name: "Discord"}},
	}}
	for _, c := range contacts {
		b.all[c.Address] = c
	}
	return b
}

func (b *book) Account(_ context.Context, x service.Box) (pages.Account, error) {
	if x.SSID != ssid || x.UserID != 0 {
		return nil, &pages.Unlinked{SelfService: b.self}
	}
	return b, b.fail
}

func (b *book) Overview(context.Context) (pages.Overview, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.me, b.fail
}

func (b *book) Contacts(context.Context) ([]pages.Contact, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.all), func(a, c pages.Contact) int { return cmp.Compare(a.Address, c.Address) }), b.fail
}

func (b *book) Find(_ context.Context, typed string) (pages.Contact, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, ok := b.all[typed]; ok {
		return c, b.fail
	}
	if !strings.Contains(typed, "@") {
		return pages.Contact{}, &pages.Problem{Text: "There is nobody with the address " + typed + "."}
	}
	return pages.Contact{Address: typed, Name: typed, Network: "Matrix"}, b.fail
}

func (b *book) Edit(_ context.Context, e pages.Edit) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.edits = append(b.edits, e)
	c, ok := b.all[e.Address]
	if !ok {
		c = pages.Contact{Address: e.Address, Name: e.Address}
	}
	switch e.Do {
	case pages.Add:
		if len(b.all) > 600 {
			return &pages.Problem{Text: "Your list is full. Remove somebody first."}
		}
		c.Friend, c.Allowed, c.Blocked = true, true, false
	case pages.Remove:
		c.Friend, c.Allowed = false, false
	case pages.Block:
		c.Allowed, c.Blocked = false, true
	case pages.Unblock:
		c.Allowed, c.Blocked = true, false
	case pages.Rename:
		c.Name = e.Name
	default:
		return errors.New("unknown verb")
	}
	b.all[e.Address] = c
	return b.fail
}

func (b *book) SetClosed(_ context.Context, closed bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.me.Closed = closed
	return b.fail
}

func (b *book) Rename(_ context.Context, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.me.Name = name
	return b.fail
}

func (b *book) get(address string) pages.Contact {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all[address]
}

// latin is what the gateway gives the pages.
func latin(s string) string { return text.Plain(text.Content{Body: s}, text.Options{}) }

func newService(b pages.Backend) server.Handler {
	return pages.New(pages.Options{Backend: b, InitialKey: &key, Latin: latin, MessengerServer: "192.0.2.7:1863", DiscordDomain: "discord.com"})
}

// serve serves the pages over TCP.
func serve(t testing.TB, b pages.Backend) string {
	t.Helper()
	s := server.New(server.Options{InitialKey: &key, Log: slog.New(slog.DiscardHandler)})
	s.Handle(pages.Name, newService(b))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, server.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

func identity(t testing.TB) *client.Identity {
	t.Helper()
	id, err := client.NewIdentity(key, ssid, 0)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// tv is a box with a browser.
type tv struct {
	t testing.TB
	*client.Conn
}

// dial connects as a box does for a service with or without the flag 0x01.
func dial(t testing.TB, addr string, id *client.Identity, secured bool) *tv {
	t.Helper()
	open := client.DialPlain
	if secured {
		open = client.Dial
	}
	c, err := open(t.Context(), addr, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &tv{t, c}
}

// both runs a test over SECURE ON and in plain.
func both(t *testing.T, f func(t *testing.T, secured bool)) {
	t.Run("secured", func(t *testing.T) { f(t, true) })
	t.Run("plain", func(t *testing.T) { f(t, false) })
}

// get loads a page, which has to be a good one.
func (v *tv) get(path string) *shownPage {
	v.t.Helper()
	r, err := v.Get(v.t.Context(), pages.Name+":"+path)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.page(path, r)
}

// post sends a form as it stands.
func (v *tv) post(path string, values url.Values) *shownPage {
	v.t.Helper()
	r, err := v.Post(v.t.Context(), pages.Name+":"+path, []byte(values.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	return v.page(path, r)
}

func (v *tv) page(path string, r *client.Response) *shownPage {
	v.t.Helper()
	if r.Status != 200 || r.ContentType != "text/html" || r.Header.Value("Expires") == "" {
		v.t.Fatalf("%s: %d %s, %s, %v", path, r.Status, r.Text, r.ContentType, r.Header)
	}
	for _, fault := range lint(r.Body) {
		v.t.Errorf("%s: %s", path, fault)
	}
	return &shownPage{v: v, Response: r, path: path, doc: string(r.Body)}
}

// shownPage is a page on the screen.
type shownPage struct {
	v *tv
	*client.Response
	path string
	doc  string
}

// says wants texts on the page.
func (p *shownPage) says(texts ...string) {
	p.v.t.Helper()
	for _, s := range texts {
		if !strings.Contains(p.doc, s) {
			p.v.t.Errorf("%s does not say %q:\n%s", p.path, s, p.doc)
		}
	}
}

// silent wants texts not to be on the page.
func (p *shownPage) silent(texts ...string) {
	p.v.t.Helper()
	for _, s := range texts {
		if strings.Contains(p.doc, s) {
			p.v.t.Errorf("%s says %q:\n%s", p.path, s, p.doc)
		}
	}
}

// press sends the form with that button, with some fields filled in.
func (p *shownPage) press(button string, fill ...string) *shownPage {
	p.v.t.Helper()
	var action string
	var values url.Values
	z := html.NewTokenizer(strings.NewReader(p.doc))
	for z.Next() != html.ErrorToken {
		tok := z.Token()
		at := attributes(tok)
		switch {
		case tok.Data == "form" && tok.Type == html.StartTagToken:
			action, values = strings.TrimPrefix(at["action"], pages.Name+":"), url.Values{}
			if at["method"] != "POST" {
				p.v.t.Errorf("%s has a form by %q", p.path, at["method"])
			}
		case tok.Data == "input" && at["type"] == "submit" && at["value"] == button:
			for i := 0; i < len(fill); i += 2 {
				if !values.Has(fill[i]) {
					p.v.t.Fatalf("the form %q has no field %q", button, fill[i])
				}
				values.Set(fill[i], fill[i+1])
			}
			return p.v.post(action, values)
		case tok.Data == "input" && at["type"] != "submit":
			values.Set(at["name"], at["value"])
		}
	}
	p.v.t.Fatalf("%s has no button %q:\n%s", p.path, button, p.doc)
	return nil
}

func attributes(tok html.Token) map[string]string {
	m := map[string]string{}
	for _, a := range tok.Attr {
		m[a.Key] = a.Val
	}
	return m
}
