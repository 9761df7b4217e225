package passport

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// guess makes one attempt of which the answer is known.
func guess(t *testing.T, a *attempts, from, account string, now time.Time, right bool) (late bool) {
	t.Helper()
	try, ok := a.begin(netip.MustParseAddr(from), account, now)
	if !ok {
		t.Fatal("not let in")
	}
	try.done(right, true)
	return try.late
}

func TestGuessesOfOneAccountFromOneSource(t *testing.T) {
	a, c := newAttempts(), newClock()
	for i := range maxPairFailures {
		if guess(t, a, "192.0.2.1", alice, c.now(), false) {
			t.Errorf("guess %d is late", i+1)
		}
	}
	if !guess(t, a, "192.0.2.1", alice, c.now(), false) || !guess(t, a, "::ffff:192.0.2.1", alice, c.now(), false) {
		t.Error("further guesses are not late")
	}
	if guess(t, a, "192.0.2.1", bob, c.now(), false) || guess(t, a, "192.0.2.2", alice, c.now(), false) {
		t.Error("others are late")
	}
	c.add(attemptWindow)
	if guess(t, a, "192.0.2.1", alice, c.now(), false) {
		t.Error("late after the window")
	}
}

func TestARightPasswordClearsTheGuesses(t *testing.T) {
	a, c := newAttempts(), newClock()
	for range 3 * maxSourceFailures {
		if guess(t, a, "192.0.2.1", alice, c.now(), true) {
			t.Fatal("a right password is late")
		}
	}
	for range maxPairFailures {
		guess(t, a, "192.0.2.1", alice, c.now(), false)
	}
	if !guess(t, a, "192.0.2.1", alice, c.now(), true) {
		t.Error("not late before the right one is known")
	}
	if guess(t, a, "192.0.2.1", alice, c.now(), false) {
		t.Error("late after a right one")
	}
	// What nobody could judge counts for nothing.
	for range 3 * maxSourceFailures {
		try, ok := a.begin(netip.MustParseAddr("192.0.2.9"), bob, c.now())
		if !ok || try.late {
			t.Fatal("late")
		}
		try.done(false, false)
	}
}

// TestManyAtOnce: attempts count before their answer is known.
func TestManyAtOnce(t *testing.T) {
	a, c := newAttempts(), newClock()
	from := netip.MustParseAddr("192.0.2.1")
	for range maxPairFailures {
		if try, ok := a.begin(from, alice, c.now()); !ok || try.late {
			t.Fatal("the first ones are let in")
		}
	}
	sixth, ok := a.begin(from, alice, c.now())
	if !ok || !sixth.late {
		t.Fatal("the sixth is late")
	}
	if _, ok := a.begin(from, alice, c.now()); ok {
		t.Error("a seventh beside the sixth")
	}
	if _, ok := a.begin(from, bob, c.now()); !ok {
		t.Error("another account waits for it")
	}
	sixth.done(false, true)
	if _, ok := a.begin(from, alice, c.now()); !ok {
		t.Error("nobody comes in after the sixth")
	}
}

func TestGuessesOfManyAccounts(t *testing.T) {
	a, c := newAttempts(), newClock()
	for i := range maxSourceFailures {
		if guess(t, a, fmt.Sprintf("2001:db8::%x", i+1), fmt.Sprintf("%d@webtv.local", i), c.now(), false) {
			t.Fatalf("guess %d is late", i+1)
		}
	}
	if !guess(t, a, "2001:db8::ffff:1", "x@webtv.local", c.now(), false) {
		t.Error("a /64 is not one source")
	}
	if guess(t, a, "2001:db8:0:1::1", "x@webtv.local", c.now(), false) {
		t.Error("another network is late")
	}
}

func TestGuessesFromManySources(t *testing.T) {
	a, c := newAttempts(), newClock()
	for i := range maxAccountFailures {
		if guess(t, a, fmt.Sprintf("192.0.2.%d", i), alice, c.now(), false) {
			t.Fatalf("guess %d is late", i+1)
		}
	}
	if !guess(t, a, "198.51.100.1", alice, c.now(), false) {
		t.Error("the account's next guess is not late")
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	a, c := newAttempts(), newClock()
	for i := range maxAttempts {
		guess(t, a, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String(), fmt.Sprintf("%d@webtv.local", i), c.now(), false)
	}
	if len(a.m) != maxAttempts {
		t.Errorf("%d remembered", len(a.m))
	}
	if !guess(t, a, "192.0.2.1", alice, c.now(), true) {
		t.Error("unknown ones are not late while it is full")
	}
	c.add(attemptWindow)
	if guess(t, a, "192.0.2.1", alice, c.now(), false) || len(a.m) != 3 {
		t.Errorf("%d remembered after all expired", len(a.m))
	}
}
