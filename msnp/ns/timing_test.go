package ns_test

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
)

// bubble runs f on a clock of its own.
func bubble(t *testing.T, o server.Options, f func(t *testing.T, s *msnptest.Server, r *msnptest.Runner)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ln := msnptest.NewPipe()
		o.InfoURL = "http://gateway.example.net/"
		s := msnptest.StartOn(t, o, ln)
		people(s)
		f(t, s, msnptest.NewRunnerOn(t, func() (net.Conn, error) { return ln.Dial("192.0.2.10:1863") }))
	})
}

// lasts asserts after how long the server closes.
func lasts(t *testing.T, r *msnptest.Runner, want time.Duration) {
	t.Helper()
	start := time.Now()
	r.Patience = want + time.Minute
	r.Do("S> [closed]")
	if got := time.Since(start); got != want {
		t.Errorf("closed after %v, want %v", got, want)
	}
}

const (
	upToChallenge = "C> VER 1 MSNP6\nS> VER 1 MSNP6\nC> USR 2 MD5 I alice@example.net\nS> USR 2 MD5 S 1726321960.104729\n"
	upToOK        = upToChallenge + "C> USR 3 MD5 S 1c2bd3b5837ea132b7befba304a26e43\n" +
		"S> USR 3 OK alice@example.net Alice 1\nS> MSG Hotmail Hotmail 333\n    *\n"
)

// How long a connection may be silent in each state (msnp.md 3).
func TestTimeouts(t *testing.T) {
	tests := []struct {
		name, script string
		want         time.Duration
	}{
		{"S0", "C> \"\"", server.VersionTime},
		{"S1", "C> VER 1 MSNP6\nS> VER 1 MSNP6", server.VersionTime},
		{"S2", upToChallenge, server.ChallengeTime},
		{"S3", upToOK, server.StatusTime},
		{"S3 half a command", upToOK + `C> "SYN 4"`, server.CommandTime},
		{"S4 half a command", upToOK + "C> CHG 4 HDN\nS> CHG 4 HDN\nS> ILN 4 NLN bob@example.net Bob%20Smith\n" +
			`C> "QRY 5 msmsgs@msnmsgr.com 32\r\nabc"`, server.CommandTime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, server.Options{}, func(t *testing.T, _ *msnptest.Server, r *msnptest.Runner) {
				r.Do(tt.script)
				lasts(t, r, tt.want)
			})
		})
	}
}

// The time of S0 and S1 is one: talking does not make it longer.
func TestVersionTimeIsTotal(t *testing.T) {
	bubble(t, server.Options{}, func(t *testing.T, _ *msnptest.Server, r *msnptest.Runner) {
		r.Do("C> VER 1 MSNP6\nS> VER 1 MSNP6")
		wait(t, server.VersionTime-time.Second)
		r.Do("C> INF 2\nS> INF 2 MD5")
		lasts(t, r, time.Second)
	})
}

// A box that never says anything after its CHG stays; one in S3 stays as long as
// it speaks now and then.
func TestIdleBoxStays(t *testing.T) {
	bubble(t, server.Options{}, func(t *testing.T, _ *msnptest.Server, r *msnptest.Runner) {
		r.Do(upToOK)
		for range 3 {
			wait(t, server.StatusTime-time.Second)
			r.Do("S> [quiet]")
		}
		r.Do("C> CHG 4 HDN\nS> CHG 4 HDN\nS> ILN 4 NLN bob@example.net Bob%20Smith")
		wait(t, 72*time.Hour)
		r.Do("S> [quiet]")
	})
}

// wait lets time pass in a bubble.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	<-time.After(d)
}

