package pages

import (
	"context"
	"time"

	"wtvgate/wtvp/service"
)

// Backend finds accounts for boxes. Package bridge/box implements it.
type Backend interface {
	// Account finds the account that a box is linked to, as messengerlogin does. A box that is linked to none gets an
	// *Unlinked error; any other error is shown as a technical problem.
	Account(ctx context.Context, b service.Box) (Account, error)
}

// Account is what the pages show and change of one account. Texts may hold any character, line ends included. An error that is
// a *Problem is for the user to read; any other is a technical problem.
type Account interface {
	// Overview is the account itself.
	Overview(ctx context.Context) (Overview, error)
	// Contacts are all that are on a list, in the order to show them in.
	Contacts(ctx context.Context) ([]Contact, error)
	// Find reads what a user typed as the address of a friend, who may be on no list. It asks no network.
	Find(ctx context.Context, typed string) (Contact, error)
	// Edit changes the lists. The signed-in client is told.
	Edit(ctx context.Context, e Edit) error
	// SetClosed decides whether only allowed contacts may see and write to the account.
	SetClosed(ctx context.Context, closed bool) error
	// Rename changes the account's own name.
	Rename(ctx context.Context, name string) error
}

// Unlinked says that a box has no account.
type Unlinked struct {
	// SelfService: a box gets an account by signing in to Messenger for the first time.
	SelfService bool
}

// Error says so for a log.
func (u *Unlinked) Error() string { return "pages: the box is linked to no account" }

// Problem is why something was not done, in a sentence for the user.
type Problem struct{ Text string }

// Error gives the sentence of the page.
func (p *Problem) Error() string { return "pages: " + p.Text }

// Overview is an account as its owner sees it.
type Overview struct {
	Address, Name string
	SignedIn      bool
	Closed        bool // BLP BL
	Networks      []Network
	// Accounts is the domain of the service's own addresses.
	Accounts string
	// Matrix and Discord tell whether there are such friends.
	Matrix, Discord bool
}

// Network is a network that friends live on.
type Network struct {
	Name  string // for users: Matrix
	Up    bool
	Since time.Time // of that state; zero if it has none yet
}

// Contact is somebody on the lists, or who could be.
type Contact struct {
	Address, Name string
	Network       string // for users: Matrix
	Online        bool

	Friend  bool // on the forward list
	Allowed bool
	Blocked bool
	AddedMe bool // on the reverse list
}

// Listed tells whether the contact is on any list of the account's own.
func (c Contact) Listed() bool { return c.Friend || c.Allowed || c.Blocked }

// Asks tells whether the contact waits to be allowed or blocked.
func (c Contact) Asks() bool { return c.AddedMe && !c.Listed() }

// Verb is what an Edit does.
type Verb string

// The verbs, as they stand in forms.
const (
	Add     Verb = "add"     // onto the friends' list and the allow list, off the block list
	Remove  Verb = "remove"  // off the friends' list and the allow list; who is blocked stays so
	Block   Verb = "block"   // onto the block list, off the allow list
	Unblock Verb = "unblock" // off the block list, onto the allow list
	Rename  Verb = "rename"
)

// Edit is a change of the lists.
type Edit struct {
	Do      Verb
	Address string // as Find gives it
	Name    string // of Rename; of Add if the user gave one
}

// done tells whether a contact is as an edit would have it.
func (e Verb) done(c Contact) bool {
	switch e {
	case Add:
		return c.Friend && !c.Blocked
	case Remove:
		return !c.Friend && !c.Allowed
	case Block:
		return c.Blocked
	case Unblock:
		return !c.Blocked && c.Allowed
	}
	return false
}
