package server

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"wtvgate/wtvp/lzpf"
	"wtvgate/wtvp/sec"
)

func TestWantsLZPF(t *testing.T) {
	for _, tt := range []struct {
		rom, build, caps string
		want             bool
	}{
		{"bf0app", "1235", "1009c93bef", true},
		{"bf0app", "", "8", true},
		{"bf0app", "7181", "1009c93be7", false}, // without "can receive compressed data"
		{"bf0app", "1235", "", false},
		{"bf0app", "1235", "xyz", false},
		{"US-LC2-disk-0MB-8MB", "3499", "10935ffc8f", true},
		{"US-LC2-disk-0MB-8MB", "3500", "10935ffc8f", false},
		{"US-LC2-disk-0MB-8MB", "", "10935ffc8f", false},
		{"", "1", "ffffffffffffffffffffff8", true}, // more bits than known
	} {
		if got := wantsLZPF(&Session{ROMType: tt.rom, SystemVersion: tt.build, Capabilities: tt.caps}); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// TestCompress: which answers are compressed, and that the stream goes on with the compressed length.
func TestCompress(t *testing.T) {
	page := []byte(strings.Repeat("<td>Room", 100))
	answers := map[string]*Response{
		"/page":  {Status: 200, Text: "OK", Body: page, Compress: true},
		"/plain": {Status: 200, Text: "OK", Body: page},
		"/short": {Status: 200, Text: "OK", Body: page[:minCompress-1], Compress: true},
		"/least": {Status: 200, Text: "OK", Body: page[:minCompress], Compress: true},
		"/error": {Status: 500, Text: "No", Body: page, Compress: true},
	}
	h := start(t, Options{}, func(s *Server) {
		s.Handle("wtv-page", HandlerFunc(func(_ context.Context, r *Request) *Response { return answers[r.URL.Path] }))
	})
	for rom, old := range map[string]bool{"bf0app": true, "US-LC2-disk-0MB-8MB": false} {
		ticket, keys := ticketFor(t, testKey, `{}`)
		c := dialRaw(t, h.addr)
		c.send(t, "SECURE ON\r\nwtv-ticket: "+ticket+"\r\nwtv-capability-flags: 1009c93bef\r\nwtv-client-rom-type: "+rom+
			"\r\nwtv-incarnation: 5\r\n\r\n")
		out, in := sec.NewStream(keys.Session1, 5), sec.NewStream(keys.Session2, 5)
		for _, path := range []string{"/page", "/plain", "/short", "/least", "/error", "/page"} {
			b := []byte("GET wtv-page:" + path + "\r\n\r\n")
			out.XORKeyStream(b, b)
			c.send(t, string(b))
			resp, err := c.rd.ReadResponse()
			if err != nil {
				t.Fatal(err)
			}
			want := answers[path]
			packed := old && (path == "/page" || path == "/least")
			if resp.ContentLength != len(want.Body) || (resp.Header.Value("wtv-lzpf") == "0") != packed {
				t.Fatalf("%s %s: %+v", rom, path, resp)
			}
			src := io.Reader(c.br)
			if packed {
				src = lzpf.NewReader(sec.NewReader(c.br, in), len(want.Body))
			}
			body := make([]byte, len(want.Body))
			if _, err := io.ReadFull(src, body); err != nil {
				t.Fatal(err)
			}
			if packed {
				if _, err := src.Read(make([]byte, 1)); err != io.EOF { // end code, checksum, filler
					t.Fatal(err)
				}
			} else {
				in.XORKeyStream(body, body)
			}
			if !bytes.Equal(body, want.Body) {
				t.Fatalf("%s %s: body differs", rom, path)
			}
		}
	}
}

// loopConn is a connection whose client sends the same request again and again and reads nothing.
type loopConn struct {
	net.Conn
	next func(p []byte) (int, error)
}

func (c *loopConn) Read(p []byte) (int, error)       { return c.next(p) }
func (c *loopConn) Write(p []byte) (int, error)      { return len(p), nil }
func (c *loopConn) SetReadDeadline(time.Time) error  { return nil }
func (c *loopConn) SetWriteDeadline(time.Time) error { return nil }
func (c *loopConn) Close() error                     { return nil }
func (c *loopConn) RemoteAddr() net.Addr             { return pipeAddr("10.0.0.1:1") }
func (c *loopConn) LocalAddr() net.Addr              { return pipeAddr("10.0.0.9:1654") }

// BenchmarkSecuredRequest is what one enciphered request costs the server, without the network.
func BenchmarkSecuredRequest(b *testing.B) {
	ticket, keys := ticketFor(b, testKey, `{"user_id":0}`)
	request := []byte("GET wtv-echo:/messengerlogin?1013928519.693957190\r\nReferer: wtv-head-waiter:/login-stage-two?\r\n" +
		"wtv-request-type: primary\r\nwtv-system-cpuspeed: 166187148\r\nwtv-system-sysconfig: 4163328\r\n" +
		"wtv-disk-size: 8006\r\nwtv-incarnation: 4\r\n\r\n")
	out := sec.NewStream(keys.Session1, 4)
	pending := []byte("SECURE ON\r\nwtv-ticket: " + ticket + "\r\nwtv-incarnation:4\r\n\r\n")
	nc := &loopConn{}
	nc.next = func(p []byte) (int, error) {
		if len(pending) == 0 {
			pending = make([]byte, len(request))
			out.XORKeyStream(pending, request)
		}
		n := copy(p, pending)
		pending = pending[n:]
		return n, nil
	}
	s := New(Options{InitialKey: &testKey})
	s.Handle("wtv-echo", echo)
	c := newConn(s, nc, s.services, remoteOf(nc), 1)
	if err := c.serveOne(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(request)))
	for b.Loop() {
		if err := c.serveOne(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
