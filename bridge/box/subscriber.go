package box

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/wtvp/service"
)

// What a box owner reads when an address cannot be had.
const (
	textBadName   = "This cannot be a Messenger address. Please choose letters and digits."
	textNameTaken = "Somebody has this address already. Please choose another one."
)

// maxChosen is the longest name a box may choose, in bytes: it is one line on the
// screens of all friends.
const maxChosen = 32

// BoxAccount is the account a box signs in as. store.ErrNotFound: none. A box
// whose ticket carries another box's signing key is a *service.Refusal. It is for
// services other than messengerlogin that want to know for whom they work.
func (g *Gateway) BoxAccount(ctx context.Context, b service.Box) (id.Account, error) {
	if err := g.mayShowKey(ctx, b); err != nil {
		return "", err
	}
	a, err := g.hub.Secrets().AccountOfBox(ctx, b.SSID, b.UserID)
	if err != nil {
		return "", err
	}
	return a, g.pinKey(ctx, b, a)
}

// Subscriber implements service.Subscribers.
func (g *Gateway) Subscriber(ctx context.Context, b service.Box) (service.Subscriber, error) {
	a, err := g.BoxAccount(ctx, b)
	if errors.Is(err, store.ErrNotFound) {
		return service.Subscriber{Domain: g.hub.AccountsDomain(), MayRegister: g.first}, nil
	}
	if err != nil {
		return service.Subscriber{}, err
	}
	info, err := g.hub.AccountInfo(ctx, a)
	if err != nil {
		return service.Subscriber{}, fmt.Errorf("box: reading the account of a box: %w", err)
	}
	return subscriberOf(info), nil
}

// Users implements service.Subscribers.
func (g *Gateway) Users(ctx context.Context, b service.Box) ([]service.User, error) {
	all, err := g.hub.Secrets().UsersOfBox(ctx, b.SSID)
	if err != nil {
		return nil, fmt.Errorf("box: users of a box: %w", err)
	}
	users := make([]service.User, len(all))
	for i, u := range all {
		users[i] = service.User{ID: u.UserID, Address: string(u.Account)}
	}
	return users, nil
}

func subscriberOf(info bridge.AccountInfo) service.Subscriber {
	a := info.Address.Address()
	return service.Subscriber{User: a.Local(), Domain: a.Domain(), Name: info.Name, Number: info.Number}
}

// Register implements service.Subscribers: with first-box registration, a box
// that has no account may choose the address of one.
func (g *Gateway) Register(ctx context.Context, b service.Box, name string) (service.Subscriber, error) {
	sub, err := g.Subscriber(ctx, b)
	switch {
	case err != nil:
		return sub, err
	case sub.User != "": // the form was sent twice
		return sub, nil
	case !g.first:
		return sub, unlinked(b, "accounts.registration is closed")
	}
	name = strings.ToLower(strings.TrimSpace(name))
	a, err := g.hub.ParseAccount(name + "@" + g.hub.AccountsDomain())
	if err != nil || !plainName(name) {
		return sub, &service.Refusal{Status: 400, Text: textBadName, Reason: "a name was chosen that can be no address"}
	}
	err = g.register(ctx, b, a)
	var refusal *service.Refusal
	if errors.As(err, &refusal) && refusal.Text == textUnlinked {
		return sub, &service.Refusal{Status: 400, Text: textNameTaken, Reason: refusal.Reason}
	}
	if err != nil {
		return sub, err
	}
	return g.Subscriber(ctx, b)
}

// plainName tells whether a name can be typed and read on any box and network.
func plainName(name string) bool {
	if name == "" || len(name) > maxChosen {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || i == len(name)-1 || c != '.' && c != '-' && c != '_') {
			return false
		}
	}
	return true
}
