package msnptest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// Epoch is the time at which accounts of a Backend signed in.
var Epoch = time.Unix(1726321960, 0)

// Challenge is the MD5 challenge of every sign-in, as in msnp.md 19, and
// TWNChallenge the one of MSNP8.
const (
	Challenge    = "1726321960.104729"
	TWNChallenge = "ct=1726321960,rver=1,wp=FS_40SEC_0_COMPACT,lc=1033,id=507"
)

// Backend is a server.Backend in memory: accounts with lists and presence among
// each other, and friends without connections. It keeps the rules of msnp.md 7
// to 10 that the protocol tests need, and none of a gateway's policies.
//
// mu guards everything in it and in its accounts.
type Backend struct {
	Boards server.Switchboards // set by Start, for friends that write first
	// Mailbox lets CAL of an account that is off succeed, with a guest that keeps
	// what is written (msnp.md 26).
	Mailbox bool
	// Hook is called at the start of each method of a session with its name, and
	// may panic or return an error.
	Hook func(method string) error
	// RingHook is called by Callee.Ring behind the RNG; with RingFails Ring says
	// afterwards that nobody was there.
	RingHook  func()
	RingFails bool
	// Vouches: whoever signs in was told the answer for another proof (server.Voucher).
	Vouches atomic.Bool

	mu       sync.Mutex
	accounts map[string]*Account
	friends  map[string]*Friend
}

// Account is somebody who can sign in. Set its fields before that.
type Account struct {
	server.Person
	Password string
	Ticket   string // of MSNP8
	MemberID int64
	Version  uint32
	Privacy  string
	Prompt   string
	Groups   []server.Group
	Phones   []server.Phone
	Contacts []*server.Contact

	b       *Backend
	session *session // nil: signed out
	kept    []string // texts in the mailbox
}

// NewBackend makes a backend without accounts.
func NewBackend() *Backend {
	return &Backend{accounts: make(map[string]*Account), friends: make(map[string]*Friend)}
}

