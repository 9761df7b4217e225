package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/wire"
)

// TestMux: listeners share services or split them, and a service is found by the name in the URL.
func TestMux(t *testing.T) {
	h := start(t, Options{}, func(s *Server) {
		s.Handle("wtv-pages", Paths{"/a": echo, "/b": HandlerFunc(func(context.Context, *Request) *Response { return nil })})
	})
	onlyPages := listen(t, h.Server, "wtv-pages")
	tests := []struct {
		addr, url string
		status    int
		text      string
	}{
		{h.addr, "wtv-echo:/x?y?z", 200, "OK"},
		{h.addr, "WTV-Echo:x", 200, "OK"},
		{h.addr, "wtv-pages:/a", 200, "OK"},
		{onlyPages, "wtv-pages:a", 200, "OK"},
		{onlyPages, "wtv-pages:/c", 404, TextNotFound},
		{onlyPages, "wtv-pages:/b", 500, TextTrouble},
		{onlyPages, "wtv-echo:/x", 500, TextElsewhere},
		{h.addr, "wtv-home:/home", 500, TextElsewhere},
		{h.addr, "http://example.com/", 500, TextElsewhere},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			for _, dial := range []func(context.Context, string, *client.Identity) (*client.Conn, error){client.Dial, client.DialPlain} {
				c, err := dial(t.Context(), tt.addr, identity(t))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				for range 2 { // the connection stays usable
					resp, err := c.Get(t.Context(), tt.url)
					if err != nil || resp.Status != tt.status || resp.Text != tt.text {
						t.Fatalf("%+v, %v, want %d %s", resp, err, tt.status, tt.text)
					}
				}
			}
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Serve(t.Context(), l, "wtv-none"); err == nil || !strings.Contains(err.Error(), `"wtv-none"`) {
		t.Errorf("Serve for a service that is not there: %v", err)
	}
}

// TestFaultyHandlers: whatever a handler does, the client gets one answer and the streams stay in step.
func TestFaultyHandlers(t *testing.T) {
	shared := Refuse(403, "No.", "shared answer")
	answers := map[string]*Response{
		"/inject":  {Status: 200, Text: "OK", Header: wire.Header{{Name: "A", Value: "b\nwtv-visit: client:poweroff"}}, Body: []byte("secret")},
		"/length":  {Status: 200, Text: "OK", Header: wire.Header{{Name: "content-length", Value: "1"}}},
		"/status":  {Body: []byte("x")},
		"/nothing": nil,
		"/shared":  shared,
	}
	h := start(t, Options{}, func(s *Server) {
		s.Handle("wtv-bad", HandlerFunc(func(_ context.Context, r *Request) *Response {
			if r.URL.Path == "/panic" {
				panic("on purpose")
			}
			return answers[r.URL.Path]
		}))
	})
	c, err := client.Dial(t.Context(), h.addr, identity(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, path := range []string{"/inject", "/length", "/status", "/nothing", "/panic", "/shared", "/shared"} {
		resp, err := c.Get(t.Context(), "wtv-bad:"+path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		want, status := TextTrouble, 500
		if path == "/shared" {
			want, status = "No.", 403
		}
		if resp.Status != status || string(resp.Body) != want || resp.Header.Value("wtv-visit") != "" {
			t.Errorf("%s: %d %q", path, resp.Status, resp.Body)
		}
		resp, err = c.Get(t.Context(), "wtv-echo:/"+path)
		if err != nil || string(resp.Body) != "GET /"+path+"? [] 81a7b50070b002bf" {
			t.Fatalf("after %s: %q, %v", path, resp.Body, err)
		}
	}
	if shared.Close || h.log.count("stack=") != 1 || h.log.count("request refused") != 7 {
		t.Errorf("shared answer changed (%v), or log:\n%s", shared.Close, h.log)
	}
}

// TestMalformed: what is no WTVP is answered once with 400, logged once, and the connection closed.
func TestMalformed(t *testing.T) {
	h := start(t, Options{}, nil)
	tests := []struct{ name, in, reason string }{
		{"browser", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "URL without a service name"},
		{"method", "BREW wtv-echo:/x\r\n\r\n", "unknown method"},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", "unknown method"},
		{"no colon", "GET wtv-echo:/x\r\njunk\r\n\r\n", "header line without a colon"},
		{"length", "POST wtv-echo:/x\r\nContent-length: many\r\n\r\n", "Content-length is not a number"},
		{"body", fmt.Sprintf("POST wtv-echo:/x\r\nContent-length: %d\r\n\r\n", wire.MaxBody+1), "body of more than"},
		{"long line", "GET wtv-echo:/" + strings.Repeat("x", wire.MaxLine) + "\r\n\r\n", "line of more than"},
		{"many headers", "GET wtv-echo:/x\r\n" + strings.Repeat("a:b\r\n", wire.MaxHeaders+1) + "\r\n", "header lines"},
		{"blank lines", strings.Repeat("\n", wire.MaxSurplus+2), "outside of any request"},
		{"incarnation", secureOn(t, "x"), "incarnation"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dialRaw(t, h.addr)
			c.send(t, tt.in)
			resp, body := c.response(t)
			if resp.Status != 400 || resp.Text != TextTrouble || body != TextTrouble || resp.Header.Value("Connection") != "close" {
				t.Errorf("%+v %q", resp, body)
			}
			c.expectEnd(t)
			if n := h.log.count("request refused"); n != i+1 || h.log.count(tt.reason) == 0 {
				t.Errorf("%d lines after %d refusals, or no %q:\n%s", n, i+1, tt.reason, h.log)
			}
		})
	}
}

func secureOn(t testing.TB, incarnation string) string {
	ticket, _ := ticketFor(t, testKey, `{}`)
	return "SECURE ON\r\nwtv-ticket: " + ticket + "\r\nwtv-client-serial-number: 1\r\nwtv-incarnation:" + incarnation + "\r\n\r\n"
}

// TestHTTPLine: a WTVP URL with an HTTP version at its end is served, and the connection closed as HTTP/1.0 would.
func TestHTTPLine(t *testing.T) {
	h := start(t, Options{}, nil)
	for _, in := range []string{"GET wtv-echo:/x?y HTTP/1.0\r\n\r\n", "GET wtv-echo:/x?y\r\nConnection: Close\r\n\r\n"} {
		c := dialRaw(t, h.addr)
		c.send(t, in)
		if resp, body := c.response(t); resp.Status != 200 || body != "GET /x?y [] " || resp.Header.Value("connection") != "close" {
			t.Errorf("%+v %q", resp, body)
		}
		c.expectEnd(t)
	}
}

// TestSurplus: bytes after a POST body that Content-length does not count are skipped and logged, in plain and in step.
func TestSurplus(t *testing.T) {
	for _, surplus := range []string{"\r\n", "&more=stuff", "&more=stuff\r\n\r\n", "\x00\xff\x01"} {
		for _, secured := range []bool{false, true} {
			h := start(t, Options{}, nil)
			c := dialRaw(t, h.addr)
			ticket, keys := ticketFor(t, testKey, `{}`)
			out, in := sec.NewStream(keys.Session1, 9), sec.NewStream(keys.Session2, 9)
			send := func(s string) {
				b := []byte(s)
				if secured {
					out.XORKeyStream(b, b)
				}
				c.send(t, string(b))
			}
			if secured {
				c.send(t, "SECURE ON\r\nwtv-ticket: "+ticket+"\r\nwtv-incarnation:9\r\n\r\n")
			}
			for range 3 {
				send("POST wtv-echo:/form\r\nContent-length: 7\r\n\r\na=1&b=2" + surplus)
				send("GET wtv-echo:/next\r\n\r\n")
				for _, want := range []string{"POST /form? [a=1&b=2] ", "GET /next? [] "} {
					resp, body := c.response(t)
					if secured {
						b := []byte(body)
						in.XORKeyStream(b, b)
						body = string(b)
					}
					if resp.Status != 200 || body != want {
						t.Fatalf("surplus %q secured %v: %d %q, want %q", surplus, secured, resp.Status, body, want)
					}
				}
			}
			want := 3
			if surplus == "\r\n" {
				want = 0
			}
			if n := h.log.count("bytes that belong to no request"); n != want {
				t.Errorf("surplus %q: %d lines, want %d", surplus, n, want)
			}
		}
	}
}

// TestAgainSecure: a plain SECURE ON in the middle of a secured connection starts both streams anew; an enciphered one is no
// request.
func TestAgainSecure(t *testing.T) {
	h := start(t, Options{}, nil)
	c := dialRaw(t, h.addr)
	ticket, keys := ticketFor(t, testKey, `{}`)
	var out, in interface{ XORKeyStream(dst, src []byte) }
	secure := func(incarnation uint32, ssid string) {
		c.send(t, "SECURE ON\r\nwtv-ticket: "+ticket+"\r\nwtv-client-serial-number: "+ssid+"\r\nwtv-incarnation: "+
			strconv.Itoa(int(incarnation))+"\r\n\r\n")
		out, in = sec.NewStream(keys.Session1, incarnation), sec.NewStream(keys.Session2, incarnation)
	}
	send := func(s string) {
		b := []byte(s)
		out.XORKeyStream(b, b)
		c.send(t, string(b))
	}
	for i := range uint32(3) {
		ssid := fmt.Sprintf("81%d", i)
		secure(100+i, ssid)
		for range 2 {
			send("GET wtv-echo:/x\r\n\r\n")
			_, body := c.response(t)
			b := []byte(body)
			in.XORKeyStream(b, b)
			if string(b) != "GET /x? [] "+ssid {
				t.Fatalf("%q", b)
			}
		}
	}
	send("SECURE ON\r\nwtv-incarnation: 7\r\n\r\n")
	if resp, _ := c.response(t); resp.Status != 400 || h.log.count("inside of a secured stream") != 1 {
		t.Errorf("%+v", resp)
	}
	c.expectEnd(t)
}

// TestSession: a handler learns who asks, from the SECURE ON head and the ticket; of a plain request only claims.
func TestSession(t *testing.T) {
	var mu sync.Mutex
	var got []Session
	h := start(t, Options{}, func(s *Server) {
		s.Handle("wtv-who", HandlerFunc(func(_ context.Context, r *Request) *Response {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, *r.Session)
			return &Response{Status: 200, Text: "OK"}
		}))
	})
	ticket, keys := ticketFor(t, testKey, `{"user_id":4,"x":"y"}`)
	head := "wtv-ticket: " + ticket + "\r\nwtv-client-serial-number: 81-A7 b5\x7f" + strings.Repeat("f", 200) + "\r\n" +
		"wtv-client-rom-type: bf0app\r\nwtv-system-version: 1235\r\nwtv-capability-flags: 1009c93bef\r\n"
	c := dialRaw(t, h.addr)
	c.send(t, "GET wtv-who:/\r\n"+head+"\r\n")
	c.response(t)
	c.send(t, "SECURE ON\r\n"+head+"wtv-incarnation:4294967295\r\n\r\n")
	b := []byte("GET wtv-who:/\r\nwtv-client-serial-number: other\r\nwtv-client-rom-type: other\r\n\r\n")
	sec.NewStream(keys.Session1, 4294967295).XORKeyStream(b, b)
	c.send(t, string(b))
	c.response(t)
	mu.Lock()
	defer mu.Unlock()
	plain, secured := got[0], got[1]
	wantSSID := ("81a7b5" + strings.Repeat("f", 200))[:maxIdentity]
	for _, s := range got {
		if s.SSID != wantSSID || s.ROMType != "bf0app" || s.SystemVersion != "1235" || s.Capabilities != "1009c93bef" ||
			s.Remote != netip.MustParseAddrPort(c.LocalAddr().String()) || s.Conn != 1 {
			t.Errorf("session %+v", s)
		}
	}
	if plain.Secured || plain.UserID != 0 || plain.Store != nil || plain.SigningKey != (sec.Key{}) {
		t.Errorf("plain session %+v", plain)
	}
	if !secured.Secured || secured.UserID != 4 || string(secured.Store) != `{"user_id":4,"x":"y"}` ||
		secured.SigningKey == (sec.Key{}) || secured.SigningKey != secured.SigningKey.Canonical() || secured.Incarnation != 4294967295 {
		t.Errorf("secured session %+v", secured)
	}
}

// TestMaxRefusals: a client that only earns refusals is let go after a hundred.
func TestMaxRefusals(t *testing.T) {
	h := start(t, Options{}, nil)
	c, err := client.Dial(t.Context(), h.addr, identity(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range maxRefusals {
		resp, err := c.Get(t.Context(), "wtv-none:/")
		if err != nil || resp.Status != 500 {
			t.Fatalf("refusal %d: %v", i, err)
		}
		if closing := resp.Header.Value("Connection") == "close"; closing != (i == maxRefusals-1) {
			t.Errorf("refusal %d: closing %v", i, closing)
		}
	}
	if _, err := c.Get(t.Context(), "wtv-echo:/"); !errors.Is(err, client.ErrBroken) {
		t.Errorf("after the last: %v", err)
	}
}

// TestManyClients runs connections side by side; under -race it shows what is shared.
func TestManyClients(t *testing.T) {
	h := start(t, Options{}, nil)
	id := identity(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c, err := client.Dial(t.Context(), h.addr, id)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for j := range 20 {
				want := fmt.Sprintf("GET /%d? [] 81a7b50070b002bf", i*100+j)
				resp, err := c.Get(t.Context(), fmt.Sprintf("wtv-echo:/%d", i*100+j))
				if err != nil || string(resp.Body) != want {
					t.Errorf("%d/%d: %v", i, j, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
