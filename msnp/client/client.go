package client

import (
	"context"
	"strings"
	"sync"

	"wtvgate/msnp/wire"
)

// Client is one signed-in notification connection.
type Client struct {
	o       Options
	link    *link
	dialect wire.Dialect // set before SignIn returns

	mu   sync.Mutex
	self Person
}

// Dialect is what the server chose.
func (c *Client) Dialect() wire.Dialect { return c.dialect }

// Self is the account with its name, as USR OK gave it and Rename changed it.
func (c *Client) Self() Person {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.self
}

func (c *Client) setSelf(p Person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.self = p
}

// Events is what the server says unasked, in order; it ends with Closed. See the
// package comment for what happens when nobody receives.
func (c *Client) Events() <-chan Event { return c.link.events }

// SetStatus is CHG; the first one makes the account present and brings an
// initial Presence for every contact who is online.
func (c *Client) SetStatus(ctx context.Context, s wire.Status) error {
	args := []string{string(s)}
	if c.dialect >= wire.MSNP8 {
		args = append(args, "0") // capabilities: none
	}
	_, err := c.link.send(ctx, "CHG", args...)
	return err
}

// SetInvitations is IMS, WebTV's own command: off means that nobody can call.
func (c *Client) SetInvitations(ctx context.Context, on bool) error {
	mode := "OFF"
	if on {
		mode = "ON"
	}
	_, err := c.link.send(ctx, "IMS", mode)
	return err
}

// Ping is PNG; it returns with the QNG, so everything that the server wrote
// before has been read.
func (c *Client) Ping(ctx context.Context) error { return c.link.ping(ctx) }

func (l *link) ping(ctx context.Context) error {
	c := &call{verbs: []string{"QNG"}, result: make(chan error, 1),
		take: func(wire.Command) (bool, error) { return true, nil }}
	err := l.write(ctx, func() ([]byte, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.err == nil {
			l.calls = append(l.calls, c)
		}
		return []byte("PNG\r\n"), l.err
	})
	if err != nil {
		l.giveUp(c)
		return err
	}
	select {
	case err := <-c.result:
		return err
	case <-ctx.Done():
		l.giveUp(c)
		return ctx.Err()
	}
}

// Send sends any verb with the next TrID and returns the first line of the same
// verb with that TrID; an error line is a *wire.Error. For tests that must say
// odd things.
func (c *Client) Send(ctx context.Context, verb string, args ...string) (wire.Command, error) {
	return c.link.send(ctx, verb, args...)
}

// Raw writes bytes as they are. What the server answers comes as Other.
func (c *Client) Raw(ctx context.Context, b []byte) error { return c.link.raw(ctx, b) }

// SignOut says OUT and returns when the server has closed, or after some
// seconds. The client is closed in any case.
func (c *Client) SignOut(ctx context.Context) error { return c.link.leave(ctx) }

// Close ends the connection without a word, as a box does that loses its line.
// Boards stay open.
func (c *Client) Close() error {
	c.link.close()
	return nil
}

// board is where the switchboard at host is reached.
func (c *Client) board(host string) string {
	if c.o.BoardAddress != "" {
		return c.o.BoardAddress
	}
	return host
}

// OpenBoard asks for a switchboard (XFR SB) and enters it (USR). Nobody is in it
// until Call. While hidden or before SetStatus the server refuses with 913.
func (c *Client) OpenBoard(ctx context.Context) (*Board, error) {
	reply, err := c.link.send(ctx, "XFR", "SB")
	if err != nil {
		return nil, err
	}
	if len(reply.Args) != 5 || reply.Args[1] != "SB" || reply.Args[3] != "CKI" {
		return nil, malformed(reply)
	}
	b, err := c.dialBoard(ctx, c.board(reply.Args[2]))
	if err != nil {
		return nil, err
	}
	ok, err := b.link.send(ctx, "USR", c.o.Address, reply.Args[4])
	if err == nil && ok.Arg(1) != "OK" {
		err = malformed(ok)
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Answer enters the switchboard that rings (ANS). Who is inside already comes as
// initial Joined.
func (c *Client) Answer(ctx context.Context, r Ringing) (*Board, error) {
	b, err := c.dialBoard(ctx, c.board(r.Host))
	if err != nil {
		return nil, err
	}
	if err := b.answer(ctx, c.o.Address, r); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func sameAddress(a, b string) bool { return strings.EqualFold(a, b) }
