package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"wtvgate/bridge/id"
)

// Incoming is one message for a box: a row first, and then a ring (style.md 3.5).
type Incoming struct {
	ID      int64 // rises with time, never used again
	Account id.Account
	Peer    id.Address
	Network id.Network
	Event   id.Event
	Kind    string    // message, notice, aside, timeless, greeting
	Name    string    // the sender's screen name
	Body    []byte    // at most MaxBody
	Sent    time.Time // when the friend wrote it
	Stored  time.Time
	State   State // Pending, Delivered, Dropped, Folded
	// Revision is how often the body was changed; AddIncoming ignores it.
	Revision int
}

const (
	sqlPendingIncoming = `SELECT ` + incomingColumns + ` FROM inbox
		WHERE state = 'pending' AND account = ? AND id > ? ORDER BY id LIMIT ?`
	sqlCountIncoming     = `SELECT count(*) FROM inbox WHERE state = 'pending' AND account = ?`
	sqlCountIncomingPeer = sqlCountIncoming + ` AND peer = ?`
	sqlCountIncomingUpTo = `SELECT count(*) FROM (SELECT 1 FROM inbox WHERE state = 'pending' AND account = ? AND peer = ? LIMIT ?)`
	sqlMarkDelivered     = `UPDATE inbox SET state = 'delivered', changed = ? WHERE id = ? AND state = 'pending'`
)

// AddIncoming stores a message for an account and gives its number; ID and
// Stored are ignored, an empty state is Pending, a zero Sent is now.
// ErrNotFound: there is no such account. ErrTooLong.
func (tx *Tx) AddIncoming(i Incoming) (int64, error) {
	if len(i.Body) > MaxBody {
		return 0, fmt.Errorf("%w: a body of %d bytes", ErrTooLong, len(i.Body))
	}
	now := tx.s.now()
	if i.Sent.IsZero() {
		i.Sent = now
	}
	if i.State == "" {
		i.State = Pending
	}
	n, err := tx.insert(`INSERT INTO inbox (account, peer, network, event, kind, name, body, sent, stored, state, changed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, i.Account, i.Peer, i.Network, i.Event, i.Kind, cutName(i.Name),
		notNil(i.Body), millis(i.Sent), millis(now), i.State, millis(now))
	if err != nil {
		return 0, fmt.Errorf("store: message for %s: %w", i.Account, err)
	}
	return n, nil
}

// PendingIncoming gives up to limit messages that wait for an account, those
// with a number above after, in order. It sorts all of them: it is for looking at an
// inbox as a whole, and WaitingIncoming for the way to the box.
func (s *Store) PendingIncoming(ctx context.Context, a id.Account, after int64, limit int) ([]Incoming, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	all, err := q.incoming(sqlPendingIncoming, a, after, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("store: reading the messages for %s: %w", a, err)
	}
	return all, nil
}

func (q session) incoming(query string, args ...any) (all []Incoming, err error) {
	err = q.rows(query, args, func(rows *sql.Rows) error {
		i, err := scanIncoming(rows)
		all = append(all, i)
		return err
	})
	return all, err
}

// CountPendingIncoming counts what waits for an account, from one peer or, with
// an empty one, from all.
func (tx *Tx) CountPendingIncoming(a id.Account, peer id.Address) (n int, err error) {
	query, args := sqlCountIncomingPeer, []any{a, peer}
	if peer == "" {
		query, args = sqlCountIncoming, args[:1]
	}
	if err := tx.row(query, args, &n); err != nil {
		return 0, fmt.Errorf("store: counting the messages for %s: %w", a, err)
	}
	return n, nil
}

// CountUpTo is CountPendingIncoming of one conversation that stops at limit: it
// costs no more than that many rows.
func (tx *Tx) CountUpTo(c id.Conversation, limit int) (n int, err error) {
	if err := tx.row(sqlCountIncomingUpTo, []any{c.Account, c.Peer, limit}, &n); err != nil {
		return 0, fmt.Errorf("store: counting the messages of %s: %w", c, err)
	}
	return n, nil
}

// MarkDelivered records, in one transaction, that messages were written to their
// box. Numbers that are not pending are passed over.
func (s *Store) MarkDelivered(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return s.Update(ctx, func(tx *Tx) error { return tx.MarkDelivered(ids) })
}

// MarkDelivered is Store.MarkDelivered inside a transaction.
func (tx *Tx) MarkDelivered(ids []int64) error {
	now := millis(tx.s.now())
	for _, n := range ids {
		if _, err := tx.exec(sqlMarkDelivered, now, n); err != nil {
			return fmt.Errorf("store: marking message %d: %w", n, err)
		}
	}
	return nil
}
