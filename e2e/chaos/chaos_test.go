package chaos

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// shortSize is what `go test ./...` runs; fullSize is `make chaos`.
var (
	shortSize = Size{Boxes: 10, Kills: 3, Outages: 2, Pause: 1500 * time.Millisecond, Pace: 800 * time.Millisecond}
	fullSize  = Size{Boxes: 50, Kills: 20, Outages: 12, Pause: 4 * time.Second, Pace: 2 * time.Second}
)

// size is what the environment asks for.
func size(t *testing.T) Size {
	t.Helper()
	s := shortSize
	if os.Getenv("WTVGATE_CHAOS") == "full" {
		s = fullSize
	}
	s.Seed = rand.Uint64N(1 << 32)
	number := func(name string, set func(int)) {
		if v := os.Getenv("WTVGATE_CHAOS_" + name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 {
				t.Fatalf("WTVGATE_CHAOS_%s=%q is no number above 0", name, v)
			}
			set(n)
		}
	}
	number("BOXES", func(n int) { s.Boxes = n })
	number("KILLS", func(n int) { s.Kills = n })
	number("OUTAGES", func(n int) { s.Outages = n })
	number("SEED", func(n int) { s.Seed = uint64(n) })
	return s
}

// TestChaos: whatever breaks, nothing that was accepted is lost, doubled or out of
// order.
func TestChaos(t *testing.T) {
	s := size(t)
	t.Logf("%d boxes, %d kills, %d outages, WTVGATE_CHAOS_SEED=%d", s.Boxes, s.Kills, s.Outages, s.Seed)
	w := NewWorld(t, s)
	began := time.Now()
	w.Harm()
	w.Break()
	w.Settle(5 * time.Minute)
	sum, faults := w.l.Sum()
	if !sum.Clean() {
		w.inquire()
	}
	signIns, refused := 0, 0
	w.stop()
	w.running.Wait()
	for _, b := range w.boxes {
		signIns, refused = signIns+b.SignIns, refused+b.Failed
	}
	t.Logf("in %v: %v", time.Since(began).Round(time.Second), sum)
	t.Logf("kills %d, outages %d, lines hung up %d, cut %d, stalled %d; sign-ins %d, failed %d", w.killed, w.outages, w.lines.Hung, w.lines.Cut,
		w.lines.Stalled, signIns, refused)
	t.Logf("to the homeserver %s; from it %s", w.out.Injected(), w.in.Injected())
	if !sum.Clean() {
		for _, f := range faults {
			t.Error(f)
		}
	}
	if sum.Delivered == 0 || w.killed != s.Kills || w.outages != s.Outages {
		t.Errorf("nothing was tried")
	}
	if most := s.Kills * s.Boxes * window; sum.Again > most {
		t.Errorf("%d were shown again, more than were in flight at the kills", sum.Again)
	}
}
