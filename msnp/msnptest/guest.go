package msnptest

import (
	"context"
	"errors"
	"sync"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// maxEvents is how many events of a friend nobody has looked at are kept.
const maxEvents = 1024

// Friend is somebody on a network, without a connection here: a server.Guest
// that notes what happens to it. Set its exported fields before it is called.
type Friend struct {
	Self   server.Person
	Status wire.Status // what accounts see
	Echo   bool        // it answers text with the same text
	Refuse bool        // it cannot store what it receives
	Panics bool        // it is broken

	b      *Backend
	events chan Event

	mu    sync.Mutex // guards those below
	board server.Board
	held  []string // texts to write once somebody is there
}

// Event is something that happened to a friend.
type Event struct {
	// Kind is opened, closed, delivered, failed, or that of a message: text,
	// typing, invite, other.
	Kind string
	Who  string // who came in, or wrote
	Text string // of a text, or of an error
}

// AddFriend makes a friend who is online.
func (b *Backend) AddFriend(address, name string) *Friend {
	f := &Friend{
		Self: server.Person{Address: address, Name: name}, Status: wire.Online,
		b: b, events: make(chan Event, maxEvents),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.friends[address] = f
	return f
}

// Events is what happened, in order.
func (f *Friend) Events() <-chan Event { return f.events }

func (f *Friend) note(e Event) {
	select {
	case f.events <- e:
	default: // nobody looks
	}
}

// Board is the board the friend was last in.
func (f *Friend) Board() server.Board {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.board
}

// Ring opens a board for an account that is signed in and rings it. The texts
// are written once it has answered.
func (f *Friend) Ring(a *Account, texts ...string) (server.Ring, error) {
	f.mu.Lock()
	f.held = append(f.held, texts...)
	f.mu.Unlock()
	r, err := f.b.Boards.Invite(f, a.Principal())
	if err != nil {
		return r, err
	}
	n := a.Notifier()
	if n == nil {
		return r, errors.New("msnptest: account is out")
	}
	n.Ring(r)
	return r, nil
}

// Write delivers a text to the friend's board and notes what became of it.
func (f *Friend) Write(b server.Board, text string) {
	b.Deliver(f.Self, wire.TextMessage(text, true), func(err error) {
		if err != nil {
			f.note(Event{Kind: "failed", Text: err.Error()})
			return
		}
		f.note(Event{Kind: "delivered", Text: text})
	})
}

// Person implements server.Guest.
func (f *Friend) Person() server.Person { return f.Self }

// Opened implements server.Guest.
func (f *Friend) Opened(b server.Board, who server.Person) {
	f.mu.Lock()
	f.board = b
	held := f.held
	f.held = nil
	f.mu.Unlock()
	f.note(Event{Kind: "opened", Who: who.Address})
	for _, text := range held {
		f.Write(b, text)
	}
}

// Receive implements server.Guest.
func (f *Friend) Receive(_ context.Context, b server.Board, from server.Person, m wire.Message) error {
	if f.Panics {
		panic("msnptest: broken friend")
	}
	if f.Refuse {
		return errors.New("msnptest: friend refuses")
	}
	switch m.Kind() {
	case wire.KindText:
		f.note(Event{Kind: "text", Who: from.Address, Text: m.Text()})
		if f.Echo {
			go f.Write(b, m.Text())
		}
	case wire.KindTyping:
		f.note(Event{Kind: "typing", Who: from.Address})
	case wire.KindInvite:
		f.note(Event{Kind: "invite", Who: from.Address})
		if cookie, ok := m.Invite(); ok {
			go b.Deliver(f.Self, wire.DeclineMessage(cookie), func(error) {})
		}
	default:
		f.note(Event{Kind: "other", Who: from.Address})
	}
	return nil
}

// Closed implements server.Guest.
func (f *Friend) Closed(server.Board) {
	f.note(Event{Kind: "closed"})
	if f.Panics {
		panic("msnptest: broken friend")
	}
}

// mailbox stands in for an account that is off.
type mailbox struct{ a *Account }

// Person implements server.Guest.
func (m *mailbox) Person() server.Person {
	m.a.b.mu.Lock()
	defer m.a.b.mu.Unlock()
	return m.a.Person
}

// Opened implements server.Guest.
func (m *mailbox) Opened(server.Board, server.Person) {}

// Receive implements server.Guest.
func (m *mailbox) Receive(_ context.Context, _ server.Board, _ server.Person, msg wire.Message) error {
	if msg.Kind() != wire.KindText {
		return nil
	}
	m.a.b.mu.Lock()
	defer m.a.b.mu.Unlock()
	m.a.kept = append(m.a.kept, msg.Text())
	return nil
}

// Closed implements server.Guest.
func (m *mailbox) Closed(server.Board) {}
