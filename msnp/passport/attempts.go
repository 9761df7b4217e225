package passport

import (
	"net/netip"
	"sync"
	"time"
)

// How much guessing is free. Only wrong answers count in the end.
const (
	// maxPairFailures of one account from one source within attemptWindow; further
	// ones are answered after latePause and one at a time (msnp.md 15).
	maxPairFailures = 5
	// maxSourceFailures of all accounts from one source, and maxAccountFailures of
	// one account from everywhere: a whole household, or another WebTV server with
	// all its boxes, is one source. Beyond, answers come after latePause.
	maxSourceFailures  = 50
	maxAccountFailures = 50
	attemptWindow      = 5 * time.Minute
	latePause          = 3 * time.Second
	// maxAttempts bounds what is remembered, about 1 MiB; when it is full and
	// nothing in it has expired, everybody unknown is answered late.
	maxAttempts = 8192
	// sourceBits of an IPv6 address are one source: a subscriber has a /64.
	sourceBits = 64
)

// attempts counts sign-in attempts by account and source, by source and by
// account. mu guards the map and what is in it.
type attempts struct {
	mu    sync.Mutex
	m     map[attemptKey]*attemptCount
	purge time.Time // when one of a full map may have expired
}

// attemptKey is who guesses at what; a field that is zero stands for all.
type attemptKey struct {
	from    netip.Addr
	account string
}

type attemptCount struct {
	n     int
	since time.Time
	busy  bool // a late attempt is under way
}

// attempt is one that has been let in. Done must be called.
type attempt struct {
	a     *attempts
	pair  *attemptCount // nil: not remembered
	other [2]*attemptCount
	key   attemptKey
	late  bool // answer after latePause
	alone bool // holds pair.busy
}

func newAttempts() *attempts { return &attempts{m: make(map[attemptKey]*attemptCount)} }

// begin counts an attempt before it is known to be wrong, so that many at once
// are no way around the limits. False: too many of them are waiting already.
func (a *attempts) begin(from netip.Addr, account string, now time.Time) (*attempt, bool) {
	from = sourceOf(from)
	t := &attempt{a: a, key: attemptKey{from, account}}
	a.mu.Lock()
	defer a.mu.Unlock()
	t.pair = a.count(t.key, now)
	t.other[0] = a.count(attemptKey{from: from}, now)
	t.other[1] = a.count(attemptKey{account: account}, now)
	if t.pair == nil || t.other[0] == nil || t.other[1] == nil {
		t.late = true
	} else {
		t.late = t.pair.n > maxPairFailures || t.other[0].n > maxSourceFailures || t.other[1].n > maxAccountFailures
	}
	if t.pair != nil && t.pair.n > maxPairFailures {
		if t.pair.busy {
			return nil, false
		}
		t.pair.busy, t.alone = true, true
	}
	return t, true
}

// sourceOf is what counts as one place.
func sourceOf(from netip.Addr) netip.Addr {
	from = from.Unmap().WithZone("")
	if from.Is6() {
		if p, err := from.Prefix(sourceBits); err == nil {
			return p.Addr()
		}
	}
	return from
}

// count adds one; nil if there is no room.
func (a *attempts) count(k attemptKey, now time.Time) *attemptCount {
	c := a.m[k]
	if c == nil {
		if len(a.m) >= maxAttempts && !now.Before(a.purge) {
			a.expire(now)
		}
		if len(a.m) >= maxAttempts {
			return nil
		}
		c = &attemptCount{since: now}
		a.m[k] = c
	}
	if now.Sub(c.since) >= attemptWindow {
		c.n, c.since = 0, now
	}
	c.n++
	return c
}

// expire drops what is old, and notes when it is worth looking again: nobody
// shall make us walk through a full map for every attempt.
func (a *attempts) expire(now time.Time) {
	a.purge = now.Add(attemptWindow)
	for k, c := range a.m {
		until := c.since.Add(attemptWindow)
		switch {
		case now.Before(until):
			if until.Before(a.purge) {
				a.purge = until
			}
		case !c.busy:
			delete(a.m, k)
		}
	}
}

// done ends the attempt. One that was right, or that nobody could judge, does
// not count; a right one clears the account's guesses from this source.
func (t *attempt) done(right, judged bool) {
	t.a.mu.Lock()
	defer t.a.mu.Unlock()
	if t.alone {
		t.pair.busy = false
	}
	if judged && !right {
		return
	}
	for _, c := range t.other {
		uncount(c)
	}
	uncount(t.pair)
	if right && t.pair != nil {
		delete(t.a.m, t.key)
	}
}

func uncount(c *attemptCount) {
	if c != nil && c.n > 0 {
		c.n--
	}
}
