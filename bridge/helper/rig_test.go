package helper

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/loopback"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
	"wtvgate/puppets"
)

const (
	alice = id.Account("alice@webtv.local")
	carol = id.Account("carol@webtv.local")
	me    = id.Address("helper@webtv.local")
	echo  = id.Address("echo@loopback.example")
)

// rig is a running hub on a real store with the helper, the loopback network and
// the accounts alice and carol, whose boxes are off.
type rig struct {
	t    *testing.T
	st   *store.Store
	hub  *bridge.Hub
	n    *Network
	seat *seat
	now  time.Time
}

// started tells when the helper runs.
type started struct {
	*Network
	up chan struct{}
}

func (s started) Run(ctx context.Context, in bridge.Receiver) error {
	return s.Network.Run(ctx, upReceiver{in, s.up})
}

type upReceiver struct {
	bridge.Receiver
	up chan struct{}
}

func (r upReceiver) State(up bool, text string) {
	r.Receiver.State(up, text)
	close(r.up)
}

// seat is a signed-in account that tells when something waits for it.
type seat struct{ rung chan id.Address }

func (s *seat) Waiting(p id.Address)    { s.rung <- p }
func (s *seat) Recheck(id.Address)      {}
func (s *seat) ListsChanged()           {}
func (s *seat) Typing(id.Address, bool) {}
func (s *seat) End(bridge.EndReason)    {}
func (s *seat) Appearance(id.Address) bridge.Appearance {
	return bridge.Appearance{Presence: bridge.PresenceOnline, Callable: true}
}

func newRig(t *testing.T, change ...func(*Options)) *rig {
	t.Helper()
	st, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, st: st, hub: bridge.NewHub(st, puppets.NewDirectory("webtv.local"), slog.New(slog.DiscardHandler), nil),
		seat: &seat{make(chan id.Address, 1000)}, now: time.Date(2000, 3, 1, 12, 0, 0, 0, time.UTC)}
	o := Options{Core: r.hub, Domain: "webtv.local", Now: func() time.Time { return r.now }}
	for _, c := range change {
		c(&o)
	}
	r.n = New(o)
	up := make(chan struct{})
	for _, n := range []bridge.Network{loopback.New("loopback.example", nil), started{r.n, up}} {
		if err := r.hub.Add(n); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.hub.Run(ctx) }()
	<-up
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("hub: %v", err)
		}
		if err := st.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	for _, a := range []id.Account{alice, carol} {
		if err := r.hub.CreateAccount(t.Context(), bridge.NewAccount{Address: a}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// welcome signs alice in, as far as the core is concerned.
func (r *rig) welcome() {
	r.t.Helper()
	if err := r.hub.Welcome(r.t.Context(), bridge.Account{Address: alice, Name: "Alice"}); err != nil {
		r.t.Fatal(err)
	}
}

// inbox takes what the contact has said to alice.
func (r *rig) inbox(peer id.Address) (said []string) {
	r.t.Helper()
	rows, err := r.hub.WaitingFrom(r.t.Context(), id.Conversation{Account: alice, Peer: peer}, 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, row := range rows {
		var c text.Content
		if err := json.Unmarshal(row.Body, &c); err != nil {
			r.t.Fatal(err)
		}
		said = append(said, c.Body)
	}
	if err := r.hub.Delivered(r.t.Context(), rows); err != nil {
		r.t.Fatal(err)
	}
	return said
}

// asks has alice say something and gives the answer, without the queue between.
func (r *rig) asks(s string) []string {
	r.t.Helper()
	r.now = r.now.Add(time.Minute) // a person's pace
	said, err := r.n.answer(r.t.Context(), bridge.Account{Address: alice, Name: "Alice"}, s)
	if err != nil {
		r.t.Fatalf("%q: %v", s, err)
	}
	checkFit(r.t, s, said)
	return said
}

// talk is a conversation: a line of alice's and the answer, messages separated by
// a line of dashes.
func (r *rig) talk(steps ...string) {
	r.t.Helper()
	for pair := range slices.Chunk(steps, 2) {
		if got := strings.Join(r.asks(pair[0]), "\n--\n"); got != pair[1] {
			r.t.Errorf("%q is answered\n%s\nwant\n%s", pair[0], got, pair[1])
		}
	}
}

func (r *rig) lists(peer id.Address) uint8 {
	r.t.Helper()
	c, _, err := r.st.Contact(r.t.Context(), alice, peer)
	if err != nil {
		r.t.Fatal(err)
	}
	return c.Lists
}
