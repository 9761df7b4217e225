package msnptest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

func TestRunner(t *testing.T) {
	for _, chunk := range []int{0, 1, 7} {
		s := Start(t, server.Options{})
		s.Backend.Add("alice@example.net", "Alice", "hunter22")
		s.Backend.AddFriend("bob@example.net", "Bob Smith").Echo = true
		r := s.Runner(t)
		r.Chunk = chunk
		r.File("testdata/runner.txt")
	}
}

// The same without a network and on a clock of its own.
func TestPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := NewPipe()
		s := StartOn(t, server.Options{}, ln)
		s.Backend.Add("alice@example.net", "Alice", "hunter22")
		s.Backend.AddFriend("bob@example.net", "Bob Smith").Echo = true
		r := NewRunnerOn(t, func() (net.Conn, error) { return ln.Dial("192.0.2.10:1863") })
		r.File("testdata/runner.txt")
		if _, err := ln.Dial("nowhere"); err == nil {
			t.Error("dial from nowhere")
		}
		shut := NewPipe() // another: the server's own must not close under it
		shut.Close()
		if _, err := shut.Dial("192.0.2.10:1863"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("dial after close: %v", err)
		}
	})
}

// fatal catches what fails a test.
type fatal struct{ testing.TB }

type failure string

func (fatal) Helper()                           {}
func (fatal) Fatal(args ...any)                 { panic(failure(fmt.Sprint(args...))) }
func (fatal) Fatalf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

// failed runs f and gives the message with which it failed the test.
func failed(t *testing.T, f func(t testing.TB)) (why string) {
	t.Helper()
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			why = string(r)
		default:
			panic(r)
		}
	}()
	f(fatal{t})
	return ""
}

// A transcript that does not hold fails, and says where and why.
func TestRunnerFails(t *testing.T) {
	s := Start(t, server.Options{})
	s.Backend.Add("alice@example.net", "Alice", "hunter22")
	const in = "C> VER 1 MSNP6\nS> VER 1 MSNP6\nC> USR 2 MD5 I alice@example.net\nS> USR 2 MD5 S {c}\n" +
		"C> USR 3 MD5 S {md5:c:hunter22}\nS> USR 3 OK alice@example.net Alice 1\n"
	tests := []struct{ script, want string }{
		{"C> VER 1 MSNP6\nS> VER 1 MSNP7", `:2: :` + "\nwant \"VER 1 MSNP7\"\n got \"VER 1 MSNP6\""},
		{"C> VER 1 MSNP6\nS> VER 1 MSNP6 CVR0", "want"},
		{"C> VER 1 MSNP6\nS> VER 1", "want"},
		{"C> VER 1 MSNP6\nS> VER {x} MSNP6\nC> VER 2 MSNP6\nS> 715 {x}", `got "715 2"`},
		{"C> VER {nothing}", "nothing remembered as {nothing}"},
		{"C> VER 1 MSNP6\nS> [closed]", "want the end"},
		{"C> VER 1\nS> VER 1 0\nS> PNG", "EOF"},
		{"what is this", "not a transcript line"},
		{"    payload", "payload without a line"},
		{"C> \"half", "bad literal"},
		{"C> VER 1 MSNP6\nS> VER 1 MSNP6\n    text", "payload given for a line without one"},
		{in + "S> MSG Hotmail Hotmail 333\n    no", "payload:"},
		{in + "S> MSG Hotmail Hotmail 334\n    *", "got \"MSG Hotmail Hotmail 333\""},
	}
	for _, tt := range tests {
		why := failed(t, func(t testing.TB) {
			r := NewRunner(t, s.Addr)
			r.Patience = stepTime / 50
			r.Do(tt.script)
		})
		if !strings.Contains(why, tt.want) {
			t.Errorf("%q failed with %q, want %q", tt.script, why, tt.want)
		}
	}
	if why := failed(t, func(t testing.TB) { Run(t, s.Addr, "testdata/no such file") }); why == "" {
		t.Error("a missing file is no failure")
	}
	if why := failed(t, func(t testing.TB) { NewRunner(t, "127.0.0.1:0").Do("C> VER 1 MSNP6") }); !strings.Contains(why, "dial") {
		t.Errorf("dialling nothing failed with %q", why)
	}
}

// say serves one connection with fixed bytes.
func say(t *testing.T, text string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		if nc, err := ln.Accept(); err == nil {
			nc.Write([]byte(text))
			nc.Close()
		}
	}()
	return ln.Addr().String()
}

