package matrix

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// send.go: what a box writes, reads and begins to write.

// typingFor is how long a friend sees "is writing" unless it is said again: boxes
// repeat theirs every few seconds (matrix.md 10).
const typingFor = 8 * time.Second

// transactionID makes the id by which the homeserver knows a repeat. It follows
// from our message id alone: the same for every try, for ever (lessons L2).
func transactionID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "wtvgate-" + hex.EncodeToString(sum[:16])
}

// Send writes a message into the direct room with the friend, which is made
// first if there is none.
func (n *Network) Send(ctx context.Context, m bridge.Outbound) (bridge.Receipt, error) {
	friend := mid.UserID(m.To)
	r, err := n.ensureRoom(ctx, m.From, friend)
	if err != nil {
		return bridge.Receipt{}, err
	}
	ev, err := n.write(ctx, r, m)
	if !forbidden(err) {
		return bridge.Receipt{Event: id.Event(ev)}, err
	}
	// the ghost is out of the room and we missed it
	if err := n.leave(ctx, r, ""); err != nil {
		return bridge.Receipt{}, err
	}
	if r, err = n.ensureRoom(ctx, m.From, friend); err != nil {
		return bridge.Receipt{}, err
	}
	ev, err = n.write(ctx, r, m)
	return bridge.Receipt{Event: id.Event(ev)}, err
}

// write sends into one room.
func (n *Network) write(ctx context.Context, r room, m bridge.Outbound) (mid.EventID, error) {
	_, c, err := n.ghost(r.account)
	if err != nil {
		return "", err
	}
	if r, err = n.checkPlain(ctx, r); err != nil {
		return "", err
	}
	if m.Retry {
		// Dendrite forgets transaction ids when it restarts (matrix.md 8)
		if ev, err := n.findSent(ctx, c, r, m.ID); err != nil || ev != "" {
			return ev, err
		}
	}
	ev, err := n.send(ctx, r, m.ID, event.EventMessage, content(m, r))
	if err != nil {
		return "", err
	}
	return ev, n.touch(ctx, r.id)
}

// MarkRead shows the friend that a message was read, and all before it. What the
// homeserver refuses is let be: there is nobody to tell.
func (n *Network) MarkRead(ctx context.Context, m bridge.Outbound, ev id.Event) error {
	rid, err := n.inbox.roomOfEvent(ctx, mid.EventID(ev))
	if err != nil || rid == "" {
		return err
	}
	_, c, err := n.ghost(m.From.Address)
	if err != nil {
		return err
	}
	err = n.judge(c.SendReceipt(ctx, rid, mid.EventID(ev), event.ReceiptTypeRead, nil), textRefused)
	if permanent(err) {
		n.log.Debug("not marked read", "account", m.From.Address, "room", rid, "err", err)
		return nil
	}
	return err
}

// SetTyping shows the friend that the account writes.
func (n *Network) SetTyping(ctx context.Context, from bridge.Account, to id.Remote, on bool) {
	rooms, err := n.roomsOf(ctx, from.Address, mid.UserID(to))
	if err != nil {
		n.log.Debug("typing not shown", "account", from.Address, "err", err)
		return
	}
	r, ok := pick(rooms, stateJoined)
	if !ok {
		return
	}
	_, c, err := n.ghost(from.Address)
	if err == nil {
		_, err = c.UserTyping(ctx, r.id, on, typingFor)
	}
	if err != nil {
		n.log.Debug("typing not shown", "account", from.Address, "err", err)
	}
}
