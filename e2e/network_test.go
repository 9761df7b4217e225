package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"
	_ "modernc.org/sqlite" // the driver

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/matrix"
	"wtvgate/bridge/text"
	"wtvgate/e2e/harness"
)

// network_test.go: package bridge/matrix against a real homeserver, with a core
// that only notes what it is told.

var alice = bridge.Account{Address: "alice@webtv.test", Name: "Alice"}

const aliceGhost = mid.UserID("@webtv_alice:" + harness.Domain)

// core notes what the network hands over.
type core struct {
	t *testing.T

	mu      sync.Mutex
	events  []bridge.Event
	up      bool
	changed chan struct{}
}

func (c *core) Receive(_ context.Context, e bridge.Event) error {
	c.note(func() { c.events = append(c.events, e) })
	return nil
}

func (c *core) Accounts(context.Context) ([]bridge.Account, error) {
	return []bridge.Account{alice}, nil
}

func (c *core) State(up bool, _ string) { c.note(func() { c.up = up }) }

func (c *core) note(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *core) wait(what string, look func() bool) {
	c.t.Helper()
	deadline := time.After(harness.Wait)
	for {
		c.mu.Lock()
		ok, changed := look(), c.changed
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			c.mu.Lock()
			defer c.mu.Unlock()
			c.t.Fatalf("no %s; there is %+v", what, c.events)
		}
	}
}

// await waits for an event of a kind that fits.
func await[E bridge.Event](c *core, what string, fits func(E) bool) (found E) {
	c.t.Helper()
	c.wait(what, func() bool {
		for _, e := range c.events {
			if e, ok := e.(E); ok && fits(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

func (c *core) texts() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if m, ok := e.(bridge.MessageEvent); ok {
			all = append(all, m.Text.Body)
		}
	}
	return all
}

// scene is a homeserver, a friend and the network that runs.
type scene struct {
	*core
	t   *testing.T
	hs  *harness.Homeserver
	bob *harness.Friend
	o   matrix.Options
	n   *matrix.Network
}

// noVault seals nothing: the tests have nothing to hide.
type noVault struct{}

func (noVault) Seal(plain []byte, _ string) ([]byte, error)    { return plain, nil }
func (noVault) Unseal(sealed []byte, _ string) ([]byte, error) { return sealed, nil }

// newScene makes all of it and waits until the ghost has its name.
func newScene(t *testing.T, change ...func(*matrix.Options)) *scene {
	t.Helper()
	dir := t.TempDir()
	port := harness.FreePort(t)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "gateway.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate&_time_format=sqlite")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := &scene{t: t, core: &core{t: t, changed: make(chan struct{})}, o: matrix.Options{
		Domain: harness.Domain, Listen: fmt.Sprintf("127.0.0.1:%d", port), URL: fmt.Sprintf("http://127.0.0.1:%d", port),
		Registration: filepath.Join(dir, "registration.yaml"), GhostPrefix: "webtv_", GhostName: "{{.Name}} (WebTV)", Bot: "webtvbot",
		Encryption: "allow", InviteAllow: []string{"*"}, DB: db, Vault: noVault{},
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})),
	}}
	for _, c := range change {
		c(&s.o)
	}
	if err := matrix.WriteRegistration(s.o, s.o.Registration); err != nil {
		t.Fatal(err)
	}
	s.hs = harness.NewHomeserver(t, s.o.Registration)
	s.o.HomeserverURL = s.hs.URL
	s.bob = s.hs.NewFriend("bob")
	s.start()
	s.wait("connection", func() bool { return s.up })
	return s
}

// start makes the network and runs it until the returned function is called.
func (s *scene) start() (stop func()) {
	s.t.Helper()
	n, err := matrix.New(s.o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.n = n
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, s.core) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("Run: %v", err)
		}
	})
	s.t.Cleanup(stop)
	return stop
}

// out is a message from Alice to Bob.
func (s *scene) out(msg id.Message, body string) bridge.Outbound {
	return bridge.Outbound{ID: msg, From: alice, To: id.Remote(s.bob.ID), Text: text.Content{Body: body}, Created: time.Now()}
}

