package box

import (
	"net/netip"
	"sync"
	"time"

	"wtvgate/msnp/server"
)

// How many boxes get accounts by themselves (accounts.registration: first-box) within
// newWindow. A serial number is a claim that costs nothing: without a bound one
// program makes 200 accounts a second, and has the names.
const (
	// maxNewFrom is how many of one source: a club behind one address signs up in an
	// evening.
	maxNewFrom = 30
	// maxNew is how many in all: some 800 bytes each, 10 MB a day at most.
	maxNew    = 500
	newWindow = time.Hour
)

// newcomers counts the accounts that boxes made for themselves. mu guards all fields.
type newcomers struct {
	mu    sync.Mutex
	since time.Time
	all   int
	from  map[netip.Addr]int // by server.Source
}

// begin counts one in before it is made, so that many at once are no way around the
// limits; false: there are too many. Private addresses are what NAT shows, and count
// only in all; those of this machine, a proxy's, do not count. end follows a begin
// that is true.
func (n *newcomers) begin(from netip.Addr, now time.Time) bool {
	from = server.Source(from)
	if from.IsLoopback() {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.from == nil || now.Sub(n.since) >= newWindow {
		n.since, n.all, n.from = now, 0, make(map[netip.Addr]int)
	}
	if n.all >= maxNew || public(from) && n.from[from] >= maxNewFrom {
		return false
	}
	n.all++
	n.from[from]++
	return true
}

// end takes one back that was not made.
func (n *newcomers) end(from netip.Addr, made bool) {
	from = server.Source(from)
	n.mu.Lock()
	defer n.mu.Unlock()
	if made || n.from[from] == 0 {
		return
	}
	n.all--
	if n.from[from]--; n.from[from] == 0 {
		delete(n.from, from)
	}
}
