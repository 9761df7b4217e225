package client

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"sync"
	"testing"

	"wtvgate/msnp/wire"
)

var (
	bob     = Person{"bob@example.net", "Bob Smith"}
	carol   = Person{"carol@example.net", "Carol M"}
	coolcat = Person{"coolcat@discord.com", "coolcat"}
)

func TestViewer25(t *testing.T) { // msnp.md 19.1
	ctx := testContext(t)
	s := playFile(t, "msnp3.txt")
	c, err := SignIn(ctx, s.addr, alice(wire.MSNP3, wire.MSNP2))
	if err != nil {
		t.Fatal(err)
	}
	if c.Dialect() != wire.MSNP3 || c.Self() != (Person{"alice@example.net", "Alice"}) {
		t.Errorf("%v, %v", c.Dialect(), c.Self())
	}
	r, err := c.Sync(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := Roster{Version: 12, Privacy: "AL", Prompt: "A",
		Contacts: []Contact{{Person: bob, Lists: 11}, {Person: coolcat, Lists: 3}}}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("roster %+v", r)
	}
	if err := c.SetStatus(ctx, wire.Online); err != nil {
		t.Error(err)
	}
	if err := c.SetInvitations(ctx, true); err != nil {
		t.Error(err)
	}
	if r, err := c.Sync(ctx, 12); err != nil || !reflect.DeepEqual(r, Roster{Version: 12, Same: true}) {
		t.Errorf("roster %+v, %v", r, err)
	}
	if p := must[Profile](t, ctx, c.Events()); len(p.Raw) != 333 || p.Header("preferredEmail") != "alice@example.net" {
		t.Errorf("profile %q", p.Raw)
	}
	if p := must[Presence](t, ctx, c.Events()); p != (Presence{Person: bob, Status: wire.Online, Initial: true}) {
		t.Errorf("presence %+v", p)
	}
	c.Close()
	if e := must[Closed](t, ctx, c.Events()); e.Err != nil {
		t.Errorf("closed: %v", e.Err)
	}
	if _, more := <-c.Events(); more {
		t.Error("events after Closed")
	}
	s.finish(t)
}

