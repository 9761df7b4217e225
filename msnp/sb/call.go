package sb

import (
	"context"
	"errors"
	"strconv"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// maxFailedCalls in a row are answered as what they are, further ones with 713:
// so did the live service (msnp.md 12.2).
const maxFailedCalls = 5

// cal answers CAL: somebody is asked into the board (msnp.md 12.2).
func (l *link) cal(ctx context.Context, cmd wire.Command) error {
	err := l.call(ctx, cmd)
	var refusal *wire.Error
	if err == nil {
		l.fails = 0
		return nil
	}
	if !errors.As(err, &refusal) || refusal.Code == wire.ErrAlreadyThere {
		return err
	}
	if l.fails++; l.fails > maxFailedCalls {
		return wire.Refuse(wire.ErrTooActive)
	}
	return err
}

func (l *link) call(ctx context.Context, cmd wire.Command) error {
	address, ok := server.ParseAddress(cmd.Args[1])
	if !ok {
		return wire.Refuse(wire.ErrBadAddress)
	}
	if err := l.board.callable(address); err != nil {
		return err
	}
	if l.who.Session == nil {
		return wire.Refuse(wire.ErrNotOnline)
	}
	ctx, cancel := context.WithTimeout(ctx, server.CallTime)
	defer cancel()
	callee, err := l.who.Session.Call(ctx, address)
	switch {
	case err != nil:
		return err
	case callee.Guest != nil:
		return l.board.seat(l, callee.Guest, cmd.Args[0])
	case callee.Ring != nil:
		return l.board.call(l, callee, cmd.Args[0])
	}
	return wire.Refuse(wire.ErrNotOnline)
}

// callable tells why somebody can not be called now: in the board already,
// rung a moment ago, or one too many.
func (b *board) callable(address string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refusal(address)
}

// refusal is callable for who holds mu.
func (b *board) refusal(address string) error {
	if b.dead {
		return server.Quit("board has ended")
	}
	if b.inside(address) {
		return wire.Refuse(wire.ErrAlreadyThere)
	}
	for _, ck := range b.rings {
		if ck.to == key(address) && b.x.now().Sub(ck.rung) < ringAgain {
			return wire.Refuse(wire.ErrAlreadyThere)
		}
	}
	if len(b.people)+len(b.rings) >= MaxPeople {
		return wire.Refuse(wire.ErrTooActive)
	}
	return nil
}

// seat lets a guest in at once: RINGING first, then JOI, because BitLBee sends
// its queued text on JOI (msnp.md 12.2).
func (b *board) seat(l *link, g server.Guest, trid string) error {
	p := newParticipant(g.Person(), nil, g)
	b.mu.Lock()
	if err := b.refusal(p.person.Address); err != nil {
		b.mu.Unlock()
		return err
	}
	l.c.Reply("CAL", trid, "RINGING", strconv.Itoa(int(b.id)))
	b.tell(nil, "JOI", p.person.Address, p.shown)
	var present []server.Person
	for _, o := range b.people {
		if o.link != nil {
			present = append(present, o.person)
		}
	}
	b.people = append(b.people, p)
	b.touch()
	b.rearm()
	b.mu.Unlock()
	for _, who := range present {
		b.x.safely(func() { g.Opened(b, who) })
	}
	return nil
}

// call rings somebody's own client.
func (b *board) call(l *link, callee server.Callee, trid string) error {
	ck, err := b.x.ring(b, server.Principal{Person: callee.Person})
	if err != nil {
		return wire.Refuse(wire.ErrTooActive)
	}
	// Whatever happens: nobody waits for this line longer than it takes.
	defer close(ck.ready)
	if err := b.ringing(ck); err != nil {
		return err
	}
	if !callee.Ring(server.Ring{Session: b.id, Cookie: ck.text, From: l.me.person}) {
		b.x.void([]*cookie{ck})
		b.unring(ck)
		return wire.Refuse(wire.ErrNotOnline)
	}
	l.c.Reply("CAL", trid, "RINGING", strconv.Itoa(int(b.id)))
	return nil
}