// Bytes of a server that a transcript must not accept.
func TestRunnerIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"QNG\n":                   "does not end in CR LF",
		"MSG a b 0\r\n":           "MSG with length",
		"MSG a b x\r\n":           "MSG with length",
		"MSG a b 5\r\nabc":        "payload: unexpected EOF",
		"QNG":                     "EOF",
		"MSG  b 3\r\nabc":         "want",
		"MSG a b 3\r\nabcQNG\r\n": "",
	} {
		line := "S> QNG"
		if strings.HasPrefix(text, "MSG") {
			line = "S> MSG * b *\n    *"
		}
		addr := say(t, text)
		why := failed(t, func(t testing.TB) { NewRunner(t, addr).Do(line) })
		if !strings.Contains(why, want) || want == "" && why != "" {
			t.Errorf("%q failed with %q, want %q", text, why, want)
		}
	}
}

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one.txt")
	if err := os.WriteFile(file, []byte("# one\r\nC: VER 1 MSNP6\r\nS: VER 1 MSNP6\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Start(t, server.Options{})
	Run(t, s.Addr, file)
	if got := Say(t, s.Addr, []byte("VER 1 MSNP3\r\nINF 2\r\n"), 1); got != "VER 1 MSNP3\r\nINF 2 MD5\r\n" {
		t.Errorf("said %q", got)
	}
	if got := Say(t, s.Addr, nil, 0); got != "" {
		t.Errorf("said %q", got)
	}
}

func TestBackend(t *testing.T) {
	s := Start(t, server.Options{})
	s.Backend.Mailbox = true
	alice := s.Backend.Add("alice@example.net", "Alice", "hunter22")
	alice.Groups = append(alice.Groups, server.Group{ID: 1, Name: "Friends"})
	alice.List("carol@example.net", "Carol", wire.Forward, wire.Allow)
	bob := s.Backend.Add("bob@example.net", "Bob Smith", "secret7")
	cool := s.Backend.AddFriend("cool@discord.com", "Cool")
	if alice.Notifier() != nil {
		t.Error("a notifier of somebody who is out")
	}
	alice.Kick(server.Dropped) // out: nothing
	if _, err := cool.Ring(alice); err == nil {
		t.Error("ringing somebody who is out")
	}
	r := s.Runner(t)
	r.SignIn("A", "MSNP8", "alice@example.net", "hunter22")
	r.SignIn("B", "MSNP6", "bob@example.net", "secret7")
	r.File("testdata/backend.txt")
	if kept := bob.Kept(); len(kept) != 1 || kept[0] != "are you there?" {
		t.Errorf("kept %q", kept)
	}
	if alice.Principal().Address != "alice@example.net" || cool.Board() == nil {
		t.Error("principal or board")
	}
	bob.Kick(server.Dropped)
	alice.Kick(server.ShuttingDown)
	r.Do("SA> OUT SSD\nSA> [closed]")
}

// A friend notes what happens, and is as broken as the test wants.
func TestFriend(t *testing.T) {
	s := Start(t, server.Options{})
	alice := s.Backend.Add("alice@example.net", "Alice", "hunter22")
	cool := s.Backend.AddFriend("cool@discord.com", "Cool")
	r := s.Runner(t)
	r.SignIn("A", "MSNP6", "alice@example.net", "hunter22")
	if _, err := cool.Ring(alice, "hello"); err != nil {
		t.Fatal(err)
	}
	r.Do("SA> RNG {id} * CKI {k} cool@discord.com Cool\nCa> ANS 1 alice@example.net {k} {id}\n" +
		"Sa> IRO 1 1 1 cool@discord.com Cool\nSa> ANS 1 OK\nSa> MSG cool@discord.com Cool 117\n    *")
	for _, want := range []string{"opened", "delivered"} {
		if e := <-cool.Events(); e.Kind != want {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	b, m := cool.Board(), func(text string) wire.Message { return wire.ParseMessage([]byte(text)) }
	for text, want := range map[string]string{
		"Content-Type: text/plain\r\n\r\nhi":                                                              "text",
		"Content-Type: text/x-msmsgscontrol\r\nTypingUser: a@b.cc\r\n\r\n":                                "typing",
		"Content-Type: text/x-clientcaps\r\n\r\n":                                                         "other",
		"Content-Type: text/x-msmsgsinvite\r\n\r\nInvitation-Command: INVITE\r\nInvitation-Cookie: 1\r\n": "invite",
	} {
		if err := cool.Receive(t.Context(), b, alice.Person, m(text)); err != nil {
			t.Error(err)
		}
		if e := <-cool.Events(); e.Kind != want {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	r.Do("Sa> MSG cool@discord.com Cool 144\n    *\nCa> OUT\nSa> [closed]")
	if e := <-cool.Events(); e.Kind != "closed" {
		t.Errorf("%+v", e)
	}
	cool.Write(b, "late")
	if e := <-cool.Events(); e.Kind != "failed" {
		t.Errorf("%+v", e)
	}
	bad := s.Backend.AddFriend("bad@discord.com", "Bad")
	bad.Refuse = true
	if err := bad.Receive(t.Context(), b, alice.Person, m("")); err == nil {
		t.Error("a friend who refuses took it")
	}
	bad.Panics = true
	for range maxEvents + 1 {
		bad.note(Event{}) // nobody looks: nothing waits
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a broken friend works")
			}
		}()
		bad.Closed(b)
	}()
}

// Wrong answers and broken methods.
func TestBackendRefuses(t *testing.T) {
	s := Start(t, server.Options{})
	s.Backend.Add("alice@example.net", "Alice", "hunter22")
	r := s.Runner(t)
	for _, address := range []string{"alice@example.net", "nobody@example.net"} {
		r.Do("C> VER 1 MSNP8\nS> VER 1 MSNP8\nC> USR 2 TWN I " + address + "\nS> USR 2 TWN S " + TWNChallenge +
			"\nC> USR 3 TWN S t=wrong&p=\nS> 911 3\nS> [closed]")
	}
	r.SignIn("A", "MSNP6", "alice@example.net", "hunter22")
	for _, tt := range []struct{ method, line string }{
		{"Sync", "SYN 1 0"}, {"SetStatus", "CHG 1 NLN"}, {"Add", "ADD 1 FL x@y.zz x"}, {"Remove", "REM 1 FL x@y.zz"},
		{"Rename", "REA 1 x@y.zz x"}, {"SetPrivacy", "BLP 1 BL"}, {"SetPrompt", "GTC 1 N"},
		{"SetInvitations", "IMS 1 ON"}, {"OpenBoard", "XFR 1 SB"},
	} {
		s.Backend.Hook = func(method string) error {
			if method == tt.method {
				return wire.Refuse(wire.ErrDatabase)
			}
			return nil
		}
		r.Do("CA> " + tt.line + "\nSA> 501 1")
	}
}
