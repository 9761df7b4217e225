package server

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/wtvp/client"
)

// bubble runs f with a Server on pipes, in a world where time is not real.
func bubble(t *testing.T, o Options, setup func(*Server), f func(t *testing.T, s *Server, l *pipeListener)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.InitialKey = &testKey
		s := New(o)
		s.Handle("wtv-echo", echo)
		if setup != nil {
			setup(s)
		}
		l := newPipeListener()
		done := make(chan error, 1)
		go func() { done <- s.Serve(context.Background(), l) }()
		f(t, s, l)
		s.Close()
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}

// pause lets time pass in a bubble, where none of it is real.
func pause(d time.Duration) { <-time.After(d) }

// trickle writes a byte every seven seconds until the connection is gone.
func trickle(nc net.Conn, first string) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, err := nc.Write([]byte(first)); err == nil; _, err = nc.Write([]byte("x")) {
			pause(7 * time.Second)
		}
	}()
	return done
}

// untilClosed drains a connection and returns how long the server kept it.
func untilClosed(t *testing.T, nc net.Conn, since time.Time) time.Duration {
	t.Helper()
	if _, err := io.Copy(io.Discard, nc); err != nil {
		t.Errorf("reading to the end: %v", err)
	}
	return time.Since(since)
}

func TestFirstByteDeadline(t *testing.T) {
	bubble(t, Options{}, nil, func(t *testing.T, _ *Server, l *pipeListener) {
		nc := l.connect("10.0.0.1:1")
		if got := untilClosed(t, nc, time.Now()); got != DefaultFirstTimeout {
			t.Errorf("silent connection was kept for %v, want %v", got, DefaultFirstTimeout)
		}
	})
}

// TestHeadDeadline: a client that sends a byte now and then does not get more time for its head.
func TestHeadDeadline(t *testing.T) {
	if DefaultHeadTimeout < 30*time.Second {
		t.Fatal("a modem line needs 30 s")
	}
	bubble(t, Options{}, nil, func(t *testing.T, _ *Server, l *pipeListener) {
		nc := l.connect("10.0.0.1:1")
		pause(DefaultFirstTimeout - time.Second)
		begun := time.Now()
		ended := trickle(nc, "G")
		defer func() { <-ended }()
		if got := untilClosed(t, nc, begun); got != DefaultHeadTimeout {
			t.Errorf("slow head was waited for %v, want %v", got, DefaultHeadTimeout)
		}
	})
}

// TestSlowHead: a head that takes 50 s of a slow line is served, and the time between requests does not count.
func TestSlowHead(t *testing.T) {
	bubble(t, Options{}, nil, func(t *testing.T, _ *Server, l *pipeListener) {
		nc := l.connect("10.0.0.1:1")
		defer nc.Close()
		for range 3 {
			go func() {
				for _, c := range []byte("GET wtv-echo:/slow\r\n\r\n") {
					pause(DefaultHeadTimeout / 24)
					_, _ = nc.Write([]byte{c})
				}
			}()
			buf := make([]byte, 1024)
			n, err := nc.Read(buf)
			if err != nil || !strings.HasSuffix(string(buf[:n]), "GET /slow? [] ") {
				t.Fatalf("%q, %v", buf[:n], err)
			}
			pause(DefaultIdleTimeout - 10*time.Second)
		}
	})
}

func TestIdleDeadline(t *testing.T) {
	bubble(t, Options{}, nil, func(t *testing.T, _ *Server, l *pipeListener) {
		nc := l.connect("10.0.0.1:1")
		c, err := client.Secure(nc, identity(t))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if resp, err := c.Get(t.Context(), "wtv-echo:/x"); err != nil || resp.Status != 200 {
				t.Fatal(err)
			}
			pause(DefaultIdleTimeout - time.Second)
		}
		if resp, err := c.Get(t.Context(), "wtv-echo:/x"); err != nil || resp.Status != 200 {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Time{})
		if got := untilClosed(t, nc, time.Now()); got != DefaultIdleTimeout {
			t.Errorf("idle connection was kept for %v, want %v", got, DefaultIdleTimeout)
		}
	})
}

func TestBodyDeadline(t *testing.T) {
	bubble(t, Options{}, nil, func(t *testing.T, _ *Server, l *pipeListener) {
		nc := l.connect("10.0.0.1:1")
		if _, err := io.WriteString(nc, "POST wtv-echo:/x\r\nContent-length: 100\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		ended := trickle(nc, "x")
		defer func() { <-ended }()
		if got := untilClosed(t, nc, begun); got != DefaultBodyTimeout {
			t.Errorf("body was waited for %v, want %v", got, DefaultBodyTimeout)
		}
	})
}

// TestSurplusDeadline: stray bytes after a body do not start the clock of a head.
func TestSurplusDeadline(t *testing.T) {
	bubble(t, Options{}, nil, func(t *testing.T, _ *Server, l *pipeListener) {
		nc := l.connect("10.0.0.1:1")
		go func() { _, _ = io.WriteString(nc, "POST wtv-echo:/x\r\nContent-length: 1\r\n\r\nxsurplus") }()
		buf := make([]byte, 1024)
		if n, err := nc.Read(buf); err != nil || !strings.HasSuffix(string(buf[:n]), "[x] ") {
			t.Fatalf("%q, %v", buf[:n], err)
		}
		if got := untilClosed(t, nc, time.Now()); got != DefaultIdleTimeout {
			t.Errorf("connection was kept for %v, want %v", got, DefaultIdleTimeout)
		}
	})
}

// TestWriteDeadline: a client that does not read its answer loses the connection.
func TestWriteDeadline(t *testing.T) {
	bubble(t, Options{}, nil, func(t *testing.T, s *Server, l *pipeListener) {
		nc := l.connect("10.0.0.1:1")
		if _, err := io.WriteString(nc, "GET wtv-echo:/x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for s.connections() > 0 {
			pause(time.Second)
		}
		if got := time.Since(begun); got < DefaultWriteTimeout || got > DefaultWriteTimeout+time.Second {
			t.Errorf("connection was kept for %v, want %v", got, DefaultWriteTimeout)
		}
	})
}

func (s *Server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// waiter is a handler that waits for the end of its context or for release.
func waiter(release <-chan struct{}) Handler {
	return HandlerFunc(func(ctx context.Context, _ *Request) *Response {
		select {
		case <-ctx.Done():
			return Refuse(500, "stopped", ctx.Err().Error())
		case <-release:
			return &Response{Status: 200, Text: "OK", Body: []byte("finished")}
		}
	})
}

func TestHandlerDeadline(t *testing.T) {
	setup := func(s *Server) { s.Handle("wtv-wait", waiter(nil)) }
	bubble(t, Options{}, setup, func(t *testing.T, _ *Server, l *pipeListener) {
		c := client.Plain(l.connect("10.0.0.1:1"), identity(t))
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		resp, err := c.Get(ctx, "wtv-wait:/")
		if err != nil || resp.Text != "stopped" || time.Since(begun) != HandlerTimeout {
			t.Errorf("%+v, %v after %v", resp, err, time.Since(begun))
		}
	})
}
