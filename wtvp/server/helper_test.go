package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/wire"
)

var testKey = sec.Key{0x31, 0x41, 0x59, 0x26, 0x53, 0x58, 0x97, 0x93}

// lockedBuffer is a log to read while the server writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// count returns how many lines hold a text.
func (l *lockedBuffer) count(text string) int {
	n := 0
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// echo answers with what it was asked.
var echo = HandlerFunc(func(_ context.Context, r *Request) *Response {
	return &Response{
		Status: 200, Text: "OK", ContentType: "text/plain",
		Body: fmt.Appendf(nil, "%s %s?%s [%s] %s", r.Method, r.URL.Path, r.URL.Query, r.Body, r.Session.SSID),
	}
})

type harness struct {
	*Server
	addr string
	log  *lockedBuffer
}

// start serves a Server with the service "wtv-echo" and what setup adds, on TCP.
func start(t testing.TB, o Options, setup func(*Server)) *harness {
	t.Helper()
	h := &harness{log: new(lockedBuffer)}
	o.Log = slog.New(slog.NewTextHandler(h.log, nil))
	if o.InitialKey == nil {
		o.InitialKey = &testKey
	}
	h.Server = New(o)
	h.Handle("wtv-echo", echo)
	if setup != nil {
		setup(h.Server)
	}
	h.addr = listen(t, h.Server)
	t.Cleanup(h.Close)
	return h
}

// listen serves s on one more port.
func listen(t testing.TB, s *Server, services ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), l, services...) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

func identity(t testing.TB) *client.Identity {
	t.Helper()
	id, err := client.NewIdentity(testKey, "81a7b50070b002bf", 0)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// raw is a TCP connection that sends what it is told.
type raw struct {
	*net.TCPConn
	br *bufio.Reader
	rd *wire.Reader
}

func dialRaw(t testing.TB, addr string) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	br := bufio.NewReader(nc)
	return &raw{nc.(*net.TCPConn), br, wire.NewReader(br)}
}

func (r *raw) send(t testing.TB, s string) {
	t.Helper()
	if _, err := io.WriteString(r, s); err != nil {
		t.Fatal(err)
	}
}

// response reads an answer and its body as it came.
func (r *raw) response(t testing.TB) (*wire.Response, string) {
	t.Helper()
	resp, err := r.rd.ReadResponse()
	if err != nil {
		t.Fatalf("reading an answer: %v", err)
	}
	body, err := r.rd.ReadBody(resp.ContentLength)
	if err != nil {
		t.Fatalf("reading a body: %v", err)
	}
	return resp, string(body)
}

// expectEnd waits for the server to close.
func (r *raw) expectEnd(t testing.TB) {
	t.Helper()
	if b, err := io.ReadAll(r.br); err != nil || len(b) > 0 {
		t.Errorf("instead of the end: %q, %v", b, err)
	}
}

// ticketFor makes a ticket and its keys.
func ticketFor(t testing.TB, key sec.Key, store string) (string, sec.Keys) {
	t.Helper()
	signing, err := sec.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c, err := sec.NewChallenge(signing, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tk, err := sec.NewTicket(signing, c, []byte(store))
	if err != nil {
		t.Fatal(err)
	}
	return tk.Encode(key), c.Keys
}

// pipeListener hands out net.Pipe ends as connections from an address.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return pipeAddr("127.0.0.1:1") }

type pipeAddr string

func (pipeAddr) Network() string  { return "tcp" }
func (a pipeAddr) String() string { return string(a) }

type pipeConn struct {
	net.Conn
	from pipeAddr
}

func (c pipeConn) RemoteAddr() net.Addr { return c.from }

// connect returns the client's end.
func (l *pipeListener) connect(from string) net.Conn {
	a, b := net.Pipe()
	l.conns <- pipeConn{b, pipeAddr(from)}
	return a
}

func prefixes(t testing.TB, s ...string) []netip.Prefix {
	t.Helper()
	var ps []netip.Prefix
	for _, p := range s {
		ps = append(ps, netip.MustParsePrefix(p))
	}
	return ps
}
