package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// collectAt is how much garbage the collector lets grow, in percent of what is in
	// use: with Go's 100 ten thousand idle boxes would cost a sixth more.
	collectAt = 50
	// collectRoom is the least that it lets grow, in bytes. A small gateway that is
	// busy would collect all the time otherwise: at 50 % of next to nothing a message
	// costs a quarter more of the processor.
	collectRoom = 3 << 20
	// collectLook is how often both are looked at.
	collectLook = 2 * time.Second
	// collectRest is the garbage that a quiet gateway may keep. What a crowd's sign-in
	// has left goes back to the system when it is over, not two minutes later and by
	// and by.
	collectRest = 512 << 10
)

// collector keeps the garbage collector to these.
type collector struct {
	cycles uint64 // at the last look
}

// tuneCollector looks after the garbage collector until ctx ends, unless the
// operator has set GOGC.
func tuneCollector(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt))
	t := time.NewTicker(collectLook)
	defer t.Stop()
	for c := new(collector); ; {
		c.look()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// look sets the percentage, and collects what is left when nothing else does.
func (c *collector) look() {
	m := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(m)
	// The percentage counts from what is alive and what is looked through to find it.
	debug.SetGCPercent(collectPercent(value(m[0]) + value(m[1]) + value(m[2])))
	cycles, garbage := value(m[3]), value(m[4])-min(value(m[0]), value(m[4]))
	if cycles == c.cycles && garbage > collectRest {
		debug.FreeOSMemory() // collects first
	}
	c.cycles = cycles
}

// value is 0 for what this version of Go does not measure.
func value(s metrics.Sample) uint64 {
	if s.Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s.Value.Uint64()
}

// collectPercent is the setting for so many bytes in use.
func collectPercent(inUse uint64) int {
	return max(collectAt, int(collectRoom*100/max(inUse, 1<<10)))
}