func TestFirmware28(t *testing.T) { // msnp.md 19.2
	ctx := testContext(t)
	s := playFile(t, "msnp6.txt")
	o := alice(wire.MSNP6, wire.MSNP5, wire.MSNP4)
	o.CVR = BoxCVR()
	c, err := SignIn(ctx, s.addr, o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Sync(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := Roster{Version: 12, Privacy: "AL", Prompt: "A", Phones: map[string]string{"MOB": "N", "MBE": "N"},
		Contacts: []Contact{{Person: bob, Lists: 11, Phones: map[string]string{"PHH": "1 (222) 333 4444"}}}}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("roster %+v", r)
	}
	if err := c.SetStatus(ctx, wire.Online); err != nil {
		t.Error(err)
	}
	must[Profile](t, ctx, c.Events())
	if p := must[Presence](t, ctx, c.Events()); p.Status != wire.Away || !p.Initial {
		t.Errorf("presence %+v", p)
	}
	c.Close()
	s.finish(t)
}

// The last firmware's session: sign-in, being added, a conversation each way,
// and the second sign-in that ends it (msnp.md 19.3 to 19.7).
func TestLastFirmware(t *testing.T) {
	ctx := testContext(t)
	s := playFile(t, "msnp8.txt")
	var lines trace
	o := alice()
	o.CVR = BoxCVR()
	o.Trace = lines.add
	o.Credential = func(_ context.Context, challenge string) (string, error) {
		if challenge != "ct=1726321960,rver=1,wp=FS_40SEC_0_COMPACT,lc=1033,id=507" {
			t.Errorf("challenge %q", challenge)
		}
		return "t=Zk3x9Qm2&p=\r\n", nil
	}
	c, err := SignIn(ctx, s.addr, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Sync(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := Roster{Version: 12, Privacy: "AL", Prompt: "A", Groups: []Group{{0, "Other Contacts"}}, Contacts: []Contact{
		{Person: bob, Lists: 11, Groups: []int{0}}, {Person: coolcat, Lists: 3, Groups: []int{0}},
		{Person: Person{"mallory@example.org", "mallory@example.org"}, Lists: 4}}}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("roster %+v", r)
	}
	if m, ok := r.Find("Mallory@Example.ORG"); !ok || !m.Lists.Has(wire.Block) {
		t.Errorf("mallory %+v", m)
	}
	if _, ok := r.Find("nobody@example.org"); ok {
		t.Error("nobody is found")
	}
	if err := errors.Join(c.SetStatus(ctx, wire.Online), c.SetInvitations(ctx, true)); err != nil {
		t.Fatal(err)
	}
	ev := c.Events()
	must[Profile](t, ctx, ev)
	for _, want := range []Event{
		Presence{Person: bob, Status: wire.Online, ClientID: "0", Initial: true},
		Presence{Person: bob, Status: wire.Away, ClientID: "0"},
		Presence{Person: Person{"bob@example.net", "Bobby"}, Status: wire.Away, ClientID: "0"},
		Presence{Person: Person{Address: "bob@example.net"}, Status: wire.Offline},
		Added{Person: carol, List: wire.Reverse, Version: 13},
	} {
		if got := next(t, ctx, ev); got != want {
			t.Errorf("event %+v, want %+v", got, want)
		}
	}
	befriend(t, ctx, c)
	conversation(t, ctx, c)
	ring := must[Ringing](t, ctx, ev)
	if ring.Session != 11752014 || ring.From != coolcat || ring.Host != s.addr {
		t.Errorf("ringing %+v", ring)
	}
	answered(t, ctx, c, ring)
	if k := must[Kicked](t, ctx, ev); k.Reason != "OTH" {
		t.Errorf("kicked %+v", k)
	}
	if e := must[Closed](t, ctx, ev); e.Err != io.EOF {
		t.Errorf("closed: %v", e.Err)
	}
	s.finish(t)
	if _, err := c.Sync(ctx, 0); !errors.Is(err, io.EOF) {
		t.Errorf("asking a connection that ended: %v", err)
	}
	lines.check(t, "C VER 0 MSNP8 CVR0", "S USR 3 OK alice@example.net Alice 1 0", "C MSG 3 N 122", "S OUT OTH")
}

func befriend(t *testing.T, ctx context.Context, c *Client) { // 19.4
	t.Helper()
	self := Person{"carol@example.net", "carol@example.net"}
	if ch, err := c.Add(ctx, wire.Allow, "carol@example.net", "", -1); err != nil || ch != (Change{14, self, -1}) {
		t.Errorf("ADD AL: %+v, %v", ch, err)
	}
	if ch, err := c.Add(ctx, wire.Forward, "carol@example.net", "", -1); err != nil || ch != (Change{15, self, -1}) {
		t.Errorf("ADD FL: %+v, %v", ch, err)
	}
	if p := must[Presence](t, ctx, c.Events()); p.Person != carol || !p.Initial {
		t.Errorf("presence %+v", p)
	}
	if _, err := c.Remove(ctx, wire.Block, "carol@example.net", -1); code(err) != wire.ErrNotOnList {
		t.Errorf("REM BL: %v", err)
	}
	if _, err := c.Add(ctx, wire.Allow, "carol@example.net", "", -1); code(err) != wire.ErrAlreadyThere {
		t.Errorf("ADD AL again: %v", err)
	}
}

func conversation(t *testing.T, ctx context.Context, c *Client) { // 19.5
	t.Helper()
	b, err := c.OpenBoard(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.Call(ctx, "bob@example.net"); n != 11752013 || err != nil {
		t.Errorf("CAL: %d, %v", n, err)
	}
	if j := must[Joined](t, ctx, b.Events()); j != (Joined{Person: bob}) || !reflect.DeepEqual(b.Inside(), []Person{bob}) {
		t.Errorf("joined %+v, inside %v", j, b.Inside())
	}
	hello := "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nX-MMS-IM-Format: FN=Arial; EF=; CO=0; CS=0; PF=22\r\n\r\nHello Bob"
	if err := b.SendRaw(ctx, []byte(hello), wire.AckNegOnly); err != nil {
		t.Error(err)
	}
	if m := must[Message](t, ctx, b.Events()); m.From != bob || m.Kind() != wire.KindTyping {
		t.Errorf("message %+v", m)
	}
	if m := must[Message](t, ctx, b.Events()); m.From != bob || m.Text() != "hi there" {
		t.Errorf("message %+v", m)
	}
	if err := b.Leave(ctx); err != nil {
		t.Error(err)
	}
	if e := must[Closed](t, ctx, b.Events()); e.Err != nil {
		t.Errorf("closed: %v", e.Err)
	}
}

func answered(t *testing.T, ctx context.Context, c *Client, ring Ringing) { // 19.6
	t.Helper()
	b, err := c.Answer(ctx, ring)
	if err != nil {
		t.Fatal(err)
	}
	if j := must[Joined](t, ctx, b.Events()); j != (Joined{Person: coolcat, Initial: true}) {
		t.Errorf("joined %+v", j)
	}
	if m := must[Message](t, ctx, b.Events()); m.Text() != "are you there?" || len(m.Raw) != 126 {
		t.Errorf("message %+v", m)
	}
	if err := b.Say(ctx, "hi there", wire.AckBoth); err != nil {
		t.Error(err)
	}
	if l := must[Left](t, ctx, b.Events()); l != (Left{"coolcat@discord.com", true}) || len(b.Inside()) != 0 {
		t.Errorf("left %+v, inside %v", l, b.Inside())
	}
	if e := must[Closed](t, ctx, b.Events()); e.Err != io.EOF {
		t.Errorf("closed: %v", e.Err)
	}
	b.Close()
}

// code is the number of a refusal, 0 for all else.
func code(err error) int {
	var e *wire.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// trace keeps the lines of a session.
type trace struct {
	mu    sync.Mutex
	lines map[string]int
}

func (tr *trace) add(dir byte, line string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.lines == nil {
		tr.lines = map[string]int{}
	}
	tr.lines[string(dir)+" "+line]++
}

func (tr *trace) check(t *testing.T, want ...string) {
	t.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, w := range want {
		if tr.lines[w] != 1 {
			t.Errorf("%q traced %d times", w, tr.lines[w])
		}
	}
}

func TestSignInFails(t *testing.T) {
	const until = "NS C: [connected]\nNS C: VER 0 MSNP7 CVR0\n"
	const challenged = until + "NS S: VER 0 MSNP7 CVR0\nNS C: INF 1\nNS S: INF 1 MD5\nNS C: USR 2 MD5 I alice@example.net\nNS S: USR 2 MD5 S 1726321960.104729\n"
	const proved = challenged + "NS C: USR 3 MD5 S 1c2bd3b5837ea132b7befba304a26e43\n"
	for _, tt := range []struct {
		name, script, step string
		code               int
		is                 error
	}{
		{"nothing in common", until + "NS S: VER 0 0\nNS S: [closed]", "VER", 0, ErrNoDialect},
		{"not offered", until + "NS S: VER 0 MSNP6\nNS C: [closed]", "VER", 0, nil},
		{"closed at once", until + "NS S: [closed]", "VER", 0, io.EOF},
		{"refused at INF", until + "NS S: VER 0 MSNP7\nNS C: INF 1\nNS S: 600 1\nNS S: [closed]", "INF", 600, nil},
		{"bad address", until + "NS S: VER 0 MSNP7\nNS C: INF 1\nNS S: INF 1 MD5\nNS C: USR 2 MD5 I alice@example.net\nNS S: 911 2\nNS S: [closed]", "USR I", 911, nil},
		{"no challenge", until + "NS S: VER 0 MSNP7\nNS C: INF 1\nNS S: INF 1 MD5\nNS C: USR 2 MD5 I alice@example.net\nNS S: USR 2 TWN S x\nNS C: [closed]", "USR I", 0, nil},
		{"wrong password", proved + "NS S: 911 3\nNS S: [closed]", "USR S", 911, nil},
		{"fields missing", proved + "NS S: USR 3 OK alice@example.net Alice\nNS C: [closed]", "USR S", 0, nil},
		{"not a command", proved + "NS S: what is this\nNS C: [closed]", "USR S", 0, nil},
		{"closed at CVR", proved + "NS S: USR 3 OK alice@example.net Alice 1\nNS C: CVR 4 0x0409 webtv 2.8 MIPS msntvim 2.8 msntv\nNS S: 731 4\nNS S: [closed]", "CVR", 731, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(t, tt.script)
			o := alice(wire.MSNP7)
			o.CVR = BoxCVR()
			_, err := SignIn(testContext(t), s.addr, o)
			var se *SignInError
			if !errors.As(err, &se) || se.Step != tt.step || code(err) != tt.code || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v", err)
			}
			s.finish(t)
		})
	}
	t.Run("words", func(t *testing.T) {
		err := at("USR S", wire.Refuse(911))
		if err.Error() != "client: sign-in at USR S: msnp: error 911" {
			t.Errorf("%q", err)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		o := alice()
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrClosedPipe }
		_, err := SignIn(testContext(t), "gateway.example.net", o)
		var se *SignInError
		if !errors.As(err, &se) || se.Step != "connect" || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("options", func(t *testing.T) {
		if _, err := SignIn(testContext(t), "x:1", Options{Address: "a@b.c"}); err == nil {
			t.Error("signs in without a credential")
		}
	})
	t.Run("credential", func(t *testing.T) {
		s := play(t, challenged+"NS C: [closed]")
		o := alice(wire.MSNP7)
		o.Credential = func(context.Context, string) (string, error) { return "", io.ErrNoProgress }
		_, err := SignIn(testContext(t), s.addr, o)
		var se *SignInError
		if !errors.As(err, &se) || se.Step != "credential" || !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("error %v", err)
		}
		s.finish(t)
	})
	// What a box sends when its service answers junk (msnp.md 4.4).
	t.Run("junk", func(t *testing.T) {
		s := play(t, challenged+"NS C: USR 3 MD5 S 200: OK\nNS S: 911 3\nNS S: [closed]")
		o := alice(wire.MSNP7)
		o.Credential = Ticket("200: OK\n")
		if _, err := SignIn(testContext(t), s.addr, o); code(err) != 911 {
			t.Errorf("error %v", err)
		}
		s.finish(t)
	})
}

func TestRedirect(t *testing.T) {
	const ask = "C: [connected]\nA C: VER 0 MSNP7 CVR0\nA S: VER 0 MSNP7\nA C: INF 1\nA S: INF 1 MD5\nA C: USR 2 MD5 I alice@example.net\n"
	const moved = "A " + ask + "A S: XFR 2 NS HOST 0 HOST\nA C: [closed]\n"
	s := play(t, moved+"A "+ask+"A S: USR 2 MD5 S 1726321960.104729\nA C: USR 3 MD5 S 1c2bd3b5837ea132b7befba304a26e43\nA S: USR 3 OK alice@example.net Alice 1\nA C: [closed]")
	c, err := SignIn(testContext(t), s.addr, alice(wire.MSNP7))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	s.finish(t)

	s = play(t, moved+moved+moved+moved)
	if _, err := SignIn(testContext(t), s.addr, alice(wire.MSNP7)); err == nil {
		t.Error("follows without end")
	}
	s.finish(t)
}
