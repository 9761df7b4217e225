package chaos

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Phone is the wall socket of one box: every connection it makes goes through it,
// and the line can be hung up, cut or stalled.
type Phone struct {
	l *Ledger

	mu    sync.Mutex
	lines map[*line]bool
	wg    sync.WaitGroup
}

// NewPhone makes a phone.
func NewPhone(l *Ledger) *Phone { return &Phone{l: l, lines: make(map[*line]bool)} }

// line is one connection: box on one side, gateway on the other.
type line struct {
	p             *Phone
	box, gateway  *net.TCPConn
	mu            sync.Mutex
	until         time.Time     // stalled until then
	severed       bool          // nothing reaches the box any more
	cut           chan struct{} // closed with it
	rest, partial []byte        // what the box did not get, and what was last passed on
}

// lookAgain is how soon a line notices that its stall was made shorter.
const lookAgain = 50 * time.Millisecond

// maxRest bounds what is kept of a line that was cut.
const maxRest = 1 << 20

// Dial connects through the phone.
func (p *Phone) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	up, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	near, far, err := pair(ctx)
	if err != nil {
		up.Close()
		return nil, err
	}
	l := &line{p: p, box: far, gateway: up.(*net.TCPConn), cut: make(chan struct{})}
	p.mu.Lock()
	p.lines[l] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(l.toBox)
	both.Go(l.toGateway)
	p.wg.Go(func() {
		both.Wait()
		l.box.Close()
		l.gateway.Close()
		l.mu.Lock()
		if l.severed {
			p.l.Cut(append(l.partial, l.rest...))
		}
		l.mu.Unlock()
		p.mu.Lock()
		delete(p.lines, l)
		p.mu.Unlock()
	})
	return near, nil
}

// pair is two ends of a TCP connection.
func pair(ctx context.Context) (near net.Conn, far *net.TCPConn, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	var d net.Dialer
	if near, err = d.DialContext(ctx, "tcp", ln.Addr().String()); err != nil {
		return nil, nil, err
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			near.Close()
			return nil, nil, err
		}
		if c.RemoteAddr().String() == near.LocalAddr().String() {
			return near, c.(*net.TCPConn), nil
		}
		c.Close() // somebody else's
	}
}

// toBox passes on what the gateway writes. After a cut it reads on, to know what
// the box did not get.
func (l *line) toBox() {
	buf := make([]byte, 16<<10)
	for {
		n, err := l.gateway.Read(buf)
		l.pass()
		l.mu.Lock()
		severed := l.severed
		if severed && len(l.rest) < maxRest {
			l.rest = append(l.rest, buf[:n]...)
		} else if n > 0 {
			l.partial = append(l.partial[:0], buf[:n]...)
		}
		l.mu.Unlock()
		if !severed && n > 0 {
			_, _ = l.box.Write(buf[:n]) // a box that has gone reads nothing
		}
		if err != nil {
			_ = l.box.CloseWrite()
			return
		}
	}
}

// toGateway passes on what the box writes.
func (l *line) toGateway() {
	buf := make([]byte, 16<<10)
	for {
		n, err := l.box.Read(buf)
		l.pass()
		l.mu.Lock()
		severed := l.severed
		l.mu.Unlock()
		if n > 0 && !severed {
			_, _ = l.gateway.Write(buf[:n]) // one that has gone is found by the reader
		}
		if err != nil {
			_ = l.gateway.CloseWrite()
			return
		}
	}
}

// pass waits while the line is stalled.
func (l *line) pass() {
	for {
		l.mu.Lock()
		left, severed := time.Until(l.until), l.severed
		l.mu.Unlock()
		if left <= 0 || severed {
			return
		}
		t := time.NewTimer(min(left, lookAgain))
		select {
		case <-t.C:
		case <-l.cut:
		}
		t.Stop()
	}
}

func (p *Phone) each(do func(*line)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.lines {
		do(l)
	}
}

// HangUp ends all connections as a box does that is done: what the gateway has
// written still arrives.
func (p *Phone) HangUp() {
	p.each(func(l *line) { _ = l.gateway.CloseWrite() })
}

// Cut ends all connections at once; what was inside them is noted.
func (p *Phone) Cut() {
	p.each(func(l *line) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.severed {
			return
		}
		l.severed = true
		close(l.cut)
		_ = l.box.Close()
		_ = l.gateway.CloseWrite()
	})
}

// Stall lets nothing pass for a while, in either direction.
func (p *Phone) Stall(d time.Duration) {
	p.each(func(l *line) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.until = time.Now().Add(d)
	})
}

// Wait returns when every connection has ended, or with an error.
func (p *Phone) Wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() { p.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("chaos: a line does not end"), ctx.Err())
	}
}
