package client_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/service"
	"wtvgate/wtvp/wire"
)

var initialKey = sec.Key{0x31, 0x41, 0x59, 0x26, 0x53, 0x58, 0x97, 0x93}

const (
	md5Challenge    = "1013928519.693957190"
	ticketChallenge = "ct=1062764229,rver=1,wp=FS_40SEC_0_COMPACT,lc=1033,id=507,ru=http:%2F%2Fmessenger.msn.com,tw=0,kpp=1"
	password        = "hunter2pw"
	passportTicket  = "t=TESTTOKEN0123456789&p="
)

// fakeCredentials knows one password, and notes who asked.
type fakeCredentials struct {
	mu    sync.Mutex
	boxes []service.Box
}

func (f *fakeCredentials) MessengerLogin(_ context.Context, box service.Box, challenge string) (string, error) {
	f.mu.Lock()
	f.boxes = append(f.boxes, box)
	f.mu.Unlock()
	switch {
	case challenge == "unlinked":
		return "", &service.Refusal{Text: "This box has no Messenger account yet.", Reason: "box is not linked", Status: 403}
	case challenge == "broken":
		return "", errors.New("store is on fire")
	case challenge == "panics":
		panic("boom")
	case service.WantsTicket(challenge):
		return passportTicket, nil
	}
	return md5hex(challenge + password), nil
}

func md5hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// syncBuffer is a log that a test can read while the server writes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

type gateway struct {
	addr  string
	creds *fakeCredentials
	log   *syncBuffer
}

func startGateway(t testing.TB, o server.Options) *gateway {
	t.Helper()
	g := &gateway{creds: new(fakeCredentials), log: new(syncBuffer)}
	o.Log = slog.New(slog.NewTextHandler(g.log, nil))
	s := server.New(o)
	s.Handle(service.PassportName, service.Passport(g.creds))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, server.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return g
}

func newIdentity(t testing.TB, key sec.Key) *client.Identity {
	t.Helper()
	id, err := client.NewIdentity(key, "81A7B500-70B002BF", 3)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func dial(t testing.TB, g *gateway, id *client.Identity) *client.Conn {
	t.Helper()
	c, err := client.Dial(t.Context(), g.addr, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestMessengerLogin(t *testing.T) {
	g := startGateway(t, server.Options{InitialKey: &initialKey})
	c := dial(t, g, newIdentity(t, initialKey))
	for challenge, want := range map[string]string{md5Challenge: "85004bd4a7511d4d593801c0a631e33b", ticketChallenge: passportTicket} {
		if got, err := c.MessengerLogin(t.Context(), challenge); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", challenge, got, err, want)
		}
	}
	resp, err := c.Get(t.Context(), client.LoginURL+"?x")
	if err != nil {
		t.Fatal(err)
	}
	want := wire.Header{
		{Name: "Connection", Value: "Keep-Alive"},
		{Name: "wtv-encrypted", Value: "true"},
		{Name: "Expires", Value: "Wed, 09 Oct 1991 22:00:00 GMT"},
		{Name: "Content-type", Value: "text/plain"},
		{Name: "Content-length", Value: "32"},
	}
	if fmt.Sprint(resp.Header) != fmt.Sprint(want) || resp.Text != "OK" {
		t.Errorf("head %q %v, want %v", resp.Text, resp.Header, want)
	}
	box := g.creds.boxes[0]
	if box.SSID != "81a7b50070b002bf" || box.UserID != 3 || box.ROMType != "US-LC2-disk-0MB-8MB" || box.SystemVersion != "7181" ||
		box.Capabilities != "10935ffc8f" || box.Remote.Addr().String() != "127.0.0.1" || box.SigningKey == (sec.Key{}) {
		t.Errorf("box %+v", box)
	}
}

// TestInStep mixes refusals of every kind with logins on one connection: none may move the streams apart.
func TestInStep(t *testing.T) {
	g := startGateway(t, server.Options{InitialKey: &initialKey})
	c := dial(t, g, newIdentity(t, initialKey))
	long := strings.Repeat("x", service.MaxChallenge+1)
	refusals := []struct {
		url    string
		status int
		text   string
	}{
		{client.LoginURL, 400, service.TextBadChallenge},
		{client.LoginURL + "?", 400, service.TextBadChallenge},
		{client.LoginURL + "?" + long, 400, service.TextBadChallenge},
		{client.LoginURL + "?two words", 400, service.TextBadChallenge},
		{client.LoginURL + "?bin\x01ary", 400, service.TextBadChallenge},
		{client.LoginURL + "?latin\xe9", 400, service.TextBadChallenge},
		{client.LoginURL + "?unlinked", 403, "This box has no Messenger account yet."},
		{client.LoginURL + "?broken", 500, service.TextUnavailable},
		{client.LoginURL + "?panics", 500, server.TextTrouble},
		{"wtv-passport:/nosuchpage", 404, server.TextNotFound},
		{"wtv-home:/home", 500, server.TextElsewhere},
	}
	for i, r := range refusals {
		challenge := fmt.Sprintf("%s.%d", md5Challenge, i)
		if got, err := c.MessengerLogin(t.Context(), challenge); err != nil || got != md5hex(challenge+password) {
			t.Fatalf("login %d: %q, %v", i, got, err)
		}
		resp, err := c.Get(t.Context(), r.url)
		if err != nil {
			t.Fatalf("%.60s: %v", r.url, err)
		}
		if resp.Status != r.status || resp.Text != r.text || string(resp.Body) != r.text || !resp.Encrypted {
			t.Errorf("%.60s: %d %q body %q encrypted %v", r.url, resp.Status, resp.Text, resp.Body, resp.Encrypted)
		}
	}
	resp, err := c.Post(t.Context(), client.LoginURL+"?posted", []byte("a=1&b=2"))
	if err != nil || string(resp.Body) != md5hex("posted"+password) {
		t.Errorf("POST: %v", err)
	}
	log := g.log.String()
	if n := strings.Count(log, "request refused"); n != len(refusals) {
		t.Errorf("%d lines for %d refusals:\n%s", n, len(refusals), log)
	}
	for _, want := range []string{"box is not linked", "store is on fire", "no such page", "no such service here", "boom"} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %q", want)
		}
	}
	if strings.Contains(log, md5Challenge) || strings.Contains(log, "two words") {
		t.Error("a challenge is in the log")
	}
}

