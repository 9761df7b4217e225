package bridge

import (
	"testing"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
)

type heard struct {
	d    Direction
	o    Outcome
	took time.Duration
}

type ear []heard

func (e *ear) Message(d Direction, _ id.Network, o Outcome, took time.Duration) {
	*e = append(*e, heard{d, o, took})
}

// TestWatch: messages of people are told of, receipts and invitations are not.
func TestWatch(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	h := &Hub{now: func() time.Time { return now }}
	h.watch(ToBox, "matrix", kindMessage, Stored, time.Time{}) // nobody listens
	var e ear
	h.Watch(&e)
	h.watch(ToBox, "matrix", kindMessage, WrittenToBox, now.Add(-time.Minute))
	h.watch(ToBox, "matrix", kindMessage, WrittenToBox, now.Add(time.Minute)) // a clock that was put back
	h.watch(ToFriend, "matrix", kindRead, SentOn, now)
	h.watch(ToFriend, "matrix", kindInvite, SentOn, now)
	want := ear{{ToBox, WrittenToBox, time.Minute}, {ToBox, WrittenToBox, 0}}
	if len(e) != len(want) || e[0] != want[0] || e[1] != want[1] {
		t.Errorf("%+v", e)
	}
	for s, o := range map[store.State]Outcome{store.Sent: SentOn, store.FailedCertain: FailedCertain, store.FailedMaybe: FailedMaybe} {
		if got := outcomeOf(s); got != o {
			t.Errorf("%s: %s", s, got)
		}
	}
}
