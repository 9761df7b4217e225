package box

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// testNet is a network the test speaks for.
type testNet struct {
	up    chan struct{}
	calls chan string
	in    bridge.Receiver

	mu      sync.Mutex
	seen    map[id.Remote]bridge.Presence
	n       int
	gathers bool // it brings friends together as "room"
}

func newTestNet() *testNet {
	return &testNet{up: make(chan struct{}), calls: make(chan string, 1000), seen: map[id.Remote]bridge.Presence{}}
}

func (n *testNet) Name() id.Network          { return "test" }
func (n *testNet) Serves(domain string) bool { return domain == "test.example" }
func (n *testNet) Remote(a id.Address) (id.Remote, error) {
	if a.Local() == "nobody" {
		return "", errors.New("nobody is not a name")
	}
	return id.Remote(a.Local()), nil
}
func (n *testNet) Address(r id.Remote) (id.Address, error) {
	return id.Address(r) + "@test.example", nil
}
func (n *testNet) Run(ctx context.Context, in bridge.Receiver) error {
	n.in = in
	close(n.up)
	<-ctx.Done()
	return nil
}
func (n *testNet) Send(_ context.Context, m bridge.Outbound) (bridge.Receipt, error) {
	n.calls <- "send " + string(m.To) + " " + m.Text.Body
	return bridge.Receipt{Event: id.Event(m.ID)}, nil
}
func (n *testNet) Invite(_ context.Context, m bridge.Outbound) error {
	n.calls <- "invite " + string(m.To)
	return nil
}
func (n *testNet) Accept(_ context.Context, m bridge.Outbound) error {
	n.calls <- "accept " + string(m.To)
	return nil
}
func (n *testNet) Decline(_ context.Context, m bridge.Outbound) error {
	n.calls <- "decline " + string(m.To)
	return nil
}
func (n *testNet) MarkRead(_ context.Context, m bridge.Outbound, e id.Event) error {
	n.calls <- "read " + string(e)
	return nil
}
func (n *testNet) SetTyping(_ context.Context, _ bridge.Account, to id.Remote, on bool) {
	n.calls <- fmt.Sprint("typing ", to, " ", on)
}
func (n *testNet) Presence(_ id.Account, r id.Remote) (bridge.Presence, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p, ok := n.seen[r]; ok {
		return p, nil
	}
	return bridge.PresenceOffline, nil
}

func (n *testNet) Gather(context.Context, id.Account, []id.Remote) (id.Remote, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.gathers {
		return "", nil
	}
	return "room", nil
}

func (n *testNet) Gathered(_ context.Context, _ id.Account, r id.Remote) string {
	if r == "room" {
		return "Bob, Ann"
	}
	return ""
}
