package matrix

import (
	"slices"
	"testing"
	"time"

	"wtvgate/bridge"
)

// What a homeserver pushed in vain while we were away comes again in any order,
// and is handled in the order in which it was written.
func TestOrderAfterBeingAway(t *testing.T) {
	w := newWorld(t)
	w.phase, w.slow = time.Hour, 300*time.Millisecond
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
