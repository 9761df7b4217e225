package matrix

import (
	"context"
	"errors"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// members.go: who invites, comes and goes.

const (
	// maxAskedPerFriend bounds the invitations of one friend that wait for an
	// answer, and maxAskedPerAccount those that wait for one account, whose TV
	// asks about each (matrix.md 7).
	maxAskedPerFriend  = 20
	maxAskedPerAccount = 20
	// maxRefusedPerDay bounds the encrypted rooms of one friend that we join to
	// say that we cannot read them.
	maxRefusedPerDay = 10
)

// Reasons that a friend reads when an invitation is turned down.
const (
	reasonPolicy  = "This gateway does not take invitations from you."
	reasonUnknown = "There is no WebTV account of this name."
	reasonMany    = "Too many invitations wait for an answer already."
	reasonGroup   = "Only direct chats reach a WebTV here, no rooms for several people."
	reasonCrypt   = "Encrypted chats do not reach a WebTV here. Please invite again without encryption."
	reasonPlain   = "Only encrypted chats reach a WebTV here. Please invite again with encryption."
)

// member handles a change of membership.
func (n *Network) member(ctx context.Context, evt *event.Event) error {
	if err := parse(evt); err != nil {
		return err
	}
	who, m := mid.UserID(*evt.StateKey), evt.Content.AsMember()
	if n.isGhost(who) {
		return n.ghostMember(ctx, evt, who, m)
	}
	if m.Membership == event.MembershipInvite && m.IsDirect && n.isGhost(evt.Sender) {
		return n.found(ctx, evt, who, stateInvited)
	}
	r, ok, err := n.roomByID(ctx, evt.RoomID)
	if err != nil || !ok || r.friend != who {
		return err
	}
	switch m.Membership {
	case event.MembershipJoin:
		return n.friendJoined(ctx, r, m)
	case event.MembershipLeave, event.MembershipBan:
		return n.friendLeft(ctx, r, evt)
	}
	return nil
}

// ghostMember handles what happens to a ghost.
func (n *Network) ghostMember(ctx context.Context, evt *event.Event, who mid.UserID, m *event.MemberEventContent) error {
	switch m.Membership {
	case event.MembershipInvite:
		if n.own(evt.Sender) {
			return nil
		}
		return n.invited(ctx, evt, who, m)
	case event.MembershipLeave, event.MembershipBan:
		r, ok, err := n.roomByID(ctx, evt.RoomID)
		if err != nil || !ok || r.state == stateLeft {
			return err
		}
		if id, err := n.ghostID(r.account); err != nil || id != who {
			return err
		}
		return n.thrownOut(ctx, r, evt)
	}
	return nil
}

// thrownOut handles a ghost that is out of a room. Its own leaving is no event
// for anybody (lessons L13), and neither is an invitation taken back.
func (n *Network) thrownOut(ctx context.Context, r room, evt *event.Event) error {
	if n.own(evt.Sender) || r.state == stateAsked {
		return n.setState(ctx, r.id, stateLeft)
	}
	err := n.receive(ctx, bridge.NoticeEvent{
		Event: id.Event(evt.ID), Account: r.account, From: id.Remote(r.friend), Time: n.timeOf(evt),
		Text: r.friendName() + " has ended the chat.",
	})
	if err != nil {
		return err
	}
	if err := n.setState(ctx, r.id, stateLeft); err != nil {
		return err
	}
	if err := n.dropSessions(ctx, string(r.id)); err != nil {
		return err
	}
	return n.tellPresence(ctx, r, "")
}

// friendJoined handles a friend who came in or changed the display name.
func (n *Network) friendJoined(ctx context.Context, r room, m *event.MemberEventContent) error {
	name := cutName(m.Displayname) // it stands in lines of ours, one for each word of theirs
	switch r.state {
	case stateLeft:
		return nil
	case stateAsked:
		return n.setName(ctx, r.id, name)
	}
	if r.state == stateJoined && r.name == name {
		return nil
	}
	if err := n.arrived(ctx, r, name); err != nil {
		return err // the old name stays, and with it that there is news to tell
	}
	return n.setName(ctx, r.id, name)
}

// arrived notes that the friend is in the room.
func (n *Network) arrived(ctx context.Context, r room, name string) error {
	if r.state != stateJoined {
		if err := n.setState(ctx, r.id, stateJoined); err != nil {
			return err
		}
	}
	return n.tellPresence(ctx, r, name)
}

// friendLeft handles a friend who declined, left or was removed. In a room of
// our own the ghost waits, since it can invite again; another one it leaves, so
// that the homeserver can forget it (matrix.md 7).
func (n *Network) friendLeft(ctx context.Context, r room, evt *event.Event) error {
	switch {
	case !r.ours && (r.state == stateJoined || r.state == stateEmpty):
		// first of all: what the box writes on reading the line goes elsewhere
		if err := n.setState(ctx, r.id, stateEmpty); err != nil {
			return err
		}
	case r.state != stateInvited && r.state != stateJoined:
		return nil
	}
	line := r.friendName() + " has left the chat."
	if r.state == stateInvited {
		line = r.friendName() + " did not accept the invitation."
	}
	err := n.receive(ctx, bridge.NoticeEvent{
		Event: id.Event(evt.ID), Account: r.account, From: id.Remote(r.friend), Time: n.timeOf(evt), Text: line,
	})
	if err != nil {
		return err
	}
	if !r.ours {
		if err := effectOf(n.leave(ctx, r, "")); err != nil {
			return err
		}
	} else if err := n.setState(ctx, r.id, stateEmpty); err != nil {
		return err
	}
	if err := n.dropSessions(ctx, string(r.id)); err != nil { // who is out must not read on
		return err
	}
	return n.tellPresence(ctx, r, "")
}

// invited handles somebody who invites a ghost.
func (n *Network) invited(ctx context.Context, evt *event.Event, who mid.UserID, m *event.MemberEventContent) error {
	a, known, err := n.ghosts.find(ctx, who)
	if err != nil {
		return err
	}
	if !known {
		n.refuseAs(ctx, who, evt.RoomID, reasonUnknown)
		return nil
	}
	hints := readHints(evt)
	if _, crowd, err := n.crowdRoom(ctx, evt.RoomID); err != nil {
		return err
	} else if crowd || !m.IsDirect && hints.group() {
		return n.invitedCrowd(ctx, evt, a, hints)
	}
	old, seen, err := n.roomByID(ctx, evt.RoomID)
	if err != nil {
		return err
	}
	if seen && old.account != a.Address && old.state != stateLeft { // a second ghost makes it a group
		return n.refuse(ctx, a.Address, evt.RoomID, reasonGroup)
	}
	if seen && old.inviteEvent == evt.ID && old.state != stateAsked {
		return nil // a repeat after the answer
	}
	hints.encrypted = hints.encrypted || old.encrypted // for ever
	r := room{id: evt.RoomID, account: a.Address, friend: evt.Sender, state: stateAsked, direct: m.IsDirect,
		encrypted: hints.encrypted, name: hints.name, inviteEvent: evt.ID, inviteTime: evt.Timestamp,
		toldFriend: old.toldFriend, toldBox: old.toldBox}
	reason, err := n.objection(ctx, r, hints)
	if err != nil {
		return err
	}
	if reason == "" {
		switch ok, err := n.putAsked(ctx, r); {
		case err != nil:
			return err
		case !ok:
			reason = reasonMany
		case hints.encrypted && !n.encrypts():
			return n.refuseEncrypted(ctx, r)
		}
	}
	if reason != "" {
		n.log.Info("invitation turned down", "account", a.Address, "from", evt.Sender, "reason", reason)
		return n.refuse(ctx, a.Address, evt.RoomID, reason)
	}
	return n.receive(ctx, bridge.RequestEvent{
		Event: id.Event(evt.ID), Account: r.account, From: id.Remote(r.friend), Name: r.name, Time: n.timeOf(evt),
	})
}

// objection is why an invitation is turned down at once; "" if it is not.
func (n *Network) objection(ctx context.Context, r room, h hints) (string, error) {
	if !n.mayInvite(r.friend) {
		return reasonPolicy, nil
	}
	if n.shuns(r.friend) {
		return reasonBridged, nil
	}
	if h.encrypted && !n.encrypts() {
		count, err := n.refused(ctx, r.friend, n.now().Add(-24*time.Hour))
		if err != nil || count >= maxRefusedPerDay {
			return reasonCrypt, err
		}
	}
	return "", nil
}

// hints is what an invitation tells of its room.
type hints struct {
	name      string // of the one who invites
	room      string // its name
	alias     mid.RoomAlias
	topic     bool
	encrypted bool
}

// group tells a room for several people from a private chat: it has a name, an
// alias or a topic.
func (h hints) group() bool { return h.room != "" || h.alias != "" || h.topic }

// readHints reads the stripped state that comes with an invitation.
func readHints(evt *event.Event) (h hints) {
	for _, s := range evt.Unsigned.InviteRoomState {
		if s == nil || s.StateKey == nil {
			continue
		}
		s.Type.Class = event.StateEventType
		if s.Content.ParseRaw(s.Type) != nil {
			continue
		}
		switch s.Type {
		case event.StateEncryption:
			h.encrypted = h.encrypted || *s.StateKey == ""
		case event.StateMember:
			if *s.StateKey == string(evt.Sender) {
				h.name = cutName(s.Content.AsMember().Displayname)
			}
		case event.StateRoomName:
			h.room = cutName(s.Content.AsRoomName().Name)
		case event.StateTopic:
			h.topic = h.topic || s.Content.AsTopic().Topic != ""
		case event.StateCanonicalAlias:
			h.alias = s.Content.AsCanonicalAlias().Alias
		}
	}
	return h
}

// refuse turns an invitation down.
func (n *Network) refuse(ctx context.Context, a id.Account, rid mid.RoomID, reason string) error {
	acc, ok := n.ghosts.account(a)
	if !ok {
		return nil
	}
	if err := n.ensureGhost(ctx, acc, false); err != nil {
		return effectOf(err)
	}
	_, c, err := n.ghost(a)
	if err != nil {
		return effectOf(err)
	}
	return effectOf(n.leaveAs(ctx, c, rid, reason))
}

// refuseAs turns an invitation down for a ghost that nobody has. A homeserver
// that does not know that user gets it, or the friend would wait for an answer
// for ever (matrix.md 7).
func (n *Network) refuseAs(ctx context.Context, who mid.UserID, rid mid.RoomID, reason string) {
	l := n.live.Load()
	if l == nil {
		return
	}
	c := l.user(who)
	_, err := c.LeaveRoom(ctx, rid, &mautrix.ReqLeave{Reason: reason})
	if !errors.Is(err, mautrix.MNotFound) && permanent(n.judge(err, textRefused)) && n.ghosts.mayMake() {
		if err = n.signUp(ctx, c); err == nil {
			err = n.leaveAs(ctx, c, rid, reason)
		}
	}
	if err != nil {
		n.log.Debug("invitation of an unknown ghost not answered", "ghost", who, "room", rid, "err", err)
	}
}

// refuseEncrypted joins an encrypted room for the time it takes to say that we
// cannot read it (lessons L41: the pain is the silence). Until that is done the
// room counts as asked, and so the event is handled again after a failure.
func (n *Network) refuseEncrypted(ctx context.Context, r room) error {
	acc, ok := n.ghosts.account(r.account)
	if !ok {
		return nil
	}
	n.log.Info("invitation to an encrypted chat turned down", "account", r.account, "from", r.friend)
	if err := n.ensureGhost(ctx, acc, false); err != nil {
		return effectOf(err)
	}
	_, c, err := n.ghost(r.account)
	if err != nil {
		return err
	}
	_, err = c.JoinRoomByID(ctx, r.id)
	if err == nil {
		if err := n.tellFriend(ctx, r); err != nil {
			return err
		}
	} else if err := n.judge(err, textRefused); !permanent(err) {
		return effectOf(err)
	}
	return effectOf(n.leave(ctx, r, reasonCrypt))
}

// effectOf makes a failed call a sideEffect, and lets be what the homeserver
// refuses for good. Other errors stay what they are.
func effectOf(err error) error {
	var se *bridge.SendError
	switch {
	case !errors.As(err, &se):
		return err
	case se.Permanent:
		return nil
	}
	return sideEffect{err}
}
