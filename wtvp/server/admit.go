package server

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// admit starts a goroutine for a new connection, or closes it when it may not come in.
func (s *Server) admit(ctx context.Context, nc net.Conn, services map[string]Handler) {
	remote := remoteOf(nc)
	key := capKey(remote.Addr())
	s.mu.Lock()
	reason := s.turnAway(remote.Addr(), key)
	if reason != "" {
		n, due := s.turned.add(time.Now())
		s.mu.Unlock()
		_ = nc.Close()
		if due {
			s.opts.Log.Warn("wtvp: connection turned away", "remote", remote, "reason", reason, "count", n)
		}
		return
	}
	s.lastID++
	c := newConn(s, nc, services, remote, s.lastID)
	s.conns[c] = struct{}{}
	if key.IsValid() {
		s.perAddr[key]++
	}
	s.wg.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.wg.Done()
		defer s.forget(c, key)
		c.serve(ctx)
	}()
}

// turnAway says why a connection may not come in, "" if it may. The caller holds s.mu.
func (s *Server) turnAway(addr, key netip.Addr) string {
	switch {
	case s.closing:
		return "server is stopping"
	case !allowed(s.opts.Allowed, addr):
		return "address is in none of the allowed networks"
	case len(s.conns) >= s.opts.MaxConnections:
		return "too many connections"
	case key.IsValid() && s.perAddr[key] >= s.opts.MaxPerAddress:
		return "too many connections from this address"
	}
	return ""
}

func (s *Server) forget(c *conn, key netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if !key.IsValid() {
		return
	}
	if s.perAddr[key]--; s.perAddr[key] == 0 {
		delete(s.perAddr, key)
	}
}

func allowed(networks []netip.Prefix, addr netip.Addr) bool {
	if len(networks) == 0 {
		return true
	}
	for _, p := range networks {
		if p.Contains(addr.WithZone("")) {
			return true
		}
	}
	return false
}

// capKey is what connections are counted by: an IPv4 address or an IPv6 /64, which is what one subscriber has.
func capKey(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// remoteOf returns the address of the other side, an IPv4 address in IPv6 form as IPv4, as addrPort gives it.
func remoteOf(nc net.Conn) netip.AddrPort { return addrPort(nc.RemoteAddr()) }

// addrPort reads an address, invalid if it is none of IP.
func addrPort(a net.Addr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// notice thins out a log line that a stranger can cause at will.
type notice struct {
	last  time.Time
	count int
}

// add counts one and tells whether a line is due, for how many.
func (n *notice) add(now time.Time) (int, bool) {
	n.count++
	if !n.last.IsZero() && now.Sub(n.last) < noticeInterval {
		return 0, false
	}
	count := n.count
	n.last, n.count = now, 0
	return count, true
}