func TestNetworkBoxInvitesFriend(t *testing.T) {
	s := newScene(t)
	if err := s.n.Invite(t.Context(), s.out("m1", "")); err != nil {
		t.Fatal(err)
	}
	room, direct := s.bob.WaitInvite(aliceGhost)
	if !direct {
		t.Error("the invitation is not direct")
	}
	if p, err := s.n.Presence(alice.Address, id.Remote(s.bob.ID)); p != bridge.PresenceOffline || err != nil {
		t.Errorf("before joining: presence %q, %v", p, err)
	}
	s.bob.Join(room)
	await(s.core, "presence", func(e bridge.PresenceEvent) bool {
		return e.Presence == bridge.PresenceOnline && e.Account == alice.Address
	})
	if name := s.bob.WaitMember(room, aliceGhost, event.MembershipJoin); name != "Alice (WebTV)" {
		t.Errorf("the ghost is called %q", name)
	}
	r, err := s.n.Send(t.Context(), s.out("m2", "hello <b>Bob</b>"))
	if err != nil || r.Event == "" {
		t.Fatalf("Send: %+v, %v", r, err)
	}
	s.bob.WaitText(room, aliceGhost, "hello <b>Bob</b>")
	await(s.core, "echo", func(e bridge.EchoEvent) bool { return e.ID == "m2" && e.Event == r.Event })

	ev := s.bob.Send(room, "hi Alice")
	m := await(s.core, "message", func(e bridge.MessageEvent) bool { return e.Event == id.Event(ev) })
	if m.Account != alice.Address || m.From != "@bob:hs.test" || m.Text.Body != "hi Alice" || time.Since(m.Time) > time.Minute {
		t.Errorf("message %+v", m)
	}
	if err := s.n.MarkRead(t.Context(), s.out("m3", ""), m.Event); err != nil {
		t.Fatal(err)
	}
	s.bob.WaitRead(aliceGhost, ev)
	s.n.SetTyping(t.Context(), alice, m.From, true)
	s.bob.WaitTyping(room, aliceGhost, true)
	s.n.SetTyping(t.Context(), alice, m.From, false)
	s.bob.WaitTyping(room, aliceGhost, false)

	s.bob.SetName("Robert")
	await(s.core, "new name", func(e bridge.PresenceEvent) bool { return e.Name == "Robert" })

	s.bob.Leave(room)
	await(s.core, "notice", func(e bridge.NoticeEvent) bool { return e.Text == "Robert has left the chat." })
	await(s.core, "presence", func(e bridge.PresenceEvent) bool { return e.Presence == bridge.PresenceOffline })
	if _, err := s.n.Send(t.Context(), s.out("m4", "come back")); err != nil {
		t.Fatal(err)
	}
	again, _ := s.bob.WaitInvite(aliceGhost)
	if again != room {
		t.Errorf("invited to %s and not back to %s", again, room)
	}
	s.bob.Join(again)
	s.bob.WaitText(again, aliceGhost, "come back")
}

