package box

import (
	"testing"

	"wtvgate/bridge"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

func TestPresenceBetweenAccounts(t *testing.T) {
	r := newRig(t)
	pc := msnp.Options{Address: "carol@webtv.local", Dialects: []wire.Dialect{wire.MSNP7}, Credential: msnp.Password("hunter22")}
	if err := r.hub.SetPassword(t.Context(), acct("carol"), "hunter22", true); err != nil {
		t.Fatal(err)
	}
	c := r.signInAs(pc)
	c.status(wire.Online)
	c.add(wire.Forward, "alice@webtv.local")
	a := r.signIn("alice", wire.MSNP6)
	if x, ok := a.roster.Find("carol@webtv.local"); !ok || x.Lists != wire.Lists(wire.Reverse) || x.Name != "Carol" {
		t.Errorf("alice's lists have %+v", x)
	}
	a.status(wire.Away)
	sees := func(b *box, who string, want wire.Status) {
		t.Helper()
		if p := next[msnp.Presence](t, b.Events()); p.Address != who || p.Status != want {
			t.Errorf("saw %+v, want %s %s", p, who, want)
		}
	}
	sees(c, "alice@webtv.local", wire.Away) // a PC client sees states
	a.status(wire.Phone)
	sees(c, "alice@webtv.local", wire.Phone)
	a.add(wire.Forward, "carol@webtv.local")
	sees(a, "carol@webtv.local", wire.Online)
	c.status(wire.Busy) // a box does not see states: nothing to tell
	none[msnp.Presence](a)
	c.status(wire.Hidden)
	sees(a, "carol@webtv.local", wire.Offline)
	c.status(wire.Lunch)
	sees(a, "carol@webtv.local", wire.Online)
	a.add(wire.Block, "carol@webtv.local")
	sees(c, "alice@webtv.local", wire.Offline)
	a.status(wire.Online)
	none[msnp.Presence](c)
	a.remove(wire.Block, "carol@webtv.local")
	a.add(wire.Allow, "carol@webtv.local") // at once, also before the removal has settled
	sees(c, "alice@webtv.local", wire.Online)
	if _, err := a.Rename(t.Context(), "alice@webtv.local", "Alice A."); err != nil {
		t.Fatal(err)
	}
	if p := next[msnp.Presence](t, c.Events()); p.Name != "Alice A." {
		t.Errorf("after the rename carol sees %+v", p)
	}
	if err := a.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	sees(c, "alice@webtv.local", wire.Offline)
}

func TestFriendsPresence(t *testing.T) {
	r := newRig(t)
	r.becomes("bob", bridge.PresenceIdle)
	b := r.signIn("alice", wire.MSNP8)
	b.add(wire.Forward, bob)
	none[msnp.Presence](b) // not before the first CHG
	b.status(wire.Online)
	if p := next[msnp.Presence](t, b.Events()); !p.Initial || p.Address != bob || p.Status != wire.Online || p.ClientID != "0" {
		t.Errorf("the initial burst: %+v", p)
	}
	r.becomes("bob", bridge.PresenceBusy) // the same to a box
	none[msnp.Presence](b)
	r.becomes("bob", bridge.PresenceOffline)
	if p := next[msnp.Presence](t, b.Events()); p.Status != wire.Offline {
		t.Errorf("saw %+v", p)
	}
	r.becomes("stranger", bridge.PresenceOnline)
	none[msnp.Presence](b)
}

func TestListEdits(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	for _, c := range []struct {
		list wire.List
		peer string
		code int
	}{
		{wire.Forward, "ghost@webtv.local", wire.ErrNoSuchAccount},
		{wire.Forward, "x@nowhere.example", wire.ErrNoSuchAccount},
		{wire.Forward, "nobody@test.example", wire.ErrNoSuchAccount},
		{wire.Forward, "a@b", wire.ErrInvalidParameter},
		{wire.Forward, "alice@webtv.local", wire.ErrInvalidParameter},
	} {
		_, err := b.Add(t.Context(), c.list, c.peer, c.peer, -1)
		if err == nil {
			t.Errorf("ADD %s %s succeeded", c.list, c.peer)
			continue
		}
		refused(t, err, c.code)
	}
	b.add(wire.Forward, bob)
	_, err := b.Add(t.Context(), wire.Forward, bob, bob, -1)
	refused(t, err, wire.ErrAlreadyThere)
	b.add(wire.Allow, bob)
	_, err = b.Add(t.Context(), wire.Block, bob, bob, -1)
	refused(t, err, wire.ErrOppositeList)
	_, err = b.Remove(t.Context(), wire.Block, bob, -1)
	refused(t, err, wire.ErrNotOnList)
	_, err = b.Add(t.Context(), wire.Forward, "x@test.example", "x", 7)
	refused(t, err, wire.ErrNoSuchGroup)
	if _, err := b.Rename(t.Context(), bob, "Bobby"); err != nil {
		t.Fatal(err)
	}
	v, err := b.SetPrivacy(t.Context(), "BL")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.SetPrivacy(t.Context(), "BL"); err == nil {
		t.Error("BLP twice")
	} else {
		refused(t, err, wire.ErrAlreadyInMode)
	}
	roster, err := b.Sync(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := roster.Find(bob); roster.Version != v || !ok || c.Name != "Bobby" || c.Lists != wire.Lists(wire.Forward|wire.Allow) || roster.Privacy != "BL" {
		t.Errorf("the lists: %+v", roster)
	}
	if same, err := b.Sync(t.Context(), v); err != nil || !same.Same {
		t.Errorf("SYN with the current version: %+v, %v", same, err)
	}
	b.remove(wire.Forward, bob)
	b.remove(wire.Allow, bob)
	if roster, _ = b.Sync(t.Context(), 0); len(roster.Contacts) != 0 {
		t.Errorf("left: %+v", roster.Contacts)
	}
}

// TestOperatorsEditsAreSeenAtOnce: a contact that the operator adds or removes.
func TestOperatorsEditsAreSeenAtOnce(t *testing.T) {
	r := newRig(t)
	r.becomes("bob", bridge.PresenceOnline)
	b := r.online("alice", wire.MSNP8)
	if _, _, err := r.hub.AddContact(t.Context(), acct("alice"), bob, "Bob", uint8(wire.Forward|wire.Allow), nil); err != nil {
		t.Fatal(err)
	}
	got := map[wire.List]string{}
	for range 2 {
		e := next[msnp.Added](t, b.Events())
		got[e.List] = e.Address
	}
	if got[wire.Forward] != bob || got[wire.Allow] != bob {
		t.Errorf("the box was told %v", got)
	}
	if p := next[msnp.Presence](t, b.Events()); p.Address != bob || p.Status != wire.Online {
		t.Errorf("saw %+v", p)
	}
	if _, _, err := r.hub.RemoveContact(t.Context(), acct("alice"), bob, uint8(wire.Forward), nil); err != nil {
		t.Fatal(err)
	}
	if e := next[msnp.Removed](t, b.Events()); e.List != wire.Forward || e.Address != bob {
		t.Errorf("the box was told %+v", e)
	}
}

// A friend's new name is told with a presence, at once, and is on the list of the
// next sign-in; one that the owner chose stays.
func TestFriendsNewName(t *testing.T) {
	r := newRig(t)
	a := r.online("alice", wire.MSNP8)
	a.add(wire.Forward, bob)
	r.becomes("bob", bridge.PresenceOnline)
	if p := next[msnp.Presence](t, a.Events()); p.Address != bob {
		t.Fatalf("told of %+v", p)
	}
	renamed := func(was, name string) {
		r.receive(bridge.PresenceEvent{Account: acct("alice"), From: "bob", Presence: bridge.PresenceOnline, Name: name, Was: was})
	}
	listed := func(want string) {
		t.Helper()
		if name, ok := r.hub.Known(t.Context(), acct("alice"), bob); !ok || name != want {
			t.Errorf("the list has %q, want %q", name, want)
		}
	}
	renamed("", "Bob")
	if p := next[msnp.Presence](t, a.Events()); p.Address != bob || p.Name != "Bob" {
		t.Errorf("told of %+v", p)
	}
	renamed("Bob", "Robert")
	if p := next[msnp.Presence](t, a.Events()); p.Address != bob || p.Name != "Robert" {
		t.Errorf("told of %+v", p)
	}
	listed("Robert")
	if _, err := a.Rename(t.Context(), bob, "Dad"); err != nil {
		t.Fatal(err)
	}
	renamed("Robert", "Bobby")
	listed("Dad")
}
