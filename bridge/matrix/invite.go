package matrix

import (
	"context"
	"errors"
	"fmt"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// invite.go: direct rooms, from the account's side.

// maxAdoptLookups bounds the rooms that are looked into for one that we made but
// did not store.
const maxAdoptLookups = 50

// Invite makes sure that there is a direct room with the friend and that the
// friend is asked into it; into a room for several the ghost goes itself.
func (n *Network) Invite(ctx context.Context, m bridge.Outbound) error {
	if isRoom(m.To) {
		return n.goIn(ctx, m.From, m.To)
	}
	_, err := n.ensureRoom(ctx, m.From, mid.UserID(m.To))
	return err
}

// ensureRoom finds or makes the room to write into: one that both are in, one
// that the friend asks us into, one that the friend is asked into, one of ours
// that the friend left, or a new one.
func (n *Network) ensureRoom(ctx context.Context, from bridge.Account, friend mid.UserID) (room, error) {
	if err := n.ensureGhost(ctx, from, false); err != nil {
		return room{}, err
	}
	rooms, err := n.roomsOf(ctx, from.Address, friend)
	if err != nil {
		return room{}, err
	}
	if r, ok := pick(rooms, stateJoined); ok {
		return r, nil
	}
	if _, ok := pick(rooms, stateAsked); ok {
		if r, err := n.acceptAll(ctx, rooms); !permanent(err) {
			return r, err
		}
	}
	if r, ok := pick(rooms, stateInvited); ok {
		return r, nil
	}
	if r, ok := pick(rooms, stateEmpty); ok && r.ours && (n.encrypts() || !r.encrypted) {
		if r, ok, err := n.inviteAgain(ctx, r); err != nil || ok {
			return r, err
		}
	}
	if r, ok, err := n.adopt(ctx, from.Address, friend); err != nil || ok {
		return r, err
	}
	return n.create(ctx, from.Address, friend)
}

// pick chooses the most recently active room in a state, one that is preferred
// before others.
func pick(rooms []room, s state) (best room, ok bool) {
	for _, r := range rooms {
		if r.state == s && (!ok || best.shun && !r.shun) {
			best, ok = r, true
		}
	}
	return best, ok
}

// create makes a direct room as the ghost and invites the friend. The bot stays
// out: with three members clients do not show a direct chat (matrix.md 0).
func (n *Network) create(ctx context.Context, a id.Account, friend mid.UserID) (room, error) {
	_, c, err := n.ghost(a)
	if err != nil {
		return room{}, err
	}
	encrypted, err := n.startEncrypted(ctx, a, friend)
	if err != nil {
		return room{}, err
	}
	req := &mautrix.ReqCreateRoom{
		Preset: "trusted_private_chat", IsDirect: true, Invite: []mid.UserID{friend},
		CreationContent: map[string]any{keyFriend: string(friend)},
	}
	if encrypted {
		req.InitialState = []*event.Event{{Type: event.StateEncryption, StateKey: new(string), Content: event.Content{Raw: megolm}}}
	}
	resp, err := c.CreateRoom(ctx, req)
	if err != nil {
		return room{}, n.judge(err, fmt.Sprintf("%s cannot be invited; is the address right?", friend))
	}
	r := room{id: resp.RoomID, account: a, friend: friend, state: stateInvited, ours: true, direct: true, encrypted: encrypted}
	if err := n.addRoom(ctx, r); err != nil || !encrypted {
		return r, err
	}
	return r, n.mark(ctx, r.id, "encrypted") // its pushed creation may have been faster
}

// inviteAgain asks a friend back into a room of ours; false if the homeserver
// does not let us, and then the room is left.
func (n *Network) inviteAgain(ctx context.Context, r room) (room, bool, error) {
	_, c, err := n.ghost(r.account)
	if err != nil {
		return room{}, false, err
	}
	_, err = c.InviteUser(ctx, r.id, &mautrix.ReqInviteUser{UserID: r.friend})
	if err == nil {
		r.state = stateInvited
		return r, true, n.setState(ctx, r.id, stateInvited)
	}
	if err := n.judge(err, textRefused); !permanent(err) {
		return room{}, false, err
	}
	if in, err := n.membership(ctx, r); err == nil && in == event.MembershipJoin { // back already
		r.state = stateJoined
		return r, true, n.setState(ctx, r.id, stateJoined)
	}
	return room{}, false, n.leave(ctx, r, "")
}

// membership asks the homeserver how the friend stands to a room.
func (n *Network) membership(ctx context.Context, r room) (event.Membership, error) {
	_, c, err := n.ghost(r.account)
	if err != nil {
		return "", err
	}
	var m event.MemberEventContent
	err = c.StateEvent(ctx, r.id, event.StateMember, string(r.friend), &m)
	return m.Membership, n.judge(err, textRefused)
}

// adopt finds a room that the ghost made for this friend although the answer was
// lost, by what its creation says.
func (n *Network) adopt(ctx context.Context, a id.Account, friend mid.UserID) (room, bool, error) {
	_, c, err := n.ghost(a)
	if err != nil {
		return room{}, false, err
	}
	joined, err := c.JoinedRooms(ctx)
	if err != nil {
		return room{}, false, n.judge(err, textRefused)
	}
	looked := 0
	for _, rid := range joined.JoinedRooms {
		if known, err := n.knows(ctx, rid); err != nil {
			return room{}, false, err
		} else if known {
			continue
		}
		if looked++; looked > maxAdoptLookups {
			n.log.Warn("the ghost is in many rooms that are not known here", "account", a, "rooms", len(joined.JoinedRooms))
			break
		}
		var content map[string]any
		if err := c.StateEvent(ctx, rid, event.StateCreate, "", &content); err != nil {
			if err := n.judge(err, textRefused); !permanent(err) {
				return room{}, false, err
			}
			continue
		}
		if content[keyFriend] != string(friend) {
			continue
		}
		return n.adoptRoom(ctx, room{id: rid, account: a, friend: friend, ours: true, direct: true})
	}
	return room{}, false, nil
}

// adoptRoom stores a room that was found.
func (n *Network) adoptRoom(ctx context.Context, r room) (room, bool, error) {
	in, err := n.membership(ctx, r)
	switch {
	case err != nil && !permanent(err):
		return room{}, false, err
	case in == event.MembershipJoin:
		r.state = stateJoined
	case in == event.MembershipInvite:
		r.state = stateInvited
	default:
		r.state = stateEmpty
	}
	n.log.Info("found a room that was made but not stored", "account", r.account, "room", r.id)
	if err := n.addRoom(ctx, r); err != nil {
		return room{}, false, err
	}
	if r, err = n.checkPlain(ctx, r); err != nil {
		return room{}, false, err
	}
	if r.state == stateEmpty {
		return n.inviteAgain(ctx, r)
	}
	return r, true, nil
}

// Accept joins the rooms that the friend asks the account into and brings in
// what was written there meanwhile.
func (n *Network) Accept(ctx context.Context, m bridge.Outbound) error {
	if isRoom(m.To) {
		c, ok, err := n.crowdOf(ctx, m.From.Address, m.To)
		if err != nil || !ok || c.state != stateAsked {
			return err // answered before, or taken back
		}
		return n.goIn(ctx, m.From, m.To)
	}
	if err := n.ensureGhost(ctx, m.From, false); err != nil {
		return err
	}
	rooms, err := n.roomsOf(ctx, m.From.Address, mid.UserID(m.To))
	if err != nil {
		return err
	}
	if _, ok := pick(rooms, stateAsked); !ok {
		return nil // answered before, or taken back
	}
	_, err = n.acceptAll(ctx, rooms)
	return err
}

// acceptAll joins all rooms that wait. It gives one to write into; an error that
// nothing can mend counts only if there is none.
func (n *Network) acceptAll(ctx context.Context, rooms []room) (best room, err error) {
	var refused error
	ok := false
	for _, r := range rooms {
		if r.state != stateAsked {
			continue
		}
		switch r, err := n.accept(ctx, r); {
		case err == nil && !ok:
			best, ok = r, true
		case permanent(err):
			refused = err
		case err != nil:
			return room{}, err
		}
	}
	if !ok {
		return room{}, refused
	}
	return best, nil
}

// accept joins one room.
func (n *Network) accept(ctx context.Context, r room) (room, error) {
	_, c, err := n.ghost(r.account)
	if err != nil {
		return room{}, err
	}
	if _, err := c.JoinRoomByID(ctx, r.id); err != nil {
		err = n.judge(err, r.friendName()+"'s invitation is gone")
		if permanent(err) {
			err = errors.Join(err, n.dismiss(ctx, r))
		}
		return room{}, err
	}
	all, err := c.State(ctx, r.id)
	if err != nil {
		return room{}, n.judge(err, textRefused)
	}
	reason, text := n.unfit(r, all)
	if reason == "" {
		if r, err = n.fitEncryption(ctx, r, all); permanent(err) {
			reason, text = reasonPlain, textPlain
		} else if err != nil {
			return room{}, err
		}
	}
	if reason != "" {
		if reason == reasonCrypt {
			if err := n.tellFriend(ctx, r); err != nil {
				return room{}, err
			}
		}
		if err := n.leave(ctx, r, reason); err != nil {
			return room{}, err
		}
		n.inbox.add(r.id)
		return room{}, bridge.Permanent(text, nil)
	}
	history, err := n.history(ctx, c, r)
	if err != nil {
		return room{}, err
	}
	if m := memberOf(all, r.friend); m != nil && m.Displayname != "" {
		r.name = cutName(m.Displayname)
		if err := n.setName(ctx, r.id, r.name); err != nil {
			return room{}, err
		}
	}
	if err := n.inbox.backfill(ctx, r.id, history); err != nil {
		return room{}, err
	}
	n.inbox.add(r.id)
	r.state = stateJoined
	if err := n.tellPresence(ctx, r, r.name); err != nil {
		n.log.Warn("presence not told", "account", r.account, "err", err) // state, not an event: it is asked for again
	}
	return r, nil
}

// unfit is why a room that we just joined is not one to talk in: a reason for
// the friend and a sentence for the box.
func (n *Network) unfit(r room, all mautrix.RoomStateMap) (reason, text string) {
	others := 0
	for user, evt := range all[event.StateMember] {
		in := evt.Content.AsMember().Membership
		if (in == event.MembershipJoin || in == event.MembershipInvite) && user != string(r.friend) {
			others++ // the ghost is one
		}
	}
	m := memberOf(all, r.friend)
	switch {
	case m == nil || m.Membership != event.MembershipJoin:
		return "Nobody is here any more.", r.friendName() + " has left it already"
	case !r.direct && others > 1:
		return reasonNameless, r.friendName() + " asked you into a room for several people that has no name; rooms with a name can be used"
	case all[event.StateEncryption][""] != nil && !n.encrypts():
		return reasonCrypt, r.friendName() + "'s chat is encrypted, which cannot be used from here; one without encryption was asked for"
	}
	return "", ""
}

// memberOf finds a user's membership in a room's state.
func memberOf(all mautrix.RoomStateMap, user mid.UserID) *event.MemberEventContent {
	if evt := all[event.StateMember][string(user)]; evt != nil {
		return evt.Content.AsMember()
	}
	return nil
}

// Decline turns the friend's open invitations down. Rooms that both are in stay:
// blocking is silent.
func (n *Network) Decline(ctx context.Context, m bridge.Outbound) error {
	if isRoom(m.To) {
		return n.declineRoom(ctx, m)
	}
	rooms, err := n.roomsOf(ctx, m.From.Address, mid.UserID(m.To))
	if err != nil {
		return err
	}
	for _, r := range rooms {
		if r.state != stateAsked {
			continue
		}
		if err := n.ensureGhost(ctx, m.From, false); err != nil {
			return err
		}
		if err := n.leave(ctx, r, ""); err != nil {
			return err
		}
		n.inbox.add(r.id) // what waited for an answer is let go
	}
	return nil
}

// leave takes the ghost out of a room, or turns its invitation down.
func (n *Network) leave(ctx context.Context, r room, reason string) error {
	if r.state == stateLeft {
		return nil
	}
	_, c, err := n.ghost(r.account)
	if err != nil {
		return err
	}
	if err := n.leaveAs(ctx, c, r.id, reason); err != nil {
		return err
	}
	return n.setState(ctx, r.id, stateLeft)
}

// leaveAs leaves a room. Not to be in it is success.
func (n *Network) leaveAs(ctx context.Context, c *mautrix.Client, rid mid.RoomID, reason string) error {
	_, err := c.LeaveRoom(ctx, rid, &mautrix.ReqLeave{Reason: reason})
	if gone(err) {
		return nil
	}
	return n.judge(err, textRefused)
}

// dismiss forgets an invitation that cannot be accepted.
func (n *Network) dismiss(ctx context.Context, r room) error {
	if err := n.setState(ctx, r.id, stateLeft); err != nil {
		return err
	}
	n.inbox.add(r.id)
	return nil
}
