package helper

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// resident_test.go: the helper as a contact: on which lists it is, and whose address
// it has.

// TestIntroduction: from the start the helper is on the lists and says hello; never
// again, not even when it was removed.
func TestIntroduction(t *testing.T) {
	r := newRig(t)
	after, err := r.hub.Roster(t.Context(), alice)
	if err != nil || len(after.Contacts) != 1 {
		t.Fatalf("%+v, %v", after, err)
	}
	if c := after.Contacts[0]; c.Address != me || c.Name != "Helper" || c.Groups != 1 ||
		c.Lists != bridge.ForwardList|bridge.AllowList|bridge.ReverseList {
		t.Errorf("the contact is %+v", c)
	}
	want := []string{"Hello Alice! I am the gateway you are signed in\nto. Type help to see what I can do."}
	if got := r.inbox(me); !slices.Equal(got, want) {
		t.Errorf("greeted %q", got)
	}
	if p := r.hub.Appearance(alice, me).Presence; p != bridge.PresenceOnline {
		t.Errorf("the helper is %q", p)
	}
	for range 2 {
		r.welcome()
		again, err := r.hub.Roster(t.Context(), alice)
		if err != nil || again.Version != after.Version && r.lists(me) != 0 {
			t.Errorf("%+v, %v", again, err)
		}
		if got := r.inbox(me); len(got) != 0 {
			t.Errorf("greeted again: %q", got)
		}
		if r.lists(me) != 0 {
			if _, _, err := r.hub.RemoveContact(t.Context(), alice, me, 15, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r.lists(me) != 0 {
		t.Error("the helper came back by itself")
	}
	if _, _, err := r.hub.AddContact(t.Context(), alice, me, string(me), bridge.ForwardList, nil); err != nil {
		t.Errorf("adding the helper again: %v", err)
	}
}

// TestOlderAccount: one that was made before there was a helper meets it when it
// signs in, and the version of its lists says so.
func TestOlderAccount(t *testing.T) {
	r := newRig(t)
	const dora = id.Account("dora@webtv.local")
	err := r.st.Update(t.Context(), func(tx *store.Tx) error { return tx.CreateAccount(store.NewAccount{Address: dora}) })
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 1, 1} {
		if i > 0 {
			if err := r.hub.Welcome(t.Context(), bridge.Account{Address: dora, Name: "Dora"}); err != nil {
				t.Fatal(err)
			}
		}
		roster, err := r.hub.Roster(t.Context(), dora)
		if err != nil || len(roster.Contacts) != want || roster.Version != uint32(want+1) {
			t.Errorf("round %d: %+v, %v", i, roster, err)
		}
		if rows, err := r.st.PendingIncoming(t.Context(), dora, 0, 10); err != nil || len(rows) != want {
			t.Errorf("round %d: %+v, %v", i, rows, err)
		}
	}
}

func TestReservedAddress(t *testing.T) {
	r := newRig(t)
	if err := r.hub.CreateAccount(t.Context(), bridge.NewAccount{Address: id.Account(me)}); !errors.Is(err, bridge.ErrReserved) {
		t.Errorf("got %v", err)
	}
	if n, err := r.hub.Person(t.Context(), me); n != Name || err != nil {
		t.Errorf("%q, %v", n, err)
	}
}

// TestListsOfTheHelper: it is put on lists and taken off them by the rules for
// everybody, and nobody is asked for it.
func TestListsOfTheHelper(t *testing.T) {
	r := newRig(t)
	r.inbox(me)
	edit := func(add bool, lists uint8, want error, now uint8) {
		t.Helper()
		f := r.hub.RemoveContact
		var err error
		if add {
			_, _, err = r.hub.AddContact(t.Context(), alice, me, string(me), lists, nil)
		} else {
			_, _, err = f(t.Context(), alice, me, lists, nil)
		}
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("add %v %d: %v, want %v", add, lists, err, want)
		}
		if got := r.lists(me); got != now {
			t.Errorf("add %v %d: it is on %d, want %d", add, lists, got, now)
		}
	}
	const fl, al, bl, rl = bridge.ForwardList, bridge.AllowList, bridge.BlockList, bridge.ReverseList
	edit(true, fl, bridge.ErrListed, fl|al|rl)
	edit(true, bl, bridge.ErrOpposite, fl|al|rl)
	edit(false, al, nil, fl|rl)
	edit(true, bl, nil, fl|bl|rl)
	edit(false, bl, nil, fl|rl)
	edit(false, fl, nil, rl)
	edit(false, fl, bridge.ErrNotListed, rl)
	edit(true, fl|al, nil, fl|al|rl)
	if roster, err := r.hub.Roster(t.Context(), alice); err != nil || roster.Contacts[0].Name != "Helper" {
		t.Errorf("%+v, %v", roster, err)
	}
	if _, _, err := r.hub.AddContact(t.Context(), alice, "helper2@webtv.local", "", fl, nil); !errors.Is(err, bridge.ErrNoSuchPerson) {
		t.Errorf("somebody like it: %v", err)
	}
	r.hub.Sit(alice, r.seat)
	if err := r.hub.Say(t.Context(), id.Conversation{Account: alice, Peer: me}, text.Content{Body: "7"}); err != nil {
		t.Fatal(err)
	}
	<-r.seat.rung // after all that was queued for the helper
	if got := r.inbox(me); !slices.Equal(got, []string{"You are Alice here: alice@webtv.local"}) {
		t.Errorf("it says %q", got)
	}
}

// TestOldAccountAtTheAddress: one that an older version made needs a person.
func TestOldAccountAtTheAddress(t *testing.T) {
	r := newRig(t)
	err := r.st.Update(t.Context(), func(tx *store.Tx) error { return tx.CreateAccount(store.NewAccount{Address: id.Account(me)}) })
	if err != nil {
		t.Fatal(err)
	}
	if err := r.n.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "`wtvgate account remove helper@webtv.local`") {
		t.Errorf("got %v", err)
	}
}

// TestNoticeComesAllTheSame: what the operator says is said to who is signed in, in
// the helper's conversation, also when they have it off their list or blocked.
func TestNoticeComesAllTheSame(t *testing.T) {
	r := newRig(t)
	r.inbox(me)
	r.hub.Sit(alice, r.seat)
	notice := func() {
		t.Helper()
		if n, err := r.hub.Broadcast(t.Context(), "Down at eight."); n != 1 || err != nil {
			t.Fatalf("told %d, %v", n, err)
		}
		if p := <-r.seat.rung; p != me {
			t.Errorf("rung by %s", p)
		}
		if got := r.inbox(me); !slices.Equal(got, []string{"(Down at eight.)"}) {
			t.Errorf("got %q", got)
		}
	}
	notice()
	if _, _, err := r.hub.RemoveContact(t.Context(), alice, me, bridge.ForwardList|bridge.AllowList, nil); err != nil {
		t.Fatal(err)
	}
	notice()
	if _, _, err := r.hub.AddContact(t.Context(), alice, me, "", bridge.BlockList, nil); err != nil {
		t.Fatal(err)
	}
	notice()
	m := bridge.Outbound{ID: "m-1", From: bridge.Account{Address: alice, Name: "Alice"}, To: self, Text: text.Content{Body: "help"}}
	if _, err := r.n.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	notice() // and this alone: who is blocked is not heard
}
