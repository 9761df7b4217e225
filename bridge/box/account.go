package box

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// account is one signed-in account. It implements server.Session for its
// notification connection and bridge.Seat for the core.
type account struct {
	g      *Gateway
	addr   id.Account
	number int64
	since  time.Time // sign-in
	missed int64     // the newest inbox row at sign-in: up to it, rows came while the box was off
	n      server.Notifier

	turns turns // who may touch what is owned by the turn

	parties parties // guests of the boards

	look  atomic.Pointer[look] // what others may see; nil before the first CHG
	plain atomic.Bool          // the client shows no states and no formats

	// Owned by the turn.
	client   server.Client
	byBox    bool // came through messengerlogin
	name     string
	settings bridge.Settings
	roster   bridge.Roster
	synced   bool      // the client has asked for its lists
	present  bool      // the first CHG has come
	online   time.Time // when it came
	status   wire.Status
	clientID string
	invites  bool // IMS
	shown    notices
	paced    map[id.Address]bool // friends whose next change waits; true: there is one
	talks    map[id.Address]*talk
	ringing  int // talks that ring
	publish  *time.Timer
}

// open makes the account's session and ends the one before it.
func (g *Gateway) open(ctx context.Context, info bridge.AccountInfo, c server.Client, byBox bool, n server.Notifier) (*account, error) {
	settings, err := g.hub.Settings(ctx, info.Address)
	if err != nil {
		return nil, fmt.Errorf("box: reading the settings: %w", err)
	}
	missed, err := g.hub.Newest(ctx)
	if err != nil {
		return nil, fmt.Errorf("box: reading the inbox: %w", err)
	}
	if err := g.hub.Welcome(ctx, bridge.Account{Address: info.Address, Name: info.Name}); err != nil {
		g.log.Error("the helper cannot welcome an account", "account", info.Address, "err", err) // who signs in all the same
	}
	roster, err := g.hub.Roster(ctx, info.Address)
	if err != nil {
		return nil, fmt.Errorf("box: reading the lists: %w", err)
	}
	a := &account{
		g: g, addr: info.Address, number: info.Number, since: g.now(), missed: missed, n: n, client: c, name: info.Name, settings: settings, roster: roster,
		status: wire.Offline, clientID: "0", invites: true,
	}
	a.turns.ended = make(chan struct{})
	a.byBox = byBox
	a.plain.Store(a.isBox())
	g.wg.Add(1) // until leave
	if before, ok := g.hub.Seat(a.addr).(*account); ok {
		a.look.Store(before.lingers())
	}
	if old := g.hub.Sit(a.addr, a); old != nil {
		old.End(bridge.EndElsewhere)
		// Contacts saw no end of the old session: if the new one does not show
		// itself soon, they see that it is gone.
		time.AfterFunc(secondSignIn, func() { a.later(a.vanish) })
	} else {
		a.look.Store(nil) // it went meanwhile, and that was seen
	}
	a.turned(ctx)
	if !g.ledger.busy(a.addr) { // else the session before was here a moment ago
		if err := g.hub.Fold(ctx, a.addr); err != nil {
			g.log.Error("cannot fold long conversations; they are shown in full", "account", a.addr, "err", err)
		}
	}
	return a, nil
}

// secondSignIn is how long contacts do not see that a session was replaced, or came
// back after its line was lost (msnp.md 16).
const secondSignIn = 5 * time.Second

// isBox tells whether the client is a first-generation box: it came through
// messengerlogin, says so in its CVR, or speaks MSNP3 and has sent no CVR, as the
// WebTV Viewer does (msnp.md 17.5).
func (a *account) isBox() bool {
	v := a.client.CVR
	return a.byBox || v.FirstGeneration() && !secondGeneration(v) || a.client.Dialect == wire.MSNP3 && v == (server.CVR{})
}

// Waiting implements bridge.Seat.
func (a *account) Waiting(peer id.Address) {
	a.hint(func(h *hints) { note(&h.waiting, peer, true) })
}

// Recheck implements bridge.Seat.
func (a *account) Recheck(peer id.Address) {
	a.hint(func(h *hints) { note(&h.recheck, peer, true) })
}

// ListsChanged implements bridge.Seat.
func (a *account) ListsChanged() { a.hint(func(h *hints) { h.lists = true }) }

// Typing implements bridge.Seat.
func (a *account) Typing(peer id.Address, on bool) {
	if t := a.look.Load(); t == nil || t.on(peer).Has(wire.Block) {
		return
	}
	a.hint(func(h *hints) { note(&h.typing, peer, on) })
}

