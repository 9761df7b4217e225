package box

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
	"wtvgate/msnp/wire"
)

// flood_test.go: what friends who write too much, or to nobody, come to know, and
// what the box then shows.

// TestFloodOnTheBox: of a script's hundred lines an open conversation shows as many
// as one can read, a line that says so, and the rest when it is asked for, in order.
func TestFloodOnTheBox(t *testing.T) {
	r := newRig(t, withHelper(t))
	r.gw.greetAfter = time.Hour
	b := r.online("alice", wire.MSNP8)
	r.writes("alice", "line 0")
	talk := b.answer(bob)
	for i := 1; i < 100; i++ {
		r.writes("alice", fmt.Sprint("line ", i))
	}
	shows := func(first, last int) {
		t.Helper()
		for i := first; i <= last; i++ {
			talk.reads(fmt.Sprint("line ", i))
		}
	}
	shows(0, 59)
	talk.reads("(More comes than a TV can show. To read the rest,\ntell Helper: more bob)")
	help := b.open(helperAddr)
	for first := 60; first < 100; first += 20 {
		help.say("more bob")
		shows(first, first+19)
	}
	help.say("more bob")
	r.writes("alice", "the flood is not over yet")
	help.say("more")
	talk.reads("the flood is not over yet")
	for len(r.net.calls) > 0 {
		var event int
		call := <-r.net.calls
		if _, err := fmt.Sscanf(call, "read $%d", &event); err == nil && event > 60 {
			t.Errorf("a line that was set aside was shown as read: %s", call)
		}
	}
}

// postNet is a network whose friends are told that what they write waits.
type postNet struct{ *testNet }

func (postNet) Name() id.Network          { return "post" }
func (postNet) Serves(domain string) bool { return domain == "post.example" }
func (postNet) Address(r id.Remote) (id.Address, error) {
	return id.Address(r) + "@post.example", nil
}
func (postNet) TellsWaiting() bool { return true }
func (n postNet) Waiting(_ context.Context, m bridge.Outbound) error {
	n.calls <- "tell " + string(m.To)
	return nil
}

// TestToldEachTimeTheBoxIsOff, also when a ring was not answered before: after OUT and
// after a line that was lost, and not again for a line that comes back.
func TestToldEachTimeTheBoxIsOff(t *testing.T) {
	p := postNet{newTestNet()}
	n := 0
	onStage(t, FlattenNobody, func(s *stage) {
		<-p.up
		s.gw.boards = &bells{}
		writes := func() {
			t.Helper()
			n++
			err := p.in.Receive(s.t.Context(), bridge.MessageEvent{Event: id.Event(fmt.Sprint("$", n)), Account: acct("alice"), From: "dan",
				Name: "Dan", Text: text.Content{Body: "hi"}, Time: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
		}
		told := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for len(p.calls) > 0 {
				got = append(got, <-p.calls)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		a := s.visible("alice", wire.Online)
		writes() // rings, and nobody answers
		<-time.After(time.Hour)
		told("while the box is on")
		a.Done()
		writes()
		writes()
		<-time.After(time.Minute)
		told("off", "tell dan")

		a = s.visible("alice", wire.Online)
		a.Dropped()
		writes()
		<-time.After(5 * time.Second)
		a = s.visible("alice", wire.Online)
		<-time.After(time.Hour)
		told("back within the grace")
		a.Dropped()
		writes()
		<-time.After(bridge.WaitGrace + time.Second)
		writes()
		<-time.After(time.Hour)
		told("its line was lost", "tell dan")
		writes()
		<-time.After(time.Hour)
		told("still off")
	}, func(*bridge.Hub) bridge.Network { return p })
}
