package main

import (
	"strings"
	"testing"

	wtvp "wtvgate/wtvp/client"
)

// TestPagesAreServed: beside wtv-passport, to the box that the operator has linked, encrypted and not.
func TestPagesAreServed(t *testing.T) {
	t.Chdir(t.TempDir())
	g, key := startGateway(t)
	play(t, []step{
		{"account add alice@webtv.local --name Zoë", "", 0, "added"},
		{"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"},
		{"contact add alice@webtv.local " + demoFriend + " --name Дима", "", 0, "FL,AL"},
	})
	me, err := wtvp.NewIdentity(key, demoSSID, 0)
	if err != nil {
		t.Fatal(err)
	}
	secured, err := wtvp.Dial(t.Context(), g.wtvpPorts.passport.Addr().String(), me)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := wtvp.DialPlain(t.Context(), g.wtvpPorts.passport.Addr().String(), me)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*wtvp.Conn{secured, plain} {
		defer c.Close()
		for path, want := range map[string]string{"/": "<b>Zo\xeb</b>", "/contacts": "<b>Dima</b>", "/help": "Messenger"} {
			r, err := c.Get(t.Context(), "wtv-messenger:"+path)
			if err != nil || r.Status != 200 || !strings.Contains(string(r.Body), want) || r.Encrypted != (c == secured) {
				t.Errorf("%s: %+v %s, %v", path, r, r.Body, err)
			}
		}
	}
}

// TestStandalonePages: a box that signed on here is told of the pages, by the
// list of services and the home page, and may change its friends by them.
func TestStandalonePages(t *testing.T) {
	t.Chdir(t.TempDir())
	g, _ := startWith(t, standalone)
	play(t, []step{
		{"account add alice@webtv.local", "", 0, "added"},
		{"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"},
	})
	b := powerOn(t, g, demoSSID, wtvp.Options{})
	if got := b.Value("wtv-addresses-url"); got != "wtv-messenger:/addresslist" {
		t.Errorf("wtv-addresses-url: %q", got)
	}
	for url, want := range map[string]string{"wtv-home:/home": `href="wtv-messenger:/"`, "wtv-messenger:/": "alice@webtv.local"} {
		r, err := b.Get(t.Context(), url)
		if err != nil || r.Status != 200 || !strings.Contains(string(r.Body), want) || !r.Encrypted {
			t.Errorf("%s: %+v %s, %v", url, r, r.Body, err)
		}
	}
}
