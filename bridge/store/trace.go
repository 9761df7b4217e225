package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"wtvgate/bridge/id"
)

// trace.go: what an operator may know of messages: where they are and since
// when, never what they say.

// Step is one row of the outbox or the inbox with its times.
type Step struct {
	Out     bool  // from a box to a friend; else from a friend to a box
	Number  int64 // of the row
	Account id.Account
	Peer    id.Address
	Network id.Network
	Kind    string
	Event   id.Event
	State   State
	Reason  string
	Sent    time.Time // by the friend; zero for what a box wrote
	Stored  time.Time
	Changed time.Time // into its present state
}

const (
	selectOutSteps = `SELECT 1, id, account, peer, network, kind, event, state, reason, 0, created, changed FROM outbox `
	selectInSteps  = `SELECT 0, id, account, peer, network, kind, event, state, '', sent, stored, changed FROM inbox `

	sqlOutStep      = selectOutSteps + `WHERE id = ?`
	sqlInStep       = selectInSteps + `WHERE id = ?`
	sqlEventSteps   = selectOutSteps + `WHERE event = ?1 UNION ALL ` + selectInSteps + `WHERE event = ?1 ORDER BY 2 LIMIT 20`
	sqlAccountSteps = `SELECT * FROM (` + selectOutSteps + `WHERE account = ?1 ORDER BY id DESC LIMIT ?2) UNION ALL
		SELECT * FROM (` + selectInSteps + `WHERE account = ?1 ORDER BY id DESC LIMIT ?2) ORDER BY 11 DESC, 2 DESC LIMIT ?2`
	sqlWaitingOutbox = `SELECT network, count(*), min(created) FROM outbox WHERE state = 'pending' GROUP BY network`
	sqlWaitingInbox  = `SELECT network, count(*), min(stored) FROM inbox WHERE state = 'pending' GROUP BY network`
)

// OutgoingStep is a row of the outbox by its number. It is empty when there is
// none (any more: see Retention).
func (s *Store) OutgoingStep(ctx context.Context, n int64) ([]Step, error) {
	return s.steps(ctx, sqlOutStep, n)
}

// IncomingStep is a row of the inbox by its number.
func (s *Store) IncomingStep(ctx context.Context, n int64) ([]Step, error) {
	return s.steps(ctx, sqlInStep, n)
}

// EventSteps are the rows that a network's own id for a message belongs to, at
// most 20. It reads all that is kept: it is for a person who asks, not for
// every message.
func (s *Store) EventSteps(ctx context.Context, e id.Event) ([]Step, error) {
	if e == "" {
		return nil, nil
	}
	return s.steps(ctx, sqlEventSteps, e)
}

// AccountSteps are an account's newest rows in both directions, the newest
// first. Like EventSteps it may read much.
func (s *Store) AccountSteps(ctx context.Context, a id.Account, limit int) ([]Step, error) {
	return s.steps(ctx, sqlAccountSteps, a, limit)
}

func (s *Store) steps(ctx context.Context, query string, args ...any) (all []Step, err error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	err = q.rows(query, args, func(rows *sql.Rows) error {
		var x Step
		var sent, stored, changed int64
		if err := rows.Scan(&x.Out, &x.Number, &x.Account, &x.Peer, &x.Network, &x.Kind, &x.Event, &x.State, &x.Reason,
			&sent, &stored, &changed); err != nil {
			return err
		}
		if sent != 0 {
			x.Sent = fromMillis(sent)
		}
		x.Stored, x.Changed = fromMillis(stored), fromMillis(changed)
		all = append(all, x)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: following a message: %w", err)
	}
	return all, nil
}

// Queue is what waits in one direction, of one network.
type Queue struct {
	Network id.Network
	Depth   int
	Oldest  time.Time
}

// Queues counts what waits to be sent and what waits for boxes, by network. What
// does not wait is not read.
func (s *Store) Queues(ctx context.Context) (out, in []Queue, err error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	for _, x := range []struct {
		query string
		into  *[]Queue
	}{{sqlWaitingOutbox, &out}, {sqlWaitingInbox, &in}} {
		err := q.rows(x.query, nil, func(rows *sql.Rows) error {
			var w Queue
			var oldest int64
			if err := rows.Scan(&w.Network, &w.Depth, &oldest); err != nil {
				return err
			}
			w.Oldest = fromMillis(oldest)
			*x.into = append(*x.into, w)
			return nil
		})
		if err != nil {
			return nil, nil, fmt.Errorf("store: counting what waits: %w", err)
		}
	}
	return out, in, nil
}
