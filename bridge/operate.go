package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
)

// operate.go: what an operator asks of the running hub.

// EndOperator is the reason of Seat.End when an operator ends a session.
const EndOperator EndReason = "ended by the operator"

// Limits of what an operator asks for.
const (
	// maxBroadcast bounds the words of a notice in bytes: what a TV shows on one
	// screen, and below the longest message of any dialect (msnp.md 13).
	maxBroadcast = 400
	// maxSteps is how many of an account's rows are shown: a screen full.
	maxSteps = 20
)

// ErrNoSession: the account is not signed in.
var ErrNoSession = errors.New("the account is not signed in")

// Session is a signed-in account as operators see it.
type Session struct {
	Account id.Account     `json:"account"`
	Client  string         `json:"client"` // what the program says of itself, or the dialect's usual one
	Dialect string         `json:"dialect"`
	Status  string         `json:"status"`
	Remote  netip.AddrPort `json:"remote"`
	Conn    uint64         `json:"conn"` // as in the log
	Since   time.Time      `json:"since"`
	Talks   int            `json:"talks"` // open conversations
}

// Describer is what a Seat may also be: one that can be listed.
type Describer interface {
	// Session describes the seat; false when it ends meanwhile. It may wait for
	// what the account is at.
	Session() (Session, bool)
}

// Sessions lists who is signed in, by address.
func (h *Hub) Sessions() []Session {
	var all []Session
	for _, s := range h.Seats() {
		if d, ok := s.(Describer); ok {
			if info, ok := d.Session(); ok {
				all = append(all, info)
			}
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Account < all[j].Account })
	return all
}

// SignedIn counts who is.
func (h *Hub) SignedIn() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.seats)
}

// Kick ends an account's session; its client may sign in again. ErrNoSession.
func (h *Hub) Kick(a id.Account) error {
	s := h.Seat(a)
	if s == nil {
		return ErrNoSession
	}
	s.End(EndOperator)
	return nil
}

// Broadcast says a line in the helper's name to everyone who is signed in now,
// also to those who want to hear nothing from the helper. It is a message: the system message of the protocol knows no free text
// (msnp.md 6). Who goes off before it is shown finds it at the next sign-in. It
// gives the number of accounts.
func (h *Hub) Broadcast(ctx context.Context, line string) (int, error) {
	line = strings.Join(strings.Fields(line), " ")
	switch {
	case line == "":
		return 0, errors.New("a notice needs words")
	case len(line) > maxBroadcast:
		return 0, fmt.Errorf("a notice has at most %d bytes, this one %d: a TV shows no more at once", maxBroadcast, len(line))
	}
	from := h.self()
	h.mu.Lock()
	to := make([]id.Account, 0, len(h.seats))
	for a := range h.seats {
		to = append(to, a)
	}
	h.mu.Unlock()
	for i, a := range to {
		if err := h.notice(ctx, a, from, line); err != nil {
			return i, err
		}
	}
	return len(to), nil
}

// Step is where a message is, and since when.
type Step = store.Step

// Steps follows a message by what the log, a network or `trace` itself calls it:
// an id of ours (wtvgate-SALT-12), out-12 or in-12 for a row, a network's own
// id. An address of ours stands for the account's newest messages.
func (h *Hub) Steps(ctx context.Context, key string) ([]Step, error) {
	if n, ok := h.st.ParseMessageID(id.Message(key)); ok {
		return h.st.OutgoingStep(ctx, n)
	}
	if n, ok := rowNumber(key, "out-"); ok {
		return h.st.OutgoingStep(ctx, n)
	}
	if n, ok := rowNumber(key, "in-"); ok {
		return h.st.IncomingStep(ctx, n)
	}
	if a, err := h.ParseAccount(key); err == nil {
		return h.st.AccountSteps(ctx, a, maxSteps)
	}
	return h.st.EventSteps(ctx, id.Event(key))
}

func rowNumber(key, prefix string) (int64, bool) {
	digits, ok := strings.CutPrefix(key, prefix)
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, ok && err == nil && n > 0
}

// MessageID is the id of an outgoing row, as networks derive theirs from it.
func (h *Hub) MessageID(n int64) id.Message { return h.st.MessageID(n) }

// QuickCheck is Store.QuickCheck.
func (h *Hub) QuickCheck(ctx context.Context) error { return h.st.QuickCheck(ctx) }

// Backup is Store.Backup.
func (h *Hub) Backup(ctx context.Context, file string) error { return h.st.Backup(ctx, file) }

// Queues is Store.Queues.
func (h *Hub) Queues(ctx context.Context) (out, in []store.Queue, err error) { return h.st.Queues(ctx) }

// Transactions is Store.Transactions.
func (h *Hub) Transactions() (commits, rollbacks uint64) { return h.st.Transactions() }

// StoreTrouble is why nothing can be stored.
type StoreTrouble = store.Trouble

// Trouble tells whether changes can be stored, and tries if they could not.
func (h *Hub) Trouble(ctx context.Context) StoreTrouble { return h.st.Trouble(ctx) }
