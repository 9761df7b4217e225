package bridge

import (
	"fmt"
	"testing"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/puppets"
)

// turns has the box come or go, as package box says it.
func (s *waitingScene) turns() {
	s.t.Helper()
	if err := s.hub.Turned(s.t.Context(), alice); err != nil {
		s.t.Fatal(err)
	}
}

// TestFriendIsToldOfWhatWaitedBefore: a ring that nobody answered, and then the box
// went off. Each time that it does the friend is told once.
func TestFriendIsToldOfWhatWaitedBefore(t *testing.T) {
	onWaitingScene(t, func(s *waitingScene) {
		for round := range 3 {
			out := s.seated(true)
			s.turns()
			s.bobWrites() // rings, and is not answered
			if n := s.told(time.Hour); n != 0 {
				t.Errorf("round %d: told %d times while the box was on", round, n)
			}
			s.turns()
			out()
			for range 3 {
				s.bobWrites()
			}
			if n := s.told(time.Hour); n != 1 {
				t.Errorf("round %d: told %d times", round, n)
			}
			s.bobWrites()
			if n := s.told(time.Hour); n != 0 {
				t.Errorf("round %d: told %d times more", round, n)
			}
		}
	})
}

// TestTakenBackInTime: what is gone before the word is due is not told of, what comes
// after it is; and once told, a friend is not told again of the next.
func TestTakenBackInTime(t *testing.T) {
	onWaitingScene(t, func(s *waitingScene) {
		back := func() {
			s.receive(DeletionEvent{Event: id.Event(fmt.Sprint("$d", s.n)), Account: alice, From: "bob", Name: "Bob", Of: id.Event(fmt.Sprint("$w", s.n))})
		}
		s.bobWrites()
		back()
		if n := s.told(time.Hour); n != 0 {
			t.Errorf("told %d times of nothing", n)
		}
		s.bobWrites()
		if n := s.told(time.Hour); n != 1 {
			t.Errorf("told %d times", n)
		}
		back()
		s.bobWrites()
		if n := s.told(time.Hour); n != 0 {
			t.Errorf("told %d times more", n)
		}
	})
}

// TestToldIsKnownAfterARestart.
func TestToldIsKnownAfterARestart(t *testing.T) {
	r := newRig(t)
	for i, n := range []int{1, 0} {
		hub := NewHub(r.st, puppets.NewDirectory("webtv.local"), r.hub.log, nil)
		if err := hub.Add(newFake()); err != nil {
			t.Fatal(err)
		}
		err := receiver{hub, hub.links[0]}.Receive(t.Context(), message(fmt.Sprint("$", i), "hi"))
		if err != nil {
			t.Fatal(err)
		}
		left, err := r.st.PendingConversations(t.Context())
		if err != nil || len(left) != n {
			t.Errorf("start %d: queued %v, %v", i, left, err)
		}
		for o, err := r.st.NextOutgoing(t.Context(), aliceBob); err == nil; o, err = r.st.NextOutgoing(t.Context(), aliceBob) {
			if err := r.st.Update(t.Context(), func(tx *store.Tx) error { return tx.SetOutgoing(o.ID, store.Sent, "", "") }); err != nil {
				t.Fatal(err)
			}
		}
	}
}
