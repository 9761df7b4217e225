package matrix

import (
	"context"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// crowd_events.go: what happens in rooms for several people. Who comes and goes is
// never told to a box (lessons L27).

// handleCrowd gives an event of such a room its effect, for all accounts in it.
func (n *Network) handleCrowd(ctx context.Context, all []crowd, evt *event.Event) error {
	if evt.StateKey == nil {
		return n.heard(ctx, all, evt)
	}
	switch evt.Type {
	case event.StateMember:
		return n.crowdMember(ctx, all, evt)
	case event.StateEncryption:
		if *evt.StateKey != "" {
			return nil
		}
		return n.setEncrypted(ctx, evt.RoomID, evt.Content.VeryRaw)
	case event.StateRoomName:
		if *evt.StateKey != "" {
			return nil
		}
		return n.exec(ctx, "store room name", `UPDATE matrix_crowd_rooms SET name = ? WHERE room = ?`, unmarshalName(evt.Content.VeryRaw), evt.RoomID)
	case event.StateTombstone:
		return n.crowdReplaced(ctx, all, evt)
	}
	return nil
}

// crowdMember handles who comes and goes.
func (n *Network) crowdMember(ctx context.Context, all []crowd, evt *event.Event) error {
	if err := parse(evt); err != nil {
		return err
	}
	who, m := mid.UserID(*evt.StateKey), evt.Content.AsMember()
	if m.Membership == event.MembershipInvite && n.isGhost(who) {
		return n.ghostMember(ctx, evt, who, m)
	}
	news, err := n.noteMember(ctx, evt.RoomID, who, m)
	if err != nil {
		return err
	}
	if news { // who is out must not read on, and who is new must
		if err := n.dropSessions(ctx, string(evt.RoomID)); err != nil {
			return err
		}
	}
	switch m.Membership {
	case event.MembershipLeave, event.MembershipBan:
		return n.crowdGhostOut(ctx, all, who, evt)
	case event.MembershipJoin:
		return n.crowdGrown(ctx, all)
	}
	return nil
}

func (n *Network) noteMember(ctx context.Context, rid mid.RoomID, who mid.UserID, m *event.MemberEventContent) (news bool, err error) {
	if m.Membership == event.MembershipJoin || m.Membership == event.MembershipInvite {
		return n.putMember(ctx, rid, member{who, cutName(m.Displayname), m.Membership == event.MembershipJoin})
	}
	return true, n.exec(ctx, "forget member", `DELETE FROM matrix_members WHERE room = ? AND user = ?`, rid, who)
}

// crowdGhostOut handles a ghost that was thrown out: it does not go back by itself
// (matrix.md 7). Its own leaving was noted when it left, and it may be back by now
// (lessons L13).
func (n *Network) crowdGhostOut(ctx context.Context, all []crowd, who mid.UserID, evt *event.Event) error {
	if evt.Sender == who {
		return nil
	}
	for _, c := range all {
		if ghost, err := n.ghostID(c.account); err != nil || ghost != who {
			continue
		}
		if c.state == stateJoined {
			if err := n.tellOut(ctx, c, scoped(evt.ID, c.account), n.timeOf(evt)); err != nil {
				return err
			}
		}
		return n.outOf(ctx, c)
	}
	return nil
}

// tellOut tells a box that it was thrown out of a room.
func (n *Network) tellOut(ctx context.Context, c crowd, ev id.Event, at time.Time) error {
	return n.receive(ctx, bridge.NoticeEvent{Event: ev, Account: c.account, From: c.contact, Time: at,
		Text: "You are out of this room: somebody there has removed you."})
}

// crowdGrown leaves a room that has grown far beyond what it may have: a tenth more
// than would be let in, so that nobody is in and out.
func (n *Network) crowdGrown(ctx context.Context, all []crowd) error {
	ctxDB, cancel := dbContext(ctx)
	defer cancel()
	var count int
	err := n.db.QueryRowContext(ctxDB, `SELECT count(*) FROM matrix_members WHERE room = ? AND joined = 1`, all[0].room).Scan(&count)
	if err != nil {
		return fmt.Errorf("matrix: count members: %w", err)
	}
	if count <= n.o.RoomMembers+n.o.RoomMembers/10 {
		return nil
	}
	for _, c := range all {
		n.log.Warn("a room has grown too large and is left", "account", c.account, "room", c.room, "members", count)
		err := n.receive(ctx, bridge.NoticeEvent{Event: scoped(mid.EventID("large-"+string(c.room)), c.account), Account: c.account, From: c.contact,
			Time: n.now(), Text: fmt.Sprintf("You are out of this room: "+textLarge+".", n.o.RoomMembers)})
		if err != nil {
			return err
		}
		if err := effectOf(n.leaveCrowd(ctx, c, reasonLarge)); err != nil {
			return err
		}
	}
	return nil
}

// crowdReplaced follows a room to the one that takes its place. The homeserver lets
// only its moderators say so.
func (n *Network) crowdReplaced(ctx context.Context, all []crowd, evt *event.Event) error {
	next, _ := evt.Content.Raw["replacement_room"].(string)
	if next == "" || *evt.StateKey != "" {
		return nil
	}
	for _, c := range all {
		if c.state != stateJoined {
			continue
		}
		moved := crowd{room: mid.RoomID(next), account: c.account, contact: c.contact}
		err := n.putCrowd(ctx, moved)
		if err == nil {
			err = n.enter(ctx, moved, []string{evt.Sender.Homeserver()})
		}
		if err := effectOf(err); err != nil {
			return err
		}
		if permanent(err) {
			err := n.receive(ctx, bridge.NoticeEvent{Event: scoped(evt.ID, c.account), Account: c.account, From: c.contact, Time: n.timeOf(evt),
				Text: "This room has moved to another, which does not let you in. Ask somebody there to invite you."})
			if err != nil {
				return err
			}
		}
		n.log.Info("a room was replaced", "account", c.account, "room", c.room, "by", next, "in", err == nil)
		if err == nil { // the contact goes on as the new one
			if err := n.dropCrowd(ctx, c); err != nil {
				return err
			}
			_, cl, err := n.ghost(c.account)
			if err != nil {
				return err
			}
			if err := effectOf(n.leaveAs(ctx, cl, c.room, "")); err != nil {
				return err
			}
		} else if err := effectOf(n.leaveCrowd(ctx, c, "")); err != nil {
			return err
		}
	}
	return nil
}

// heard handles what somebody wrote in a room for several.
func (n *Network) heard(ctx context.Context, all []crowd, evt *event.Event) error {
	var in []crowd
	for _, c := range all {
		if c.state == stateJoined {
			in = append(in, c)
		}
	}
	if len(in) == 0 {
		return errParked
	}
	if evt.Type == event.EventEncrypted {
		return n.heardSealed(ctx, in, evt)
	}
	if n.own(evt.Sender) && !n.isGhost(evt.Sender) {
		return nil
	}
	for i, c := range in {
		mine, err := n.spokenBy(ctx, c.account, evt)
		if err != nil {
			return err
		}
		if !mine {
			continue
		}
		if twice, err := n.crowdEcho(ctx, c, evt); err != nil || twice {
			return err
		}
		in = append(in[:i], in[i+1:]...)
		break
	}
	if n.shuns(evt.Sender) {
		return n.tellBridged(ctx, in[:min(len(in), 1)], evt)
	}
	if len(in) == 0 {
		return nil
	}
	switch evt.Type {
	case event.EventMessage, event.EventSticker, event.EventUnstablePollStart, eventPoll:
		return n.crowdMessage(ctx, in, evt)
	case event.EventReaction:
		return n.each(ctx, in, evt, func(r room, e *event.Event) (bridge.Event, error) { return n.reactionEvent(r, e) })
	case event.EventRedaction:
		return n.each(ctx, in, evt, func(r room, e *event.Event) (bridge.Event, error) { return n.deletionEvent(r, e), nil })
	}
	return nil
}

// each makes one event for every account and hands it on; nil is none.
func (n *Network) each(ctx context.Context, in []crowd, evt *event.Event, make func(room, *event.Event) (bridge.Event, error)) error {
	for _, c := range in {
		r, err := n.asRoom(ctx, c)
		if err != nil {
			return err
		}
		e, err := make(r, evt)
		if err != nil {
			return err
		}
		if e == nil {
			continue
		}
		if err := n.receive(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// crowdEcho recognises what a box wrote, and tells whether it is there twice: then it
// is taken back, and nobody else of ours needs to read it.
func (n *Network) crowdEcho(ctx context.Context, c crowd, evt *event.Event) (twice bool, err error) {
	msg, _ := evt.Content.Raw[keyMessage].(string)
	if msg == "" {
		return false, nil
	}
	if err := n.receive(ctx, bridge.EchoEvent{ID: id.Message(msg), Event: scoped(evt.ID, c.account)}); err != nil {
		return false, err
	}
	if !n.isGhost(evt.Sender) { // an owner's own voice is not ours to take back
		return false, nil
	}
	return n.twice(ctx, id.Message(msg), evt)
}

// crowdMessage hands a line on to every account but its writer's.
func (n *Network) crowdMessage(ctx context.Context, in []crowd, evt *event.Event) error {
	if _, err := plainContent(evt, room{}); err != nil {
		return err
	}
	answers, replaces := related(evt)
	if replaces != "" { // nobody but its writer corrects a message
		by, err := n.inbox.senderOf(ctx, mid.EventID(replaces))
		if err != nil || by != evt.Sender {
			return err
		}
	}
	line, skipped := n.flow.admit(evt.RoomID, n.now())
	if line == flowDrop {
		return nil
	}
	return n.each(ctx, in, evt, func(r room, evt *event.Event) (bridge.Event, error) {
		if line == flowTell {
			return bridge.NoticeEvent{Event: scoped(evt.ID, r.account), Account: r.account, From: id.Remote(r.friend), Time: n.timeOf(evt), Text: lineFlow}, nil
		}
		r.speaker = r.called(evt.Sender)
		t, err := plainContent(evt, r)
		if err != nil || t.Empty() {
			return nil, err
		}
		if skipped > 0 {
			err := n.receive(ctx, bridge.NoticeEvent{Event: scoped(evt.ID+"#skipped", r.account), Account: r.account, From: id.Remote(r.friend),
				Time: n.timeOf(evt), Text: fmt.Sprintf(lineSkipped, skipped)})
			if err != nil {
				return nil, err
			}
		}
		e := bridge.MessageEvent{Event: scoped(evt.ID, r.account), Account: r.account, From: id.Remote(r.friend), Name: r.name,
			Speaker: r.called(evt.Sender), By: id.Remote(evt.Sender), Text: t, Time: n.timeOf(evt)}
		if answers != "" {
			e.Answers = scoped(mid.EventID(answers), r.account)
		}
		if replaces != "" {
			e.Replaces = scoped(mid.EventID(replaces), r.account)
		}
		return e, nil
	})
}

// called is the name of somebody in a room for several.
func (r room) called(user mid.UserID) string {
	if name := r.people[user]; name != "" {
		return name
	}
	return user.Localpart()
}

// heardSealed reads an encrypted line with the first ghost that can.
func (n *Network) heardSealed(ctx context.Context, in []crowd, evt *event.Event) error {
	if !n.encrypts() || evt.Mautrix.WasEncrypted {
		return nil
	}
	if err := parse(evt); err != nil {
		return err
	}
	var last error
	var keyless *device
	for _, c := range in {
		if ghost, err := n.ghostID(c.account); err == nil && ghost == evt.Sender && len(in) == 1 {
			_, err := n.crowdEcho(ctx, c, evt) // its own, and nobody else of ours is there
			return err
		}
		d, err := n.devices.of(ctx, c.account)
		if err != nil {
			last = effectOf(err)
			continue
		}
		plain, err := d.decrypt(ctx, evt)
		switch {
		case err == nil:
			return n.heard(ctx, in, plain)
		case errors.Is(err, crypto.ErrDuplicateMessageIndex):
			n.log.Warn("a message was sent again under another id and is ignored", "room", evt.RoomID, "event", evt.ID)
			return nil
		case errors.Is(err, crypto.ErrNoSessionFound):
			keyless = d
		}
		last = err
	}
	first, err := n.asRoom(ctx, in[0])
	switch {
	case err != nil:
		return err
	case last == nil:
		return nil
	case keyless != nil:
		return n.waitForKey(ctx, keyless, first, evt)
	case hopeless(last):
		n.log.Info("a message cannot be decrypted", "room", evt.RoomID, "event", evt.ID, "err", last)
		return n.tellUnread(ctx, first, evt.ID, sessionOf(evt), n.timeOf(evt))
	}
	return unknownCause(last)
}

// noticeBridged is what a room reads once.
const noticeBridged = "Messages from users of other bridges are not shown on WebTVs here."

// tellBridged says once in a room that some are not let through (lessons L16).
func (n *Network) tellBridged(ctx context.Context, in []crowd, evt *event.Event) error {
	cr, ok, err := n.crowdRoom(ctx, evt.RoomID)
	if err != nil || !ok || cr.toldBridged || len(in) == 0 || evt.Type == event.EventRedaction {
		return err
	}
	r, err := n.asRoom(ctx, in[0])
	if err != nil {
		return err
	}
	if err := n.noticeTo(ctx, r, id.Message("bridged-"+string(r.id)), noticeBridged); err != nil && !permanent(err) {
		return effectOf(err)
	}
	return n.exec(ctx, "note what was told", `UPDATE matrix_crowd_rooms SET told_bridged = 1 WHERE room = ?`, evt.RoomID)
}
