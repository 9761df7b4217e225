package store

import (
	"context"
	"fmt"

	"wtvgate/bridge/id"
)

// told.go: who knows that what they write waits. It is a row, so that a restart
// tells nobody twice.

const (
	sqlTell      = `INSERT INTO told (account, peer) VALUES (?, ?) ON CONFLICT (account, peer) DO NOTHING`
	sqlUntell    = `DELETE FROM told WHERE account = ? AND peer = ?`
	sqlUntellAll = `DELETE FROM told WHERE account = ?`
	sqlAnyTold   = `SELECT EXISTS (SELECT 1 FROM told WHERE account = ?)`
)

// Tell notes that a friend is told, and whether they had not been since Untell.
// ErrNotFound: there is no such account.
func (tx *Tx) Tell(c id.Conversation) (fresh bool, err error) {
	n, err := tx.exec(sqlTell, c.Account, c.Peer)
	if err != nil {
		return false, fmt.Errorf("store: who was told in %s: %w", c, err)
	}
	return n == 1, nil
}

// Untell forgets that a friend was told.
func (tx *Tx) Untell(c id.Conversation) error {
	if _, err := tx.exec(sqlUntell, c.Account, c.Peer); err != nil {
		return fmt.Errorf("store: who was told in %s: %w", c, err)
	}
	return nil
}

// UntellAll is Untell for all of an account's friends. Where nobody was told it only
// reads.
func (s *Store) UntellAll(ctx context.Context, a id.Account) error {
	var some bool
	err := s.View(ctx, func(tx *Tx) error { return tx.row(sqlAnyTold, []any{a}, &some) })
	if err == nil && some {
		err = s.Update(ctx, func(tx *Tx) error { _, err := tx.exec(sqlUntellAll, a); return err })
	}
	if err != nil {
		return fmt.Errorf("store: who was told by %s: %w", a, err)
	}
	return nil
}
