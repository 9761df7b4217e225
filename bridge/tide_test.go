package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// flooded is alice's box, which is on, and bob, who writes; numbers count his lines.
type flooded struct {
	*rig
	n int
}

func onFlood(t *testing.T, f func(s *flooded)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := withResident(t)
		r.net.calls = make(chan fakeCall, 10000) // of reading
		r.run()
		defer r.stop()
		synctest.Wait()
		seat := newSeat()
		seat.waiting = make(chan id.Address, 10000)
		seat.look = Appearance{Presence: PresenceOnline, Callable: true}
		r.hub.Sit(alice, seat)
		f(&flooded{rig: r})
	})
}

func (s *flooded) writes(lines int) {
	s.t.Helper()
	for range lines {
		s.receive(message(fmt.Sprint("$", s.n), fmt.Sprint(s.n)))
		s.n++
	}
}

// reads takes what waits from bob, and gives it.
func (s *flooded) reads() (lines []string) {
	s.t.Helper()
	rows, err := s.hub.WaitingFrom(s.t.Context(), aliceBob, 0, 10000)
	if err == nil {
		err = s.hub.Delivered(s.t.Context(), rows)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	lines = []string{}
	for _, r := range rows {
		lines = append(lines, unpack(r.Body).Body)
	}
	return lines
}

func (s *flooded) wants(want ...string) {
	s.t.Helper()
	equal(s.t, s.reads(), want)
}

// more asks for n of what is kept.
func (s *flooded) more(n, moved, left int) {
	s.t.Helper()
	m, l, err := s.hub.More(s.t.Context(), aliceBob, n)
	if err != nil || m != moved || l != left {
		s.t.Errorf("More(%d) = %d, %d, %v; want %d, %d", n, m, l, err, moved, left)
	}
}

func numbers(from, until int) (all []string) {
	for i := from; i < until; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// TestFloodIsSetAside: what a box that is on cannot show is kept in order, one line
// says so, and when the friend has paused all goes on.
func TestFloodIsSetAside(t *testing.T) {
	onFlood(t, func(s *flooded) {
		for range highTide + 50 { // read as fast as it comes
			s.writes(1)
			if s.n <= highTide {
				s.wants(fmt.Sprint(s.n - 1))
			} else if s.n == highTide+1 {
				s.wants("(0 more)")
			} else {
				s.wants()
			}
		}
		<-time.After(lowTide*linePace - time.Second)
		s.writes(1)
		s.wants()
		<-time.After(lowTide * linePace)
		s.writes(2)
		s.wants(numbers(highTide+51, highTide+53)...)
		s.more(20, 20, 31)
		s.wants(numbers(highTide, highTide+20)...)
		s.more(100, 31, 0)
		s.wants(numbers(highTide+20, highTide+51)...)
		for len(s.net.calls) > 0 { // folded lines are not read, nor is the line that stands for them
			if c := <-s.net.calls; c.kind == kindRead && len(c.m.Text.Body) == 3 && c.m.Text.Body > fmt.Sprint("$", highTide-1) && c.m.Text.Body < fmt.Sprint("$", highTide+51) {
				t.Errorf("%s was shown as read", c.m.Text.Body)
			}
		}
	})
}

// TestPeopleAreNoFlood: a poem, somebody who types fast for an hour, and what came
// late.
func TestPeopleAreNoFlood(t *testing.T) {
	onFlood(t, func(s *flooded) {
		s.writes(20)
		s.wants(numbers(0, 20)...)
		for range 1200 {
			<-time.After(3 * time.Second)
			s.writes(1)
			s.wants(fmt.Sprint(s.n - 1))
		}
		<-time.After(time.Minute)
		from := s.n
		s.writes(highTide)
		s.wants(numbers(from, s.n)...)
	})
}

// TestUnreadAlsoFills: a box that is on and does not answer is not drowned when
// it does; one that is off keeps all until it signs in.
func TestUnreadAlsoFills(t *testing.T) {
	onFlood(t, func(s *flooded) {
		for range highTide + 10 {
			s.writes(1)
			<-time.After(time.Minute)
		}
		s.wants(append(numbers(0, highTide), "(0 more)")...)
		s.writes(1)
		s.wants(fmt.Sprint(highTide + 10))
		s.more(20, 10, 0)
		s.wants(numbers(highTide, highTide+10)...)
		s.hub.Stand(alice, s.hub.Seat(alice))
		from := s.n
		s.writes(2 * highTide)
		s.wants(numbers(from, s.n)...)
	})
}

// TestFloodsApart: one friend's flood sets nothing aside of another's, of a room's or
// without the helper, who would bring it back.
func TestFloodsApart(t *testing.T) {
	onFlood(t, func(s *flooded) {
		s.writes(highTide + 1)
		s.receive(MessageEvent{Event: "$c", Account: alice, From: "cleo", Name: "Cleo", Text: text.Content{Body: "hi"}, Time: time.Now()})
		for i := range highTide + 1 {
			s.receive(MessageEvent{Event: id.Event(fmt.Sprint("$r", i)), Account: alice, From: "room", Name: "Room", Speaker: "Bob", Text: text.Content{Body: "hi"}, Time: time.Now()})
		}
		kept, err := s.hub.Kept(s.t.Context(), alice)
		if err != nil || len(kept) != 1 || kept[0] != (Backlog{Peer: bob, Count: 1}) {
			t.Errorf("kept: %v, %v", kept, err)
		}
		s.reads()
		if _, _, err := s.hub.RemoveContact(s.t.Context(), alice, helper, listForward, nil); err != nil {
			t.Fatal(err)
		}
		from := s.n
		s.writes(highTide + 1)
		s.wants(numbers(from, s.n)...)
	})
}

// TestWhatIsSetAsideIsStillFound by what is said of it later: it is corrected and
// taken back where it is kept, and answered; what comes twice comes once.
func TestWhatIsSetAsideIsStillFound(t *testing.T) {
	onFlood(t, func(s *flooded) {
		s.writes(highTide + 4)
		s.reads()
		at := func(i int) id.Event { return id.Event(fmt.Sprint("$", highTide+i)) }
		fix := message("$fix", "corrected")
		fix.Replaces, fix.Text.Edited = at(0), true
		s.receive(fix)
		s.receive(DeletionEvent{Event: "$gone", Account: alice, From: "bob", Name: "Bob", Of: at(1)})
		again := message(string(at(2)), "again")
		s.receive(again)
		answer := message("$answer", "yes")
		answer.Answers = at(3)
		s.receive(answer)
		s.wants()
		s.more(20, 4, 0)
		s.wants("corrected", fmt.Sprint(highTide+2), fmt.Sprint(highTide+3), fmt.Sprintf("(re Bob: %q) yes", fmt.Sprint(highTide+3)))
	})
}

// TestWhatIsKeptHasALimit, which is told in its place.
func TestWhatIsKeptHasALimit(t *testing.T) {
	onFlood(t, func(s *flooded) {
		s.hub.maxFolded = 3
		s.writes(highTide + 10)
		s.wants(append(numbers(0, highTide), "(0 more)")...)
		s.more(20, 4, 0)
		s.wants(append(numbers(highTide, highTide+3), "(More messages came than can wait here. The newest were not kept.)")...)
		s.writes(1)
		s.more(20, 1, 0)
		s.wants(fmt.Sprint(highTide + 10))
	})
}

// TestTidesAreBounded: those in which all was read go first.
func TestTidesAreBounded(t *testing.T) {
	var all tides
	now := time.Unix(1000, 0)
	keys := func(i int) id.Conversation {
		return id.Conversation{Account: alice, Peer: id.Address(fmt.Sprintf("f%d@fake.example", i))}
	}
	high := tide{read: now.Add(time.Hour), high: true}
	all.note(keys(0), high, now)
	for i := 1; i < maxTides; i++ {
		all.note(keys(i), tide{read: now}, now)
	}
	all.note(keys(maxTides), high, now.Add(time.Second))
	if len(all.of) != 2 || all.at(keys(0)) != high || all.at(keys(maxTides)) != high || all.at(keys(1)) != (tide{}) {
		t.Errorf("%d are remembered", len(all.of))
	}
	for i := range 2 * maxTides {
		all.note(keys(i), high, now)
		if len(all.of) > maxTides {
			t.Fatalf("%d are remembered", len(all.of))
		}
	}
}

// TestFoldedIsNotDelivered: the states of the rows.
func TestFoldedIsNotDelivered(t *testing.T) {
	onFlood(t, func(s *flooded) {
		s.writes(highTide + 1)
		s.reads()
		err := s.st.View(s.t.Context(), func(tx *store.Tx) error {
			row, err := tx.IncomingByEvent(aliceBob, "fake", id.Event(fmt.Sprint("$", highTide)))
			if err != nil || row.State != store.Folded {
				t.Errorf("%+v, %v", row, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
