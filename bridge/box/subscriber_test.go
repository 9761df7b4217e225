package box

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"wtvgate/bridge/store"
	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/service"
)

func TestSubscriber(t *testing.T) {
	r := newRig(t)
	alices := service.Box{SSID: ssid("alice"), Named: true}
	info, err := r.hub.AccountInfo(t.Context(), acct("alice"))
	if err != nil {
		t.Fatal(err)
	}
	want := service.Subscriber{User: "alice", Domain: "webtv.local", Name: "Alice", Number: info.Number}
	if got, err := r.gw.Subscriber(t.Context(), alices); err != nil || got != want || got.Address() != "alice@webtv.local" {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got, err := r.gw.Subscriber(t.Context(), service.Box{SSID: "8100", Named: true}); err != nil || got != (service.Subscriber{Domain: "webtv.local"}) || got.Address() != "" {
		t.Errorf("a box without an account: %+v, %v", got, err)
	}
	if got, err := r.gw.Users(t.Context(), alices); err != nil || !reflect.DeepEqual(got, []service.User{{ID: 0, Address: "alice@webtv.local"}}) {
		t.Errorf("users %+v, %v", got, err)
	}
	if _, err := r.gw.Register(t.Context(), service.Box{SSID: "8100", Named: true}, "new"); !errors.As(err, new(*service.Refusal)) {
		t.Errorf("registration is closed: %v", err)
	}
}

// TestBoxAccount: other services for boxes are as strict about keys as
// messengerlogin.
func TestBoxAccount(t *testing.T) {
	r := newRig(t)
	carols := service.Box{SSID: ssid("carol"), SigningKey: sec.Key{2, 4, 6}}
	if a, err := r.gw.BoxAccount(t.Context(), carols); err != nil || a != acct("carol") {
		t.Errorf("%s, %v", a, err)
	}
	thief := carols
	thief.SSID = ssid("alice")
	var refusal *service.Refusal
	if _, err := r.gw.BoxAccount(t.Context(), thief); !errors.As(err, &refusal) || refusal.Text != textKeyTaken {
		t.Errorf("carol's key with alice's number: %v", err)
	}
	if _, err := r.gw.BoxAccount(t.Context(), service.Box{SSID: "8100", SigningKey: sec.Key{8}}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a box without an account: %v", err)
	}
	var n int
	if err := r.st.DB().QueryRow(`SELECT count(*) FROM box_keys`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d keys are remembered, %v; want carol's alone", n, err)
	}
}

func TestRegister(t *testing.T) {
	r := newRig(t, func(o *Options) { o.FirstBox = true })
	b := service.Box{SSID: "8100", Named: true, Remote: netip.MustParseAddrPort("10.0.0.1:1")}
	for _, bad := range []string{"", " ", "a b", ".a", "a.", "-", "a@b", "caf\u00e9", "a/b", "abcdefghijklmnopqrstuvwxyz0123456"} {
		var refusal *service.Refusal
		if _, err := r.gw.Register(t.Context(), b, bad); !errors.As(err, &refusal) || refusal.Text != textBadName || refusal.Status != 400 {
			t.Errorf("%q: %v", bad, err)
		}
	}
	var refusal *service.Refusal
	if _, err := r.gw.Register(t.Context(), b, "Alice"); !errors.As(err, &refusal) || refusal.Text != textNameTaken {
		t.Errorf("a name that is taken: %v", err)
	}
	if _, err := r.gw.Register(t.Context(), b, "Helper"); !errors.As(err, &refusal) || refusal.Text != textNameTaken || !strings.Contains(refusal.Reason, "the gateway's own") {
		t.Errorf("the gateway's own name: %v", err)
	}
	if s, err := r.gw.Register(t.Context(), b, " Web-TV.fan_1 "); err != nil || s.Address() != "web-tv.fan_1@webtv.local" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := r.gw.Register(t.Context(), b, "another"); err != nil || s.User != "web-tv.fan_1" {
		t.Errorf("the second time: %+v, %v", s, err)
	}
	b.UserID = 1
	if s, err := r.gw.Register(t.Context(), b, "another"); err != nil || s.User != "another" {
		t.Errorf("the second user: %+v, %v", s, err)
	}
	r.log.says(t, `msg="made an account for a new box" account=another@webtv.local ssid=8100 user=1 remote=10.0.0.1`)
}