func TestSecureOnRefused(t *testing.T) {
	other := sec.Key{1, 2, 3, 4, 5, 6, 7, 8}
	tests := []struct {
		name   string
		key    *sec.Key
		change func(*client.Identity)
		text   string
		reason string
	}{
		{"no key", nil, nil, server.TextNotSetUp, "wtvp.initial_shared_key"},
		{"other key", &other, nil, server.TextSignOn, "does not open"},
		{"no ticket", &initialKey, func(id *client.Identity) { id.Ticket = "" }, server.TextSignOn, "without a wtv-ticket"},
		{"junk ticket", &initialKey, func(id *client.Identity) { id.Ticket = "AAAA" }, server.TextSignOn, "ticket has 3 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := startGateway(t, server.Options{InitialKey: tt.key})
			id := newIdentity(t, initialKey)
			if tt.change != nil {
				tt.change(id)
			}
			c := dial(t, g, id)
			_, err := c.MessengerLogin(t.Context(), md5Challenge)
			var status *client.StatusError
			if !errors.As(err, &status) || status.Status != 500 || status.Text != tt.text {
				t.Errorf("%v, want 500 %s", err, tt.text)
			}
			if _, err := c.Get(t.Context(), "a:b"); !errors.Is(err, client.ErrBroken) {
				t.Errorf("second request: %v, want ErrBroken", err)
			}
			if log := g.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, tt.reason) ||
				!strings.Contains(log, "ssid=81a7b50070b002bf") ||
				id.Ticket != "" && strings.Contains(log, id.Ticket) {
				t.Errorf("log: %s", log)
			}
			if len(g.creds.boxes) != 0 {
				t.Error("credentials were asked")
			}
		})
	}
}

func TestNoSerialNumber(t *testing.T) {
	g := startGateway(t, server.Options{InitialKey: &initialKey})
	id := newIdentity(t, initialKey)
	id.SSID = "-"
	_, err := dial(t, g, id).MessengerLogin(t.Context(), md5Challenge)
	var status *client.StatusError
	if !errors.As(err, &status) || status.Text != server.TextSignOn || len(g.creds.boxes) != 0 {
		t.Errorf("%v, asked %d times", err, len(g.creds.boxes))
	}
}

// TestPlain: without SECURE ON there is no login, ticket or not, and the connection stays usable.
func TestPlain(t *testing.T) {
	g := startGateway(t, server.Options{InitialKey: &initialKey})
	c, err := client.DialPlain(t.Context(), g.addr, newIdentity(t, initialKey))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		resp, err := c.Get(t.Context(), client.LoginURL+"?"+md5Challenge)
		if err != nil {
			t.Fatal(err)
		}
		if _, claims := resp.Header.Lookup("wtv-encrypted"); claims || resp.Status != 500 || resp.Text != service.TextNotSecured {
			t.Errorf("%d %s, %v", resp.Status, resp.Text, resp.Header)
		}
	}
	if len(g.creds.boxes) != 0 {
		t.Error("credentials were asked")
	}
	if log := g.log.String(); strings.Count(log, "without SECURE ON") != 3 {
		t.Errorf("log: %s", log)
	}
}

func TestIncarnations(t *testing.T) {
	g := startGateway(t, server.Options{InitialKey: &initialKey})
	id := newIdentity(t, initialKey)
	for i := range 4 {
		c := dial(t, g, id)
		if got, err := c.MessengerLogin(t.Context(), md5Challenge); err != nil || got != md5hex(md5Challenge+password) {
			t.Fatalf("connection %d: %q, %v", i, got, err)
		}
		if id.Incarnation() != uint32(i+1) {
			t.Errorf("incarnation %d on connection %d", id.Incarnation(), i)
		}
	}
}
