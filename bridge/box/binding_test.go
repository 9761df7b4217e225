package box

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"wtvgate/bridge"
	"wtvgate/bridge/store"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/server"
	wtvp "wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/service"
)

// as has a box with this identity ask messengerlogin.
func (r *rig) as(ident *wtvp.Identity) msnp.Credential {
	return func(ctx context.Context, challenge string) (string, error) {
		c, err := wtvp.Dial(ctx, r.wtvp, ident)
		if err != nil {
			return "", err
		}
		defer c.Close()
		return c.MessengerLogin(ctx, challenge)
	}
}

// signOn is what a box gets from its service: a ticket with a key of its own.
func (r *rig) signOn(name string, user int) *wtvp.Identity {
	r.t.Helper()
	ident, err := wtvp.NewIdentity(r.key, ssid(name), user)
	if err != nil {
		r.t.Fatal(err)
	}
	return ident
}

// claiming is the ticket and keys of one box under the serial number of another.
func claiming(of *wtvp.Identity, name string) *wtvp.Identity {
	return &wtvp.Identity{SSID: ssid(name), UserID: of.UserID, Keys: of.Keys, Ticket: of.Ticket}
}

// refusedAs wants messengerlogin to refuse a box that signs in as an address.
func (r *rig) refusedAs(name string, ident *wtvp.Identity, text, reason string) {
	r.t.Helper()
	_, err := msnp.SignIn(r.t.Context(), r.msnp, msnp.Options{Address: name + "@webtv.local", Credential: r.as(ident)})
	var se *wtvp.StatusError
	if !errors.As(err, &se) || se.Status != 500 || se.Text != text {
		r.t.Fatalf("got %v, want 500 %s", err, text)
	}
	r.log.says(r.t, reason)
}

// TestAKeyIsItsBoxs: a box that has shown its ticket cannot use it under another
// box's serial number, and what it tried leaves no mark.
func TestAKeyIsItsBoxs(t *testing.T) {
	r := newRig(t)
	carols := r.signOn("carol", 0)
	r.signInAs(msnp.Options{Address: "carol@webtv.local", Credential: r.as(carols)}).Close()
	r.log.says(t, "first signing key")
	thief := claiming(carols, "alice")
	r.refusedAs("alice", thief, textKeyTaken, "first shown by box "+ssid("carol")+", now by box "+ssid("alice"))
	r.signInAs(msnp.Options{Address: "alice@webtv.local", Credential: r.as(r.signOn("alice", 0))}).Close()
	r.signInAs(msnp.Options{Address: "carol@webtv.local", Credential: r.as(carols)}).Close()
	if strings.Contains(r.log.String(), "new signing key") {
		t.Error("a key that was known is logged as new")
	}
	// A new sign-on to the service brings a new key: taken, and logged.
	r.signInAs(msnp.Options{Address: "carol@webtv.local", Credential: r.as(r.signOn("carol", 0))}).Close()
	r.log.says(t, `msg="a box shows a new signing key" account=carol@webtv.local ssid=`+ssid("carol"))
	// The operator's unlinking clears it.
	if boxes, keys, err := r.hub.UnlinkBoxes(t.Context(), acct("carol")); err != nil || boxes != 1 || keys != 2 {
		t.Errorf("unlinked %d boxes and %d keys, %v", boxes, keys, err)
	}
	r.signInAs(msnp.Options{Address: "alice@webtv.local", Credential: r.as(thief)}).Close()
}

// TestUsersOfOneBox: the number of the user is part of who a box is.
func TestUsersOfOneBox(t *testing.T) {
	r := newRig(t, func(o *Options) { o.FirstBox = true })
	first := r.signOn("alice", 0)
	r.signInAs(msnp.Options{Address: "alice@webtv.local", Credential: r.as(first)}).Close()
	second := r.signOn("alice", 1)
	r.refusedAs("alice", second, textUnlinked, "alice@webtv.local exists and belongs to another box or to none")
	if s := r.signInAs(msnp.Options{Address: "son@webtv.local", Credential: r.as(second)}); s.Self().Address != "son@webtv.local" {
		t.Errorf("the second user is %+v", s.Self())
	}
	r.refusedAs("son", first, textForeign, "was given to son@webtv.local, but the box is linked to alice@webtv.local")
}

// TestFirstBoxIsNeverTakenOver: not by another box, nor after unlinking, nor with
// the first box's own ticket under another serial number.
func TestFirstBoxIsNeverTakenOver(t *testing.T) {
	r := newRig(t, func(o *Options) { o.FirstBox = true })
	mine := r.signOn("new", 0)
	r.signInAs(msnp.Options{Address: "new@webtv.local", Credential: r.as(mine)}).Close()
	const exists = "new@webtv.local exists and belongs to another box or to none"
	r.refusedAs("new", r.signOn("thief", 0), textUnlinked, exists)
	stolen := claiming(mine, "thief")
	r.refusedAs("new", stolen, textKeyTaken, "first shown by box "+ssid("new"))
	r.refusedAs("other", stolen, textKeyTaken, "first shown by box "+ssid("new"))
	if _, err := r.hub.AccountInfo(t.Context(), acct("other")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a stolen ticket made an account: %v", err)
	}
	if _, _, err := r.hub.UnlinkBoxes(t.Context(), acct("new")); err != nil {
		t.Fatal(err)
	}
	r.refusedAs("new", r.signOn("thief", 0), textUnlinked, exists)
	r.refusedAs("new", mine, textUnlinked, exists) // nor by the box itself: the operator decides
	if err := r.hub.LinkBox(t.Context(), acct("new"), store.Box{SSID: ssid("new")}); err != nil {
		t.Fatal(err)
	}
	r.signInAs(msnp.Options{Address: "new@webtv.local", Credential: r.as(mine)})
}

