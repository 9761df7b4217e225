package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
)

// ends_test.go: how connections end, and the server.

// The last words arrive although the client was still sending: closing with
// unread input would reset the connection.
func TestLastWords(t *testing.T) {
	ln := listen(t)
	serve(t, server.Options{}, ln)
	for range 20 {
		got := msnptest.Say(t, ln.Addr().String(), []byte("INN 1\r\nBYE\r\n"+strings.Repeat("HEY 1\r\n", 5000)), 0)
		if got != "INN 1\r\nOUT BYE\r\n" {
			t.Fatalf("%q", got)
		}
	}
}

// A client that stays after our goodbye is cut all the same.
func TestGoodbyeIsFinal(t *testing.T) {
	ln := listen(t)
	s, ended := serve(t, server.Options{}, ln)
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	fmt.Fprint(nc, "BYE\r\n")
	r := bufio.NewReader(nc)
	if line, _ := r.ReadString('\n'); line != "OUT BYE\r\n" {
		t.Fatalf("%q", line)
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil || ended.Load() != 1 {
		t.Errorf("%v, %d ended", err, ended.Load())
	}
}

// A client that takes nothing is given up after the write deadline.
func TestDeadLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := msnptest.NewPipe()
		s, ended := serve(t, server.Options{}, ln)
		nc, err := ln.Dial("192.0.2.10:1000")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		fmt.Fprint(nc, "INN 1\r\n")
		for ended.Load() == 0 {
			<-time.After(time.Second)
		}
		if d := time.Since(start); d < time.Minute || d > time.Minute+time.Second {
			t.Errorf("given up after %v", d)
		}
		synctest.Wait()
		if n := s.Stats().Connections; n != 0 {
			t.Errorf("%d connections left", n)
		}
	})
}

// A reply that is longer than a modem takes in one deadline is written in pieces
// with a deadline each.
func TestSlowLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := msnptest.NewPipe()
		serve(t, server.Options{}, ln)
		nc, err := ln.Dial("192.0.2.10:1000")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(nc, "INN 1\r\nBIG 2\r\n")
		buf, got := make([]byte, 1000), 0
		for got < 100009 {
			<-time.After(time.Second)
			n, err := nc.Read(buf)
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
			got += n
		}
	})
}

// Shutdown waits as long as it is allowed to, then cuts; handlers are released.
func TestShutdownCuts(t *testing.T) {
	ln := listen(t)
	s, ended := serve(t, server.Options{}, ln)
	r := msnptest.NewRunner(t, ln.Addr().String())
	r.Do("C> INN 1\nS> INN 1\nC> HNG 2\nCnew> \"\"\nC2> HEY 1\nS2> HEY 1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	r.Do("S> [closed]\nS2> [closed]\nSnew> [closed]")
	if err := s.Shutdown(t.Context()); err != nil || ended.Load() != 2 {
		t.Errorf("second shutdown: %v, %d handlers ended", err, ended.Load())
	}
	if err := s.Serve(t.Context(), listen(t)); err != nil {
		t.Errorf("serve after shutdown: %v", err)
	}
}

// Serve ends with its context and leaves the connections alone.
func TestServeContext(t *testing.T) {
	ln := msnptest.NewPipe()
	s := server.New(server.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	cancel()
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
	closed := msnptest.NewPipe()
	closed.Close()
	if err := s.Serve(t.Context(), closed); !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve on a closed listener: %v", err)
	}
}

// failing is a listener that cannot accept for a while.
type failing struct {
	*msnptest.Pipe
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left > 0 {
		f.left--
		return nil, errors.New("too many open files")
	}
	return f.Pipe.Accept()
}

// Errors of accept make pauses that double, up to a second.
func TestAcceptBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ln := &failing{msnptest.NewPipe(), 10}
		serve(t, server.Options{}, ln)
		r := msnptest.NewRunnerOn(t, func() (net.Conn, error) { return ln.Dial("192.0.2.10:1000") })
		r.Do("C> HEY 1\nS> HEY 1")
		// 5+10+20+...+640 ms, then a second each
		if d := time.Since(start); d != 1275*time.Millisecond+2*time.Second {
			t.Errorf("ten errors took %v", d)
		}
	})
}
