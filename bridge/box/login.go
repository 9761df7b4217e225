package box

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/msnp/passport"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// challengeLife is how long a challenge may be answered: a box dials out to its
// service meanwhile, which may take 480 s (msnp.md 17.1).
const challengeLife = 10 * time.Minute

// logins are the challenges under way, by their text. There is at most one for
// each connection of the Messenger server, which bounds them.
type logins struct {
	mu   sync.Mutex
	open map[string]*login
}

func (l *logins) init() { l.open = make(map[string]*login) }

// login is one sign-in attempt. It implements server.Login.
type login struct {
	g         *Gateway
	client    server.Client
	method    server.Method
	address   string // as given, lower case
	challenge string
	issued    time.Time

	// Guarded by logins.mu.
	used   bool
	ticket string // MSNP8: what messengerlogin handed out
	byBox  bool   // messengerlogin asked for this challenge
}

// Login implements server.Backend.
func (g *Gateway) Login(ctx context.Context, c server.Client, m server.Method, address string) (server.Login, error) {
	l := &login{g: g, client: c, method: m, address: strings.ToLower(address), issued: g.now()}
	g.logins.mu.Lock()
	defer g.logins.mu.Unlock()
	for {
		l.challenge = newChallenge(m, l.issued)
		if g.logins.open[l.challenge] == nil {
			g.logins.open[l.challenge] = l
			return l, nil
		}
	}
}

// newChallenge makes the text after `USR t MD5 S` or `USR t TWN S`. Both forms
// are bound by what existing WebTV services and clients do with them: digits and
// one dot for MD5 (msnp.md 4.4); for TWN `ct=` first and the fields that client
// libraries look for, each but the last followed by a comma (msnp.md 25.6).
func newChallenge(m server.Method, now time.Time) string {
	if m == server.MD5 {
		n, err := rand.Int(rand.Reader, big.NewInt(1e9))
		if err != nil {
			panic(err) // crypto/rand never fails on the systems we run on
		}
		return fmt.Sprintf("%d.%09d", now.Unix(), n)
	}
	return fmt.Sprintf("ct=%d,lc=1033,id=507,tw=40,fs=1,ru=http%%3A%%2F%%2Fmessenger%%2Emsn%%2Ecom,kpp=1,kv=5,ver=2.1.0173.1,tpf=%s",
		now.Unix(), randomHex())
}

// randomHex is 128 random bits.
func randomHex() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Challenge implements server.Login.
func (l *login) Challenge() string { return l.challenge }

// Cancel implements server.Login.
func (l *login) Cancel() {
	ls := &l.g.logins
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l.used = true
	delete(ls.open, l.challenge)
}

// Vouched implements server.Voucher.
func (l *login) Vouched() bool {
	ls := &l.g.logins
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return l.byBox
}

// take uses the challenge up; false if it was used or is too old.
func (l *login) take() (ticket string, byBox, ok bool) {
	ls := &l.g.logins
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ok = !l.used && l.g.now().Sub(l.issued) <= challengeLife
	l.used = true
	delete(ls.open, l.challenge)
	return l.ticket, l.byBox, ok
}

// Verify implements server.Login.
func (l *login) Verify(ctx context.Context, response string, n server.Notifier) (server.Session, error) {
	a, err := l.verify(ctx, response, n)
	if err != nil {
		l.tell(err)
		return nil, err
	}
	l.tell(nil)
	return a, nil
}

// tell counts the attempt.
func (l *login) tell(err error) {
	var refused *wire.Error
	switch {
	case l.g.signed == nil:
	case err == nil:
		l.g.signed(l.client.Dialect, SignInOK)
	case errors.As(err, &refused) && refused.Code == wire.ErrAuthFailed:
		l.g.signed(l.client.Dialect, SignInRefused)
	default:
		l.g.signed(l.client.Dialect, SignInError)
	}
}

func (l *login) verify(ctx context.Context, response string, n server.Notifier) (*account, error) {
	ticket, byBox, ok := l.take()
	if !ok {
		return nil, l.refuse("the challenge is too old or was used")
	}
	addr, err := l.g.hub.ParseAccount(l.address)
	if err != nil {
		return nil, l.refuse("no address of ours")
	}
	select {
	case l.g.signIns <- struct{}{}:
		defer func() { <-l.g.signIns }()
	case <-ctx.Done():
		return nil, wire.Fail(wire.ErrAuthBusy, ctx.Err()) // the queue was longer than CallTime
	}
	info, err := l.g.hub.AccountInfo(ctx, addr)
	if errors.Is(err, store.ErrNotFound) {
		return nil, l.refuse("no such account")
	} else if err != nil {
		return nil, wire.Fail(wire.ErrDatabase, err)
	}
	if l.method == server.TWN {
		ok = ticket != "" && subtle.ConstantTimeCompare([]byte(passport.TicketOf(response)), []byte(ticket)) == 1 ||
			l.g.tickets.Redeem(l.address, response)
	} else if ok, err = l.md5(ctx, addr, response); err != nil {
		return nil, wire.Fail(wire.ErrDatabase, err)
	}
	if !ok {
		return nil, l.refuse("wrong answer to the challenge")
	}
	a, err := l.g.open(ctx, info, l.client, byBox, n)
	if err != nil {
		return nil, wire.Fail(wire.ErrDatabase, err)
	}
	return a, nil
}

// refuse is error 911 with the reason for the log alone: the client must not
// learn which addresses exist.
func (l *login) refuse(reason string) error {
	return wire.Fail(wire.ErrAuthFailed, fmt.Errorf("sign-in of %q refused: %s", l.address, reason))
}

// md5 checks a response against the box's secret and, if the operator lets it
// be kept, the password of PC clients.
func (l *login) md5(ctx context.Context, a id.Account, response string) (bool, error) {
	secret, err := l.g.hub.Secrets().BoxSecret(ctx, a)
	if err != nil {
		return false, err
	}
	if passport.VerifyMD5(l.challenge, secret, response) {
		return true, nil
	}
	password, kept, err := l.g.hub.Secrets().KeptPassword(ctx, a)
	if err != nil || !kept {
		return false, err
	}
	return passport.VerifyMD5(l.challenge, password, response), nil
}