func TestNetworkFriendInvites(t *testing.T) {
	s := newScene(t)
	s.bob.SetName("Bob")
	room := s.bob.InviteDirect(aliceGhost)
	s.bob.Send(room, "one")
	s.bob.Send(room, "two")
	req := await(s.core, "request", func(e bridge.RequestEvent) bool { return e.From == "@bob:hs.test" })
	if req.Account != alice.Address || req.Name != "Bob" || req.Event == "" {
		t.Errorf("request %+v", req)
	}
	s.bob.Send(room, "three")
	if err := s.n.Accept(t.Context(), s.out("m1", "")); err != nil {
		t.Fatal(err)
	}
	s.bob.Send(room, "four")
	await(s.core, "message", func(e bridge.MessageEvent) bool { return e.Text.Body == "four" })
	if got, want := s.texts(), []string{"one", "two", "three", "four"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	await(s.core, "presence", func(e bridge.PresenceEvent) bool { return e.Presence == bridge.PresenceOnline })
	room = s.bob.InviteDirect(aliceGhost)
	await(s.core, "second request", func(e bridge.RequestEvent) bool { return e.Event != req.Event })
	if err := s.n.Decline(t.Context(), s.out("m3", "")); err != nil {
		t.Fatal(err)
	}
	s.bob.WaitMember(room, aliceGhost, event.MembershipLeave)
}

// A friend whose server cannot be reached for good: an end, each time, and not a
// room in which nobody will ever be.
func TestNetworkInvitesNobody(t *testing.T) {
	s := newScene(t)
	m := s.out("m1", "hello")
	m.To = "@bob:nowhere.invalid"
	for range 3 {
		_, err := s.n.Send(t.Context(), m)
		if se, ok := err.(*bridge.SendError); !ok || !se.Permanent {
			t.Errorf("Send: %v", err)
		}
	}
}

func TestNetworkTurnsDown(t *testing.T) {
	s := newScene(t, func(o *matrix.Options) { o.Encryption = "off" })
	encrypted := s.bob.InviteDirect(aliceGhost, func(r *mautrix.ReqCreateRoom) {
		r.InitialState = []*event.Event{{Type: event.StateEncryption, StateKey: new(string),
			Content: event.Content{Raw: map[string]any{"algorithm": "m.megolm.v1.aes-sha2"}}}}
	})
	s.bob.WaitText(encrypted, aliceGhost, "This chat is encrypted, and this WebTV gateway does not read encrypted messages. "+
		"Please start a chat with encryption switched off.")
	s.bob.WaitMember(encrypted, aliceGhost, event.MembershipLeave)

	group := s.bob.InviteDirect(aliceGhost, func(r *mautrix.ReqCreateRoom) { r.IsDirect, r.Name = false, "WebTV fans" })
	s.bob.WaitMember(group, aliceGhost, event.MembershipLeave)

	unknown := s.bob.InviteDirect("@webtv_nobody:" + harness.Domain)
	plain := s.bob.InviteDirect(aliceGhost)
	req := await(s.core, "request", func(e bridge.RequestEvent) bool { return true })
	if err := s.n.Accept(t.Context(), s.out("m1", "")); err != nil {
		t.Fatal(err)
	}
	s.bob.Encrypt(plain)
	s.bob.SendEvent(plain, event.EventEncrypted, map[string]any{"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"})
	s.bob.WaitText(plain, aliceGhost, "This chat is encrypted, and this WebTV gateway does not read encrypted messages. "+
		"Please start a chat with encryption switched off.")
	await(s.core, "notice", func(e bridge.NoticeEvent) bool { return e.From == req.From })
	_, err := s.n.Send(t.Context(), s.out("m2", "secret"))
	if se, ok := err.(*bridge.SendError); !ok || !se.Permanent {
		t.Errorf("Send into an encrypted room: %v", err)
	}
	_ = unknown
}

// Check 6: a push that is stored, and whose answer the homeserver never gets,
// comes again, perhaps with more in it: nothing is lost and nothing doubled.
func TestAccept06AnswerToPushLost(t *testing.T) {
	var fail atomic.Bool
	var failed atomic.Int32
	s := newScene(t, func(o *matrix.Options) {
		target := &url.URL{Scheme: "http", Host: o.Listen}
		proxy := httputil.NewSingleHostReverseProxy(target)
		proxy.ModifyResponse = func(r *http.Response) error {
			if fail.Load() {
				failed.Add(1)
				r.StatusCode = http.StatusBadGateway
			}
			return nil
		}
		srv := httptest.NewServer(proxy)
		t.Cleanup(srv.Close)
		o.URL = srv.URL
	})
	room := s.bob.InviteDirect(aliceGhost)
	await(s.core, "request", func(bridge.RequestEvent) bool { return true })
	if err := s.n.Accept(t.Context(), s.out("m1", "")); err != nil {
		t.Fatal(err)
	}
	fail.Store(true)
	s.bob.Send(room, "one")
	await(s.core, "message", func(e bridge.MessageEvent) bool { return e.Text.Body == "one" }) // stored, and the answer is lost
	s.bob.Send(room, "two")
	fail.Store(false)
	await(s.core, "message", func(e bridge.MessageEvent) bool { return e.Text.Body == "two" })
	s.bob.Send(room, "three")
	await(s.core, "message", func(e bridge.MessageEvent) bool { return e.Text.Body == "three" })
	if got, want := s.texts(), []string{"one", "two", "three"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	if failed.Load() == 0 {
		t.Error("no push failed")
	}
}

func TestNetworkHomeserverAway(t *testing.T) {
	s := newScene(t)
	if err := s.n.Invite(t.Context(), s.out("m1", "")); err != nil {
		t.Fatal(err)
	}
	room, _ := s.bob.WaitInvite(aliceGhost)
	s.bob.Join(room)
	if _, err := s.n.Send(t.Context(), s.out("m2", "first")); err != nil {
		t.Fatal(err)
	}
	s.hs.Kill()
	if _, err := s.n.Send(t.Context(), s.out("m3", "second")); err == nil {
		t.Fatal("sent to a homeserver that is dead")
	}
	s.wait("disconnection", func() bool { return !s.up })
	s.hs.Start()
	s.wait("connection", func() bool { return s.up })
	for _, m := range []bridge.Outbound{s.out("m2", "first"), s.out("m3", "second")} {
		m.Retry = true // m2 was taken, and the homeserver has forgotten its transaction id
		if _, err := s.n.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	s.bob.WaitText(room, aliceGhost, "second")
	if got, want := s.bob.Texts(room, aliceGhost), []string{"first", "second"}; !slices.Equal(got, want) {
		t.Errorf("the room has %q, want %q", got, want)
	}
}
