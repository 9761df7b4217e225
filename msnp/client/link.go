package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"wtvgate/msnp/wire"
)

// link is a connection with its transactions and its events: what a client and
// a board have in common.
type link struct {
	conn   net.Conn
	trace  func(dir byte, line string)
	read   func(wire.Command) Event // what a line that nobody waits for means
	events chan Event               // sent to and closed by run alone
	token  chan struct{}            // full when somebody writes
	stop   chan struct{}            // closed by close: events go nowhere
	ended  chan struct{}            // closed when no line comes any more
	done   chan struct{}            // closed when run is over
	once   sync.Once                // for close

	mu    sync.Mutex
	next  uint32  // the next TrID
	calls []*call // in the order of asking
	err   error   // why the connection ended
}

// call is a request that waits for its answer.
type call struct {
	id    string   // TrID; empty for PNG, whose answer has none
	verbs []string // verbs of lines that answer it
	// take gets each line of the answer and says when it was the last. It runs
	// with link.mu held, and never after the call was given up.
	take func(wire.Command) (last bool, err error)
	// loose says whether a line without the TrID belongs to the answer too.
	loose  func(verb string) bool
	result chan error // room for one
}

func newLink(conn net.Conn, firstID uint32, queue int, o *Options, read func(wire.Command) Event) *link {
	l := &link{
		conn: conn, trace: o.Trace, read: read, next: firstID,
		events: make(chan Event, queue),
		token:  make(chan struct{}, 1),
		stop:   make(chan struct{}),
		ended:  make(chan struct{}),
		done:   make(chan struct{}),
	}
	if l.trace == nil {
		l.trace = func(byte, string) {}
	}
	go l.run()
	return l
}

// run reads until the connection ends.
func (l *link) run() {
	defer close(l.done)
	defer close(l.events)
	r := wire.NewReader(l.conn, wire.FromServer)
	for {
		cmd, err := r.Read()
		if err != nil {
			l.push(Closed{Err: l.end(err)})
			return
		}
		l.traceCommand(cmd)
		if !l.answer(cmd) {
			l.push(l.read(cmd))
		}
	}
}

func (l *link) traceCommand(c wire.Command) {
	line := wire.AppendLine(nil, c.Verb, c.Args...)
	l.trace('S', string(line[:len(line)-2]))
}

// push waits for room; once the link is closed it takes what room there is.
func (l *link) push(e Event) {
	select {
	case l.events <- e:
	case <-l.stop:
		select {
		case l.events <- e:
		default:
		}
	}
}

// end fails all calls and gives the error for Closed.
func (l *link) end(err error) error {
	l.conn.Close()
	l.mu.Lock()
	if l.err == nil {
		l.err = fmt.Errorf("client: connection ended: %w", err)
	} else {
		err = l.err
	}
	for _, c := range l.calls {
		c.result <- l.err
	}
	l.calls = nil
	l.mu.Unlock()
	close(l.ended)
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// fail ends the connection with a reason of ours and gives the one that holds:
// the first.
func (l *link) fail(err error) error {
	defer l.conn.Close() // after the reason is set: this wakes the reader, which asks for it
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	return l.err
}

// close ends the connection and waits for its goroutine.
func (l *link) close() {
	l.once.Do(func() {
		_ = l.fail(ErrClosed) // first, so that nothing is read and dropped
		close(l.stop)
	})
	<-l.done
}

// answer gives a line to the call it belongs to; false when there is none.
func (l *link) answer(cmd wire.Command) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range l.calls {
		if c.wants(cmd) {
			l.take(i, cmd)
			return true
		}
	}
	for i, c := range l.calls {
		if c.loose != nil && c.loose(cmd.Verb) {
			l.take(i, cmd)
			return true
		}
	}
	return false
}

// wants tells whether a line carries the TrID of the call.
func (c *call) wants(cmd wire.Command) bool {
	if c.id == "" {
		return slices.Contains(c.verbs, cmd.Verb)
	}
	if cmd.Arg(0) != c.id {
		return false
	}
	_, isError := cmd.Code()
	return isError || slices.Contains(c.verbs, cmd.Verb)
}

// take hands a line to call i; with mu held.
func (l *link) take(i int, cmd wire.Command) {
	c := l.calls[i]
	last, err := true, error(nil)
	if code, ok := cmd.Code(); ok {
		err = wire.Refuse(code)
	} else {
		last, err = c.take(cmd)
	}
	if last || err != nil {
		l.calls = slices.Delete(l.calls, i, i+1)
		c.result <- err
	}
}

