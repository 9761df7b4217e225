package server

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"wtvgate/msnp/wire"
)

// Quit is an error that ends the connection without a line, for input that the
// protocol answers with silence. Its text is the reason in the log and stable.
type Quit string

// Error gives the reason.
func (q Quit) Error() string { return "msnp: " + string(q) }

// ErrOut is the end a client asked for with OUT.
const ErrOut Quit = "client said OUT"

// errEnding ends the reader of a connection that End was called on.
const errEnding Quit = "ending"

// Service is one of the servers behind the listener. The first command of a
// connection decides which it is (msnp.md 1).
type Service struct {
	Name  string
	First []string // verbs that begin a connection of this kind
	// Accept starts a connection; the first command is handled after it.
	Accept func(c *Conn) Handler
}

// Handler is one connection as a service sees it. All but Shutdown runs on the
// connection's reader goroutine.
type Handler interface {
	// Handle answers one command. A *wire.Error is written with the command's
	// TrID; any other error ends the connection.
	Handle(ctx context.Context, cmd wire.Command) error
	// Payload says whether bytes follow a line: see wire.PayloadFunc.
	Payload(verb string, args []string) (int, bool, error)
	// Shutdown begins the end of the connection because the server stops. Any
	// goroutine; it must not block.
	Shutdown()
	// End is the last call: the connection reads nothing any more.
	End()
}

// Conn is one client connection. Reading, handling and ending happen on one
// goroutine; output goes through a queue that any goroutine may add to.
//
// mu guards what other goroutines touch on the reader: handler, deadline and the
// end. It is never held over I/O other than setting a deadline.
type Conn struct {
	id  uint64
	srv *Server
	nc  net.Conn
	out queue

	remote, local netip.AddrPort

	// Fields of the reader goroutine.
	rd       *wire.Reader
	partial  bool // bytes of a command have come, but not all of it
	signedIn bool
	early    int
	commands Bucket
	messages Bucket
	refusals Bucket
	owed     []*Conn // whom Relay has queued something for
	settled  bool    // set by Settle

	mu       sync.Mutex
	handler  Handler
	deadline time.Time // by when the next command must have come; zero: any time
	ending   bool
	reason   string // of the end; the first one stays
}

func (s *Server) newConn(id uint64, nc net.Conn) *Conn {
	c := &Conn{
		id: id, srv: s, nc: nc,
		remote:   addrPort(nc.RemoteAddr()),
		local:    addrPort(nc.LocalAddr()),
		refusals: NewBucket(s.o.Limits.Errors),
		deadline: time.Now().Add(VersionTime),
	}
	commands, messages := s.o.Limits.Commands, s.o.Limits.Messages
	if c.remote.Addr().IsLoopback() {
		commands, messages = Rate{Burst: -1}, Rate{Burst: -1}
	}
	c.commands, c.messages = NewBucket(commands), NewBucket(messages)
	c.out.init(nc, &s.batches, s.o.Limits.Queue, c.panicked)
	c.rd = wire.NewReader((*connReader)(c), c.payload)
	return c
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}

// ID is the number of the connection, for logs.
func (c *Conn) ID() uint64 { return c.id }

// Client is what is known of the other end without its words.
func (c *Conn) Client() Client { return Client{Conn: c.id, Remote: c.remote, Local: c.local} }

// Options are the server's, with the defaults filled in.
func (c *Conn) Options() *Options { return &c.srv.o }

// Log is the server's logger with the connection's number.
func (c *Conn) Log() *slog.Logger { return c.srv.o.Logger.With("conn", c.id) }

// Host is the host:port that a client of this connection is told to connect to
// (XFR, RNG); always with a port, because BitLBee drops the session without one.
func (c *Conn) Host() string {
	if c.srv.host != "" {
		return c.srv.host
	}
	return c.local.String()
}

// SignedIn tells that the client has proved who it is: commands are not counted
// as a stranger's any more.
func (c *Conn) SignedIn() { c.signedIn = true }

