package matrix

import (
	"slices"
	"testing"
	"time"

	"wtvgate/bridge"
)

// What failed to be pushed may come a minute after those that follow it: the room's
// history is asked for it, and says the order, whatever the clocks say.
func TestOrderWhenAPushIsMissing(t *testing.T) {
	for name, step := range map[string]struct {
		pushed []int // of one to four; one was pushed before
		ago    time.Duration
	}{
		"the last alone, late":      {[]int{4}, 8 * time.Second},
		"the last alone, fresh":     {[]int{4}, 0},
		"backwards":                 {[]int{4, 3, 2}, 8 * time.Second},
		"by a clock that is slow":   {[]int{4, 2}, 3 * time.Hour},
		"by a clock that is fast":   {[]int{3, 4}, -3 * time.Hour},
		"by a clock that goes back": {[]int{2, 4}, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.phase, w.slow = time.Hour, 50*time.Millisecond
			w.start()
			w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
			rid := w.joined()
			events := make([]m, 5)
			for i, body := range []string{"zero", "one", "two", "three", "four"} {
				e := textEv(rid, "$"+body, bobID, body)
				at := time.Now().Add(-step.ago)
				if i > 0 && step.ago == 5*time.Second {
					at = at.Add(-time.Duration(i) * time.Second)
				}
				e["origin_server_ts"] = at.UnixMilli()
				events[i] = e
			}
			w.hs.with(rid, func(r *fakeRoom) {
				r.events = append(r.events, textEv(rid, "$before", bobID, "before our time"), events[0], events[1])
			})
			w.push("0", events[1])
			if got := bodies(await[bridge.MessageEvent](t, w.core, 1)); got[0] != "one" {
				t.Fatalf("received %q", got)
			}
			w.n.inbox.begins() // the homeserver was away
			own := textEv(rid, "$own", "@webtv_alice:hs.test", "an answer")
			w.hs.with(rid, func(r *fakeRoom) {
				r.events = append(r.events, events[2], events[3], own, events[4])
			})
			w.push("own", own) // that one was pushed
			w.eventually("our own is done", `SELECT count(*) FROM matrix_inbox WHERE event = '$own' AND state = 1`)
			for _, i := range step.pushed {
				w.push("p"+string(rune('0'+i)), events[i])
			}
			if got := bodies(await[bridge.MessageEvent](t, w.core, 4)); !slices.Equal(got, []string{"one", "two", "three", "four"}) {
				t.Errorf("received %q", got)
			}
			for i := 2; i < 5; i++ { // the push comes after all
				w.push("q"+string(rune('0'+i)), events[i])
			}
			last := textEv(rid, "$last", bobID, "last")
			last["origin_server_ts"] = time.Now().UnixMilli()
			w.push("l", last)
			if got := bodies(await[bridge.MessageEvent](t, w.core, 5)); got[4] != "last" || len(got) != 5 {
				t.Errorf("received %q", got)
			}
		})
	}
}

// TestOrderWhileTheHistoryCannotBeAsked: a homeserver that pushes and then stops
// leaves what it pushed in vain out; the room waits for its history.
func TestOrderWhileTheHistoryCannotBeAsked(t *testing.T) {
	w := newWorld(t)
	w.phase = time.Hour
	w.start()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
	rid := w.joined()
	var events []m
	for _, body := range []string{"one", "two", "three"} {
		e := textEv(rid, "$"+body, bobID, body)
		e["origin_server_ts"] = time.Now().UnixMilli()
		events = append(events, e)
	}
	w.hs.with(rid, func(r *fakeRoom) { r.events = append(r.events, events[0]) })
	w.push("0", events[0])
	await[bridge.MessageEvent](t, w.core, 1)
	w.n.inbox.begins() // the gateway was away
	w.hs.with(rid, func(r *fakeRoom) { r.events = append(r.events, events[1], events[2]) })
	w.hs.fail(fault{match: "GET /messages", times: 3, lose: true})
	w.push("2", events[2])
	if got := bodies(await[bridge.MessageEvent](t, w.core, 3)); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("received %q", got)
	}
	w.push("1", events[1]) // at last
	w.eventually("all is done", `SELECT count(*) = 0 FROM matrix_inbox WHERE state = 0`)
	if got := of[bridge.MessageEvent](w.core); len(got) != 3 {
		t.Errorf("%d messages", len(got))
	}
}

// TestEventBeforeOneThatIsDone: the homeserver was away so shortly that an event
// after the one it did not push was handled already: the next brings it in, not the
// homeserver's own try five minutes later. What is from before our time stays there.
func TestEventBeforeOneThatIsDone(t *testing.T) {
	w := newWorld(t)
	w.phase = time.Hour
	w.start()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
	rid := w.joined()
	at := func(body string) m {
		e := textEv(rid, "$"+body, bobID, body)
		e["origin_server_ts"] = time.Now().UnixMilli()
		return e
	}
	one, two, three, four := at("one"), at("two"), at("three"), at("four")
	w.hs.with(rid, func(r *fakeRoom) { r.events = append(r.events, at("before"), one) })
	w.push("1", one)
	await[bridge.MessageEvent](t, w.core, 1)
	w.hs.with(rid, func(r *fakeRoom) { r.events = append(r.events, two, three) })
	w.push("3", three)
	await[bridge.MessageEvent](t, w.core, 2)
	w.n.inbox.begins()
	w.hs.with(rid, func(r *fakeRoom) { r.events = append(r.events, four) })
	w.push("4", four)
	if got := bodies(await[bridge.MessageEvent](t, w.core, 4)); !slices.Equal(got, []string{"one", "three", "two", "four"}) {
		t.Errorf("received %q", got)
	}
}
