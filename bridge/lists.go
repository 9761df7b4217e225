package bridge

import (
	"context"
	"errors"
	"fmt"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/puppets"
)

// Bits of the four lists as the store and MSNP8 have them (msnp.md 7.1).
const (
	listForward = store.ForwardList
	listAllow   = store.AllowList
	listBlock   = store.BlockList
	listReverse = store.ReverseList
)

// privacyClosed is the mode of BLP in which the allow list alone gets through
// (msnp.md 7.1).
const privacyClosed = "BL"

// Limits of the lists (msnp.md 15). The reverse list has its limit towards other
// networks only, where anybody may write: our own accounts are counted elsewhere.
const (
	maxForward = 600
	maxOther   = 1000
)

// Refusals of list edits. The Messenger server has a number for each; the
// operator reads the text.
var (
	ErrNoSuchPerson = errors.New("there is no such account or person")
	ErrNotServed    = errors.New("no network serves addresses of this domain")
	ErrSelf         = errors.New("this is the account's own address")
	ErrListed       = errors.New("already on that list")
	ErrNotListed    = errors.New("not on that list")
	ErrOpposite     = errors.New("on the opposite list (allow and block exclude each other)")
	ErrFull         = errors.New("the list is full")
)

// Contact is an entry on an account's lists.
type Contact = store.Contact

// Roster is an account's lists and modes.
type Roster = store.Roster

// Roster reads an account's lists.
func (h *Hub) Roster(ctx context.Context, a id.Account) (Roster, error) { return h.st.Roster(ctx, a) }

// Person checks that somebody can be behind an address and says on which
// network: ErrNotServed, ErrNoSuchPerson or a network's own words about the
// form. Whether a person of another network exists is found out later; an edit
// never waits for a network (msnp.md 9.1).
func (h *Hub) Person(ctx context.Context, peer id.Address) (id.Network, error) {
	n, ok := h.dir.Network(peer)
	if !ok {
		return "", ErrNotServed
	}
	if n == id.Local {
		if _, err := h.st.Account(ctx, id.Account(peer)); errors.Is(err, store.ErrNotFound) {
			return "", ErrNoSuchPerson
		} else if err != nil {
			return "", err
		}
		return n, nil
	}
	if _, err := h.link(n).Remote(peer); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoSuchPerson, err)
	}
	return n, nil
}

// AddContact puts peer on the lists given as bits, each of which must be new,
// and does what follows: a friend on the forward list is invited, an own
// account learns of it, an open request is answered. by is the seat that asked,
// nil for the operator: other seats are told.
func (h *Hub) AddContact(ctx context.Context, a id.Account, peer id.Address, name string, lists uint8, by Seat) (Contact, uint32, error) {
	return h.addContact(ctx, a, peer, name, lists, NoGroup, by)
}

// addContact is AddContact, and AddToGroup when a group is named: that has to
// exist, and who is on the forward list already joins it.
func (h *Hub) addContact(ctx context.Context, a id.Account, peer id.Address, name string, lists uint8, group int, by Seat) (Contact, uint32, error) {
	if peer == a.Address() {
		return Contact{}, 0, ErrSelf
	}
	n, err := h.Person(ctx, peer)
	if err != nil {
		return Contact{}, 0, err
	}
	var c Contact
	var version uint32
	var queued, joined bool
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		if group != NoGroup {
			if c, joined, err = inGroup(tx, a, peer, group); err != nil {
				return err
			}
			if joined {
				c, version, err = joinGroup(tx, a, c, name, group)
				return err
			}
		}
		c, version, queued, err = h.enlist(tx, a, n, peer, name, lists, group)
		return err
	})
	if err != nil {
		return Contact{}, 0, err
	}
	if queued {
		h.wake(id.Conversation{Account: a, Peer: peer})
	}
	if joined {
		n = "" // nothing that the other side could see
	}
	h.listsEdited(a, peer, n, by)
	return c, version, nil
}

