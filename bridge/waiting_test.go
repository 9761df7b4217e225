package bridge

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
	"wtvgate/puppets"
)

// TellsWaiting makes fakeNet a Waiter, with Waiting.
func (f *fakeNet) TellsWaiting() bool { return !f.untold }

// Waiting is called like Send.
func (f *fakeNet) Waiting(_ context.Context, m Outbound) error {
	_, err := f.call(kindWaiting, m)
	return err
}

// waitingScene is alice's box and bob, who writes.
type waitingScene struct {
	*rig
	n int
}

func onWaitingScene(t *testing.T, f func(s *waitingScene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &waitingScene{rig: newRig(t)}
		s.run()
		defer s.stop()
		f(s)
	})
}

func (s *waitingScene) bobWrites() {
	s.t.Helper()
	s.n++
	s.receive(MessageEvent{Event: id.Event(fmt.Sprint("$w", s.n)), Account: alice, From: "bob", Name: "Bob",
		Text: text.Content{Body: "hi"}, Time: time.Now()})
}

// told is how often bob was told since the last call, after d.
func (s *waitingScene) told(d time.Duration) (n int) {
	s.t.Helper()
	<-time.After(d)
	synctest.Wait()
	for len(s.net.calls) > 0 {
		if c := <-s.net.calls; c.kind == kindWaiting {
			n++
			if want := "Alice is not at the TV now. What you write waits there and is shown later."; c.m.Text.Body != want || !c.m.Notice || c.m.To != "bob" {
				s.t.Errorf("told %+v", c.m)
			}
		}
	}
	return n
}

// seated signs alice in, callable or not, and out by what it returns.
func (s *waitingScene) seated(callable bool) (out func()) {
	seat := newSeat()
	seat.look = Appearance{Presence: PresenceOnline, Callable: callable}
	s.hub.Sit(alice, seat)
	return func() { s.hub.Stand(alice, seat) }
}

