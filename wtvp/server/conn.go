package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rc4"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/wire"
)

// conn is one connection. Its goroutine owns all fields but those under mu.
type conn struct {
	srv      *Server
	nc       net.Conn
	services map[string]Handler
	remote   netip.AddrPort
	local    netip.AddrPort
	id       uint64
	log      *slog.Logger

	br   *bufio.Reader // as the bytes came
	rd   *wire.Reader  // as they are meant: reads br, or br deciphered
	sess Session       // of the connection, once it is secured
	out  *rc4.Cipher   // stream of the answers, nil while plain

	large     bool // holds a token of srv.large
	requests  int  // heads read
	refusals  int  // of services
	afterBody bool // the last request had a body, so surplus bytes may follow

	mu       sync.Mutex
	busy     bool // a whole request head is there and its answer is not written yet
	stopping bool
}

func newConn(s *Server, nc net.Conn, services map[string]Handler, remote netip.AddrPort, id uint64) *conn {
	br := bufio.NewReaderSize(nc, readBuffer)
	c := &conn{
		srv: s, nc: nc, services: services, remote: remote, local: addrPort(nc.LocalAddr()), id: id,
		log: s.opts.Log.With("conn", id, "remote", remote),
		br:  br, rd: wire.NewReader(br),
	}
	c.rd.Guard(c.takeLarge)
	return c
}

// takeLarge lets a large request be read, while there are not too many.
func (c *conn) takeLarge() error {
	if c.large {
		return nil
	}
	select {
	case c.srv.large <- struct{}{}:
		c.large = true
		return nil
	default:
		return &wire.Error{Status: 503, Reason: "too many large requests at once"}
	}
}

// giveLarge is the end of one.
func (c *conn) giveLarge() {
	if c.large {
		c.large = false
		<-c.srv.large
	}
}

// serve runs the connection to its end.
func (c *conn) serve(ctx context.Context) {
	defer c.nc.Close()
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("wtvp: panic in a connection", "err", p, "stack", string(debug.Stack()))
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = c.nc.Close() })
	defer stop()
	for {
		err := c.serveOne(ctx)
		if err == nil {
			continue
		}
		if errors.Is(err, errLinger) && !c.isStopping() {
			c.linger()
		}
		c.log.Debug("wtvp: connection ends", "err", err, "requests", c.requests)
		return
	}
}

var (
	// errLinger ends a connection after its last answer, while the client may still be sending.
	errLinger = errors.New("server: connection closed after an answer")
	// errStopping ends one that is at rest because the server stops.
	errStopping = errors.New("server: stopping")
)

// serveOne reads and answers one request. Any error ends the connection.
func (c *conn) serveOne(ctx context.Context) error {
	defer c.giveLarge()
	head, err := c.readHead()
	if err == nil {
		c.requests++
		if !c.begin() {
			return errStopping
		}
		defer c.end()
		err = c.serveHead(ctx, head)
	}
	var bad *wire.Error
	if errors.As(err, &bad) {
		// What follows cannot be told apart any more: answer and close.
		return c.refuse(bad.Status, TextTrouble, bad.Reason)
	}
	return err
}

// serveHead does what a head asks for. The head is whole, the body still on the line.
func (c *conn) serveHead(ctx context.Context, head *wire.Request) error {
	if head.Method == wire.MethodSecureOn {
		if c.out != nil {
			return &wire.Error{Status: 400, Reason: "SECURE ON inside of a secured stream"}
		}
		return c.secure(head)
	}
	req := &Request{Method: head.Method, Header: head.Header, Session: c.session(head)}
	var err error
	if req.URL, err = wire.ParseURL(head.URL); err != nil {
		return err
	}
	n, err := head.BodyLength()
	if err != nil {
		return err
	}
	if err := c.nc.SetReadDeadline(time.Now().Add(c.srv.opts.BodyTimeout)); err != nil {
		return err
	}
	if req.Body, err = c.rd.ReadBody(n); err != nil {
		return err
	}
	c.afterBody = n > 0
	resp := *c.dispatch(ctx, req) // a copy: a handler may give the same answer to everybody
	if head.HTTP || strings.EqualFold(head.Header.Value("Connection"), "close") || c.isStopping() {
		resp.Close = true
	}
	return c.answer(req, &resp)
}

