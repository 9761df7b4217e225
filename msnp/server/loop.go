package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"wtvgate/msnp/wire"
)

// serve is the life of the connection.
func (c *Conn) serve() {
	err := c.guard(c.read)
	if errors.Is(err, errSettled) {
		go c.serve() // its stack begins small; ours has grown
		return
	}
	c.finish(err)
}

// errSettled ends a reader goroutine, not the connection.
var errSettled = errors.New("msnp: settled")

// guard runs f and turns a panic into an error: one bad command must not end
// the process for everyone.
func (c *Conn) guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.panicked(r)
			err = fmt.Errorf("msnp: panic: %v", r)
		}
	}()
	return f()
}

func (c *Conn) panicked(r any) {
	c.srv.panics.Add(1)
	c.Log().Error("panic in connection", "err", fmt.Sprint(r), "stack", string(debug.Stack()))
}

// read waits for commands and handles them. It waits here, where the stack is
// flat: the collector halves a stack of which less than a quarter is in use, and
// the stack is the largest part of what an idle box costs.
func (c *Conn) read() error {
	for {
		if err := c.rd.Await(); err != nil {
			return err
		}
		if err := c.next(); err != nil {
			return err
		}
		if c.settled && c.rd.Buffered() == 0 {
			c.settled = false
			return errSettled
		}
	}
}

// next handles one command.
func (c *Conn) next() error {
	cmd, err := c.rd.Read()
	if err != nil {
		return err
	}
	c.partial = false
	if c.isEnding() {
		return errEnding
	}
	return c.handle(cmd)
}

// connReader is the connection as wire.Reader reads it. It is asked for bytes
// only when all commands that have come were handled: the time to write the
// replies and to set the deadline of the state.
type connReader Conn

// Read implements io.Reader.
func (r *connReader) Read(p []byte) (int, error) {
	c := (*Conn)(r)
	c.Flush()
	if !c.arm() {
		return 0, errEnding
	}
	n, err := c.nc.Read(p)
	if n > 0 {
		c.partial = true
	}
	return n, err
}

// arm sets the read deadline. False: the connection is ending.
func (c *Conn) arm() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return false
	}
	t := c.deadline
	if c.partial {
		if whole := time.Now().Add(CommandTime); t.IsZero() || whole.Before(t) {
			t = whole
		}
	}
	c.nc.SetReadDeadline(t)
	return true
}

func (c *Conn) payload(verb string, args []string) (int, bool, error) {
	if c.handler == nil {
		return 0, false, nil
	}
	return c.handler.Payload(verb, args)
}

func (c *Conn) handle(cmd wire.Command) error {
	c.srv.commands.Add(1)
	if c.handler == nil {
		if err := c.begin(cmd.Verb); err != nil {
			return err
		}
	}
	if !c.signedIn {
		if c.early++; c.early > c.srv.o.Limits.Early {
			return Quit("too many commands before sign-in")
		}
	}
	err := c.handler.Handle(c.srv.ctx, cmd)
	if err == nil {
		return nil
	}
	var refusal *wire.Error
	if !errors.As(err, &refusal) {
		return err
	}
	return c.refuse(refusal, cmd)
}

// begin decides by the first verb what this connection is.
func (c *Conn) begin(verb string) error {
	if verb == "OUT" {
		return ErrOut
	}
	svc, ok := c.srv.services[verb]
	if !ok {
		return Quit("first command belongs to no service")
	}
	h := svc.Accept(c)
	c.mu.Lock()
	c.handler = h
	c.mu.Unlock()
	if c.srv.isStopping() {
		return Quit("shutdown")
	}
	return nil
}

// refuse writes an error line. Twisted's parser dies on a code without a number
// behind it, so there is always one (msnp.md 2.2).
func (c *Conn) refuse(e *wire.Error, cmd wire.Command) error {
	trid, ok := cmd.TrID()
	if !ok {
		trid = "0"
	}
	c.Reply(fmt.Sprintf("%03d", e.Code), trid)
	if e.Fatal {
		return e
	}
	switch e.Code {
	case wire.ErrAlreadyThere, wire.ErrNotOnList, wire.ErrAlreadyInMode:
		return nil // normal traffic from a box (msnp.md 17.4)
	}
	if !c.refusals.Try(c.srv.o.Now()) {
		return Quit("too many refused commands")
	}
	return nil
}

// pace delays the reader when the client is faster than the limit allows. What
// it sends meanwhile waits in the socket, so nothing is lost and memory is bounded.
func (c *Conn) pace(p Pace) {
	b := &c.commands
	if p == PaceMessage {
		b = &c.messages
	}
	wait := b.Take(c.srv.o.Now())
	if wait <= 0 {
		return
	}
	c.Flush()
	c.Pause(wait)
}

// Pause holds the reader for d, or until the server ends.
func (c *Conn) Pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.srv.ctx.Done():
	}
}

// finish writes what is left, says goodbye in a way that does not destroy our
// last words, and gives the slot back.
func (c *Conn) finish(err error) {
	c.Flush() // nobody need wait for what End does
	if c.handler != nil {
		_ = c.guard(func() error { c.handler.End(); return nil }) // a panic is logged by guard
	}
	c.End(reasonOf(err))
	c.out.wait()
	level, reason := levelOf(err), c.reason
	fail := c.out.failure()
	switch {
	case errors.Is(fail, ErrSlow):
		c.srv.slow.Add(1)
		level, reason = slog.LevelInfo, "slow reader"
	case errors.Is(fail, os.ErrDeadlineExceeded):
		level, reason = slog.LevelInfo, "write timeout"
	case fail == nil && !errors.Is(err, io.EOF):
		c.linger()
	}
	var patience time.Duration
	if fail == nil && !broken(err) {
		patience = lingerTime
	}
	c.out.conclude(patience)
	c.nc.Close()
	c.srv.remove(c)
	c.Log().Log(context.Background(), level, "connection ended", "reason", reason)
}

// linger sends the end of the stream and reads away what the client still says:
// closing a socket with unread input would reset the connection, and the reset
// may overtake our last line.
func (c *Conn) linger() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.out.ended()
	c.nc.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, c.nc, lingerBytes) // whatever ends it, the socket closes next
}

// broken tells whether a reader's error means that nothing more will come from the
// other end, not even an acknowledgement.
func broken(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !errors.Is(err, os.ErrDeadlineExceeded)
}

// reasonOf is the reason of an end as the log has it.
func reasonOf(err error) string {
	var q Quit
	var refusal *wire.Error
	switch {
	case errors.As(err, &q):
		return string(q)
	case errors.As(err, &refusal):
		return refusal.Error()
	case errors.Is(err, io.EOF):
		return "client closed"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, syscall.ETIMEDOUT):
		return "dead line"
	}
	return err.Error()
}

// levelOf is how loud an end is: quiet for what happens all day, a warning for
// an error that is nobody's fault but ours.
func levelOf(err error) slog.Level {
	var q Quit
	var refusal *wire.Error
	var bad *wire.ProtocolError
	var netErr *net.OpError
	switch {
	case errors.Is(err, ErrOut), errors.Is(err, errEnding), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &netErr):
		return slog.LevelDebug
	case errors.As(err, &q), errors.As(err, &refusal), errors.As(err, &bad):
		return slog.LevelInfo
	}
	return slog.LevelWarn
}