// The profile has exactly the bytes of msnp.md 6; an IPv6 client gets no colons.
func TestProfileBytes(t *testing.T) {
	const rest = `    MIME-Version: 1.0
    Content-Type: text/x-msmsgsprofile; charset=UTF-8
    LoginTime: 1726321960
    EmailEnabled: 0
    MemberIdHigh: 0
    MemberIdLow: 4242
    lang_preference: 1033
    preferredEmail: alice@example.net
    country: US
    PostalCode:~
    Gender:~
    Kid: 0
    Age:~
    BDayPre:~
    Birthday:~
    Wallet:~
    Flags: 1027
    sid: 507
    kv: 1
    MSPAuth: 0
    ClientIP: IP
    ClientPort: PORT
    (empty)
`
	tests := []struct{ from, ip, port, length string }{
		{"192.0.2.10:1863", "192.0.2.10", "18183", "374"},
		{"[2001:db8::1]:1863", "0.0.0.0", "0", "367"},
		{"[::ffff:192.0.2.10]:1863", "192.0.2.10", "18183", "374"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			ln := msnptest.NewPipe()
			s := msnptest.StartOn(t, server.Options{}, ln)
			people(s)
			r := msnptest.NewRunnerOn(t, func() (net.Conn, error) { return ln.Dial(tt.from) })
			r.Do("C> VER 1 MSNP8\nS> VER 1 MSNP8\nC> USR 2 TWN I alice@example.net\nS> USR 2 TWN S *\n" +
				"C> USR 3 TWN S t=hunter22&p=\nS> USR 3 OK alice@example.net Alice 1 0\nS> MSG Hotmail Hotmail " + tt.length + "\n" +
				strings.NewReplacer("~", " ", "IP: IP", "IP: "+tt.ip, "PORT", tt.port).Replace(rest))
		})
	}
}

// Five wrong answers cost nothing, the sixth comes late; another address is not
// held responsible (msnp.md 15).
func TestGuessingIsSlow(t *testing.T) {
	bubble(t, server.Options{}, func(t *testing.T, _ *msnptest.Server, r *msnptest.Runner) {
		guess := func(address string) time.Duration {
			start := time.Now()
			r.Do("C> VER 1 MSNP6\nS> VER 1 MSNP6\nC> USR 2 MD5 I " + address + "\nS> USR 2 MD5 S *\n" +
				"C> USR 3 MD5 S 00000000000000000000000000000000\nS> 911 3\nS> [closed]")
			return time.Since(start)
		}
		for i := range 7 {
			want := time.Duration(0)
			if i >= 5 {
				want = 3 * time.Second
			}
			if got := guess("alice@example.net"); got != want {
				t.Errorf("guess %d took %v, want %v", i+1, got, want)
			}
		}
		if got := guess("bob@example.net"); got != 0 {
			t.Errorf("guess at another account took %v", got)
		}
		wait(t, 5*time.Minute)
		if got := guess("alice@example.net"); got != 0 {
			t.Errorf("guess five minutes later took %v", got)
		}
	})
}

// Own renames are limited, those of contacts are not (msnp.md 9.3).
func TestRenameLimit(t *testing.T) {
	bubble(t, server.Options{Limits: server.Limits{Queue: 1 << 20}},
		func(t *testing.T, _ *msnptest.Server, r *msnptest.Runner) {
			r.Do(upToOK)
			for range 5 {
				r.Do("C> REA 9 alice@example.net Al\nS> REA 9 * alice@example.net Al")
			}
			r.Do("C> REA 9 alice@example.net Al\nS> 800 9")
			start := time.Now()
			for range 100 {
				r.Do("C> REA 9 bob@example.net Bob\nS> REA 9 * bob@example.net Bob")
			}
			if d := time.Since(start); d != 0 {
				t.Errorf("renaming contacts was delayed by %v", d)
			}
			wait(t, time.Minute)
			r.Do("C> REA 9 alice@example.net Al\nS> REA 9 * alice@example.net Al\nC> REA 9 alice@example.net Al\nS> 800 9")
		})
}

// Beyond the burst commands are answered at the rate of the limit, and all of
// them are answered (msnp.md 15).
func TestCommandRate(t *testing.T) {
	bubble(t, server.Options{Limits: server.Limits{Queue: 1 << 20}},
		func(t *testing.T, _ *msnptest.Server, r *msnptest.Runner) {
			r.Do(upToOK + "C> CHG 4 HDN\nS> CHG 4 HDN\nS> ILN 4 NLN bob@example.net Bob%20Smith\n")
			wait(t, time.Hour)
			start := time.Now()
			for range 30 {
				r.Do("C> PNG\nS> QNG")
			}
			if got, want := time.Since(start), 10*time.Second/5; got != want {
				t.Errorf("30 commands took %v, want %v", got, want)
			}
		})
}
