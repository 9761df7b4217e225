package matrix

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"
)

// inbox.go: what the homeserver pushed, from the row to its effect.

// States of a row of matrix_inbox.
const (
	rowNew = iota
	rowDone
	rowDead    // given up: it will never be handled (lessons L5)
	rowKeyless // encrypted, and its key has not come (crypto_receive.go)
)

// roomWorkers is how many rooms are worked on at a time. Handling is database
// work, so more would only wait for each other; one that waits for the
// homeserver (at most requestTimeout) leaves the others.
const roomWorkers = 8

// sideEffectTries is how often an event may fail for want of an answer from the
// homeserver, about five minutes with the pauses between. What it would have
// changed there (a refused invitation, a notice) is not worth holding the room
// longer. A failing store is tried for ever: there a message would be lost.
const sideEffectTries = 10

// inbox tells the workers which rooms have new rows. The rows are in the
// database; here is only who works on what.
type inbox struct {
	n *Network

	mu     sync.Mutex
	cond   *sync.Cond
	rooms  map[mid.RoomID]*roomWork // rooms that wait, are worked on or rest
	ready  []mid.RoomID             // those that wait, first come first served
	closed bool
	dead   int // rows given up since the start

	started time.Time           // since when pushes can reach us (recall.go)
	asked   map[mid.RoomID]bool // rooms whose history was asked since
}

// roomWork is a room with new rows.
type roomWork struct {
	again  bool      // more came while it was worked on
	held   time.Time // since when it rests for what was written before (late.go); its worker's, like sorted
	sorted int64     // rows up to this number are in their order
	hole   hole      // what it rests for, if that is known
	tries  int       // failures in a row
	rest   *time.Timer
}

func newInbox(n *Network) *inbox {
	b := &inbox{n: n, rooms: make(map[mid.RoomID]*roomWork)}
	b.cond = sync.NewCond(&b.mu)
	return b
}

// add notes that rooms have new rows.
func (b *inbox) add(rooms ...mid.RoomID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range rooms {
		switch w := b.rooms[r]; {
		case w == nil:
			b.rooms[r] = &roomWork{}
			b.ready = append(b.ready, r)
			b.cond.Signal()
		case w.rest == nil:
			w.again = true
		}
	}
}

// wakeAll ends all rests: what they waited for may be there again.
func (b *inbox) wakeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for r, w := range b.rooms {
		if w.rest != nil && w.rest.Stop() {
			w.rest = nil
			b.ready = append(b.ready, r)
			b.cond.Signal()
		}
	}
}

// next waits for a room with work; false once the inbox is closed.
func (b *inbox) next() (mid.RoomID, *roomWork, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.ready) == 0 && !b.closed {
		b.cond.Wait()
	}
	if b.closed {
		return "", nil, false
	}
	r := b.ready[0]
	b.ready = b.ready[1:]
	b.rooms[r].again = false
	return r, b.rooms[r], true
}

// finish puts a room away, back in line, or to rest.
func (b *inbox) finish(r mid.RoomID, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.rooms[r]
	switch {
	case err != nil:
		pause := b.n.pace.roomBackoff(w.tries)
		if !errors.Is(err, errHeld) {
			w.tries++
		}
		w.rest = time.AfterFunc(pause, func() { b.rested(r) })
	case w.again:
		w.tries = 0
		b.ready = append(b.ready, r)
		b.cond.Signal()
	default:
		delete(b.rooms, r)
	}
}

// rested puts a room back in line.
func (b *inbox) rested(r mid.RoomID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.rooms[r]; w != nil && w.rest != nil {
		w.rest = nil
		b.ready = append(b.ready, r)
		b.cond.Signal()
	}
}

