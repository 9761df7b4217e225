package discord

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limits.go: Discord's limits, from its headers. The library's own limiter sleeps
// without a context and keeps one bucket per URL for ever (discord.md 6.1, 6.3).

const (
	// maxPerSecond stays below the 50 requests a second that a bot has
	// (discord.md 5).
	maxPerSecond = 45
	// maxWait is how long a request waits for its turn. What would wait longer
	// fails with the time, and its conversation waits instead.
	maxWait = 2 * time.Second
	// maxBuckets is how many routes are remembered before idle ones go.
	maxBuckets = 1000
)

// limits is who may send when.
type limits struct {
	now func() time.Time

	mu      sync.Mutex
	global  time.Time // nobody sends before
	second  time.Time // begin of the second that is counted
	sent    int
	routes  map[string]string // route and top-level id to bucket, once it is known
	buckets map[string]*bucket
}

// bucket is a limit that several routes may share.
type bucket struct {
	left  int
	reset time.Time
}

func newLimits(now func() time.Time) *limits {
	return &limits{now: now, routes: make(map[string]string), buckets: make(map[string]*bucket)}
}

// stop holds everybody: a global limit or an edge ban.
func (l *limits) stop(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := l.now().Add(d); until.After(l.global) {
		l.global = until
	}
}

// errLimited is a request that was not made because of a limit.
type errLimited struct{ after time.Duration }

func (e errLimited) Error() string {
	return "discord: rate limited for " + e.after.Round(time.Millisecond).String()
}

// take waits for the turn of a route, at most maxWait. Free routes (answers to
// interactions) do not count into the global limit (discord.md 3.8).
func (l *limits) take(ctx context.Context, route, major string, free bool) error {
	for waited := time.Duration(0); ; {
		wait := l.try(route, major, free)
		if wait <= 0 {
			return ctx.Err()
		}
		if waited+wait > maxWait {
			return errLimited{wait}
		}
		waited += wait
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// try takes a turn, or says how long there is none.
func (l *limits) try(route, major string, free bool) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if !free {
		if wait := l.global.Sub(now); wait > 0 {
			return wait
		}
		if now.Sub(l.second) >= time.Second {
			l.second, l.sent = now, 0
		}
		if l.sent >= maxPerSecond {
			return l.second.Add(time.Second).Sub(now)
		}
	}
	if b := l.buckets[l.name(route, major)]; b != nil {
		if !now.Before(b.reset) {
			b.left = max(b.left, 1) // how many there are again, the next answer tells
		} else if b.left <= 0 {
			return b.reset.Sub(now)
		}
		b.left--
	}
	if !free {
		l.sent++
	}
	return 0
}

// name is the bucket of a route, as far as it is known.
func (l *limits) name(route, major string) string {
	if hash, ok := l.routes[route]; ok {
		return hash + "/" + major
	}
	return route + "/" + major
}

// learn reads the headers of an answer.
func (l *limits) learn(route, major string, a *answer) {
	if a.status == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if hash := a.header.Get("X-RateLimit-Bucket"); hash != "" && l.routes[route] != hash {
		if len(l.routes) > maxBuckets {
			clear(l.routes)
		}
		l.routes[route] = hash
	}
	now := l.now()
	b := l.buckets[l.name(route, major)]
	if b == nil {
		l.prune(now)
		b = &bucket{left: 1}
		l.buckets[l.name(route, major)] = b
	}
	if a.status == http.StatusTooManyRequests {
		if a.header.Get("X-RateLimit-Global") == "" {
			b.left, b.reset = 0, now.Add(a.after)
		}
		return
	}
	left, err := strconv.Atoi(a.header.Get("X-RateLimit-Remaining"))
	reset, err2 := strconv.ParseFloat(a.header.Get("X-RateLimit-Reset-After"), 64)
	if err == nil && err2 == nil {
		until := now.Add(holdFor(reset))
		if now.Before(b.reset) { // others are under way: their turns are taken already
			left = min(left, b.left)
		}
		b.left, b.reset = left, until
	}
}

// prune forgets buckets that are full again.
func (l *limits) prune(now time.Time) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for k, b := range l.buckets {
		if !now.Before(b.reset) {
			delete(l.buckets, k)
		}
	}
}
