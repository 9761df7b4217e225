package box

import (
	"context"
	"errors"
	"sync/atomic"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// Call implements server.Session. It runs on the switchboard connection's
// goroutine and needs nothing of the account's own.
func (a *account) Call(ctx context.Context, callee string) (server.Callee, error) {
	peer, err := id.ParseAddress(callee)
	if err != nil {
		return server.Callee{}, &wire.Error{Code: wire.ErrBadAddress, Cause: err}
	}
	select {
	case <-a.turns.ended:
		return server.Callee{}, wire.Refuse(wire.ErrNotOnline)
	default:
	}
	n, err := a.g.hub.Person(ctx, peer)
	switch {
	case errors.Is(err, bridge.ErrNotServed), errors.Is(err, bridge.ErrNoSuchPerson):
		return server.Callee{}, &wire.Error{Code: wire.ErrNotOnline, Cause: err}
	case err != nil:
		return server.Callee{}, wire.Fail(wire.ErrDatabase, err)
	}
	g := a.guestFor(peer)
	c := server.Callee{Person: g.Person()}
	if n == id.Local {
		ok, err := a.g.hub.MayCall(ctx, id.Account(peer), a.addr.Address())
		if err != nil {
			return server.Callee{}, wire.Fail(wire.ErrDatabase, err)
		}
		if !ok {
			return server.Callee{}, wire.Refuse(wire.ErrNotOnline)
		}
		if other := a.g.seatOf(id.Account(peer)); other != nil {
			if v := other.Appearance(a.addr.Address()); v.Callable {
				c.Name, c.Ring = a.called(v.Name), other.takeRing
				return c, nil
			}
		}
		g.off = true
	}
	c.Guest = g
	return c, nil
}

// takeRing passes another account's call on to the client.
func (a *account) takeRing(r server.Ring) bool {
	select {
	case <-a.turns.ended:
		return false
	default:
	}
	a.n.Ring(r)
	return true
}

// guest stands in a switchboard for a contact who has no connection there: a
// friend of another network, or an account of ours that is off. It implements
// server.Guest.
type guest struct {
	a    *account // the account whose contact it is
	peer id.Address
	name string
	off  bool // an own account that is off: the writer is told once

	told   atomic.Bool
	typing atomic.Bool // the network was told that the account writes
}

// guestFor makes a guest for a contact of the account. It may be called from
// any goroutine.
func (a *account) guestFor(peer id.Address) *guest {
	g := &guest{a: a, peer: peer, name: string(peer)}
	if c, ok := a.g.hub.Known(a.g.running, a.addr, peer); ok {
		g.name = a.called(c)
	}
	return g
}

// Person implements server.Guest.
func (g *guest) Person() server.Person { return server.Person{Address: string(g.peer), Name: g.name} }

// Opened implements server.Guest. Only the owner's own client matters: a third
// person in the board sees what the owner sees.
func (g *guest) Opened(b server.Board, who server.Person) {
	if who.Address == string(g.a.addr) {
		g.a.later(func() { g.a.opened(g, b) })
	}
}

// Closed implements server.Guest.
func (g *guest) Closed(b server.Board) { g.a.later(func() { g.a.closed(g, b) }) }

// Receive implements server.Guest: it stores what was written for the contact.
func (g *guest) Receive(ctx context.Context, b server.Board, from server.Person, m wire.Message) error {
	switch m.Kind() {
	case wire.KindTyping:
		g.typing.Store(true)
		g.a.g.hub.SetTyping(g.writer(), g.peer, true)
		return nil
	case wire.KindInvite:
		if cookie, ok := m.Invite(); ok {
			g.decline(b, cookie)
		}
		return nil
	case wire.KindText:
	default:
		return nil // a client's hello, a keep-alive: nothing to bring anybody
	}
	t := text.FromMSN(m.Text(), m.Header("X-MMS-IM-Format"))
	if t.Empty() {
		return nil
	}
	if from.Address != string(g.a.addr) { // a third person in the owner's conversation
		t = t.Prefixed(from.Name + ": ")
	}
	if err := g.a.g.hub.Say(ctx, id.Conversation{Account: g.a.addr, Peer: g.peer}, t); err != nil {
		g.a.g.log.Warn("a message was not taken", "account", g.a.addr, "conv", g.peer, "err", err)
		g.say(b, g.refusalLine(err))
		return err
	}
	if g.typing.CompareAndSwap(true, false) {
		g.a.g.hub.SetTyping(g.writer(), g.peer, false)
	}
	if g.off && g.told.CompareAndSwap(false, true) {
		g.say(b, "("+g.name+"'s TV is off; they get this when they sign in.)")
	}
	return nil
}

// refusalLine says why a message was not taken.
func (g *guest) refusalLine(err error) string {
	switch {
	case errors.Is(err, bridge.ErrQueueFull):
		return "(Not sent: too many messages wait for " + g.name + " already.)"
	case errors.Is(err, bridge.ErrBlocked):
		return "(Not sent: " + g.name + " does not take messages.)"
	}
	return "(Not sent: the message could not be stored. Please try again.)"
}

// writer is the owner as networks know it.
func (g *guest) writer() bridge.Account {
	name := string(g.a.addr)
	if l := g.a.look.Load(); l != nil {
		name = l.name
	}
	return bridge.Account{Address: g.a.addr, Name: name}
}

// say writes a line into the board as the contact. It is its own goroutine's
// work, since a guest must not call the board it is called by.
func (g *guest) say(b server.Board, line string) {
	go b.Deliver(g.Person(), wire.TextMessage(line, false), func(error) {})
}

// decline answers an invitation to a file transfer, a voice call or a game with
// the protocol's no, and says so in words (msnp.md 13).
func (g *guest) decline(b server.Board, cookie string) {
	go func() {
		b.Deliver(g.Person(), wire.DeclineMessage(cookie), func(error) {})
		b.Deliver(g.Person(), wire.TextMessage("("+g.name+" can only get text here.)", false), func(error) {})
	}()
}
