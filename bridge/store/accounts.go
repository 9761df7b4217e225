package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	"wtvgate/bridge/id"
)

// secretBytes make the 32 hexadecimal digits that a box proves to the
// notification server without knowing them (design.md 5, Signing in).
const secretBytes = 16

// Account is one of the gateway's own accounts.
type Account struct {
	Address     id.Account
	Name        string // never empty
	Number      int64  // small and stable, never used again: the MemberIdLow of Passport
	Created     time.Time
	HasPassword bool
	Boxes       []Box // by SSID and user
}

// NewAccount is what CreateAccount needs. Address has the form ParseAddress
// gives; an empty name is the local part; a zero Password is none.
type NewAccount struct {
	Address  id.Account
	Name     string
	Password Hashed
}

const (
	selectAccount = `SELECT a.address, a.name, a.number, a.created, a.password <> '', b.ssid, b.user_id, b.linked
		FROM accounts a LEFT JOIN boxes b ON b.account = a.address `
	sqlAccount  = selectAccount + `WHERE a.address = ? ORDER BY b.ssid, b.user_id`
	sqlAccounts = selectAccount + `ORDER BY a.address, b.ssid, b.user_id`
)

// Account reads one account. ErrNotFound.
func (s *Store) Account(ctx context.Context, a id.Account) (Account, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return Account{}, err
	}
	defer done()
	return q.account(a)
}

// Account reads one account inside a transaction. ErrNotFound.
func (tx *Tx) Account(a id.Account) (Account, error) { return tx.account(a) }

func (q session) account(a id.Account) (Account, error) {
	all, err := q.accounts(sqlAccount, a)
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Account{}, fmt.Errorf("store: reading account %s: %w", a, err)
	}
	return all[0], nil
}

// Accounts reads all accounts, by address.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	all, err := q.accounts(sqlAccounts)
	if err != nil {
		return nil, fmt.Errorf("store: reading the accounts: %w", err)
	}
	return all, nil
}

func (q session) accounts(query string, args ...any) (all []Account, err error) {
	err = q.rows(query, args, func(rows *sql.Rows) error {
		var a Account
		var created int64
		var ssid sql.NullString
		var user, linked sql.NullInt64
		if err := rows.Scan(&a.Address, &a.Name, &a.Number, &created, &a.HasPassword, &ssid, &user, &linked); err != nil {
			return err
		}
		if n := len(all); n == 0 || all[n-1].Address != a.Address {
			a.Created = fromMillis(created)
			all = append(all, a)
		}
		if ssid.Valid {
			last := &all[len(all)-1]
			last.Boxes = append(last.Boxes, Box{SSID: ssid.String, UserID: int(user.Int64), Linked: fromMillis(linked.Int64)})
		}
		return nil
	})
	return all, err
}

// Secret is the account's own secret, 32 lower-case hexadecimal digits: what
// messengerlogin and the notification server share about it. Never log it.
func (s *Store) Secret(ctx context.Context, a id.Account) (string, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	var sealed []byte
	if err := q.row(`SELECT secret FROM accounts WHERE address = ?`, []any{a}, &sealed); err != nil {
		return "", fmt.Errorf("store: reading the secret of %s: %w", a, err)
	}
	plain, err := s.Unseal(sealed, secretContext(a))
	return string(plain), err
}

// CreateAccount makes an account with a secret of its own. ErrExists.
func (tx *Tx) CreateAccount(a NewAccount) error {
	if parsed, err := id.ParseAddress(string(a.Address)); err != nil || parsed != a.Address.Address() {
		return fmt.Errorf("%w: %q is not an address in lower case", ErrInvalid, a.Address)
	}
	name := cutName(a.Name)
	if name == "" {
		name = a.Address.Local()
	}
	var secret [secretBytes]byte
	_, _ = rand.Read(secret[:]) // never fails
	sealed, err := tx.s.Seal([]byte(hex.EncodeToString(secret[:])), secretContext(a.Address))
	if err != nil {
		return err
	}
	recoverable, err := tx.sealPassword(a.Address, a.Password)
	if err != nil {
		return err
	}
	_, err = tx.exec(`INSERT INTO accounts (address, name, created, secret, password, recoverable) VALUES (?, ?, ?, ?, ?, ?)`,
		a.Address, name, millis(tx.s.now()), sealed, a.Password.phc, recoverable)
	if err != nil {
		return fmt.Errorf("store: creating account %s: %w", a.Address, err)
	}
	return nil
}

// RemoveAccount removes an account with everything of it: links, contacts, what
// it wrote and what waits for it. Where others have it as a contact it stays
// one. ErrNotFound.
func (tx *Tx) RemoveAccount(a id.Account) error {
	n, err := tx.exec(`DELETE FROM accounts WHERE address = ?`, a) // the rest follows by foreign keys
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("store: removing account %s: %w", a, err)
	}
	return nil
}

// SetName sets the account's own screen name, the local part if empty. It gives
// the version of the lists, which is new if the name is.
func (tx *Tx) SetName(a id.Account, name string) (uint32, error) {
	if name = cutName(name); name == "" {
		name = a.Local()
	}
	return tx.setOwn(a, `UPDATE accounts SET name = ?1, version = version % 4294967295 + 1 WHERE address = ?2 AND name <> ?1`, name)
}
