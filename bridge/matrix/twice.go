package matrix

import (
	"context"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// twice.go: messages that the homeserver has taken before it went away, and brings
// out long after the next try of the same message. Dendrite keeps what it has taken
// and not yet done with in a queue on disk, and gives it out again after 5 minutes
// and 10 seconds; it forgets transaction ids meanwhile. No look into the room shows
// such a message, and a friend who waits that long for an answer is not served
// either. So the message is sent, and the late one is taken back when it comes: the
// core remembers, over a restart too, which event each message is.

// twice takes a message of ours back that is another event already, and tells
// whether it is.
func (n *Network) twice(ctx context.Context, msg id.Message, evt *event.Event) (bool, error) {
	l := n.live.Load()
	if l == nil {
		return false, errNotRunning
	}
	core, ok := l.in.(bridge.Memory)
	if !ok {
		return false, nil
	}
	is, err := core.SentAs(ctx, msg)
	if err != nil || is == "" || plainEvent(is) == evt.ID {
		return false, err
	}
	n.log.Info("the homeserver brings a message a second time; it is taken back", "room", evt.RoomID, "event", evt.ID, "msg", msg)
	_, err = l.user(evt.Sender).RedactEvent(ctx, evt.RoomID, evt.ID,
		mautrix.ReqRedact{TxnID: transactionID("twice-" + string(evt.ID)), Reason: "The server brought this message twice."})
	return true, effectOf(n.judge(err, textRefused))
}
