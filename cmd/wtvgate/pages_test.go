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
