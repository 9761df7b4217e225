package matrix

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wtvgate/bridge"
)

// shown are the events that a room shows already.
func (r *fakeRoom) shown() []m {
	return slices.DeleteFunc(slices.Clone(r.events), func(e m) bool { return r.hidden[e["event_id"].(string)] })
}

// linked is a sync of the form in which each event names the one before it, whether
// that is shown or not.
func (hs *homeserver) linked(user string) m {
	rooms := m{}
	for rid, r := range hs.rooms {
		if r.membership(user) != "join" {
			continue
		}
		var line []m
		before := "$before" + rid
		for _, e := range r.events {
			if id := e["event_id"].(string); !r.hidden[id] {
				line = append(line, m{"event_id": id, "state_key": e["state_key"], "prev_events": []string{before}})
			}
			before = e["event_id"].(string)
		}
		rooms[rid] = m{"timeline": m{"events": line[max(0, len(line)-20):]}}
	}
	return m{"rooms": m{"join": rooms}}
}

// outage is a network that was away, and a room in which two messages were handled
// before that.
type outage struct {
	*world
	rid   string
	ahead atomic.Int64 // of the clock
}

func newOutage(t *testing.T) *outage {
	w := &outage{world: newWorld(t)}
	w.phase, w.slow = time.Hour, 20*time.Millisecond
	w.o.Now = func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.start()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
	w.rid = w.joined()
	w.push("0", w.write("$zero"), w.write("$one"))
	await[bridge.MessageEvent](t, w.core, 2)
	w.n.inbox.begins()
	return w
}

// write puts a message of the friend's into the room.
func (w *outage) write(ev string) m {
	e := textEv(w.rid, ev, bobID, ev)
	e["origin_server_ts"] = w.o.Now().UnixMilli()
	w.hs.with(w.rid, func(r *fakeRoom) { r.events = append(r.events, e) })
	return e
}

// hide has the room not show events, or all of them again.
func (w *outage) hide(events ...string) {
	w.hs.with(w.rid, func(r *fakeRoom) {
		r.hidden = make(map[string]bool)
		for _, e := range events {
			r.hidden[e] = true
		}
	})
}

// look does something and waits until the room was looked at for it.
func (w *outage) look(do func()) {
	w.t.Helper()
	count := func() (n int) {
		for _, c := range w.hs.find("GET /sync") {
			if strings.Contains(c.query.Get("filter"), `"federation"`) {
				n++
			}
		}
		return n
	}
	before := count()
	do()
	for all := len(w.hs.find("GET /sync")); count() == before; all++ {
		w.hs.wait("GET /sync", all+1)
	}
}

func (w *outage) received(want ...string) {
	w.t.Helper()
	if got := bodies(await[bridge.MessageEvent](w.t, w.core, len(want))); !slices.Equal(got, want) {
		w.t.Fatalf("received %q, want %q", got, want)
	}
}

// TestOrderWhileTheHistoryHasAHole: a homeserver that was stopped shows what was
// written since, and only later what it had in hand: what follows waits for that.
func TestOrderWhileTheHistoryHasAHole(t *testing.T) {
	for name, pushed := range map[string]bool{"it is pushed at last": true, "it shows in the history": false} {
		t.Run(name, func(t *testing.T) {
			w := newOutage(t)
			two, three, four := w.write("$two"), w.write("$three"), w.write("$four")
			w.hide("$two", "$three")
			w.look(func() { w.push("4", four) })
			w.look(func() { w.ahead.Add(int64(holeLook)) })
			w.received("$zero", "$one")
			w.hide()
			if pushed {
				w.push("3", three)
			} else {
				w.ahead.Add(int64(holeLook))
			}
			w.received("$zero", "$one", "$two", "$three", "$four")
			w.push("2", two, three)
			w.eventually("all is done", `SELECT count(*) = 0 FROM matrix_inbox WHERE state = 0`)
			w.received("$zero", "$one", "$two", "$three", "$four")
		})
	}
}