// Add makes an account with empty lists at version 1.
func (b *Backend) Add(address, name, password string) *Account {
	a := &Account{
		Person: server.Person{Address: address, Name: name}, Password: password, Ticket: "t=" + password + "&p=",
		MemberID: 4242, Version: 1, Privacy: "AL", Prompt: "A",
		Groups: []server.Group{{ID: 0, Name: "Other Contacts"}}, b: b,
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[address] = a
	return a
}

// List puts a contact on lists of a without a change of version.
func (a *Account) List(address, nick string, lists ...wire.List) *server.Contact {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	c := a.contact(address, nick)
	for _, l := range lists {
		c.Lists = c.Lists.With(l)
		if l == wire.Forward {
			c.Groups = []int{0}
		}
	}
	return c
}

// Kept is what was written to the mailbox of a.
func (a *Account) Kept() []string {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	return append([]string(nil), a.kept...)
}

// Kick ends the session of a from the server's side.
func (a *Account) Kick(why server.Reason) {
	a.b.mu.Lock()
	s := a.session
	a.b.mu.Unlock()
	if s != nil {
		s.n.Close(why)
	}
}

// Notifier is what the signed-in session of a is told through, nil when it is out.
func (a *Account) Notifier() server.Notifier {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.session == nil {
		return nil
	}
	return a.session.n
}

// Principal is a's session, to invite it with.
func (a *Account) Principal() server.Principal {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	return server.Principal{Person: a.Person, Session: a.session}
}

// find is the entry of an address or nil. The caller holds the lock, as for all
// that follows here.
func (a *Account) find(address string) *server.Contact {
	for _, c := range a.Contacts {
		if c.Address == address {
			return c
		}
	}
	return nil
}

func (a *Account) contact(address, nick string) *server.Contact {
	if c := a.find(address); c != nil {
		return c
	}
	c := &server.Contact{Person: server.Person{Address: address, Name: nick}}
	a.Contacts = append(a.Contacts, c)
	return c
}

func (a *Account) on(address string, l wire.List) bool {
	c := a.find(address)
	return c != nil && c.Lists.Has(l)
}

// count is how many are on a list.
func (a *Account) count(l wire.List) int {
	n := 0
	for _, c := range a.Contacts {
		if c.Lists.Has(l) {
			n++
		}
	}
	return n
}

// allows: a lets address see and call it (msnp.md 10).
func (a *Account) allows(address string) bool {
	switch {
	case a.on(address, wire.Block):
		return false
	case a.on(address, wire.Allow):
		return true
	}
	return a.Privacy == "AL"
}

// status is a's as address may see it.
func (a *Account) status(address string) wire.Status {
	s := a.session
	if s == nil || s.status == "" || s.status == wire.Hidden || !a.allows(address) {
		return wire.Offline
	}
	return s.status
}

func (a *Account) presence(to string) server.Presence {
	p := server.Presence{Person: a.Person, Status: a.status(to), ClientID: "0"}
	if a.session != nil && a.session.clientID != "" {
		p.ClientID = a.session.clientID
	}
	return p
}

// presenceOf is that of an account or friend; ok: it is online for a.
func (b *Backend) presenceOf(address string, a *Account) (server.Presence, bool) {
	if o := b.accounts[address]; o != nil {
		p := o.presence(a.Address)
		return p, p.Status != wire.Offline
	}
	if f := b.friends[address]; f != nil && f.Status != wire.Offline && f.Status != "" {
		return server.Presence{Person: f.Self, Status: f.Status, ClientID: "0"}, true
	}
	return server.Presence{}, false
}

// announce tells everybody present who has a on FL how a is now, as far as it
// differs from what seen says they saw.
func (a *Account) announce(seen map[string]server.Presence) {
	for _, o := range a.b.accounts {
		if o.session == nil || o.session.status == "" || !o.on(a.Address, wire.Forward) {
			continue
		}
		if now := a.presence(o.Address); now != seen[o.Address] {
			o.session.n.Presence(now)
		}
	}
}

// views is how everybody sees a at the moment.
func (a *Account) views() map[string]server.Presence {
	m := make(map[string]server.Presence)
	for _, o := range a.b.accounts {
		m[o.Address] = a.presence(o.Address)
	}
	return m
}

// Login implements server.Backend.
func (b *Backend) Login(_ context.Context, _ server.Client, m server.Method, address string) (server.Login, error) {
	if err := b.hook("Login"); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return &login{b: b, a: b.accounts[address], method: m}, nil
}

func (b *Backend) hook(method string) error {
	if b.Hook == nil {
		return nil
	}
	return b.Hook(method)
}

type login struct {
	b      *Backend
	a      *Account
	method server.Method
}

// Challenge implements server.Login.
func (l *login) Challenge() string {
	if l.method == server.TWN {
		return TWNChallenge
	}
	return Challenge
}

// Cancel implements server.Login.
func (l *login) Cancel() {}

// Vouched implements server.Voucher.
func (l *login) Vouched() bool { return l.b.Vouches.Load() }

// Verify implements server.Login.
func (l *login) Verify(_ context.Context, response string, n server.Notifier) (server.Session, error) {
	if err := l.b.hook("Verify"); err != nil {
		return nil, err
	}
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	a := l.a
	if a == nil {
		return nil, wire.Fail(wire.ErrAuthFailed, errors.New("no such account"))
	}
	right := a.Ticket
	if l.method == server.MD5 {
		right, response = MD5Answer(Challenge, a.Password), strings.ToLower(response)
	}
	if response != right {
		return nil, wire.Fail(wire.ErrAuthFailed, fmt.Errorf("wrong answer for %s", a.Address))
	}
	if old := a.session; old != nil {
		seen := a.views()
		a.session = nil
		a.announce(seen)
		old.n.Close(server.SignedInElsewhere)
	}
	a.session = &session{a: a, b: l.b, n: n, invitations: true}
	return a.session, nil
}
