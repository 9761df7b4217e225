package server

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"wtvgate/msnp/wire"
)

// This file is the seam between the Messenger server and whatever stands
// behind it: the server knows the protocol, the gateway knows the accounts.
// Nothing here names a database, a bridge or a network.

// Method is the package word of USR: how a client proves who it is.
type Method string

// The two sign-in methods (msnp.md 4.4, 4.5): MD5 up to MSNP7, TWN in MSNP8.
const (
	MD5 Method = "MD5"
	TWN Method = "TWN"
)

// Client is what the server knows of a connected program.
type Client struct {
	Conn    uint64         // number of the connection, for logs
	Remote  netip.AddrPort // where it comes from
	Local   netip.AddrPort // the address it reached: what `advertise: auto` hands out
	Dialect wire.Dialect
	CVR     CVR // zero until the client sent one; first-generation boxes send it after sign-in or never
}

// CVR is what a client says of itself (msnp.md 4.3).
type CVR struct {
	OS, Library, Version, Client string
}

// FirstGeneration tells whether a client says that it is a first-generation box:
// os webtv, library msntvim, client msntv (msnp.md 17.5).
func (v CVR) FirstGeneration() bool {
	return strings.EqualFold(v.OS, "webtv") || strings.EqualFold(v.Library, "msntvim") || strings.EqualFold(v.Client, "msntv")
}

// Person is an address with the name shown for it, unescaped.
type Person struct {
	Address string
	Name    string
}

// Backend is what the gateway implements for the server: sign-in.
type Backend interface {
	// Login begins a sign-in. It gives a challenge for unknown accounts too, so
	// that nobody learns which addresses exist (msnp.md 4.4).
	Login(ctx context.Context, c Client, m Method, address string) (Login, error)
}

// Login is one sign-in attempt of one connection.
type Login interface {
	// Challenge is the text after `USR t MD5 S` or `USR t TWN S`.
	Challenge() string
	// Verify checks what the client answered. A refusal is a *wire.Error (911).
	// When it returns a session, an earlier session of the account has already
	// been told OUT OTH (msnp.md 16). It may be called once.
	Verify(ctx context.Context, response string, n Notifier) (Session, error)
	// Cancel voids the challenge: the connection ended or asked for another.
	// After Verify it does nothing.
	Cancel()
}

// Voucher is a Login that knows whether somebody who proved otherwise who they are,
// a box by its ticket, was told the answer to its challenge: then it is no guess.
type Voucher interface {
	Vouched() bool
}

// Session is one signed-in account as the notification server sees it. Its
// methods are called from the connection's reader, one at a time.
//
// A reply function is called at most once, before the method returns, and
// before any notice that the session sends later; so what a client reads is in
// the order in which it became true. It must not block. A refusal that the
// protocol has a number for is a *wire.Error; any other error ends the
// connection.
type Session interface {
	// Self is the account with its own name.
	Self() Person
	// Profile fills the message that follows USR OK (msnp.md 6).
	Profile() Profile
	// Identify passes on a CVR that came after sign-in.
	Identify(v CVR)
	// Sync answers SYN. A client that knows the current version gets a Roster
	// with Same set and no lists.
	Sync(ctx context.Context, known uint32, reply func(Roster)) error
	// SetStatus answers CHG. The first call of a session makes the account
	// present; initial holds the contacts that are online then, and is nil later.
	SetStatus(ctx context.Context, s wire.Status, clientID string, reply func(initial []Presence)) error
	// Add answers ADD: lists FL, AL, BL. group is -1 when none was given.
	Add(ctx context.Context, l wire.List, address, nick string, group int, reply func(Change)) error
	// Remove answers REM: lists FL, AL, BL. group is -1 when none was given.
	Remove(ctx context.Context, l wire.List, address string, group int, reply func(Change)) error
	// Rename answers REA, of the own name or of a contact's stored name.
	Rename(ctx context.Context, address, name string, reply func(Change)) error
	// SetPrivacy answers BLP with "AL" or "BL"; 218 if that is the mode already.
	SetPrivacy(ctx context.Context, mode string, reply func(version uint32)) error
	// SetPrompt answers GTC with "A" or "N"; 218 if that is the mode already.
	SetPrompt(ctx context.Context, mode string, reply func(version uint32)) error
	// SetInvitations answers IMS.
	SetInvitations(ctx context.Context, on bool, reply func()) error
	// OpenBoard says whether XFR SB is allowed now: nil, or 913.
	OpenBoard(ctx context.Context) error
	// Call says who comes when this account calls callee into a switchboard
	// (CAL): 208, 217 or the party. It alone is called from other goroutines, the
	// readers of switchboard connections, and also after Done while a board is open.
	Call(ctx context.Context, callee string) (Callee, error)
	// Done ends the session: the connection is gone or the client said OUT.
	// It returns when contacts have been told.
	Done()
}

