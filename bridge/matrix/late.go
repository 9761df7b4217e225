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
	// first pause is 2 s.
	lateAfter = 1500 * time.Millisecond
	// latePhase is how long after the start such events come: Dendrite's longest
	// pause is 64 s (matrix.md 12). Later an old event is one from a server whose
	// clock is wrong, and is not held.
	latePhase = 90 * time.Second
)

// errHeld lets a room rest, so that what was written before comes in.
var errHeld = errors.New("matrix: waits for events from before the start")

// holdLate looks at the row that is next in a room. One from before the start rests
// until others from then are there, and then the room's rows are put in the order in
// which they were written. Sorted: they were just now, and another may be the first.
func (b *inbox) holdLate(ctx context.Context, r mid.RoomID, w *roomWork, next newRow) (sorted bool, err error) {
	now := b.n.now()
	if now.Sub(b.started) >= b.n.pace.late || next.seq <= w.sorted || !b.late(next.raw) {
		return false, nil
	}
	if w.held.IsZero() {
		w.held = now
	}
	if now.Sub(w.held) < b.n.pace.roomMin {
		return false, errHeld
	}
	w.held = time.Time{}
	w.sorted, err = b.reorder(ctx, r)
	return err == nil, err
}

// late tells whether an event is older than a push takes.
func (b *inbox) late(raw []byte) bool {
	return b.n.now().Sub(time.UnixMilli(writtenAt(raw))) > lateAfter
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

// reorder sorts a room's new rows by when they were written, and gives the number
// of the last one: what has a higher one came later.
func (b *inbox) reorder(ctx context.Context, r mid.RoomID) (last int64, err error) {
	err = b.inTx(ctx, "put events in order", func(ctx context.Context, tx *sql.Tx) error {
		rows, err := newRows(ctx, tx, r)
		if err != nil {
			return err
		}
		slices.SortStableFunc(rows, func(x, y pushed) int { return cmp.Compare(writtenAt(x.raw), writtenAt(y.raw)) })
		for _, e := range rows {
			err := tx.QueryRowContext(ctx, `UPDATE matrix_inbox SET seq = (SELECT max(seq) + 1 FROM matrix_inbox) WHERE event = ? RETURNING seq`, e.ID).Scan(&last)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return last, err
}
