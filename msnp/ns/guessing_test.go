package ns_test

import (
	"bufio"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
)

// guesser tries passwords for Alice at a server of its own clock.
type guesser struct {
	t  *testing.T
	ln *msnptest.Pipe
}

// guess gives the last line of a sign-in.
func (g guesser) guess(from, password string) string {
	nc, err := g.ln.Dial(from)
	if err != nil {
		g.t.Error(err)
		return ""
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	last := ""
	for _, line := range []string{"VER 1 MSNP6", "USR 2 MD5 I alice@example.net", "USR 3 MD5 S " + msnptest.MD5Answer(msnptest.Challenge, password)} {
		if _, err := fmt.Fprintf(nc, "%s\r\n", line); err != nil {
			g.t.Error(err)
		}
		if last, err = r.ReadString('\n'); err != nil {
			g.t.Error(err)
		}
	}
	return strings.TrimSpace(last)
}

// guessing runs f with a server and the count of answers that were looked at.
func guessing(t *testing.T, f func(g guesser, s *msnptest.Server, looked *atomic.Int32)) {
	synctest.Test(t, func(t *testing.T) {
		ln := msnptest.NewPipe()
		s := msnptest.StartOn(t, server.Options{}, ln)
		people(s)
		var looked atomic.Int32
		s.Backend.Hook = func(method string) error {
			if method == "Verify" {
				looked.Add(1)
			}
			return nil
		}
		f(guesser{t, ln}, s, &looked)
	})
}

// Two hundred connections guessed 85 passwords a second: each waited alone, and its
// answer had been looked at before.
func TestManyGuessesAtOnceAreNoFaster(t *testing.T) {
	guessing(t, func(g guesser, _ *msnptest.Server, looked *atomic.Int32) {
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				if got := g.guess("192.0.2.10:1863", fmt.Sprint("wrong", i)); got != "911 3" {
					t.Errorf("a guess was answered %q", got)
				}
			})
		}
		synctest.Wait() // all but five wait for their answer
		if n := looked.Load(); n != 5 {
			t.Errorf("%d guesses were looked at at once, want 5", n)
		}
		all.Wait()
		if n := looked.Load(); n != 6 {
			t.Errorf("%d guesses were looked at in three seconds, want 6", n)
		}
		start := time.Now()
		if got := g.guess("192.0.2.10:1863", "hunter22"); got != "USR 3 OK alice@example.net Alice 1" || time.Since(start) != 3*time.Second {
			t.Errorf("the right password was answered %q after %v", got, time.Since(start))
		}
	})
}

// A subscriber's IPv6 addresses are one guesser: they have 2^64 of them.
func TestGuessesOfOneNetworkAreOfOneGuesser(t *testing.T) {
	guessing(t, func(g guesser, _ *msnptest.Server, _ *atomic.Int32) {
		for i := range 6 {
			start, want := time.Now(), time.Duration(0)
			if i == 5 {
				want = 3 * time.Second
			}
			g.guess(fmt.Sprintf("[2001:db8::%x]:1863", i), "wrong")
			if got := time.Since(start); got != want {
				t.Errorf("guess %d took %v, want %v", i+1, got, want)
			}
		}
		start := time.Now()
		if g.guess("[2001:db8:0:1::1]:1863", "wrong"); time.Since(start) != 0 {
			t.Errorf("the neighbour's guess took %v", time.Since(start))
		}
	})
}

// Somebody who guesses from a club's address holds up no box there that was told the
// answer for its ticket.
func TestVouchedAnswersDoNotWait(t *testing.T) {
	guessing(t, func(g guesser, s *msnptest.Server, _ *atomic.Int32) {
		for range 5 {
			g.guess("192.0.2.10:1863", "wrong")
		}
		var all sync.WaitGroup
		all.Go(func() { g.guess("192.0.2.10:1863", "wrong") })
		synctest.Wait()
		s.Backend.Vouches.Store(true)
		start := time.Now()
		if got := g.guess("192.0.2.10:1863", "hunter22"); got != "USR 3 OK alice@example.net Alice 1" || time.Since(start) != 0 {
			t.Errorf("a box was answered %q after %v", got, time.Since(start))
		}
		all.Wait()
	})
}
