package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wtvgate/msnp/wire"
)

// SignInError is a sign-in that failed, with where it stood. It wraps the
// reason: a *wire.Error with the server's number, ErrNoDialect, io.EOF when the
// server closed without a word, or what the Credential gave.
type SignInError struct {
	Step string // "connect", "VER", "INF", "CVR", "USR I", "credential", "USR S"
	Err  error
}

// Error gives step and reason.
func (e *SignInError) Error() string {
	return "client: sign-in at " + e.Step + ": " + strings.TrimPrefix(e.Err.Error(), "client: ")
}

// Unwrap gives the reason.
func (e *SignInError) Unwrap() error { return e.Err }

func at(step string, err error) error {
	if err == nil {
		return nil
	}
	return &SignInError{Step: step, Err: err}
}

// errRedirected carries where XFR NS points to.
type errRedirected struct{ host string }

func (e *errRedirected) Error() string { return "redirected to " + e.host }

// SignIn connects to the notification server at addr (host:port; 1863 when no
// port is given) and signs in: VER, INF up to MSNP7, CVR at the place of the
// dialect, USR I, USR S (msnp.md 4). It follows XFR NS. The account is not
// visible until SetStatus. Every failure is a *SignInError.
func SignIn(ctx context.Context, addr string, o Options) (*Client, error) {
	if o.Credential == nil || o.Address == "" {
		return nil, at("connect", errors.New("address and credential must be set"))
	}
	o.Dialects = slices.Clone(o.dialects())
	for range maxRedirects + 1 {
		c, err := signIn(ctx, addr, o)
		var moved *errRedirected
		if !errors.As(err, &moved) {
			return c, err
		}
		addr = moved.host
	}
	return nil, at("USR I", fmt.Errorf("more than %d redirects", maxRedirects))
}

func signIn(ctx context.Context, addr string, o Options) (*Client, error) {
	conn, err := o.dial(ctx, addr)
	if err != nil {
		return nil, at("connect", err)
	}
	// TrIDs begin with 0, as recorded from boxes (msnp.md 19).
	c := &Client{o: o, link: newLink(conn, 0, clientEvents, &o, noticeEvent)}
	if err := c.handshake(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) handshake(ctx context.Context) error {
	if err := c.version(ctx); err != nil {
		return at("VER", err)
	}
	if c.dialect < wire.MSNP8 {
		if _, err := c.link.send(ctx, "INF"); err != nil {
			return at("INF", err)
		}
	} else if err := c.sendCVR(ctx); err != nil {
		return at("CVR", err)
	}
	challenge, err := c.identify(ctx)
	if err != nil {
		return at("USR I", err)
	}
	response, err := c.o.Credential(ctx, challenge)
	if err != nil {
		return at("credential", err)
	}
	if err := c.prove(ctx, response); err != nil {
		return at("USR S", err)
	}
	if c.dialect < wire.MSNP8 {
		return at("CVR", c.sendCVR(ctx))
	}
	return nil
}

func (c *Client) version(ctx context.Context) error {
	var offer []string
	for _, d := range c.o.Dialects {
		offer = append(offer, d.String())
	}
	reply, err := c.link.send(ctx, "VER", append(offer, "CVR0")...)
	if err != nil {
		return err
	}
	d, ok := wire.ParseDialect(reply.Arg(1))
	if !ok {
		return ErrNoDialect
	}
	if !slices.Contains(c.o.Dialects, d) {
		return fmt.Errorf("the server chose %v, which was not offered", d)
	}
	c.dialect = d
	return nil
}

// method is the package word of USR.
func (c *Client) method() string {
	if c.dialect == wire.MSNP8 {
		return "TWN"
	}
	return "MD5"
}

// sendCVR sends the fields that the dialect has (msnp.md 4.3).
func (c *Client) sendCVR(ctx context.Context) error {
	v := c.o.CVR
	if v == nil {
		return nil
	}
	args := []string{v.LCID, v.OS, v.OSVersion, v.Arch, v.Library, v.Version}
	if c.dialect >= wire.MSNP4 {
		args = append(args, v.Client)
	}
	if c.dialect >= wire.MSNP8 {
		args = append(args, c.o.Address)
	}
	_, err := c.link.send(ctx, "CVR", args...)
	return err
}

// identify says who signs in and gets the challenge.
func (c *Client) identify(ctx context.Context) (challenge string, err error) {
	call := &call{verbs: []string{"USR", "XFR"}, take: func(cmd wire.Command) (bool, error) {
		if cmd.Verb == "XFR" {
			if cmd.Arg(1) != "NS" || cmd.Arg(2) == "" {
				return false, malformed(cmd)
			}
			return false, &errRedirected{host: cmd.Arg(2)}
		}
		if cmd.Arg(1) != c.method() || cmd.Arg(2) != "S" || len(cmd.Args) != 4 {
			return false, malformed(cmd)
		}
		challenge = cmd.Args[3]
		return true, nil
	}}
	err = c.link.ask(ctx, call, "USR", c.method(), "I", c.o.Address)
	return challenge, err
}

// prove answers the challenge.
func (c *Client) prove(ctx context.Context, response string) error {
	var self Person
	call := &call{verbs: []string{"USR"}, take: func(cmd wire.Command) (bool, error) {
		if cmd.Arg(1) != "OK" || len(cmd.Args) != usrOKArgs(c.dialect) {
			return false, malformed(cmd)
		}
		self = person(cmd.Args[2], cmd.Args[3])
		return true, nil
	}}
	args := append([]string{c.method(), "S"}, strings.Fields(response)...)
	if err := c.link.ask(ctx, call, "USR", args...); err != nil {
		return err
	}
	c.setSelf(self)
	return nil
}

// usrOKArgs is how many parameters USR OK has: 2, 3 or 4 fields after OK
// (msnp.md 18.1). Clients of the time insist.
func usrOKArgs(d wire.Dialect) int {
	switch {
	case d >= wire.MSNP8:
		return 6
	case d >= wire.MSNP6:
		return 5
	}
	return 4
}

func malformed(cmd wire.Command) error {
	return fmt.Errorf("unexpected answer: %s", wire.Redact(cmd))
}
