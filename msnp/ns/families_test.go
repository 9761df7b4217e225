package ns_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// Groups, in both dialects that have them.
func TestGroups(t *testing.T) {
	s, _ := world(t, server.Options{})
	carol := s.Backend.Add("carol@example.net", "Carol M", "secret7")
	carol.List("dave@example.net", "Dave", wire.Forward)
	r := s.Runner(t)
	r.Vars["long61"], r.Vars["long62"] = strings.Repeat("g", 61), strings.Repeat("g", 62)
	r.SignIn("A", "MSNP7", "alice@example.net", "hunter22")
	r.Do("SA> ILN 4 NLN bob@example.net Bob%20Smith")
	r.SignIn("C", "MSNP8", "carol@example.net", "secret7")
	r.File("testdata/groups.txt")
}

// There are thirty groups and no more, and their numbers are used again.
func TestGroupNumbers(t *testing.T) {
	s, _ := world(t, server.Options{})
	r := s.Runner(t)
	r.SignIn("", "MSNP8", "alice@example.net", "hunter22")
	r.Do("S> ILN 4 NLN bob@example.net Bob%20Smith 0")
	for i := 1; i < 30; i++ {
		n := strconv.Itoa(i)
		r.Do("C> ADG " + n + " g" + n + " 0\nS> ADG " + n + " * g" + n + " " + n + " 0")
	}
	r.Do("C> ADG 30 more 0\nS> 223 30\nC> RMG 31 7\nS> RMG 31 * 7\nC> RMG 32 5\nS> RMG 32 * 5\n" +
		"C> ADG 33 more 0\nS> ADG 33 * more 5 0\nC> ADG 34 still 0\nS> ADG 34 * still 7 0\nC> ADG 35 none 0\nS> 223 35")
}

func TestPhones(t *testing.T) {
	s, alice := world(t, server.Options{})
	carol := s.Backend.Add("carol@example.net", "Carol M", "secret7")
	carol.Phones = []server.Phone{{Kind: server.PhoneMobile, Value: "555"}}
	carol.List("alice@example.net", "Alice", wire.Forward)
	r := s.Runner(t)
	r.SignIn("A", "MSNP5", "alice@example.net", "hunter22")
	r.Do("SA> ILN 4 NLN bob@example.net Bob%20Smith")
	alice.List("carol@example.net", "Carol M", wire.Forward)
	r.SignIn("C", "MSNP8", "carol@example.net", "secret7")
	r.Do("SC> ILN 4 NLN alice@example.net Alice 0\nSA> NLN NLN carol@example.net Carol%20M\n" +
		"CC> SYN 5 1\nSC> SYN 5 1\nCA> SYN 5 12\nSA> SYN 5 12")
	r.File("testdata/phones.txt")
}

// BPR goes to dialects that have it.
func TestPhoneNotices(t *testing.T) {
	for dialect, want := range map[string]string{
		"MSNP4": "", "MSNP5": "S> BPR 7 carol@example.net PHH 1%202\nS> BPR 8 carol@example.net PHH\n",
	} {
		s, alice := world(t, server.Options{})
		r := s.Runner(t)
		r.SignIn("", dialect, "alice@example.net", "hunter22")
		r.Do("S> ILN 4 NLN bob@example.net Bob%20Smith")
		alice.Notifier().Phone(6, carol.Address, server.Phone{Kind: server.PhoneHome, Value: "0"}) // before SYN
		r.Do("C> SYN 5 12\nS> SYN 5 12")
		alice.Notifier().Phone(7, carol.Address, server.Phone{Kind: server.PhoneHome, Value: "1 2"})
		alice.Notifier().Phone(8, carol.Address, server.Phone{Kind: server.PhoneHome})
		r.Do(want + "S> [quiet]")
	}
}

func TestSmallCommands(t *testing.T) {
	s, _ := world(t, server.Options{})
	r := s.Runner(t)
	r.SignIn("A", "MSNP7", "alice@example.net", "hunter22")
	r.Do("SA> ILN 4 NLN bob@example.net Bob%20Smith")
	r.File("testdata/small.txt")
}

func TestOldDialects(t *testing.T) {
	s, _ := world(t, server.Options{})
	s.Backend.Add("dora@example.net", "Dora", "secret7")
	s.Backend.Add("bea@example.net", "Bea", "secret7")
	r := s.Runner(t)
	r.SignIn("A", "MSNP3", "alice@example.net", "hunter22")
	r.Do("SA> ILN 4 NLN bob@example.net Bob%20Smith")
	r.SignIn("B", "MSNP2", "bea@example.net", "secret7")
	r.SignIn("D", "MSNP6", "dora@example.net", "secret7")
	r.File("testdata/early.txt")
}

type ctx = context.Context

// narrow is a backend whose sessions have neither groups nor phones.
type narrow struct{ *msnptest.Backend }