// run works until ctx ends. It begins with what an earlier process left.
func (b *inbox) run(ctx context.Context) error {
	b.begins()
	rooms, err := b.waiting(ctx)
	if err != nil {
		return err
	}
	b.add(rooms...)
	stop := context.AfterFunc(ctx, b.close)
	defer stop()
	var wg sync.WaitGroup
	for range roomWorkers {
		wg.Go(func() {
			for {
				r, w, ok := b.next()
				if !ok {
					return
				}
				b.finish(r, b.drain(ctx, r, w))
			}
		})
	}
	wg.Wait()
	return nil
}

// close ends the workers and all rests.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, w := range b.rooms {
		if w.rest != nil {
			w.rest.Stop()
		}
	}
	b.cond.Broadcast()
}

// errParked ends the work on a room whose messages must wait until the box's
// owner has answered the invitation. The answer puts the room back in line.
var errParked = errors.New("matrix: waits for an answer to the invitation")

// sideEffect is a failure to tell the homeserver something.
type sideEffect struct{ err error }

func (e sideEffect) Error() string { return e.err.Error() }
func (e sideEffect) Unwrap() error { return e.err }

// poison is an event that can never be handled.
type poison struct{ err error }

func (e poison) Error() string { return e.err.Error() }
func (e poison) Unwrap() error { return e.err }

// drain handles a room's new rows until there is none. An error means to come
// back later.
func (b *inbox) drain(ctx context.Context, r mid.RoomID, w *roomWork) error {
	for ctx.Err() == nil {
		next, err := b.first(ctx, r)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			b.n.log.Error("cannot read the inbox", "room", r, "err", err)
			return err
		}
		if sorted, err := b.holdLate(ctx, r, w, next); err != nil {
			return err
		} else if sorted {
			continue
		}
		ev := next.event
		err = b.handle(ctx, r, next.raw)
		var bad poison
		var effect sideEffect
		switch {
		case err == nil:
			err = b.settle(ctx, ev, rowDone)
		case errors.Is(err, errParked):
			return nil
		case errors.Is(err, errKeyless): // put aside already
			err = nil
		case errors.As(err, &bad), errors.As(err, &effect) && w.tries >= sideEffectTries:
			b.giveUp(r, ev, err)
			err = b.settle(ctx, ev, rowDead)
		}
		if err != nil {
			if ctx.Err() == nil {
				b.n.log.Warn("event has to wait", "room", r, "event", ev, "err", err)
			}
			return err
		}
		w.tries = 0
	}
	return ctx.Err()
}

// giveUp counts and logs an event that is skipped.
func (b *inbox) giveUp(r mid.RoomID, ev mid.EventID, err error) {
	b.mu.Lock()
	b.dead++
	count := b.dead
	b.mu.Unlock()
	b.n.log.Error("event skipped, it cannot be handled", "room", r, "event", ev, "skipped", count, "err", err)
}

// handle gives one event to the network. A panic makes it poison.
func (b *inbox) handle(ctx context.Context, r mid.RoomID, raw []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = poison{fmt.Errorf("matrix: panic: %v\n%s", p, debug.Stack())}
		}
	}()
	evt, err := parseEvent(raw)
	if err != nil {
		return poison{err}
	}
	evt.RoomID = r // a history need not repeat it in each event
	return b.n.handle(ctx, evt)
}

// parseEvent reads an event as it was pushed. Its content is read by parse, by
// those who know that the event concerns us.
func parseEvent(raw []byte) (*event.Event, error) {
	var evt event.Event
	if err := json.Unmarshal(raw, &evt); err != nil {
		return nil, fmt.Errorf("matrix: read event: %w", err)
	}
	evt.Type.Class = event.MessageEventType
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	}
	return &evt, nil
}

// parse reads an event's content as what its type says.
func parse(evt *event.Event) error {
	if len(evt.Content.VeryRaw) == 0 {
		return poison{errors.New("matrix: event without content")}
	}
	err := evt.Content.ParseRaw(evt.Type)
	if err != nil && !errors.Is(err, event.ErrContentAlreadyParsed) {
		return poison{fmt.Errorf("matrix: read %s: %w", evt.Type.Type, err)}
	}
	return nil
}
