package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"wtvgate/msnp/wire"
)

// Board is one switchboard connection.
type Board struct {
	self string
	link *link

	mu     sync.Mutex
	inside []Person
}

func (c *Client) dialBoard(ctx context.Context, host string) (*Board, error) {
	conn, err := c.o.dial(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("client: connecting to the switchboard: %w", err)
	}
	b := &Board{self: c.Self().Address}
	b.link = newLink(conn, 1, boardEvents, &c.o, b.read)
	return b, nil
}

// read turns a line into an event and keeps the list of who is inside; called
// by the link's reader alone.
func (b *Board) read(cmd wire.Command) Event {
	e := boardEvent(cmd)
	switch e := e.(type) {
	case Joined:
		b.join(e.Person)
	case Left:
		b.mu.Lock()
		b.inside = slices.DeleteFunc(b.inside, func(p Person) bool { return sameAddress(p.Address, e.Address) })
		b.mu.Unlock()
	}
	return e
}

func (b *Board) join(p Person) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inside = append(b.inside, p)
}

// answer is ANS: IRO lines for who is inside, then OK.
func (b *Board) answer(ctx context.Context, address string, r Ringing) error {
	call := &call{verbs: []string{"ANS"}, take: func(cmd wire.Command) (bool, error) {
		if cmd.Arg(1) != "OK" {
			return false, malformed(cmd)
		}
		return true, nil
	}}
	return b.link.ask(ctx, call, "ANS", address, r.Cookie, strconv.FormatInt(int64(r.Session), 10))
}

// Events is what happens in the switchboard, in order; it ends with Closed. See
// the package comment for what happens when nobody receives.
func (b *Board) Events() <-chan Event { return b.link.events }

// Inside is who else is in the switchboard, as far as was read.
func (b *Board) Inside() []Person {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.inside)
}

// Call invites address (CAL) and returns the number of the session. That
// somebody came is told by Joined. Refusals are *wire.Error: 208, 215, 217, 713.
func (b *Board) Call(ctx context.Context, address string) (session int32, err error) {
	reply, err := b.link.send(ctx, "CAL", address)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(reply.Arg(2), 10, 32)
	if err != nil || reply.Arg(1) != "RINGING" {
		return 0, malformed(reply)
	}
	return int32(n), nil
}

// Say sends text. ack is wire.AckNone or AckNegOnly, which return when it is
// written, or AckBoth or AckPosOnly, which wait. NAK is ErrNotDelivered, and with
// AckNegOnly the event Undelivered; with AckPosOnly a failure is silence until
// ctx ends (msnp.md 12.3).
func (b *Board) Say(ctx context.Context, text string, ack byte) error {
	payload := wire.TextMessage(text, false)
	if len(payload) > wire.MaxPayload {
		return ErrTooLong
	}
	return b.SendRaw(ctx, payload, ack)
}

// SendRaw sends any payload, of any length and with any letter; see Say.
func (b *Board) SendRaw(ctx context.Context, payload []byte, ack byte) error {
	if payload == nil {
		payload = []byte{}
	}
	letter := string([]byte{ack})
	if ack != wire.AckBoth && ack != wire.AckPosOnly {
		return b.link.tell(ctx, payload, "MSG", letter)
	}
	call := &call{verbs: []string{"ACK", "NAK"}, take: func(cmd wire.Command) (bool, error) {
		if cmd.Verb == "NAK" {
			return false, ErrNotDelivered
		}
		return true, nil
	}}
	err := b.link.askPayload(ctx, call, payload, "MSG", letter)
	if errors.Is(err, ErrNotDelivered) {
		return ErrNotDelivered
	}
	return err
}

// Typing tells the others that this account is writing. It holds for about ten
// seconds.
func (b *Board) Typing(ctx context.Context) error {
	return b.SendRaw(ctx, wire.TypingMessage(b.self), wire.AckNone)
}

// Decline refuses an invitation to a file transfer or the like.
func (b *Board) Decline(ctx context.Context, cookie string) error {
	return b.SendRaw(ctx, wire.DeclineMessage(cookie), wire.AckNegOnly)
}

// Ping is PNG on the switchboard; see Client.Ping.
func (b *Board) Ping(ctx context.Context) error { return b.link.ping(ctx) }

// Send and Raw say anything; see the same of Client.
func (b *Board) Send(ctx context.Context, verb string, args ...string) (wire.Command, error) {
	return b.link.send(ctx, verb, args...)
}

// Raw writes bytes as they are.
func (b *Board) Raw(ctx context.Context, p []byte) error { return b.link.raw(ctx, p) }

// Leave says OUT and returns when the server has closed, or after some seconds.
// The board is closed in any case.
func (b *Board) Leave(ctx context.Context) error { return b.link.leave(ctx) }

// Close ends the connection without a word.
func (b *Board) Close() error {
	b.link.close()
	return nil
}
