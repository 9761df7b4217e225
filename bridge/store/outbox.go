package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"wtvgate/bridge/id"
)

// State is how far a stored message has come.
type State string

// The states of stored messages.
const (
	Pending       State = "pending"
	Sent          State = "sent"           // outgoing: the network has it
	FailedCertain State = "failed-certain" // outgoing: given up, it did not arrive
	FailedMaybe   State = "failed-maybe"   // outgoing: given up, it may have arrived
	Delivered     State = "delivered"      // incoming: written to the box
)

// Outgoing is one item of a conversation's queue to its network.
type Outgoing struct {
	ID      int64 // rises with time, never used again; see Store.MessageID
	Account id.Account
	Peer    id.Address
	Network id.Network
	Kind    string // message, invite, accept, decline, read, waiting
	Body    []byte // at most MaxBody
	Created time.Time
	State   State
	Event   id.Event // what the network calls it, once it has it
	Reason  string   // why it failed, for people
}

const (
	selectOutgoing   = `SELECT id, account, peer, network, kind, body, created, state, event, reason FROM outbox `
	sqlNextOutgoing  = selectOutgoing + `WHERE state = 'pending' AND account = ? AND peer = ? ORDER BY id LIMIT 1`
	sqlOutgoing      = selectOutgoing + `WHERE id = ?`
	sqlConversations = `SELECT DISTINCT account, peer FROM outbox WHERE state = 'pending' ORDER BY account, peer`
	sqlPendingOf     = `SELECT count(*) FROM outbox WHERE state = 'pending' AND account = ?`
	sqlCountPending  = `SELECT count(*) FROM outbox WHERE state = 'pending' AND account = ? AND peer = ?`
)

// AddOutgoing puts an item at the end of its conversation's queue and gives its
// number; ID is ignored, an empty state is Pending, a zero time is now.
// ErrNotFound: there is no such account. ErrTooLong.
func (tx *Tx) AddOutgoing(o Outgoing) (int64, error) {
	if len(o.Body) > MaxBody {
		return 0, fmt.Errorf("%w: a body of %d bytes", ErrTooLong, len(o.Body))
	}
	now := tx.s.now()
	if o.Created.IsZero() {
		o.Created = now
	}
	if o.State == "" {
		o.State = Pending
	}
	n, err := tx.insert(`INSERT INTO outbox (account, peer, network, kind, body, created, state, event, reason, changed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, o.Account, o.Peer, o.Network, o.Kind, notNil(o.Body), millis(o.Created),
		o.State, o.Event, o.Reason, millis(now))
	if err != nil {
		return 0, fmt.Errorf("store: outgoing message of %s: %w", o.Account, err)
	}
	return n, nil
}

// notNil makes an empty blob of no blob, which SQLite would store as NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// SetOutgoing records what became of an item: the network's own id for it and,
// after a failure, the reason. With an id it also marks that event as seen, in
// the same transaction, so that its echo from the network has no effect.
// ErrNotFound.
func (tx *Tx) SetOutgoing(n int64, state State, e id.Event, reason string) error {
	var network id.Network
	err := tx.row(`UPDATE outbox SET state = ?, event = ?, reason = ?, changed = ? WHERE id = ? RETURNING network`,
		[]any{state, e, reason, millis(tx.s.now()), n}, &network)
	if err != nil {
		return fmt.Errorf("store: outgoing message %d: %w", n, err)
	}
	if e != "" {
		_, err = tx.Seen(network, e)
	}
	return err
}

// CountPendingOf counts what waits to be sent in all conversations of an account.
func (tx *Tx) CountPendingOf(a id.Account) (n int, err error) {
	if err := tx.row(sqlPendingOf, []any{a}, &n); err != nil {
		return 0, fmt.Errorf("store: count outbox of %s: %w", a, err)
	}
	return n, nil
}

// CountPending counts what waits to be sent in a conversation.
func (tx *Tx) CountPending(a id.Account, peer id.Address) (n int, err error) {
	if err := tx.row(sqlCountPending, []any{a, peer}, &n); err != nil {
		return 0, fmt.Errorf("store: counting the queue of %s: %w", a, err)
	}
	return n, nil
}

// NextOutgoing is the oldest pending item of a conversation. ErrNotFound: its
// queue is empty.
func (s *Store) NextOutgoing(ctx context.Context, c id.Conversation) (Outgoing, error) {
	return s.outgoing(ctx, sqlNextOutgoing, c.Account, c.Peer)
}

// Outgoing reads one item, whatever its state. ErrNotFound.
func (s *Store) Outgoing(ctx context.Context, n int64) (Outgoing, error) {
	return s.outgoing(ctx, sqlOutgoing, n)
}

func (s *Store) outgoing(ctx context.Context, query string, args ...any) (Outgoing, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return Outgoing{}, err
	}
	defer done()
	return q.outgoing(query, args...)
}

func (q session) outgoing(query string, args ...any) (o Outgoing, err error) {
	var created int64
	if err := q.row(query, args, &o.ID, &o.Account, &o.Peer, &o.Network, &o.Kind, &o.Body, &created, &o.State, &o.Event,
		&o.Reason); err != nil {
		return Outgoing{}, fmt.Errorf("store: reading an outgoing message: %w", err)
	}
	o.Created = fromMillis(created)
	return o, nil
}

// PendingConversations gives the conversations in which something waits to be
// sent, by account and peer.
func (s *Store) PendingConversations(ctx context.Context) ([]id.Conversation, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var all []id.Conversation
	err = q.rows(sqlConversations, nil, func(rows *sql.Rows) error {
		var c id.Conversation
		if err := rows.Scan(&c.Account, &c.Peer); err != nil {
			return err
		}
		all = append(all, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading the waiting conversations: %w", err)
	}
	return all, nil
}
