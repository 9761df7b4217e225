package box

import (
	"context"
	"slices"
	"sync"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/msnp/server"
)

// party.go: several friends in one switchboard. If their network can bring them
// together, they are one conversation there too, with an address of its own;
// otherwise each is written to alone.

// parties are the guests that an account's client has in each of its boards. Its
// mutex is held over no call out.
type parties struct {
	mu sync.Mutex
	m  map[server.Board]*party
}

// party is the guests of one board in the order in which they came.
type party struct {
	guests []*guest
	tried  bool       // for these guests
	common id.Address // "": each alone
}

// join notes a guest.
func (p *parties) join(b server.Board, g *guest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil {
		p.m = make(map[server.Board]*party)
	}
	x := p.m[b]
	if x == nil {
		x = &party{}
		p.m[b] = x
	}
	if !slices.Contains(x.guests, g) {
		x.guests, x.tried, x.common = append(x.guests, g), false, ""
	}
}

// leave forgets a guest.
func (p *parties) leave(b server.Board, g *guest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.m[b]; x != nil {
		x.guests, x.tried, x.common = slices.DeleteFunc(x.guests, func(o *guest) bool { return o == g }), false, ""
		if len(x.guests) == 0 {
			delete(p.m, b)
		}
	}
}

// guests are those of a board.
func (p *parties) guests(b server.Board) (all []*guest, tried bool, common id.Address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.m[b]; x != nil {
		return slices.Clone(x.guests), x.tried, x.common
	}
	return nil, false, ""
}

// address is where a guest takes what is written in a board; false if another guest
// takes it for all. A failure to bring them together is a chat with each of them.
func (p *parties) address(ctx context.Context, b server.Board, g *guest) (id.Address, bool) {
	all, tried, common := p.guests(b)
	if len(all) < 2 || slices.ContainsFunc(all, func(o *guest) bool { return o.off }) {
		return g.peer, true
	}
	if !tried {
		peers := make([]id.Address, len(all))
		for i, o := range all {
			peers[i] = o.peer
		}
		var err error
		if common, _, err = g.a.g.hub.Gather(ctx, g.a.addr, peers); err != nil {
			g.a.g.log.Warn("friends are not brought together", "account", g.a.addr, "err", err)
		}
		p.settle(b, all, common)
	}
	if common == "" {
		return g.peer, true
	}
	if all[0] != g {
		return "", false
	}
	g.a.later(func() { g.a.gathered(common, g, b) })
	return common, true
}

// settle notes what the guests of a board have come to, unless they have changed.
func (p *parties) settle(b server.Board, all []*guest, common id.Address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.m[b]; x != nil && slices.Equal(x.guests, all) {
		x.tried, x.common = true, common
	}
}

// gathered: what the friends of a board say together comes into it, as long as no
// other board has that conversation.
func (a *account) gathered(common id.Address, g *guest, b server.Board) {
	if all, _, _ := a.parties.guests(b); !slices.Contains(all, g) {
		return // it has ended
	}
	t := a.talkWith(common)
	if t.b != nil {
		return
	}
	t.cancel()
	t.guest, t.b = g, b
	a.feed(t)
}

// dispersed: a board has ended in which a conversation of several was.
func (a *account) dispersed(g *guest, b server.Board) {
	for _, t := range a.talks {
		if t.peer != g.peer && t.b == b && t.guest == g {
			t.b, t.guest = nil, nil
			a.feed(t) // what came while the board ended rings
		}
	}
}

// speaker is who of a board's guests has the name under which something was said.
func (a *account) speaker(b server.Board, name string) (server.Person, bool) {
	all, _, _ := a.parties.guests(b)
	for _, g := range all {
		named := func(c bridge.Contact) bool { return c.Address == g.peer && a.called(c.Name) == name }
		if g.name == name || slices.ContainsFunc(a.roster.Contacts, named) {
			return server.Person{Address: string(g.peer), Name: name}, true
		}
	}
	return server.Person{}, false
}
