package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// resident.go: the helper, a contact of every account that is the gateway itself.
// What it says is the helper's; when it says it by itself, and where that is kept,
// is here.

// Bits of the lists, for those who edit them for an account's owner.
const (
	ForwardList = listForward
	AllowList   = listAllow
	BlockList   = listBlock
	ReverseList = listReverse
)

// Resident is a network whose one person is the gateway itself, at HelperName among
// the accounts' addresses. There is at most one. Its methods are pure.
type Resident interface {
	// Resident is the person's address, and the name under which they are listed.
	Resident() (a id.Address, name string)
	// Greeting is what an account is told once in its life.
	Greeting(a Account) string
	// Trouble says what went wrong elsewhere.
	Trouble(t Trouble) string
	// Folded is the line that stands for n messages of a contact that were set
	// aside; 0 for those that are from now on, which nobody has counted yet.
	Folded(peer id.Address, n int) string
}

// Trouble is something that went wrong and that belongs to no conversation.
type Trouble struct {
	Network id.Network
	Peer    id.Address // "": all of the network
	Name    string     // the contact's, or their address
	Why     string     // the network's own words, a part of a sentence; "" if it cannot be reached
	Again   bool       // it will be tried again
	id      id.Event   // the same trouble is told once
}

// resident is the Resident of a hub; the zero value is none.
type resident struct {
	Resident
	network id.Network
	address id.Address
	name    string
}

// house takes the resident in, if n is one.
func (h *Hub) house(n Network) error {
	r, ok := n.(Resident)
	if !ok {
		return nil
	}
	a, name := r.Resident()
	if a != h.self() {
		return fmt.Errorf("bridge: the resident must be %s, not %s", h.self(), a)
	}
	if h.resident.address != "" {
		return fmt.Errorf("bridge: %s is a second resident beside %s", a, h.resident.address)
	}
	h.resident = resident{r, n.Name(), a, name}
	h.dir.Reserve(a, n.Name())
	return nil
}

// Welcome readies an account that signs in, before its lists are read: the helper
// is put on them and says hello if it never did, and tells of networks that cannot
// be reached. The contact's owner may remove it; then it is silent until it is
// added again.
func (h *Hub) Welcome(ctx context.Context, a Account) error {
	if h.resident.address == "" {
		return nil
	}
	if err := h.introduce(ctx, a); err != nil {
		return fmt.Errorf("bridge: introducing the helper: %w", err)
	}
	return h.tellOutages(ctx, a.Address)
}

// introduce is introduceTo for an account that was made before there was a helper.
func (h *Hub) introduce(ctx context.Context, a Account) error {
	if done, err := h.st.Greeted(ctx, a.Address); err != nil || done {
		return err
	}
	return h.st.Update(ctx, func(tx *store.Tx) error { return h.introduceTo(tx, a) })
}

// introduceTo puts the helper on an account's lists and its greeting into the
// inbox, unless that was done. In the transaction that makes the account it costs
// no other.
func (h *Hub) introduceTo(tx *store.Tx, a Account) error {
	if h.resident.address == "" {
		return nil
	}
	if fresh, err := tx.SetGreeted(a.Address); err != nil || !fresh {
		return err
	}
	c, _, err := tx.Contact(a.Address, h.resident.address)
	if err != nil {
		return err
	}
	n, err := tx.CountList(a.Address, listForward)
	if err != nil {
		return err
	}
	if c.Lists == 0 && n < maxForward { // who has it already chose how
		// On the reverse list too: no client asks about somebody who is allowed.
		c = Contact{Address: h.resident.address, Name: h.resident.name, Lists: listForward | listAllow | listReverse}
		if _, err := tx.PutContact(a.Address, c); err != nil {
			return err
		}
	}
	in, err := h.fromResident(a.Address, h.resident.Greeting(a))
	if err != nil {
		return err
	}
	in.Kind = KindGreeting
	_, err = tx.AddIncoming(in)
	return err
}

// tellOutages tells an account once a day of each network that has people on its
// list and cannot be reached.
func (h *Hub) tellOutages(ctx context.Context, a id.Account) error {
	var roster *Roster
	for _, s := range h.States() {
		if s.Up || s.Since.IsZero() { // one that has not tried yet is not away
			continue
		}
		if roster == nil {
			r, err := h.st.Roster(ctx, a)
			if err != nil {
				return err
			}
			roster = &r
		}
		if h.has(*roster, s.Name) {
			h.aside(ctx, a, Trouble{Network: s.Name, Again: true,
				id: id.Event(fmt.Sprintf("out/%s/%s/%s", a, s.Name, h.now().UTC().Format("2006-01-02")))})
		}
	}
	return nil
}

// has tells whether somebody of a network is on the forward list.
func (h *Hub) has(r Roster, n id.Network) bool {
	for _, c := range r.Contacts {
		if on, _ := h.dir.Network(c.Address); on == n && c.Lists&listForward != 0 {
			return true
		}
	}
	return false
}

// trouble is a row of a queue that is late or was given up.
func (h *Hub) trouble(ctx context.Context, o store.Outgoing, v *SendError, again bool) Trouble {
	t := Trouble{Network: o.Network, Peer: o.Peer, Name: string(o.Peer), Why: v.Text, Again: again,
		id: id.Event(fmt.Sprintf("row/%s/%t", h.st.MessageID(o.ID), again))}
	if name, ok := h.Known(ctx, o.Account, o.Peer); ok {
		t.Name = name
	}
	return t
}

// helped tells whether an account has the helper: there is one, it is on the list
// and not blocked.
func (h *Hub) helped(ctx context.Context, a id.Account) (bool, error) {
	if h.resident.address == "" {
		return false, nil
	}
	c, _, err := h.st.Contact(ctx, a, h.resident.address)
	return err == nil && helps(c), err
}

// helpedIn is helped inside a transaction.
func (h *Hub) helpedIn(tx *store.Tx, a id.Account) (bool, error) {
	if h.resident.address == "" {
		return false, nil
	}
	c, _, err := tx.Contact(a, h.resident.address)
	return err == nil && helps(c), err
}

// helps tells whether an entry is that of a helper who may speak.
func helps(c store.Contact) bool { return c.Lists&(listForward|listBlock) == listForward }

// aside has the helper tell of a trouble. False: the account has no helper, or the
// store failed, which is logged.
func (h *Hub) aside(ctx context.Context, a id.Account, t Trouble) bool {
	helped, err := h.helped(ctx, a)
	if err == nil && !helped {
		return false
	}
	var in store.Incoming
	if err == nil {
		in, err = h.fromResident(a, h.resident.Trouble(t))
	}
	if err == nil {
		in.Event = t.id
		err = h.accept(ctx, in, "")
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrNotFound) {
		h.log.Error("the helper cannot tell of a trouble", "account", a, "err", err)
	}
	return err == nil
}

// fromResident is a row in which the helper says a line.
func (h *Hub) fromResident(a id.Account, line string) (store.Incoming, error) {
	body, err := json.Marshal(text.Content{Body: line})
	return store.Incoming{Account: a, Peer: h.resident.address, Network: h.resident.network, Kind: kindMessage,
		Name: h.resident.name, Body: body, Sent: h.now()}, err
}

// Portrait is the name of an account on a network.
type Portrait struct {
	Network id.Network
	Name    string
}

// Portraits are an account's names on the networks that can tell.
func (h *Hub) Portraits(a Account) (all []Portrait) {
	for _, l := range h.links {
		if l.portrayer != nil {
			if name := l.portrayer.Portrait(a); name != "" {
				all = append(all, Portrait{l.Name(), name})
			}
		}
	}
	return all
}
