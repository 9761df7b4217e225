package matrix

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"wtvgate/bridge"
)

// Rows that come while the room is worked on already are held as the first one is:
// what they overtook may still be on its way.
func TestOrderWhileTheRoomIsBusy(t *testing.T) {
	w := newWorld(t)
	w.phase, w.slow = time.Hour, time.Second
	w.start()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
	rid := w.joined()
	for i := range 5 {
		n := len(of[bridge.MessageEvent](w.core))
		base := time.Now().Add(-10 * time.Second)
		ev := func(id string, after time.Duration) m {
			e := textEv(rid, fmt.Sprintf("$%s%d", id, i), bobID, id)
			e["origin_server_ts"] = base.Add(after).UnixMilli()
			return e
		}
		fresh := textEv(rid, fmt.Sprintf("$fresh%d", i), bobID, "fresh")
		fresh["origin_server_ts"] = time.Now().UnixMilli()
		w.push(fmt.Sprintf("a%d", i), fresh, ev("two", 2*time.Second))
		w.push(fmt.Sprintf("b%d", i), ev("one", time.Second))
		if got := bodies(await[bridge.MessageEvent](t, w.core, n+3))[n:]; !slices.Equal(got, []string{"fresh", "one", "two"}) {
			t.Errorf("received %q", got)
		}
	}
}

// What a homeserver pushed in vain while we were away comes again in any order,
// and is handled in the order in which it was written.
func TestOrderAfterBeingAway(t *testing.T) {
	w := newWorld(t)
	w.phase, w.slow = time.Hour, time.Second
	w.start()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
	rid := w.joined()
	at := func(e m, ago time.Duration) m {
		e["origin_server_ts"] = time.Now().Add(-ago).UnixMilli()
		return e
	}
	w.push("1", at(textEv(rid, "$2", bobID, "two"), 8*time.Second))
	w.push("2", at(textEv(rid, "$1", bobID, "one"), 9*time.Second), at(textEv(rid, "$3", bobID, "three"), 7*time.Second))
	got := bodies(await[bridge.MessageEvent](t, w.core, 3))
	if !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("received %q", got)
	}
	w.push("3", at(textEv(rid, "$4", bobID, "fresh"), 0)) // is not held
	if got := bodies(await[bridge.MessageEvent](t, w.core, 4)); got[3] != "fresh" {
		t.Errorf("received %q", got)
	}
}
