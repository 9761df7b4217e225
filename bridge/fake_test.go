package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/store/storetest"
	"wtvgate/bridge/text"
	"wtvgate/puppets"
)

// fakeNet is a network that does what a test tells it. Every call comes out of
// calls, and waits for the test's verdict if there is a script.
type fakeNet struct {
	script func(kind string, m Outbound) (Receipt, error) // nil: everything succeeds
	calls  chan fakeCall
	untold bool // its operator does not want friends to be told that messages wait

	in Receiver
	up chan struct{}
}

type fakeCall struct {
	kind string
	m    Outbound
}

func newFake() *fakeNet {
	return &fakeNet{calls: make(chan fakeCall, 1000), up: make(chan struct{})}
}

func (f *fakeNet) Name() id.Network          { return "fake" }
func (f *fakeNet) Serves(domain string) bool { return domain == "fake.example" }

func (f *fakeNet) Remote(a id.Address) (id.Remote, error) {
	if a.Local() == "nobody" {
		return "", errors.New("nobody cannot be written to")
	}
	return id.Remote(a.Local()), nil
}

func (f *fakeNet) Address(r id.Remote) (id.Address, error) {
	return id.ParseAddress(string(r) + "@fake.example")
}

func (f *fakeNet) Run(ctx context.Context, in Receiver) error {
	f.in = in
	close(f.up)
	in.State(true, "")
	<-ctx.Done()
	return nil
}

func (f *fakeNet) call(kind string, m Outbound) (Receipt, error) {
	f.calls <- fakeCall{kind, m}
	if f.script == nil {
		return Receipt{Event: id.Event("$" + string(m.ID))}, nil
	}
	return f.script(kind, m)
}

func (f *fakeNet) Send(_ context.Context, m Outbound) (Receipt, error) { return f.call(kindMessage, m) }
func (f *fakeNet) Invite(_ context.Context, m Outbound) error {
	_, err := f.call(kindInvite, m)
	return err
}
func (f *fakeNet) Accept(_ context.Context, m Outbound) error {
	_, err := f.call(kindAccept, m)
	return err
}
func (f *fakeNet) Decline(_ context.Context, m Outbound) error {
	_, err := f.call(kindDecline, m)
	return err
}
func (f *fakeNet) Leave(_ context.Context, m Outbound) error {
	_, err := f.call(kindLeave, m)
	return err
}
func (f *fakeNet) MarkRead(_ context.Context, m Outbound, e id.Event) error {
	m.Text.Body = string(e)
	_, err := f.call(kindRead, m)
	return err
}

// fakeSeat counts what it is told.
type fakeSeat struct {
	waiting chan id.Address
	lists   chan struct{}
	look    Appearance
}

func newSeat() *fakeSeat {
	return &fakeSeat{waiting: make(chan id.Address, 1000), lists: make(chan struct{}, 1000)}
}

func (s *fakeSeat) Waiting(p id.Address)             { s.waiting <- p }
func (s *fakeSeat) Recheck(id.Address)               {}
func (s *fakeSeat) ListsChanged()                    { s.lists <- struct{}{} }
func (s *fakeSeat) Typing(id.Address, bool)          {}
func (s *fakeSeat) Appearance(id.Address) Appearance { return s.look }
func (s *fakeSeat) End(EndReason)                    {}

// rig is a hub on a real store with the fake network and two accounts.
type rig struct {
	t    *testing.T
	dir  string
	st   *store.Store
	hub  *Hub
	net  *fakeNet
	log  *strings.Builder
	stop func()
	kill func() // ends the hub without waiting for it
}

const (
	alice = id.Account("alice@webtv.local")
	carol = id.Account("carol@webtv.local")
	bob   = id.Address("bob@fake.example")
)

var aliceBob = id.Conversation{Account: alice, Peer: bob}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := openRig(t, storetest.Dir(t), newFake())
	for _, a := range []id.Account{alice, carol} {
		if err := r.hub.CreateAccount(t.Context(), NewAccount{Address: a}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// openRig opens a data directory; run starts its hub.
func openRig(t *testing.T, dir string, n *fakeNet) *rig {
	t.Helper()
	log := &strings.Builder{}
	logger := slog.New(slog.NewTextHandler(&lockedWriter{w: log}, nil))
	st, err := store.Open(t.Context(), dir, store.Options{Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	h := NewHub(st, puppets.NewDirectory("webtv.local"), logger, nil)
	if err := h.Add(n); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: dir, st: st, hub: h, net: n, log: log, stop: func() {}}
	t.Cleanup(r.close)
	return r
}

type lockedWriter struct {
	mu sync.Mutex
	w  *strings.Builder
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// run starts the hub and returns when the network runs.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	r.kill = cancel
	done := make(chan error, 1)
	go func() { done <- r.hub.Run(ctx) }()
	<-r.net.up
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("hub: %v", err)
		}
		r.stop = func() {}
	}
}

func (r *rig) close() {
	r.stop()
	if err := r.st.Close(); err != nil {
		r.t.Errorf("closing the store: %v", err)
	}
}

func (r *rig) say(body string) {
	r.t.Helper()
	if err := r.hub.Say(r.t.Context(), aliceBob, text.Content{Body: body}); err != nil {
		r.t.Fatalf("say %q: %v", body, err)
	}
}

func (r *rig) receive(e Event) {
	r.t.Helper()
	if err := r.net.in.Receive(r.t.Context(), e); err != nil {
		r.t.Fatalf("receive %T: %v", e, err)
	}
}

// next is the next call of the network.
func (r *rig) next(kind string) Outbound {
	r.t.Helper()
	c := <-r.net.calls
	if c.kind != kind {
		r.t.Fatalf("the network was asked for %q, want %q", c.kind, kind)
	}
	return c.m
}

// inbox is what waits for an account, as sender: text.
func (r *rig) inbox(a id.Account) []string {
	r.t.Helper()
	rows, err := r.st.PendingIncoming(r.t.Context(), a, 0, 10000)
	if err != nil {
		r.t.Fatal(err)
	}
	lines := []string{}
	for _, row := range rows {
		var c text.Content
		if err := json.Unmarshal(row.Body, &c); err != nil {
			r.t.Fatal(err)
		}
		lines = append(lines, string(row.Peer)+": "+c.Body)
	}
	return lines
}

// lists are the lists an account has a contact on.
func (r *rig) lists(a id.Account, p id.Address) uint8 {
	r.t.Helper()
	c, _, err := r.st.Contact(r.t.Context(), a, p)
	if err != nil {
		r.t.Fatal(err)
	}
	return c.Lists
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// failing is a network that only a person can mend.
type failing struct{ *fakeNet }

func (failing) Run(context.Context, Receiver) error {
	return errors.New("the token is wrong: make a new one")
}
