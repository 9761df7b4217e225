package client

import (
	"strconv"
	"strings"

	"wtvgate/msnp/wire"
)

// Event is something the server said unasked. Clients get Presence, Added,
// Removed, Ringing, Profile, SystemMessage, Kicked, Other and Closed; boards get
// Joined, Left, Message, Undelivered, Other and Closed.
type Event interface{ event() }

// Person is an address with the name shown for it, unescaped.
type Person struct{ Address, Name string }

// Presence is a contact's status: ILN, NLN, or FLN with wire.Offline and no name.
type Presence struct {
	Person
	Status   wire.Status
	ClientID string // MSNP8; empty else
	Initial  bool   // ILN
}

// Added is ADD 0: somebody has this account on their list now (RL), or the
// operator changed a list.
type Added struct {
	Person
	List    wire.List
	Version uint32
}

// Removed is REM 0.
type Removed struct {
	Address string
	List    wire.List
	Version uint32
}

// Ringing is an invitation into a switchboard; see Answer.
type Ringing struct {
	Session int32
	Host    string // where the switchboard is
	Cookie  string // a secret
	From    Person
}

// Profile is the message that follows sign-in (msnp.md 6).
type Profile struct{ wire.Message }

// SystemMessage is any other message of the notification server. Minutes is set
// when it announces a shutdown.
type SystemMessage struct {
	wire.Message
	Minutes int
}

// Kicked is OUT with its reason: OTH for a sign-in elsewhere, SSD for a server
// that stops.
type Kicked struct{ Reason string }

// Other is a line that nobody waits for and that means nothing to this package:
// CHL, BPR, answers to Raw, late answers to calls that were given up.
type Other struct{ wire.Command }

// Joined is somebody inside a switchboard: JOI, or IRO with Initial.
type Joined struct {
	Person
	Initial bool
}

// Left is BYE; Idle when the server cleaned up.
type Left struct {
	Address string
	Idle    bool
}

// Message is what somebody in a switchboard sent: text, typing or anything else.
type Message struct {
	From Person
	wire.Message
}

// Undelivered is a NAK to a message that asked for no more than that (N).
type Undelivered struct{ TrID string }

// Closed is the last event, before the channel closes. Err is nil after Close
// and SignOut, io.EOF when the server closed, else what broke.
type Closed struct{ Err error }

func (Presence) event()      {}
func (Added) event()         {}
func (Removed) event()       {}
func (Ringing) event()       {}
func (Profile) event()       {}
func (SystemMessage) event() {}
func (Kicked) event()        {}
func (Other) event()         {}
func (Joined) event()        {}
func (Left) event()          {}
func (Message) event()       {}
func (Undelivered) event()   {}
func (Closed) event()        {}

// noticeEvent reads a line of the notification server. A line with too few
// parameters is an Other.
func noticeEvent(c wire.Command) Event {
	n := len(c.Args)
	switch {
	case c.Verb == "ILN" && n >= 4:
		return presence(c.Args[1:], true)
	case c.Verb == "NLN" && n >= 3:
		return presence(c.Args, false)
	case c.Verb == "FLN" && n >= 1:
		return Presence{Person: Person{Address: c.Args[0]}, Status: wire.Offline}
	case c.Verb == "ADD" && n >= 5:
		if l, ok := wire.ParseList(c.Args[1]); ok && c.Args[0] == "0" {
			return Added{Person: person(c.Args[3], c.Args[4]), List: l, Version: number(c.Args[2])}
		}
	case c.Verb == "REM" && n >= 4:
		if l, ok := wire.ParseList(c.Args[1]); ok && c.Args[0] == "0" {
			return Removed{Address: c.Args[3], List: l, Version: number(c.Args[2])}
		}
	case c.Verb == "RNG" && n >= 6:
		if session, err := strconv.ParseInt(c.Args[0], 10, 32); err == nil {
			return Ringing{Session: int32(session), Host: c.Args[1], Cookie: c.Args[3], From: person(c.Args[4], c.Args[5])}
		}
	case c.Verb == "OUT":
		return Kicked{Reason: c.Arg(0)}
	case c.Verb == "MSG":
		return serverMessage(wire.ParseMessage(c.Payload))
	}
	return Other{c}
}

func presence(args []string, initial bool) Presence {
	p := Presence{Person: person(args[1], args[2]), Status: wire.Status(args[0]), Initial: initial}
	if len(args) > 3 {
		p.ClientID = args[3]
	}
	return p
}

func serverMessage(m wire.Message) Event {
	if m.MediaType() == wire.TypeProfile {
		return Profile{m}
	}
	s := SystemMessage{Message: m}
	if m.MediaType() != wire.TypeSystem {
		return s
	}
	// Type 1: the server stops in Arg1 minutes (msnp.md 6).
	body := wire.ParseMessage(m.Body)
	if body.Header("Type") == "1" {
		s.Minutes, _ = strconv.Atoi(body.Header("Arg1"))
	}
	return s
}

// boardEvent reads a line of a switchboard.
func boardEvent(c wire.Command) Event {
	n := len(c.Args)
	switch {
	case c.Verb == "JOI" && n >= 2:
		return Joined{Person: person(c.Args[0], c.Args[1])}
	case c.Verb == "IRO" && n >= 5:
		return Joined{Person: person(c.Args[3], c.Args[4]), Initial: true}
	case c.Verb == "BYE" && n >= 1:
		return Left{Address: c.Args[0], Idle: n > 1}
	case c.Verb == "MSG":
		return Message{From: person(c.Args[0], c.Args[1]), Message: wire.ParseMessage(c.Payload)}
	case c.Verb == "NAK" && n >= 1:
		return Undelivered{TrID: c.Args[0]}
	}
	return Other{c}
}

func person(address, name string) Person {
	return Person{Address: strings.ToLower(address), Name: wire.Unescape(name)}
}

// number reads a list version; what is none counts as 0.
func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
