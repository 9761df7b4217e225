package bridge

import (
	"context"
	"errors"
	"slices"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/puppets"
)

// Groups sort the forward list of an account, for its own client alone: no
// network knows of them (msnp.md 9.3). Phone settings are shown to the accounts
// that have the owner on their list (msnp.md 7.5).

// MaxGroups is how many groups an account has at most, the one that always
// exists (number 0) included.
const MaxGroups = store.MaxGroups

// NoGroup is the group of an edit that names none.
const NoGroup = -1

// Refusals of group edits. The Messenger server has a number for each.
var (
	ErrNoSuchGroup   = errors.New("there is no such group")
	ErrNotInGroup    = errors.New("the contact is not in that group")
	ErrGroupExists   = errors.New("a group of that name is there already")
	ErrTooManyGroups = errors.New("there are too many groups")
	ErrGroupStays    = errors.New("this group cannot be removed")
)

// Group is a contact group.
type Group = store.Group

// AddGroup makes a group; it gets the lowest number that is free.
func (h *Hub) AddGroup(ctx context.Context, a id.Account, name string) (g Group, version uint32, err error) {
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.Groups(a)
		if err != nil {
			return err
		}
		g = Group{Name: name}
		for _, o := range all { // by number
			if o.Name == name {
				return ErrGroupExists
			}
			if o.ID == g.ID {
				g.ID++
			}
		}
		if len(all) >= MaxGroups {
			return ErrTooManyGroups
		}
		version, err = tx.PutGroup(a, g)
		return err
	})
	return g, version, err
}

// RenameGroup gives a group, also number 0, another name.
func (h *Hub) RenameGroup(ctx context.Context, a id.Account, number int, name string) (g Group, version uint32, err error) {
	g = Group{ID: number, Name: name}
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.Groups(a)
		if err != nil {
			return err
		}
		if !hasGroup(all, number) {
			return ErrNoSuchGroup
		}
		if slices.ContainsFunc(all, func(o Group) bool { return o.ID != number && o.Name == name }) {
			return ErrGroupExists
		}
		version, err = tx.PutGroup(a, g)
		return err
	})
	return g, version, err
}

// RemoveGroup removes a group. Contacts that were in no other leave the forward
// list with it, as the live service had it.
func (h *Hub) RemoveGroup(ctx context.Context, a id.Account, number int) (version uint32, err error) {
	if number == 0 {
		return 0, ErrGroupStays
	}
	var left []Contact
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		left, version, err = tx.RemoveGroup(a, number)
		if errors.Is(err, store.ErrNotFound) {
			return ErrNoSuchGroup
		}
		if err != nil {
			return err
		}
		for _, c := range left {
			n, _ := h.dir.Network(c.Address)
			if err := h.unfollow(tx, a, n, c.Address); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, c := range left {
		h.wake(id.Conversation{Account: a, Peer: c.Address})
		if s := h.Seat(id.Account(c.Address)); s != nil {
			s.ListsChanged()
		}
	}
	return version, nil
}

// AddToGroup puts peer on the forward list in a group, or into a further group
// when it is on the list already. See AddContact.
func (h *Hub) AddToGroup(ctx context.Context, a id.Account, peer id.Address, name string, group int, by Seat) (Contact, uint32, error) {
	return h.addContact(ctx, a, peer, name, listForward, group, by)
}

// inGroup reads the entry of somebody who is to be put into a group, which has to
// exist, and tells whether it is on the forward list.
func inGroup(tx *store.Tx, a id.Account, peer id.Address, group int) (c Contact, listed bool, err error) {
	all, err := tx.Groups(a)
	if err != nil {
		return c, false, err
	}
	if !hasGroup(all, group) {
		return c, false, ErrNoSuchGroup
	}
	c, _, err = tx.Contact(a, peer)
	return c, c.Lists&listForward != 0, err
}

// joinGroup puts a contact of the forward list into a further group; ErrListed
// when it is in it.
func joinGroup(tx *store.Tx, a id.Account, c Contact, name string, group int) (Contact, uint32, error) {
	if c.Groups&bit(group) != 0 {
		return c, 0, ErrListed
	}
	c.Groups |= bit(group)
	if given := puppets.ScreenName(name, c.Address); given != string(c.Address) {
		c.Name = given
	}
	version, err := tx.PutContact(a, c)
	return c, version, err
}

// RemoveFromGroup takes peer out of a group, and off the forward list when it
// was in no other: a client that always names a group could not remove anybody
// else (msnp.md 9.2).
func (h *Hub) RemoveFromGroup(ctx context.Context, a id.Account, peer id.Address, group int, by Seat) (c Contact, version uint32, err error) {
	n, _ := h.dir.Network(peer)
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		if c, _, err = tx.Contact(a, peer); err != nil {
			return err
		}
		if c.Lists&listForward == 0 {
			return ErrNotListed
		}
		all, err := tx.Groups(a)
		if err != nil {
			return err
		}
		switch {
		case !hasGroup(all, group):
			return ErrNoSuchGroup
		case c.Groups&bit(group) == 0:
			return ErrNotInGroup
		}
		c.Groups &^= bit(group)
		if c.Groups == 0 {
			c.Lists &^= listForward
		}
		if version, err = tx.PutContact(a, c); err != nil {
			return err
		}
		if c.Groups != 0 {
			return nil
		}
		return h.unfollow(tx, a, n, peer)
	})
	if err != nil {
		return Contact{}, 0, err
	}
	if c.Groups == 0 {
		h.wake(id.Conversation{Account: a, Peer: peer})
		h.listsEdited(a, peer, n, by)
	} else if s := h.Seat(a); s != nil && s != by {
		s.ListsChanged()
	}
	return c, version, nil
}

// bit is a group in Contact.Groups; 0 for none.
func bit(group int) uint32 {
	if group < 0 || group >= MaxGroups {
		return 0
	}
	return 1 << group
}

func hasGroup(all []Group, number int) bool {
	return slices.ContainsFunc(all, func(g Group) bool { return g.ID == number })
}

// SetPhone sets a phone setting of an account or, with "", unsets it, and shows
// it to the signed-in accounts that have this one on their list. ErrNoMobile
// refuses MOB Y while MBE is not Y.
func (h *Hub) SetPhone(ctx context.Context, a id.Account, kind, value string) (version uint32, err error) {
	var changed bool
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		if kind == phoneMobile && value == "Y" {
			r, err := tx.Roster(a)
			if err != nil {
				return err
			}
			if !slices.Contains(r.Phones, store.Phone{Account: a, Kind: phoneEnabled, Value: "Y"}) {
				version = r.Version
				return ErrNoMobile
			}
		}
		version, changed, err = tx.SetPhone(a, kind, value)
		return err
	})
	if err != nil || !changed {
		return version, err
	}
	watchers, err := h.st.Watchers(ctx, a.Address())
	if err != nil {
		return 0, err
	}
	for _, w := range watchers {
		if s := h.Seat(w); s != nil {
			s.ListsChanged()
		}
	}
	return version, nil
}

// Phone settings with a rule of their own (msnp.md 7.5): whether others may send
// to the mobile, and whether there is one.
const (
	phoneMobile  = "MOB"
	phoneEnabled = "MBE"
)

// ErrNoMobile refuses MOB Y for an account without MBE Y; SetPhone gives the
// version of the lists with it.
var ErrNoMobile = errors.New("the account has no mobile device")