// ask sends a request and waits for the whole answer. What c.take has gathered
// may be read when the error is nil.
func (l *link) ask(ctx context.Context, c *call, verb string, args ...string) error {
	return l.askPayload(ctx, c, nil, verb, args...)
}

func (l *link) askPayload(ctx context.Context, c *call, payload []byte, verb string, args ...string) error {
	c.result = make(chan error, 1)
	err := l.write(ctx, func() ([]byte, error) {
		id, err := l.begin(c)
		if err != nil {
			return nil, err
		}
		return encode(payload, verb, append([]string{id}, args...)), nil
	})
	if err != nil {
		l.giveUp(c)
		return err
	}
	select {
	case err = <-c.result:
	case <-ctx.Done():
		l.giveUp(c)
		return fmt.Errorf("client: waiting for %s: %w", verb, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("client: %s: %w", verb, err)
	}
	return nil
}

// tell sends a line with a TrID and expects nothing.
func (l *link) tell(ctx context.Context, payload []byte, verb string, args ...string) error {
	return l.write(ctx, func() ([]byte, error) {
		id, err := l.begin(nil)
		if err != nil {
			return nil, err
		}
		return encode(payload, verb, append([]string{id}, args...)), nil
	})
}

func encode(payload []byte, verb string, args []string) []byte {
	if payload != nil {
		return wire.AppendPayload(nil, payload, verb, args...)
	}
	return wire.AppendLine(nil, verb, args...)
}

// begin takes the next TrID and remembers the call, if any.
func (l *link) begin(c *call) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return "", l.err
	}
	id := strconv.FormatUint(uint64(l.next), 10)
	l.next++
	if c != nil {
		c.id = id
		l.calls = append(l.calls, c)
	}
	return id, nil
}

func (l *link) giveUp(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.calls, c); i >= 0 {
		l.calls = slices.Delete(l.calls, i, i+1)
	}
}

// write sends what build makes, once it is this one's turn. A write that breaks
// off within a line ends the connection; one that was interrupted before its
// first byte does not.
func (l *link) write(ctx context.Context, build func() ([]byte, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l.token <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.token }()
	b, err := build()
	if err != nil {
		return err
	}
	l.trace('C', firstLine(b))
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return l.writeFailed(ctx, 0, err)
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		// A deadline that is over unblocks Write; if this fails, so does Write.
		_ = l.conn.SetWriteDeadline(time.Unix(1, 0))
	})
	n, err := l.conn.Write(b)
	if !stop() {
		<-interrupted
	}
	if err != nil {
		return l.writeFailed(ctx, n, err)
	}
	return nil
}

// writeFailed judges a write that ended after n bytes.
func (l *link) writeFailed(ctx context.Context, n int, err error) error {
	given := ctx.Err()
	if given != nil {
		err = given
	}
	err = fmt.Errorf("client: writing: %w", err)
	if given == nil || n > 0 {
		return l.fail(err)
	}
	return err
}

func firstLine(b []byte) string {
	for i, c := range b {
		if c == '\r' || c == '\n' {
			return string(b[:i])
		}
	}
	return string(b)
}

// raw writes bytes as they are.
func (l *link) raw(ctx context.Context, b []byte) error {
	return l.write(ctx, func() ([]byte, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return b, l.err
	})
}

// send is the escape hatch: any verb, answered by the first line with its TrID.
func (l *link) send(ctx context.Context, verb string, args ...string) (wire.Command, error) {
	var reply wire.Command
	c := &call{verbs: []string{verb, "ACK", "NAK"}, take: func(cmd wire.Command) (bool, error) {
		reply = cmd
		return true, nil
	}}
	if err := l.ask(ctx, c, verb, args...); err != nil {
		return wire.Command{}, err
	}
	return reply, nil
}

// leave says OUT, waits a while for the server to close, and closes.
func (l *link) leave(ctx context.Context) error {
	defer l.close()
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	err := l.write(ctx, func() ([]byte, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.err != nil {
			return nil, l.err
		}
		l.err = ErrClosed // the end that follows is ours
		return []byte("OUT\r\n"), nil
	})
	if err != nil {
		return err
	}
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("client: waiting for the server to close: %w", ctx.Err())
	}
}
