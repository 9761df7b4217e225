package matrix

import (
	"context"
	"html"
	"slices"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"
)

// operators.go: the room in which operators talk with the gateway's bot. The bot
// has no device, so the room is not encrypted; it answers only where nobody but
// operators reads along.

const (
	// maxCommandAge: what waited longer, because the gateway or the homeserver was
	// away, is not carried out: who wrote it has helped themselves by now.
	maxCommandAge = 5 * time.Minute
	// maxCommand bounds a line, in bytes: the longest is a notice (400).
	maxCommand = 1024
)

// What the bot says.
const (
	reasonOperators = "Only the operators of this gateway can talk with it."
	reasonNoCrypt   = "I cannot read encrypted rooms. Please invite me into one without encryption."
	textGreeting    = "I answer the operators of this gateway. Say help."
	textOthers      = "Others than operators are in this room; I say nothing here."
	textTooOld      = "I was away when you wrote that. Please say it again."
	textTooLong     = "That was too long."
)

// isOperator tells whether matrix.operators names this user.
func (n *Network) isOperator(user mid.UserID) bool {
	return slices.Contains(n.o.Operators, string(user))
}

// console handles an event that concerns the bot; false: it does not.
func (n *Network) console(ctx context.Context, evt *event.Event) (bool, error) {
	switch {
	case evt.Type == event.StateMember && evt.StateKey != nil && *evt.StateKey == string(n.bot()):
		return true, n.botMember(ctx, evt)
	case evt.StateKey != nil, evt.Type != event.EventMessage, n.o.Console == nil, !n.isOperator(evt.Sender):
		return false, nil
	}
	if _, known, err := n.roomByID(ctx, evt.RoomID); err != nil || known {
		return false, err // operators have friends with boxes too
	}
	return n.command(ctx, evt)
}

// botMember answers invitations of the bot.
func (n *Network) botMember(ctx context.Context, evt *event.Event) error {
	if err := parse(evt); err != nil {
		return err
	}
	l := n.live.Load()
	if evt.Content.AsMember().Membership != event.MembershipInvite || l == nil {
		return nil
	}
	bot := l.user(n.bot())
	if err := n.signUp(ctx, bot); err != nil { // Dendrite makes no user of sender_localpart
		return effectOf(err)
	}
	switch {
	case n.o.Console == nil || !n.isOperator(evt.Sender):
		n.log.Info("invitation of the bot turned down: the sender is none of matrix.operators", "from", evt.Sender)
		return effectOf(n.leaveAs(ctx, bot, evt.RoomID, reasonOperators))
	case readHints(evt).encrypted:
		return effectOf(n.leaveAs(ctx, bot, evt.RoomID, reasonNoCrypt))
	}
	if _, err := bot.JoinRoomByID(ctx, evt.RoomID); err != nil {
		if gone(err) {
			return nil
		}
		return effectOf(n.judge(err, textRefused))
	}
	n.log.Info("the bot joined an operator's room", "room", evt.RoomID, "from", evt.Sender)
	n.answer(ctx, bot, evt, textGreeting, false)
	return nil
}

// command carries out what an operator wrote into a room of the bot's. false: the
// bot is not there.
func (n *Network) command(ctx context.Context, evt *event.Event) (bool, error) {
	l := n.live.Load()
	if l == nil {
		return false, errNotRunning
	}
	bot := l.user(n.bot())
	in, err := bot.JoinedMembers(ctx, evt.RoomID)
	switch {
	case forbidden(err), gone(err):
		return false, nil
	case err != nil:
		return true, effectOf(n.judge(err, textRefused))
	}
	if err := parse(evt); err != nil {
		return true, err
	}
	c := evt.Content.AsMessage()
	if c.MsgType != event.MsgText || c.RelatesTo.GetReplaceID() != "" {
		return true, nil
	}
	for user := range in.Joined {
		if user != n.bot() && !n.isOperator(user) {
			n.answer(ctx, bot, evt, textOthers, false)
			return true, nil
		}
	}
	switch {
	case n.now().Sub(n.timeOf(evt)) > maxCommandAge:
		n.answer(ctx, bot, evt, textTooOld, false)
	case len(c.Body) > maxCommand:
		n.answer(ctx, bot, evt, textTooLong, false)
	default:
		n.answer(ctx, bot, evt, n.o.Console(ctx, string(evt.Sender), c.Body), true)
	}
	return true, nil
}

// answer writes once and does not try again: the command must not be carried out
// a second time for the sake of its answer, and the operator can ask again.
func (n *Network) answer(ctx context.Context, bot *mautrix.Client, evt *event.Event, text string, table bool) {
	c := outgoing{Type: event.MsgNotice, Body: text}
	if table { // columns want letters of one width
		c.Format, c.FormattedBody = event.FormatHTML, "<pre><code>"+html.EscapeString(text)+"</code></pre>"
	}
	_, err := bot.SendMessageEvent(ctx, evt.RoomID, event.EventMessage, c,
		mautrix.ReqSendEvent{TransactionID: transactionID("answer-" + string(evt.ID))})
	if err != nil {
		n.log.Warn("an operator was not answered", "room", evt.RoomID, "err", err)
	}
}
