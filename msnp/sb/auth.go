package sb

import (
	"context"
	"strconv"
	"time"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// States of a switchboard connection.
const (
	stOutside server.State = 1 << iota // has not shown a cookie
	stInside
)

// link is one switchboard connection; it belongs to the connection's reader.
// who and me do not change once the board knows them.
type link struct {
	x     *Exchange
	c     *server.Conn
	state server.State
	who   server.Principal
	in    bool // counted by the exchange
	board *board
	me    *participant
	fails int // CALs refused in a row
}

// Service is the switchboard for server.Options.
func (x *Exchange) Service() server.Service {
	return server.Service{Name: "sb", First: []string{"USR", "ANS"}, Accept: x.accept}
}

func (x *Exchange) accept(c *server.Conn) server.Handler {
	c.SetDeadline(time.Now().Add(server.EntryTime))
	return &link{x: x, c: c, state: stOutside}
}

// commands of the switchboard; they are the same in all dialects (msnp.md 12).
var commands = server.Table[*link]{
	Early: stOutside,
	Commands: map[string]server.Command[*link]{
		"USR": {In: stOutside, Args: 2, Exact: true, Run: (*link).usr},
		"ANS": {In: stOutside, Args: 3, Exact: true, Run: (*link).ans},
		"CAL": {In: stInside, Args: 1, Exact: true, Run: (*link).cal},
		"MSG": {In: stInside, Args: 2, Exact: true, Pace: server.PaceMessage, Run: (*link).msg},
		"PNG": {In: stInside, Bare: true, Run: (*link).png},
		"OUT": {In: stOutside | stInside, Bare: true, Run: (*link).out},
	},
}

// Handle implements server.Handler.
func (l *link) Handle(ctx context.Context, cmd wire.Command) error {
	return commands.Do(ctx, l.c, l, l.state, l.who.Dialect, cmd)
}

// Payload implements server.Handler.
func (l *link) Payload(verb string, args []string) (int, bool, error) {
	n, ok, err := wire.FromClient(verb, args)
	if ok && l.state == stOutside {
		return 0, false, &wire.ProtocolError{Reason: "payload not allowed here"}
	}
	return n, ok, err
}

// Shutdown implements server.Handler: boards just close (msnp.md 16).
func (l *link) Shutdown() { l.c.End("shutdown") }

// End implements server.Handler.
func (l *link) End() {
	if l.in {
		l.x.exit(l)
	}
	if l.me != nil {
		l.board.leave(l.me)
	}
}

// usr lets the first party in, with the cookie of XFR.
func (l *link) usr(_ context.Context, cmd wire.Command) error {
	if _, err := l.admit(cmd.Args[1], cmd.Args[2], 0); err != nil {
		return err
	}
	b, err := l.x.newBoard()
	if err != nil {
		return wire.Fail(wire.ErrBoardFailed, err)
	}
	b.open(l)
	l.enter()
	l.c.Reply("USR", cmd.Args[0], "OK", l.me.person.Address, l.me.shown)
	return nil
}

// ans lets an invited party in, with the cookie and number of RNG.
func (l *link) ans(ctx context.Context, cmd wire.Command) error {
	id, err := strconv.ParseInt(cmd.Args[3], 10, 32)
	if err != nil || id <= 0 {
		return wire.Fail(wire.ErrAuthFailed, err)
	}
	ck, err := l.admit(cmd.Args[1], cmd.Args[2], int32(id))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, server.CallTime)
	defer cancel()
	select {
	case <-ck.ready:
	case <-ctx.Done():
	}
	if !ck.board.answer(l, ck, cmd.Args[0]) {
		return wire.Fail(wire.ErrAuthFailed, nil)
	}
	l.enter()
	return nil
}

func (l *link) admit(address, text string, id int32) (*cookie, error) {
	ck, err := l.x.admit(l, address, text, id)
	switch {
	case err == nil:
		l.in = true
		return ck, nil
	case ck != nil: // it was right, but the account has too many boards
		if ck.board != nil {
			ck.board.unring(ck)
		}
		return nil, wire.Fail(wire.ErrBoardFailed, err)
	}
	return nil, wire.Fail(wire.ErrAuthFailed, err)
}

// enter begins the time inside, after a board has taken the connection in.
func (l *link) enter() {
	l.state = stInside
	l.c.SignedIn()
	l.c.SetDeadline(time.Time{}) // the board's idle time ends it (msnp.md 12.4)
}

// png answers PNG as the notification server does (msnp.md 11.2).
func (l *link) png(context.Context, wire.Command) error {
	l.c.Reply("QNG")
	return nil
}

// out is the client's goodbye; the others get BYE.
func (l *link) out(context.Context, wire.Command) error { return server.ErrOut }