// End implements bridge.Seat.
func (a *account) End(why bridge.EndReason) {
	switch why {
	case bridge.EndElsewhere:
		a.n.Close(server.SignedInElsewhere)
	case bridge.EndShutdown:
		a.n.Close(server.ShuttingDown)
	default:
		a.n.Close(server.Dropped)
	}
	a.end()
	<-a.turns.ended
	if why != bridge.EndElsewhere {
		a.depart() // if it is still within its grace
	}
}

// Done implements server.Session.
func (a *account) Done() {
	a.end()
	<-a.turns.ended
}

// Dropped implements server.Dropper.
func (a *account) Dropped() {
	a.change(func(t *turns) { t.dropped, t.last = true, true })
	<-a.turns.ended
}

// leave is the account's last turn: contacts see it, unless another session of
// the account is there already. A line that was lost is given time to come back
// first; meanwhile the account looks as it did, but takes no calls.
func (a *account) leave() {
	if a.publish != nil {
		a.publish.Stop()
	}
	for _, t := range a.talks {
		t.cancel()
	}
	a.turned(context.WithoutCancel(a.g.running))
	if still := a.lingers(); a.turns.wasDropped() && still != nil && a.g.running.Err() == nil {
		a.look.Store(still)
		time.AfterFunc(bridge.WaitGrace, a.depart)
	} else {
		a.depart()
	}
	a.g.log.Info("signed out", "account", a.addr, "conn", a.client.Conn, "after", a.g.now().Sub(a.since).Round(time.Second).String())
}

// turned has friends told anew that what they write waits: the box has come, or goes.
func (a *account) turned(ctx context.Context) {
	if err := a.g.hub.Turned(ctx, a.addr); err != nil {
		a.g.log.Error("friends may not be told that what they write waits", "account", a.addr, "err", err)
	}
}

// lingers is how an account looks that is not there for a moment: as it did, but it
// takes no calls. Nil: nobody saw it.
func (a *account) lingers() *look {
	last := a.look.Load()
	if last == nil {
		return nil
	}
	still := *last
	still.invites = false
	return &still
}

// vanish shows that a session before this one is gone, if this one has not shown
// itself yet.
func (a *account) vanish() {
	if !a.present {
		a.look.Store(nil)
	}
	a.tellWatchers()
}

// depart shows that the account is gone, if it is and has not been shown. Any
// goroutine, when the last turn is under way or over.
func (a *account) depart() {
	a.look.Store(nil)
	if a.g.hub.Seat(a.addr) == bridge.Seat(a) {
		a.g.hub.Stand(a.addr, a)
		a.tellWatchers()
	}
}

// Self implements server.Session. It is asked by the connection alone, which
// is also the only one to change the name, except for the operator's rename.
func (a *account) Self() server.Person {
	var p server.Person
	err := a.do(context.Background(), func() error {
		p = server.Person{Address: string(a.addr), Name: a.called(a.name)}
		return nil
	})
	if err != nil {
		p = server.Person{Address: string(a.addr), Name: string(a.addr)}
	}
	return p
}

// Profile implements server.Session.
func (a *account) Profile() server.Profile {
	return server.Profile{MemberID: a.number, Since: a.since, Email: string(a.addr)}
}

// Identify implements server.Session. What a client says of itself after sign-in
// may change what it is to be shown.
func (a *account) Identify(v server.CVR) {
	_ = a.do(context.Background(), func() error { // fails when the session is over
		a.client.CVR = v
		if plain := a.isBox(); plain != a.plain.Load() {
			a.plain.Store(plain)
			for _, p := range slices.Clone(a.shown) {
				a.recheck(id.Address(p.Address))
			}
		}
		return nil
	})
}

// refusal gives the core's refusals of list edits their numbers.
func refusal(err error) error {
	for _, r := range []struct {
		err  error
		code int
	}{
		{bridge.ErrNotServed, wire.ErrNoSuchAccount}, {bridge.ErrSelf, wire.ErrInvalidParameter},
		{bridge.ErrNoSuchPerson, wire.ErrNoSuchAccount}, {bridge.ErrListed, wire.ErrAlreadyThere},
		{bridge.ErrNotListed, wire.ErrNotOnList}, {bridge.ErrOpposite, wire.ErrOppositeList}, {bridge.ErrFull, wire.ErrListFull},
		{bridge.ErrNoSuchGroup, wire.ErrNoSuchGroup}, {bridge.ErrNotInGroup, wire.ErrNotInGroup},
		{bridge.ErrGroupExists, wire.ErrGroupExists}, {bridge.ErrTooManyGroups, wire.ErrTooManyGroups}, {bridge.ErrGroupStays, wire.ErrGroupZero},
	} {
		if errors.Is(err, r.err) {
			return &wire.Error{Code: r.code, Cause: err}
		}
	}
	return wire.Fail(wire.ErrDatabase, err)
}
