package passport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const nexusRequest = "GET /rdr/pprdr.asp HTTP/1.0\r\n\r\n"

// certificate makes one for gw.example. An RSA key is what old clients know.
func certificate(t *testing.T, old bool) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	var key any
	var public any
	if old {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		key, public = k, &k.PublicKey
	} else {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, public = k, &k.PublicKey
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gw.example"}, DNSNames: []string{"gw.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, public, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	for _, tt := range []struct {
		name   string
		old    bool
		client *tls.Config
		want   uint16
	}{
		{"today", false, &tls.Config{NextProtos: []string{"h2", "http/1.1"}}, tls.VersionTLS13},
		{"no protocols offered", false, &tls.Config{}, tls.VersionTLS13},
		{"of the time", true, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10,
			CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}, tls.VersionTLS10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cert, pool := certificate(t, tt.old)
			r := newRig(t, cert)
			e := readExchange(t, "testdata/login-node.txt")
			tt.client.RootCAs, tt.client.ServerName = pool, "gw.example"
			c, err := tls.Dial("tcp", r.addr, tt.client)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got := r.askOn(c, e.question); got != e.answer {
				t.Errorf("answered %q", got)
			}
			if s := c.ConnectionState(); s.Version != tt.want || s.NegotiatedProtocol == "h2" {
				t.Errorf("TLS %x, protocol %q", s.Version, s.NegotiatedProtocol)
			}
		})
	}
}

// TestPlainOnTLS: who forgets TLS is told nothing and costs nothing.
func TestPlainOnTLS(t *testing.T) {
	cert, _ := certificate(t, false)
	r := newRig(t, cert)
	if a := r.ask(nexusRequest); strings.Contains(a, "PassportURLs") {
		t.Errorf("%q", a)
	}
}

func TestNoHTTP2InClear(t *testing.T) {
	r := newRig(t, nil)
	if a := r.ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); !strings.HasPrefix(a, "HTTP/1.1 ") {
		t.Errorf("%q", a)
	}
	e := readExchange(t, "testdata/nexus-wininet.txt")
	up := strings.Replace(e.question, "Connection: Keep-Alive", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", 1)
	if a := r.ask(up); a != e.answer {
		t.Errorf("%q", a)
	}
}

func TestOversized(t *testing.T) {
	r := newRig(t, nil)
	long := func(n int) string {
		return "GET /login2.srf HTTP/1.0\r\nX: " + strings.Repeat("x", n) + "\r\nAuthorization: Passport1.4 sign-in=alice@webtv.local,pwd=hunter22\r\n\r\n"
	}
	if a := r.ask(long(8 << 10)); ticketIn(a) == "" {
		t.Errorf("a line of 8 KB: %q", a)
	}
	for _, request := range []string{long(64 << 10), "GET /" + strings.Repeat("x", 64<<10) + " HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.0\r\n" + strings.Repeat("A: b\r\n", 8<<10) + "\r\n", strings.Repeat("x", 64<<10)} {
		if a := r.ask(request); !strings.HasPrefix(a, "HTTP/1.1 431 ") {
			t.Errorf("%.30q of %d bytes: %q", request, len(request), a)
		}
	}
	pad := func(n int) string { return envelope(alice, "hunter22", wanted("x", "")+strings.Repeat(" ", n)) }
	if a := r.ask(post("", pad(16<<10))); !strings.HasPrefix(a, "HTTP/1.1 200 ") {
		t.Errorf("a body of 16 KB: %q", a)
	}
	for _, request := range []string{post("", pad(maxBody)), "POST /RST.srf HTTP/1.0\r\nContent-Length: 99999999\r\n\r\n" + pad(maxBody),
		"POST /RST.srf HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(pad(maxBody)), pad(maxBody))} {
		if a := r.ask(request); !strings.HasPrefix(a, "HTTP/1.1 413 ") || !strings.Contains(a, "wst:InvalidRequest") {
			t.Errorf("%.60q of %d bytes: %q", request, len(request), a)
		}
	}
	if a := r.ask("POST /RST.srf HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"); !strings.HasPrefix(a, "HTTP/1.1 400 ") {
		t.Errorf("a broken body: %q", a)
	}
}

// TestSlowRequests: a head or a body that does not come ends the connection.
func TestSlowRequests(t *testing.T) {
	r := newRig(t, nil, func(s *Server) {
		s.http.ReadHeaderTimeout, s.http.ReadTimeout = 50*time.Millisecond, 100*time.Millisecond
	})
	for _, request := range []string{"", "GET", "GET /rdr/pprdr.asp HTTP/1.0\r\nX: y"} {
		if a := r.ask(request); a != "" && !strings.HasPrefix(a, "HTTP/1.1 400 ") {
			t.Errorf("%q: %q", request, a)
		}
	}
	if a := r.ask("POST /RST.srf HTTP/1.0\r\nContent-Length: 10\r\n\r\n<"); !strings.HasPrefix(a, "HTTP/1.1 400 ") {
		t.Errorf("half a body: %q", a)
	}
	if headTimeout > 15*time.Second || requestTimeout > 30*time.Second || requestTimeout < 2*latePause {
		t.Error("the timeouts leave no room for a late answer, or too much")
	}
}

