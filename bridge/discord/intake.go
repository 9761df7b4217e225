package discord

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// intake.go: events between the library's handler, which must not wait, and the
// workers, which do (discord.md 6.5).

const (
	// ring is how many events of one channel wait. Of more, what is cheap goes
	// first and then the oldest message, which catch-up brings back.
	ring = 256
	// channelWorkers is how many channels are worked on at a time. Handling is
	// database work; one that waits for Discord leaves the others.
	channelWorkers = 8
	// maxTries is how often an event may fail for another reason than the store
	// before it is skipped (lessons L5).
	maxTries = 5
	// restMin and restMax bound a channel's rest after a failure.
	restMin = 200 * time.Millisecond
	restMax = 30 * time.Second
)

// item is an event that waits.
type item struct {
	kind string
	raw  []byte
}

// cheap events are dropped first.
func (i *item) cheap() bool {
	return i.kind == "TYPING_START" || strings.HasPrefix(i.kind, "MESSAGE_REACTION")
}

// gap is why a channel's history has to be read.
type gap uint8

const (
	noGap    gap = iota
	dropped      // its queue was full: what is missing is newer than its mark
	newStart     // a new session: its mark may be a moment too late
)

// channelWork is a channel with something to do.
type channelWork struct {
	items []item
	dirty gap  // history has to be read before anything else
	busy  bool // a worker has it
	ready bool // it is in line
	tries int
	rest  *time.Timer
}

// intake hands channels to workers, one worker at a time each.
type intake struct {
	n *Network

	mu     sync.Mutex
	cond   *sync.Cond
	keys   map[string]*channelWork
	line   []string
	paused bool // after READY, until it is known which channels to catch up
	closed bool
}

func newIntake(n *Network) *intake {
	b := &intake{n: n, keys: make(map[string]*channelWork)}
	b.cond = sync.NewCond(&b.mu)
	return b
}

// add puts an event into its channel's queue. It never waits.
func (b *intake) add(key string, i item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.work(key)
	if len(w.items) >= ring {
		at := slices.IndexFunc(w.items, func(i item) bool { return i.cheap() })
		switch {
		case at >= 0:
			w.items = slices.Delete(w.items, at, at+1)
		case i.cheap():
			return
		default:
			w.items = slices.Delete(w.items, 0, 1)
			w.dirty = max(w.dirty, dropped)
		}
	}
	w.items = append(w.items, i)
	b.enqueue(key, w)
}

// dirt marks channels whose history has to be read, and lets workers go on.
func (b *intake) dirt(channels []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range channels {
		w := b.work(c)
		w.dirty = newStart
		b.enqueue(c, w)
	}
	b.paused = false
	b.cond.Broadcast()
}

// pause keeps workers from beginning anything.
func (b *intake) pause() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paused = true
}

func (b *intake) work(key string) *channelWork {
	w := b.keys[key]
	if w == nil {
		w = &channelWork{}
		b.keys[key] = w
	}
	return w
}

// enqueue puts a channel in line unless it is there, is worked on or rests.
func (b *intake) enqueue(key string, w *channelWork) {
	if !w.ready && !w.busy && w.rest == nil && !b.closed {
		w.ready = true
		b.line = append(b.line, key)
		b.cond.Signal()
	}
}

// next waits for a channel with work; false once the intake is closed.
func (b *intake) next() (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for (len(b.line) == 0 || b.paused) && !b.closed {
		b.cond.Wait()
	}
	if b.closed {
		return "", false
	}
	key := b.line[0]
	b.line = b.line[1:]
	w := b.keys[key]
	w.ready, w.busy = false, true
	return key, true
}

// head is what a channel has to do next: read history, or an event. False for
// nothing now.
func (b *intake) head(key string) (i item, dirty gap, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.keys[key]
	switch {
	case b.closed || b.paused:
		return item{}, noGap, false
	case w.dirty != noGap:
		dirty, w.dirty = w.dirty, noGap
		return item{}, dirty, true
	case len(w.items) == 0:
		return item{}, noGap, false
	}
	i = w.items[0]
	w.items = w.items[1:]
	return i, noGap, true
}

// back puts back what could not be done.
func (b *intake) back(key string, i item, dirty gap) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.keys[key]
	if dirty != noGap {
		w.dirty = max(w.dirty, dirty)
		return
	}
	w.items = slices.Insert(w.items, 0, i)
}

// finish puts a channel away, back in line, or to rest.
func (b *intake) finish(key string, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.keys[key]
	w.busy = false
	switch {
	case b.closed:
	case failed:
		d := min(restMin<<min(w.tries, 10), restMax)
		w.tries++
		w.rest = time.AfterFunc(d, func() { b.rested(key) })
	case w.dirty != noGap || len(w.items) > 0:
		b.enqueue(key, w)
	default:
		delete(b.keys, key)
	}
}

func (b *intake) rested(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.keys[key]; w != nil {
		w.rest = nil
		b.enqueue(key, w)
	}
}

// run works until ctx ends.
func (b *intake) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, b.close)
	defer stop()
	var wg sync.WaitGroup
	for range channelWorkers {
		wg.Go(func() {
			for {
				key, ok := b.next()
				if !ok {
					return
				}
				b.finish(key, !b.drain(ctx, key))
			}
		})
	}
	wg.Wait()
}

// close ends the workers and all rests.
func (b *intake) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, w := range b.keys {
		if w.rest != nil {
			w.rest.Stop()
		}
	}
	b.cond.Broadcast()
}

// drain does what a channel has to do; false to come back later.
func (b *intake) drain(ctx context.Context, key string) bool {
	for ctx.Err() == nil {
		i, dirty, ok := b.head(key)
		if !ok {
			return true
		}
		err := b.n.handle(ctx, key, i, dirty)
		if err == nil {
			b.done(key)
			continue
		}
		if ctx.Err() != nil {
			return true
		}
		var bad poison
		if errors.As(err, &bad) || b.failed(key) >= maxTries && dirty == noGap && !errors.Is(err, errStore) && !unanswered(err) {
			b.n.log.Error("event skipped, it cannot be handled", "event", i.kind, "channel", key, "err", err)
			b.done(key)
			continue
		}
		b.n.log.Warn("event has to wait", "event", i.kind, "channel", key, "history", dirty != noGap, "err", err)
		b.back(key, i, dirty)
		return false
	}
	return true
}

func (b *intake) done(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys[key].tries = 0
}

func (b *intake) failed(key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.keys[key].tries
}

// waiting counts channels and events, for tests and the log.
func (b *intake) waiting() (channels, events int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.keys {
		events += len(w.items)
	}
	return len(b.keys), events
}

// poison is an event that can never be handled.
type poison struct{ err error }

func (e poison) Error() string { return e.err.Error() }
func (e poison) Unwrap() error { return e.err }

// errStore marks a failure of the store: there a message would be lost, so it is
// tried for ever.
var errStore = errors.New("the store failed")

// handle does one thing of a channel. A panic makes it poison.
func (n *Network) handle(ctx context.Context, key string, i item, dirty gap) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = poison{fmt.Errorf("discord: panic: %v\n%s", p, debug.Stack())}
		}
	}()
	if dirty != noGap {
		return n.catchUp(ctx, key, dirty)
	}
	return n.happen(ctx, i.kind, i.raw)
}

// recovered keeps a panic of ours from the library.
func (n *Network) recovered(what, kind string) {
	if p := recover(); p != nil {
		n.log.Error("panic", "in", what, "event", kind, "panic", p, "stack", string(debug.Stack()))
	}
}
