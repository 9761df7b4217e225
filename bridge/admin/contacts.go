package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// listNames are the lists in the order they are shown; the bit of each is
// 1<<index.
var listNames = [...]string{"FL", "AL", "BL", "RL"}

// settable are the lists an operator may change: the reverse list says what
// friends did.
const settable uint8 = 1 | 2 | 4

// parseLists reads FL,AL.
func parseLists(s string) (uint8, error) {
	var bits uint8
	for name := range strings.SplitSeq(s, ",") {
		bit := uint8(0)
		for i, n := range listNames {
			if strings.EqualFold(strings.TrimSpace(name), n) {
				bit = 1 << i
			}
		}
		if bit&settable == 0 {
			return 0, fmt.Errorf("--lists: %q is not allowed; allowed: FL (friends), AL (may see and write), BL (blocked), joined by commas", name)
		}
		bits |= bit
	}
	if bits&2 != 0 && bits&4 != 0 {
		return 0, errors.New("--lists: AL and BL exclude each other")
	}
	return bits, nil
}

// nameLists is the inverse of parseLists.
func nameLists(bits uint8) string {
	var names []string
	for i, n := range listNames {
		if bits&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ",")
}

// contact reads the contact's address and what the account has of it.
func (o *Operator) contact(ctx context.Context, a id.Account, s string) (id.Address, uint8, error) {
	peer, err := id.ParseAddress(s)
	if err != nil {
		return "", 0, fmt.Errorf("%q is %w", s, err)
	}
	r, err := o.Hub.Roster(ctx, a)
	if err != nil {
		return "", 0, err
	}
	for _, c := range r.Contacts {
		if c.Address == peer {
			return peer, c.Lists, nil
		}
	}
	return peer, 0, nil
}

func (o *Operator) contactAdd(ctx context.Context, a id.Account, r Request) (string, error) {
	bits, err := parseLists(r.Lists)
	if err != nil {
		return "", err
	}
	peer, has, err := o.contact(ctx, a, r.Contact)
	if err != nil {
		return "", err
	}
	missing := bits &^ has
	if missing == 0 {
		return "", fmt.Errorf("%s is on %s of %s already", peer, nameLists(bits), a)
	}
	c, _, err := o.Hub.AddContact(ctx, a, peer, r.Name, missing, nil)
	switch {
	case errors.Is(err, bridge.ErrNotServed):
		return "", fmt.Errorf("%s: no network that is switched on has addresses of %q", peer, peer.Domain())
	case err != nil:
		return "", fmt.Errorf("%s: %w", peer, err)
	}
	return fmt.Sprintf("%s is on %s of %s\n", peer, nameLists(c.Lists&settable), a), nil
}

func (o *Operator) contactList(ctx context.Context, a id.Account, _ Request) (string, error) {
	r, err := o.Hub.Roster(ctx, a)
	if err != nil {
		return "", err
	}
	if len(r.Contacts) == 0 {
		return fmt.Sprintf("%s has no contacts\n", a), nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ADDRESS\tNAME\tLISTS")
	for _, c := range r.Contacts {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.Address, c.Name, nameLists(c.Lists))
	}
	w.Flush()
	return b.String(), nil
}

func (o *Operator) contactRemove(ctx context.Context, a id.Account, r Request) (string, error) {
	peer, has, err := o.contact(ctx, a, r.Contact)
	if err != nil {
		return "", err
	}
	if has&settable == 0 {
		return "", fmt.Errorf("%s is on no list of %s", peer, a)
	}
	if _, _, err := o.Hub.RemoveContact(ctx, a, peer, settable, nil); err != nil {
		return "", fmt.Errorf("%s: %w", peer, err)
	}
	return fmt.Sprintf("%s is off the lists of %s\n", peer, a), nil
}