func TestMalformed(t *testing.T) {
	r := newRig(t, nil)
	for _, request := range []string{"\r\n\r\n", "x\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET  HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\n: x\r\n\r\n",
		"GET /%zz HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nA\r\n\r\n", "\x16\x03\x01\x00\x05hello\r\n\r\n"} {
		if a := r.ask(request); !strings.HasPrefix(a, "HTTP/1.1 400 ") && !strings.HasPrefix(a, "HTTP/1.1 505 ") && !strings.HasPrefix(a, "HTTP/1.1 404 ") {
			t.Errorf("%q: %q", request, a)
		}
	}
}

// TestPanic: a panic ends its connection alone.
func TestPanic(t *testing.T) {
	r := newRig(t, nil)
	r.handler.pages["/panic"] = func(http.ResponseWriter, *http.Request) { panic("on purpose") }
	if a := r.ask("GET /panic HTTP/1.0\r\n\r\n"); a != "" {
		t.Errorf("%q", a)
	}
	if a := r.ask(nexusRequest); !strings.HasPrefix(a, "HTTP/1.1 200 ") {
		t.Errorf("%q", a)
	}
	if !strings.Contains(r.log.String(), "on purpose") || !strings.Contains(r.log.String(), "goroutine") {
		t.Error("the log does not say where")
	}
}

func TestAmend(t *testing.T) {
	for in, want := range map[string]string{
		"GET /rdr/pprdr.asp\r\n\r\n":            "GET /rdr/pprdr.asp HTTP/1.0\r\n\r\n",
		"GET /x\nA: b\n\n":                      "GET /x HTTP/1.0\r\nA: b\n\n",
		"GET /x HTTP/1.0\r\n\r\n":               "GET /x HTTP/1.0\r\n\r\n",
		"GET /x HTTP/1.1\r\n\r\n":               "GET /x HTTP/1.1\r\nHost:\r\n\r\n",
		"GET /x HTTP/1.1\r\nhOST: a\r\n\r\n":    "GET /x HTTP/1.1\r\nhOST: a\r\n\r\n",
		"GET /x HTTP/1.1\nHost: a\n\n":          "GET /x HTTP/1.1\nHost: a\n\n",
		"GET /x HTTP/1.1\r\nX: Host: a\r\n\r\n": "GET /x HTTP/1.1\r\nHost:\r\nX: Host: a\r\n\r\n",
		"POST /x HTTP/1.0\r\n\r\nbody\r\n\r\n":  "POST /x HTTP/1.0\r\n\r\nbody\r\n\r\n",
		"GET /x HTTP/1.0\r\nCut off":            "GET /x HTTP/1.0\r\nCut off",
		"":                                      "",
		"\r\n":                                  "\r\n",
		"GET / HTTP/1.0\r\nA: b\r\n\r\n":        "GET / HTTP/1.0\r\nA: b\r\n\r\n",
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "in bytes": iotest.OneByteReader(strings.NewReader(in))} {
			c := &conn{Conn: &fakeConn{Reader: r}}
			got, err := io.ReadAll(c)
			if err != nil || string(got) != want {
				t.Errorf("%s %q: %q, %v; want %q", name, in, got, err, want)
			}
		}
	}
}

// Whatever comes in and in whatever pieces, what is handed on is the same, and
// differs from it in the first line and a Host at most.
func FuzzAmend(f *testing.F) {
	f.Add([]byte("GET /rdr/pprdr.asp\r\n\r\n"), 1)
	f.Add([]byte("GET / HTTP/1.1\r\nA: b\r\n\r\nbody"), 3)
	f.Add([]byte("POST / HTTP/1.0\nHost: x\n\n\n\n"), 7)
	f.Add(bytes.Repeat([]byte("x"), maxHead+5), 4096)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		if size < 1 || size > 1<<16 {
			return
		}
		whole, err := io.ReadAll(&conn{Conn: &fakeConn{Reader: bytes.NewReader(in)}})
		if err != nil {
			t.Fatal(err)
		}
		cut, err := io.ReadAll(&conn{Conn: &fakeConn{Reader: &pieces{bytes.NewReader(in), size}}})
		if err != nil || !bytes.Equal(whole, cut) {
			t.Fatalf("%q in pieces of %d, %v; whole %q", cut, size, err, whole)
		}
		if len(whole) < len(in)-1 || len(whole) > len(in)+len(" HTTP/1.0\r\n") {
			t.Fatalf("%d bytes became %d", len(in), len(whole))
		}
		if _, rest, ok := bytes.Cut(in, []byte("\n")); ok && !bytes.HasSuffix(whole, rest) {
			t.Fatalf("%q became %q", in, whole)
		}
	})
}

