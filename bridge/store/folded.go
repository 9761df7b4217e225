package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"wtvgate/bridge/id"
)

// folded.go: conversations too long for a screen. Their middle is set aside and
// kept until the box's owner asks for it (lessons L26).

// Folded is the state of an incoming message that is kept until it is asked for.
const Folded State = "folded"

// Backlog is how many messages of one contact are kept aside or wait.
type Backlog struct {
	Peer  id.Address
	Count int
}

const (
	sqlLong = `SELECT peer, count(*) FROM inbox WHERE state = 'pending' AND account = ? GROUP BY peer HAVING count(*) > ? ORDER BY min(id)`
	sqlKept = `SELECT peer, count(*) FROM inbox WHERE state = 'folded' AND account = ? GROUP BY peer ORDER BY peer`
	// The id of the n-th message that waits in a conversation, from either end.
	sqlNthFirst = `SELECT id FROM inbox WHERE state = 'pending' AND account = ? AND peer = ? ORDER BY id LIMIT 1 OFFSET ?`
	sqlNthLast  = `SELECT id FROM inbox WHERE state = 'pending' AND account = ? AND peer = ? ORDER BY id DESC LIMIT 1 OFFSET ?`
	sqlFold     = `UPDATE inbox SET state = 'folded', changed = ? WHERE state = 'pending' AND account = ? AND peer = ? AND id >= ? AND id < ?`
	sqlCopy     = `INSERT INTO inbox (account, peer, network, event, kind, name, body, sent, stored, state, changed)
		SELECT account, peer, network, event, kind, name, body, sent, stored, 'folded', ? FROM inbox WHERE id = ?`
	sqlStandIn = `UPDATE inbox SET network = ?, event = '', kind = ?, name = ?, body = ?, changed = ? WHERE id = ?`
	sqlForget  = `UPDATE inbox SET state = 'delivered', changed = ? WHERE id IN (` + sqlUnfolding + `)`
	sqlUnfold  = `INSERT INTO inbox (account, peer, network, event, kind, name, body, sent, stored, state, changed)
		SELECT account, peer, network, '', kind, name, body, sent, ?, 'pending', ? FROM inbox
		WHERE state = 'folded' AND account = ? AND peer = ? ORDER BY id LIMIT ?`
	sqlUnfolding  = `SELECT id FROM inbox WHERE state = 'folded' AND account = ? AND peer = ? ORDER BY id LIMIT ?`
	sqlCountKept  = `SELECT count(*) FROM inbox WHERE state = 'folded' AND account = ? AND peer = ?`
	sqlGreeted    = `SELECT greeted FROM accounts WHERE address = ?`
	sqlSetGreeted = `UPDATE accounts SET greeted = 1 WHERE address = ? AND greeted = 0`
)

// Crowded lists the contacts of an account from whom more than that many
// messages wait, the one who has waited longest first.
func (s *Store) Crowded(ctx context.Context, a id.Account, more int) ([]Backlog, error) {
	return s.backlog(ctx, sqlLong, a, more)
}

// Kept lists the contacts of whom something is folded away.
func (s *Store) Kept(ctx context.Context, a id.Account) ([]Backlog, error) {
	return s.backlog(ctx, sqlKept, a)
}

func (s *Store) backlog(ctx context.Context, query string, args ...any) (all []Backlog, err error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	err = q.rows(query, args, func(rows *sql.Rows) error {
		var b Backlog
		if err := rows.Scan(&b.Peer, &b.Count); err != nil {
			return err
		}
		all = append(all, b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: counting conversations of %v: %w", args[0], err)
	}
	return all, nil
}

// Fold sets aside all that waits in a conversation but the first and the last few
// messages, and gives their number. In their place stands what notice makes of
// that number: it takes the number of the last folded message, which gets a new
// one, so that order holds on both sides. Of what is folded at most the newest
// most are kept.
func (tx *Tx) Fold(c id.Conversation, first, last, most int, notice func(n int) Incoming) (int, error) {
	from, until, err := tx.middle(c, first, last)
	if err != nil || until <= from {
		return 0, err
	}
	now := millis(tx.s.now())
	n, err := tx.exec(sqlFold, now, c.Account, c.Peer, from, until)
	if err != nil {
		return 0, fmt.Errorf("store: folding %s: %w", c, err)
	}
	if _, err := tx.insert(sqlCopy, now, until); err != nil {
		return 0, fmt.Errorf("store: folding %s: %w", c, err)
	}
	in := notice(int(n) + 1)
	if _, err := tx.exec(sqlStandIn, in.Network, in.Kind, cutName(in.Name), notNil(in.Body), now, until); err != nil {
		return 0, fmt.Errorf("store: folding %s: %w", c, err)
	}
	kept, err := tx.CountFolded(c.Account, c.Peer)
	if err == nil && kept > most {
		_, err = tx.exec(sqlForget, now, c.Account, c.Peer, kept-most)
	}
	if err != nil {
		return 0, fmt.Errorf("store: folding %s: %w", c, err)
	}
	return int(n) + 1, nil
}

// middle gives the numbers of the first and the last message to fold; none when
// until is not above from.
func (tx *Tx) middle(c id.Conversation, first, last int) (from, until int64, err error) {
	if err = tx.row(sqlNthFirst, []any{c.Account, c.Peer, first}, &from); err == nil {
		err = tx.row(sqlNthLast, []any{c.Account, c.Peer, last}, &until)
	}
	if errors.Is(err, ErrNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("store: reading what waits in %s: %w", c, err)
	}
	return from, until, nil
}

// CountFolded counts what is set aside of a conversation.
func (tx *Tx) CountFolded(a id.Account, peer id.Address) (n int, err error) {
	if err := tx.row(sqlCountKept, []any{a, peer}, &n); err != nil {
		return 0, fmt.Errorf("store: counting what %s keeps: %w", a, err)
	}
	return n, nil
}

// Unfold has up to limit folded messages of a conversation wait again, the oldest
// first, and gives how many and how many are left. They have new numbers, so that
// a client that is in the conversation gets them too, and no id of their network,
// which knows them as read.
func (tx *Tx) Unfold(c id.Conversation, limit int) (moved, left int, err error) {
	now := millis(tx.s.now())
	n, err := tx.exec(sqlUnfold, now, now, c.Account, c.Peer, max(limit, 0))
	if err == nil {
		_, err = tx.exec(sqlForget, now, c.Account, c.Peer, n)
	}
	if err == nil {
		left, err = tx.CountFolded(c.Account, c.Peer)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("store: unfolding %s: %w", c, err)
	}
	return int(n), left, nil
}

// Greeted tells whether the helper has introduced itself to an account.
// ErrNotFound.
func (s *Store) Greeted(ctx context.Context, a id.Account) (done bool, err error) {
	q, end, err := s.reader(ctx)
	if err != nil {
		return false, err
	}
	defer end()
	if err := q.row(sqlGreeted, []any{a}, &done); err != nil {
		return false, fmt.Errorf("store: reading account %s: %w", a, err)
	}
	return done, nil
}

// SetGreeted notes that the helper introduces itself, and tells whether it had
// not before.
func (tx *Tx) SetGreeted(a id.Account) (fresh bool, err error) {
	n, err := tx.exec(sqlSetGreeted, a)
	if err != nil {
		return false, fmt.Errorf("store: account %s: %w", a, err)
	}
	return n == 1, nil
}
