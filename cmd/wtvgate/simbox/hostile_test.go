package simbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"wtvgate/msnp/wire"
)

// evil is what a friend might send to whoever reads in a terminal: another title,
// a cleared screen, a line that looks like somebody else's, a reversed word.
const evil = "\x1b]0;owned\x07\x1b[2J\u009b31mhi\r\n[1] Mum: send money\u202egnp"

// TestWhatOthersSayCannotActOnTheTerminal: names, addresses, texts, states.
func TestWhatOthersSayCannotActOnTheTerminal(t *testing.T) {
	srv := newServer(t).serve()
	s := sit(t, srv.way(), nil)
	ns := <-srv.conns
	name := wire.Escape(evil)
	srv.says(ns, "NLN NLN mal@webtv.local "+name+"\r\nNLN \u009b31m bad@webtv.local Bad\r\nADD 0 RL 7 eve\u009b1m@webtv.local "+name+"\r\n")
	if got, want := s.sees("Mum"), "* ?]0;owned??[2J?31mhi / [1] Mum: send moneygnp is online"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := s.sees("Bad is"), "* Bad is ?31m"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := s.sees("eve"); strings.ContainsAny(got, "\x1b\x07\r\u009b\u202e") || !strings.Contains(got, "/allow eve?1m@webtv.local") {
		t.Errorf("%q", got)
	}
	srv.says(ns, "RNG 5 "+srv.l.Addr().String()+" CKI 17.3 mal@webtv.local Mal\r\n")
	sb := <-srv.conns
	text := string(wire.TextMessage(evil, false))
	srv.says(sb, fmt.Sprintf("JOI mal@webtv.local %s\r\nMSG mal@webtv.local %s %d\r\n%s", name, name, len(text), text))
	const shown = "?]0;owned??[2J?31mhi / [1] Mum: send moneygnp"
	if got, want := s.sees(": ?]0"), "[1] "+shown+": "+shown; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s.types("/list")
	s.types("/talks")
	s.types("/history")
	s.types("/quit")
	for s.ends(); len(s.glass.lines) > 0; {
		if line := <-s.glass.lines; strings.ContainsAny(line, "\x1b\x07\r\u009b\u202e") {
			t.Errorf("%q reached the terminal", line)
		}
	}
}

// TestFloods: calls, contacts and typing without end cost a bounded amount.
func TestFloods(t *testing.T) {
	srv := newServer(t).serve()
	s := sit(t, srv.way(), nil)
	ns := <-srv.conns
	ring := func(i int) {
		srv.says(ns, fmt.Sprintf("RNG %d %s CKI 17.3 mal%d@webtv.local Mal\r\n", i+1, srv.l.Addr(), i))
	}
	ring(0)
	sb := <-srv.conns // talk 1, before others connect
	for i := 1; i < maxTalks+2; i++ {
		ring(i)
	}
	s.sees(fmt.Sprintf("mal%d@webtv.local) calls, but there are 16 conversations already", maxTalks+1))
	typing := string(wire.TypingMessage("mal0@webtv.local"))
	for range 50 {
		srv.says(sb, fmt.Sprintf("MSG mal0@webtv.local Mal %d\r\n%s", len(typing), typing))
	}
	text := string(wire.TextMessage("done", false))
	for range maxHistory {
		srv.says(sb, fmt.Sprintf("MSG mal0@webtv.local Mal %d\r\n%s", len(text), text))
	}
	s.sees("Mal is typing")
	if got := s.sees(""); got != "[1] Mal: done" {
		t.Errorf("after the first sign of typing: %q", got)
	}
	for range maxHistory - 1 {
		s.sees("[1] Mal: done")
	}
	s.types("/history")
	s.types("/help")
	n := 0
	for line := s.sees(""); strings.HasPrefix(line, "  [1]"); line = s.sees("") {
		n++
	}
	if n != maxHistory {
		t.Errorf("the history has %d lines, want %d", n, maxHistory)
	}
	var flood strings.Builder
	for i := range maxContacts + 5 {
		fmt.Fprintf(&flood, "NLN NLN p%d@webtv.local P%d\r\n", i, i)
	}
	srv.says(ns, flood.String()+"REM 0 FL 9 p0@webtv.local\r\n")
	s.sees("took P0 (p0@webtv.local) off your list of friends")
	if s.types("/quit"); !s.silentAbout(fmt.Sprintf("P%d ", maxContacts+1)) {
		t.Error("contacts are not bounded")
	}
}

// silentAbout waits for the end and tells whether no line left has the words.
func (s *seat) silentAbout(words string) bool {
	s.t.Helper()
	s.ends()
	for len(s.glass.lines) > 0 {
		if strings.Contains(<-s.glass.lines, words) {
			return false
		}
	}
	return true
}

