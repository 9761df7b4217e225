package store

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"wtvgate/bridge/id"

	"golang.org/x/crypto/argon2"
)

// The cost of a password: the second choice of OWASP's list for argon2id, about
// 30 ms here. RFC 9106's first choices want 64 MiB and more for each try, which
// a gateway that should hold 10,000 boxes in 512 MB does not have (design.md 8).
// The hash string carries its own parameters, so these may grow.
const (
	argonTime    = 2
	argonMemory  = 19 * 1024 // KiB
	argonThreads = 1
	argonSalt    = 16 // bytes, RFC 9106
	argonKey     = 32 // bytes
)

const (
	// maxHashes is how many passwords are hashed at once: it bounds the memory to
	// 38 MiB and leaves a machine of 2 cores to the others in between.
	maxHashes = 2
	// MaxPassword is the longest password in bytes. A sign-in line carries it with
	// every byte escaped, and no client has a longer field.
	MaxPassword = 127
	// The bounds of parameters read from a hash string, so that a damaged database
	// cannot make us fill the memory.
	maxArgonTime   = 64
	maxArgonMemory = 1 << 20 // KiB
)

// Hashed is a password made ready by HashPassword for SetPassword or
// NewAccount. The zero value is no password.
type Hashed struct {
	phc   string // $argon2id$v=19$m=...,t=...,p=...$salt$hash
	plain string // only if it shall be kept
	keep  bool
}

// HashPassword checks a password against the policy (1 to MaxPassword bytes, no
// control characters, else ErrInvalid) and hashes it. That takes tens of
// milliseconds and may wait for others, so it is done before a transaction and
// never in one. keep keeps the password itself too, sealed, for the MD5 sign-in
// of PC clients (accounts.md5_passwords).
func (s *Store) HashPassword(password string, keep bool) (Hashed, error) {
	if err := checkPolicy(password); err != nil {
		return Hashed{}, err
	}
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails
	s.hashes <- struct{}{}
	sum := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	<-s.hashes
	h := Hashed{phc: formatPHC(salt, sum), keep: keep}
	if keep {
		h.plain = password
	}
	return h, nil
}

func checkPolicy(password string) error {
	switch {
	case password == "":
		return fmt.Errorf("%w: the password is empty", ErrInvalid)
	case len(password) > MaxPassword:
		return fmt.Errorf("%w: the password has more than %d bytes", ErrInvalid, MaxPassword)
	case strings.ContainsFunc(password, unicode.IsControl):
		return fmt.Errorf("%w: the password has a control character", ErrInvalid)
	}
	return nil
}

// CheckPassword tells whether it is the account's password. An account that
// does not exist or has no password costs the same time and is false.
func (s *Store) CheckPassword(ctx context.Context, a id.Account, password string) (bool, error) {
	if checkPolicy(password) != nil {
		return false, nil // says nothing about the account
	}
	phc, err := s.passwordHash(ctx, a)
	if err != nil {
		return false, err
	}
	known := phc != ""
	if !known {
		phc = s.dummy
	}
	p, err := parsePHC(phc)
	if err != nil {
		return false, fmt.Errorf("store: password of %s: %w", a, err)
	}
	select {
	case s.hashes <- struct{}{}:
		defer func() { <-s.hashes }()
	case <-ctx.Done():
		return false, fmt.Errorf("store: checking a password: %w", ctx.Err())
	}
	sum := argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(len(p.sum)))
	return subtle.ConstantTimeCompare(sum, p.sum) == 1 && known, nil
}

// passwordHash gives "" for an account that is not there or has none.
func (s *Store) passwordHash(ctx context.Context, a id.Account) (phc string, err error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	err = q.row(`SELECT password FROM accounts WHERE address = ?`, []any{a}, &phc)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", fmt.Errorf("store: reading the password of %s: %w", a, err)
	}
	return phc, nil
}

// RecoverablePassword gives the password itself, if it was kept.
func (s *Store) RecoverablePassword(ctx context.Context, a id.Account) (password string, kept bool, err error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return "", false, err
	}
	defer done()
	var sealed []byte
	if err := q.row(`SELECT recoverable FROM accounts WHERE address = ?`, []any{a}, &sealed); err != nil {
		return "", false, fmt.Errorf("store: reading the password of %s: %w", a, err)
	}
	if sealed == nil {
		return "", false, nil
	}
	plain, err := s.Unseal(sealed, passwordContext(a))
	return string(plain), err == nil, err
}

// SetPassword gives an account a password, or takes it away with the zero value.
func (tx *Tx) SetPassword(a id.Account, h Hashed) error {
	sealed, err := tx.sealPassword(a, h)
	if err != nil {
		return err
	}
	n, err := tx.exec(`UPDATE accounts SET password = ?, recoverable = ? WHERE address = ?`, h.phc, sealed, a)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("store: setting the password of %s: %w", a, err)
	}
	return nil
}

func (tx *Tx) sealPassword(a id.Account, h Hashed) ([]byte, error) {
	if !h.keep {
		return nil, nil
	}
	return tx.s.Seal([]byte(h.plain), passwordContext(a))
}

func passwordContext(a id.Account) string { return "store: password of " + string(a) }
func secretContext(a id.Account) string   { return "store: secret of " + string(a) }

// phc is a hash string taken apart.
type phc struct {
	time, memory uint32
	threads      uint8
	salt, sum    []byte
}

func formatPHC(salt, sum []byte) string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		enc.EncodeToString(salt), enc.EncodeToString(sum))
}

// parsePHC reads what formatPHC writes, with any parameters in bounds.
func parsePHC(s string) (p phc, err error) {
	part := strings.Split(s, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errors.New("not an argon2id hash")
	}
	if n, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil || n != 3 ||
		p.time < 1 || p.time > maxArgonTime || p.memory > maxArgonMemory || p.threads < 1 {
		return phc{}, errors.New("an argon2id hash with bad parameters")
	}
	if p.salt, err = base64.RawStdEncoding.DecodeString(part[4]); err != nil || len(p.salt) < 8 {
		return phc{}, errors.New("an argon2id hash with a bad salt")
	}
	if p.sum, err = base64.RawStdEncoding.DecodeString(part[5]); err != nil || len(p.sum) < 16 || len(p.sum) > 64 {
		return phc{}, errors.New("an argon2id hash with a bad sum")
	}
	return p, nil
}

// dummyHash has the present parameters and a sum that is no password's.
func dummyHash() (string, error) {
	b := make([]byte, argonSalt+argonKey)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return formatPHC(b[:argonSalt], b[argonSalt:]), nil
}
