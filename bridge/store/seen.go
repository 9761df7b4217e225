package store

import (
	"context"
	"fmt"
	"time"

	"wtvgate/bridge/id"
)

const (
	// PruneEvery is how often the daily task calls Prune.
	PruneEvery = 24 * time.Hour
	// Retention is how long messages stay that are sent, delivered or given up:
	// long enough to look into a complaint, short enough that the gateway is no
	// archive. The daily task calls Prune with now less this.
	Retention = 7 * 24 * time.Hour
	// SeenMargin is how much longer than messages the keys of seen events stay: a
	// homeserver that was away, or a Discord channel read again after a gap, may
	// offer old events once more (lessons.md L1, L4).
	SeenMargin = 60 * 24 * time.Hour
	// pruneRows is how many rows one transaction removes, so that a big clean-up
	// does not keep a message waiting.
	pruneRows = 500
)

const sqlSeen = `INSERT INTO seen (network, event, at) VALUES (?, ?, ?) ON CONFLICT (network, event) DO NOTHING`

// Seen marks a network's event as handled and tells whether it was not so
// before. It belongs in the transaction that has the event's effect.
func (tx *Tx) Seen(n id.Network, e id.Event) (fresh bool, err error) {
	if e == "" {
		return false, fmt.Errorf("%w: an event without an id", ErrInvalid)
	}
	rows, err := tx.exec(sqlSeen, n, e, millis(tx.s.now()))
	if err != nil {
		return false, fmt.Errorf("store: marking %s event %s: %w", n, e, err)
	}
	return rows == 1, nil
}

// The statements of Prune; each takes a time and a number of rows.
const (
	sqlPruneOutbox = `DELETE FROM outbox WHERE id IN
		(SELECT id FROM outbox WHERE state <> 'pending' AND changed < ? LIMIT ?)`
	sqlPruneInbox = `DELETE FROM inbox WHERE id IN
		(SELECT id FROM inbox WHERE state <> 'pending' AND state <> 'folded' AND changed < ? LIMIT ?)`
	sqlPruneSeen = `DELETE FROM seen WHERE (network, event) IN
		(SELECT network, event FROM seen WHERE at < ? LIMIT ?)`
)

// Prune removes messages that were done with before that time, and the keys of
// events seen SeenMargin earlier than it, and the links that have expired. It
// gives the number of rows. What is pending or folded stays, however old.
func (s *Store) Prune(ctx context.Context, before time.Time) (int64, error) {
	var total int64
	for _, step := range []struct {
		query  string
		before time.Time
	}{{sqlPruneOutbox, before}, {sqlPruneInbox, before}, {sqlPruneSeen, before.Add(-SeenMargin)}, {sqlPrunePictures, s.now()}} {
		for more := true; more; {
			var n int64
			err := s.Update(ctx, func(tx *Tx) (err error) {
				n, err = tx.exec(step.query, millis(step.before), pruneRows)
				return err
			})
			if err != nil {
				return total, fmt.Errorf("store: pruning: %w", err)
			}
			total += n
			more = n == pruneRows
		}
	}
	return total, nil
}
