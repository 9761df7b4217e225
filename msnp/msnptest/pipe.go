package msnptest

import (
	"net"
	"net/netip"
	"sync"
)

// Pipe is a listener without a network, for tests that run on a clock of their
// own (testing/synctest) or need addresses of their own.
type Pipe struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewPipe makes one.
func NewPipe() *Pipe {
	return &Pipe{conns: make(chan net.Conn), done: make(chan struct{})}
}

// pipeConn has addresses.
type pipeConn struct {
	net.Conn
	local, remote net.Addr
}

// LocalAddr implements net.Conn.
func (c pipeConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c pipeConn) RemoteAddr() net.Addr { return c.remote }

// Dial connects as if from an address such as 192.0.2.10:1863.
func (p *Pipe) Dial(from string) (net.Conn, error) {
	remote, err := netip.ParseAddrPort(from)
	if err != nil {
		return nil, err
	}
	here, there := net.Pipe()
	select {
	case p.conns <- pipeConn{there, p.Addr(), net.TCPAddrFromAddrPort(remote)}:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Accept implements net.Listener.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr implements net.Listener: 192.0.2.1:1863.
func (p *Pipe) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:1863"))
}
