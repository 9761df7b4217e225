package picture

import (
	"net"
	"net/netip"
	"sync"
)

// door.go: who may come in. A connection that sends nothing holds its place until
// headTimeout, so that places are few for each caller.

const (
	// maxConnections are open at a time, and maxFromCaller of one caller: a club of
	// boxes behind one address, each of which opens some. Connections of this machine
	// are a proxy's, and count only in all.
	maxConnections = 512
	maxFromCaller  = 64
)

// door is a listener that closes connections beyond the limits at once.
type door struct {
	net.Listener

	mu   sync.Mutex
	all  int
	from map[netip.Prefix]int
}

func limited(l net.Listener) net.Listener {
	return &door{Listener: l, from: make(map[netip.Prefix]int)}
}

// Accept waits for the next connection that may come in.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		who := caller(c.RemoteAddr().String())
		if d.enter(who) {
			return &guest{Conn: c, leave: sync.OnceFunc(func() { d.leave(who) })}, nil
		}
		c.Close()
	}
}

func (d *door) enter(who netip.Prefix) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all >= maxConnections || !who.Addr().IsLoopback() && d.from[who] >= maxFromCaller {
		return false
	}
	d.all++
	d.from[who]++
	return true
}

func (d *door) leave(who netip.Prefix) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all--
	if d.from[who]--; d.from[who] <= 0 {
		delete(d.from, who)
	}
}

// guest is a connection that was let in.
type guest struct {
	net.Conn
	leave func()
}

// Close ends the connection and gives its place free.
func (g *guest) Close() error {
	g.leave()
	return g.Conn.Close()
}
