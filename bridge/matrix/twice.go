package matrix

import (
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/id"
)

// twice.go: messages that the homeserver has taken before it went away, and brings
// out long after the next try of the same message. Dendrite keeps what it has taken
// and not yet done with in a queue on disk, and gives it out again after 5 minutes
// and 10 seconds; it forgets transaction ids meanwhile. No look into the room shows
// such a message, and a friend who waits that long for an answer is not served
// either. So the message is sent, and the late one is taken back when it comes.

const (
	// keepTwins is how long is known what became of a message that was tried more
	// than once: far longer than any homeserver keeps one back.
	keepTwins = time.Hour
	// maxTwins bounds them: those that boxes write while a homeserver restarts.
	maxTwins = 4096
)

// twins knows of messages that were tried more than once which event they are.
type twins struct {
	mu   sync.Mutex
	sent map[id.Message]twin
}

type twin struct {
	event mid.EventID
	at    time.Time
}

// note keeps which event a message is.
func (t *twins) note(m id.Message, ev mid.EventID, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sent == nil {
		t.sent = make(map[id.Message]twin)
	}
	if len(t.sent) >= maxTwins {
		for m, old := range t.sent {
			if now.Sub(old.at) >= keepTwins {
				delete(t.sent, m)
			}
		}
	}
	if len(t.sent) < maxTwins {
		t.sent[m] = twin{ev, now}
	}
}

// late tells whether an event is a message that is another event already.
func (t *twins) late(m id.Message, ev mid.EventID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.sent[m]
	return ok && known.event != ev && now.Sub(known.at) < keepTwins
}

// takeBack removes a message of ours that has come a second time.
func (n *Network) takeBack(ctx context.Context, evt *event.Event) error {
	l := n.live.Load()
	if l == nil {
		return errNotRunning
	}
	n.log.Info("the homeserver brings a message a second time; it is taken back", "room", evt.RoomID, "event", evt.ID)
	_, err := l.user(evt.Sender).RedactEvent(ctx, evt.RoomID, evt.ID,
		mautrix.ReqRedact{TxnID: transactionID("twice-" + string(evt.ID)), Reason: "The server brought this message twice."})
	return effectOf(n.judge(err, textRefused))
}
