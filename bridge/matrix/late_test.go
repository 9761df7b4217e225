package matrix

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"wtvgate/bridge"
)

// still is a network whose clock stands until it is moved, with a joined room: what
// is held is held until then.
type still struct {
	*world
	rid   string
	begin time.Time
	gone  atomic.Int64
}

func newStill(t *testing.T) *still {
	t.Helper()
	w := &still{world: newWorld(t), begin: time.Now()}
	w.phase, w.slow = time.Hour, 10*time.Millisecond
	w.o.Now = func() time.Time { return w.begin.Add(time.Duration(w.gone.Load())) }
	w.start()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
	w.flows(func() { w.rid = w.joined() }) // an event too
	return w
}

// flows lets the clock go on while something is done.
func (w *still) flows(do func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.gone.Add(int64(w.slow))
			case <-end:
				return
			}
		}
	}()
	defer func() { close(end); <-ended }()
	do()
}

// ago is a message of so long ago.
func (w *still) ago(ev, body string, d time.Duration) m {
	e := textEv(w.rid, ev, bobID, body)
	e["origin_server_ts"] = w.o.Now().Add(-d).UnixMilli()
	return e
}

// received waits for the messages that come after the first few.
func (w *still) received(after int, want ...string) {
	w.t.Helper()
	if got := bodies(await[bridge.MessageEvent](w.t, w.core, after+len(want)))[after:]; !slices.Equal(got, want) {
		w.t.Errorf("received %q, want %q", got, want)
	}
}

// Rows that come while the room is worked on already are held as the first one is:
// what they overtook may still be on its way.
func TestOrderWhileTheRoomIsBusy(t *testing.T) {
	w := newStill(t)
	for i := range 5 {
		n := len(of[bridge.MessageEvent](w.core))
		id := func(s string) string { return fmt.Sprintf("$%s%d", s, i) }
		w.push(id("a"), w.ago(id("fresh"), "fresh", 0), w.ago(id("two"), "two", 8*time.Second))
		w.push(id("b"), w.ago(id("one"), "one", 9*time.Second))
		w.flows(func() { w.received(n, "fresh", "one", "two") })
	}
}

// What a homeserver pushed in vain while we were away comes again in any order,
// and is handled in the order in which it was written.
func TestOrderAfterBeingAway(t *testing.T) {
	w := newStill(t)
	w.push("1", w.ago("$2", "two", 8*time.Second))
	w.push("2", w.ago("$1", "one", 9*time.Second), w.ago("$3", "three", 7*time.Second))
	w.flows(func() { w.received(0, "one", "two", "three") })
	w.push("3", w.ago("$4", "fresh", 0)) // is not held
	w.received(3, "fresh")
}

// A friend's server with a clock that is fast does not undo that: its events say
// nothing of how old they are, and are held too.
func TestOrderAfterBeingAwayWithAFastClock(t *testing.T) {
	w := newStill(t)
	w.push("1", w.ago("$2", "two", 8*time.Second-2*time.Hour))
	w.push("2", w.ago("$1", "one", 9*time.Second-2*time.Hour), w.ago("$3", "three", 7*time.Second-2*time.Hour))
	w.flows(func() { w.received(0, "one", "two", "three") })
}
