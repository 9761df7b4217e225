package box

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
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

	tasks chan func()   // requests of the connections, which wait
	wake  chan struct{} // a token: hints are there
	quit  chan struct{} // closed to end the goroutine
	ended chan struct{} // closed when it has ended
	stop  sync.Once

	look  atomic.Pointer[look] // what others may see; nil before the first CHG
	plain atomic.Bool          // the client shows no states and no formats

	mu    sync.Mutex
	hints hints

	// Owned by the goroutine.
	client   server.Client
	byBox    bool // came through messengerlogin
	name     string
	roster   bridge.Roster
	entries  map[id.Address]bridge.Contact
	synced   bool // the client has asked for its lists
	present  bool // the first CHG has come
	status   wire.Status
	clientID string
	invites  bool // IMS
	shown    map[id.Address]server.Presence
	talks    map[id.Address]*talk
	ringing  int // talks that ring
	publish  *time.Timer
}

// hints is what others have left for the goroutine. Each kind is bounded: by
// the number of contacts, or by what is under way.
type hints struct {
	waiting map[id.Address]struct{}
	recheck map[id.Address]struct{}
	typing  map[id.Address]bool
	lists   bool
	later   []func() // from guests and timers; one per callback under way
}

// open makes the account's session and ends the one before it.
func (g *Gateway) open(ctx context.Context, info bridge.AccountInfo, c server.Client, byBox bool, n server.Notifier) (*account, error) {
	roster, err := g.hub.Roster(ctx, info.Address)
	if err != nil {
		return nil, fmt.Errorf("box: reading the lists: %w", err)
	}
	missed, err := g.hub.Newest(ctx)
	if err != nil {
		return nil, fmt.Errorf("box: reading the inbox: %w", err)
	}
	a := &account{
		g: g, addr: info.Address, number: info.Number, since: g.now(), missed: missed, n: n, client: c, name: info.Name,
		tasks: make(chan func()), wake: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
		status: wire.Offline, clientID: "0", invites: true,
		shown: make(map[id.Address]server.Presence), talks: make(map[id.Address]*talk),
	}
	a.hints = newHints()
	a.byBox = byBox
	a.plain.Store(a.isBox())
	a.takeRoster(roster)
	g.wg.Go(a.run)
	if old := g.hub.Sit(a.addr, a); old != nil {
		old.End(bridge.EndElsewhere)
		// Contacts saw no end of the old session: if the new one does not show
		// itself soon, they see that it is gone.
		time.AfterFunc(secondSignIn, func() { a.later(a.tellWatchers) })
	}
	return a, nil
}

// secondSignIn is how long contacts do not see that a session was replaced
// (msnp.md 16).
const secondSignIn = 5 * time.Second

func newHints() hints {
	return hints{waiting: map[id.Address]struct{}{}, recheck: map[id.Address]struct{}{}, typing: map[id.Address]bool{}}
}

// isBox tells whether the client is a first-generation box: it came through
// messengerlogin, says so in its CVR, or speaks MSNP3 and has sent no CVR, as the
// WebTV Viewer does (msnp.md 17.5).
func (a *account) isBox() bool {
	v := a.client.CVR
	return a.byBox || v.FirstGeneration() || a.client.Dialect == wire.MSNP3 && v == (server.CVR{})
}

// run is the account's goroutine.
func (a *account) run() {
	defer close(a.ended)
	defer a.leave()
	for {
		select {
		case <-a.quit:
			return
		case <-a.g.running.Done():
			return
		case task := <-a.tasks:
			task()
		case <-a.wake:
			a.guard(a.takeHints)
		}
	}
}

// guard keeps a panic of one event from ending the process. The session ends:
// its state cannot be trusted.
func (a *account) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			a.g.log.Error("an account's session panicked", "account", a.addr, "panic", r, "stack", string(debug.Stack()))
			a.n.Close(server.Dropped)
			a.end()
		}
	}()
	f()
}

// do has the goroutine run f for one of the account's connections and waits.
func (a *account) do(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	task := func() {
		err := errGone
		a.guard(func() { err = f() })
		done <- err
	}
	select {
	case a.tasks <- task:
		return <-done
	case <-a.ended:
		return errGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hint changes the hints and wakes the goroutine. It never waits for it. A
// switchboard may outlive the session: nobody reads its hints then.
func (a *account) hint(f func(h *hints)) {
	select {
	case <-a.ended:
		return
	default:
	}
	a.mu.Lock()
	f(&a.hints)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// later has the goroutine run f soon.
func (a *account) later(f func()) { a.hint(func(h *hints) { h.later = append(h.later, f) }) }

// takeHints works off what others have left.
func (a *account) takeHints() {
	a.mu.Lock()
	h := a.hints
	a.hints = newHints()
	a.mu.Unlock()
	for _, f := range h.later {
		f()
	}
	if h.lists {
		a.reload()
	}
	for peer := range h.recheck {
		a.recheck(peer)
	}
	for peer := range h.waiting {
		a.feed(a.talkWith(peer))
	}
	for peer, on := range h.typing {
		a.showTyping(peer, on)
	}
}

// Waiting implements bridge.Seat.
func (a *account) Waiting(peer id.Address) {
	a.hint(func(h *hints) { h.waiting[peer] = struct{}{} })
}

// Recheck implements bridge.Seat.
func (a *account) Recheck(peer id.Address) {
	a.hint(func(h *hints) { h.recheck[peer] = struct{}{} })
}

// ListsChanged implements bridge.Seat.
func (a *account) ListsChanged() { a.hint(func(h *hints) { h.lists = true }) }

// Typing implements bridge.Seat.
func (a *account) Typing(peer id.Address, on bool) {
	if t := a.look.Load(); t == nil || t.blocked[peer] {
		return
	}
	a.hint(func(h *hints) { h.typing[peer] = on })
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
	<-a.ended
}

// end asks the goroutine to end.
func (a *account) end() { a.stop.Do(func() { close(a.quit) }) }

// Done implements server.Session.
func (a *account) Done() {
	a.end()
	<-a.ended
}

// leave is the end of the session: contacts see it, unless another session of
// the account is there already.
func (a *account) leave() {
	if a.publish != nil {
		a.publish.Stop()
	}
	for _, t := range a.talks {
		t.cancel()
	}
	replaced := a.g.hub.Seat(a.addr) != bridge.Seat(a)
	a.look.Store(nil)
	if !replaced {
		a.g.hub.Stand(a.addr, a)
		a.tellWatchers()
	}
	a.g.log.Info("signed out", "account", a.addr, "conn", a.client.Conn, "after", a.g.now().Sub(a.since).Round(time.Second).String())
}

// Self implements server.Session. It is asked by the connection alone, which
// is also the only one to change the name, except for the operator's rename.
func (a *account) Self() server.Person {
	var p server.Person
	err := a.do(context.Background(), func() error {
		p = server.Person{Address: string(a.addr), Name: a.name}
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
			for peer := range a.shown {
				a.recheck(peer)
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
