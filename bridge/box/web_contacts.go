package box

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/msnp/wire"
	"wtvgate/wtvp/service/pages"
)

// web_contacts.go: the lists as the pages show and change them.

// webContact is an entry as the pages show it.
func (w webAccount) webContact(c bridge.Contact, n id.Network) pages.Contact {
	l := lists(c)
	return pages.Contact{
		Address: string(c.Address), Name: c.Name, Network: networkName(n),
		Friend: l.Has(wire.Forward), Allowed: l.Has(wire.Allow), Blocked: l.Has(wire.Block), AddedMe: l.Has(wire.Reverse),
		Online: l.Has(wire.Forward) && w.g.hub.Appearance(w.addr, c.Address).Presence.Reachable(),
	}
}

// Contacts implements pages.Account: first who waits for an answer, then friends
// who are there, then the others, the blocked last; by name. The network is left
// to Find.
func (w webAccount) Contacts(ctx context.Context) ([]pages.Contact, error) {
	r, err := w.g.hub.Roster(ctx, w.addr)
	if err != nil {
		return nil, err
	}
	all := make([]pages.Contact, len(r.Contacts))
	for i, c := range r.Contacts {
		all[i] = w.webContact(c, "")
	}
	slices.SortFunc(all, func(a, b pages.Contact) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)),
			cmp.Compare(a.Address, b.Address))
	})
	return all, nil
}

func rank(c pages.Contact) int {
	switch {
	case c.Asks():
		return 0
	case c.Blocked:
		return 4
	case !c.Friend:
		return 3
	case c.Online:
		return 1
	}
	return 2
}

// Find implements pages.Account.
func (w webAccount) Find(ctx context.Context, typed string) (pages.Contact, error) {
	peer, err := readAddress(typed)
	if err != nil {
		return pages.Contact{}, err
	}
	r, err := w.g.hub.Roster(ctx, w.addr)
	if err != nil {
		return pages.Contact{}, err
	}
	n, err := w.g.hub.Person(ctx, peer)
	for _, c := range r.Contacts {
		if c.Address == peer { // also one whose network is gone: it may be removed
			return w.webContact(c, n), nil
		}
	}
	if peer == w.addr.Address() {
		err = bridge.ErrSelf
	}
	if err != nil {
		return pages.Contact{}, problemOf(err, peer)
	}
	name, ok := w.g.hub.Known(ctx, w.addr, peer)
	if !ok {
		name = string(peer)
	}
	return w.webContact(bridge.Contact{Address: peer, Name: name}, n), nil
}

// readAddress reads what somebody typed with a remote control: an address, or the
// way Matrix writes it.
func readAddress(typed string) (id.Address, error) {
	s := strings.TrimSpace(typed)
	s = strings.TrimPrefix(s, "https://matrix.to/#/")
	if user, ok := strings.CutPrefix(s, "@"); ok {
		local, server, ok := strings.Cut(user, ":")
		if !ok {
			return "", &pages.Problem{Text: "An address does not begin with @. It looks like bob@example.org, or like @bob:example.org on Matrix."}
		}
		s = id.EscapeLocal(strings.ToLower(local)) + "@" + server
	}
	peer, err := id.ParseAddress(s)
	switch {
	case err == nil:
		return peer, nil
	case s == "":
		return "", &pages.Problem{Text: "Please type the address of your friend."}
	case !strings.Contains(s, "@"):
		return "", &pages.Problem{Text: "The @ and what stands behind it are missing. An address looks like bob@example.org."}
	case strings.ContainsAny(s, " \t"):
		return "", &pages.Problem{Text: "An address has no blanks in it. It looks like bob@example.org."}
	case len(s) > id.MaxAddress:
		return "", &pages.Problem{Text: "This address is too long."}
	}
	return "", &pages.Problem{Text: "This is not an address. It looks like bob@example.org, with plain letters and digits."}
}

// Edit implements pages.Account. The store keeps the order in which clients do
// it: off the opposite list first.
func (w webAccount) Edit(ctx context.Context, e pages.Edit) error {
	peer, err := id.ParseAddress(e.Address)
	if err != nil {
		return &pages.Problem{Text: "This is not an address."}
	}
	return problemOf(w.edit(ctx, e, peer), peer)
}

func (w webAccount) edit(ctx context.Context, e pages.Edit, peer id.Address) error {
	const fl, al, bl = uint8(wire.Forward), uint8(wire.Allow), uint8(wire.Block)
	switch e.Do {
	case pages.Add:
		if err := w.move(ctx, peer, e.Name, bl, fl|al); err != nil || e.Name == "" {
			return err
		}
		return w.rename(ctx, peer, e.Name) // AddContact keeps a better name than the address, but not than this
	case pages.Remove:
		return w.move(ctx, peer, "", fl|al, 0)
	case pages.Block:
		return w.move(ctx, peer, "", al, bl)
	case pages.Unblock:
		return w.move(ctx, peer, "", bl, al)
	case pages.Rename:
		return w.rename(ctx, peer, e.Name)
	}
	return errors.New("box: unknown edit of a page")
}

// move takes peer off some lists and puts it on others; where it is already is
// fine.
func (w webAccount) move(ctx context.Context, peer id.Address, name string, off, on uint8) error {
	r, err := w.g.hub.Roster(ctx, w.addr)
	if err != nil {
		return err
	}
	var c bridge.Contact
	if i := slices.IndexFunc(r.Contacts, func(c bridge.Contact) bool { return c.Address == peer }); i >= 0 {
		c = r.Contacts[i]
	}
	if name == "" {
		name = c.Name // or it would go with the last list
	}
	if on != 0 { // before anything is taken off
		if _, err := w.g.hub.Person(ctx, peer); err != nil {
			return err
		}
	}
	if off &= c.Lists; off != 0 || on == 0 {
		if _, _, err := w.g.hub.RemoveContact(ctx, w.addr, peer, off, nil); err != nil {
			return err
		}
	}
	if on &^= c.Lists; on == 0 {
		return nil
	}
	_, _, err = w.g.hub.AddContact(ctx, w.addr, peer, name, on, nil)
	if err == nil || off == 0 {
		return err
	}
	// A list is full: nobody is to be unblocked for that.
	if _, _, back := w.g.hub.AddContact(ctx, w.addr, peer, name, off, nil); back != nil {
		return errors.Join(err, back)
	}
	return err
}

func (w webAccount) rename(ctx context.Context, peer id.Address, name string) error {
	if _, _, err := w.g.hub.RenameContact(ctx, w.addr, peer, name); err != nil {
		return err
	}
	w.changed()
	return nil
}
