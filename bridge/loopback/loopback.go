// Package loopback is a network without a network: its one friend, echo, is
// always there and answers every message with its own words. It is what the
// demo talks to, what tests misbehave with, and the pattern for a new network:
// everything the core asks of one is here in its smallest form.
package loopback

import (
	"context"
	"fmt"
	"sync"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// Name is the network's name in the store.
const Name id.Network = "loopback"

// Echo is the friend's local part.
const Echo = "echo"

// memory is how many messages the echo friend remembers, so that one that is
// sent again after an uncertain outcome is answered once.
const memory = 10000

// Network is the loopback network. It implements bridge.Network and its
// companions Inviter, Typer, Waiter and Presencer.
type Network struct {
	domain string
	now    func() time.Time

	mu      sync.Mutex
	in      bridge.Receiver // nil while not running
	handled map[id.Message]bool
	order   []id.Message // of handled, oldest first
}

// New makes a network whose friend is echo@domain.
func New(domain string, now func() time.Time) *Network {
	if now == nil {
		now = time.Now
	}
	return &Network{domain: domain, now: now, handled: make(map[id.Message]bool)}
}

// Name implements bridge.Network.
func (n *Network) Name() id.Network { return Name }

// Serves implements bridge.Network.
func (n *Network) Serves(domain string) bool { return domain == n.domain }

// Remote implements bridge.Network.
func (n *Network) Remote(a id.Address) (id.Remote, error) {
	if a.Local() != Echo {
		return "", fmt.Errorf("the only friend here is %s@%s", Echo, n.domain)
	}
	return Echo, nil
}

// Address implements bridge.Network.
func (n *Network) Address(r id.Remote) (id.Address, error) {
	if r != Echo {
		return "", fmt.Errorf("loopback: %q is nobody", r)
	}
	return id.Address(Echo + "@" + n.domain), nil
}

// Run implements bridge.Network.
func (n *Network) Run(ctx context.Context, in bridge.Receiver) error {
	n.mu.Lock()
	n.in = in
	n.mu.Unlock()
	in.State(true, "")
	<-ctx.Done()
	n.mu.Lock()
	n.in = nil
	n.mu.Unlock()
	return nil
}

// Send implements bridge.Network: the echo comes back as an event of its own.
func (n *Network) Send(ctx context.Context, m bridge.Outbound) (bridge.Receipt, error) {
	n.mu.Lock()
	in, again := n.in, n.handled[m.ID]
	n.mu.Unlock()
	if in == nil {
		return bridge.Receipt{}, &bridge.SendError{Certain: true, Text: "the loopback network is not running"}
	}
	receipt := bridge.Receipt{Event: id.Event("said-" + string(m.ID))}
	if again {
		return receipt, nil
	}
	echo := bridge.MessageEvent{Event: id.Event("echo-" + string(m.ID)), Account: m.From.Address, From: Echo,
		Name: "Echo", Text: text.Content{Body: m.Text.Body}, Time: n.now()}
	if err := in.Receive(ctx, echo); err != nil {
		return bridge.Receipt{}, &bridge.SendError{Text: "the echo was lost", Err: err}
	}
	n.remember(m.ID)
	return receipt, nil
}

// remember notes a message as answered and forgets the oldest beyond memory.
func (n *Network) remember(m id.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handled[m] = true
	n.order = append(n.order, m)
	if len(n.order) > memory {
		delete(n.handled, n.order[0])
		n.order = n.order[1:]
	}
}

// Invite implements bridge.Inviter: echo is everybody's friend.
func (n *Network) Invite(context.Context, bridge.Outbound) error { return nil }

// Accept implements bridge.Inviter.
func (n *Network) Accept(context.Context, bridge.Outbound) error { return nil }

// Decline implements bridge.Inviter.
func (n *Network) Decline(context.Context, bridge.Outbound) error { return nil }

// TellsWaiting implements bridge.Waiter.
func (n *Network) TellsWaiting() bool { return true }

// Waiting implements bridge.Waiter: echo has all the time in the world.
func (n *Network) Waiting(context.Context, bridge.Outbound) error { return nil }

// SetTyping implements bridge.Typer: who writes to echo sees echo writing.
func (n *Network) SetTyping(ctx context.Context, from bridge.Account, _ id.Remote, on bool) {
	n.mu.Lock()
	in := n.in
	n.mu.Unlock()
	if in != nil {
		// The only possible error is a failing store, which typing does not touch.
		_ = in.Receive(ctx, bridge.TypingEvent{Account: from.Address, From: Echo, On: on})
	}
}

// Presence implements bridge.Presencer.
func (n *Network) Presence(id.Account, id.Remote) (bridge.Presence, error) {
	return bridge.PresenceOnline, nil
}
