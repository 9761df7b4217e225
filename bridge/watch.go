package bridge

import (
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
)

// Direction is which way a message goes.
type Direction string

// The directions, as an operator sees them.
const (
	ToFriend Direction = "to_friend"
	ToBox    Direction = "to_box"
)

// Outcome is how far a message has come.
type Outcome string

// The outcomes a Watcher hears. Each message is stored once and has at most one
// other.
const (
	Stored        Outcome = "stored"
	SentOn        Outcome = "sent"
	WrittenToBox  Outcome = "delivered"
	FailedCertain Outcome = "failed_certain"
	FailedMaybe   Outcome = "failed_maybe"
	Duplicate     Outcome = "duplicate" // an event that was handled before; not stored again
)

// Watcher counts what happens to messages. Its methods are called from any
// goroutine, also inside the message path, and must not block.
type Watcher interface {
	// Message tells an outcome; took is the time since the message was stored,
	// 0 for those that are about storing.
	Message(d Direction, n id.Network, o Outcome, took time.Duration)
}

// Watch has w told of every message. It is called before Run.
func (h *Hub) Watch(w Watcher) { h.watcher = w }

// watch tells the watcher of a row, if it is a person's message.
func (h *Hub) watch(d Direction, n id.Network, kind string, o Outcome, stored time.Time) {
	if h.watcher == nil || kind != kindMessage {
		return
	}
	var took time.Duration
	if !stored.IsZero() {
		took = max(0, h.now().Sub(stored))
	}
	h.watcher.Message(d, n, o, took)
}

// outcomeOf names the end of an outgoing row.
func outcomeOf(s store.State) Outcome {
	switch s {
	case store.Sent:
		return SentOn
	case store.FailedCertain:
		return FailedCertain
	}
	return FailedMaybe
}
