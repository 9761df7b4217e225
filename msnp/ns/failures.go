package ns

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// failFree wrong answers within failWindow cost nothing; then each is
	// answered late (msnp.md 15).
	failFree   = 5
	failWindow = 5 * time.Minute
	// maxFailKeys bounds what is remembered; when it is full and nothing in it
	// has expired, everybody unknown is answered late.
	maxFailKeys = 4096
)

// failKey is who guesses, a server.Source, and at what.
type failKey struct {
	from    netip.Addr
	account string
}

// failures counts wrong sign-in answers. mu guards the map.
type failures struct {
	mu sync.Mutex
	m  map[failKey]failCount
}

type failCount struct {
	n     int
	since time.Time
	busy  bool // an attempt that is answered late is under way
}

func newFailures() *failures { return &failures{m: make(map[failKey]failCount)} }

// begin lets an attempt in, before it is known to be wrong: many at once are no way
// around the limit. late: it is to be looked at after failPause. False: another late
// one is under way, and this one is not to be looked at. end follows a begin that is
// true.
func (f *failures) begin(k failKey, now time.Time) (late, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	late = f.count(k, now)
	c, known := f.m[k]
	if !late || !known {
		return late, true
	}
	if c.busy {
		return true, false
	}
	c.busy = true
	f.m[k] = c
	return true, true
}

// end notes how an attempt ended, late as begin said. Only wrong ones count.
func (f *failures) end(k failKey, late, wrong bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, known := f.m[k]
	if !known {
		return
	}
	if late {
		c.busy = false
	}
	if !wrong && c.n > 0 {
		c.n--
	}
	if f.m[k] = c; c.n == 0 {
		delete(f.m, k)
	}
}

// add counts a wrong answer and tells whether it is to be answered late.
func (f *failures) add(k failKey, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count(k, now)
}

// count is add for who holds mu.
func (f *failures) count(k failKey, now time.Time) bool {
	c, known := f.m[k]
	if !known && len(f.m) >= maxFailKeys {
		f.purge(now)
		if len(f.m) >= maxFailKeys {
			return true
		}
	}
	if !known || now.Sub(c.since) >= failWindow {
		c.n, c.since = 0, now
	}
	c.n++
	f.m[k] = c
	return c.n > failFree
}

func (f *failures) purge(now time.Time) {
	for k, c := range f.m {
		if now.Sub(c.since) >= failWindow && !c.busy {
			delete(f.m, k)
		}
	}
}
