package client

import (
	"bufio"
	"context"
	"crypto/rc4"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/wire"
)

const (
	// DefaultTimeout bounds a request whose context has no deadline. A real box waits some minutes for a messengerlogin.
	DefaultTimeout = 2 * time.Minute
	// LoginURL is what wtv-messenger-login-url says (section 9.2 of the WTVP reference).
	LoginURL = "wtv-passport:/messengerlogin"
)

// ErrBroken is returned for a connection on which an earlier request did not end well: its streams may be out of step.
var ErrBroken = errors.New("client: connection is broken")

// StatusError is an answer other than 200 where only 200 will do. Text is what a box would show.
type StatusError struct {
	Status int
	Text   string
}

// Error gives the status and its text.
func (e *StatusError) Error() string { return fmt.Sprintf("client: answered %d %s", e.Status, e.Text) }

// Response is an answer with its body in clear.
type Response struct {
	*wire.Response
	Body []byte
	// Encrypted tells whether the body came enciphered.
	Encrypted bool
}

// Conn is a connection to one service.
type Conn struct {
	id          *Identity
	incarnation uint32
	used        bool // by the Box it belongs to

	mu     sync.Mutex // held for the length of a request; guards all below
	nc     net.Conn
	br     *bufio.Reader
	rd     *wire.Reader
	plain  bool
	out    *rc4.Cipher
	in     *rc4.Cipher
	greet  []byte // SECURE ON, until it is sent with the first request
	broken bool
}

// Dial connects and secures the connection. SECURE ON has no answer, so it is sent together with the first request, as a box
// does; a refusal shows there.
func Dial(ctx context.Context, addr string, id *Identity) (*Conn, error) {
	nc, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return Secure(nc, id)
}

// DialPlain connects without SECURE ON, as a box does for services that are flagged so.
func DialPlain(ctx context.Context, addr string, id *Identity) (*Conn, error) {
	nc, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return Plain(nc, id), nil
}

func dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("client: connecting: %w", err)
	}
	return nc, nil
}

// Plain makes a Conn without SECURE ON of an open connection.
func Plain(nc net.Conn, id *Identity) *Conn {
	br := bufio.NewReader(nc)
	return &Conn{id: id, incarnation: id.next(), nc: nc, br: br, rd: wire.NewReader(br), plain: true}
}

// Secure makes a secured Conn of an open connection. If that fails, which it does only for an Identity that cannot be sent, the
// connection is closed.
func Secure(nc net.Conn, id *Identity) (*Conn, error) {
	c := Plain(nc, id)
	if err := c.secure(); err != nil {
		return nil, err
	}
	return c, nil
}

// secure begins a fresh connection with SECURE ON.
func (c *Conn) secure() error {
	c.plain = false
	req := wire.Request{Method: wire.MethodSecureOn, Header: c.id.header(true)}
	req.Header.Add("wtv-incarnation", strconv.FormatUint(uint64(c.incarnation), 10))
	var err error
	if c.greet, err = req.AppendTo(nil); err != nil {
		_ = c.nc.Close()
		return fmt.Errorf("client: SECURE ON: %w", err)
	}
	c.out = sec.NewStream(c.id.Keys.Session1, c.incarnation)
	c.in = sec.NewStream(c.id.Keys.Session2, c.incarnation)
	return nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.nc.Close() }

// Get fetches a URL ("wtv-passport:/messengerlogin?...").
func (c *Conn) Get(ctx context.Context, url string) (*Response, error) {
	return c.Do(ctx, &wire.Request{Method: wire.MethodGet, URL: url}, nil)
}

// Post sends a form body.
func (c *Conn) Post(ctx context.Context, url string, body []byte) (*Response, error) {
	return c.Do(ctx, &wire.Request{
		Method: wire.MethodPost, URL: url,
		Header: wire.Header{{Name: "Content-type", Value: "application/x-www-form-urlencoded"}},
	}, body)
}

// MessengerLogin takes a challenge of the MSN server to messengerlogin and returns the answer. A refusal is a *StatusError with
// the text that a box would show.
func (c *Conn) MessengerLogin(ctx context.Context, challenge string) (string, error) {
	resp, err := c.Get(ctx, LoginURL+"?"+challenge)
	if err != nil {
		return "", err
	}
	if resp.Status != 200 {
		return "", &StatusError{resp.Status, resp.Text}
	}
	return string(resp.Body), nil
}

// Do sends a request and reads its answer. The headers that a box always sends are added to it; Content-length is added for a
// body. After any error but a faulty request the connection is broken: close it.
func (c *Conn) Do(ctx context.Context, req *wire.Request, body []byte) (*Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return nil, ErrBroken
	}
	b, err := c.encode(req, body)
	if err != nil {
		return nil, err
	}
	done, err := c.deadline(ctx)
	if err != nil {
		c.broken = true
		return nil, err
	}
	resp, err := c.exchange(b)
	if done(); err != nil {
		c.broken = true
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("client: %w", err)
	}
	return resp, nil
}

// deadline makes the end of ctx the end of reading and writing.
func (c *Conn) deadline(ctx context.Context) (done func(), err error) {
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(DefaultTimeout)
	}
	if err := c.nc.SetDeadline(end); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.nc.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if !stop() && ctx.Err() != nil {
			c.broken = true // the deadline in the past may still be set after this
		}
	}, nil
}

// encode makes the bytes of a request and moves the stream.
func (c *Conn) encode(req *wire.Request, body []byte) ([]byte, error) {
	h := append(wire.Header(nil), req.Header...)
	h.Add("wtv-request-type", "primary")
	if c.plain {
		h = append(h, c.id.header(true)...)
	}
	h.Add("wtv-incarnation", strconv.FormatUint(uint64(c.incarnation), 10))
	if req.Method != wire.MethodGet {
		h.Add("Content-length", strconv.Itoa(len(body)))
	}
	full := wire.Request{Method: req.Method, URL: req.URL, Header: h}
	greet := c.greet
	b, err := full.AppendTo(greet)
	if err != nil {
		return nil, fmt.Errorf("client: request: %w", err)
	}
	b = append(b, body...)
	if c.out != nil {
		c.out.XORKeyStream(b[len(greet):], b[len(greet):])
	}
	c.greet = nil
	return b, nil
}

func (c *Conn) exchange(b []byte) (*Response, error) {
	if _, err := c.nc.Write(b); err != nil {
		return nil, err
	}
	head, err := c.rd.ReadResponse()
	if err != nil {
		return nil, err
	}
	if _, packed := head.Header.Lookup("wtv-lzpf"); packed {
		return nil, errors.New("answer is compressed, which was not asked for")
	}
	resp := &Response{Response: head, Encrypted: strings.EqualFold(head.Header.Value("wtv-encrypted"), "true")}
	if resp.Body, err = c.rd.ReadBody(head.ContentLength); err != nil {
		return nil, err
	}
	if resp.Encrypted && c.in != nil {
		c.in.XORKeyStream(resp.Body, resp.Body)
	}
	if strings.EqualFold(head.Header.Value("Connection"), "close") {
		c.broken = true
	}
	return resp, nil
}
