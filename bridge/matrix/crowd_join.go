package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// crowd_join.go: into rooms for several people, and out of them.

// What a person reads on a TV, as part of a sentence.
const (
	textNoRooms   = "rooms for several people are switched off here"
	textNoRoom    = "there is no such room"
	textInvited   = "only who is invited may come in; ask somebody there to invite %s"
	textLarge     = "more than %d people are there, which is too many for a TV"
	textRoomCrypt = "the room is encrypted, which cannot be used from here"
	textRoomPlain = "the room is not encrypted, which is not allowed here"
	textNotIn     = "you are not in that room; take it off your list and add it again to go in"
	textRooms     = "you are in too many rooms; take one off your list first"
	textTwice     = "it is on your list already, as %s"
)

// Reasons that the people of a room read when a ghost leaves it.
const (
	reasonLarge    = "This room has too many members for a WebTV."
	reasonRemoved  = "Taken off the WebTV's list."
	reasonBridged  = "This gateway does not take invitations from users of other bridges."
	reasonNameless = "A room for several people needs a name to reach a WebTV. Please name it and invite again."
	reasonName     = "This room has no address that fits a WebTV. Please give it a shorter alias."
)

// goIn takes an account's ghost into the room that is its contact.
func (n *Network) goIn(ctx context.Context, from bridge.Account, contact id.Remote) error {
	if n.o.RoomMembers == 0 {
		return bridge.Permanent(textNoRooms, nil)
	}
	if err := n.ensureGhost(ctx, from, false); err != nil {
		return err
	}
	c, ok, err := n.crowdOf(ctx, from.Address, contact)
	if err != nil || ok && c.state == stateJoined {
		return err
	}
	var via []string
	if !ok {
		c = crowd{account: from.Address, contact: contact}
		if c.room, via, err = n.locate(ctx, from.Address, contact); err != nil {
			return err
		}
		if c, err = n.wish(ctx, c); err != nil {
			return err
		}
	} else if c.inviter != "" {
		via = []string{c.inviter.Homeserver()}
	}
	return n.enter(ctx, c, via)
}

// locate finds a room by its alias or id, and servers that know it.
func (n *Network) locate(ctx context.Context, a id.Account, contact id.Remote) (mid.RoomID, []string, error) {
	if !isAlias(contact) {
		_, server, _ := strings.Cut(string(contact), ":")
		return mid.RoomID(contact), []string{server}, nil
	}
	_, c, err := n.ghost(a)
	if err != nil {
		return "", nil, err
	}
	resp, err := c.ResolveAlias(ctx, mid.RoomAlias(contact))
	if err != nil {
		return "", nil, n.judge(err, textNoRoom)
	}
	return resp.RoomID, resp.Servers[:min(len(resp.Servers), maxVia)], nil
}

// maxVia is how many servers are named when a room is joined: one that answers is
// enough, and the list is a stranger's.
const maxVia = 5

// wish notes that an account wants to go into a room; what is pushed meanwhile
// waits.
func (n *Network) wish(ctx context.Context, c crowd) (crowd, error) {
	same, err := n.crowdsWhere(ctx, `room = ? AND account = ?`, c.room, c.account)
	if err != nil {
		return c, err
	}
	if len(same) > 0 && same[0].state == stateJoined {
		a, err := n.Address(same[0].contact)
		return c, bridge.Permanent(fmt.Sprintf(textTwice, a), err)
	}
	if len(same) > 0 { // asked in under another address: the one that the box chose counts
		c.inviter = same[0].inviter
		if err := n.dropCrowd(ctx, same[0]); err != nil {
			return c, err
		}
	}
	inviter := c.inviter
	c.inviter = "" // the wish is the account's own
	err = n.putCrowd(ctx, c)
	if errors.Is(err, errTooManyCrowds) {
		return c, bridge.Permanent(textRooms, err)
	}
	c.inviter = inviter
	return c, err
}

