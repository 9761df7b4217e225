package sb

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// Errors that the done of Deliver and Bring gets.
var (
	errNobody = errors.New("sb: nobody connected in the board")
	errEmpty  = errors.New("sb: empty message")
	errLong   = errors.New("sb: message too long")
	errAway   = errors.New("sb: whom the message is for is not in the board")
)

// receipt waits for every socket that one message goes to and then tells the
// writer of the message, once: of the first failure, or of success everywhere.
type receipt struct {
	left  atomic.Int32
	fired atomic.Bool

	// done is told, or the client that wrote with an acknowledgement letter.
	done func(error)
	c    *server.Conn
	ack  byte
	trid string
}

// Written implements server.Completion.
func (r *receipt) Written(err error) {
	if err == nil && r.left.Add(-1) > 0 {
		return
	}
	if !r.fired.CompareAndSwap(false, true) {
		return
	}
	if r.done != nil {
		r.done(err)
		return
	}
	acknowledge(r.c, r.ack, r.trid, err == nil)
}

// acknowledge sends what the letter asks for (msnp.md 12.3).
func acknowledge(c *server.Conn, ack byte, trid string, ok bool) {
	switch {
	case ok && (ack == wire.AckBoth || ack == wire.AckPosOnly):
		c.Push("ACK", trid)
	case !ok && (ack == wire.AckBoth || ack == wire.AckNegOnly):
		c.Push("NAK", trid)
	}
}

// msg answers MSG: the payload goes unchanged to everybody else. The
// acknowledgement tells the truth: a connection has it when it was written to
// the socket, a guest when it is stored.
func (l *link) msg(ctx context.Context, cmd wire.Command) error {
	trid, ack, payload := cmd.Args[0], cmd.Args[1][0], cmd.Payload
	b := l.board
	b.mu.Lock()
	b.touch()
	conns, guests := 0, []*participant(nil)
	for _, p := range b.people {
		switch {
		case p.link != nil && p != l.me:
			conns++
		case p.guest != nil:
			guests = append(guests, p)
		}
	}
	if conns+len(guests) == 0 || len(payload) == 0 {
		b.mu.Unlock()
		acknowledge(l.c, ack, trid, conns+len(guests) > 0)
		return nil
	}
	var r *receipt
	if ack != wire.AckNone {
		r = &receipt{c: l.c, ack: ack, trid: trid}
		r.left.Store(int32(conns + len(guests)))
	}
	var crowded *server.Conn
	if conns > 0 {
		crowded = b.send(l.me, l.me.person.Address, l.me.shown, payload, r, l.c)
	}
	b.mu.Unlock()
	if crowded != nil {
		l.c.Flush() // our own answers do not wait for somebody else's line
		crowded.AwaitRoom(ctx)
	}
	if len(guests) > 0 {
		l.c.Flush() // storing takes longer than anybody should wait
		l.toGuests(ctx, guests, payload, r)
	}
	return nil
}

// toGuests hands a message to those without a connection. Only the writer's own
// reader waits while it is stored.
func (l *link) toGuests(ctx context.Context, guests []*participant, payload []byte, r *receipt) {
	ctx, cancel := context.WithTimeout(ctx, server.CallTime)
	defer cancel()
	m := wire.ParseMessage(payload)
	for _, p := range guests {
		err := p.guest.Receive(ctx, l.board, l.me.person, m)
		if err != nil {
			l.c.Log().Debug("message refused by a guest", "account", l.me.person.Address, "err", err)
		}
		if r != nil {
			r.Written(err)
		}
	}
}

// send queues a message for everybody connected but one. It gives somebody, if
// there is one, whose line is full: the writer should wait for them before the
// next message. The caller holds mu and is by's reader; by is nil for those who
// have no connection of their own.
func (b *board) send(but *participant, address, shown string, payload []byte, r *receipt, by *server.Conn) (crowded *server.Conn) {
	var buf [512]byte
	head := messageHead(buf[:0], address, shown, len(payload))
	for _, p := range b.people {
		if p == but || p.link == nil {
			continue
		}
		if r == nil {
			_ = queue(by, p.link.c, head, payload, nil) // U: nobody wants to know
		} else if err := queue(by, p.link.c, head, payload, r); err != nil {
			b.x.later(func() { r.Written(err) }) // not under the lock: it calls out
		}
		if p.link.c.Crowded() {
			crowded = p.link.c
		}
	}
	return crowded
}

// queue hands a piece to a client's queue.
func queue(by, to *server.Conn, head, payload []byte, done server.Completion) error {
	if by == nil {
		return to.Send(head, payload, done)
	}
	return by.Relay(to, head, payload, done)
}

// messageHead is the line of a MSG to a client, with its CR LF.
func messageHead(dst []byte, address, shown string, n int) []byte {
	dst = wire.AppendLine(dst, "MSG", address, shown)
	dst = append(dst[:len(dst)-2], ' ')
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\r', '\n')
}

// Deliver implements server.Board.
func (b *board) Deliver(from server.Person, payload []byte, done func(error)) {
	err := sendable(payload)
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.connected()
	if n == 0 && err == nil {
		err = errNobody
	}
	if err != nil {
		// From a goroutine of its own: the caller may hold what done needs.
		b.x.later(func() { done(err) })
		return
	}
	r := &receipt{done: done}
	r.left.Store(int32(n))
	b.send(nil, from.Address, from.Shown(), payload, r, nil)
	b.touch()
}

// sendable tells why no client may get a payload.
func sendable(payload []byte) error {
	switch {
	case len(payload) == 0:
		return errEmpty // BitLBee logs out on a length of 0 (msnp.md 2.4)
	case len(payload) > wire.MaxPayload:
		return errLong
	}
	return nil
}

// Bring implements server.Board.
func (b *board) Bring(to string, from server.Person, payload []byte, done func(error)) {
	err := sendable(payload)
	b.mu.Lock()
	defer b.mu.Unlock()
	var whom *participant
	for _, p := range b.people {
		if p.link != nil && key(p.person.Address) == key(to) {
			whom = p
		}
	}
	if whom == nil && err == nil {
		err = errAway
	}
	if err == nil {
		var r server.Completion
		if done != nil {
			r = brought(done)
		}
		var buf [512]byte
		err = whom.link.c.Bring(messageHead(buf[:0], from.Address, from.Shown(), len(payload)), payload, r)
	}
	if err != nil {
		if done != nil {
			b.x.later(func() { done(err) }) // as in Deliver
		}
		return
	}
	b.send(whom, from.Address, from.Shown(), payload, nil, nil)
	b.touch()
}

// brought is the completion of a Bring.
type brought func(error)

// Written implements server.Completion.
func (f brought) Written(err error) { f(err) }

// Leave implements server.Board.
func (b *board) Leave(g server.Guest) {
	b.mu.Lock()
	var p *participant
	for _, o := range b.people {
		if o.link == nil && o.guest == g {
			p = o
		}
	}
	b.mu.Unlock()
	if p != nil {
		b.leave(p)
	}
}

// later runs f, which calls out, outside of any lock.
func (x *Exchange) later(f func()) { go x.safely(f) }
