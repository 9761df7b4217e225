package bridge

import (
	"context"
	"fmt"
	"testing"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// line is somebody's line in a room.
func line(event, speaker string, by id.Remote, body string) MessageEvent {
	return MessageEvent{Event: id.Event(event), Account: alice, From: "retro", Name: "Retro", Speaker: speaker, By: by,
		Text: text.Content{Body: body}, Time: time.Now()}
}

// Whoever is blocked is not read in rooms either, and cannot react.
func TestBlockCountsInRooms(t *testing.T) {
	r := newRig(t)
	r.run()
	if _, _, err := r.hub.AddContact(t.Context(), alice, bob, "", listBlock, nil); err != nil {
		t.Fatal(err)
	}
	r.receive(line("$1", "Bob", "bob", "hidden"))
	r.receive(line("$2", "Carl", "carl", "shown"))
	r.receive(line("$3", "Dora", "", "shown too"))
	if err := r.hub.Say(t.Context(), id.Conversation{Account: alice, Peer: "retro@fake.example"}, text.Content{Body: "mine"}); err != nil {
		t.Fatal(err)
	}
	own := r.next(kindMessage)
	to := id.Event("$" + string(own.ID))
	r.eventually(func() bool {
		step, err := r.hub.Steps(t.Context(), string(own.ID))
		return err == nil && len(step) == 1 && step[0].Event == to
	})
	for i, by := range []id.Remote{"bob", "carl"} {
		r.receive(ReactionEvent{Event: id.Event(fmt.Sprint("$r", i)), Account: alice, From: "retro", Name: "Retro", Speaker: string(by), By: by,
			To: to, Emoji: "👍", Time: time.Now()})
	}
	equal(t, r.inbox(alice), []string{"retro@fake.example: shown", "retro@fake.example: shown too",
		`retro@fake.example: (carl reacted 👍 to "mine")`})
}

// eventually looks again until it is so.
func (r *rig) eventually(so func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatal("waited in vain")
		}
	}
}

// A box that is off finds the last lines of a room and a count of the rest; one
// that is on gets all.
func TestBacklogOfRoom(t *testing.T) {
	for _, lines := range []int{maxBacklog, maxBacklog + 1, maxBacklog + 5} {
		r := newRig(t)
		r.run()
		var want []string
		if n := lines - maxBacklog; n > 0 {
			want = append(want, fmt.Sprintf("retro@fake.example: (%d earlier lines were left out.)", n))
		}
		for i := range lines {
			r.receive(line(fmt.Sprint("$", i), "Bob", "bob", fmt.Sprint(i)))
			if i >= lines-maxBacklog {
				want = append(want, fmt.Sprint("retro@fake.example: ", i))
			}
		}
		equal(t, r.inbox(alice), want)
	}
	r := newRig(t)
	r.run()
	r.hub.Sit(alice, newSeat())
	for i := range 2 * maxBacklog {
		r.receive(line(fmt.Sprint("$", i), "Bob", "bob", "x"))
	}
	if n := len(r.inbox(alice)); n != 2*maxBacklog {
		t.Errorf("%d lines wait for a box that is on", n)
	}
}

// The network is told when a contact is off the list, however that happens.
func TestLeaveQueued(t *testing.T) {
	r := newRig(t)
	r.run()
	for i, off := range []func() error{
		func() error { _, _, err := r.hub.RemoveContact(t.Context(), alice, bob, listForward, nil); return err },
		func() error { _, _, err := r.hub.RemoveFromGroup(t.Context(), alice, bob, 0, nil); return err },
		func() error {
			g, _, err := r.hub.AddGroup(t.Context(), alice, "G")
			if err != nil {
				return err
			}
			if _, _, err = r.hub.AddToGroup(t.Context(), alice, bob, "", g.ID, nil); err != nil {
				return err
			}
			if _, _, err = r.hub.RemoveFromGroup(t.Context(), alice, bob, 0, nil); err != nil {
				return err
			}
			_, err = r.hub.RemoveGroup(t.Context(), alice, g.ID)
			return err
		},
	} {
		if _, _, err := r.hub.AddContact(t.Context(), alice, bob, "", listForward, nil); err != nil {
			t.Fatal(err)
		}
		r.next(kindInvite)
		if err := off(); err != nil {
			t.Fatal(i, err)
		}
		if m := r.next(kindLeave); m.To != "bob" || m.From.Address != alice {
			t.Errorf("left %+v", m)
		}
	}
	if _, _, err := r.hub.AddContact(t.Context(), alice, bob, "", listAllow, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.hub.RemoveContact(t.Context(), alice, bob, listAllow, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(r.net.calls); n != 0 {
		t.Errorf("%d calls for the allow list", n)
	}
}

// A friend's new name takes the place of the one that the friend had, and of none
// that the owner chose.
func TestFriendRenamed(t *testing.T) {
	r := newRig(t)
	r.run()
	r.receive(message("$1", "hi"))
	name := func() string {
		n, _ := r.hub.Known(t.Context(), alice, bob)
		return n
	}
	r.receive(PresenceEvent{Account: alice, From: "bob", Presence: PresenceOnline, Name: "Robert", Was: "Bob"})
	if name() != "Robert" {
		t.Errorf("called %q", name())
	}
	if _, _, err := r.hub.RenameContact(t.Context(), alice, bob, "Dad"); err != nil {
		t.Fatal(err)
	}
	r.receive(PresenceEvent{Account: alice, From: "bob", Presence: PresenceOnline, Name: "Bobby", Was: "Robert"})
	if name() != "Dad" {
		t.Errorf("called %q", name())
	}
}
