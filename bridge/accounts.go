package bridge

import (
	"context"
	"errors"
	"fmt"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/puppets"
)

// AccountInfo is an account with everything an operator may see of it.
type AccountInfo = store.Account

// NewAccount is what an account is made of.
type NewAccount struct {
	Address      id.Account
	Name         string // "": made from the address
	Password     string // "": none; boxes need none
	KeepPassword bool   // keep it recoverable, encrypted (accounts.md5_passwords)
	Box          *store.Box
}

// ParseAccount reads an address of ours.
func (h *Hub) ParseAccount(s string) (id.Account, error) {
	a, err := id.ParseAddress(s)
	if err != nil {
		return "", fmt.Errorf("%q is %w", s, err)
	}
	if d := h.dir.AccountsDomain(); a.Domain() != d {
		return "", fmt.Errorf("%s is not an address of ours: it must end in @%s (accounts.domain)", a, d)
	}
	return id.Account(a), nil
}

// AccountsDomain is what stands behind the @ of our addresses.
func (h *Hub) AccountsDomain() string { return h.dir.AccountsDomain() }

// HelperName is the local part of the one address among the accounts' that is the
// gateway itself: its helper, who also says what operators have to say.
const HelperName = "helper"

// ErrReserved refuses an account at that address: its owner would speak with the
// gateway's voice.
var ErrReserved = errors.New("this address is the gateway's own; choose another")

// self is the address that speaks for the gateway.
func (h *Hub) self() id.Address { return id.Address(HelperName + "@" + h.dir.AccountsDomain()) }

// CreateAccount makes an account and its ghosts. ErrReserved.
func (h *Hub) CreateAccount(ctx context.Context, n NewAccount) error {
	if n.Address.Address() == h.self() {
		return fmt.Errorf("%s: %w", n.Address, ErrReserved)
	}
	name := n.Name
	if name == "" {
		name = puppets.AccountName(n.Address)
	}
	row := store.NewAccount{Address: n.Address, Name: puppets.ScreenName(name, n.Address.Address())}
	if n.Password != "" {
		hashed, err := h.st.HashPassword(n.Password, n.KeepPassword)
		if err != nil {
			return err
		}
		row.Password = hashed
	}
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateAccount(row); err != nil {
			return err
		}
		if n.Box != nil {
			if err := tx.LinkBox(n.Address, *n.Box); err != nil {
				return err
			}
		}
		return h.introduceTo(tx, Account{row.Address, row.Name})
	})
	if err != nil {
		return err
	}
	h.tellNetworks(Account{row.Address, row.Name})
	return nil
}

// RemoveAccount removes an account with everything of it, and signs it out.
// Others who had it on their lists see it go offline.
func (h *Hub) RemoveAccount(ctx context.Context, a id.Account) error {
	watchers, err := h.st.Watchers(ctx, a.Address())
	if err != nil {
		return err
	}
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.ForgetKeys(a); err != nil {
			return err
		}
		return tx.RemoveAccount(a)
	})
	if err != nil {
		return err
	}
	if s := h.Seat(a); s != nil {
		s.End(EndRemoved)
	}
	for _, w := range watchers {
		if s := h.Seat(w); s != nil {
			s.Recheck(a.Address())
		}
	}
	for _, l := range h.links {
		if l.ghosts != nil {
			l.ghosts.AccountRemoved(a)
		}
	}
	h.credentialsChanged(a)
	return nil
}

// SetPassword sets or, with "", removes the password of PC clients.
func (h *Hub) SetPassword(ctx context.Context, a id.Account, password string, keep bool) error {
	var hashed store.Hashed // of "": none
	if password != "" {
		var err error
		if hashed, err = h.st.HashPassword(password, keep); err != nil {
			return err
		}
	}
	if err := h.st.Update(ctx, func(tx *store.Tx) error { return tx.SetPassword(a, hashed) }); err != nil {
		return err
	}
	h.credentialsChanged(a)
	return nil
}

// OnCredentials has f called after an account's password has changed or the
// account is gone, for whoever remembers what was right. f must be quick and not
// call the hub. It is to be set before anything runs.
func (h *Hub) OnCredentials(f func(id.Account)) { h.onCredentials = append(h.onCredentials, f) }

func (h *Hub) credentialsChanged(a id.Account) {
	for _, f := range h.onCredentials {
		f(a)
	}
}

// LinkBox lets a box sign in as the account.
func (h *Hub) LinkBox(ctx context.Context, a id.Account, b store.Box) error {
	return h.st.Update(ctx, func(tx *store.Tx) error { return tx.LinkBox(a, b) })
}

// UnlinkBoxes takes all boxes from the account and forgets what tickets they
// showed. It tells how many boxes and how many signing keys of tickets there were.
func (h *Hub) UnlinkBoxes(ctx context.Context, a id.Account) (boxes, keys int, err error) {
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		if keys, err = tx.ForgetKeys(a); err != nil {
			return err
		}
		boxes, err = tx.UnlinkBoxes(a)
		return err
	})
	return boxes, keys, err
}

// AccountInfo reads one account; AccountInfos all of them.
func (h *Hub) AccountInfo(ctx context.Context, a id.Account) (AccountInfo, error) {
	return h.st.Account(ctx, a)
}

// AccountInfos reads all accounts, by address.
func (h *Hub) AccountInfos(ctx context.Context) ([]AccountInfo, error) { return h.st.Accounts(ctx) }

// tellNetworks has every network bring the account's ghost up to date.
func (h *Hub) tellNetworks(a Account) {
	for _, l := range h.links {
		if l.ghosts != nil {
			l.ghosts.AccountChanged(a)
		}
	}
}

// Secrets are what sign-in needs of the store: package bridge/box checks
// challenges with them and shows none of them to anybody.
type Secrets struct{ st *store.Store }

// Secrets gives access to the accounts' credentials.
func (h *Hub) Secrets() Secrets { return Secrets{h.st} }

// BoxSecret is what the account's boxes sign in with.
func (s Secrets) BoxSecret(ctx context.Context, a id.Account) (string, error) {
	return s.st.Secret(ctx, a)
}

// KeptPassword is the account's password, if the operator lets it be kept.
func (s Secrets) KeptPassword(ctx context.Context, a id.Account) (string, bool, error) {
	return s.st.RecoverablePassword(ctx, a)
}

// CheckPassword tells whether it is the account's password; false also when there
// is no such account, after the same time. It takes tens of milliseconds.
func (s Secrets) CheckPassword(ctx context.Context, a id.Account, password string) (bool, error) {
	return s.st.CheckPassword(ctx, a, password)
}

// AccountOfBox says who signs in from a box; store.ErrNotFound if it is linked
// to nobody.
func (s Secrets) AccountOfBox(ctx context.Context, ssid string, user int) (id.Account, error) {
	return s.st.AccountOfBox(ctx, ssid, user)
}

// UsersOfBox tells which users of a box have accounts.
func (s Secrets) UsersOfBox(ctx context.Context, ssid string) ([]store.BoxUser, error) {
	return s.st.UsersOfBox(ctx, ssid)
}

// CheckKey tells whether a box may show the signing key of its ticket:
// store.ErrKeyTaken if another box did so first.
func (s Secrets) CheckKey(ctx context.Context, ssid string, key []byte) error {
	return s.st.CheckKey(ctx, ssid, key)
}

// PinKey ties a signing key to the box that showed it first.
func (s Secrets) PinKey(ctx context.Context, ssid string, key []byte) (news store.KeyNews, err error) {
	err = s.st.Update(ctx, func(tx *store.Tx) error { news, err = tx.PinKey(ssid, key); return err })
	return news, err
}
