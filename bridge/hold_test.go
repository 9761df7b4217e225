package bridge

import (
	"testing"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// TestHoldUntilAnswer: what waits for a friend's consent is tried again the
// moment that the network says so, and its writer is not told that it is late.
func TestHoldUntilAnswer(t *testing.T) {
	r := newRig(t)
	first := true
	r.net.script = func(string, Outbound) (Receipt, error) {
		if first {
			first = false
			return Receipt{}, &SendError{Certain: true, Hold: true, After: time.Hour, Text: "no answer yet"}
		}
		return Receipt{Event: "$1"}, nil
	}
	r.run()
	r.say("hello")
	if m := r.next(kindMessage); m.Retry {
		t.Error("the first try is a retry")
	}
	r.receive(AnswerEvent{Account: alice, From: "bob"})
	if m := r.next(kindMessage); m.Text.Body != "hello" || m.Retry {
		t.Errorf("%+v", m)
	}
	equal(t, r.inbox(alice), nil)
}

// TestSpeaker: a line in a room carries who spoke; the contact keeps its name.
func TestSpeaker(t *testing.T) {
	r := newRig(t)
	r.run()
	r.receive(MessageEvent{Event: "$r1", Account: alice, From: "room", Speaker: "Bob", Text: text.Content{Body: "hi"}, Time: time.Now()})
	rows, err := r.st.PendingIncoming(t.Context(), alice, 0, 10)
	if err != nil || len(rows) != 1 || rows[0].Name != "Bob" {
		t.Fatalf("%+v, %v", rows, err)
	}
	c, _, err := r.st.Contact(t.Context(), alice, "room@fake.example")
	if err != nil || c.Name != "room@fake.example" || c.Lists != listReverse {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestSeen: a network learns whether a box is on.
func TestSeen(t *testing.T) {
	r := newRig(t)
	r.run()
	a, ok := r.net.in.(Audience)
	if !ok {
		t.Fatal("the core's receiver is no Audience")
	}
	if got := a.Seen(alice, id.Remote("bob")); got != PresenceOffline {
		t.Errorf("off: %q", got)
	}
	s := newSeat()
	s.look = Appearance{Presence: PresenceIdle}
	r.hub.Sit(alice, s)
	if got := a.Seen(alice, id.Remote("bob")); got != PresenceIdle {
		t.Errorf("on: %q", got)
	}
	if at := a.OnSince(alice, id.Remote("bob")); at.IsZero() || at.After(r.hub.now()) {
		t.Errorf("on since %v", at)
	}
	r.hub.Stand(alice, s)
	if at := a.OnSince(alice, id.Remote("bob")); !at.IsZero() {
		t.Errorf("off, and on since %v", at)
	}
}
