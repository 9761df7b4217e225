package client_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

func TestNewIdentity(t *testing.T) {
	id := newIdentity(t, initialKey)
	ticket, err := sec.DecodeTicket(id.Ticket, initialKey)
	if err != nil || ticket.UserID != 3 || ticket.Keys != id.Keys || string(ticket.Store) != `{"user_id":3}` {
		t.Errorf("%+v, %v", ticket, err)
	}
	if other := newIdentity(t, initialKey); other.Keys == id.Keys || other.Ticket == id.Ticket {
		t.Error("two identities are the same")
	}
	if _, err := client.NewIdentity(initialKey, "x", -1); err == nil {
		t.Error("user -1 is taken")
	}
}

// TestWireForm pins what goes over the line: SECURE ON with the first request behind it, the cipher running on, the same
// incarnation in each request, no ticket and no serial number in the stream.
func TestWireForm(t *testing.T) {
	id := newIdentity(t, initialKey)
	a, b := net.Pipe()
	defer a.Close()
	c, err := client.Secure(a, id)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = c.Get(t.Context(), "wtv-passport:/messengerlogin?x")
		_, _ = c.Post(t.Context(), "wtv-x:/y", []byte("a=b"))
		_ = c.Close()
	}()
	br := bufio.NewReader(b)
	rd := wire.NewReader(br)
	head, err := rd.ReadRequest()
	if err != nil || head.Method != "SECURE ON" || head.Header.Value("wtv-ticket") != id.Ticket ||
		head.Header.Value("wtv-client-serial-number") != id.SSID || head.Header.Value("wtv-incarnation") != "1" {
		t.Fatalf("%+v, %v", head, err)
	}
	rd.SetSource(sec.NewReader(br, sec.NewStream(id.Keys.Session1, 1)))
	for _, want := range []string{"GET wtv-passport:/messengerlogin?x", "POST wtv-x:/y"} {
		head, err := rd.ReadRequest()
		if err != nil || head.Method+" "+head.URL != want || head.Header.Value("wtv-incarnation") != "1" ||
			head.Header.Value("wtv-ticket") != "" || head.Header.Value("wtv-client-serial-number") != "" {
			t.Fatalf("%+v, %v", head, err)
		}
		n, _ := head.BodyLength()
		if body, err := rd.ReadBody(n); err != nil || head.Method == "POST" && string(body) != "a=b" {
			t.Fatalf("%q, %v", body, err)
		}
		if _, err := io.WriteString(b, "200 OK\nContent-length: 0\n\n"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBadAnswers: after an answer that is none, or that the client cannot follow, the connection is broken.
func TestBadAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		"HTTP/1.0 200 OK\r\n\r\n":                         "bad status line",
		"200 OK\nContent-length: 5\n\nabc":                "unexpected EOF",
		"200 OK\nContent-length: 99999999\n\n":            "body of more",
		"200 OK\nwtv-lzpf: 0\nContent-length: 300\n\nxxx": "compressed",
		"": "EOF",
	} {
		a, b := net.Pipe()
		c := client.Plain(a, newIdentity(t, initialKey))
		go func() {
			_, _ = wire.NewReader(bufio.NewReader(b)).ReadRequest()
			_, _ = io.WriteString(b, answer)
			_ = b.Close()
		}()
		if _, err := c.Get(t.Context(), "a:b"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", answer, err)
		}
		if _, err := c.Get(t.Context(), "a:b"); !errors.Is(err, client.ErrBroken) {
			t.Errorf("%q: afterwards %v", answer, err)
		}
		_ = c.Close()
	}
}

func TestFaultyRequests(t *testing.T) {
	g := startGateway(t, server.Options{InitialKey: &initialKey})
	c := dial(t, g, newIdentity(t, initialKey))
	for _, url := range []string{"a:b\r\nX: y", "a\x00"} {
		if _, err := c.Get(t.Context(), url); err == nil {
			t.Errorf("%q is sent", url)
		}
	}
	if got, err := c.MessengerLogin(t.Context(), md5Challenge); err != nil || got != md5hex(md5Challenge+password) {
		t.Errorf("after requests that were not sent: %v", err)
	}
	id := newIdentity(t, initialKey)
	id.SSID = "x\ny"
	if _, err := client.Dial(t.Context(), g.addr, id); err == nil {
		t.Error("an identity with a line end is sent")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	if _, err := client.Dial(t.Context(), addr, id); err == nil {
		t.Error("nobody listens, no error")
	}
	if _, err := client.DialPlain(t.Context(), addr, id); err == nil {
		t.Error("nobody listens, no error")
	}
	_ = c.Close()
	if _, err := c.Get(t.Context(), "a:b"); err == nil {
		t.Error("closed, no error")
	}
}

// TestContext: a request ends with its context, or after DefaultTimeout.
func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		newConn := func() *client.Conn {
			a, b := net.Pipe()
			t.Cleanup(func() { _, _ = a.Close(), b.Close() })
			go func() { _, _ = io.Copy(io.Discard, b) }()
			return client.Plain(a, newIdentity(t, initialKey))
		}
		begun := time.Now()
		c := newConn()
		if _, err := c.Get(context.Background(), "a:b"); err == nil || time.Since(begun) != client.DefaultTimeout {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		begun = time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := newConn().Get(ctx, "a:b"); err == nil || time.Since(begun) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		begun = time.Now()
		ctx, cancel = context.WithCancel(context.Background())
		time.AfterFunc(3*time.Second, cancel)
		c = newConn()
		if _, err := c.Get(ctx, "a:b"); !errors.Is(err, context.Canceled) || time.Since(begun) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		if _, err := c.Get(context.Background(), "a:b"); !errors.Is(err, client.ErrBroken) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestStatusError(t *testing.T) {
	if got := (&client.StatusError{Status: 500, Text: "No."}).Error(); got != "client: answered 500 No." {
		t.Error(got)
	}
}

// BenchmarkMessengerLogin is one secured request and answer over TCP, with client and server.
func BenchmarkMessengerLogin(b *testing.B) {
	g := startGateway(b, server.Options{InitialKey: &initialKey})
	c, err := client.Dial(context.Background(), g.addr, newIdentity(b, initialKey))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.MessengerLogin(context.Background(), md5Challenge); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkConnect is a connection with SECURE ON and one login, as a box makes it.
func BenchmarkConnect(b *testing.B) {
	g := startGateway(b, server.Options{InitialKey: &initialKey})
	id := newIdentity(b, initialKey)
	b.ReportAllocs()
	for b.Loop() {
		c, err := client.Dial(context.Background(), g.addr, id)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.MessengerLogin(context.Background(), md5Challenge); err != nil {
			b.Fatal(err)
		}
		_ = c.Close()
	}
}
