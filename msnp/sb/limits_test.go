package sb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
)

// Ten messages at once, then three a second: the reader is slowed down and
// nothing is lost (msnp.md 15).
func TestMessageRate(t *testing.T) {
	limits := msnptest.Unlimited
	limits.Messages = server.Rate{} // the default
	bubble(t, server.Options{Limits: limits}, "A", func(t *testing.T, sc *scene) {
		sc.r.Board("a", "A", "alice@example.net")
		sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING *\nSa> JOI coolcat@discord.com coolcat")
		start := time.Now()
		for i := range 16 {
			sc.r.Do(fmt.Sprintf("Ca> MSG %d A 3\n    abc|\nSa> ACK %d", i, i))
		}
		if got, want := time.Since(start), 6*(time.Second/3); got != want {
			t.Errorf("16 messages took %v, want %v", got, want)
		}
	})
}

// The longest message there is; the next one closes (testdata/refusals.txt).
func TestLongestMessage(t *testing.T) {
	bubble(t, server.Options{}, "A", func(t *testing.T, sc *scene) {
		sc.r.Board("a", "A", "alice@example.net")
		sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING *\nSa> JOI coolcat@discord.com coolcat\n" +
			"Ca> MSG 3 A 1664\n    " + strings.Repeat("x", 1664) + "|\nSa> ACK 3")
	})
}

// A connection that begins to say what it is and stops ends.
func TestHalfACookie(t *testing.T) {
	bubble(t, server.Options{}, "A", func(t *testing.T, sc *scene) {
		sc.r.Do("CA> XFR 5 SB\nSA> XFR 5 SB * CKI {k}\nCa> \"USR 1 alice@example.net\"")
		start := time.Now()
		sc.r.Patience = time.Hour
		sc.r.Do("Sa> [closed]")
		if got := time.Since(start); got != server.VersionTime {
			t.Errorf("closed after %v, want %v", got, server.VersionTime)
		}
	})
}
