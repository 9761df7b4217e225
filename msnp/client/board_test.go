package client

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"wtvgate/msnp/wire"
)

// signIn7 is a sign-in at MSNP7; the next TrID is 4.
const signIn7 = `NS C: [connected]
NS C: VER 0 MSNP7 CVR0
NS S: VER 0 MSNP7 CVR0
NS C: INF 1
NS S: INF 1 MD5
NS C: USR 2 MD5 I alice@example.net
NS S: USR 2 MD5 S 1726321960.104729
NS C: USR 3 MD5 S 1c2bd3b5837ea132b7befba304a26e43
NS S: USR 3 OK alice@example.net Alice 1
`

// opened is a switchboard with bob in it; the next TrID there is 3.
const opened = signIn7 + `NS C: XFR 4 SB
NS S: XFR 4 SB 192.0.2.1 CKI 1.2.3
SB C: [connected]
SB C: USR 1 alice@example.net 1.2.3
SB S: USR 1 OK alice@example.net Alice
SB C: CAL 2 bob@example.net
SB S: CAL 2 RINGING 11752013
SB S: JOI bob@example.net Bob%20Smith
`

func signIn7Client(t *testing.T, ctx context.Context, script string) (*script, *Client) {
	t.Helper()
	s := play(t, script)
	o := alice(wire.MSNP7)
	o.BoardAddress = s.addr
	c, err := SignIn(ctx, s.addr, o)
	if err != nil {
		t.Fatal(err, <-s.done)
	}
	t.Cleanup(func() { c.Close() })
	return s, c
}

func openedBoard(t *testing.T, ctx context.Context, script string) (*script, *Board) {
	t.Helper()
	s, c := signIn7Client(t, ctx, opened+script)
	b, err := c.OpenBoard(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if _, err := b.Call(ctx, "bob@example.net"); err != nil {
		t.Fatal(err)
	}
	must[Joined](t, ctx, b.Events())
	return s, b
}

func TestBoard(t *testing.T) {
	ctx := testContext(t)
	s, b := openedBoard(t, ctx, `SB C: CAL 3 ghost@example.net
SB S: 217 3
SB C: CAL 4 carol@example.net
SB S: CAL 4 RINGING letters
SB C: MSG 5 A 70
SB C: | MIME-Version: 1.0
SB C: | Content-Type: text/plain; charset=UTF-8
SB C: | 
SB C: | hi there
SB S: NAK 5
SB C: MSG 6 N 70
SB C: | MIME-Version: 1.0
SB C: | Content-Type: text/plain; charset=UTF-8
SB C: | 
SB C: | hi there
SB S: NAK 6
SB C: MSG 7 U 90
SB C: | MIME-Version: 1.0
SB C: | Content-Type: text/x-msmsgscontrol
SB C: | TypingUser: alice@example.net
SB C: | 
SB C: | 
SB C: | 
SB C: MSG 8 N 148
SB C: | MIME-Version: 1.0
SB C: | Content-Type: text/x-msmsgsinvite; charset=UTF-8
SB C: | 
SB C: | Invitation-Command: CANCEL
SB C: | Invitation-Cookie: 33267
SB C: | Cancel-Code: REJECT
SB C: | 
SB C: | 
SB C: MSG 9 S 1
SB C: | x
SB S: ACK 9
SB C: PNG
SB S: QNG
SB C: MSG 10 n 0
SB C: |`+" "+`
SB C: PNG
SB C: ZZZ 11 what
SB S: QNG
SB S: 502 11
SB S: BYE bob@example.net
SB S: NLN
SB C: [closed]`)
	if _, err := b.Call(ctx, "ghost@example.net"); code(err) != wire.ErrNotOnline {
		t.Errorf("CAL: %v", err)
	}
	if _, err := b.Call(ctx, "carol@example.net"); err == nil || code(err) != 0 {
		t.Errorf("CAL with a session of letters: %v", err)
	}
	if err := b.Say(ctx, "hi there", wire.AckBoth); err != ErrNotDelivered {
		t.Errorf("NAK: %v", err)
	}
	if err := b.Say(ctx, "hi there", wire.AckNegOnly); err != nil {
		t.Errorf("N: %v", err)
	}
	if u := must[Undelivered](t, ctx, b.Events()); u.TrID != "6" {
		t.Errorf("undelivered %+v", u)
	}
	if err := errors.Join(b.Typing(ctx), b.Decline(ctx, "33267"), b.SendRaw(ctx, []byte("x"), wire.AckPosOnly), b.Ping(ctx)); err != nil {
		t.Error(err)
	}
	if err := b.Say(ctx, strings.Repeat("x", 1603), wire.AckNone); err != ErrTooLong {
		t.Errorf("too long: %v", err)
	}
	if err := errors.Join(b.SendRaw(ctx, nil, 'n'), b.Raw(ctx, []byte("PNG\r\n"))); err != nil {
		t.Error(err)
	}
	if _, err := b.Send(ctx, "ZZZ", "what"); code(err) != wire.ErrDisabled {
		t.Errorf("ZZZ: %v", err)
	}
	if o := must[Other](t, ctx, b.Events()); o.Verb != "QNG" {
		t.Errorf("other %+v", o)
	}
	if l := must[Left](t, ctx, b.Events()); l != (Left{Address: "bob@example.net"}) || len(b.Inside()) != 0 {
		t.Errorf("left %+v, inside %v", l, b.Inside())
	}
	must[Other](t, ctx, b.Events())
	b.Close()
	s.finish(t)
	if err := b.Say(ctx, "gone", wire.AckNone); !errors.Is(err, ErrClosed) {
		t.Errorf("saying on a closed board: %v", err)
	}
}

func TestBoardRefused(t *testing.T) {
	ctx := testContext(t)
	s, c := signIn7Client(t, ctx, signIn7+`NS C: XFR 4 SB
NS S: XFR 4 SB 192.0.2.1:1863 CKI 1.2.3
SB C: [connected]
SB C: USR 1 alice@example.net 1.2.3
SB S: 911 1
SB S: [closed]
SC C: [connected]
SC C: ANS 1 alice@example.net 4.5.6 7
SC S: 911 1
SC S: [closed]
SD C: [connected]
SD C: ANS 1 alice@example.net 4.5.6 7
SD S: ANS 1 NO
SD C: [closed]
NS C: XFR 5 SB
NS S: XFR 5 SB 192.0.2.1:1863 CKI 1.2.3
SE C: [connected]
SE C: USR 1 alice@example.net 1.2.3
SE S: USR 1 NO
SE C: [closed]`)
	if _, err := c.OpenBoard(ctx); code(err) != wire.ErrAuthFailed {
		t.Errorf("USR: %v", err)
	}
	if _, err := c.Answer(ctx, Ringing{Session: 7, Cookie: "4.5.6"}); code(err) != wire.ErrAuthFailed {
		t.Errorf("ANS: %v", err)
	}
	if _, err := c.Answer(ctx, Ringing{Session: 7, Cookie: "4.5.6"}); err == nil || code(err) != 0 {
		t.Errorf("ANS: %v", err)
	}
	if _, err := c.OpenBoard(ctx); err == nil || code(err) != 0 {
		t.Errorf("USR: %v", err)
	}
	s.finish(t)
	c.o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrClosedPipe }
	if _, err := c.Answer(ctx, Ringing{Host: "x"}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("nobody there: %v", err)
	}
}
