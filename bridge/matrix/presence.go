package matrix

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// presence.go: a friend is shown as the homeserver says while in the account's
// direct room. Of one of whom it never said anything, being there is all that is
// known, and that counts as online: many homeservers have presence switched off
// (matrix.md 9).

// idleAfter is how long a friend may do nothing and still be at the screen.
const idleAfter = 5 * time.Minute

// maxPresence bounds the friends whose presence is kept: those in a room with
// one of our accounts, who are known by name in any case.
const maxPresence = 100_000

// Presence is what is known of a friend who has joined a direct room with the
// account, offline for any other.
func (n *Network) Presence(a id.Account, r id.Remote) (bridge.Presence, error) {
	return n.presence(context.Background(), a, mid.UserID(r))
}

func (n *Network) presence(ctx context.Context, a id.Account, friend mid.UserID) (bridge.Presence, error) {
	if isRoom(id.Remote(friend)) {
		c, ok, err := n.crowdOf(ctx, a, id.Remote(friend))
		if err != nil || !ok || c.state != stateJoined {
			return bridge.PresenceOffline, err
		}
		return bridge.PresenceOnline, nil
	}
	ctx, cancel := dbContext(ctx)
	defer cancel()
	var joined bool
	err := n.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM matrix_rooms WHERE account = ? AND friend = ? AND state = ?)`,
		a, friend, stateJoined).Scan(&joined)
	if err != nil {
		return bridge.PresenceUnknown, fmt.Errorf("matrix: presence: %w", err)
	}
	if !joined {
		return bridge.PresenceOffline, nil
	}
	var known bridge.Presence
	err = n.db.QueryRowContext(ctx, `SELECT presence FROM matrix_presence WHERE friend = ?`, friend).Scan(&known)
	if errors.Is(err, sql.ErrNoRows) {
		return bridge.PresenceOnline, nil
	} else if err != nil {
		return bridge.PresenceUnknown, fmt.Errorf("matrix: presence: %w", err)
	}
	return known, nil
}

// tellPresence tells the core how the friend of a room is now.
func (n *Network) tellPresence(ctx context.Context, r room, name string) error {
	p, err := n.presence(ctx, r.account, r.friend)
	if err != nil {
		return err
	}
	e := bridge.PresenceEvent{Account: r.account, From: id.Remote(r.friend), Presence: p, Name: name}
	if name != "" && name != r.name {
		if e.Was = r.name; r.state == stateJoined {
			e.Was = r.friendName() // what is said without a name is said under the user name
		}
	}
	return n.receive(ctx, e)
}

// presenceCame notes what the homeserver says of a user, and tells it if it is
// news of a friend: each ghost is told the same (lessons L28, L29).
func (n *Network) presenceCame(ctx context.Context, e *event.Event) {
	e.Type.Class = event.EphemeralEventType
	if n.own(e.Sender) || e.Content.Parsed == nil && e.Content.ParseRaw(e.Type) != nil {
		return
	}
	if err := n.setPresence(ctx, e.Sender, grade(e.Content.AsPresence())); err != nil {
		n.log.Debug("presence not told", "friend", e.Sender, "err", err)
	}
}

// setPresence stores a friend's presence and tells each account that sees it.
func (n *Network) setPresence(ctx context.Context, friend mid.UserID, p bridge.Presence) error {
	changed, err := n.storePresence(ctx, friend, p)
	if err != nil || !changed {
		return err
	}
	rooms, err := n.joinedWith(ctx, friend)
	if err != nil {
		return err
	}
	told := make(map[id.Account]bool)
	for _, r := range rooms {
		if told[r.account] {
			continue
		}
		told[r.account] = true
		if err := n.receive(ctx, bridge.PresenceEvent{Account: r.account, From: id.Remote(friend), Presence: p}); err != nil {
			return err
		}
	}
	return nil
}

// storePresence tells whether it is another than before. Only friends are kept.
func (n *Network) storePresence(ctx context.Context, friend mid.UserID, p bridge.Presence) (changed bool, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	res, err := n.db.ExecContext(ctx, `INSERT INTO matrix_presence (friend, presence, changed) SELECT ?1, ?2, ?3
		WHERE EXISTS (SELECT 1 FROM matrix_rooms WHERE friend = ?1 AND state = ?4) AND (SELECT count(*) FROM matrix_presence) < ?5
		ON CONFLICT (friend) DO UPDATE SET presence = excluded.presence, changed = excluded.changed WHERE presence <> excluded.presence`,
		friend, p, n.now().UnixMilli(), stateJoined, maxPresence)
	if err != nil {
		return false, fmt.Errorf("matrix: store presence: %w", err)
	}
	count, err := res.RowsAffected()
	return count > 0, err
}

// joinedWith lists the rooms in which a friend talks with any account.
func (n *Network) joinedWith(ctx context.Context, friend mid.UserID) ([]room, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	rows, err := n.db.QueryContext(ctx, `SELECT `+roomColumns+` FROM matrix_rooms WHERE friend = ? AND state = ?`, friend, stateJoined)
	if err != nil {
		return nil, fmt.Errorf("matrix: list rooms: %w", err)
	}
	defer rows.Close()
	var all []room
	for rows.Next() {
		r, err := scanRoom(rows)
		if err != nil {
			return nil, fmt.Errorf("matrix: list rooms: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// grade is what a homeserver says in the few grades that networks share.
func grade(p *event.PresenceEventContent) bridge.Presence {
	idle := time.Duration(p.LastActiveAgo)*time.Millisecond > idleAfter
	switch {
	case p.Presence == event.PresenceOffline:
		return bridge.PresenceOffline
	case p.Presence == event.PresenceUnavailable:
		return bridge.PresenceAway
	case idle && !p.CurrentlyActive:
		return bridge.PresenceIdle
	}
	return bridge.PresenceOnline
}
