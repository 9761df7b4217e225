package box

import (
	"context"
	"sync"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// ledger knows which rows are on their way to a box, and notes those that were
// written: many in one transaction, on a goroutine of its own, since connection
// writers must not wait for the disk. A row that was handed to one session's
// switchboard is not handed to the next session's before its fate is stored, or
// a quick second sign-in would show it twice. It is bounded by the windows of
// the open talks.
type ledger struct {
	g    *Gateway
	wake chan struct{}

	mu     sync.Mutex
	flying map[int64]bool        // rows on their way, true if another session waits for one
	landed map[id.Account]uint64 // how often rows of an account have landed; as many as accounts
	aloft  map[id.Account]int    // how many rows of an account are in flying
	rows   []bridge.Waiting
}

func newLedger(g *Gateway) *ledger {
	return &ledger{g: g, wake: make(chan struct{}, 1), flying: make(map[int64]bool), landed: make(map[id.Account]uint64), aloft: make(map[id.Account]int)}
}

// mark is asked before rows are read from the store, for claim.
func (l *ledger) mark(a id.Account) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.landed[a]
}

// claim takes a row for delivery that was read after mark. False: the row is on
// its way already, or rows have landed since the mark and it may be one of
// them; either way the account is rung again.
func (l *ledger) claim(r bridge.Waiting, mark uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.lies(r, mark) {
		return false
	}
	l.flying[r.ID] = false
	l.aloft[r.Account]++
	return true
}

// waits tells whether claim would be true: a box is not rung for what another
// session of the account has just been given.
func (l *ledger) waits(r bridge.Waiting, mark uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lies(r, mark)
}

// lies is waits for who holds mu.
func (l *ledger) lies(r bridge.Waiting, mark uint64) bool {
	if l.landed[r.Account] != mark {
		l.ring(r)
		return false
	}
	if _, there := l.flying[r.ID]; there {
		l.flying[r.ID] = true
		return false
	}
	return true
}

// busy tells whether rows of an account are on their way.
func (l *ledger) busy(a id.Account) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.aloft[a] > 0
}

// release gives back a row that was not written.
func (l *ledger) release(r bridge.Waiting) { l.land([]bridge.Waiting{r}) }

// land ends the flight of rows and rings those who wait for them.
func (l *ledger) land(rows []bridge.Waiting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range rows {
		l.landed[r.Account]++
		if l.flying[r.ID] {
			l.ring(r)
		}
		if _, there := l.flying[r.ID]; there {
			delete(l.flying, r.ID)
			if l.aloft[r.Account]--; l.aloft[r.Account] == 0 {
				delete(l.aloft, r.Account)
			}
		}
	}
}

// ring has the account look at a conversation again. It only leaves a hint, so
// it may be called with the mutex held.
func (l *ledger) ring(r bridge.Waiting) {
	if s := l.g.hub.Seat(r.Account); s != nil {
		s.Waiting(r.Peer)
	}
}

// written notes a claimed row. It does not block.
func (l *ledger) written(r bridge.Waiting) {
	l.mu.Lock()
	l.rows = append(l.rows, r)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

const (
	// ledgerRetry is the pause after the store refused.
	ledgerRetry = time.Second
	// lastNote is how long the last rows may take at shutdown.
	lastNote = 3 * time.Second
)

// run stores what was added until ctx ends, and then the rest.
func (l *ledger) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastNote)
			defer cancel()
			l.flush(last)
			return
		case <-l.wake:
		}
		for !l.flush(ctx) {
			select {
			case <-ctx.Done():
			case <-time.After(ledgerRetry):
				continue
			}
			break
		}
	}
}

// flush stores all rows; on failure it keeps them.
func (l *ledger) flush(ctx context.Context) bool {
	l.mu.Lock()
	rows := l.rows
	l.rows = nil
	l.mu.Unlock()
	if len(rows) == 0 {
		return true
	}
	err := l.g.hub.Delivered(ctx, rows)
	if err == nil {
		l.land(rows)
		return true
	}
	if ctx.Err() == nil {
		l.g.log.Error("cannot note what was delivered; it would be shown again at the next sign-in", "rows", len(rows), "err", err)
	}
	l.mu.Lock()
	l.rows = append(rows, l.rows...)
	l.mu.Unlock()
	return false
}
