package matrix

import (
	"context"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
)

// waiting.go: what a friend is told of a box that is off.

// TellsWaiting implements bridge.Waiter.
func (n *Network) TellsWaiting() bool { return n.o.TellWaiting }

// Waiting has the ghost say in the direct room that what the friend wrote waits. It
// makes no room for that and asks nobody into one. What the homeserver refuses is
// let be: the message waits all the same.
func (n *Network) Waiting(ctx context.Context, m bridge.Outbound) error {
	rooms, err := n.roomsOf(ctx, m.From.Address, mid.UserID(m.To))
	if err != nil {
		return err
	}
	r, ok := pick(rooms, stateJoined)
	if !ok {
		return nil
	}
	_, err = n.write(ctx, r, m)
	if permanent(err) {
		n.log.Debug("a friend was not told that a message waits", "account", m.From.Address, "room", r.id, "err", err)
		return nil
	}
	return err
}