// Dropper is a Session that tells a client that went without a word from one that
// signed out. Dropped is called instead of Done when the client said no OUT and the
// server did not end the session either; contacts may be told later.
type Dropper interface {
	Dropped()
}

// Grouper is a Session that keeps contact groups (MSNP7 and 8). Add and Remove of
// a session without it accept group 0 at most, and edits of groups are answered
// 502. Names come unescaped and within the protocol's limit.
type Grouper interface {
	// AddGroup answers ADG: 223 when there are too many, 228 when the name is in use.
	AddGroup(ctx context.Context, name string, reply func(GroupChange)) error
	// RemoveGroup answers RMG: 224 for an unknown group, 230 for group 0. Who was in
	// no other group leaves FL without a line of its own (msnp.md 9.3).
	RemoveGroup(ctx context.Context, id int, reply func(GroupChange)) error
	// RenameGroup answers REG: 224 for an unknown group, 228 when the name is in use.
	RenameGroup(ctx context.Context, id int, name string, reply func(GroupChange)) error
}

// GroupChange is the answer to an edit of the groups.
type GroupChange struct {
	Version uint32
	Group
}

// Phoner is a Session that keeps phone settings (MSNP5 and later). Without it PRP
// is answered 502.
type Phoner interface {
	// SetPhone answers PRP; an empty value unsets. The reply has the value as it is
	// now, which is not the one given for MOB Y while MBE is N (msnp.md 7.5).
	SetPhone(ctx context.Context, k PhoneKind, value string, reply func(version uint32, value string)) error
}

// PhoneKind is one of the phone settings.
type PhoneKind string

// Phone settings (msnp.md 7.3): three numbers, whether others may send to the
// mobile, and whether there is one. The last two are Y or N, and N when unset.
const (
	PhoneHome     PhoneKind = "PHH"
	PhoneWork     PhoneKind = "PHW"
	PhoneMobile   PhoneKind = "PHM"
	MobileOpen    PhoneKind = "MOB"
	MobileEnabled PhoneKind = "MBE"
)

// Phone is a phone setting that is set.
type Phone struct {
	Kind  PhoneKind
	Value string // unescaped
}

// Notifier is how a session reaches its client: the notification connection.
// No method blocks: what does not fit the connection's queue ends the connection.
type Notifier interface {
	Presence(p Presence) // NLN, or FLN when the status is wire.Offline
	// Added and Removed tell of list changes by somebody else: a friend, who is
	// on the reverse list from now on or no longer, or the operator (ADD 0, REM 0).
	Added(l wire.List, version uint32, p Person)
	Removed(l wire.List, version uint32, addr string)
	// Phone tells of a phone setting of a contact on FL (BPR), to clients from
	// MSNP5 on that have asked for their lists; an empty value is one that was unset.
	Phone(version uint32, addr string, p Phone)
	Ring(r Ring)      // RNG
	Close(why Reason) // OUT OTH, OUT SSD, or just the socket
}

// Reason is why the server ends a session.
type Reason string

// Reasons of OUT (msnp.md 16). Dropped sends no line at all.
const (
	SignedInElsewhere Reason = "OTH"
	ShuttingDown      Reason = "SSD"
	Dropped           Reason = ""
)

