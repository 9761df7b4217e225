package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"wtvgate/bridge/id"
)

// boxkeys.go: what is remembered of the tickets that boxes show. A ticket of
// another WebTV server does not name its box, so its signing key, new at every
// sign-on there, belongs to the serial number that showed it first (wtvp.md 7.2).

const (
	// maxBoxKeys is how many keys of one box are remembered: a box has a new one at
	// each sign-on to its service and uses the last. The oldest go first.
	maxBoxKeys = 16
	// signingKeySize is the size of a signing key (wtvp.md 7.1).
	signingKeySize = 8
	// wtvpKeySize is the size of the key that our own tickets are sealed with.
	wtvpKeySize = 32
	wtvpContext = "wtvp: key of own tickets"
)

// ErrKeyTaken: another box showed the signing key first.
var ErrKeyTaken = errors.New("store: the signing key is another box's")

// KeyNews says what a signing key told about its box.
type KeyNews int

// What PinKey finds.
const (
	KeyKnown   KeyNews = iota // the box has shown it before
	KeyFirst                  // the first key of this box
	KeyChanged                // the box has shown others before
)

// digestKey is what is kept of a signing key, whose parity bits do not count.
func digestKey(key []byte) ([]byte, error) {
	if len(key) != signingKeySize {
		return nil, fmt.Errorf("%w: a signing key has %d bytes", ErrInvalid, signingKeySize)
	}
	plain := [signingKeySize]byte(key)
	for i := range plain {
		plain[i] &^= 1
	}
	sum := sha256.Sum256(append([]byte("wtvgate signing key "), plain[:]...))
	return sum[:], nil
}

const (
	sqlBoxOfKey = `SELECT ssid FROM box_keys WHERE digest = ?`
	sqlHasKeys  = `SELECT count(*) FROM box_keys WHERE ssid = ?`
	sqlPruneBox = `DELETE FROM box_keys WHERE digest IN (SELECT digest FROM box_keys WHERE ssid = ? ORDER BY first DESC, digest LIMIT -1 OFFSET ?)`
)

// CheckKey tells whether a box may show a signing key: nil if it is the box's or
// nobody's yet, else ErrKeyTaken.
func (s *Store) CheckKey(ctx context.Context, ssid string, key []byte) error {
	folded, err := foldSSID(ssid)
	if err != nil {
		return err
	}
	digest, err := digestKey(key)
	if err != nil {
		return err
	}
	q, done, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer done()
	_, err = q.boxOfKey(digest, folded)
	return err
}

// boxOfKey tells whether the key is known as the box's.
func (q session) boxOfKey(digest []byte, ssid string) (known bool, err error) {
	var owner string
	switch err := q.row(sqlBoxOfKey, []any{digest}, &owner); {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("store: signing key of box %s: %w", ssid, err)
	case owner != ssid:
		return false, sentencef(ErrKeyTaken, "store: the signing key in the ticket was first shown by box %s, now by box %s", owner, ssid)
	}
	return true, nil
}

// PinKey ties a signing key to the box that showed it first. ErrKeyTaken says
// that this was another one.
func (tx *Tx) PinKey(ssid string, key []byte) (KeyNews, error) {
	ssid, err := foldSSID(ssid)
	if err != nil {
		return 0, err
	}
	digest, err := digestKey(key)
	if err != nil {
		return 0, err
	}
	if known, err := tx.boxOfKey(digest, ssid); known || err != nil {
		return KeyKnown, err
	}
	var had int
	if err := tx.row(sqlHasKeys, []any{ssid}, &had); err != nil {
		return 0, fmt.Errorf("store: signing keys of box %s: %w", ssid, err)
	}
	if _, err := tx.exec(`INSERT INTO box_keys (digest, ssid, first) VALUES (?, ?, ?)`, digest, ssid, millis(tx.s.now())); err != nil {
		return 0, fmt.Errorf("store: noting the signing key of box %s: %w", ssid, err)
	}
	if had == 0 {
		return KeyFirst, nil
	}
	if had >= maxBoxKeys {
		if _, err := tx.exec(sqlPruneBox, ssid, maxBoxKeys); err != nil {
			return 0, fmt.Errorf("store: forgetting old signing keys of box %s: %w", ssid, err)
		}
	}
	return KeyChanged, nil
}

// ForgetKeys forgets the signing keys of all boxes of an account and tells how
// many there were.
func (tx *Tx) ForgetKeys(a id.Account) (int, error) {
	n, err := tx.exec(`DELETE FROM box_keys WHERE ssid IN (SELECT ssid FROM boxes WHERE account = ?)`, a)
	if err != nil {
		return 0, fmt.Errorf("store: forgetting the signing keys of the boxes of %s: %w", a, err)
	}
	return int(n), nil
}

// WTVPKey is the key of our own tickets and of what else standalone mode gives
// boxes, made once and kept sealed.
func (s *Store) WTVPKey(ctx context.Context) ([]byte, error) {
	fresh := make([]byte, wtvpKeySize)
	_, _ = rand.Read(fresh) // never fails
	sealed, err := s.Seal(fresh, wtvpContext)
	if err != nil {
		return nil, err
	}
	text := base64.StdEncoding.EncodeToString(sealed)
	err = s.Update(ctx, func(tx *Tx) error { text, err = tx.meta("wtvp_key", text); return err })
	if err != nil {
		return nil, err
	}
	if sealed, err = base64.StdEncoding.DecodeString(text); err != nil {
		return nil, fmt.Errorf("store: key of own tickets: %w", err)
	}
	key, err := s.Unseal(sealed, wtvpContext)
	if err == nil && len(key) != wtvpKeySize {
		err = fmt.Errorf("store: key of own tickets has %d bytes", len(key))
	}
	return key, err
}
