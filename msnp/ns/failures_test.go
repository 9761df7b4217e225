package ns

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// What is remembered of wrong answers is bounded: with everything full, people
// nobody knows of are answered late, until the old ones have expired.
func TestFailuresAreBounded(t *testing.T) {
	f, now := newFailures(), time.Unix(1000, 0)
	key := func(i int) failKey {
		return failKey{netip.MustParseAddr("192.0.2.1"), fmt.Sprint("a", i)}
	}
	for i := range maxFailKeys {
		if f.add(key(i), now) {
			t.Fatalf("the first wrong answer of %d is late", i)
		}
	}
	if !f.add(key(maxFailKeys), now) || len(f.m) != maxFailKeys {
		t.Errorf("one more than fit is in time; %d kept", len(f.m))
	}
	if f.add(key(0), now) {
		t.Error("somebody known is late at the second answer")
	}
	if later := now.Add(failWindow); f.add(key(maxFailKeys), later) || len(f.m) != 1 {
		t.Errorf("after the window one is late, or %d are kept", len(f.m))
	}
}
