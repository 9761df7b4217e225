package server_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// toy is a service of one command of each kind.
type toy struct {
	c     *server.Conn
	state server.State
	ended func()
}

const (
	out server.State = 1 << iota
	in
)

var toys = server.Table[*toy]{
	Early: out,
	Commands: map[string]server.Command[*toy]{
		"HEY": {In: out | in, Run: func(h *toy, _ context.Context, cmd wire.Command) error {
			h.c.Reply("HEY", cmd.Args[0])
			return nil
		}},
		"INN": {In: out, Run: func(h *toy, _ context.Context, cmd wire.Command) error {
			h.state = in
			h.c.SignedIn()
			h.c.SetDeadline(time.Time{})
			h.c.ReplyBytes([]byte("INN " + cmd.Args[0] + "\r\n"))
			return nil
		}, Else: func(server.State) error { return wire.Refuse(wire.ErrSignedIn) }},
		"TWO": {In: in, Args: 2, Run: func(*toy, context.Context, wire.Command) error { return nil }},
		"ONE": {In: in, Args: 1, Exact: true, Run: func(*toy, context.Context, wire.Command) error { return nil }},
		"NEW": {In: in, From: wire.MSNP5, To: wire.MSNP6, Run: func(*toy, context.Context, wire.Command) error { return nil }},
		"ERR": {In: in, Args: 1, Run: func(_ *toy, _ context.Context, cmd wire.Command) error {
			var code int
			fmt.Sscan(cmd.Args[1], &code)
			return wire.Refuse(code)
		}},
		"BIG": {In: in, Run: func(h *toy, _ context.Context, _ wire.Command) error {
			h.c.ReplyBytes([]byte(strings.Repeat("x", 100000) + "\r\n"))
			return nil
		}},
		"HNG": {In: in, Run: func(_ *toy, ctx context.Context, _ wire.Command) error {
			<-ctx.Done()
			return ctx.Err()
		}},
		"BYE": {In: out | in, Bare: true, Run: func(h *toy, _ context.Context, _ wire.Command) error {
			h.c.Push("OUT", "BYE")
			h.c.End("said bye")
			h.c.End("twice")
			return nil
		}},
		"PAN": {In: in, Run: func(*toy, context.Context, wire.Command) error { panic("broken") }},
		"DEP": {In: in, Run: func(h *toy, _ context.Context, cmd wire.Command) error {
			return h.c.Deep(func() error { h.c.Reply("DEP", cmd.Args[0]); return nil })
		}},
		"SET": {In: in, Run: func(h *toy, _ context.Context, cmd wire.Command) error {
			h.c.Settle()
			h.c.Reply("SET", cmd.Args[0])
			return nil
		}},
		"DPA": {In: in, Run: func(h *toy, _ context.Context, _ wire.Command) error {
			return h.c.Deep(func() error { panic("broken far down") })
		}},
	},
}

func (h *toy) Handle(ctx context.Context, cmd wire.Command) error {
	return toys.Do(ctx, h.c, h, h.state, wire.MSNP4, cmd)
}
func (h *toy) Payload(verb string, args []string) (int, bool, error) {
	return wire.FromClient(verb, args)
}
func (h *toy) Shutdown() { h.c.End("shutdown") }
func (h *toy) End()      { h.ended() }

// serve starts toys on ln.
func serve(t *testing.T, o server.Options, ln net.Listener) (*server.Server, *atomic.Int32) {
	t.Helper()
	ended := new(atomic.Int32)
	o.Services = []server.Service{{Name: "toy", First: []string{"HEY", "INN", "PAN", "BYE"},
		Accept: func(c *server.Conn) server.Handler {
			return &toy{c: c, state: out, ended: func() { ended.Add(1) }}
		}}}
	s := server.New(o)
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s, ended
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func run(t *testing.T, o server.Options) (*server.Server, *msnptest.Runner) {
	t.Helper()
	ln := listen(t)
	s, _ := serve(t, o, ln)
	return s, msnptest.NewRunner(t, ln.Addr().String())
}

// What the table answers on its own (msnp.md 2.2, 3).
func TestTable(t *testing.T) {
	_, r := run(t, server.Options{Limits: msnptest.Unlimited})
	r.Do(`C> HEY 4294967295
S> HEY 4294967295
C> INN 007
S> INN 007
C> INN 2
S> 207 2
C> TWO 1 2 3 4
C> NEW 3
S> 502 3
C> XYZ 4 5
S> 502 4
C> XYZ
C> XYZ 4294967296
C> ERR 5 216
S> 216 5
C> ERR 0 1
S> 001 0
C> HEY 6
S> HEY 6`)
	for _, line := range []string{"HEY", "HEY x", "HEY -1", "TWO 1 2", "ONE 1", "ONE 1 2 3", "PAN 1", "hey 1", "NO1 1", "123 4"} {
		r.Do("C2> INN 1\nS2> INN 1\nC2> " + line + "\nS2> [closed]")
	}
	for _, line := range []string{"TWO 1 2 3", "XYZ 1", "NEW 1"} {
		r.Do("C2> HEY 1\nS2> HEY 1\nC2> " + line + "\nS2> [closed]")
	}
	for _, line := range []string{"OUT", "TWO 1", "GET / HTTP/1.1"} {
		r.Do("C3> " + line + "\nS3> [closed]")
	}
}

// What runs on a stack of its own answers as all else does, and its panic ends
// its connection alone.
func TestDeep(t *testing.T) {
	_, r := run(t, server.Options{Limits: msnptest.Unlimited})
	r.Do(`C> INN 1
S> INN 1
C> DEP 2
S> DEP 2
C2> INN 1
S2> INN 1
C2> DPA 2
S2> [closed]
C> DEP 3
S> DEP 3`)
}

// Settling changes the goroutine and nothing else, also with more commands in the
// same piece.
func TestSettle(t *testing.T) {
	s, r := run(t, server.Options{Limits: msnptest.Unlimited})
	r.Do(`C> INN 1
S> INN 1
C> SET 2
S> SET 2
C> HEY 3
S> HEY 3
C> SET 4
C> HEY 5
C> SET 6
S> SET 4
S> HEY 5
S> SET 6
C> BYE
S> OUT BYE
S> [closed]`)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("connections are left: %v", err)
	}
}