// enlist puts peer on the lists, and does what follows from it in the store.
func (h *Hub) enlist(tx *store.Tx, a id.Account, n id.Network, peer id.Address, name string, lists uint8, group int) (c Contact, version uint32, queued bool, err error) {
	if c, err = addTo(tx, a, peer, name, lists); err != nil {
		return c, 0, false, err
	}
	if lists&listForward != 0 {
		c.Groups = bit(group) // of none the store makes group 0
	}
	if n == id.Local {
		other, err := tx.Account(id.Account(peer))
		if err != nil {
			return c, 0, false, err
		}
		c.Name = betterName(c, other.Name)
	}
	if version, err = tx.PutContact(a, c); err != nil {
		return c, 0, false, err
	}
	if n == id.Local && lists&listForward != 0 {
		return c, version, false, h.mirror(tx, a, id.Account(peer), true)
	}
	queued, err = h.follow(tx, a, n, c, lists)
	return c, version, queued, err
}

// addTo checks an addition against what is there.
func addTo(tx *store.Tx, a id.Account, peer id.Address, name string, lists uint8) (Contact, error) {
	c, _, err := tx.Contact(a, peer)
	if err != nil {
		return c, err
	}
	switch after := c.Lists | lists; {
	case c.Lists&lists != 0:
		return c, ErrListed
	case after&listAllow != 0 && after&listBlock != 0:
		return c, ErrOpposite
	}
	for _, l := range []uint8{listForward, listAllow, listBlock} {
		if lists&l == 0 {
			continue
		}
		n, err := tx.CountList(a, l)
		if err != nil {
			return c, err
		}
		if n >= maxOther || l == listForward && n >= maxForward {
			return c, ErrFull
		}
	}
	c.Address, c.Lists = peer, c.Lists|lists
	// A box adds with the address as the name; what is known already is better.
	if given := puppets.ScreenName(name, peer); c.Name == "" || given != string(peer) {
		c.Name = given
	}
	return c, nil
}

// follow queues what an addition means for a friend's network.
func (h *Hub) follow(tx *store.Tx, a id.Account, n id.Network, c Contact, lists uint8) (bool, error) {
	kind := ""
	switch {
	case n == id.Local:
	case lists&listForward != 0:
		kind = kindInvite
	case lists&listAllow != 0 && c.Lists&listReverse != 0:
		kind = kindAccept
	case lists&listBlock != 0 && c.Lists&listReverse != 0:
		kind = kindDecline
	}
	if l := h.link(n); kind == "" || l == nil || l.inviter == nil {
		return false, nil
	}
	// Who adds and removes somebody in a loop, whose server is away, fills no disk.
	if waiting, err := tx.CountPending(a, c.Address); err != nil {
		return false, err
	} else if waiting >= h.maxPending || kind == kindInvite && !h.mayBegin(id.Conversation{Account: a, Peer: c.Address}) {
		return false, ErrFull
	}
	_, err := tx.AddOutgoing(store.Outgoing{Account: a, Peer: c.Address, Network: n, Kind: kind, Created: h.now()})
	return err == nil, err
}

// mirror keeps the reverse list of target in step with the forward list of a.
func (h *Hub) mirror(tx *store.Tx, a, target id.Account, on bool) error {
	adder, err := tx.Account(a)
	if err != nil {
		return err
	}
	c, _, err := tx.Contact(target, a.Address())
	if err != nil {
		return err
	}
	if on {
		_, err = putReverse(tx, target, c, a.Address(), adder.Name)
		return err
	}
	if c.Lists&listReverse != 0 {
		c.Lists &^= listReverse
		_, err = tx.PutContact(target, c)
	}
	return err
}

// RemoveContact takes peer off the lists given as bits; ErrNotListed if it is
// on none of them.
func (h *Hub) RemoveContact(ctx context.Context, a id.Account, peer id.Address, lists uint8, by Seat) (Contact, uint32, error) {
	var c Contact
	var version uint32
	n, _ := h.dir.Network(peer)
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		var err error
		if c, _, err = tx.Contact(a, peer); err != nil {
			return err
		}
		if c.Lists&lists == 0 {
			return ErrNotListed
		}
		left := c.Lists & lists & listForward
		c.Lists &^= lists
		if version, err = tx.PutContact(a, c); err != nil {
			return err
		}
		if left == 0 {
			return nil
		}
		return h.unfollow(tx, a, n, peer)
	})
	if err != nil {
		return Contact{}, 0, err
	}
	h.wake(id.Conversation{Account: a, Peer: peer})
	h.listsEdited(a, peer, n, by)
	return c, version, nil
}

