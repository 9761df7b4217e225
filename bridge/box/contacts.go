package box

import (
	"slices"
	"strings"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/msnp/server"
)

// contacts.go: who is on an account's lists, and what its client was shown of them.
// Both are slices by address: a map makes room for eight with its first entry, and
// ten thousand idle accounts would pay for it.

// contacts are the people on the lists, by address. A slice is never changed, only
// replaced: an account's look shares it with other goroutines.
type contacts []bridge.Contact

// search gives where an address stands, or would.
func (cs contacts) search(a id.Address) (int, bool) {
	return slices.BinarySearchFunc(cs, a, func(c bridge.Contact, a id.Address) int {
		return strings.Compare(string(c.Address), string(a))
	})
}

// find gives the entry of an address; the zero value if it is on no list.
func (cs contacts) find(a id.Address) (bridge.Contact, bool) {
	i, ok := cs.search(a)
	if !ok {
		return bridge.Contact{}, false
	}
	return cs[i], true
}

// with gives the contacts with this entry in place of the one there was; one on no
// list goes.
func (cs contacts) with(c bridge.Contact) contacts {
	i, had := cs.search(c.Address)
	rest := cs[i:]
	if had {
		rest = rest[1:]
	}
	fresh := slices.Clone(cs[:i])
	if c.Lists != 0 {
		fresh = append(fresh, c)
	}
	return slices.Clip(append(fresh, rest...))
}

// entry is what the account's lists say of somebody.
func (a *account) entry(peer id.Address) bridge.Contact {
	c, _ := contacts(a.roster.Contacts).find(peer)
	return c
}

// notices is what a client was shown of its contacts, by address.
type notices []server.Presence

func (ns notices) search(a id.Address) (int, bool) {
	return slices.BinarySearchFunc(ns, string(a), func(p server.Presence, a string) int { return strings.Compare(p.Address, a) })
}

func (ns notices) find(a id.Address) (server.Presence, bool) {
	i, ok := ns.search(a)
	if !ok {
		return server.Presence{}, false
	}
	return ns[i], true
}

// put notes what was shown of somebody.
func (ns *notices) put(p server.Presence) {
	i, had := ns.search(id.Address(p.Address))
	if had {
		(*ns)[i] = p
		return
	}
	*ns = slices.Insert(*ns, i, p)
}

// forget notes that the client is shown nothing of somebody.
func (ns *notices) forget(a id.Address) {
	if i, had := ns.search(a); had {
		*ns = slices.Delete(*ns, i, i+1)
	}
}
