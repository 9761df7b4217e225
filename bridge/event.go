package bridge

import (
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
	"wtvgate/puppets"
)

// Event is something that happened on a network. The types below are all there
// are.
type Event interface{ event() }

// MessageEvent is a friend's message to an account, or one in a room or channel
// that the account has as a contact; then From is the room and Speaker the person.
type MessageEvent struct {
	Event   id.Event // its id there: the key that makes a repeat harmless
	Account id.Account
	From    id.Remote
	Name    string // the friend's display name; "" keeps what is known
	Speaker string // who of a room spoke: shown on the line, and not kept as the contact's name
	Text    text.Content
	Time    time.Time // when the friend wrote it
	// Answers is the message it replies to, and Replaces the friend's own message
	// that it corrects: then Text is marked as edited. The core finds them.
	Answers  id.Event
	Replaces id.Event
}

// ReactionEvent is a friend's reaction to a message. Those to what the account
// itself wrote are shown, folded into one line where several come.
type ReactionEvent struct {
	Event   id.Event
	Account id.Account
	From    id.Remote
	Name    string
	Speaker string   // who of a room reacted, as in a MessageEvent
	To      id.Event // the message
	Emoji   string   // a character, or a network's own as ":name:"
	Time    time.Time
}

// DeletionEvent is a friend's message or reaction that was taken back. What no box
// has shown yet will not be shown.
type DeletionEvent struct {
	Event   id.Event
	Account id.Account
	From    id.Remote
	Name    string
	Speaker string // who of a room wrote it, as in a MessageEvent
	Of      id.Event
	Time    time.Time
}

// RequestEvent is a friend who wants to talk with an account for the first
// time: the box shows "has added you". The core answers it with Accept at once
// when the account allows the friend already, with Decline when it blocks them.
type RequestEvent struct {
	Event   id.Event
	Account id.Account
	From    id.Remote
	Name    string
	Time    time.Time
}

// EchoEvent is one of our own messages as it appears on its network: proof that
// it arrived, also when the answer to Send was lost.
type EchoEvent struct {
	ID    id.Message
	Event id.Event
}

// AnswerEvent is a friend who can be written to from now on: what waits for them
// with SendError.Hold is tried at once.
type AnswerEvent struct {
	Account id.Account
	From    id.Remote
}

// TypingEvent is a friend who writes or has stopped. It is never stored.
type TypingEvent struct {
	Account id.Account
	From    id.Remote
	On      bool
}

// PresenceEvent is a change of a friend's presence as an account may see it.
type PresenceEvent struct {
	Account  id.Account // "" : every account that has the friend on its list
	From     id.Remote
	Presence Presence
	Name     string // the friend's display name; "" keeps what is known
}

// NoticeEvent is something an account's owner should read in a conversation
// and that no friend wrote: "Bob has left the chat".
type NoticeEvent struct {
	Event   id.Event
	Account id.Account
	From    id.Remote
	Text    string
	Time    time.Time
}

func (MessageEvent) event()  {}
func (RequestEvent) event()  {}
func (EchoEvent) event()     {}
func (AnswerEvent) event()   {}
func (TypingEvent) event()   {}
func (PresenceEvent) event() {}
func (NoticeEvent) event()   {}
func (ReactionEvent) event() {}
func (DeletionEvent) event() {}

// Presence is how reachable somebody is, in the few grades all networks share.
type Presence = puppets.Presence

// The grades. PresenceUnknown is a network that cannot tell.
const (
	PresenceUnknown = puppets.Unknown
	PresenceOnline  = puppets.Online
	PresenceIdle    = puppets.Idle
	PresenceAway    = puppets.Away
	PresenceBusy    = puppets.Busy
	PresenceOffline = puppets.Offline
)
