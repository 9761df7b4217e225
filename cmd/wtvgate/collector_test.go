package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
)

// percent is the collector's setting now.
func percent() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

func TestCollectPercent(t *testing.T) {
	for inUse, want := range map[uint64]int{0: 307200, 1 << 20: 300, 3 << 20: 100, 6 << 20: 50, 100 << 20: 50} {
		if got := collectPercent(inUse); got != want {
			t.Errorf("%d bytes: %d %%, want %d", inUse, got, want)
		}
	}
}

// TestCollectorLooks: much in use means half as much garbage, and what a quiet
// program has left goes.
func TestCollectorLooks(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(percent())
	held := make([]byte, 64<<20)
	runtime.GC()
	c := new(collector)
	c.look()
	if got := percent(); got != collectAt {
		t.Errorf("%d %% with 64 MB in use", got)
	}
	debug.SetGCPercent(-1) // nobody else collects
	for range 100 {
		sink = make([]byte, 64<<10)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	debug.SetGCPercent(1000)
	c.look()
	runtime.ReadMemStats(&after)
	if after.NumForcedGC == before.NumForcedGC {
		t.Error("what is left stays")
	}
	c.look() // a cycle has passed: this look only notes it
	runtime.ReadMemStats(&before)
	c.look()
	if runtime.ReadMemStats(&after); after.NumForcedGC != before.NumForcedGC {
		t.Error("collects where there is nothing")
	}
	runtime.KeepAlive(held)
}

// sink keeps what is made from being left out.
var sink []byte

func TestOperatorSetsTheCollector(t *testing.T) {
	t.Setenv("GOGC", "77")
	before := percent()
	tuneCollector(context.Background()) // returns at once
	if got := percent(); got != before {
		t.Errorf("%d %%, want what GOGC says", got)
	}
}
