package bridge

import (
	"context"
	"slices"
	"testing"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
)

// What networks tell beside messages: notices once each, who is there, who types.
func TestOtherEvents(t *testing.T) {
	r := newRig(t)
	r.run()
	ctx := t.Context()
	if _, _, err := r.hub.AddContact(ctx, alice, bob, "", listForward, nil); err != nil {
		t.Fatal(err)
	}
	seat := newSeat()
	r.hub.Sit(alice, seat)
	for range 2 { // a repeat is none
		r.receive(NoticeEvent{Event: "$n", Account: alice, From: "bob", Text: "Bob has left the chat", Time: time.Now()})
	}
	equal(t, r.inbox(alice), []string{"bob@fake.example: (Bob has left the chat)"})
	if got := <-seat.waiting; got != bob {
		t.Errorf("rung for %s", got)
	}
	if peers, err := r.hub.WaitingPeers(ctx, alice); err != nil || !slices.Equal(peers, []id.Address{bob}) {
		t.Errorf("waiting: %v, %v", peers, err)
	}
	if n, err := r.hub.Newest(ctx); err != nil || n == 0 {
		t.Errorf("newest row %d, %v", n, err)
	}
	r.receive(TypingEvent{Account: alice, From: "bob", On: true})
	// A name that is told with presence is kept while none is known, and again
	// when it is told for one account alone.
	for i, e := range []PresenceEvent{{From: "bob", Presence: PresenceOnline, Name: "Bob B."},
		{Account: alice, From: "bob", Presence: PresenceAway, Name: "Another"}, {Account: carol, From: "bob", Name: "Bob"}} {
		r.receive(e)
		if c, _, err := r.st.Contact(ctx, alice, bob); err != nil || c.Name != "Bob B." {
			t.Errorf("event %d: the name is %q, %v", i, c.Name, err)
		}
	}
	select {
	case <-seat.lists:
	default:
		t.Error("the seat was not told of the name")
	}
}

func TestBoxesOfAnAccount(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	if err := r.hub.LinkBox(ctx, alice, store.Box{SSID: "8100000000b00201", UserID: 2}); err != nil {
		t.Fatal(err)
	}
	if a, err := r.hub.Secrets().AccountOfBox(ctx, "8100000000b00201", 2); err != nil || a != alice {
		t.Errorf("the box is linked to %q, %v", a, err)
	}
	if n, _, err := r.hub.UnlinkBoxes(ctx, alice); err != nil || n != 1 {
		t.Errorf("%d boxes unlinked, %v", n, err)
	}
	if _, err := r.hub.Secrets().AccountOfBox(ctx, "8100000000b00201", 2); err == nil {
		t.Error("still linked")
	}
}

// TestStoppedWhileStarting: that is no failure.
func TestStoppedWhileStarting(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.hub.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
}
