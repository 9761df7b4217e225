package msnptest

import (
	"context"
	"slices"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

var (
	_ server.Grouper = (*session)(nil)
	_ server.Phoner  = (*session)(nil)
)

// group finds a group by number; -1: there is none.
func (a *Account) group(id int) int {
	return slices.IndexFunc(a.Groups, func(g server.Group) bool { return g.ID == id })
}

func (a *Account) groupNamed(name string, but int) bool {
	return slices.ContainsFunc(a.Groups, func(g server.Group) bool { return g.Name == name && g.ID != but })
}

// AddGroup implements server.Grouper.
func (s *session) AddGroup(_ context.Context, name string, reply func(server.GroupChange)) error {
	if err := s.begin("AddGroup"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	a, id := s.a, 0
	for a.group(id) >= 0 {
		id++
	}
	switch {
	case a.groupNamed(name, -1):
		return wire.Refuse(wire.ErrGroupExists)
	case id >= maxGroup:
		return wire.Refuse(wire.ErrTooManyGroups)
	}
	g := server.Group{ID: id, Name: name}
	a.Groups = append(a.Groups, g)
	slices.SortFunc(a.Groups, func(x, y server.Group) int { return x.ID - y.ID })
	a.Version++
	reply(server.GroupChange{Version: a.Version, Group: g})
	return nil
}

// RemoveGroup implements server.Grouper.
func (s *session) RemoveGroup(_ context.Context, id int, reply func(server.GroupChange)) error {
	if err := s.begin("RemoveGroup"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	a, i := s.a, s.a.group(id)
	switch {
	case id == 0:
		return wire.Refuse(wire.ErrGroupZero)
	case i < 0:
		return wire.Refuse(wire.ErrNoSuchGroup)
	}
	g := a.Groups[i]
	a.Groups = slices.Delete(slices.Clone(a.Groups), i, i+1)
	a.Version++
	reply(server.GroupChange{Version: a.Version, Group: g})
	for _, c := range a.Contacts {
		in := slices.Index(c.Groups, id)
		if in < 0 {
			continue
		}
		c.Groups = slices.Delete(slices.Clone(c.Groups), in, in+1)
		if len(c.Groups) == 0 {
			c.Lists = c.Lists.Without(wire.Forward)
			s.b.unreverse(c.Address, a.Address)
		}
	}
	return nil
}

// RenameGroup implements server.Grouper.
func (s *session) RenameGroup(_ context.Context, id int, name string, reply func(server.GroupChange)) error {
	if err := s.begin("RenameGroup"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	a, i := s.a, s.a.group(id)
	switch {
	case i < 0:
		return wire.Refuse(wire.ErrNoSuchGroup)
	case a.groupNamed(name, id):
		return wire.Refuse(wire.ErrGroupExists)
	}
	a.Groups = slices.Clone(a.Groups)
	a.Groups[i].Name = name
	a.Version++
	reply(server.GroupChange{Version: a.Version, Group: a.Groups[i]})
	return nil
}

// unreverse takes a remover off an account's reverse list and tells it.
func (b *Backend) unreverse(address, remover string) {
	other := b.accounts[address]
	if other == nil {
		return
	}
	if oc := other.find(remover); oc != nil {
		oc.Lists = oc.Lists.Without(wire.Reverse)
	}
	other.Version++
	if other.session != nil {
		other.session.n.Removed(wire.Reverse, other.Version, remover)
	}
}

// phone finds one of a's own settings; -1: it is not set.
func (a *Account) phone(k server.PhoneKind) int {
	return slices.IndexFunc(a.Phones, func(p server.Phone) bool { return p.Kind == k })
}

// SetPhone implements server.Phoner.
func (s *session) SetPhone(_ context.Context, k server.PhoneKind, value string, reply func(uint32, string)) error {
	if err := s.begin("SetPhone"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	a := s.a
	if on := a.phone(server.MobileEnabled); k == server.MobileOpen && value == "Y" && (on < 0 || a.Phones[on].Value != "Y") {
		reply(a.Version, "N")
		return nil
	}
	p := server.Phone{Kind: k, Value: value}
	phones := slices.Clone(a.Phones)
	i := a.phone(k)
	switch {
	case i >= 0 && phones[i] == p, i < 0 && value == "":
		reply(a.Version, value)
		return nil
	case value == "":
		phones = slices.Delete(phones, i, i+1)
	case i >= 0:
		phones[i] = p
	default:
		phones = append(phones, p)
	}
	a.Phones = phones
	a.Version++
	reply(a.Version, value)
	for _, o := range s.b.accounts {
		if !o.on(a.Address, wire.Forward) || !a.allows(o.Address) {
			continue
		}
		o.Version++
		if o.session != nil && o.session.synced {
			o.session.n.Phone(o.Version, a.Address, p)
		}
	}
	return nil
}

// contactsOf are the entries of a as its client is told of them.
func (b *Backend) contactsOf(a *Account) []server.Contact {
	var all []server.Contact
	for _, c := range a.Contacts {
		e := *c
		if o := b.accounts[c.Address]; o != nil && c.Lists.Has(wire.Forward) && o.allows(a.Address) {
			e.Phones = o.Phones
		}
		all = append(all, e)
	}
	return all
}
