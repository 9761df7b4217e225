package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/wtvp/client"
)

// TestShutdown: connections at rest and half-sent heads end at once, a running request is finished, nobody new comes in.
func TestShutdown(t *testing.T) {
	var release chan struct{}
	setup := func(s *Server) { release = make(chan struct{}); s.Handle("wtv-wait", waiter(release)) }
	bubble(t, Options{}, setup, func(t *testing.T, s *Server, l *pipeListener) {
		idle, half, busy := l.connect("10.0.0.1:1"), l.connect("10.0.0.1:2"), l.connect("10.0.0.1:3")
		if resp, err := client.Plain(idle, identity(t)).Get(t.Context(), "wtv-echo:/x"); err != nil || resp.Status != 200 {
			t.Fatal(err)
		}
		_ = idle.SetDeadline(time.Time{})
		if _, err := io.WriteString(half, "GET wtv-echo:/half"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(busy, "GET wtv-wait:/x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stopped := make(chan error, 1)
		go func() { stopped <- s.Shutdown(context.Background()) }()
		begun := time.Now()
		for _, nc := range []net.Conn{idle, half} {
			if got := untilClosed(t, nc, begun); got != 0 {
				t.Errorf("connection at rest ended after %v", got)
			}
		}
		<-l.done
		synctest.Wait()
		select {
		case err := <-stopped:
			t.Fatalf("Shutdown did not wait: %v", err)
		default:
		}
		close(release)
		answer, err := io.ReadAll(busy)
		if want := "200 OK\nConnection: close\nContent-length: 8\n\nfinished"; err != nil || string(answer) != want {
			t.Errorf("%q, %v", answer, err)
		}
		if err := <-stopped; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := s.Serve(t.Context(), newPipeListener()); !errors.Is(err, ErrClosed) {
			t.Errorf("Serve after Shutdown: %v", err)
		}
	})
}

// TestShutdownRunsOut: when the time for a clean end is over, handlers are told and connections closed.
func TestShutdownRunsOut(t *testing.T) {
	setup := func(s *Server) { s.Handle("wtv-wait", waiter(nil)) }
	bubble(t, Options{}, setup, func(t *testing.T, s *Server, l *pipeListener) {
		nc := l.connect("10.0.0.1:1")
		if _, err := io.WriteString(nc, "GET wtv-wait:/x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		begun := time.Now()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 8*time.Second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(begun))
		}
		if s.connections() != 0 {
			t.Error("connections are left")
		}
	})
}

// TestServeContext: the end of the context given to Serve ends listener, connections and handlers.
func TestServeContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		s.Handle("wtv-wait", waiter(nil))
		l := newPipeListener()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, l) }()
		idle, busy := l.connect("10.0.0.1:1"), l.connect("10.0.0.1:2")
		if _, err := io.WriteString(busy, "GET wtv-wait:/x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
		for _, nc := range []net.Conn{idle, busy} {
			if got := untilClosed(t, nc, time.Now()); got != 0 {
				t.Errorf("closed after %v", got)
			}
		}
		s.Close()
	})
}

// failingListener fails so many times, then gives way to another.
type failingListener struct {
	*pipeListener
	fails int
	at    []time.Time
}

func (l *failingListener) Accept() (net.Conn, error) {
	l.at = append(l.at, time.Now())
	if l.fails > 0 {
		l.fails--
		return nil, errors.New("too many open files")
	}
	return l.pipeListener.Accept()
}

// TestAcceptBackoff: a listener that fails is tried again, slower and slower up to a second, and works once it does.
func TestAcceptBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(lockedBuffer)
		s := New(Options{Log: slog.New(slog.NewTextHandler(log, nil))})
		s.Handle("wtv-echo", echo)
		l := &failingListener{pipeListener: newPipeListener(), fails: 12}
		done := make(chan error, 1)
		go func() { done <- s.Serve(context.Background(), l) }()
		c := client.Plain(l.connect("10.0.0.1:1"), identity(t))
		if resp, err := c.Get(t.Context(), "wtv-echo:/x"); err != nil || resp.Status != 200 {
			t.Fatal(err)
		}
		s.Close()
		<-done
		want := acceptMinDelay
		for i := range 12 {
			if got := l.at[i+1].Sub(l.at[i]); got != want {
				t.Errorf("pause %d: %v, want %v", i, got, want)
			}
			want = min(2*want, acceptMaxDelay)
		}
		if n := log.count("too many open files"); n != 12 {
			t.Errorf("%d lines", n)
		}
		// A Server that is told to stop while it waits does not wait on.
		s = New(Options{})
		l = &failingListener{pipeListener: newPipeListener(), fails: 1 << 30}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Serve(ctx, l); !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}

// TestListenerLost: a listener closed by somebody else ends Serve with what happened.
func TestListenerLost(t *testing.T) {
	s := New(Options{})
	l := newPipeListener()
	_ = l.Close()
	if err := s.Serve(t.Context(), l); errors.Is(err, ErrClosed) || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
}
