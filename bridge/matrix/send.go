package matrix

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"maunium.net/go/mautrix"
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
	if isRoom(m.To) {
		return n.sendCrowd(ctx, m)
	}
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

// sendCrowd writes into a room for several. It does not go in for that: whoever was
// thrown out stays out until the owner of the box wants otherwise.
func (n *Network) sendCrowd(ctx context.Context, m bridge.Outbound) (bridge.Receipt, error) {
	c, ok, err := n.crowdOf(ctx, m.From.Address, m.To)
	if err != nil {
		return bridge.Receipt{}, err
	}
	if !ok || c.state != stateJoined {
		return bridge.Receipt{}, bridge.Permanent(textNotIn, nil)
	}
	r, err := n.asRoom(ctx, c)
	if err != nil {
		return bridge.Receipt{}, err
	}
	ev, err := n.write(ctx, r, m)
	if forbidden(err) {
		_, cl, clErr := n.ghost(c.account)
		if clErr != nil {
			return bridge.Receipt{}, clErr
		}
		joined, jErr := cl.JoinedRooms(ctx)
		if jErr != nil {
			return bridge.Receipt{}, n.judge(jErr, textRefused)
		}
		if slices.Contains(joined.JoinedRooms, c.room) {
			return bridge.Receipt{}, bridge.Permanent(textMuted, err)
		}
		if err := n.outOf(ctx, c); err != nil { // and we missed it
			return bridge.Receipt{}, err
		}
		return bridge.Receipt{}, bridge.Permanent(textNotIn, err)
	}
	if err != nil {
		return bridge.Receipt{}, err
	}
	return bridge.Receipt{Event: scoped(ev, c.account)}, nil
}

// textMuted is a room that lets its people read alone.
const textMuted = "that room lets you read, but not write"

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
	if r.voice, err = n.speaker(ctx, r); err != nil {
		return "", err
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
	plain := plainEvent(ev)
	rid, err := n.inbox.roomOfEvent(ctx, plain)
	if err != nil || rid == "" {
		return err
	}
	_, c, err := n.ghost(m.From.Address)
	if err != nil {
		return err
	}
	err = n.judge(c.SendReceipt(ctx, rid, plain, event.ReceiptTypeRead, nil), textRefused)
	if err == nil {
		n.readAsOwner(ctx, m, rid, plain)
	}
	if permanent(err) {
		n.log.Debug("not marked read", "account", m.From.Address, "room", rid, "err", err)
		return nil
	}
	return err
}

// talksIn is the room in which an account and its contact are; "" for none.
func (n *Network) talksIn(ctx context.Context, a id.Account, with id.Remote) (mid.RoomID, error) {
	if isRoom(with) {
		c, ok, err := n.crowdOf(ctx, a, with)
		if err != nil || !ok || c.state != stateJoined {
			return "", err
		}
		return c.room, nil
	}
	rooms, err := n.roomsOf(ctx, a, mid.UserID(with))
	if err != nil {
		return "", err
	}
	r, _ := pick(rooms, stateJoined)
	return r.id, nil
}

// SetTyping shows the friend that the account writes.
func (n *Network) SetTyping(ctx context.Context, from bridge.Account, to id.Remote, on bool) {
	rid, err := n.talksIn(ctx, from.Address, to)
	if err == nil && rid == "" {
		return
	}
	if err == nil {
		var c *mautrix.Client
		if _, c, err = n.ghost(from.Address); err == nil {
			_, err = c.UserTyping(ctx, rid, on, typingFor)
		}
	}
	if err != nil {
		n.log.Debug("typing not shown", "account", from.Address, "err", err)
	}
}
