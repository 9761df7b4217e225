package bridge

import (
	"context"
	"fmt"

	"wtvgate/bridge/id"
)

// gather.go: an account that talks with several friends of one network at once.

// Gatherer is a network that can bring several friends of an account into one
// conversation, in which they read each other. It is a contact of its own there:
// what is sent to it reaches all, and what one of them says comes from it, with
// MessageEvent.Author.
type Gatherer interface {
	// Gather gives the conversation with these friends and nobody else, for ever the
	// same; "" if there can be none now. It must not do network I/O.
	Gather(ctx context.Context, a id.Account, with []id.Remote) (id.Remote, error)
	// Gathered is what to call such a conversation; "" for what is none.
	Gathered(ctx context.Context, a id.Account, r id.Remote) string
}

// Gather is the address of the conversation of an account with several friends;
// false if each has to be written to alone: they are of different networks, or
// theirs cannot bring them together now.
func (h *Hub) Gather(ctx context.Context, a id.Account, peers []id.Address) (id.Address, bool, error) {
	if len(peers) < 2 {
		return "", false, nil
	}
	n, _ := h.dir.Network(peers[0])
	l := h.link(n)
	if l == nil {
		return "", false, nil
	}
	g, ok := l.Network.(Gatherer)
	if !ok {
		return "", false, nil
	}
	with := make([]id.Remote, len(peers))
	for i, p := range peers {
		if other, _ := h.dir.Network(p); other != n {
			return "", false, nil
		}
		var err error
		if with[i], err = l.Remote(p); err != nil {
			return "", false, fmt.Errorf("bridge: gathering: %w", err)
		}
	}
	r, err := g.Gather(ctx, a, with)
	if err != nil || r == "" {
		return "", false, err
	}
	address, err := l.Address(r)
	return address, err == nil, err
}

// gathered is what a conversation with several friends is called; "" for other
// contacts.
func (h *Hub) gathered(ctx context.Context, a id.Account, peer id.Address) string {
	n, _ := h.dir.Network(peer)
	if l := h.link(n); l != nil {
		if g, ok := l.Network.(Gatherer); ok {
			if r, err := l.Remote(peer); err == nil {
				return g.Gathered(ctx, a, r)
			}
		}
	}
	return ""
}
