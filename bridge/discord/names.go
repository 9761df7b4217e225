package discord

import (
	"strings"
	"sync"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// names is how our accounts are called, which routing needs for every line.
type names struct {
	mu sync.Mutex
	m  map[id.Account]string
}

func newNames() *names { return &names{m: make(map[id.Account]string)} }

func (x *names) set(a bridge.Account) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.m[a.Address] = a.Name
}

func (x *names) drop(a id.Account) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.m, a)
}

// of is an account's display name; false for no account.
func (x *names) of(a id.Account) (string, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	name, ok := x.m[a]
	return name, ok
}

// Portrait implements bridge.Portrayer: a box has no user of its own there, but its
// name, and the command that friends add it by.
func (n *Network) Portrait(a bridge.Account) string {
	return oneLine(a.Name) + " (/webtv add " + a.Address.Local() + ")"
}

// account reads what a friend calls an account by: its address or the part
// before the @. Whether there is one, of says.
func (n *Network) account(name string) (id.Account, bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	if !strings.Contains(name, "@") {
		name += "@" + n.o.AccountDomain
	}
	a, err := id.ParseAddress(name)
	if err != nil || a.Domain() != n.o.AccountDomain {
		return "", false
	}
	_, ok := n.names.of(id.Account(a))
	return id.Account(a), ok
}

// nameOf is an account's display name, or else its local part.
func (n *Network) nameOf(a id.Account) string {
	if name, ok := n.names.of(a); ok && name != "" {
		return name
	}
	return a.Local()
}
