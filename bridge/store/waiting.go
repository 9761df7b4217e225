package store

import (
	"context"
	"database/sql"
	"fmt"

	"wtvgate/bridge/id"
)

// waiting.go: the inbox by conversation, as the account's goroutine takes it,
// and small reads that decisions inside a transaction need.

const (
	sqlWaitingPeers = `SELECT peer FROM inbox WHERE state = 'pending' AND account = ? GROUP BY peer ORDER BY min(id)`
	sqlWaiting      = `SELECT ` + incomingColumns + ` FROM inbox
		WHERE state = 'pending' AND account = ? AND id > ? AND peer = ? ORDER BY id LIMIT ?`
	sqlLastIncoming = `SELECT coalesce(max(id), 0) FROM inbox`

	sqlModes     = `SELECT privacy, prompt FROM accounts WHERE address = ?`
	sqlCountList = `SELECT count(*) FROM contacts WHERE account = ? AND lists & ? <> 0`
)

// View runs fn with a Tx that only reads. Each read is of its own moment.
func (s *Store) View(ctx context.Context, fn func(tx *Tx) error) error {
	q, done, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer done()
	return fn(&Tx{s: s, session: q})
}

// WaitingPeers lists the contacts from whom something waits for the account,
// the one who has waited longest first.
func (s *Store) WaitingPeers(ctx context.Context, a id.Account) ([]id.Address, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var all []id.Address
	err = q.rows(sqlWaitingPeers, []any{a}, func(rows *sql.Rows) error {
		var p id.Address
		if err := rows.Scan(&p); err != nil {
			return err
		}
		all = append(all, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading who waits for %s: %w", a, err)
	}
	return all, nil
}

// WaitingIncoming gives up to limit messages of one conversation that wait,
// those with a number above after, in order.
func (s *Store) WaitingIncoming(ctx context.Context, c id.Conversation, after int64, limit int) ([]Incoming, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	all, err := q.incoming(sqlWaiting, c.Account, after, c.Peer, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("store: reading the messages of %s: %w", c, err)
	}
	return all, nil
}

// LastIncoming is the number of the newest message for any box: what comes
// later has a higher one. 0 if there is none.
func (s *Store) LastIncoming(ctx context.Context) (n int64, err error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	if err := q.row(sqlLastIncoming, nil, &n); err != nil {
		return 0, fmt.Errorf("store: reading the newest message: %w", err)
	}
	return n, nil
}

// Outgoing reads a row by its number. ErrNotFound.
func (tx *Tx) Outgoing(n int64) (Outgoing, error) { return tx.outgoing(sqlOutgoing, n) }

// Modes reads an account's privacy and prompt, without its contacts.
// ErrNotFound.
func (tx *Tx) Modes(a id.Account) (r Roster, err error) {
	if err := tx.row(sqlModes, []any{a}, &r.Privacy, &r.Prompt); err != nil {
		return Roster{}, fmt.Errorf("store: reading the modes of %s: %w", a, err)
	}
	return r, nil
}

// CountList counts the contacts on one list.
func (tx *Tx) CountList(a id.Account, list uint8) (n int, err error) {
	if err := tx.row(sqlCountList, []any{a, list}, &n); err != nil {
		return 0, fmt.Errorf("store: counting a list of %s: %w", a, err)
	}
	return n, nil
}
