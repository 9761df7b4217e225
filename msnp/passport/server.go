package passport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	// headTimeout is how long a request's head may take, the TLS handshake
	// included: a modem of 1997 sends 1 KB in a second.
	headTimeout = 15 * time.Second
	// requestTimeout is how long the whole request may take, and what comes of it:
	// latePause and a password included.
	requestTimeout = 30 * time.Second
	// maxHead bounds a request's head in bytes: lines of 8 KB are in use (msnp.md
	// 5.2).
	maxHead = 16 << 10
	// maxConns are open at once, and maxSourceConns from one source: a request is
	// over in a second. Connections of this machine are a proxy's and count only
	// in all.
	maxConns       = 512
	maxSourceConns = 64
	// shutdownGrace is how long requests under way may take once the server
	// stops.
	shutdownGrace = time.Second
)

// Server serves a handler as clients of the time need it: HTTP/1 alone, with TLS
// from version 1.0 on, and bounded in time, memory and connections.
type Server struct {
	http   http.Server
	tls    *tls.Config // nil: plain
	cancel context.CancelFunc

	mu    sync.Mutex
	conns map[*conn]struct{}
	from  map[netip.Addr]int // connections by source
}

// NewServer makes a server. cert is nil for plain HTTP, on this machine or behind
// a proxy that speaks TLS.
func NewServer(h http.Handler, cert *tls.Certificate, log *slog.Logger) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{cancel: cancel, conns: make(map[*conn]struct{}), from: make(map[netip.Addr]int)}
	s.http = http.Server{
		Handler:           h,
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		MaxHeaderBytes:    maxHead,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // panics, and what strangers send
	}
	s.http.SetKeepAlivesEnabled(false)
	if cert != nil {
		s.tls = tlsConfig(*cert)
	}
	return s
}

// tlsConfig lets clients of the time in: they end at TLS 1.0 and know the RSA key
// exchange only. A client that can do better does, since both sides choose the
// best they have in common and a downgrade is noticed. NextProtos keeps HTTP/2
// off, whose header names are in lower case.
func tlsConfig(cert tls.Certificate) *tls.Config {
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, NextProtos: []string{"http/1.1"}}
	for _, suite := range tls.CipherSuites() {
		c.CipherSuites = append(c.CipherSuites, suite.ID)
	}
	c.CipherSuites = append(c.CipherSuites, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA)
	return c
}

// Serve answers connections until Shutdown, and gives nil then.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(&listener{l, s})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting, lets requests under way end for shutdownGrace, or
// until ctx ends, and then closes what is left.
func (s *Server) Shutdown(ctx context.Context) error {
	s.cancel() // nobody waits out a pause
	ctx, done := context.WithTimeout(ctx, shutdownGrace)
	defer done()
	if s.http.Shutdown(ctx) == nil {
		return nil // what lingers after its answer ends by itself
	}
	return s.http.Close()
}

// listener counts connections and closes those beyond the limits at once.
type listener struct {
	net.Listener
	s *Server
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if own := l.s.admit(c); own != nil {
			return own, nil
		}
		c.Close()
	}
}

// admit takes a connection in; nil: there are too many.
func (s *Server) admit(c net.Conn) *conn {
	var from netip.Addr
	if a, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
		from = sourceOf(a.Addr())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= maxConns || !from.IsLoopback() && s.from[from] >= maxSourceConns {
		return nil
	}
	own := &conn{Conn: c, s: s, source: from}
	if s.tls != nil {
		own.Conn = tls.Server(c, s.tls)
	}
	s.conns[own] = struct{}{}
	s.from[from]++
	return own
}

// conn is one connection. It brings the head of a request into the form that
// net/http takes: see amend.
type conn struct {
	net.Conn
	s      *Server
	source netip.Addr

	r    *bufio.Reader // nil: nothing read yet
	head []byte        // of it, what is not handed on yet
	err  error         // what ended it
}

// Read hands on the head of the first request, amended, and then what follows.
// There is one request on a connection.
func (c *conn) Read(p []byte) (int, error) {
	if c.r == nil {
		c.r = bufio.NewReader(c.Conn)
		c.head, c.err = readHead(c.r)
	}
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	if c.err != nil {
		return 0, c.err
	}
	return c.r.Read(p)
}

// Close ends the connection and gives its place free.
func (c *conn) Close() error {
	c.s.mu.Lock()
	if _, open := c.s.conns[c]; open {
		delete(c.s.conns, c)
		if c.s.from[c.source]--; c.s.from[c.source] == 0 {
			delete(c.s.from, c.source)
		}
	}
	c.s.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite ends the sending side.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// readHead reads a request up to its empty line and amends it. What is too long
// is handed on as it is: net/http answers that with 431.
func readHead(r *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		line, err := r.ReadSlice('\n')
		head = append(head, line...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(head) <= maxHead:
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return head, err
		case len(head) > maxHead:
			return head, nil
		case len(bytes.TrimRight(line, "\r\n")) == 0 && len(head) > len(line) && head[len(head)-len(line)-1] == '\n':
			return amend(head), nil
		}
	}
}

// amend makes two old forms of a request acceptable to net/http, which are the
// only ones that it refuses and clients send: gaim asks the nexus with `GET
// /rdr/pprdr.asp` and no version, and a Host is often missing (msnp.md 5.2, 25.7).
func amend(head []byte) []byte {
	first, rest, _ := bytes.Cut(head, []byte("\n"))
	line := strings.TrimRight(string(first), "\r")
	if len(strings.Fields(line)) == 2 {
		return append([]byte(line+" HTTP/1.0\r\n"), rest...)
	}
	if !strings.HasSuffix(line, " HTTP/1.1") || bytes.Contains(bytes.ToLower(head), []byte("\nhost:")) {
		return head
	}
	return append([]byte(line+"\r\nHost:\r\n"), rest...)
}
