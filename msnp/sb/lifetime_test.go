package sb_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/sb"
	"wtvgate/msnp/server"
)

// idleAfter asserts when the server ends connection a, and its last lines.
func idleAfter(t *testing.T, r *msnptest.Runner, want time.Duration, last string) {
	t.Helper()
	start := time.Now()
	r.Patience = want + time.Minute
	r.Do(last + "Sa> [closed]")
	if d := time.Since(start); d != want {
		t.Errorf("closed after %v, want %v", d, want)
	}
}

// A board with one person in it lasts five minutes, with two fifteen, counted
// from the last message, join or leave (msnp.md 12.4).
func TestIdle(t *testing.T) {
	t.Run("alone", func(t *testing.T) {
		bubble(t, server.Options{}, "A", func(t *testing.T, sc *scene) {
			sc.r.Board("a", "A", "alice@example.net")
			idleAfter(t, sc.r, 5*time.Minute, "")
		})
	})
	t.Run("alone and writing", func(t *testing.T) {
		bubble(t, server.Options{}, "A", func(t *testing.T, sc *scene) {
			sc.r.Board("a", "A", "alice@example.net")
			wait(t, 4*time.Minute)
			sc.r.Do(fmt.Sprintf("Ca> "+text70, "N") + "Sa> NAK 5")
			idleAfter(t, sc.r, 5*time.Minute, "")
		})
	})
	t.Run("with a guest", func(t *testing.T) {
		bubble(t, server.Options{}, "A", func(t *testing.T, sc *scene) {
			sc.r.Board("a", "A", "alice@example.net")
			wait(t, time.Minute)
			sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING *\nSa> JOI coolcat@discord.com coolcat")
			wait(t, 14*time.Minute)
			sc.cool.Write(sc.cool.Board(), "still here")
			sc.r.Do("Sa> MSG coolcat@discord.com coolcat *\n    *")
			wait(t, 14*time.Minute)
			sc.cool.Board().Leave(sc.cool)
			idleAfter(t, sc.r, 5*time.Minute, "Sa> BYE coolcat@discord.com\n")
		})
	})
	t.Run("three", func(t *testing.T) {
		bubble(t, server.Options{}, "AB", func(t *testing.T, sc *scene) {
			sc.r.Board("a", "A", "alice@example.net")
			sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING *\nSa> JOI coolcat@discord.com coolcat\n" + callBob)
			idleAfter(t, sc.r, 15*time.Minute, "Sa> BYE coolcat@discord.com 1\nSa> BYE bob@example.net 1\n"+
				"Sb> BYE alice@example.net 1\nSb> BYE coolcat@discord.com 1\nSb> [closed]\n")
		})
	})
}

// callBob lets Bob, signed in as B, join Alice's board as b behind one other.
const callBob = "Ca> CAL 3 bob@example.net\nSa> CAL 3 RINGING {id}\nSB> RNG {id} * CKI {k} alice@example.net Alice\n" +
	"Cb> ANS 1 bob@example.net {k} {id}\nSb> IRO 1 1 2 * *\nSb> IRO 1 2 2 * *\nSb> ANS 1 OK\nSa> JOI bob@example.net Bob%20Smith\n"

// Who does not answer can be rung again after a minute; the first cookie is good
// for two, and is void once the second was used.
func TestRingAgain(t *testing.T) {
	bubble(t, server.Options{}, "AB", func(t *testing.T, sc *scene) {
		sc.r.Board("a", "A", "alice@example.net")
		const ring = "Ca> CAL 2 bob@example.net\nSa> CAL 2 RINGING {id}\nSB> RNG {id} * CKI {%s} alice@example.net Alice"
		sc.r.Do(fmt.Sprintf(ring, "k1"))
		wait(t, 59*time.Second)
		sc.r.Do("Ca> CAL 2 bob@example.net\nSa> 215 2")
		wait(t, time.Second)
		sc.r.Do(fmt.Sprintf(ring, "k2"))
		sc.r.Do("Cb> ANS 1 bob@example.net {k2} {id}\nSb> IRO 1 1 1 alice@example.net Alice\nSb> ANS 1 OK\nSa> JOI bob@example.net Bob%20Smith\n" +
			"Cx> ANS 1 bob@example.net {k1} {id}\nSx> 911 1\nSx> [closed]\n" +
			"Cb> OUT\nSb> [closed]\nSa> BYE bob@example.net")
		sc.r.Do(fmt.Sprintf(ring, "k3"))
		wait(t, 121*time.Second)
		sc.r.Do("Cx> ANS 1 bob@example.net {k3} {id}\nSx> 911 1\nSx> [closed]")
	})
}