// TestFirstBoxOfMany: of boxes that ask at the same time for one address, one
// gets it.
func TestFirstBoxOfMany(t *testing.T) {
	r := newRig(t, func(o *Options) { o.FirstBox = true })
	const boxes = 8
	errs := make(chan error, boxes)
	for i := range boxes {
		b := service.Box{SSID: fmt.Sprintf("81000000%08d", i), SigningKey: sec.Key{byte(2 * i), 8}}
		go func() {
			l, err := r.gw.Login(context.Background(), server.Client{}, server.TWN, "wanted@webtv.local")
			if err == nil {
				_, err = r.gw.MessengerLogin(context.Background(), b, l.Challenge())
			}
			errs <- err
		}()
	}
	won := 0
	for range boxes {
		var refusal *service.Refusal
		switch err := <-errs; {
		case err == nil:
			won++
		case !errors.As(err, &refusal) || refusal.Text != textUnlinked:
			t.Errorf("got %v", err)
		}
	}
	info, err := r.hub.AccountInfo(t.Context(), acct("wanted"))
	if won != 1 || err != nil || len(info.Boxes) != 1 {
		t.Errorf("%d of %d boxes got the address, which has %+v, %v", won, boxes, info.Boxes, err)
	}
}

// TestFirstBoxComesFromWhereTheSignInDoes: a challenge that was overheard makes
// no account for a box elsewhere, where that can be told.
func TestFirstBoxComesFromWhereTheSignInDoes(t *testing.T) {
	r := newRig(t, func(o *Options) { o.FirstBox = true })
	try := func(name, msnpAt, wtvpAt string) error {
		l, err := r.gw.Login(t.Context(), server.Client{Remote: netip.AddrPortFrom(netip.MustParseAddr(msnpAt), 1)}, server.TWN, name+"@webtv.local")
		if err != nil {
			return err
		}
		defer l.Cancel()
		b := service.Box{SSID: "81" + name, Named: true, Remote: netip.AddrPortFrom(netip.MustParseAddr(wtvpAt), 2)}
		_, err = r.gw.MessengerLogin(t.Context(), b, l.Challenge())
		return err
	}
	var refusal *service.Refusal
	if err := try("far", "198.51.100.7", "203.0.113.9"); !errors.As(err, &refusal) || refusal.Text != textUnlinked ||
		!strings.Contains(refusal.Reason, "no account is made for far@webtv.local, since the sign-in comes from 198.51.100.7 and the box from 203.0.113.9") {
		t.Errorf("got %v", err)
	}
	if err := r.hub.CreateAccount(t.Context(), bridge.NewAccount{Address: acct("far"), Box: &store.Box{SSID: "81far"}}); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string][2]string{
		"near":  {"198.51.100.7", "198.51.100.7"}, // NAT: one public address
		"proxy": {"198.51.100.7", "127.0.0.1"},    // a proxy before wtv-passport
		"lan":   {"10.0.0.7", "192.168.0.9"},
		"far":   {"198.51.100.7", "203.0.113.9"}, // linked by the operator: comes from anywhere, which is logged
	} {
		if err := try(name, at[0], at[1]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.log.says(t, `from another address than it signs in from" account=far@webtv.local ssid=81far user=0 wtvp=203.0.113.9 msnp=198.51.100.7`)
}

func TestElsewhere(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"198.51.100.7", "198.51.100.7", false}, {"198.51.100.7", "198.51.100.8", true}, {"198.51.100.7", "::ffff:198.51.100.7", false},
		{"198.51.100.7", "10.0.0.1", false}, {"100.64.0.1", "198.51.100.7", false}, {"127.0.0.1", "198.51.100.7", false},
		{"192.168.1.2", "192.168.1.3", false}, {"2001:db8::1", "2001:db8::2", false}, {"2001:db8::1", "2001:db8:0:1::1", true},
		{"fd00::1", "fd00:0:0:1::1", false}, {"2001:db8::1", "198.51.100.7", false}, {"169.254.0.1", "198.51.100.7", false},
	} {
		a, b := netip.MustParseAddr(tt.a), netip.MustParseAddr(tt.b)
		if elsewhere(a, b) != tt.want || elsewhere(b, a) != tt.want {
			t.Errorf("%s and %s: want %v", a, b, tt.want)
		}
	}
	if elsewhere(netip.Addr{}, netip.MustParseAddr("198.51.100.7")) {
		t.Error("no address is elsewhere")
	}
}