// A stranger may send so many commands and not more; a client that signed in is
// not counted.
func TestEarlyLimit(t *testing.T) {
	_, r := run(t, server.Options{Limits: server.Limits{Early: 3, Commands: server.Rate{Burst: -1}}})
	r.Do("C> HEY 1\nC> HEY 2\nC> HEY 3\nC> HEY 4\nS> HEY 1\nS> HEY 2\nS> HEY 3\nS> [closed]")
	r.Do("C> INN 1\nS> INN 1")
	for range 10 {
		r.Do("C> HEY 1\nS> HEY 1")
	}
}

// Refusals count as abuse, but never the three that boxes cause all day.
func TestErrorLimit(t *testing.T) {
	_, r := run(t, server.Options{Limits: server.Limits{
		Errors: server.Rate{Burst: 2, Every: time.Hour}, Commands: server.Rate{Burst: -1},
	}})
	r.Do("C> INN 1\nS> INN 1")
	for range 10 {
		r.Do("C> ERR 1 215\nS> 215 1\nC> ERR 1 216\nS> 216 1\nC> ERR 1 218\nS> 218 1")
	}
	r.Do("C> ERR 1 201\nS> 201 1\nC> ERR 1 201\nS> 201 1\nC> ERR 1 201\nS> 201 1\nS> [closed]")
}

// Connections beyond the limits are closed, with one log line for many.
func TestConnectionLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		ln := msnptest.NewPipe()
		s, _ := serve(t, server.Options{Logger: log.logger(), Limits: server.Limits{Connections: 5, PerAddress: 2}}, ln)
		from := "192.0.2.10:1000"
		r := msnptest.NewRunnerOn(t, func() (net.Conn, error) { return ln.Dial(from) })
		r.Do("C1> INN 1\nS1> INN 1\nC2> INN 1\nS2> INN 1")
		for range 20 {
			r.Do("C3> \"\"\nS3> [closed]")
		}
		if n := strings.Count(log.String(), "connection refused"); n != 1 {
			t.Errorf("%d log lines:\n%s", n, log.String())
		}
		from = "127.0.0.1:1000" // loopback: proxies and tests
		r.Do("C3> INN 1\nS3> INN 1\nC4> INN 1\nS4> INN 1\nC5> INN 1\nS5> INN 1\nC6> \"\"\nS6> [closed]")
		if st := s.Stats(); st.Connections != 5 || st.Accepted != 5 || st.Refused != 21 {
			t.Errorf("%+v", st)
		}
		r.Do("C1> [close]")
		from = "192.0.2.10:1000"
		synctest.Wait()
		r.Do("C1> INN 1\nS1> INN 1")
	})
}

// Commands that nobody knows are counted by name, for so many names.
func TestUnknownAreCounted(t *testing.T) {
	s, r := run(t, server.Options{Limits: msnptest.Unlimited})
	r.Do("C> INN 1\nS> INN 1\nC> ZZZ 1\nS> 502 1\nC> ZZZ 2\nS> 502 2\nC> YYY 3\nS> 502 3")
	got := s.Stats().Unknown
	if got["ZZZ"] != 2 || got["YYY"] != 1 {
		t.Errorf("%v", got)
	}
	for i := range 300 {
		r.Do(fmt.Sprintf("C> A%c%c 1\nS> 502 1", 'A'+i%26, 'A'+i/26))
	}
	if got := s.Stats().Unknown; len(got) != 129 || got["*"] == 0 {
		t.Errorf("%d names, %d others", len(got), got["*"])
	}
}
