package box

import (
	"context"
	"errors"
	"fmt"

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
	a, err := g.accountOf(ctx, b, l)
	if err != nil {
		return "", err
	}
	if string(a) != l.address {
		return "", &service.Refusal{Text: textForeign,
			Reason: fmt.Sprintf("the challenge was given to %s, but the box is linked to %s", l.address, a)}
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
	unlinked := &service.Refusal{Text: textUnlinked,
		Reason: fmt.Sprintf("box %s (user %d) is linked to no account; `wtvgate account link-box ADDRESS --ssid %s --user-id %d` links it", b.SSID, b.UserID, b.SSID, b.UserID)}
	if !g.first {
		return "", unlinked
	}
	if a, err = g.hub.ParseAccount(l.address); err != nil {
		return "", unlinked
	}
	err = g.hub.CreateAccount(ctx, bridge.NewAccount{Address: a, Box: &store.Box{SSID: b.SSID, UserID: b.UserID}})
	if errors.Is(err, store.ErrExists) || errors.Is(err, bridge.ErrReserved) {
		return "", unlinked // an account that exists is bound by the operator alone
	}
	if err != nil {
		return "", fmt.Errorf("box: making an account for a new box: %w", err)
	}
	g.log.Info("made an account for a new box", "account", a, "ssid", b.SSID, "user", b.UserID)
	return a, nil
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
