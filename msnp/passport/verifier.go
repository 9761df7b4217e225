package passport

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"sync"
	"time"
)

const (
	// verifiedLife is how long a right password is known without asking again. A
	// box that signs in behind another WebTV server, or a client that reconnects
	// on a bad line, comes back within minutes.
	verifiedLife = 10 * time.Minute
	// maxVerified bounds what is remembered: every account of a full gateway
	// (10,000, design.md 8), about 3 MiB.
	maxVerified = 16384
)

// Accounts knows the passwords. An account that does not exist costs the same
// time as a wrong password, and is false.
type Accounts interface {
	CheckPassword(ctx context.Context, address, password string) (bool, error)
}

// Verifier is Accounts that remember for verifiedLife which passwords were
// right: a password is stored as argon2id, which costs tens of milliseconds each
// time. What is remembered is a digest under a key of this process, so it is of
// no use outside; wrong passwords are never remembered.
type Verifier struct {
	accounts Accounts
	now      func() time.Time
	key      [sha256.Size]byte

	mu    sync.Mutex
	known map[string]verified // by address
	era   uint64              // counts Forget: an answer from before it is not remembered
}

type verified struct {
	sum   [sha256.Size]byte
	until time.Time
}

// NewVerifier remembers for accounts. now is the clock; nil: time.Now.
func NewVerifier(accounts Accounts, now func() time.Time) *Verifier {
	if now == nil {
		now = time.Now
	}
	v := &Verifier{accounts: accounts, now: now, known: make(map[string]verified)}
	randomBytes(v.key[:])
	return v
}

// CheckPassword implements Accounts.
func (v *Verifier) CheckPassword(ctx context.Context, address, password string) (bool, error) {
	address = strings.ToLower(address)
	sum := v.sum(address, password)
	now := v.now()
	v.mu.Lock()
	was, ok := v.known[address]
	era := v.era
	v.mu.Unlock()
	if ok && now.Before(was.until) && hmac.Equal(was.sum[:], sum[:]) {
		return true, nil
	}
	right, err := v.accounts.CheckPassword(ctx, address, password)
	if right && err == nil {
		v.remember(address, verified{sum, now.Add(verifiedLife)}, era, now)
	}
	return right, err
}

func (v *Verifier) sum(address, password string) (out [sha256.Size]byte) {
	m := hmac.New(sha256.New, v.key[:])
	m.Write([]byte(address))
	m.Write([]byte{0}) // stands in no address
	m.Write([]byte(password))
	m.Sum(out[:0])
	return out
}

func (v *Verifier) remember(address string, is verified, era uint64, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if era != v.era {
		return // the password may have changed while it was checked
	}
	if _, known := v.known[address]; !known && len(v.known) >= maxVerified {
		for a, k := range v.known {
			if !now.Before(k.until) {
				delete(v.known, a)
			}
		}
		if len(v.known) >= maxVerified {
			return // this one is checked in full each time
		}
	}
	v.known[address] = is
}

// Forget drops what is remembered of an account. It is to be called when the
// account's password has changed or the account is gone.
func (v *Verifier) Forget(address string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.era++
	delete(v.known, strings.ToLower(address))
}