// The caller has gone before the callee answers: the board is empty, and lives.
func TestAnswerToNobody(t *testing.T) {
	bubble(t, server.Options{}, "AB", func(t *testing.T, sc *scene) {
		sc.r.Board("a", "A", "alice@example.net")
		sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING *\nSa> JOI coolcat@discord.com coolcat\n" +
			"Ca> CAL 2 bob@example.net\nSa> CAL 2 RINGING {id}\nSB> RNG {id} * CKI {k} alice@example.net Alice\n" +
			"Ca> OUT\nSa> [closed]\nCb> ANS 1 bob@example.net {k} {id}\nSb> ANS 1 OK\nSb> [quiet]")
		sc.next(t, msnptest.Event{Kind: "opened", Who: "alice@example.net"})
		sc.next(t, msnptest.Event{Kind: "closed"})
	})
}

// The cookie of XFR is good for ten minutes, and a stranger has two to show it.
func TestCookieLifetime(t *testing.T) {
	bubble(t, server.Options{}, "A", func(t *testing.T, sc *scene) {
		sc.r.Do("CA> XFR 1 SB\nSA> XFR 1 SB * CKI {k1}\nCA> XFR 1 SB\nSA> XFR 1 SB * CKI {k2}")
		wait(t, sb.CookieLifetime-time.Second)
		sc.r.Do("Ca> USR 1 alice@example.net {k1}\nSa> USR 1 OK alice@example.net Alice")
		wait(t, 2*time.Second)
		sc.r.Do("Cb> USR 1 alice@example.net {k2}\nSb> 911 1\nSb> [closed]")
		for _, k := range []string{"k1", "k2"} {
			if form := regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`); !form.MatchString(sc.r.Vars[k]) {
				t.Errorf("cookie %q", sc.r.Vars[k])
			}
		}
	})
}

// A kicked session takes its boards with it, one that just ends does not
// (msnp.md 12.4, 16); its unused cookies are void either way.
func TestEndOfSession(t *testing.T) {
	sc := start(t, server.Options{}, "AB")
	sc.r.Board("a", "A", "alice@example.net")
	sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING *\nSa> JOI coolcat@discord.com coolcat\n" + callBob +
		"CB> XFR 2 SB\nSB> XFR 2 SB * CKI {unused}\n" +
		"CB> OUT\nSB> [closed]\nCx> USR 1 bob@example.net {unused}\nSx> 911 1\nSx> [closed]\nSb> [quiet]\n" +
		// a caller without a session can be asked, too
		"Cb> CAL 5 carol@example.net\nSb> 217 5")
	sc.alice.Kick(server.SignedInElsewhere)
	sc.r.Do("SA> OUT OTH\nSA> [closed]\nSa> [closed]\nSb> BYE alice@example.net\nSb> [quiet]")
}

// Everything ends with the server: boards without a word, guests are told.
func TestShutdown(t *testing.T) {
	sc := start(t, server.Options{}, "AB")
	sc.r.Board("a", "A", "alice@example.net")
	sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING *\nSa> JOI coolcat@discord.com coolcat\n" + callBob)
	if err := sc.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	sc.next(t, msnptest.Event{Kind: "opened", Who: "alice@example.net"})
	sc.next(t, msnptest.Event{Kind: "opened", Who: "bob@example.net"})
	sc.next(t, msnptest.Event{Kind: "closed"})
	if _, err := sc.Boards.Invite(sc.cool, sc.alice.Principal()); err == nil {
		t.Error("a board was opened after the end")
	}
}

// Bounds of an account: 32 boards, 32 unused cookies of which the oldest goes,
// 32 rings.
func TestAccountBounds(t *testing.T) {
	sc := start(t, server.Options{}, "A")
	sc.r.Do("CA> XFR 1 SB\nSA> XFR 1 SB * CKI {first}")
	for i := range sb.MaxBoards {
		sc.r.Do(fmt.Sprintf("CA> XFR 1 SB\nSA> XFR 1 SB * CKI {k%d}", i))
	}
	sc.r.Do("Cx> USR 1 alice@example.net {first}\nSx> 911 1\nSx> [closed]")
	for i := range sb.MaxBoards {
		sc.r.Do(strings.ReplaceAll("Ca#> USR 1 alice@example.net {k#}\nSa#> USR 1 OK alice@example.net Alice", "#", fmt.Sprint(i)))
	}
	sc.r.Do("CA> XFR 1 SB\nSA> 280 1")
	if _, err := sc.Boards.Invite(sc.cool, sc.alice.Principal()); err == nil {
		t.Error("an invitation beyond the bound")
	}
	sc.r.Do("Ca0> OUT\nSa0> [closed]\nSA> [quiet]")
	// the place is free once the server has let go of the connection
	sc.r.Do("CA> XFR 1 SB\nSA> XFR 1 SB * CKI {again}\nCA> XFR 1 SB\nSA> XFR 1 SB * CKI {over}\n" +
		"Ca0> USR 1 alice@example.net {again}\nSa0> USR 1 OK alice@example.net Alice\n" +
		"Cx> USR 1 alice@example.net {over}\nSx> 280 1\nSx> [closed]")
}

func TestRingBound(t *testing.T) {
	sc := start(t, server.Options{}, "A")
	p := sc.alice.Principal()
	for i := range sb.MaxBoards {
		if _, err := sc.Boards.Invite(sc.cool, p); err != nil {
			t.Fatalf("ring %d: %v", i, err)
		}
	}
	if _, err := sc.Boards.Invite(sc.cool, p); err == nil {
		t.Error("a ring beyond the bound")
	}
}

// A board holds 32 people, those being rung included.
func TestPeopleBound(t *testing.T) {
	sc := start(t, server.Options{}, "AB")
	sc.r.Board("a", "A", "alice@example.net")
	for i := range sb.MaxPeople - 1 {
		f := sc.Backend.AddFriend(fmt.Sprintf("f%d@discord.com", i), "F")
		sc.r.Do(fmt.Sprintf("Ca> CAL 2 %s\nSa> CAL 2 RINGING *\nSa> JOI %s F", f.Self.Address, f.Self.Address))
	}
	sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> 713 2\nCa> CAL 2 bob@example.net\nSa> 713 2")
}

// The callee's client is gone by the time it is rung, or nobody comes at all, or
// the backend is broken.
func TestCalleeGone(t *testing.T) {
	sc := start(t, server.Options{}, "A")
	sc.r.Board("a", "A", "alice@example.net")
	call := func(f func() error, want string) {
		sc.Backend.Hook = func(method string) error {
			if method != "Call" {
				return nil
			}
			return f()
		}
		sc.r.Do("Ca> CAL 2 bob@example.net\nSa> " + want)
	}
	call(func() error { return nil }, "217 2") // Bob is out
	call(func() error { return errors.New("store") }, "[closed]")
}

// The answer of a callee that is faster than the caller's line: RINGING comes
// first all the same (msnp.md 23.11).
func TestRingingBeforeJoin(t *testing.T) {
	bubble(t, server.Options{}, "AB", func(t *testing.T, sc *scene) {
		sc.r.Board("a", "A", "alice@example.net")
		hold := make(chan struct{})
		sc.Backend.RingHook = func() { <-hold }
		sc.r.Do("Ca> CAL 2 bob@example.net\nSB> RNG {id} * CKI {k} alice@example.net Alice\nCb> ANS 1 bob@example.net {k} {id}")
		synctest.Wait()
		close(hold)
		sc.r.Do("Sa> CAL 2 RINGING {id}\nSa> JOI bob@example.net Bob%20Smith\nSb> IRO 1 1 1 alice@example.net Alice\nSb> ANS 1 OK")
	})
}

// Ring says that the callee's client went away in between.
func TestRingFails(t *testing.T) {
	sc := start(t, server.Options{}, "AB")
	sc.r.Board("a", "A", "alice@example.net")
	sc.Backend.RingHook = func() {}
	sc.Backend.RingFails = true
	sc.r.Do("Ca> CAL 2 bob@example.net\nSB> RNG {id} * CKI {k} alice@example.net Alice\nSa> 217 2\n" +
		"Cb> ANS 1 bob@example.net {k} {id}\nSb> 911 1\nSb> [closed]\nCa> CAL 3 bob@example.net\nSa> 217 3")
}

// Somebody who is off has a mailbox that comes in their place (msnp.md 26).
func TestMailbox(t *testing.T) {
	sc := start(t, server.Options{}, "A")
	sc.Backend.Mailbox = true
	bob := sc.Backend.Add("bob@example.net", "Bob Smith", "hunter22")
	sc.r.Board("a", "A", "alice@example.net")
	sc.r.Do("Ca> CAL 2 bob@example.net\nSa> CAL 2 RINGING *\nSa> JOI bob@example.net Bob%20Smith\n" +
		fmt.Sprintf("Ca> "+text70, "A") + "Sa> ACK 5\nCa> MSG 6 A 5\n    hello|\nSa> ACK 6")
	if kept := bob.Kept(); len(kept) != 1 || kept[0] != "hi there" {
		t.Errorf("kept %q", kept)
	}
}
