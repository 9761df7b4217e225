// Package helper is the contact that every account has from the start: the gateway
// itself (design 5, "The helper contact"). It is a network with one person, so that
// what it says is stored, rung and delivered like a friend's words, and what is
// written to it waits in the queue of a conversation like any message.
//
// Who owns what: Network is safe from any goroutine. It keeps no account's state but
// how much it has answered lately (pace.go, one mutex, never held over a call out).
// Lists, names and messages belong to the core, which it asks and edits through Core.
package helper

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// Name is the network's name in the store.
const Name id.Network = "helper"

// self is the one person of the network.
const self id.Remote = "helper"

// Core is what the helper does for an account's owner. *bridge.Hub is one. Its
// methods have the meaning that they have there.
type Core interface {
	Roster(ctx context.Context, a id.Account) (bridge.Roster, error)
	AccountInfo(ctx context.Context, a id.Account) (bridge.AccountInfo, error)
	AddContact(ctx context.Context, a id.Account, peer id.Address, name string, lists uint8, by bridge.Seat) (bridge.Contact, uint32, error)
	RemoveContact(ctx context.Context, a id.Account, peer id.Address, lists uint8, by bridge.Seat) (bridge.Contact, uint32, error)
	Appearance(a id.Account, peer id.Address) bridge.Appearance
	States() []bridge.NetworkState
	Portraits(a bridge.Account) []bridge.Portrait
	Kept(ctx context.Context, a id.Account) ([]bridge.Backlog, error)
	More(ctx context.Context, key id.Conversation, n int) (moved, left int, err error)
}

// Settings are the switches of accounts, if there are any.
type Settings interface {
	// Settings lists an account's switches in the order they are shown.
	Settings(ctx context.Context, a id.Account) ([]Setting, error)
	// Set changes one. The error's text is for the person who typed it.
	Set(ctx context.Context, a id.Account, key, value string) error
}

// Setting is one switch: a word and what it stands at.
type Setting struct{ Key, Value string }

// Options are what a helper needs.
type Options struct {
	Core     Core
	Domain   string           // of the accounts
	Settings Settings         // nil: there are none
	Examples []string         // an address of somebody on each network, as it is shown
	Room     string           // an address of a room, likewise; "": one of Matrix
	Now      func() time.Time // nil: time.Now
}

// Network is the helper. It implements bridge.Network, bridge.Resident and
// bridge.Presencer.
type Network struct {
	core     Core
	settings Settings
	examples []string
	room     string
	now      func() time.Time
	address  id.Address
	pace     pace

	mu sync.Mutex
	in bridge.Receiver // nil while not running
}

// New makes the helper of a gateway whose accounts have this domain.
func New(o Options) *Network {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Room == "" {
		o.Room = "#retro@matrix.org"
	}
	return &Network{core: o.Core, settings: o.Settings, examples: o.Examples, room: o.Room, now: o.Now,
		address: id.Address(bridge.HelperName + "@" + strings.ToLower(o.Domain)), pace: pace{accounts: make(map[id.Account]*visit)}}
}

// Name implements bridge.Network.
func (n *Network) Name() id.Network { return Name }

// Serves implements bridge.Network: the helper has an address and no domain.
func (n *Network) Serves(string) bool { return false }

// Remote implements bridge.Network.
func (n *Network) Remote(a id.Address) (id.Remote, error) {
	if a != n.address {
		return "", fmt.Errorf("the helper is %s", n.address)
	}
	return self, nil
}

// Address implements bridge.Network.
func (n *Network) Address(r id.Remote) (id.Address, error) {
	if r != self {
		return "", fmt.Errorf("helper: %q is nobody", r)
	}
	return n.address, nil
}

// Resident implements bridge.Resident.
func (n *Network) Resident() (id.Address, string) { return n.address, displayName }

// Presence implements bridge.Presencer: the gateway is there whenever anybody can
// ask.
func (n *Network) Presence(id.Account, id.Remote) (bridge.Presence, error) {
	return bridge.PresenceOnline, nil
}

// Run implements bridge.Network. An account that was made at the helper's address
// by an older version needs a person's decision.
func (n *Network) Run(ctx context.Context, in bridge.Receiver) error {
	if _, err := n.core.AccountInfo(ctx, id.Account(n.address)); err == nil {
		return fmt.Errorf("the account %s has the address of the gateway's helper; stop the gateway and run `wtvgate account remove %s`", n.address, n.address)
	}
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

// Send implements bridge.Network: it answers. The answer to a message has the same
// ids at every try, so that a repeat is harmless.
func (n *Network) Send(ctx context.Context, m bridge.Outbound) (bridge.Receipt, error) {
	n.mu.Lock()
	in := n.in
	n.mu.Unlock()
	if in == nil {
		return bridge.Receipt{}, &bridge.SendError{Certain: true, Text: textNotRunning}
	}
	lines, err := n.answer(ctx, m.From, m.Text.Body)
	if err != nil {
		return bridge.Receipt{}, &bridge.SendError{Text: textFailed, Err: fmt.Errorf("helper: answering: %w", err)}
	}
	for i, line := range lines {
		e := bridge.MessageEvent{Event: id.Event(fmt.Sprintf("answer/%s/%d", m.ID, i)), Account: m.From.Address, From: self,
			Name: displayName, Text: text.Content{Body: line}, Time: n.now()}
		if err := in.Receive(ctx, e); err != nil {
			return bridge.Receipt{}, &bridge.SendError{Text: textFailed, Err: err}
		}
	}
	return bridge.Receipt{Event: id.Event("said/" + string(m.ID))}, nil
}