// pieces reads at most n bytes at a time.
type pieces struct {
	io.Reader
	n int
}

func (p *pieces) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(len(b), p.n)]) }

// fakeConn is a connection that is only read, from an address of choice.
type fakeConn struct {
	net.Conn
	io.Reader
	from   string
	closed bool
}

func (f *fakeConn) Read(p []byte) (int, error) { return f.Reader.Read(p) }
func (f *fakeConn) Close() error               { f.closed = true; return nil }
func (f *fakeConn) RemoteAddr() net.Addr {
	a, err := net.ResolveTCPAddr("tcp", f.from)
	if err != nil {
		panic(err)
	}
	return a
}

func TestConnectionLimits(t *testing.T) {
	s := NewServer(nil, nil, slog.New(slog.DiscardHandler))
	admit := func(from string) *conn { return s.admit(&fakeConn{from: from}) }
	var open []*conn
	for i := range maxSourceConns {
		c := admit(fmt.Sprintf("[2001:db8::%x]:1", i))
		if c == nil {
			t.Fatalf("connection %d is refused", i+1)
		}
		open = append(open, c)
	}
	if admit("[2001:db8::ffff]:1") != nil {
		t.Error("one source has more than its share")
	}
	open[0].Close()
	open[0].Close() // as net/http may
	if c := admit("[2001:db8::ffff]:1"); c == nil {
		t.Error("a closed connection keeps its place")
	} else if admit("[2001:db8::ffff]:1") != nil {
		t.Error("a connection closed twice gave two places")
	}
	for i := len(s.conns); i < maxConns; i++ { // a proxy on this machine
		if admit("127.0.0.1:1") == nil {
			t.Fatalf("connection %d is refused", i+1)
		}
	}
	if admit("127.0.0.1:1") != nil || admit("192.0.2.1:1") != nil {
		t.Error("there is room for more than maxConns")
	}
	for c := range s.conns {
		c.Close()
	}
	if len(s.conns) != 0 || len(s.from) != 0 {
		t.Errorf("%d connections and %d sources left", len(s.conns), len(s.from))
	}
	if (&conn{Conn: &fakeConn{}}).CloseWrite() == nil {
		t.Error("half a close of what has none")
	}
}

// TestFull: a connection beyond the limit is closed at once, and the server goes
// on when there is room again.
func TestFull(t *testing.T) {
	r := newRig(t, nil, func(s *Server) {
		for range maxConns - 1 {
			s.admit(&fakeConn{from: "192.0.2.1:1"})
			s.from = map[netip.Addr]int{}
		}
	})
	if a := r.ask(nexusRequest); !strings.HasPrefix(a, "HTTP/1.1 200 ") {
		t.Errorf("the last place: %q", a)
	}
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "G") // holds the last place once it is accepted, before the next one is
	second, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if n, err := io.Copy(io.Discard, second); n != 0 {
		t.Errorf("%d bytes, %v", n, err)
	}
	c.Close()
	for { // until the server has noticed
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, nexusRequest)
		line, _ := bufio.NewReader(c).ReadString('\n')
		c.Close()
		if line == "HTTP/1.1 200 OK\r\n" {
			return
		}
	}
}

// TestShutdown: requests that wait are answered, connections that say nothing are
// closed, and it does not take long.
func TestShutdown(t *testing.T) {
	r := newRig(t, nil)
	waiting := make(chan struct{})
	r.handler.wait = func(ctx context.Context, d time.Duration) error {
		close(waiting)
		return wait(ctx, d)
	}
	for range maxPairFailures {
		r.ask(loginRequest(alice, "guess"))
	}
	silent, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, loginRequest(alice, "guess")); err != nil {
		t.Fatal(err)
	}
	<-waiting
	begun := time.Now()
	if err := r.server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if d := time.Since(begun); d > shutdownGrace+time.Second {
		t.Errorf("it took %v", d)
	}
	if a, err := io.ReadAll(c); !strings.Contains(string(a), "cbtxt="+textUnavailable) {
		t.Errorf("who waited read %q, %v", a, err)
	}
	if n, err := io.Copy(io.Discard, silent); n != 0 {
		t.Errorf("who was silent read %d bytes, %v", n, err)
	}
}
