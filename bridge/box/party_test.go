package box

import (
	"slices"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
	"wtvgate/msnp/wire"
)

const ann = "ann@test.example"

// together is a box with two friends in one board.
func (r *rig) together() (*box, *board) {
	r.t.Helper()
	b := r.online("alice", wire.MSNP8)
	b.add(wire.Forward, bob)
	r.asked("invite bob")
	talk := b.open(bob)
	if _, err := talk.Call(r.t.Context(), ann); err != nil {
		r.t.Fatal(err)
	}
	return b, talk
}

// TestPartyTogether: what a box writes to two friends goes to their common
// conversation, once, and what is said there comes from who said it; without the
// board it rings as a contact of its own, which can be answered.
func TestPartyTogether(t *testing.T) {
	r := newRig(t)
	r.net.gathers = true
	b, talk := r.together()
	talk.say("hello both")
	r.asked("send room hello both")
	says := func(event id.Event, speaker, words string) {
		r.receive(bridge.MessageEvent{Event: event, Account: acct("alice"), From: "room", Author: "bob", Speaker: speaker,
			Text: text.Content{Body: words}, Time: time.Now()})
	}
	says("$r", bob, "hello Alice")
	if m := talk.reads("hello Alice"); m.From.Address != bob {
		t.Errorf("from %+v", m.From)
	}
	r.asked("read $r")
	if err := talk.Close(); err != nil {
		t.Fatal(err)
	}
	says("$s", "Bob", "still there?")
	again := b.answer("room@test.example")
	if m := again.reads("still there?"); m.From.Name != "Bob" {
		t.Errorf("from %+v", m.From)
	}
	r.asked("read $s")
	again.say("yes")
	r.asked("send room yes")
}

// TestPartyApart: where they cannot be brought together, each is written to alone.
func TestPartyApart(t *testing.T) {
	r := newRig(t)
	_, talk := r.together()
	talk.say("hello")
	got := []string{<-r.net.calls, <-r.net.calls}
	slices.Sort(got)
	if !slices.Equal(got, []string{"send ann hello", "send bob hello"}) {
		t.Errorf("the network was asked to %q", got)
	}
}

// TestPartyBlocked: who is blocked is not heard among others either.
func TestPartyBlocked(t *testing.T) {
	r := newRig(t)
	r.net.gathers = true
	b, talk := r.together()
	talk.say("hello both")
	r.asked("send room hello both")
	b.add(wire.Block, bob)
	r.receive(bridge.MessageEvent{Event: "$1", Account: acct("alice"), From: "room", Author: "bob", Speaker: "Bob", Text: text.Content{Body: "psst"}, Time: time.Now()})
	r.receive(bridge.MessageEvent{Event: "$2", Account: acct("alice"), From: "room", Author: "ann", Speaker: "Ann", Text: text.Content{Body: "hi"}, Time: time.Now()})
	talk.reads("hi")
}
