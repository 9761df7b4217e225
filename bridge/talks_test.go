package bridge

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// sayTo says something to somebody of the fake network.
func (r *rig) sayTo(name string) error {
	return r.hub.Say(r.t.Context(), id.Conversation{Account: alice, Peer: id.Address(name + "@fake.example")}, text.Content{Body: "x"})
}

// Whoever wrote to one stranger after the other, on a server that was away, had a
// goroutine for each.
func TestStrangersOfAServerThatIsAwayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.hub.maxTalks = 3
		hold := make(chan struct{})
		r.net.script = func(string, Outbound) (Receipt, error) { <-hold; return Receipt{}, nil }
		r.run()
		for i := range 3 {
			if err := r.sayTo(fmt.Sprint("a", i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.sayTo("one-more"); !errors.Is(err, ErrQueueFull) {
			t.Errorf("one more: %v", err)
		}
		if _, _, err := r.hub.AddContact(t.Context(), alice, "one-more@fake.example", "", store.ForwardList, nil); !errors.Is(err, ErrFull) {
			t.Errorf("an invitation more: %v", err)
		}
		if err := r.sayTo("a1"); err != nil {
			t.Errorf("somebody for whom something waits: %v", err)
		}
		close(hold)
		r.settled()
		if err := r.sayTo("one-more"); err != nil {
			t.Errorf("when the server is there again: %v", err)
		}
		r.settled()
		r.hub.mu.Lock()
		defer r.hub.mu.Unlock()
		if len(r.hub.talks) != 0 {
			t.Errorf("%v are counted when nothing waits", r.hub.talks)
		}
	})
}

// Adding and removing somebody in a loop left two rows each time.
func TestAddingInALoopIsBounded(t *testing.T) {
	r := newRig(t) // not running: everything waits
	r.hub.maxPending = 10
	const peer = "loop@fake.example"
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		if _, _, err = r.hub.AddContact(t.Context(), alice, peer, "", store.ForwardList, nil); err == nil {
			_, _, err = r.hub.RemoveContact(t.Context(), alice, peer, store.ForwardList, nil)
		}
	}
	if !errors.Is(err, ErrFull) || n != 6 {
		t.Errorf("ended with %v after %d", err, n)
	}
}

// A full list of contacts, each with all that may wait for it, was a gigabyte.
func TestAllThatWaitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.hub.maxPendingAll = 100 // more than are counted for
		hold := make(chan struct{})
		r.net.script = func(string, Outbound) (Receipt, error) { <-hold; return Receipt{}, nil }
		r.run()
		for i := range r.hub.maxPendingAll {
			if err := r.sayTo(fmt.Sprint("a", i%7)); err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
		for range 3 {
			if err := r.sayTo("a1"); !errors.Is(err, ErrQueueFull) {
				t.Errorf("one more: %v", err)
			}
		}
		close(hold)
		r.settled()
		<-time.After(fullFor)
		if err := r.sayTo("a1"); err != nil {
			t.Errorf("when they have gone: %v", err)
		}
		r.settled()
	})
}
