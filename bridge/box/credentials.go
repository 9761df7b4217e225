package box

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/msnp/passport"
	"wtvgate/msnp/server"
	"wtvgate/wtvp/service"
)

// What a box owner reads on the TV when messengerlogin refuses.
const (
	textUnlinked = "This WebTV is not signed up for Messenger yet. Please ask your service's operator."
	textStale    = "Messenger sign-in took too long. Please try again."
	textKeyTaken = "This service could not recognize your sign-on. Please disconnect and connect again."
	textCrowd    = "Too many WebTVs have signed up for Messenger just now. Please try again in an hour."
	textForeign  = "This WebTV is signed up for Messenger under another name. Please ask your service's operator."
)

// MessengerLogin implements service.Credentials: what the box must send to the
// Messenger server for a challenge of ours. The box proved by its ticket who it
// is; the challenge must have been given to a connection that signs in as the
// account the box is linked to.
func (g *Gateway) MessengerLogin(ctx context.Context, b service.Box, challenge string) (string, error) {
	l := g.logins.find(challenge)
	if l == nil || g.now().Sub(l.issued) > challengeLife {
		return "", &service.Refusal{Text: textStale, Reason: "the challenge was never given out, was used, or is too old"}
	}
	if err := g.mayShowKey(ctx, b); err != nil {
		return "", err
	}
	a, err := g.accountOf(ctx, b, l)
	if err != nil {
		return "", err
	}
	if string(a) != l.address {
		return "", &service.Refusal{Text: textForeign,
			Reason: fmt.Sprintf("the challenge was given to %s, but the box is linked to %s", l.address, a)}
	}
	if err := g.pinKey(ctx, b, a); err != nil {
		return "", err
	}
	if elsewhere(l.client.Remote.Addr(), b.Remote.Addr()) {
		g.log.Info("a box came for its credential from another address than it signs in from", "account", a, "ssid", b.SSID,
			"user", b.UserID, "wtvp", b.Remote.Addr(), "msnp", l.client.Remote.Addr())
	}
	if l.method == server.TWN {
		ticket, ok := g.logins.ticket(l)
		if !ok {
			return "", &service.Refusal{Text: textStale, Reason: "the challenge was used meanwhile"}
		}
		return "t=" + ticket + "&p=", nil
	}
	secret, err := g.hub.Secrets().BoxSecret(ctx, a)
	if err != nil {
		return "", fmt.Errorf("box: reading the account's secret: %w", err)
	}
	g.logins.mark(l)
	return passport.MD5Response(challenge, secret), nil
}

// CheckPassword implements passport.Accounts. What is no address of ours is false.
func (g *Gateway) CheckPassword(ctx context.Context, address, password string) (bool, error) {
	a, err := g.hub.ParseAccount(address)
	if err != nil {
		return false, nil
	}
	return g.hub.Secrets().CheckPassword(ctx, a, password)
}

// accountOf is the account a box is linked to. With first-box registration, an
// address that has no account gets one, bound to the box that asks first.
func (g *Gateway) accountOf(ctx context.Context, b service.Box, l *login) (id.Account, error) {
	a, err := g.hub.Secrets().AccountOfBox(ctx, b.SSID, b.UserID)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return a, err
	}
	if !g.first {
		return "", unlinked(b, "accounts.registration is closed")
	}
	if a, err = g.hub.ParseAccount(l.address); err != nil {
		return "", unlinked(b, "the address is none of ours")
	}
	if elsewhere(l.client.Remote.Addr(), b.Remote.Addr()) {
		return "", unlinked(b, fmt.Sprintf("no account is made for %s, since the sign-in comes from %s and the box from %s",
			a, l.client.Remote.Addr(), b.Remote.Addr()))
	}
	return a, g.register(ctx, b, a)
}