// Profile is what the profile message tells the client beyond constants.
type Profile struct {
	MemberID int64     // low 32 bits of the member number
	Since    time.Time // LoginTime
	Email    string    // preferredEmail
}

// Roster is the answer to SYN.
type Roster struct {
	Version  uint32 // never 0 (msnp.md 7.2)
	Same     bool   // the client's version is current: send `SYN t v` alone
	Privacy  string // BLP: AL or BL
	Prompt   string // GTC: A or N
	Groups   []Group
	Phones   []Phone   // the account's own that are set
	Contacts []Contact // everyone on at least one list, in a stable order
}

// Group is a contact group; number 0 always exists.
type Group struct {
	ID   int
	Name string
}

// Contact is an entry on one or more lists.
type Contact struct {
	Person
	Lists  wire.Lists
	Groups []int   // set when on FL
	Phones []Phone // that are set, of somebody on FL who shows them to this account
}

// Change is the answer to an edit of the lists.
type Change struct {
	Version uint32
	Person            // address and nick as stored
	Group   int       // -1: none to echo
	Online  *Presence // ADD FL of somebody online and visible: the ILN that follows
}

// Presence is somebody's status as this client may see it (already flattened
// and already judged visible).
type Presence struct {
	Person
	Status   wire.Status
	ClientID string // capability number; "0" for bridged friends and when unknown
}

// Ring invites a signed-in client into a switchboard. Host is filled in by the
// connection (what it advertises).
type Ring struct {
	Session int32 // decimal, fits a signed 32-bit number (msnp.md 12.1)
	Cookie  string
	From    Person
}

// Callee is who comes into a switchboard after CAL: exactly one of Guest and
// Ring is set.
type Callee struct {
	Person
	// Guest joins at once in the callee's place: a bridged friend, or the
	// mailbox of an account that is off.
	Guest Guest
	// Ring reaches the callee's own client; false: it is gone by now (217).
	Ring func(r Ring) bool
}

// Guest is a participant of a switchboard who has no connection here.
// Its methods are called from connection readers and must not call back into
// the board except from another goroutine, unless said otherwise.
type Guest interface {
	// Person is the address and name shown in IRO and JOI.
	Person() Person
	// Opened tells that who has come into the board and can be written to. It
	// may call the board and must not block.
	Opened(b Board, who Person)
	// Receive takes a message that a connected participant wrote: nil means it
	// is stored for sure delivery (ACK), an error means it is not (NAK). Text,
	// typing notices and everything else come here; typing must return at once.
	Receive(ctx context.Context, b Board, from Person, m wire.Message) error
	// Closed tells that nobody with a connection is in the board any more, or
	// that the board ended. It must not block.
	Closed(b Board)
}

// Board is a switchboard conversation as a guest may use it. Methods are safe
// from any goroutine and do not block.
type Board interface {
	ID() int32
	// Deliver writes payload as from to every connected participant. done is
	// called exactly once, from any goroutine: nil when the bytes were written
	// to every one of at least one connected participant's sockets, else why not.
	Deliver(from Person, payload []byte, done func(error))
	// Bring writes payload as from to every connected participant, for the one with
	// the address to: done is called once with nil when their end of the line has
	// acknowledged it (Conn.Bring), else with why not; without them inside nobody is
	// written to. What becomes of it with the others is not told. A done of nil: nobody
	// wants to know.
	Bring(to string, from Person, payload []byte, done func(error))
	// Leave takes the guest out: the others get BYE.
	Leave(g Guest)
}

// Switchboards makes boards on the gateway's behalf: a friend writes first.
type Switchboards interface {
	// Invite opens a board with g in it and a cookie for owner to answer with.
	// The ring ends unanswered after wire-level RingLifetime: then g.Closed.
	Invite(g Guest, owner Principal) (Ring, error)
}

// Principal is who may answer a ring: the account and the dialect of its
// notification session. Session is asked when the principal CALs others; it is
// the value that Verify returned, and is compared (==) to find what a session owns.
type Principal struct {
	Person
	Dialect wire.Dialect
	Session Session
}
