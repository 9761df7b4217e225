package store

import (
	"database/sql"
	"fmt"

	"wtvgate/bridge/id"
)

// later.go: messages by their network's id, for what a network says of them later.

// Dropped is an incoming message that was taken back before it was written to its
// box.
const Dropped State = "dropped"

const (
	incomingColumns  = `id, account, peer, network, event, kind, name, body, sent, stored, state, revision`
	sqlIncomingEvent = `SELECT ` + incomingColumns + ` FROM inbox
		WHERE event = ? AND event <> '' AND network = ? AND account = ? AND peer = ? ORDER BY id LIMIT 1`
	sqlIncoming      = `SELECT ` + incomingColumns + ` FROM inbox WHERE id = ?`
	sqlOutgoingEvent = selectOutgoing + `WHERE event = ? AND event <> '' AND network = ? AND account = ? AND peer = ? ORDER BY id LIMIT 1`
	sqlPendingKind   = `SELECT ` + incomingColumns + ` FROM inbox
		WHERE state = 'pending' AND account = ? AND peer = ? AND kind = ? ORDER BY id DESC LIMIT ?`
	sqlMarkWritten = `UPDATE inbox SET state = 'delivered', changed = ? WHERE id = ? AND state = 'pending' AND revision = ?`
	sqlReplace     = `UPDATE inbox SET body = ?, revision = revision + 1 WHERE id = ? AND state <> 'dropped'`
	sqlDrop        = `UPDATE inbox SET state = 'dropped', body = x'', changed = ? WHERE id = ? AND state IN ('pending', 'folded')`
)

// IncomingByEvent finds a message of a conversation by its network's id.
// ErrNotFound.
func (tx *Tx) IncomingByEvent(c id.Conversation, n id.Network, e id.Event) (Incoming, error) {
	return tx.oneIncoming(sqlIncomingEvent, e, n, c.Account, c.Peer)
}

// Incoming reads a message by its number. ErrNotFound.
func (tx *Tx) Incoming(n int64) (Incoming, error) { return tx.oneIncoming(sqlIncoming, n) }

func (tx *Tx) oneIncoming(query string, args ...any) (Incoming, error) {
	all, err := tx.incoming(query, args...)
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Incoming{}, fmt.Errorf("store: reading a message: %w", err)
	}
	return all[0], nil
}

// OutgoingByEvent finds what the account wrote in a conversation by its network's
// id. ErrNotFound.
func (tx *Tx) OutgoingByEvent(c id.Conversation, n id.Network, e id.Event) (Outgoing, error) {
	return tx.outgoing(sqlOutgoingEvent, e, n, c.Account, c.Peer)
}

// PendingOfKind gives up to limit messages of a kind that wait in a conversation,
// the newest first.
func (tx *Tx) PendingOfKind(c id.Conversation, kind string, limit int) ([]Incoming, error) {
	all, err := tx.incoming(sqlPendingKind, c.Account, c.Peer, kind, limit)
	if err != nil {
		return nil, fmt.Errorf("store: reading the messages of %s: %w", c, err)
	}
	return all, nil
}

// ReplaceIncoming gives a message another body, also after it was written.
// ErrTooLong.
func (tx *Tx) ReplaceIncoming(n int64, body []byte) error {
	if len(body) > MaxBody {
		return fmt.Errorf("%w: a body of %d bytes", ErrTooLong, len(body))
	}
	if _, err := tx.exec(sqlReplace, notNil(body), n); err != nil {
		return fmt.Errorf("store: replacing message %d: %w", n, err)
	}
	return nil
}

// DropIncoming takes back a message that waits or was set aside.
func (tx *Tx) DropIncoming(n int64) error {
	if _, err := tx.exec(sqlDrop, millis(tx.s.now()), n); err != nil {
		return fmt.Errorf("store: dropping message %d: %w", n, err)
	}
	return nil
}

// MarkWritten records that a message was written to its box as it was read. False:
// it is not the same any more, or was marked before.
func (tx *Tx) MarkWritten(i Incoming) (bool, error) {
	n, err := tx.exec(sqlMarkWritten, millis(tx.s.now()), i.ID, i.Revision)
	if err != nil {
		return false, fmt.Errorf("store: marking message %d: %w", i.ID, err)
	}
	return n == 1, nil
}

// MarkShown records that a message was written to its box although it had been
// taken back. False: that is known already.
func (tx *Tx) MarkShown(n int64) (bool, error) {
	rows, err := tx.exec(`UPDATE inbox SET state = 'delivered' WHERE id = ? AND state = 'dropped'`, n)
	if err != nil {
		return false, fmt.Errorf("store: marking message %d: %w", n, err)
	}
	return rows == 1, nil
}

// scanIncoming reads a row of incomingColumns.
func scanIncoming(rows *sql.Rows) (i Incoming, err error) {
	var sent, stored int64
	err = rows.Scan(&i.ID, &i.Account, &i.Peer, &i.Network, &i.Event, &i.Kind, &i.Name, &i.Body, &sent, &stored, &i.State, &i.Revision)
	i.Sent, i.Stored = fromMillis(sent), fromMillis(stored)
	return i, err
}
