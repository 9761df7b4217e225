package store

import (
	"context"
	"database/sql"
	"fmt"

	"wtvgate/bridge/id"
)

// settings.go: what an account's owner chose. What the keys mean is the core's.

const (
	sqlSettings = `SELECT key, value FROM account_settings WHERE account = ? ORDER BY key`
	// maxSetting bounds a key or a value in bytes: they are words and numbers.
	maxSetting = 64
)

// Settings reads what is set for an account, by key; empty for an account that
// does not exist.
func (s *Store) Settings(ctx context.Context, a id.Account) (all map[string]string, err error) {
	err = s.View(ctx, func(tx *Tx) error { all, err = tx.Settings(a); return err })
	return all, err
}

// Settings is Store.Settings inside a transaction.
func (tx *Tx) Settings(a id.Account) (map[string]string, error) {
	all := make(map[string]string)
	err := tx.rows(sqlSettings, []any{a}, func(rows *sql.Rows) error {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return err
		}
		all[key] = value
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading the settings of %s: %w", a, err)
	}
	return all, nil
}

// SetSetting sets a key of an account; an empty value unsets it. ErrNotFound:
// there is no such account. ErrTooLong.
func (tx *Tx) SetSetting(a id.Account, key, value string) (err error) {
	if len(key) > maxSetting || len(value) > maxSetting {
		return fmt.Errorf("%w: a setting", ErrTooLong)
	}
	if value == "" {
		_, err = tx.exec(`DELETE FROM account_settings WHERE account = ? AND key = ?`, a, key)
	} else {
		_, err = tx.exec(`INSERT INTO account_settings (account, key, value) VALUES (?, ?, ?)
			ON CONFLICT (account, key) DO UPDATE SET value = excluded.value`, a, key, value)
	}
	if err != nil {
		return fmt.Errorf("store: setting %s of %s: %w", key, a, err)
	}
	return nil
}
