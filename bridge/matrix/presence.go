package matrix

import (
	"context"
	"fmt"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// presence.go: a friend counts as online while in the account's direct room.
// What homeservers say of presence is not asked for yet.

// Presence is online for a friend who has joined a direct room with the account,
// offline for any other.
func (n *Network) Presence(a id.Account, r id.Remote) (bridge.Presence, error) {
	return n.presence(context.Background(), a, mid.UserID(r))
}

func (n *Network) presence(ctx context.Context, a id.Account, friend mid.UserID) (bridge.Presence, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	var joined bool
	err := n.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM matrix_rooms WHERE account = ? AND friend = ? AND state = ?)`,
		a, friend, stateJoined).Scan(&joined)
	if err != nil {
		return bridge.PresenceUnknown, fmt.Errorf("matrix: presence: %w", err)
	}
	if joined {
		return bridge.PresenceOnline, nil
	}
	return bridge.PresenceOffline, nil
}

// tellPresence tells the core how the friend of a room is now.
func (n *Network) tellPresence(ctx context.Context, r room, name string) error {
	p, err := n.presence(ctx, r.account, r.friend)
	if err != nil {
		return err
	}
	return n.receive(ctx, bridge.PresenceEvent{Account: r.account, From: id.Remote(r.friend), Presence: p, Name: name})
}
