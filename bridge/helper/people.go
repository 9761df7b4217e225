package helper

import (
	"context"
	"slices"
	"strings"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// people.go: who is who on an account's lists.

const (
	// maxNames is how many people one answer looks at closely (lessons L26).
	maxNames = 200
	// maxFound is how many are named by `find`.
	maxFound = 3
	// nameChars is how much of a name is shown in a list.
	nameChars = 16
)

// display is a contact's name for a sentence.
func display(c bridge.Contact) string {
	if name := clip(latin(c.Name), 30); name != "" {
		return name
	}
	return string(c.Address)
}

// short is a contact's name for a list: without its domain if it is an address.
func short(c bridge.Contact) string {
	name := latin(c.Name)
	if name == "" || name == string(c.Address) {
		name = c.Address.Local()
	}
	return clip(name, nameChars)
}

// whom finds the contact somebody means: by address, on the list or not, by the
// part before the @, or by name; else what to ask back.
func (n *Network) whom(r bridge.Roster, word string) (bridge.Contact, string) {
	if peer, err := address(word); err == nil {
		for _, c := range r.Contacts {
			if c.Address == peer {
				return c, ""
			}
		}
		return bridge.Contact{Address: peer, Name: string(peer)}, ""
	}
	var hits []bridge.Contact
	for _, c := range r.Contacts {
		if strings.EqualFold(word, c.Address.Local()) || strings.EqualFold(word, latin(c.Name)) {
			hits = append(hits, c)
		}
	}
	switch len(hits) {
	case 0:
		return bridge.Contact{}, textNoOne(latin(word))
	case 1:
		return hits[0], ""
	}
	names := make([]string, len(hits))
	for i, c := range hits {
		names[i] = string(c.Address)
	}
	return bridge.Contact{}, textWhich(names)
}

// who tells who of the list is there.
func (n *Network) who(ctx context.Context, a id.Account) ([]string, error) {
	r, err := n.core.Roster(ctx, a)
	if err != nil {
		return nil, err
	}
	var there, gone []string
	for _, c := range r.Contacts {
		if c.Lists&bridge.ForwardList == 0 || c.Address == n.address {
			continue
		}
		if len(there)+len(gone) >= maxNames {
			gone = append(gone, short(c)) // only counted
			continue
		}
		p := n.core.Appearance(a, c.Address).Presence
		switch {
		case !p.Reachable():
			gone = append(gone, short(c))
		case p == bridge.PresenceOnline:
			there = append(there, short(c))
		default:
			there = append(there, short(c)+" ("+textState(p)+")")
		}
	}
	if len(there)+len(gone) == 0 {
		return []string{textNobody}, nil
	}
	return []string{textWho(there, gone)}, nil
}

// find looks for a name among the contacts, and for an account of the gateway that
// has it as the part before the @. Nobody can leaf through the accounts.
func (n *Network) find(ctx context.Context, a id.Account, word string) ([]string, error) {
	r, err := n.core.Roster(ctx, a)
	if err != nil {
		return nil, err
	}
	hits := slices.DeleteFunc(slices.Clone(r.Contacts), func(c bridge.Contact) bool {
		return c.Address == n.address || !contains(string(c.Address), word) && !contains(latin(c.Name), word)
	})
	local := strings.ToLower(strings.ReplaceAll(word, " ", ""))
	if own, err := id.ParseAddress(local + "@" + n.address.Domain()); err == nil && own != a.Address() &&
		!slices.ContainsFunc(hits, func(c bridge.Contact) bool { return c.Address == own }) {
		if info, err := n.core.AccountInfo(ctx, id.Account(own)); err == nil {
			hits = append(hits, bridge.Contact{Address: own, Name: info.Name})
		}
	}
	if len(hits) == 0 {
		return []string{textNotFound(latin(word))}, nil
	}
	var all []string
	for _, c := range hits[:min(len(hits), maxFound)] {
		all = append(all, textFound(latin(c.Name), string(c.Address), textState(n.core.Appearance(a, c.Address).Presence)))
	}
	return all, nil
}

func contains(s, word string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(word))
}
