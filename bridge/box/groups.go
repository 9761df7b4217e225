package box

import (
	"context"
	"errors"
	"slices"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// groups.go: what only PC clients know, groups of contacts and phone numbers.

var (
	_ server.Grouper = (*account)(nil)
	_ server.Phoner  = (*account)(nil)
)

// groupsOf are the groups a contact is in, as the server has them.
func groupsOf(c bridge.Contact) []int {
	var all []int
	for n := range bridge.MaxGroups {
		if c.Groups&(1<<n) != 0 {
			all = append(all, n)
		}
	}
	return all
}

// phonesOf are the phone settings of one account among many.
func phonesOf(all []store.Phone, whose id.Address) []server.Phone {
	var out []server.Phone
	for _, p := range all {
		if p.Account.Address() == whose {
			out = append(out, server.Phone{Kind: server.PhoneKind(p.Kind), Value: p.Value})
		}
	}
	return out
}

// AddGroup implements server.Grouper.
func (a *account) AddGroup(ctx context.Context, name string, reply func(server.GroupChange)) error {
	return a.do(ctx, func() error {
		g, version, err := a.g.hub.AddGroup(ctx, a.addr, name)
		if err != nil {
			return refusal(err)
		}
		i, _ := slices.BinarySearchFunc(a.roster.Groups, g.ID, func(o bridge.Group, n int) int { return o.ID - n })
		a.roster.Groups = slices.Insert(a.roster.Groups, i, g)
		a.groupChanged(g, version, reply)
		return nil
	})
}

// RenameGroup implements server.Grouper.
func (a *account) RenameGroup(ctx context.Context, number int, name string, reply func(server.GroupChange)) error {
	return a.do(ctx, func() error {
		g, version, err := a.g.hub.RenameGroup(ctx, a.addr, number, name)
		if err != nil {
			return refusal(err)
		}
		for i := range a.roster.Groups {
			if a.roster.Groups[i].ID == number {
				a.roster.Groups[i] = g
			}
		}
		a.groupChanged(g, version, reply)
		return nil
	})
}

// RemoveGroup implements server.Grouper. Contacts that were in no other group
// leave FL with it.
func (a *account) RemoveGroup(ctx context.Context, number int, reply func(server.GroupChange)) error {
	return a.do(ctx, func() error {
		version, err := a.g.hub.RemoveGroup(ctx, a.addr, number)
		if err != nil {
			return refusal(err)
		}
		a.roster.Groups = slices.DeleteFunc(a.roster.Groups, func(g bridge.Group) bool { return g.ID == number })
		for _, c := range slices.Clone(a.roster.Contacts) {
			if c.Groups&(1<<number) == 0 {
				continue
			}
			if c.Groups &^= 1 << number; c.Groups == 0 {
				c.Lists &^= uint8(wire.Forward)
				a.shown.forget(c.Address)
			}
			a.put(c, version)
		}
		a.groupChanged(bridge.Group{ID: number}, version, reply)
		return nil
	})
}

func (a *account) groupChanged(g bridge.Group, version uint32, reply func(server.GroupChange)) {
	a.roster.Version = version
	reply(server.GroupChange{Version: version, Group: server.Group{ID: g.ID, Name: g.Name}})
}

// SetPhone implements server.Phoner.
func (a *account) SetPhone(ctx context.Context, k server.PhoneKind, value string, reply func(uint32, string)) error {
	return a.do(ctx, func() error {
		version, err := a.g.hub.SetPhone(ctx, a.addr, string(k), value)
		if errors.Is(err, bridge.ErrNoMobile) {
			reply(version, "N")
			return nil
		}
		if err != nil {
			return refusal(err)
		}
		a.roster.Version = version
		a.roster.Phones = slices.DeleteFunc(a.roster.Phones, func(p store.Phone) bool { return p.Kind == string(k) })
		if value != "" {
			a.roster.Phones = append(a.roster.Phones, store.Phone{Account: a.addr, Kind: string(k), Value: value})
		}
		reply(version, value)
		return nil
	})
}

// tellPhones tells the client which phone settings of contacts changed from
// before to what the roster has now.
func (a *account) tellPhones(before []store.Phone) {
	if !a.synced {
		return
	}
	for _, p := range a.roster.Buddies {
		if !slices.Contains(before, p) {
			a.n.Phone(a.roster.Version, string(p.Account), server.Phone{Kind: server.PhoneKind(p.Kind), Value: p.Value})
		}
	}
	for _, p := range before {
		gone := !slices.ContainsFunc(a.roster.Buddies, func(q store.Phone) bool { return q.Account == p.Account && q.Kind == p.Kind })
		if gone && lists(a.entry(p.Account.Address())).Has(wire.Forward) {
			a.n.Phone(a.roster.Version, string(p.Account), server.Phone{Kind: server.PhoneKind(p.Kind)})
		}
	}
}
