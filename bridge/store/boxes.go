package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"wtvgate/bridge/id"
)

const (
	// maxSSID is the longest serial number: real ones have 16 digits.
	maxSSID = 32
	// maxUserID is the highest number of a user of one box: real boxes have six
	// users, and the number is two digits in their tickets.
	maxUserID = 99
)

// Box is one user of one box, as its ticket names it. Only a real box of the
// first generation has one; PC clients sign in with a password.
type Box struct {
	SSID   string // serial number, lower-case letters and digits
	UserID int    // 0 is the first user of the box
	Linked time.Time
}

// foldSSID gives a serial number's one form.
func foldSSID(ssid string) (string, error) {
	ssid = strings.ToLower(ssid)
	if ssid == "" || len(ssid) > maxSSID {
		return "", fmt.Errorf("%w: a box's SSID has 1 to %d characters", ErrInvalid, maxSSID)
	}
	for i := 0; i < len(ssid); i++ {
		if c := ssid[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return "", fmt.Errorf("%w: a box's SSID has letters and digits only", ErrInvalid)
		}
	}
	return ssid, nil
}

const sqlAccountOfBox = `SELECT account FROM boxes WHERE ssid = ? AND user_id = ?`

// AccountOfBox tells whose box it is. ErrNotFound, also for a serial number that
// could be none's.
func (s *Store) AccountOfBox(ctx context.Context, ssid string, userID int) (id.Account, error) {
	folded, err := foldSSID(ssid)
	if err != nil {
		return "", fmt.Errorf("store: box: %w", ErrNotFound)
	}
	q, done, err := s.reader(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return q.accountOfBox(folded, userID)
}

func (q session) accountOfBox(ssid string, userID int) (a id.Account, err error) {
	if err := q.row(sqlAccountOfBox, []any{ssid, userID}, &a); err != nil {
		return "", fmt.Errorf("store: box %s user %d: %w", ssid, userID, err)
	}
	return a, nil
}

const sqlUsersOfBox = `SELECT user_id, account FROM boxes WHERE ssid = ? ORDER BY user_id`

// BoxUser is one user of a box who has an account.
type BoxUser struct {
	UserID  int
	Account id.Account
}

// UsersOfBox tells which users of a box have accounts, by their numbers.
func (s *Store) UsersOfBox(ctx context.Context, ssid string) ([]BoxUser, error) {
	folded, err := foldSSID(ssid)
	if err != nil {
		return nil, nil // could be none's
	}
	q, done, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var users []BoxUser
	err = q.rows(sqlUsersOfBox, []any{folded}, func(r *sql.Rows) error {
		var u BoxUser
		if err := r.Scan(&u.UserID, &u.Account); err != nil {
			return err
		}
		users = append(users, u)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: users of box %s: %w", folded, err)
	}
	return users, nil
}

// LinkBox links a box to an account; an account may have several. Linking it
// again to the same one is fine and changes nothing. ErrBoxTaken says to whom it
// belongs, ErrNotFound that the account is not there.
func (tx *Tx) LinkBox(a id.Account, b Box) error {
	ssid, err := foldSSID(b.SSID)
	if err != nil {
		return err
	}
	if b.UserID < 0 || b.UserID > maxUserID {
		return fmt.Errorf("%w: a box's user is a number from 0 to %d", ErrInvalid, maxUserID)
	}
	switch owner, err := tx.accountOfBox(ssid, b.UserID); {
	case err == nil && owner == a:
		return nil
	case err == nil:
		return sentencef(ErrBoxTaken, "store: box %s user %d is linked to %s; `wtvgate account unlink-box %s` takes the boxes off it",
			ssid, b.UserID, owner, owner)
	case !errors.Is(err, ErrNotFound):
		return err
	}
	if b.Linked.IsZero() {
		b.Linked = tx.s.now()
	}
	if _, err := tx.exec(`INSERT INTO boxes (ssid, user_id, account, linked) VALUES (?, ?, ?, ?)`,
		ssid, b.UserID, a, millis(b.Linked)); err != nil {
		return fmt.Errorf("store: linking box %s to %s: %w", ssid, a, err)
	}
	return nil
}

// UnlinkBoxes takes all boxes off an account and tells how many there were.
func (tx *Tx) UnlinkBoxes(a id.Account) (int, error) {
	n, err := tx.exec(`DELETE FROM boxes WHERE account = ?`, a)
	if err != nil {
		return 0, fmt.Errorf("store: unlinking the boxes of %s: %w", a, err)
	}
	return int(n), nil
}