// SetDeadline says by when the next whole command must have come; zero: any time.
func (c *Conn) SetDeadline(t time.Time) {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
}

// Reply queues a line that answers the client. It is written when everything
// that came with the command has been handled, in as few pieces as possible.
// Reader goroutine only; a connection that has ended swallows it.
func (c *Conn) Reply(verb string, args ...string) {
	c.out.line(false, verb, args)
}

// ReplyBytes is Reply for lines made already.
func (c *Conn) ReplyBytes(b []byte) {
	_ = c.out.add(b, nil, nil, false) // an ended connection is noticed by the reader
}

// Push queues a line that the client did not ask for and writes it at once. Any
// goroutine; it does not block. False: the connection has ended.
func (c *Conn) Push(verb string, args ...string) bool {
	return c.out.line(true, verb, args)
}

// Send queues head and payload as one piece and writes it at once. Any
// goroutine; it does not block. On an error nothing was queued and done is not
// called.
func (c *Conn) Send(head, payload []byte, done Completion) error {
	return c.out.add(head, payload, done, true)
}

// Bring is Send for what must not be lost: done is told nil when the client's end
// of the line has acknowledged the bytes, where the system can tell (Linux), and
// else when they were written. A connection that ends before tells it an error.
func (c *Conn) Bring(head, payload []byte, done Completion) error {
	return c.out.put(head, payload, mark{done: done, far: true}, true)
}

// Relay queues head and payload for another client, as Send does, but they are
// written when everything this client has sent so far has been handled: what
// came in one piece goes out in one. Reader goroutine only.
func (c *Conn) Relay(to *Conn, head, payload []byte, done Completion) error {
	err := to.out.add(head, payload, done, false)
	for _, o := range c.owed {
		if o == to {
			return err
		}
	}
	c.owed = append(c.owed, to)
	return err
}

// Flush writes the replies and what was relayed so far: before a handler waits,
// and before the reader does. Reader goroutine only.
func (c *Conn) Flush() {
	for i, to := range c.owed {
		to.out.flush()
		c.owed[i] = nil // a board outlives those who leave it
	}
	c.owed = c.owed[:0]
	c.out.flush()
}

// Pending is the number of bytes queued and not yet written.
func (c *Conn) Pending() int { return c.out.size() }

// Crowded tells that the client takes in less than is written to it: who writes
// to it should call AwaitRoom first.
func (c *Conn) Crowded() bool { return c.out.crowded() }

// AwaitRoom waits until a crowded client has taken in most of what is queued, or
// its connection or ctx has ended, but not for long: two clients who flood each
// other and read nothing meanwhile would hold each other for ever.
func (c *Conn) AwaitRoom(ctx context.Context) {
	room := c.out.drained()
	if room == nil {
		return
	}
	t := time.NewTimer(roomTime)
	defer t.Stop()
	select {
	case <-room:
	case <-t.C:
	case <-ctx.Done():
	}
}

// End ends the connection once what is queued has been written. Any goroutine;
// it does not block. The reason is for the log.
func (c *Conn) End(reason string) {
	c.mu.Lock()
	if !c.ending {
		c.ending = true
		c.reason = reason
		c.nc.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	}
	c.mu.Unlock()
	c.out.close()
}

func (c *Conn) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

// shutdown is the server's wish to stop; a connection that has not spoken yet
// just ends.
func (c *Conn) shutdown() {
	c.mu.Lock()
	h := c.handler
	c.mu.Unlock()
	if h == nil {
		c.End("shutdown")
		return
	}
	h.Shutdown()
}

// Settle tells that the client is where most stay silent for hours: after this
// command the connection goes on with a small stack again. Only Handle, or what
// it waits for, calls it.
func (c *Conn) Settle() { c.settled = true }

// Deep runs f on a goroutine of its own and waits for it, for what needs a deep
// stack once: the reader's stack lives as long as the connection, and ten
// thousand idle boxes would each keep what their sign-in needed. A panic of f is
// an error that ends the connection.
func (c *Conn) Deep(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- c.guard(f) }()
	return <-done
}
