package server

import (
	"fmt"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/wtvp/client"
)

// TestHalfOpen: thousands of connections that never send anything stay below the cap, and go by themselves.
func TestHalfOpen(t *testing.T) {
	const most, tried = 50, 3000
	log := new(lockedBuffer)
	o := Options{MaxConnections: most, Log: slog.New(slog.NewTextHandler(log, nil))}
	bubble(t, o, nil, func(t *testing.T, s *Server, l *pipeListener) {
		var held []net.Conn
		for i := range tried {
			held = append(held, l.connect(fmt.Sprintf("10.0.%d.%d:1", i/256, i%256)))
		}
		synctest.Wait()
		if n := s.connections(); n != most {
			t.Errorf("%d connections, want %d", n, most)
		}
		if n := log.count("too many connections"); n != 1 {
			t.Errorf("%d lines for %d connections turned away", n, tried-most)
		}
		for _, nc := range held[most:] {
			if got := untilClosed(t, nc, time.Now()); got != 0 {
				t.Fatalf("turned away after %v", got)
			}
		}
		pause(DefaultFirstTimeout)
		synctest.Wait()
		if n := s.connections(); n != 0 || len(s.perAddr) != 0 {
			t.Errorf("%d connections of %d addresses after the deadline", n, len(s.perAddr))
		}
		c := client.Plain(l.connect("10.0.0.1:1"), identity(t))
		if resp, err := c.Get(t.Context(), "wtv-echo:/x"); err != nil || resp.Status != 200 {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestPerAddress(t *testing.T) {
	bubble(t, Options{MaxPerAddress: 2}, nil, func(t *testing.T, s *Server, l *pipeListener) {
		tests := []struct {
			from string
			in   bool
		}{
			{"10.0.0.1:1", true}, {"10.0.0.1:2", true}, {"10.0.0.1:3", false}, {"[::ffff:10.0.0.1]:4", false}, {"10.0.0.2:1", true},
			{"[2001:db8::1]:1", true}, {"[2001:db8::2]:1", true}, {"[2001:db8::3]:1", false}, {"[2001:db8:0:1::1]:1", true},
			{"pipe", true}, {"pipe", true}, {"pipe", true}, // addresses that are no IP are not counted
		}
		n := 0
		for _, tt := range tests {
			nc := l.connect(tt.from)
			defer nc.Close()
			if tt.in {
				n++
			}
			synctest.Wait()
			if got := s.connections(); got != n {
				t.Errorf("after %s: %d connections, want %d", tt.from, got, n)
			}
		}
	})
}

func TestAllowed(t *testing.T) {
	o := Options{Allowed: prefixes(t, "10.0.0.0/8", "2001:db8::/32", "fe80::/10")}
	bubble(t, o, nil, func(t *testing.T, s *Server, l *pipeListener) {
		for from, in := range map[string]bool{
			"10.1.2.3:1": true, "[::ffff:10.1.2.3]:1": true, "[2001:db8::1]:1": true, "[fe80::1%eth0]:1": true,
			"11.0.0.1:1": false, "[2001:db9::1]:1": false, "pipe": false,
		} {
			nc := l.connect(from)
			synctest.Wait()
			if got := s.connections() == 1; got != in {
				t.Errorf("%s: in %v, want %v", from, got, in)
			}
			_ = nc.Close()
			synctest.Wait()
		}
	})
}

func TestNotice(t *testing.T) {
	var n notice
	at := time.Unix(1000, 0)
	for _, tt := range []struct {
		after time.Duration
		count int
		due   bool
	}{{0, 1, true}, {time.Second, 0, false}, {noticeInterval - 1, 0, false}, {noticeInterval, 3, true}, {noticeInterval + 1, 0, false}} {
		if count, due := n.add(at.Add(tt.after)); due != tt.due || due && count != tt.count {
			t.Errorf("after %v: %d, %v", tt.after, count, due)
		}
	}
}
