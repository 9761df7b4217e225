package box

import (
	"context"
	"runtime/debug"
	"sync"

	"wtvgate/bridge/id"
	"wtvgate/msnp/server"
)

// turns lets one goroutine at a time at an account's state, in the order in
// which there was something to do. The goroutine ends when nothing is left and
// is started again by the next task or hint.
type turns struct {
	ended chan struct{} // closed when the last turn is over

	mu      sync.Mutex
	working bool     // a goroutine has the turn
	last    bool     // the account is to leave
	dropped bool     // its line was lost
	over    bool     // it has left
	tasks   []func() // requests of the account's connections, which wait: as many as they are
	hints   hints
}

// hints is what others have left for the account. Each kind is bounded: by the
// number of contacts, or by what is under way.
type hints struct {
	waiting map[id.Address]bool
	recheck map[id.Address]bool
	typing  map[id.Address]bool
	lists   bool
	later   []func() // from guests and timers; one per callback under way
}

// note makes a map with its first entry: most accounts have no hints, no talks
// and nobody online most of the time.
func note[V any](all *map[id.Address]V, peer id.Address, v V) {
	if *all == nil {
		*all = make(map[id.Address]V)
	}
	(*all)[peer] = v
}

// drop takes an entry out, and the map away with its last: an empty one keeps its
// room.
func drop[V any](all *map[id.Address]V, peer id.Address) {
	delete(*all, peer)
	if len(*all) == 0 {
		*all = nil
	}
}

// empty tells whether nothing was left.
func (h *hints) empty() bool {
	return !h.lists && len(h.waiting)+len(h.recheck)+len(h.typing)+len(h.later) == 0
}

// change leaves something to do. False: the account has left.
func (a *account) change(f func(t *turns)) bool {
	t := &a.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	f(t)
	if !t.working {
		t.working = true
		go a.work()
	}
	return true
}

// work takes turns until there is nothing to do.
func (a *account) work() {
	t := &a.turns
	for {
		t.mu.Lock()
		tasks, h, last := t.tasks, t.hints, t.last
		if len(tasks) == 0 && h.empty() && !last {
			t.working = false
			t.mu.Unlock()
			return
		}
		t.tasks, t.hints = nil, hints{}
		t.mu.Unlock()
		// Hints first: what somebody was told is done is seen by whoever asks next.
		a.guard(func() { a.takeHints(h) })
		for _, f := range tasks {
			f()
		}
		if last {
			break
		}
	}
	a.guard(a.leave)
	t.mu.Lock()
	t.over, t.tasks, t.hints = true, nil, hints{}
	t.mu.Unlock()
	close(t.ended) // who still waits for a task hears it by this
	a.g.wg.Done()
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

// do runs f in a turn for one of the account's connections and waits. What f
// calls watches ctx itself.
func (a *account) do(_ context.Context, f func() error) error {
	done := make(chan error, 1)
	task := func() {
		err := errGone
		a.guard(func() { err = f() })
		done <- err
	}
	if !a.change(func(t *turns) { t.tasks = append(t.tasks, task) }) {
		return errGone
	}
	select {
	case err := <-done:
		return err
	case <-a.turns.ended:
	}
	select {
	case err := <-done: // both at once
		return err
	default:
		return errGone
	}
}

// hint leaves word for the account. It never waits for it. A switchboard may
// outlive the session: nobody reads its hints then.
func (a *account) hint(f func(h *hints)) { a.change(func(t *turns) { f(&t.hints) }) }

// later runs f in a turn soon.
func (a *account) later(f func()) { a.hint(func(h *hints) { h.later = append(h.later, f) }) }

// wasDropped tells how the account's last turn came about.
func (t *turns) wasDropped() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}

// end asks the account to leave.
func (a *account) end() { a.change(func(t *turns) { t.last = true }) }

// takeHints works off what others have left.
func (a *account) takeHints(h hints) {
	for _, f := range h.later {
		f()
	}
	if h.lists {
		a.reload()
	}
	for peer := range h.recheck {
		a.recheckPaced(peer)
	}
	for peer := range h.waiting {
		a.feed(a.talkWith(peer))
	}
	for peer, on := range h.typing {
		a.showTyping(peer, on)
	}
}
