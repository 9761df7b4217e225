package box

import (
	"context"
	"errors"
	"fmt"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
	"wtvgate/wtvp/service"
	"wtvgate/wtvp/service/pages"
)

// web.go: an account as the pages on the TV show it. Nothing here touches what
// an account's goroutine owns: it works on the store, through the hub, and the
// seat hears of it as of an operator's edit.

// Pages is the gateway as the pages on the TV need it.
func (g *Gateway) Pages() pages.Backend { return webBackend{g} }

// Latin writes a text with the letters that a box has.
func Latin(s string) string { return text.Plain(text.Content{Body: s}, text.Options{}) }

type webBackend struct{ g *Gateway }

// Account implements pages.Backend. A page makes no account, also with
// registration by first-box: it does not name the address.
func (w webBackend) Account(ctx context.Context, b service.Box) (pages.Account, error) {
	a, err := w.g.BoxAccount(ctx, b)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &pages.Unlinked{SelfService: w.g.first}
	}
	if err != nil {
		return nil, fmt.Errorf("box: whose box it is: %w", err)
	}
	return webAccount{w.g, a}, nil
}

// webAccount is one account for one page.
type webAccount struct {
	g    *Gateway
	addr id.Account
}

// networkNames are the networks as users know them.
var networkNames = map[id.Network]string{"matrix": "Matrix", "discord": "Discord", id.Local: "this service"}

func networkName(n id.Network) string {
	if s, ok := networkNames[n]; ok {
		return s
	}
	return string(n)
}

// Overview implements pages.Account.
func (w webAccount) Overview(ctx context.Context) (pages.Overview, error) {
	info, err := w.g.hub.AccountInfo(ctx, w.addr)
	if err != nil {
		return pages.Overview{}, err
	}
	r, err := w.g.hub.Roster(ctx, w.addr)
	if err != nil {
		return pages.Overview{}, err
	}
	o := pages.Overview{
		Address: string(w.addr), Name: info.Name, Accounts: w.addr.Address().Domain(),
		SignedIn: w.g.hub.Seat(w.addr) != nil, Closed: r.Privacy == "BL",
	}
	for _, s := range w.g.hub.States() {
		// Not the state's text: that is the operator's.
		o.Networks = append(o.Networks, pages.Network{Name: networkName(s.Name), Up: s.Up, Since: s.Since})
		o.Matrix = o.Matrix || s.Name == "matrix"
		o.Discord = o.Discord || s.Name == "discord"
	}
	return o, nil
}

// SetClosed implements pages.Account.
func (w webAccount) SetClosed(ctx context.Context, closed bool) error {
	mode := "AL"
	if closed {
		mode = "BL"
	}
	if _, err := w.g.hub.SetPrivacy(ctx, w.addr, mode); err != nil {
		return err
	}
	w.changed()
	return nil
}

// Rename implements pages.Account.
func (w webAccount) Rename(ctx context.Context, name string) error {
	if _, err := w.g.hub.Rename(ctx, w.addr, name); err != nil {
		return err
	}
	w.changed()
	return nil
}

// changed has the signed-in client's session look again, where the hub does not
// see to it.
func (w webAccount) changed() {
	if s := w.g.hub.Seat(w.addr); s != nil {
		s.ListsChanged()
	}
}

// problemOf gives the core's refusals words for the person at the TV.
func problemOf(err error, peer id.Address) error {
	for _, r := range []struct {
		err  error
		text string
	}{
		{bridge.ErrNotServed, fmt.Sprintf("Nobody can be reached at %q from here. Look at what stands behind the @.", peer.Domain())},
		{bridge.ErrSelf, "This is your own address."},
		{bridge.ErrListed, "This person is on that list already."},
		{bridge.ErrNotListed, "This person is not on your list."},
		{bridge.ErrOpposite, "Somebody cannot be allowed and blocked at once. Please try again."},
		{bridge.ErrFull, "Your list is full. Remove somebody first."},
	} {
		if errors.Is(err, r.err) {
			return &pages.Problem{Text: r.text}
		}
	}
	if errors.Is(err, bridge.ErrNoSuchPerson) {
		return &pages.Problem{Text: fmt.Sprintf("There is nobody with the address %s. Please look at every letter.", peer)}
	}
	return err
}