func (b narrow) Login(ctx ctx, c server.Client, m server.Method, a string) (server.Login, error) {
	l, err := b.Backend.Login(ctx, c, m, a)
	return narrowLogin{l}, err
}

type narrowLogin struct{ server.Login }

func (l narrowLogin) Verify(ctx ctx, response string, n server.Notifier) (server.Session, error) {
	s, err := l.Login.Verify(ctx, response, n)
	return struct{ server.Session }{s}, err
}

// What a session cannot do is answered 502.
func TestOptionalPowers(t *testing.T) {
	inner := msnptest.NewBackend()
	inner.Add("alice@example.net", "Alice", "hunter22")
	s, _ := world(t, server.Options{Backend: narrow{inner}})
	r := s.Runner(t)
	r.SignIn("", "MSNP7", "alice@example.net", "hunter22")
	for _, line := range []string{"ADG 5 Friends 0", "RMG 5 1", "REG 5 1 x 0", "PRP 5 PHH 1"} {
		r.Do("C> " + line + "\nS> 502 5")
	}
}

// official answers CHL as an official client does.
func official(challenge, key string) string {
	sum := md5.Sum([]byte(challenge + key))
	return hex.EncodeToString(sum[:])
}

// The proof of official clients, where the operator asks for it (msnp.md 11.1, 22).
func TestProof(t *testing.T) {
	if got := official("15570131571988941333", "Q1P7W2E4J9R8U3S5"); got != "8f2f5a91b72102cd28355e9fc9000d6e" {
		t.Fatalf("the test's own answer is %s", got)
	}
	const visible = "S> ILN 4 NLN bob@example.net Bob%20Smith\n"
	ask := func(t *testing.T, s *msnptest.Server, dialect string) *msnptest.Runner {
		r := s.Runner(t)
		r.SignIn("", dialect, "alice@example.net", "hunter22")
		return r
	}
	t.Run("answered", func(t *testing.T) {
		s, _ := world(t, server.Options{Challenge: true})
		r := ask(t, s, "MSNP6")
		r.Do(visible + "S> CHL 0 {chl}")
		if n := len(r.Vars["chl"]); n != 20 {
			t.Errorf("a challenge of %d digits", n)
		}
		r.Do("C> QRY 12 msmsgs@msnmsgr.com 32\n    " + official(r.Vars["chl"], "Q1P7W2E4J9R8U3S5") + "|\nS> QRY 12\n" +
			"C> CHG 13 BSY\nS> CHG 13 BSY\nS> [quiet]\n" + // once per session
			"C> CHL 14\nS> CHL 14 {again}")
		r.Do("C> QRY 15 PROD00504RLUG%WL 32\n    " + strings.ToUpper(official(r.Vars["again"], "I2EBK%PYNLZL5_J4")) + "|\nS> QRY 15\nS> [quiet]")
	})
	for name, line := range map[string]string{
		"wrong digest":   "C> QRY 12 msmsgs@msnmsgr.com 32\n    00000000000000000000000000000000|\n",
		"unknown client": "C> QRY 12 PROD9999 32\n    00000000000000000000000000000000|\n",
		"too long":       "C> QRY 12 msmsgs@msnmsgr.com 33\n    000000000000000000000000000000000|\n",
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := world(t, server.Options{Challenge: true})
			ask(t, s, "MSNP7").Do(visible + "S> CHL 0 *\n" + line + "S> 540 12\nS> [closed]")
		})
	}
	t.Run("not asked", func(t *testing.T) {
		s, _ := world(t, server.Options{Challenge: true})
		ask(t, s, "MSNP5").Do(visible + "S> [quiet]") // does not know it
		r := s.Runner(t)                              // a box
		r.Do(upToOK + "C> CVR 4 0x0409 webtv 2.8 MIPS msntvim 2.8 msntv\nS> CVR 4 2.8 2.8 2.8 * *\n" +
			"C> CHG 4 NLN\nS> CHG 4 NLN\n" + visible + "S> [quiet]\nC> CHL 5\nS> [quiet]")
	})
}

// Who does not answer a challenge is cut off; who did is not.
func TestProofTime(t *testing.T) {
	const visible = upToOK + "C> CHG 4 HDN\nS> CHG 4 HDN\nS> ILN 4 NLN bob@example.net Bob%20Smith\nS> CHL 0 {chl}\n"
	bubble(t, server.Options{Challenge: true}, func(t *testing.T, _ *msnptest.Server, r *msnptest.Runner) {
		r.Do(visible)
		lasts(t, r, 100*time.Second)
	})
	bubble(t, server.Options{Challenge: true}, func(t *testing.T, _ *msnptest.Server, r *msnptest.Runner) {
		r.Do(visible)
		r.Do("C> QRY 5 msmsgs@msnmsgr.com 32\n    " + official(r.Vars["chl"], "Q1P7W2E4J9R8U3S5") + "|\nS> QRY 5")
		wait(t, time.Hour)
		r.Do("S> [quiet]")
	})
}