// readHead waits for a request and reads its head: minutes for its first byte, then HeadTimeout for the rest.
func (c *conn) readHead() (*wire.Request, error) {
	wait := c.srv.opts.IdleTimeout
	if c.requests == 0 {
		wait = c.srv.opts.FirstTimeout
	}
	if err := c.nc.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	if c.isStopping() { // after the deadline is set, so that stop's own comes after or is seen here
		return nil, errStopping
	}
	if c.out != nil {
		again, err := c.plainSecureOn()
		if err != nil {
			return nil, err
		}
		if again {
			c.out = nil
			c.rd.SetSource(c.br)
		}
	}
	skipped, err := c.rd.Await(c.afterBody)
	if skipped > 2 { // one line end after a body is what many clients send
		c.log.Info("wtvp: bytes that belong to no request", "count", skipped, "ssid", c.sess.SSID)
	}
	if err != nil {
		return nil, err
	}
	if err := c.nc.SetReadDeadline(time.Now().Add(c.srv.opts.HeadTimeout)); err != nil {
		return nil, err
	}
	return c.rd.ReadRequest()
}

// secureLine is what a SECURE ON begins with. Ciphertext begins like that once in 2^88 requests.
var secureLine = []byte(wire.MethodSecureOn + "\r\n")

// plainSecureOn tells whether the client begins anew with a plain SECURE ON on a secured connection. Real boxes do not, the
// public server accepts it (section 5.3). It waits only as long as the bytes look like one.
func (c *conn) plainSecureOn() (bool, error) {
	for n := 1; n <= len(secureLine); n++ {
		b, err := c.br.Peek(n)
		if err != nil {
			return false, err
		}
		if !bytes.HasPrefix(secureLine, b) {
			return false, nil
		}
	}
	return true, nil
}

// secure turns the connection into a secured one. There is no answer to SECURE ON itself (section 5.1); a refusal is one plain
// answer and the end.
func (c *conn) secure(head *wire.Request) error {
	c.sess = sessionOf(head.Header, c.remote, c.local, c.id) // a claim so far, but the log of a refusal names it
	open := c.srv.opts.Tickets
	if open == nil {
		return c.refuse(500, TextNotSetUp, "no initial shared key is configured: set it to the one of the WebTV server "+
			"that boxes sign on to (wtvp.initial_shared_key)")
	}
	ticket, ok := head.Header.Lookup("wtv-ticket")
	if !ok {
		return c.refuseTicket("SECURE ON without a wtv-ticket")
	}
	t, err := open(ticket)
	if err != nil {
		return c.refuseTicket(err.Error())
	}
	if t.SSID != "" && c.sess.SSID != "" && t.SSID != c.sess.SSID {
		return c.refuseTicket("SECURE ON with the ticket of another box, " + t.SSID)
	}
	incarnation, err := sec.ParseIncarnation(head.Header.Value("wtv-incarnation"))
	if err != nil {
		return c.refuse(400, TextTrouble, err.Error())
	}
	c.sess.Secured = true
	c.sess.UserID, c.sess.Store, c.sess.SigningKey = t.UserID, t.Store, t.SigningKey.Canonical()
	if t.SSID != "" {
		c.sess.SSID, c.sess.Named = t.SSID, true
	}
	c.sess.Keys, c.sess.Incarnation = t.Keys, incarnation
	c.out = sec.NewStream(t.Keys.Session2, incarnation)
	c.rd.SetSource(sec.NewReader(c.br, sec.NewStream(t.Keys.Session1, incarnation)))
	c.afterBody = false
	return nil
}

// refuseTicket refuses a ticket, and tells the box how to get another, if the server knows.
func (c *conn) refuseTicket(reason string) error {
	var again wire.Header
	if f := c.srv.opts.SignOnAgain; f != nil {
		again = f(&c.sess)
	}
	return c.refuse(500, TextSignOn, reason, again...)
}

// session is who asks: the one who secured the connection, or what the head of a plain request claims.
func (c *conn) session(head *wire.Request) *Session {
	s := c.sess
	if c.out == nil {
		s = sessionOf(head.Header, c.remote, c.local, c.id)
	}
	return &s
}

// begin notes that a request is being answered; false if the server is stopping.
func (c *conn) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = !c.stopping
	return c.busy
}

func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
}

// stop ends the connection now if it is at rest, else after the answer it is at.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	if !c.busy {
		_ = c.nc.Close()
	}
}

func (c *conn) isStopping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopping
}

// linger lets the client read the last answer: closing with unread bytes would send a reset that may overtake it.
func (c *conn) linger() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.nc.SetReadDeadline(time.Now().Add(lingerTimeout)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.nc, lingerBytes)
}
