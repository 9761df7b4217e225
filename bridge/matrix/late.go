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

// holdLate puts a room's rows in the order in which they were written, when they
// are from before the start: the first one rests once, until the others are
// there.
func (b *inbox) holdLate(ctx context.Context, r mid.RoomID, w *roomWork) error {
	if b.n.now().Sub(b.started) >= b.n.pace.late {
		return nil
	}
	if w.held {
		w.held = false
		return b.reorder(ctx, r)
	}
	_, raw, err := b.first(ctx, r)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !b.late(raw) {
		return nil
	} else if err != nil {
		return err
	}
	w.held = true
	return errHeld
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

// reorder sorts a room's new rows by when they were written.
func (b *inbox) reorder(ctx context.Context, r mid.RoomID) error {
	return b.inTx(ctx, "put events in order", func(ctx context.Context, tx *sql.Tx) error {
		rows, err := newRows(ctx, tx, r)
		if err != nil {
			return err
		}
		older := func(x, y pushed) int { return cmp.Compare(writtenAt(x.raw), writtenAt(y.raw)) }
		if slices.IsSortedFunc(rows, older) {
			return nil
		}
		slices.SortStableFunc(rows, older)
		for _, e := range rows {
			if _, err := tx.ExecContext(ctx, `UPDATE matrix_inbox SET seq = (SELECT max(seq) + 1 FROM matrix_inbox) WHERE event = ?`, e.ID); err != nil {
				return err
			}
		}
		return nil
	})
}
