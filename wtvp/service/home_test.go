package service

import (
	"context"
	"strings"
	"testing"

	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

func TestHomePage(t *testing.T) {
	d := newDesk(t)
	has := func(resp *server.Response, wants ...string) {
		t.Helper()
		for _, w := range wants {
			if resp.Status != 200 || !strings.Contains(string(resp.Body), w) {
				t.Errorf("%d: no %q in\n%s", resp.Status, w, resp.Body)
			}
		}
		if len(resp.Body) > 10<<10 { // section 13
			t.Errorf("%d bytes", len(resp.Body))
		}
		for i, c := range resp.Body {
			if c >= 0x80 {
				t.Errorf("byte %d is %#x: not on every box", i, c)
			}
		}
	}
	const link = `<a href="wtv-setup:/messenger">Messenger &lt;settings&gt;</a>`
	has(d.ask("wtv-home:/home?", d.secure(d.signOn(boxSSID))), "<b>alice@webtv.local</b>", link)
	fresh := d.secure(d.signOn("81a7b50070b002be"))
	has(d.ask("wtv-home:/splash?", fresh), `<form action="wtv-home:/choose-name" method="post">`, "@webtv.local", link)
	ticket := d.signOn("81a7b50070b002be")
	field := wire.Field{Name: "wtv-ticket", Value: ticket}
	has(d.ask("wtv-home:/home?", plain("81a7b50070b002be"), field), "choose-name")
	if resp := d.ask("wtv-home:/choose-name?name=bob", plain("81a7b50070b002be"), field); resp.Status != 500 || resp.Text != TextNotSecured {
		t.Errorf("a name chosen in plain: %d %s", resp.Status, resp.Text)
	}
	if resp := d.ask("wtv-home:/choose-name?name=taken", fresh); resp.Status != 400 || resp.Text != "Taken." {
		t.Errorf("a name that is taken: %d %s", resp.Status, resp.Text)
	}
	resp := d.ask("wtv-home:/choose-name?name=bob", fresh)
	has(resp, "<b>bob@webtv.local</b>", "Messenger is ready.")
	if resp.Header.Value("wtv-messenger-enable") != "1" || resp.Header.Value("wtv-user-name") != "bob" || resp.Header.Value("wtv-messenger-server") != "192.0.2.7" {
		t.Errorf("headers %v", resp.Header)
	}
	closed := newDesk(t, func(o *Options) { o.Subscribers = shut{} })
	has(closed.ask("wtv-home:/home?", closed.secure(closed.signOn(boxSSID))), "operator", "<b>"+boxSSID+"</b>")
}

// shut has no account for anybody.
type shut struct{ people }

func (shut) Subscriber(context.Context, Box) (Subscriber, error) {
	return Subscriber{Domain: "webtv.local"}, nil
}