// unfollow does what follows in the store from somebody being off the forward list.
// The caller wakes the conversation.
func (h *Hub) unfollow(tx *store.Tx, a id.Account, n id.Network, peer id.Address) error {
	if n == id.Local {
		return ignoreNotFound(h.mirror(tx, a, id.Account(peer), false))
	}
	if l := h.link(n); l == nil || l.leaver == nil {
		return nil
	}
	_, err := tx.AddOutgoing(store.Outgoing{Account: a, Peer: peer, Network: n, Kind: kindLeave, Created: h.now()})
	return err
}

// RenameContact changes the stored name of somebody on a list.
func (h *Hub) RenameContact(ctx context.Context, a id.Account, peer id.Address, name string) (Contact, uint32, error) {
	var c Contact
	var version uint32
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		var ok bool
		var err error
		if c, ok, err = tx.Contact(a, peer); err != nil {
			return err
		}
		if !ok {
			return ErrNotListed
		}
		c.Name = puppets.ScreenName(name, peer)
		version, err = tx.PutContact(a, c)
		return err
	})
	return c, version, err
}

// Rename changes the account's own name, here and on every network.
func (h *Hub) Rename(ctx context.Context, a id.Account, name string) (uint32, error) {
	name = puppets.ScreenName(name, a.Address())
	var version uint32
	err := h.st.Update(ctx, func(tx *store.Tx) (err error) {
		version, err = tx.SetName(a, name)
		return err
	})
	if err != nil {
		return 0, err
	}
	h.tellNetworks(Account{a, name})
	return version, nil
}

// SetPrivacy stores BLP, SetPrompt stores GTC.
func (h *Hub) SetPrivacy(ctx context.Context, a id.Account, mode string) (version uint32, err error) {
	err = h.st.Update(ctx, func(tx *store.Tx) error { version, err = tx.SetPrivacy(a, mode); return err })
	return version, err
}

// SetPrompt stores GTC: whether the box asks about newcomers. The box alone
// acts on it.
func (h *Hub) SetPrompt(ctx context.Context, a id.Account, mode string) (version uint32, err error) {
	err = h.st.Update(ctx, func(tx *store.Tx) error { version, err = tx.SetPrompt(a, mode); return err })
	return version, err
}

// listsEdited tells everyone whose view an edit of a's lists changes.
func (h *Hub) listsEdited(a id.Account, peer id.Address, n id.Network, by Seat) {
	if s := h.Seat(a); s != nil && s != by {
		s.ListsChanged()
	}
	if n != id.Local {
		return
	}
	if s := h.Seat(id.Account(peer)); s != nil {
		s.ListsChanged()
	}
}

// Watchers are the seats of the accounts among peers: who may be shown a's
// presence.
func (h *Hub) Watchers(peers []id.Address) []Seat {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Seat
	for _, p := range peers {
		if s := h.seats[id.Account(p)]; s != nil {
			all = append(all, s)
		}
	}
	return all
}

// Appearance is how a contact looks to an account now. It asks no network.
func (h *Hub) Appearance(a id.Account, peer id.Address) Appearance {
	off := Appearance{Presence: PresenceOffline}
	n, ok := h.dir.Network(peer)
	if !ok {
		return off
	}
	if n == id.Local {
		if s := h.Seat(id.Account(peer)); s != nil {
			return s.Appearance(a.Address())
		}
		return off
	}
	l := h.link(n)
	if l.presencer == nil {
		return Appearance{Presence: PresenceOnline, Callable: true} // a network that cannot tell: always there
	}
	remote, err := l.Remote(peer)
	if err != nil {
		return off
	}
	p, err := l.presencer.Presence(a, remote)
	if err != nil {
		h.log.Warn("cannot tell a friend's presence", "account", a, "network", n, "err", err)
		return off
	}
	return Appearance{Presence: p, Callable: true}
}

// ignoreNotFound takes the error out of looking for what may be gone.
func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Known is the name an account has for a contact; false if there is none.
func (h *Hub) Known(ctx context.Context, a id.Account, peer id.Address) (string, bool) {
	var name string
	err := h.st.View(ctx, func(tx *store.Tx) error {
		c, ok, err := tx.Contact(a, peer)
		if ok {
			name = c.Name
		}
		if err == nil && !ok && peer.Domain() == h.dir.AccountsDomain() {
			other, err := tx.Account(id.Account(peer))
			name = other.Name
			return ignoreNotFound(err)
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		h.log.Error("cannot read a contact", "account", a, "err", err)
	}
	if name == "" {
		name = h.gathered(ctx, a, peer)
	}
	return name, name != ""
}