// register makes the account of a new box.
func (g *Gateway) register(ctx context.Context, b service.Box, a id.Account) (err error) {
	if !g.newcomers.begin(b.Remote.Addr(), g.now()) {
		return &service.Refusal{Text: textCrowd, Reason: fmt.Sprintf("no account is made for box %s (user %d): %d accounts within %s from one address, or %d in all, are the most",
			b.SSID, b.UserID, maxNewFrom, newWindow, maxNew)}
	}
	defer func() { g.newcomers.end(b.Remote.Addr(), err == nil) }()
	err = g.hub.CreateAccount(ctx, bridge.NewAccount{Address: a, Box: &store.Box{SSID: b.SSID, UserID: b.UserID}})
	switch {
	case errors.Is(err, store.ErrBoxTaken): // by another request of its own, a moment ago
		return unlinked(b, "has got another address meanwhile")
	case errors.Is(err, bridge.ErrReserved):
		return unlinked(b, fmt.Sprintf("%s is the gateway's own", a))
	case errors.Is(err, store.ErrExists):
		// An account that exists is bound by the operator alone.
		return unlinked(b, fmt.Sprintf("%s exists and belongs to another box or to none", a))
	case err != nil:
		return fmt.Errorf("box: making an account for a new box: %w", err)
	}
	g.log.Info("made an account for a new box", "account", a, "ssid", b.SSID, "user", b.UserID, "remote", b.Remote.Addr())
	return nil
}

// unlinked refuses a box that has no account.
func unlinked(b service.Box, why string) *service.Refusal {
	return &service.Refusal{Text: textUnlinked, Reason: fmt.Sprintf("box %s (user %d) is linked to no account and %s; "+
		"`wtvgate account link-box ADDRESS --ssid %s --user-id %d` links it", b.SSID, b.UserID, why, b.SSID, b.UserID)}
}

// mayShowKey refuses a box whose ticket carries the signing key of another one
// (wtvp.md 7.2): any box that is signed on can claim any serial number, but only
// its own sign-on gave it its key. Tickets of our own name their box.
func (g *Gateway) mayShowKey(ctx context.Context, b service.Box) error {
	if b.Named {
		return nil
	}
	return keyRefusal(g.hub.Secrets().CheckKey(ctx, b.SSID, b.SigningKey[:]))
}

// pinKey ties the ticket's signing key to its box. A new key of a box that had
// others is what every new sign-on to its service brings, so it is taken and
// logged.
func (g *Gateway) pinKey(ctx context.Context, b service.Box, a id.Account) error {
	if b.Named {
		return nil
	}
	news, err := g.hub.Secrets().PinKey(ctx, b.SSID, b.SigningKey[:])
	if err != nil {
		return keyRefusal(err)
	}
	switch news {
	case store.KeyFirst:
		g.log.Info("a box shows its first signing key", "account", a, "ssid", b.SSID, "user", b.UserID, "remote", b.Remote.Addr())
	case store.KeyChanged:
		g.log.Info("a box shows a new signing key", "account", a, "ssid", b.SSID, "user", b.UserID, "remote", b.Remote.Addr())
	case store.KeyKnown:
	}
	return nil
}

func keyRefusal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrKeyTaken):
		return &service.Refusal{Text: textKeyTaken, Reason: err.Error()}
	case errors.Is(err, store.ErrInvalid):
		return &service.Refusal{Text: textUnlinked, Reason: err.Error()}
	}
	return fmt.Errorf("box: checking a signing key: %w", err)
}

// elsewhere tells whether two connections come from different places, where that
// can be told: private and loopback addresses are what NAT and proxies show, and
// what comes through them is given the benefit of the doubt. A box behind NAT shows
// the same public address on both.
func elsewhere(msnp, wtvp netip.Addr) bool {
	msnp, wtvp = msnp.Unmap().WithZone(""), wtvp.Unmap().WithZone("")
	if !public(msnp) || !public(wtvp) || msnp.Is4() != wtvp.Is4() {
		return false
	}
	if msnp.Is6() { // a subscriber has a /64 and changes addresses within it
		return netip.PrefixFrom(msnp, subscriberBits).Masked() != netip.PrefixFrom(wtvp, subscriberBits).Masked()
	}
	return msnp != wtvp
}

// subscriberBits is the length of the IPv6 prefix one subscriber has.
const subscriberBits = 64

// carrierNAT are the addresses between subscribers and a provider's NAT (RFC 6598).
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

func public(a netip.Addr) bool {
	return a.IsValid() && a.IsGlobalUnicast() && !a.IsPrivate() && !carrierNAT.Contains(a)
}

// find gives the login that a challenge belongs to.
func (ls *logins) find(challenge string) *login {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.open[challenge]
}

// mark notes that a box asked for the challenge's answer.
func (ls *logins) mark(l *login) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l.byBox = true
}

// ticket gives the challenge's one ticket, the same again if the box repeats
// its request; it ends with the challenge, so it works once.
func (ls *logins) ticket(l *login) (string, bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.used {
		return "", false
	}
	if l.ticket == "" {
		l.ticket = randomHex()
	}
	l.byBox = true
	return l.ticket, true
}
