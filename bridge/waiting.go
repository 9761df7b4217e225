package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// waiting.go: what waits for a box that is off: the friend is told once, and the
// box is not drowned when it returns (lessons L26).

const (
	// WaitGrace is how long a box may be away before anybody notices: a modem that
	// dials again takes half a minute.
	WaitGrace = 30 * time.Second
	// foldOver is how many messages of one friend a box that returns is shown in
	// full: two and a half screens of a TV. Of more it is shown firstShown, which
	// say what it began with, and lastShown (lessons L26).
	foldOver   = 20
	firstShown = 3
	lastShown  = 10
	// maxFolded is how many messages of one friend are kept until they are asked
	// for; as many as may wait.
	maxFolded = maxWaiting
)

// Kinds of rows that a client shows without the time they were written at, however
// long they waited.
const (
	KindTimeless = "timeless" // the line that stands for messages that were set aside
	KindGreeting = "greeting" // the helper's first words: nothing to ring a box at once for
)

// away tells whether an account cannot be rung by a contact now: it is off, hidden
// or takes no invitations. Which of them is nobody's business.
func (h *Hub) away(a id.Account, peer id.Address) bool {
	s := h.Seat(a)
	return s == nil || !s.Appearance(peer).Callable
}

// beginsToWait queues the word to the friend that what they wrote waits: once for
// each time the box is away, whether or not something waited when it went.
func (h *Hub) beginsToWait(tx *store.Tx, in store.Incoming) (bool, error) {
	if l := h.link(in.Network); l == nil || l.waiter == nil || !h.away(in.Account, in.Peer) {
		return false, nil
	}
	if fresh, err := tx.Tell(conversationOf(&in)); err != nil || !fresh {
		return false, err
	}
	_, err := tx.AddOutgoing(store.Outgoing{Account: in.Account, Peer: in.Peer, Network: in.Network, Kind: kindWaiting, Created: h.now()})
	return err == nil, err
}

// Turned notes that an account's box has come or goes: from now on friends are told
// anew that what they write waits. It is called while the box takes calls, or before
// it does.
func (h *Hub) Turned(ctx context.Context, a id.Account) error {
	if err := h.st.UntellAll(ctx, a); err != nil {
		return fmt.Errorf("bridge: forgetting who was told: %w", err)
	}
	return nil
}

// unsaid forgets that the friend was told, after a word that was not needed: what it
// was about was read or taken back, and the next that waits is told of.
func (c *conversation) unsaid(ctx context.Context) error {
	return c.h.st.Update(ctx, func(tx *store.Tx) error {
		if n, err := tx.CountUpTo(c.key, 1); err != nil || n > 0 {
			return err
		}
		return tx.Untell(c.key)
	})
}

// waitingLine is what the friend reads. It does not tell off from hidden.
func waitingLine(name string) string {
	return name + " is not at the TV now. What you write waits there and is shown later."
}

// outlast waits until a row of kindWaiting is older than the grace of its box, or
// there is no need to tell any more.
func (c *conversation) outlast(ctx context.Context, o store.Outgoing) {
	t := time.NewTimer(o.Created.Add(WaitGrace).Sub(c.h.now()))
	defer t.Stop()
	for c.waits(ctx) {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			return
		case <-c.nudge:
		}
	}
}

// waits tells whether something still waits for a box that is away. One whose owner
// has written, read or answered anything meanwhile, which is queued behind, is there,
// and that must not be held up.
func (c *conversation) waits(ctx context.Context) bool {
	if !c.h.away(c.key.Account, c.key.Peer) {
		return false
	}
	var n, behind int
	err := c.h.st.View(ctx, func(tx *store.Tx) (err error) {
		if behind, err = tx.CountPending(c.key.Account, c.key.Peer); err == nil {
			n, err = tx.CountUpTo(c.key, 1)
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		c.h.log.Error("cannot read what waits", "conv", c.key, "err", err)
	}
	return err == nil && n > 0 && behind < 2
}

// Fold sets aside the middle of long conversations that wait for an account, when
// it has the helper on its list, who brings it back. Nothing of them may be on its way to a
// client.
func (h *Hub) Fold(ctx context.Context, a id.Account) error {
	if h.resident.address == "" {
		return nil
	}
	long, err := h.st.Crowded(ctx, a, foldOver)
	if err != nil || len(long) == 0 {
		return err
	}
	if helped, err := h.helped(ctx, a); err != nil || !helped {
		return err
	}
	for _, b := range long {
		key := id.Conversation{Account: a, Peer: b.Peer}
		if b.Peer == h.resident.address {
			continue
		}
		err := h.st.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Fold(key, firstShown, lastShown, maxFolded, func(n int) store.Incoming { return h.foldedRow(key, n) })
			return err
		})
		if err != nil {
			return fmt.Errorf("bridge: folding a long conversation: %w", err)
		}
		h.waiting.forget(key)
		h.folded.forget(key)
		h.log.Info("a long conversation was folded", "conv", key, "waiting", b.Count)
	}
	return nil
}

// foldedRow is the row that stands for n messages.
func (h *Hub) foldedRow(key id.Conversation, n int) store.Incoming {
	body, _ := json.Marshal(text.Content{Body: h.resident.Folded(key.Peer, n)}) // a string always packs
	return store.Incoming{Network: id.Local, Kind: KindTimeless, Name: string(key.Peer), Body: body}
}

// Backlog is how many messages of a contact were set aside.
type Backlog = store.Backlog

// Kept lists what is set aside for an account.
func (h *Hub) Kept(ctx context.Context, a id.Account) ([]Backlog, error) { return h.st.Kept(ctx, a) }

// More has up to n messages that were set aside come now, the oldest first, in
// their own conversation, and gives how many and how many are left.
func (h *Hub) More(ctx context.Context, key id.Conversation, n int) (moved, left int, err error) {
	err = h.st.Update(ctx, func(tx *store.Tx) error { moved, left, err = tx.Unfold(key, n); return err })
	if err != nil {
		return 0, 0, fmt.Errorf("bridge: bringing back messages: %w", err)
	}
	h.waiting.forget(key)
	h.folded.forget(key)
	if s := h.Seat(key.Account); s != nil && moved > 0 {
		s.Waiting(key.Peer)
	}
	return moved, left, nil
}
