package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

// oddService answers every request with what its path names.
func oddService(t *testing.T, answers map[string]*server.Response) string {
	t.Helper()
	s := server.New(server.Options{})
	for _, name := range []string{"wtv-1800", "wtv-other"} {
		s.Handle(name, server.HandlerFunc(func(_ context.Context, r *server.Request) *server.Response {
			if resp := answers[r.URL.Path]; resp != nil {
				return resp
			}
			return server.Refuse(404, "No such page.", "")
		}))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

func headers(lines ...string) *server.Response {
	r := &server.Response{Status: 200, Text: "OK"}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// TestOddServices: a service that sends a box round in circles, nowhere, or talks
// nonsense ends in an error, not in a box that hangs.
func TestOddServices(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers map[string]*server.Response
		want    string
	}{
		{"nothing", map[string]*server.Response{}, "answered 404 No such page."},
		{"nowhere", map[string]*server.Response{"/preregister": headers()}, ErrNotSignedOn.Error()},
		{"circle", map[string]*server.Response{"/preregister": headers("wtv-visit: wtv-1800:/preregister")}, "sent on more than 12 times"},
		{"unlisted", map[string]*server.Response{"/preregister": headers("wtv-visit: wtv-other:/x")}, "the service list has no wtv-other"},
		{"no URL", map[string]*server.Response{"/preregister": headers("wtv-visit: nonsense")}, "URL without a service"},
		{"no key", map[string]*server.Response{"/preregister": headers("wtv-challenge: AAAA")}, "wtv-challenge: it came before any key"},
		{"bad key", map[string]*server.Response{"/preregister": headers("wtv-initial-key: AAAA")}, "wtv-initial-key: "},
		{"bad challenge", map[string]*server.Response{"/preregister": headers("wtv-initial-key: OJdbKUEGYbw=", "wtv-challenge: AAAA")}, "wtv-challenge: "},
		{"named host", map[string]*server.Response{"/preregister": headers("wtv-service: name=a host=tv.example port=1")}, "no dotted host"},
		{"bad port", map[string]*server.Response{"/preregister": headers("wtv-service: name=a host=192.0.2.1 port=70000")}, "no port"},
		{"bad flags", map[string]*server.Response{"/preregister": headers("wtv-service: name=a host=192.0.2.1 port=1 flags=x")}, "flags that are no number"},
		{"words", map[string]*server.Response{"/preregister": headers("wtv-service: name=a  host=192.0.2.1 port=1")}, "is no name=value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := SignOn(t.Context(), oddService(t, tt.answers), NewBox("8100000000b0024d"), Options{})
			if err == nil {
				b.Close()
				t.Fatal("signed on")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestBoxDoesAsItIsTold: the last word counts, client: URLs act on the screen, a
// connection that the service closed is opened again, and a list that was reset is
// forgotten.
func TestBoxDoesAsItIsTold(t *testing.T) {
	answers := map[string]*server.Response{}
	addr := oddService(t, answers)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	line := func(name string, flags int) string {
		return fmt.Sprintf("wtv-service: name=%s host=127.0.0.1 port=%s flags=0x%08x", name, port, flags)
	}
	answers["/preregister"] = headers("wtv-service: reset", line("wtv-1800", 1), line("wtv-other", 1), "wtv-visit: client:closeallpanels",
		"wtv-visit: wtv-other:/done", "wtv-visit: client:x")
	answers["/done"] = headers("user-id: 1", "Wtv-User-Name: old", "wtv-user-name: alice", "wtv-domain: webtv.local", "wtv-messenger-server: 192.0.2.7",
		"wtv-messenger-authorized: 1", "wtv-messenger-enable: 1")
	answers["/done"].Close = true
	answers["/list"] = headers("wtv-service: reset", line("wtv-*", 7))
	var lines []string
	b, err := SignOn(t.Context(), addr, NewBox("8100000000b0024d"), Options{Trace: func(dir byte, l string) { lines = append(lines, string(dir)+" "+l) }})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	want := "C GET wtv-1800:/preregister|S 200 OK (0 bytes)|C GET wtv-other:/done|S 200 OK (0 bytes)"
	if got := strings.Join(lines, "|"); got != want {
		t.Errorf("went %s, want %s", got, want)
	}
	if at, as, ok := b.Messenger(); at != "192.0.2.7:1863" || as != "alice@webtv.local" || !ok {
		t.Errorf("Messenger at %s as %s, %v", at, as, ok)
	}
	if _, err := b.Get(t.Context(), "wtv-other:/done"); err != nil {
		t.Errorf("after the service closed the connection: %v", err)
	}
	if _, err := b.Post(t.Context(), "wtv-other:/list", []byte("a=b")); err != nil {
		t.Fatal(err)
	}
	if p, ok := b.Place("wtv-1800"); !ok || p.Flags != 7 || p.Addr != addr {
		t.Errorf("after the list was reset: %v, %v", p, ok)
	}
	var se *StatusError
	if _, err := b.Get(t.Context(), "wtv-other:/nothing"); !errors.As(err, &se) || se.Status != 404 {
		t.Errorf("got %v", err)
	}
	if err := b.Relogin(t.Context()); err == nil || !strings.Contains(err.Error(), "gave no wtv-relogin-url") {
		t.Errorf("got %v", err)
	}
}

// FuzzServiceList: whatever a service says, a box that takes it in has places it
// can dial, or none.
func FuzzServiceList(f *testing.F) {
	for _, seed := range []string{"reset", "name=wtv-home host=192.0.2.7 port=1612", "name=wtv-* host=127.0.0.2 port=1603 flags=0x00000007 connections=1",
		"name= host= port=", "a=b=c", "name=x host=::1 port=1", "name=x host=1.2.3.4 port=-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		b := &Box{places: make(map[string]Place), conns: make(map[string]*Conn), told: make(map[string]string)}
		if err := b.heed(wire.Header{{Name: "wtv-service", Value: line}}); err != nil {
			return
		}
		if line == "reset" != (len(b.places) == 0) {
			t.Fatalf("%q makes %d places", line, len(b.places))
		}
		for name, p := range b.places {
			if a, err := net.ResolveTCPAddr("tcp4", p.Addr); name == "" || err != nil || a.IP.To4() == nil {
				t.Fatalf("%q is %q at %q: %v", line, name, p.Addr, err)
			}
		}
	})
}
