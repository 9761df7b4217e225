package matrix

import (
	"slices"
	"testing"

	"wtvgate/bridge"
)

// tombstone is a room's end, with the room that takes its place.
func tombstone(room, event, sender, next string) m {
	e := ev(room, event, "m.room.tombstone", sender, m{"body": "moved", "replacement_room": next})
	e["state_key"] = ""
	return e
}

func TestTombstone(t *testing.T) {
	w := up(t)
	rid := w.joined()
	const next = "!next:hs.test"
	w.hs.with(next, func(r *fakeRoom) {
		r.members[bobID] = m{"membership": "join", "displayname": "Bob"}
		r.members[ghostA] = m{"membership": "invite"}
	})
	w.push("t", tombstone(rid, "$tomb", bobID, next))
	w.waitState(next, stateJoined)
	w.waitState(rid, stateLeft)
	w.push("n", textEv(next, "$new", bobID, "here now"))
	if got := bodies(await[bridge.MessageEvent](t, w.core, 1)); !slices.Equal(got, []string{"here now"}) {
		t.Errorf("received %q", got)
	}
	if _, err := w.n.Send(t.Context(), out("m1", "me too")); err != nil {
		t.Fatal(err)
	}
	if got := w.hs.bodies(next); !slices.Equal(got, []string{"me too"}) {
		t.Errorf("the new room has %q", got)
	}
}

// Messages of a thread are shown like others.
func TestThreadFlat(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.push("t", ev(rid, "$t", "m.room.message", bobID, m{"msgtype": "m.text", "body": "in a thread", "m.relates_to": m{"rel_type": "m.thread",
		"event_id": "$root", "is_falling_back": true, "m.in_reply_to": m{"event_id": "$root"}}}))
	if got := bodies(await[bridge.MessageEvent](t, w.core, 1)); !slices.Equal(got, []string{"in a thread"}) {
		t.Errorf("received %q", got)
	}
}

// A tombstone does not lead a ghost into a room for several people, nor does a
// stranger's lead anywhere.
func TestTombstoneLeadsAstray(t *testing.T) {
	w := up(t)
	rid := w.joined()
	const crowd = "!crowd:hs.test"
	w.hs.with(crowd, func(r *fakeRoom) {
		for _, user := range []string{bobID, "@a:hs.test", "@b:hs.test"} {
			r.members[user] = m{"membership": "join"}
		}
		r.members[ghostA] = m{"membership": "invite"}
	})
	w.push("t", tombstone(rid, "$tomb", bobID, crowd))
	w.waitState(crowd, stateLeft)
	w.waitState(rid, stateLeft)
	second := w.joined()
	w.push("u", tombstone(second, "$tomb2", "@stranger:hs.test", "!other:hs.test"))
	w.waitState(second, stateLeft)
	if n := len(w.hs.find("POST /rooms/!other:hs.test/join")); n != 0 {
		t.Errorf("%d joins of a stranger's room", n)
	}
}

func TestRepairAtStart(t *testing.T) {
	w := up(t)
	lost := w.joined()
	w.stop()
	const stray = "!stray:hs.test"
	w.hs.with(stray, func(r *fakeRoom) { r.members[ghostA] = m{"membership": "join"} })
	w.hs.with(lost, func(r *fakeRoom) { r.members[ghostA] = m{"membership": "leave"} })
	w.start()
	w.waitState(lost, stateLeft)
	w.hs.wait("POST /rooms/"+"%21stray:hs.test/leave", 1)
	if p, err := w.n.Presence(alice.Address, bobID); p != bridge.PresenceOffline || err != nil {
		t.Errorf("presence %v, %v", p, err)
	}
}

// Who is out already has left, in the words of each homeserver.
func TestLeavingTwice(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.hs.fail(fault{match: "POST /leave", times: 1, status: 400, body: `{"errcode":"M_UNKNOWN","error":"not joined"}`})
	w.hs.with(rid, func(r *fakeRoom) { r.members[ghostA] = m{"membership": "leave"} })
	if _, err := w.n.Send(t.Context(), out("m1", "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if got := w.hs.bodies("!made2:hs.test"); !slices.Equal(got, []string{"elsewhere"}) {
		t.Errorf("the new room has %q", got)
	}
}