// A hole that stays does not keep the room for ever.
func TestHoleThatStays(t *testing.T) {
	w := newOutage(t)
	w.write("$two")
	three := w.write("$three")
	w.hide("$two")
	w.look(func() { w.push("3", three) })
	w.look(func() { w.ahead.Add(int64(holeLook)) }) // it waits still
	w.received("$zero", "$one")
	w.ahead.Add(int64(holeWait))
	w.received("$zero", "$one", "$three")
}

// What is before a ghost's own coming in it may not see, and what was handled
// already is too late to wait for.
func TestWhatIsNoHole(t *testing.T) {
	w := newOutage(t)
	join := memberEv(w.rid, "$again", ghostA, ghostA, "join")
	w.hs.with(w.rid, func(r *fakeRoom) {
		r.events = append(r.events, textEv(w.rid, "$unseen", bobID, "unseen"), join)
		r.hidden = map[string]bool{"$unseen": true}
	})
	w.push("2", w.write("$two"))
	w.received("$zero", "$one", "$two")

	w.write("$three")
	w.hide("$unseen", "$three")
	w.push("4", w.write("$four")) // the homeserver was not seen to be away
	w.received("$zero", "$one", "$two", "$four")
	w.n.inbox.begins()
	w.push("5", w.write("$five"))
	w.received("$zero", "$one", "$two", "$four", "$five")
}

// TestPushedWhileTheHistoryIsAsked: what is written after the history was asked for
// the order is not in it, and newer than what is.
func TestPushedWhileTheHistoryIsAsked(t *testing.T) {
	w := newOutage(t)
	answer := make(chan struct{})
	pages := len(w.hs.find("GET /messages"))
	w.hs.fail(fault{match: "GET /messages", times: 1, hold: answer})
	two, three := w.write("$two"), w.write("$three")
	w.push("3", three)
	w.hs.wait("GET /messages", pages+1)
	w.push("4", w.write("$four"), w.write("$five"))
	close(answer)
	w.received("$zero", "$one", "$two", "$three", "$four", "$five")
	w.push("2", two)
	w.eventually("all is done", `SELECT count(*) = 0 FROM matrix_inbox WHERE state = 0`)
	w.received("$zero", "$one", "$two", "$three", "$four", "$five")
}

// TestPushedWhileTheHoleIsFound: what is pushed between the look and the answer does
// not close the hole, as its place is not known.
func TestPushedWhileTheHoleIsFound(t *testing.T) {
	w := newOutage(t)
	two, three, four := w.write("$two"), w.write("$three"), w.write("$four")
	w.hide("$two", "$three")
	answer := make(chan struct{})
	pages := len(w.hs.find("GET /messages"))
	w.hs.fail(fault{match: "GET /messages", times: 1, hold: answer})
	w.push("4", four)
	w.hs.wait("GET /messages", pages+1)
	w.hide()
	w.push("3", three)
	close(answer)
	w.received("$zero", "$one", "$two", "$three", "$four")
	w.push("2", two)
	w.eventually("all is done", `SELECT count(*) = 0 FROM matrix_inbox WHERE state = 0`)
}

// Rooms for several people wait too.
func TestOrderWhileARoomHasAHole(t *testing.T) {
	w := newCrowd(t)
	w.phase = time.Hour
	w.begin()
	w.goesIn(alice, aliasG)
	line := func(ev string) m {
		e := textEv(roomG, ev, bobID, ev)
		e["origin_server_ts"] = time.Now().UnixMilli()
		w.hs.with(roomG, func(r *fakeRoom) { r.events = append(r.events, e) })
		return e
	}
	w.push("1", line("$1"))
	await[bridge.MessageEvent](t, w.core, 1)
	w.n.inbox.begins()
	two, three := line("$2"), line("$3")
	w.push("3", three)
	if got := bodies(await[bridge.MessageEvent](t, w.core, 3)); !slices.Equal(got, []string{"$1", "$2", "$3"}) {
		t.Errorf("received %q", got)
	}
	w.push("2", two)
	w.eventually("all is done", `SELECT count(*) = 0 FROM matrix_inbox WHERE state = 0`)
	if got := of[bridge.MessageEvent](w.core); len(got) != 3 {
		t.Errorf("%d messages", len(got))
	}
}
