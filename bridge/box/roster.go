package box

import (
	"context"
	"errors"
	"strings"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// roster.go: the account's lists, as its own client edits them and as others do.

// lists is the set of lists a contact is on.
func lists(c bridge.Contact) wire.Lists { return wire.Lists(c.Lists) }

// Sync implements server.Session.
func (a *account) Sync(ctx context.Context, known uint32, reply func(server.Roster)) error {
	return a.do(ctx, func() error {
		first := !a.synced
		a.synced = true
		if first && a.present { // what waited for it
			defer a.later(func() { _ = a.ringAll(a.g.running) })
		}
		r := server.Roster{Version: a.roster.Version, Privacy: a.roster.Privacy, Prompt: a.roster.Prompt}
		if known == r.Version {
			r.Same = true
			reply(r)
			return nil
		}
		for _, g := range a.roster.Groups {
			r.Groups = append(r.Groups, server.Group{ID: g.ID, Name: g.Name})
		}
		r.Phones = phonesOf(a.roster.Phones, a.addr.Address())
		for _, c := range a.roster.Contacts {
			r.Contacts = append(r.Contacts, server.Contact{Person: a.person(c), Lists: lists(c), Groups: groupsOf(c),
				Phones: phonesOf(a.roster.Buddies, c.Address)})
		}
		reply(r)
		return nil
	})
}

// person is a contact as the client is told of it.
func (a *account) person(c bridge.Contact) server.Person {
	return server.Person{Address: string(c.Address), Name: a.called(c.Name)}
}

// put notes the outcome of an edit of our own in the view.
func (a *account) put(c bridge.Contact, version uint32) {
	a.roster.Version = version
	old := a.entry(c.Address)
	a.roster.Contacts = contacts(a.roster.Contacts).with(c)
	a.privacyChanged(lists(old), lists(c))
}

// Add implements server.Session.
func (a *account) Add(ctx context.Context, l wire.List, address, nick string, group int, reply func(server.Change)) error {
	peer, err := id.ParseAddress(address)
	if err != nil {
		return &wire.Error{Code: wire.ErrInvalidParameter, Cause: err}
	}
	return a.do(ctx, func() error {
		var c bridge.Contact
		var version uint32
		var err error
		_, had := a.shown.find(peer)
		if group == bridge.NoGroup {
			c, version, err = a.g.hub.AddContact(ctx, a.addr, peer, nick, uint8(l), a)
		} else {
			c, version, err = a.g.hub.AddToGroup(ctx, a.addr, peer, nick, group, a)
		}
		if errors.Is(err, bridge.ErrNotServed) && !strings.Contains(peer.Domain(), ".") {
			return &wire.Error{Code: wire.ErrInvalidParameter, Cause: err} // no domain anywhere (msnp.md 9.1)
		}
		if err != nil {
			return refusal(err)
		}
		a.put(c, version)
		ch := server.Change{Version: version, Person: a.person(c), Group: -1}
		if l == wire.Forward {
			ch.Group = group
			if !had { // into a further group: the client knows already
				ch.Online = a.nowShown(peer)
			}
		}
		reply(ch)
		return nil
	})
}

// Remove implements server.Session.
func (a *account) Remove(ctx context.Context, l wire.List, address string, group int, reply func(server.Change)) error {
	peer, err := id.ParseAddress(address)
	if err != nil {
		return wire.Refuse(wire.ErrNotOnList) // what has no form is on no list
	}
	return a.do(ctx, func() error {
		var c bridge.Contact
		var version uint32
		var err error
		if group == bridge.NoGroup {
			c, version, err = a.g.hub.RemoveContact(ctx, a.addr, peer, uint8(l), a)
		} else {
			c, version, err = a.g.hub.RemoveFromGroup(ctx, a.addr, peer, group, a)
		}
		if err != nil {
			return refusal(err)
		}
		a.put(c, version)
		if !lists(c).Has(wire.Forward) {
			a.shown.forget(peer)
		}
		reply(server.Change{Version: version, Person: server.Person{Address: string(peer), Name: a.called(c.Name)}, Group: group})
		return nil
	})
}

// Rename implements server.Session.
func (a *account) Rename(ctx context.Context, address, name string, reply func(server.Change)) error {
	peer, err := id.ParseAddress(address)
	if err != nil {
		return wire.Refuse(wire.ErrNotOnList)
	}
	return a.do(ctx, func() error {
		if peer != a.addr.Address() {
			c, version, err := a.g.hub.RenameContact(ctx, a.addr, peer, name)
			if err != nil {
				return refusal(err)
			}
			a.put(c, version)
			reply(server.Change{Version: version, Person: a.person(c), Group: -1})
			return nil
		}
		version, err := a.g.hub.Rename(ctx, a.addr, name)
		if err != nil {
			return wire.Fail(wire.ErrDatabase, err)
		}
		info, err := a.g.hub.AccountInfo(ctx, a.addr)
		if err != nil {
			return wire.Fail(wire.ErrDatabase, err)
		}
		a.name, a.roster.Version = info.Name, version
		reply(server.Change{Version: version, Person: server.Person{Address: string(a.addr), Name: a.called(a.name)}, Group: -1})
		a.show()
		return nil
	})
}

// SetPrivacy implements server.Session.
func (a *account) SetPrivacy(ctx context.Context, mode string, reply func(uint32)) error {
	return a.do(ctx, func() error {
		if mode == a.roster.Privacy {
			return wire.Refuse(wire.ErrAlreadyInMode)
		}
		version, err := a.g.hub.SetPrivacy(ctx, a.addr, mode)
		if err != nil {
			return wire.Fail(wire.ErrDatabase, err)
		}
		a.roster.Privacy, a.roster.Version = mode, version
		reply(version)
		a.show()
		return nil
	})
}

// SetPrompt implements server.Session.
func (a *account) SetPrompt(ctx context.Context, mode string, reply func(uint32)) error {
	return a.do(ctx, func() error {
		if mode == a.roster.Prompt {
			return wire.Refuse(wire.ErrAlreadyInMode)
		}
		version, err := a.g.hub.SetPrompt(ctx, a.addr, mode)
		if err != nil {
			return wire.Fail(wire.ErrDatabase, err)
		}
		a.roster.Prompt, a.roster.Version = mode, version
		reply(version)
		return nil
	})
}

// reload takes in what others changed: a friend who added the account, or the
// operator. The client hears of each change of a list.
func (a *account) reload() {
	ctx := a.g.running
	fresh, err := a.g.hub.Roster(ctx, a.addr)
	if err != nil {
		a.failed(ctx, "cannot read the lists", err)
		return
	}
	info, err := a.g.hub.AccountInfo(ctx, a.addr)
	if err != nil {
		a.failed(ctx, "cannot read the account", err)
		return
	}
	old, phones := contacts(a.roster.Contacts), a.roster.Buddies
	if a.settings, err = a.g.hub.Settings(ctx, a.addr); err != nil {
		a.failed(ctx, "cannot read the settings", err)
		return
	}
	a.name = info.Name
	a.roster = fresh
	for _, c := range fresh.Contacts {
		was, _ := old.find(c.Address)
		a.tellLists(c, lists(was), lists(c))
		if was.Name != c.Name {
			a.recheck(c.Address) // a presence is the only line that brings a new name unasked
		}
	}
	for _, c := range old {
		if _, still := contacts(fresh.Contacts).find(c.Address); !still {
			a.tellLists(c, lists(c), 0)
		}
	}
	a.tellPhones(phones)
	a.show()
}

// failed logs what went wrong inside the goroutine, where nobody waits for it.
func (a *account) failed(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		a.g.log.Error(what, "account", a.addr, "err", err)
	}
}

// tellLists tells the client which lists c came onto or left.
func (a *account) tellLists(c bridge.Contact, before, after wire.Lists) {
	if before == after || !a.synced {
		return
	}
	wire.EachList(func(l wire.List) { // first off a list: the client has nobody on two that exclude each other
		if before.Has(l) && !after.Has(l) {
			a.n.Removed(l, a.roster.Version, string(c.Address))
		}
	})
	wire.EachList(func(l wire.List) {
		if after.Has(l) && !before.Has(l) {
			a.n.Added(l, a.roster.Version, a.person(c))
		}
	})
	if before.Has(wire.Forward) != after.Has(wire.Forward) {
		a.shown.forget(c.Address)
		a.recheck(c.Address)
	}
}
