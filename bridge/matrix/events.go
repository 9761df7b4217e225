package matrix

import (
	"context"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// events.go: what happens in rooms, except who comes and goes (members.go).

// keyMessage is where our messages carry their id, by which they are known again
// when an answer was lost.
const keyMessage = "wtvgate.id"

// keyFriend is where the creation of a direct room of ours names the friend, by
// which the room is found again when an answer was lost.
const keyFriend = "wtvgate.friend"

// handle gives one pushed event its effect. It may be called again for the same
// event.
func (n *Network) handle(ctx context.Context, evt *event.Event) error {
	if all, err := n.crowds(ctx, evt.RoomID); err != nil {
		return err
	} else if len(all) > 0 {
		return n.handleCrowd(ctx, all, evt)
	}
	if done, err := n.console(ctx, evt); done || err != nil {
		return err
	}
	if evt.StateKey == nil {
		return n.said(ctx, evt)
	}
	switch evt.Type {
	case event.StateMember:
		return n.member(ctx, evt)
	case event.StateCreate:
		return n.created(ctx, evt)
	case event.StateEncryption:
		return n.encryption(ctx, evt)
	case event.StateTombstone:
		return n.replaced(ctx, evt)
	}
	return nil
}

// receive gives an event to the core.
func (n *Network) receive(ctx context.Context, e bridge.Event) error {
	l := n.live.Load()
	if l == nil {
		return errNotRunning
	}
	return l.in.Receive(ctx, e)
}

// said handles what somebody wrote.
func (n *Network) said(ctx context.Context, evt *event.Event) error {
	if n.own(evt.Sender) {
		return n.echo(ctx, evt)
	}
	r, ok, err := n.roomByID(ctx, evt.RoomID)
	switch {
	case err != nil:
		return err
	case !ok || r.state == stateLeft:
		return nil
	case r.state == stateAsked:
		return errParked
	case evt.Sender != r.friend:
		n.log.Debug("a third person wrote in a direct room", "room", r.id, "sender", evt.Sender)
		return nil
	}
	if r.state != stateJoined { // who writes is there
		if err := n.arrived(ctx, r, ""); err != nil {
			return err
		}
	}
	if n.o.Encryption == encryptionRequire && !evt.Mautrix.WasEncrypted && evt.Type != event.EventEncrypted {
		return n.unsealed(ctx, r, evt)
	}
	switch evt.Type {
	case event.EventMessage, event.EventSticker, event.EventUnstablePollStart, eventPoll:
		return n.message(ctx, r, evt)
	case event.CallInvite:
		return n.called(ctx, r, evt)
	case event.EventReaction:
		return n.reaction(ctx, r, evt)
	case event.EventRedaction:
		return n.redaction(ctx, r, evt)
	case event.EventEncrypted:
		return n.sealed(ctx, r, evt)
	}
	n.log.Debug("event of a kind that is not shown", "room", r.id, "type", evt.Type.Type)
	return nil
}

// echo recognises our own messages.
func (n *Network) echo(ctx context.Context, evt *event.Event) error {
	msg, _ := evt.Content.Raw[keyMessage].(string)
	if msg == "" || !n.isGhost(evt.Sender) {
		return nil
	}
	if err := n.receive(ctx, bridge.EchoEvent{ID: id.Message(msg), Event: id.Event(evt.ID)}); err != nil {
		return err
	}
	_, err := n.twice(ctx, id.Message(msg), evt)
	return err
}

// message hands a friend's message on.
func (n *Network) message(ctx context.Context, r room, evt *event.Event) error {
	t, err := plainContent(evt, r)
	if err != nil {
		return err
	}
	if t.Empty() {
		n.log.Debug("message with nothing to show", "room", r.id, "msg", evt.ID)
		return nil
	}
	if err := n.touch(ctx, r.id); err != nil {
		return err
	}
	m := bridge.MessageEvent{
		Event: id.Event(evt.ID), Account: r.account, From: id.Remote(r.friend), Name: r.name,
		Text: t, Time: n.timeOf(evt),
	}
	m.Answers, m.Replaces = related(evt)
	return n.receive(ctx, m)
}

// plainContent is what somebody said in the plain model.
func plainContent(evt *event.Event, r room) (text.Content, error) {
	if evt.Type == eventPoll {
		return newPoll(evt, r), nil
	}
	if err := parse(evt); err != nil {
		return text.Content{}, err
	}
	if p, ok := evt.Content.Parsed.(*event.PollStartEventContent); ok {
		return poll(p, r), nil
	}
	return incoming(evt.Content.AsMessage(), evt.Type == event.EventSticker, r), nil
}

// called tells a box that a friend's call did not come through.
func (n *Network) called(ctx context.Context, r room, evt *event.Event) error {
	return n.receive(ctx, bridge.NoticeEvent{Event: id.Event(evt.ID), Account: r.account, From: id.Remote(r.friend), Time: n.timeOf(evt),
		Text: r.friendName() + " tried to call you, which does not reach a TV."})
}

// timeOf is when an event happened, by the word of the sender's server. Nothing
// comes from the future.
func (n *Network) timeOf(evt *event.Event) time.Time {
	t, now := time.UnixMilli(evt.Timestamp), n.now()
	if t.After(now) {
		return now
	}
	return t
}

// unreadable says, once to each side, that encrypted messages are not read here
// (lessons L41).
func (n *Network) unreadable(ctx context.Context, r room, evt *event.Event) error {
	if !r.encrypted {
		if err := n.mark(ctx, r.id, "encrypted"); err != nil {
			return err
		}
	}
	if !r.toldBox {
		err := n.receive(ctx, bridge.NoticeEvent{
			Event: id.Event(evt.ID), Account: r.account, From: id.Remote(r.friend), Time: n.timeOf(evt),
			Text: r.friendName() + " wrote an encrypted message, which cannot be shown here. A chat without encryption was asked for.",
		})
		if err != nil {
			return err
		}
		if err := n.mark(ctx, r.id, "told_box"); err != nil {
			return err
		}
	}
	return n.tellFriend(ctx, r)
}

// noticeEncrypted is what a friend reads who writes encrypted.
const noticeEncrypted = "This chat is encrypted, and this WebTV gateway does not read encrypted messages. " +
	"Please start a chat with encryption switched off."

// tellFriend writes the notice into an encrypted room, once. A room that does
// not let us write is let be.
func (n *Network) tellFriend(ctx context.Context, r room) error {
	if r.toldFriend {
		return nil
	}
	_, c, err := n.ghost(r.account)
	if err != nil {
		return err
	}
	_, err = c.SendMessageEvent(ctx, r.id, event.EventMessage, outgoing{Type: event.MsgNotice, Body: noticeEncrypted},
		mautrix.ReqSendEvent{TransactionID: transactionID("encrypted-" + string(r.id))})
	if err := n.judge(err, textRefused); err != nil && !permanent(err) {
		return sideEffect{err}
	}
	return n.mark(ctx, r.id, "told_friend")
}

// encryption handles a room that is switched to encryption, which cannot be
// taken back.
func (n *Network) encryption(ctx context.Context, evt *event.Event) error {
	r, ok, err := n.roomByID(ctx, evt.RoomID)
	if err != nil || !ok || *evt.StateKey != "" {
		return err
	}
	if err := n.setEncrypted(ctx, r.id, evt.Content.VeryRaw); err != nil {
		return err
	}
	if n.encrypts() || !r.state.ghostIn() {
		return nil
	}
	return n.tellFriend(ctx, r)
}

// created learns of a direct room that we made from its creation, for the case
// that the answer was lost and nothing stored. Whether the friend could be
// invited is told by another event.
func (n *Network) created(ctx context.Context, evt *event.Event) error {
	friend, _ := evt.Content.Raw[keyFriend].(string)
	if friend == "" || !n.isGhost(evt.Sender) {
		return nil
	}
	return n.found(ctx, evt, mid.UserID(friend), stateEmpty)
}

// found stores a direct room in which a ghost did something, unless it is known.
func (n *Network) found(ctx context.Context, evt *event.Event, friend mid.UserID, s state) error {
	a, ok, err := n.ghosts.find(ctx, evt.Sender)
	if err != nil || !ok {
		return err
	}
	return n.addRoom(ctx, room{id: evt.RoomID, account: a.Address, friend: friend, state: s, ours: true, direct: true})
}