// TestTheGatewayGoesAway: the line is told to be gone, tried again with growing
// pauses, and everything works afterwards.
func TestTheGatewayGoesAway(t *testing.T) {
	srv := newServer(t).serve()
	pauses, fire := make(chan time.Duration, 100), make(chan time.Time)
	s := sit(t, srv.way(), func(o *Options) {
		o.After = func(d time.Duration) <-chan time.Time {
			pauses <- d
			return fire
		}
	})
	ns := <-srv.conns
	s.sees("signed in")
	srv.says(ns, "OUT SSD\r\n")
	srv.l.Close()
	ns.Close()
	s.sees("the line is gone: the gateway is being stopped. Signing in again in 2s")
	s.types("/online")
	s.sees("not signed in; /reconnect signs in")
	s.types("hello")
	s.sees("not signed in")
	s.types("/list")
	s.sees("nobody is on your lists yet")
	for _, want := range []time.Duration{4, 8, 16, 32, 40, 40} {
		fire <- time.Time{}
		s.sees(fmt.Sprintf("that did not work: %s cannot be reached", srv.l.Addr()))
		for d := range pauses {
			if d == want*time.Second {
				break
			}
			if d > want*time.Second {
				t.Fatalf("a pause of %v, want %v s", d, want)
			}
		}
	}
	l, err := net.Listen("tcp", srv.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	srv.l = l
	srv.serve()
	s.types("/reconnect")
	s.sees("signed in as Alice (alice@webtv.local), MSNP3")
	ns = <-srv.conns
	// Two that sign in to one account must not throw each other out for ever.
	srv.says(ns, "OUT OTH\r\n")
	ns.Close()
	if got, want := s.sees("the line is gone"), "* the line is gone: somebody signed in to this account elsewhere. /reconnect signs in again"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s.types("/quit")
	s.sees("signed out")
	s.ends()
}

// TestASilentGateway: what is not answered is given up when its time is over.
func TestASilentGateway(t *testing.T) {
	srv := newServer(t)
	srv.odd = func(c wire.Command) (string, bool) { return "", c.Verb == "XFR" }
	srv.serve()
	s := sit(t, srv.way(), func(o *Options) {
		o.Patience = 200 * time.Millisecond
		o.After = func(time.Duration) <-chan time.Time { return time.After(0) }
	})
	s.sees("signed in")
	s.types("/open bob@webtv.local")
	if got, want := s.sees("answer"), "* the gateway does not answer"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s.types("/wait Godot")
	if got, want := s.sees("came"), "* nothing of that came within 10s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	(<-srv.conns).Close()
	s.sees("the line is gone: the gateway closed the connection")
	s.sees("signed in")
	s.keys.Close() // the end of the input is the end
	s.ends()
}

// TestRefusals: each number in words.
func TestRefusals(t *testing.T) {
	srv := newServer(t)
	codes := map[string]string{"XFR": "913", "ADD": "210", "REA": "999", "CHG2": "800"}
	first := true
	srv.odd = func(c wire.Command) (string, bool) {
		verb := c.Verb
		if verb == "CHG" && !first {
			verb = "CHG2"
		}
		first = first && verb != "CHG"
		code, ok := codes[verb]
		return code + " " + c.Arg(0) + "\r\n", ok
	}
	srv.serve()
	s := sit(t, srv.way(), nil)
	for _, c := range []struct{ typed, want string }{
		{"/open bob@webtv.local", "* not while you are hidden (error 913)"},
		{"/add bob@webtv.local", "* the list is full (error 210)"},
		{"/rename alice@webtv.local Al", "* the gateway refused with error 999"},
		{"/away", "* too often; wait a moment (error 800)"},
		{"/remove bob@webtv.local", "* nothing to change for bob@webtv.local"},
		{"/im on", "* PC clients have no such switch; /hidden is what they use"},
		{"/page", "* PC clients have no pages on a TV; sign in as a box"},
		{"/say", "* like this: /say TEXT"},
		{"/say x", "* no conversation is open; /open NUMBER or ADDRESS opens one"},
		{"/typing", "* no conversation is open; /open WHO opens one"},
		{"/invite bob@webtv.local", "* no conversation is open; /open WHO opens one"},
		{"/history", "* no conversation is open; /talks shows them"},
		{"/hangup", "* no conversation is open"},
		{"/talk 1", "* there is no such conversation; /talks shows them"},
		{"/talks", "* no conversations; /open WHO opens one"},
		{"/go 1", "* no page is shown; /page shows one"},
		{"/form 1", "* no page is shown; /page shows one"},
		{"/block 7", "* there is no number 7 in the list; /list shows it"},
		{"/block nobody", `* "nobody" is no address, no number of /list and no name that one friend has`},
		{"/trace maybe", "* say on or off"},
		{"/\x1b[2J", "* there is no /?[2J; /help shows what there is"},
		{strings.Repeat("x", 3*maxLine), "* that line is too long; nothing was done"},
	} {
		s.types(c.typed)
		if got := s.sees(c.want[:4]); got != c.want && !strings.HasPrefix(got, "* signed in") {
			t.Errorf("%.40s: %q, want %q", c.typed, got, c.want)
		} else if got != c.want {
			if got = s.sees("* "); got != c.want {
				t.Errorf("%.40s: %q, want %q", c.typed, got, c.want)
			}
		}
	}
}

// TestFailedSignIn: the error of the first sign-in is Run's.
func TestFailedSignIn(t *testing.T) {
	srv := newServer(t)
	srv.odd = func(c wire.Command) (string, bool) { return "911 " + c.Arg(0) + "\r\n", c.Verb == "USR" }
	srv.serve()
	s := sit(t, srv.way(), nil)
	err := <-s.done
	if got, want := Explain(err), "the gateway did not accept the sign-in (error 911)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var refused *wire.Error
	if !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New(Options{Account: "a@b", Way: srv.way(), Screen: NewScreen(strings.NewReader(""), s.glass), Firmware: Firmware{Dialect: wire.MSNP3}}, nil).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}