// enter joins a room and looks whether it can be used. What cannot is left again.
func (n *Network) enter(ctx context.Context, c crowd, via []string) error {
	_, cl, err := n.ghost(c.account)
	if err != nil {
		return err
	}
	u := cl.BuildURLWithFullQuery(mautrix.ClientURLPath{"v3", "join", c.room}, func(q url.Values) {
		q["via"], q["server_name"] = via, via // the newer name and the older one
	})
	if _, err := cl.MakeRequest(ctx, http.MethodPost, u, struct{}{}, nil); err != nil {
		text := textNoRoom
		if forbidden(err) {
			text = fmt.Sprintf(textInvited, cl.UserID)
		}
		return n.notIn(ctx, c, n.judge(err, text))
	}
	members, err := cl.JoinedMembers(ctx, c.room)
	if err != nil {
		return n.judge(err, textRefused)
	}
	if len(members.Joined) > n.o.RoomMembers {
		return n.turnAway(ctx, c, reasonLarge, fmt.Sprintf(textLarge, n.o.RoomMembers))
	}
	all, err := cl.State(ctx, c.room)
	if err != nil {
		return n.judge(err, textRefused)
	}
	r := crowdRoom{room: c.room, name: stateName(all)}
	encryption := ""
	if evt := all[event.StateEncryption][""]; evt != nil {
		r.encrypted = true
		if encryption = string(evt.Content.VeryRaw); len(encryption) > maxEncryptionContent {
			encryption = ""
		}
	}
	switch {
	case r.encrypted && !n.encrypts():
		return n.turnAway(ctx, c, reasonCrypt, textRoomCrypt)
	case !r.encrypted && n.o.Encryption == encryptionRequire:
		return n.turnAway(ctx, c, reasonPlain, textRoomPlain)
	}
	if err := n.entered(ctx, c, r, encryption, stateMembers(all)); err != nil {
		return err
	}
	if err := n.dropSessions(ctx, string(c.room)); err != nil { // the other ghosts there have one more reader
		return err
	}
	n.inbox.add(c.room)
	n.log.Info("a ghost is in a room", "account", c.account, "room", c.room, "members", len(members.Joined))
	return n.tellCrowd(ctx, c, bridge.PresenceOnline, crowdName(r, c.contact))
}

// notIn ends a wish that cannot be met; err says why.
func (n *Network) notIn(ctx context.Context, c crowd, err error) error {
	if !permanent(err) {
		return err
	}
	if drop := n.dropCrowd(ctx, c); drop != nil {
		return drop
	}
	n.inbox.add(c.room)
	return err
}

// turnAway leaves a room that cannot be used.
func (n *Network) turnAway(ctx context.Context, c crowd, reason, text string) error {
	if err := n.leaveCrowd(ctx, c, reason); err != nil {
		return err
	}
	return bridge.Permanent(text, nil)
}

// leaveCrowd takes a ghost out of a room, or turns its invitation down.
func (n *Network) leaveCrowd(ctx context.Context, c crowd, reason string) error {
	_, cl, err := n.ghost(c.account)
	if err != nil {
		return err
	}
	if err := n.leaveAs(ctx, cl, c.room, reason); err != nil {
		return err
	}
	return n.outOf(ctx, c)
}

// outOf notes that a ghost is out of a room.
func (n *Network) outOf(ctx context.Context, c crowd) error {
	if err := n.dropCrowd(ctx, c); err != nil {
		return err
	}
	n.inbox.add(c.room) // what waited for an answer is let go
	return n.tellCrowd(ctx, c, bridge.PresenceOffline, "")
}

// tellCrowd tells the core whether a room is there.
func (n *Network) tellCrowd(ctx context.Context, c crowd, p bridge.Presence, name string) error {
	return n.receive(ctx, bridge.PresenceEvent{Account: c.account, From: c.contact, Presence: p, Name: name})
}

// Leave implements bridge.Leaver: a room is left when its contact goes. A friend
// is no room; the direct one stays.
func (n *Network) Leave(ctx context.Context, m bridge.Outbound) error {
	if !isRoom(m.To) {
		return nil
	}
	all, err := n.crowdsWhere(ctx, `account = ? AND contact = ?`, m.From.Address, m.To)
	if err != nil {
		return err
	}
	for _, c := range all {
		if err := n.leaveCrowd(ctx, c, reasonRemoved); err != nil {
			return err
		}
	}
	return nil
}

// declineRoom turns down what is asked; rooms that the ghost is in stay.
func (n *Network) declineRoom(ctx context.Context, m bridge.Outbound) error {
	c, ok, err := n.crowdOf(ctx, m.From.Address, m.To)
	if err != nil || !ok || c.state != stateAsked {
		return err
	}
	if err := n.ensureGhost(ctx, m.From, false); err != nil {
		return err
	}
	return n.leaveCrowd(ctx, c, "")
}

