package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"

	"wtvgate/wtvp/sec"
)

// memConn gives a client's bytes in pieces of one size and keeps what is answered.
type memConn struct {
	loopConn
	in    *bytes.Reader
	piece int
	out   bytes.Buffer
}

func (c *memConn) Read(p []byte) (int, error)  { return c.in.Read(p[:min(len(p), c.piece)]) }
func (c *memConn) Write(p []byte) (int, error) { return c.out.Write(p) }

// FuzzConn: whatever a client sends, plain or enciphered, nothing panics, and the answers do not depend on how it was cut.
func FuzzConn(f *testing.F) {
	ticket, keys := ticketFor(f, testKey, `{"user_id":0}`)
	secure := []byte("SECURE ON\r\nwtv-ticket: " + ticket + "\r\nwtv-incarnation:4\r\n\r\n")
	f.Add([]byte("GET wtv-echo:/x?y\r\nA: b\r\n\r\nGET wtv-echo:x\n\n"), true)
	f.Add([]byte("POST wtv-echo:/x\r\nContent-length: 3\r\n\r\nabcdefgGET wtv-none:/\r\n\r\n"), true)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), false)
	f.Add([]byte("SECURE ON\r\n\r\n"), true)
	f.Add(append(bytes.Clone(secure), secure...), false)
	f.Fuzz(func(t *testing.T, in []byte, secured bool) {
		if secured {
			b := bytes.Clone(in)
			sec.NewStream(keys.Session1, 4).XORKeyStream(b, b)
			in = append(bytes.Clone(secure), b...)
		}
		var answers [2][]byte
		for i, piece := range []int{1, 1 << 20} {
			log := new(lockedBuffer)
			s := New(Options{InitialKey: &testKey, Log: slog.New(slog.NewTextHandler(log, nil))})
			s.Handle("wtv-echo", echo)
			nc := &memConn{in: bytes.NewReader(in), piece: piece}
			newConn(s, nc, s.services, remoteOf(nc), 1).serve(context.Background())
			if log.count("panic") > 0 {
				t.Fatal(log)
			}
			answers[i] = nc.out.Bytes()
		}
		if !bytes.Equal(answers[0], answers[1]) {
			t.Fatalf("by bytes %q, whole %q", answers[0], answers[1])
		}
	})
}

// panicConn fails in a way that no connection should.
type panicConn struct{ net.Conn }

func (panicConn) Read([]byte) (int, error) { panic("broken driver") }

// TestPanicOutsideHandler: a panic ends its own connection, with a stack in the log, and no other.
func TestPanicOutsideHandler(t *testing.T) {
	log := new(lockedBuffer)
	bubble(t, Options{Log: slog.New(slog.NewTextHandler(log, nil))}, nil, func(t *testing.T, s *Server, l *pipeListener) {
		good := l.connect("10.0.0.1:1")
		a, b := net.Pipe()
		l.conns <- pipeConn{panicConn{b}, "10.0.0.2:1"}
		if _, err := a.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("its client sees %v", err)
		}
		synctest.Wait()
		if log.count("broken driver") != 1 || log.count("stack=") != 1 || s.connections() != 1 {
			t.Errorf("%d connections, log:\n%s", s.connections(), log)
		}
		_ = good.Close()
	})
}
