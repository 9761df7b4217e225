package matrix

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/id"
)

// repair.go: rooms that end or are replaced, and those of which the homeserver
// and we think differently.

// replaced handles a room that its owner has replaced by another, as an upgrade
// does: the chat goes on there. What the ghost cannot join now it is invited to,
// or the next message of the box makes a new room.
func (n *Network) replaced(ctx context.Context, evt *event.Event) error {
	r, ok, err := n.roomByID(ctx, evt.RoomID)
	if err != nil || !ok || *evt.StateKey != "" || !r.state.ghostIn() {
		return err
	}
	next, _ := evt.Content.Raw["replacement_room"].(string)
	if next != "" && evt.Sender == r.friend && n.mayInvite(r.friend) {
		if err := effectOf(n.moveTo(ctx, r, mid.RoomID(next), evt.Timestamp)); err != nil {
			return err
		}
	}
	n.log.Info("a direct room was replaced", "account", r.account, "room", r.id, "by", next)
	return effectOf(n.leave(ctx, r, ""))
}

// moveTo joins the room that replaces another, if it is a direct one too.
func (n *Network) moveTo(ctx context.Context, old room, next mid.RoomID, since int64) error {
	r, known, err := n.roomByID(ctx, next)
	switch {
	case err != nil:
		return err
	case known && (r.state.ghostIn() || r.account != old.account || r.friend != old.friend):
		return nil
	case !known:
		r = room{id: next, account: old.account, friend: old.friend, state: stateAsked, name: old.name, encrypted: false, inviteTime: since}
		if ok, err := n.putAsked(ctx, r); err != nil || !ok {
			return err
		}
	}
	r.direct = false // it has not been said, so the members tell
	_, err = n.accept(ctx, r)
	return err
}

// repair compares, once after the start, the rooms in which the ghosts are with
// those of which we know, and mends what differs (lessons L17).
func (n *Network) repair(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-n.firstUp:
	}
	defer close(n.compared)
	n.ghosts.mu.Lock()
	accounts := slices.Sorted(maps.Keys(n.ghosts.accounts))
	n.ghosts.mu.Unlock()
	for _, a := range accounts {
		if err := n.repairRooms(ctx, a); err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
			n.log.Debug("rooms of a ghost not compared", "account", a, "err", err)
		}
	}
}

// repairRooms does it for one ghost. Rooms that wait for an answer, and ours that
// were made and not stored, are looked after elsewhere.
func (n *Network) repairRooms(ctx context.Context, a id.Account) error {
	row, err := n.ghostRow(ctx, a)
	if err != nil || !row.registered {
		return err
	}
	ours, err := n.roomsOf(ctx, a, "") // before asking: what we join meanwhile is not missing
	if err != nil {
		return err
	}
	_, c, err := n.ghost(a)
	if err != nil {
		return err
	}
	resp, err := c.JoinedRooms(ctx)
	if err != nil {
		return fmt.Errorf("matrix: list joined rooms: %w", err)
	}
	theirs := make(map[mid.RoomID]bool)
	for _, rid := range resp.JoinedRooms {
		theirs[rid] = true
	}
	for _, r := range ours {
		if !theirs[r.id] && r.state.ghostIn() {
			n.log.Warn("a ghost is out of a room and nobody said so", "account", a, "room", r.id)
			if err := n.setState(ctx, r.id, stateLeft); err != nil {
				return err
			}
			if err := n.tellPresence(ctx, r, ""); err != nil {
				return err
			}
		}
		if r.state != stateLeft {
			delete(theirs, r.id)
		}
	}
	for _, rid := range slices.Sorted(maps.Keys(theirs)) {
		if err := n.leaveStray(ctx, a, rid); err != nil {
			return err
		}
	}
	return nil
}

// leaveStray leaves a room that nobody here knows, unless the ghost made it.
func (n *Network) leaveStray(ctx context.Context, a id.Account, rid mid.RoomID) error {
	if r, known, err := n.roomByID(ctx, rid); err != nil || known && r.state != stateLeft {
		return err
	}
	_, c, err := n.ghost(a)
	if err != nil {
		return err
	}
	var create map[string]any
	if err := c.StateEvent(ctx, rid, event.StateCreate, "", &create); err != nil {
		return fmt.Errorf("matrix: look at a room: %w", err)
	}
	if create[keyFriend] != nil {
		return nil
	}
	n.log.Info("a ghost leaves a room that is not known here", "account", a, "room", rid)
	return n.leaveAs(ctx, c, rid, "")
}
