package matrix

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	mid "maunium.net/go/mautrix/id"
)

// late.go: the order of what comes again after we were away. Dendrite gives back
// a push that failed to its queue and may take the next one out first, so that a
// room's messages come in another order than they were written [run].

const (
	// lateAfter is how old an event is that was pushed before, in vain: Dendrite's
	// first pause is 2 s. One from the future is held too: by a clock that goes wrong
	// nobody can tell how old it is.
	lateAfter = 1500 * time.Millisecond
	// latePhase is how long after the start such events come: Dendrite's longest
	// pause is 64 s (matrix.md 12). Later a push fails too, when the homeserver itself
	// restarts; but what is older than that then, or from the future, is from a server
	// whose clock is wrong, and is not held.
	latePhase = 90 * time.Second
)

const (
	// historyWait is how long a room waits for its history while the homeserver, which
	// has just pushed, cannot be asked: it is stopping or starting. After that the
	// messages matter more than their order.
	historyWait = 30 * time.Second
	// holeWait is the same for what the history does not show yet: Dendrite gives out
	// again after 30 s what its sync side had in hand when it was stopped (holes.go),
	// and pushes it then.
	holeWait = 45 * time.Second
)

// errHeld lets a room rest, so that what was written before comes in.
var errHeld = errors.New("matrix: waits for events from before the start")

// holdLate looks at the row that is next in a room. One that comes late rests until
// others are there; the first one after we were away may have overtaken others. Then
// the room's rows are put in the order in which they were written, with those before
// them whose push has not come yet (recall.go). Sorted: they were just now, and
// another may be the first.
func (b *inbox) holdLate(ctx context.Context, r mid.RoomID, w *roomWork, next newRow) (sorted bool, err error) {
	now := b.n.now()
	age := now.Sub(time.UnixMilli(writtenAt(next.raw))).Abs()
	begun, asked := b.begun(r)
	switch phase := b.n.pace.late; {
	case phase == 0, next.seq <= w.sorted, begun >= phase && (age <= lateAfter || age > phase), age <= lateAfter && asked:
		return false, nil
	}
	if w.held.IsZero() {
		w.held = now
	}
	held := now.Sub(w.held)
	if age > lateAfter && held < b.n.pace.roomMin {
		return false, errHeld
	}
	if open, err := b.open(ctx, w.hole, now); open || err != nil {
		return false, cmp.Or(err, errHeld)
	}
	known, err := b.recall(ctx, r)
	switch {
	case err == nil && known.hole != "" && held < holeWait:
		if known.hole != w.hole.event {
			b.n.log.Info("the homeserver has not got an event ready that others follow; the room waits for it", "room", r, "event", known.hole, "longest", holeWait-held)
		}
		w.hole = hole{event: known.hole, seen: now}
		return false, errHeld
	case err == nil:
		b.ask(r)
	case !permanent(err) && held < historyWait:
		return false, errHeld
	default:
		b.n.log.Debug("a room's history cannot be asked for the order of its events", "room", r, "err", err)
	}
	w.held, w.hole = time.Time{}, hole{}
	w.sorted, err = b.reorder(ctx, r, known)
	return err == nil, err
}

func writtenAt(raw []byte) int64 {
	var e struct {
		Time int64 `json:"origin_server_ts"`
	}
	if json.Unmarshal(raw, &e) != nil {
		return 0
	}
	return e.Time
}

// reorder sorts a room's new rows as its history has them, and what is not in it by
// when it was written: what was here before the history was asked is older than its
// page, and comes first; what was pushed meanwhile is newer and comes last. It gives
// the number of the last row whose place is known.
func (b *inbox) reorder(ctx context.Context, r mid.RoomID, known recalled) (last int64, err error) {
	err = b.inTx(ctx, "put events in order", func(ctx context.Context, tx *sql.Tx) error {
		if err := b.insert(ctx, tx, known.missing); err != nil {
			return err
		}
		rows, err := newRows(ctx, tx, r)
		if err != nil {
			return err
		}
		var sorted, newer []pushed
		for _, e := range rows {
			if known.place[e.ID] == 0 && e.seq > known.asked {
				newer = append(newer, e)
			} else {
				sorted = append(sorted, e)
			}
		}
		slices.SortStableFunc(sorted, func(x, y pushed) int {
			return cmp.Or(cmp.Compare(known.place[x.ID], known.place[y.ID]), cmp.Compare(writtenAt(x.raw), writtenAt(y.raw)))
		})
		if last, err = b.renumber(ctx, tx, sorted); err != nil {
			return err
		}
		_, err = b.renumber(ctx, tx, newer)
		return err
	})
	return last, err
}

// renumber gives rows the highest numbers, in their order, and tells the last.
func (b *inbox) renumber(ctx context.Context, tx *sql.Tx, rows []pushed) (last int64, err error) {
	for _, e := range rows {
		err := tx.QueryRowContext(ctx, `UPDATE matrix_inbox SET seq = (SELECT max(seq) + 1 FROM matrix_inbox) WHERE event = ? RETURNING seq`, e.ID).Scan(&last)
		if err != nil {
			return 0, err
		}
	}
	return last, nil
}
