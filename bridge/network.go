package bridge

import (
	"context"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// Network is one of the places friends live. A new network is a folder under
// bridge/ that implements this interface, and the companions below for what it
// can do beyond text.
type Network interface {
	// Name is the network's key in the store and in logs; it never changes.
	Name() id.Network
	// Serves tells whether addresses of this domain belong to the network. It is
	// asked at start and whenever an address is met; it must be fast and pure.
	Serves(domain string) bool
	// Remote reads an address of a domain that the network serves. The error's
	// text is for the person who typed it.
	Remote(a id.Address) (id.Remote, error)
	// Address is the inverse of Remote. It fails for a remote that has no
	// address (too long).
	Address(r id.Remote) (id.Address, error)
	// Run connects and serves until ctx ends, and then returns nil within a few
	// seconds. It mends what can be mended by trying again, with backoff; an
	// error means that a person has to act, and its text says how.
	Run(ctx context.Context, in Receiver) error
	// Send takes one message of an account to a friend. It is called from the
	// conversation's goroutine, in order, and again with the same ID and Retry
	// set when an earlier try failed or its outcome is unknown. An error that is
	// no *SendError counts as temporary and uncertain.
	Send(ctx context.Context, m Outbound) (Receipt, error)
}

// Receiver is what a network hands to the core, already bound to its name.
type Receiver interface {
	// Receive returns nil once the event is stored or has been recognised as a
	// repeat; so the network may then tell its source that it is done. An error
	// means the store failed: offer the event again. It does no network I/O and
	// may be called from any goroutine; order is kept per caller.
	Receive(ctx context.Context, e Event) error
	// Accounts lists all accounts, for networks that keep a ghost of each.
	Accounts(ctx context.Context) ([]Account, error)
	// State tells operators how the network is: up, or why not and what to do.
	State(up bool, text string)
}

// Audience is what the core's Receiver can tell beyond events, for networks that
// show whether a box is on.
type Audience interface {
	// Seen is how an account looks to a friend now, PresenceOffline when it is off
	// or hides. It does no I/O.
	Seen(a id.Account, by id.Remote) Presence
	// OnSince is when an account signed in that a friend sees on; the zero time for
	// others.
	OnSince(a id.Account, by id.Remote) time.Time
}

// Memory is what the core's Receiver knows of our own messages, for networks whose
// servers may bring one a second time.
type Memory interface {
	// SentAs is the event that a message of ours is; "" while that is not known, or
	// not any more.
	SentAs(ctx context.Context, m id.Message) (id.Event, error)
}

// Account is one of ours as networks need to know it.
type Account struct {
	Address id.Account
	Name    string // display name, never empty
}

// Outbound is one item of a conversation's queue.
type Outbound struct {
	ID      id.Message // idempotency key, for ever the same
	From    Account
	To      id.Remote
	Text    text.Content
	Created time.Time
	Notice  bool // a line of the gateway's, not typed by the account: networks show it as such if they can
	Retry   bool // an earlier try may have arrived: look before sending if the network cannot tell by ID
}

// Receipt is what a network gives back for a sent message.
type Receipt struct {
	Event id.Event // the message's id there; "" if the network has none
}

// Inviter is a network where a friend has to be asked before one can write
// (Matrix: an invitation to a direct room). The calls go through the
// conversation's queue like messages, with the same rules for errors and Retry.
type Inviter interface {
	// Invite asks a friend that the account has put on its list.
	Invite(ctx context.Context, m Outbound) error
	// Accept answers a friend's request with yes, and then brings in what they
	// wrote meanwhile (through Receive).
	Accept(ctx context.Context, m Outbound) error
	// Decline answers an open request with no. A conversation that is under way
	// is not touched: blocking is silent.
	Decline(ctx context.Context, m Outbound) error
}

// Leaver is a network whose contacts may be rooms, which an account leaves when it
// takes them off its list. The call goes through the conversation's queue like
// Inviter's; for a person it does nothing.
type Leaver interface {
	Leave(ctx context.Context, m Outbound) error
}

// Reader is a network that shows when a message was read. The call goes
// through the conversation's queue; event is the newest message the box took.
type Reader interface {
	MarkRead(ctx context.Context, m Outbound, event id.Event) error
}

// Waiter is a network that can tell a friend that what they wrote waits, because
// the box is off. The call goes through the conversation's queue, once for each
// time that something begins to wait; m.Text is the line. A network that has
// nowhere to say it returns nil, and so does one where more people than the friend
// would read it.
type Waiter interface {
	// TellsWaiting is asked once, when the network is registered. False: its operator
	// does not want it, and Waiting is never called.
	TellsWaiting() bool
	Waiting(ctx context.Context, m Outbound) error
}

// Typer is a network that shows who is writing. SetTyping is called from its
// own goroutine, at most one call at a time per conversation; failure is
// logged by the network and otherwise ignored.
type Typer interface {
	SetTyping(ctx context.Context, from Account, to id.Remote, on bool)
}

// Presencer is a network that knows something about a friend's presence.
type Presencer interface {
	// Presence is what is known now of the friend as this account may see it;
	// later changes come as PresenceEvent. It must not do network I/O.
	Presence(a id.Account, r id.Remote) (Presence, error)
}

// Attendant is a network that wants to know which boxes are signed in, and how
// they show themselves. The call must not do network I/O: note it and return. A
// repeat of what is known is no harm.
type Attendant interface {
	Attending(a id.Account, signedIn bool, p Presence)
}

// Portrayer is a network that can say under what name an account is known there
// (lessons L14), such as @webtv_alice:example.org. It must not do network I/O.
type Portrayer interface {
	Portrait(a Account) string
}

// Ghostwriter is a network that keeps a ghost of each account and wants to know
// of changes at once. The call must not do network I/O: note it and return.
type Ghostwriter interface {
	AccountChanged(a Account)
	AccountRemoved(a id.Account)
}