// reads has the box read everything.
func (s *waitingScene) reads() {
	s.t.Helper()
	rows, err := s.hub.WaitingFrom(s.t.Context(), aliceBob, 0, 100)
	if err == nil {
		err = s.hub.Delivered(s.t.Context(), rows)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestFriendIsToldOnceThatItWaits(t *testing.T) {
	onWaitingScene(t, func(s *waitingScene) {
		for range 3 {
			s.bobWrites()
		}
		if n := s.told(WaitGrace - time.Second); n != 0 {
			t.Errorf("told %d times within the grace", n)
		}
		if n := s.told(2 * time.Second); n != 1 {
			t.Errorf("told %d times after it", n)
		}
		s.bobWrites()
		if n := s.told(time.Hour); n != 0 {
			t.Errorf("told %d times more", n)
		}
		out := s.seated(true)
		s.reads()
		s.bobWrites()
		s.reads()
		if n := s.told(time.Hour); n != 0 {
			t.Errorf("told %d times while the box was on", n)
		}
		out()
		s.bobWrites()
		if n := s.told(time.Minute); n != 1 {
			t.Errorf("told %d times when it was off again", n)
		}
	})
}

// TestFriendIsNotTold: an operator who does not want it.
func TestFriendIsNotTold(t *testing.T) {
	r := newRig(t)
	r.net.untold = true
	hub := NewHub(r.st, puppets.NewDirectory("webtv.local"), r.hub.log, nil)
	if err := hub.Add(r.net); err != nil {
		t.Fatal(err)
	}
	in := receiver{hub, hub.link(r.net.Name())}
	if err := in.Receive(t.Context(), MessageEvent{Event: "$1", Account: alice, From: "bob", Name: "Bob", Text: text.Content{Body: "hi"}, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	left, err := r.st.PendingConversations(t.Context())
	if err != nil || len(left) != 0 {
		t.Errorf("queued: %v, %v", left, err)
	}
	rows, err := hub.WaitingFrom(t.Context(), aliceBob, 0, 9)
	if err != nil || len(rows) != 1 {
		t.Errorf("%d messages wait, %v", len(rows), err)
	}
}

// TestHiddenIsLikeOff: the friend cannot tell them apart by being told.
func TestHiddenIsLikeOff(t *testing.T) {
	onWaitingScene(t, func(s *waitingScene) {
		s.seated(false)
		s.bobWrites()
		if n := s.told(time.Minute); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// TestBoxThatIsBackSoon: within the grace the friend notices nothing, and what the
// box then writes does not wait for its end.
func TestBoxThatIsBackSoon(t *testing.T) {
	onWaitingScene(t, func(s *waitingScene) {
		s.bobWrites()
		<-time.After(5 * time.Second)
		s.seated(true)
		s.reads()
		s.say("I am back")
		begun := time.Now()
		for c := range s.net.calls {
			if c.kind == kindWaiting {
				t.Error("told")
			}
			if c.kind == kindMessage {
				break
			}
		}
		if d := time.Since(begun); d != 0 {
			t.Errorf("the answer waited %v", d)
		}
		if n := s.told(time.Minute); n != 0 {
			t.Errorf("told %d times", n)
		}
	})
}

// TestBlockedFriendIsNotTold: blocking is silent.
func TestBlockedFriendIsNotTold(t *testing.T) {
	onWaitingScene(t, func(s *waitingScene) {
		if _, _, err := s.hub.AddContact(s.t.Context(), alice, bob, "", listBlock, nil); err != nil {
			t.Fatal(err)
		}
		s.bobWrites()
		if n := s.told(time.Minute); n != 0 {
			t.Errorf("told %d times", n)
		}
	})
}

// TestToldAfterAnOutage: the network is away when the word is due; it is told when
// it returns if it is still true.
func TestToldAfterAnOutage(t *testing.T) {
	onWaitingScene(t, func(s *waitingScene) {
		away := errors.New("connection refused")
		s.net.script = func(string, Outbound) (Receipt, error) { return Receipt{}, away }
		s.bobWrites()
		if n := s.told(2 * time.Minute); n < 2 {
			t.Errorf("tried %d times", n)
		}
		s.seated(true)
		s.reads()
		<-time.After(time.Minute)
		s.told(0)
		if n := s.told(time.Hour); n != 0 {
			t.Errorf("told %d times of what was read", n)
		}
		if lines := s.inbox(alice); len(lines) != 0 {
			t.Errorf("the owner reads %q of it", lines)
		}
	})
}

// residentNet is a fakeNet that is the gateway's own contact.
type residentNet struct{ *fakeNet }

const helper = id.Address("helper@webtv.local")

func (residentNet) Name() id.Network               { return "resident" }
func (residentNet) Serves(string) bool             { return false }
func (residentNet) Resident() (id.Address, string) { return helper, "Helper" }
func (residentNet) Greeting(a Account) string      { return "Hello " + a.Name }
func (residentNet) Folded(_ id.Address, n int) string {
	return fmt.Sprintf("(%d more)", n)
}
func (residentNet) Trouble(t Trouble) string {
	return fmt.Sprintf("%s %s %s %q %v", t.Network, t.Peer, t.Name, t.Why, t.Again)
}

// withResident adds the contact and signs alice in.
func withResident(t *testing.T) *rig {
	r := newRig(t)
	if err := r.hub.Add(residentNet{newFake()}); err != nil {
		t.Fatal(err)
	}
	if err := r.hub.Welcome(t.Context(), Account{alice, "Alice"}); err != nil {
		t.Fatal(err)
	}
	equal(t, r.inbox(alice), []string{"helper@webtv.local: Hello Alice"})
	return r
}

// TestTroubleWithAnInvitation comes from the helper, in time and once; a message's
// is told in its conversation.
func TestTroubleWithAnInvitation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := withResident(t)
		r.net.script = func(kind string, m Outbound) (Receipt, error) {
			if time.Since(m.Created) > 5*time.Minute {
				return Receipt{}, Permanent("they are gone", nil)
			}
			return Receipt{}, errors.New("connection refused")
		}
		r.run()
		defer r.stop()
		if _, _, err := r.hub.AddContact(t.Context(), alice, bob, "Bob", listForward|listAllow, nil); err != nil {
			t.Fatal(err)
		}
		r.settled()
		r.say("hello")
		r.settled()
		equal(t, r.inbox(alice), []string{"helper@webtv.local: Hello Alice",
			`helper@webtv.local: fake bob@fake.example Bob "" true`, `helper@webtv.local: fake bob@fake.example Bob "they are gone" false`,
			"bob@fake.example: (Not delivered yet: their server cannot be reached. It will be tried again.)",
			`bob@fake.example: (Not delivered: "hello": they are gone.)`})
	})
}

// TestTroubleWithoutTheHelper: who took it off the list reads it where it belongs.
func TestTroubleWithoutTheHelper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := withResident(t)
		if _, _, err := r.hub.RemoveContact(t.Context(), alice, helper, listForward, nil); err != nil {
			t.Fatal(err)
		}
		r.net.script = func(string, Outbound) (Receipt, error) { return Receipt{}, Permanent("they are gone", nil) }
		r.run()
		defer r.stop()
		if _, _, err := r.hub.AddContact(t.Context(), alice, bob, "Bob", listForward, nil); err != nil {
			t.Fatal(err)
		}
		r.settled()
		equal(t, r.inbox(alice), []string{"helper@webtv.local: Hello Alice", "bob@fake.example: (The invitation could not be sent: they are gone.)"})
	})
}

// TestOutageIsToldOnceADay, at sign-in, to those who have somebody there.
func TestOutageIsToldOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := withResident(t)
		r.run()
		defer r.stop()
		synctest.Wait()
		hello := "helper@webtv.local: Hello Alice"
		welcome := func() {
			t.Helper()
			if err := r.hub.Welcome(t.Context(), Account{alice, "Alice"}); err != nil {
				t.Fatal(err)
			}
		}
		r.net.in.State(false, "connection refused")
		welcome()
		equal(t, r.inbox(alice), []string{hello}) // nobody there
		if _, _, err := r.hub.AddContact(t.Context(), alice, bob, "Bob", listForward, nil); err != nil {
			t.Fatal(err)
		}
		out := `helper@webtv.local: fake   "" true`
		for range 3 {
			welcome()
		}
		equal(t, r.inbox(alice), []string{hello, out})
		<-time.After(24 * time.Hour)
		welcome()
		equal(t, r.inbox(alice), []string{hello, out, out})
		r.net.in.State(true, "")
		<-time.After(24 * time.Hour)
		welcome()
		equal(t, r.inbox(alice), []string{hello, out, out})
		if states := r.hub.States(); len(states) != 1 || states[0].Name != "fake" {
			t.Errorf("an operator sees %+v", states)
		}
	})
}

func TestOneResidentOnly(t *testing.T) {
	r := withResident(t)
	if err := r.hub.Add(secondResident{residentNet{newFake()}}); err == nil {
		t.Error("two contacts are the gateway itself")
	}
}

type secondResident struct{ residentNet }

func (secondResident) Name() id.Network { return "second" }

// TestFullListTakesNoHelper: its greeting comes all the same.
func TestFullListTakesNoHelper(t *testing.T) {
	r := newRig(t)
	if err := r.hub.Add(residentNet{newFake()}); err != nil {
		t.Fatal(err)
	}
	err := r.st.Update(t.Context(), func(tx *store.Tx) error {
		for i := range maxForward {
			if _, err := tx.PutContact(alice, Contact{Address: id.Address(fmt.Sprintf("f%d@fake.example", i)), Name: "x", Lists: listForward}); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = r.hub.Welcome(t.Context(), Account{alice, "Alice"})
	}
	if err != nil {
		t.Fatal(err)
	}
	if l := r.lists(alice, helper); l != 0 {
		t.Errorf("the helper is on %d", l)
	}
	equal(t, r.inbox(alice), []string{"helper@webtv.local: Hello Alice"})
}
