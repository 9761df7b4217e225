package matrix

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	mid "maunium.net/go/mautrix/id"
)

// rows.go: the statements on matrix_inbox.

// pushed is what the inbox must know of an event; the rest stays as it came.
type pushed struct {
	ID     mid.EventID `json:"event_id"`
	Room   mid.RoomID  `json:"room_id"`
	Sender mid.UserID  `json:"sender"`
	raw    json.RawMessage
	seq    int64 // of a row that is there
}

// readPushed reads the part; false for what is no event of a room.
func readPushed(raw json.RawMessage) (p pushed, ok bool) {
	if json.Unmarshal(raw, &p) != nil || p.ID == "" || p.Room == "" {
		return p, false
	}
	p.raw = raw
	return p, true
}

const insertRow = `INSERT INTO matrix_inbox (event, room, sender, raw, received) VALUES (?, ?, ?, ?, ?) ON CONFLICT (event) DO NOTHING`

// put stores events in one transaction; those that are known already it leaves
// alone. Dedupe is by event and never by transaction: a repeated transaction may
// hold more than the first (matrix.md 4).
func (b *inbox) put(ctx context.Context, events []pushed) error {
	return b.inTx(ctx, "store events", func(ctx context.Context, tx *sql.Tx) error {
		return b.insert(ctx, tx, events)
	})
}

func (b *inbox) insert(ctx context.Context, tx *sql.Tx, events []pushed) error {
	now := b.n.now().UnixMilli()
	for _, e := range events {
		if _, err := tx.ExecContext(ctx, insertRow, e.ID, e.Room, e.Sender, []byte(e.raw), now); err != nil {
			return err
		}
	}
	return nil
}

// inTx runs f in a transaction.
func (b *inbox) inTx(ctx context.Context, what string, f func(context.Context, *sql.Tx) error) error {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	tx, err := b.n.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("matrix: %s: %w", what, err)
	}
	if err := f(ctx, tx); err != nil {
		_ = tx.Rollback() // the cause says more
		return fmt.Errorf("matrix: %s: %w", what, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("matrix: %s: %w", what, err)
	}
	return nil
}

// backfill brings the messages from before we joined into the inbox and marks
// the room joined, in one transaction. Events of this room that were pushed
// meanwhile and wait are put in order: first those that the history has, in its
// order, then the rest.
func (b *inbox) backfill(ctx context.Context, rid mid.RoomID, history []pushed) error {
	return b.inTx(ctx, "store history", func(ctx context.Context, tx *sql.Tx) error {
		waiting, err := b.takeNew(ctx, tx, rid)
		if err != nil {
			return err
		}
		inHistory := make(map[mid.EventID]bool)
		for _, e := range history {
			inHistory[e.ID] = true
		}
		waiting = slices.DeleteFunc(waiting, func(e pushed) bool { return inHistory[e.ID] })
		if err := b.insert(ctx, tx, append(slices.Clone(history), waiting...)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE matrix_rooms SET state = ?, active = ? WHERE room = ?`,
			stateJoined, b.n.now().UnixMilli(), rid)
		return err
	})
}

// takeNew takes a room's new rows out, to be inserted again in another order.
func (b *inbox) takeNew(ctx context.Context, tx *sql.Tx, rid mid.RoomID) ([]pushed, error) {
	all, err := newRows(ctx, tx, rid)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM matrix_inbox WHERE room = ? AND state = 0`, rid)
	return all, err
}

// newRows lists a room's new rows in their order.
func newRows(ctx context.Context, tx *sql.Tx, rid mid.RoomID) ([]pushed, error) {
	rows, err := tx.QueryContext(ctx, `SELECT seq, event, sender, raw FROM matrix_inbox WHERE room = ? AND state = 0 ORDER BY seq`, rid)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []pushed
	for rows.Next() {
		e := pushed{Room: rid}
		if err := rows.Scan(&e.seq, &e.ID, &e.Sender, (*[]byte)(&e.raw)); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

// waiting lists the rooms with new rows, in the order in which they came.
func (b *inbox) waiting(ctx context.Context) ([]mid.RoomID, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	rows, err := b.n.db.QueryContext(ctx, `SELECT room FROM matrix_inbox WHERE state = 0 GROUP BY room ORDER BY min(seq)`)
	if err != nil {
		return nil, fmt.Errorf("matrix: list the inbox: %w", err)
	}
	defer rows.Close()
	var all []mid.RoomID
	for rows.Next() {
		var r mid.RoomID
		if err := rows.Scan(&r); err != nil {
			return nil, fmt.Errorf("matrix: list the inbox: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// newRow is a row that was not handled yet; seq is its place in the order.
type newRow struct {
	seq   int64
	event mid.EventID
	raw   []byte
}

// first is a room's oldest new row; sql.ErrNoRows if there is none.
func (b *inbox) first(ctx context.Context, r mid.RoomID) (next newRow, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = b.n.db.QueryRowContext(ctx, `SELECT seq, event, raw FROM matrix_inbox WHERE room = ? AND state = 0
		ORDER BY seq LIMIT 1`, r).Scan(&next.seq, &next.event, &next.raw)
	return next, err
}

// newest is the highest number that a row has.
func (b *inbox) newest(ctx context.Context) (seq int64, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	if err := b.n.db.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM matrix_inbox`).Scan(&seq); err != nil {
		return 0, fmt.Errorf("matrix: look at the inbox: %w", err)
	}
	return seq, nil
}

// settle ends a row's work. The text goes: the row stays for what repeats.
func (b *inbox) settle(ctx context.Context, ev mid.EventID, state int) error {
	return b.n.exec(ctx, "settle event", `UPDATE matrix_inbox SET state = ?, raw = x'' WHERE event = ?`, state, ev)
}

// roomOfEvent finds where an event happened; "" if it is not remembered.
func (b *inbox) roomOfEvent(ctx context.Context, ev mid.EventID) (r mid.RoomID, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = b.n.db.QueryRowContext(ctx, `SELECT coalesce((SELECT room FROM matrix_inbox WHERE event = ?), '')`, ev).Scan(&r)
	if err != nil {
		return "", fmt.Errorf("matrix: find event: %w", err)
	}
	return r, nil
}

// senderOf is who wrote an event; "" if it is not remembered.
func (b *inbox) senderOf(ctx context.Context, ev mid.EventID) (user mid.UserID, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = b.n.db.QueryRowContext(ctx, `SELECT coalesce((SELECT sender FROM matrix_inbox WHERE event = ?), '')`, ev).Scan(&user)
	if err != nil {
		return "", fmt.Errorf("matrix: find event: %w", err)
	}
	return user, nil
}

// How long rows are kept that are no longer needed for their own sake.
const (
	keepEvents = 7 * 24 * time.Hour  // longer than any homeserver repeats (matrix.md 13)
	keepRooms  = 30 * 24 * time.Hour // what we left; the friend may still invite us back
	pruneEvery = time.Hour
)

// prune forgets what is older than that.
func (b *inbox) prune(ctx context.Context) error {
	now := b.n.now()
	if err := b.n.exec(ctx, "prune the inbox", `DELETE FROM matrix_inbox WHERE state > 0 AND received < ?`,
		now.Add(-keepEvents).UnixMilli()); err != nil {
		return err
	}
	if err := b.n.pruneCiphertexts(ctx); err != nil {
		return err
	}
	return b.n.exec(ctx, "prune rooms", `DELETE FROM matrix_rooms WHERE state = ? AND active < ?`,
		stateLeft, now.Add(-keepRooms).UnixMilli())
}