// invitedCrowd handles somebody who invites an account's ghost to a room for
// several: its owner is asked.
func (n *Network) invitedCrowd(ctx context.Context, evt *event.Event, a bridge.Account, h hints) error {
	c := crowd{room: evt.RoomID, account: a.Address, inviter: evt.Sender, state: stateAsked}
	reason := ""
	switch {
	case n.o.RoomMembers == 0:
		reason = reasonGroup
	case !n.mayInvite(evt.Sender):
		reason = reasonPolicy
	case n.shuns(evt.Sender):
		reason = reasonBridged
	case h.encrypted && !n.encrypts():
		reason = reasonCrypt
	default:
		c.contact = n.contactFor(ctx, a.Address, evt.RoomID, h.alias)
		if _, err := n.Address(c.contact); err != nil {
			reason = reasonName
		}
	}
	if reason == "" {
		same, err := n.crowdsWhere(ctx, `room = ? AND account = ?`, c.room, c.account)
		if err != nil {
			return err
		}
		if len(same) > 0 { // it was thrown out and we missed it, or it is asked again
			c.contact = same[0].contact
			if err := n.dropCrowd(ctx, same[0]); err != nil {
				return err
			}
		}
		err = n.putCrowd(ctx, c)
		switch {
		case errors.Is(err, errTooManyAsked), errors.Is(err, errTooManyCrowds):
			reason = reasonMany
		case err != nil:
			return err
		}
	}
	if reason != "" {
		n.log.Info("invitation to a room turned down", "account", a.Address, "from", evt.Sender, "reason", reason)
		return n.refuse(ctx, a.Address, evt.RoomID, reason)
	}
	name := h.room
	if name == "" {
		name = crowdName(crowdRoom{}, c.contact)
	}
	return n.receive(ctx, bridge.RequestEvent{Event: scoped(evt.ID, a.Address), Account: a.Address, From: c.contact, Name: name, Time: n.timeOf(evt)})
}

// contactFor is what a room stands as on a list: its alias, if that leads to it,
// which an invitation may say wrongly; else its id.
func (n *Network) contactFor(ctx context.Context, a id.Account, rid mid.RoomID, alias mid.RoomAlias) id.Remote {
	byID := id.Remote(rid)
	if alias == "" || !isAlias(id.Remote(alias)) {
		return byID
	}
	if _, err := n.Address(id.Remote(alias)); err != nil {
		return byID
	}
	found, _, err := n.locate(ctx, a, id.Remote(alias))
	if err != nil || found != rid {
		n.log.Debug("the alias of a room does not lead there", "room", rid, "err", err)
		return byID
	}
	return id.Remote(alias)
}

// stateName is a room's name, or else its alias.
func stateName(all mautrix.RoomStateMap) string {
	if evt := all[event.StateRoomName][""]; evt != nil && evt.Content.AsRoomName().Name != "" {
		return cutName(evt.Content.AsRoomName().Name)
	}
	if evt := all[event.StateCanonicalAlias][""]; evt != nil {
		return cutName(string(evt.Content.AsCanonicalAlias().Alias))
	}
	return ""
}

// stateMembers lists who is in a room or invited.
func stateMembers(all mautrix.RoomStateMap) (members []member) {
	for user, evt := range all[event.StateMember] {
		m := evt.Content.AsMember()
		if m.Membership == event.MembershipJoin || m.Membership == event.MembershipInvite {
			members = append(members, member{mid.UserID(user), cutName(m.Displayname), m.Membership == event.MembershipJoin})
		}
	}
	slices.SortFunc(members, func(a, b member) int { // joined first: there may be too many
		switch {
		case a.joined != b.joined && a.joined:
			return -1
		case a.joined != b.joined:
			return 1
		}
		return 0
	})
	return members[:min(len(members), maxKeptMembers)]
}

// maxKeptMembers bounds the members of a room that are kept, those invited
// included: far above any matrix.rooms.max_members that makes sense.
const maxKeptMembers = 20_000

func cutName(s string) string {
	if len(s) <= maxMemberName {
		return s
	}
	return string([]rune(s)[:maxMemberName/4]) // a rune has at most four bytes
}

// unmarshalName reads the name in a state event's content.
func unmarshalName(raw json.RawMessage) string {
	var c struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(raw, &c) != nil {
		return ""
	}
	return cutName(c.Name)
}
