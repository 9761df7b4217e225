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

// failKey is who guesses and at what.
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
}

func newFailures() *failures { return &failures{m: make(map[failKey]failCount)} }

// add counts one and tells whether it is to be answered late.
func (f *failures) add(k failKey, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, known := f.m[k]
	if !known && len(f.m) >= maxFailKeys {
		f.purge(now)
		if len(f.m) >= maxFailKeys {
			return true
		}
	}
	if !known || now.Sub(c.since) >= failWindow {
		c = failCount{since: now}
	}
	c.n++
	f.m[k] = c
	return c.n > failFree
}

func (f *failures) purge(now time.Time) {
	for k, c := range f.m {
		if now.Sub(c.since) >= failWindow {
			delete(f.m, k)
		}
	}
}
