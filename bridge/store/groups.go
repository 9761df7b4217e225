package store

import (
	"database/sql"
	"fmt"
	"slices"

	"wtvgate/bridge/id"
)

const (
	// MaxGroups is how many contact groups an account has at most, group 0
	// included; their numbers are below it (msnp.md 15).
	MaxGroups = 30
	// firstGroup is the name of group 0 until it is renamed. A client that finds
	// "~" there makes default groups of its own (msnp.md 7.3).
	firstGroup = "Other Contacts"
	// maxPhone bounds a phone value in bytes; the protocol allows 95 encoded
	// ones, which are never fewer (msnp.md 15).
	maxPhone = 95
)

// Group is a contact group. Number 0 always exists.
type Group struct {
	ID   int
	Name string
}

// Phone is one phone setting of an account: PHH, PHW, PHM with a number, MOB and
// MBE with Y or N (msnp.md 7.5).
type Phone struct {
	Account id.Account // whose
	Kind    string
	Value   string
}

// Kinds of rows of sqlGroupsAndPhones.
const (
	rowGroup = iota
	rowPhone
	rowBuddy
	rowVersion
)

// sqlGroupsAndPhones is everything of a roster but contacts, in one query, and the
// version it belongs to. What other accounts have set is shown to those who may see them (msnp.md 10).
const sqlGroupsAndPhones = `SELECT 0, '', number, '', name FROM contact_groups WHERE account = ?1
	UNION ALL SELECT 1, account, 0, kind, value FROM phones WHERE account = ?1
	UNION ALL SELECT 2, p.account, 0, p.kind, p.value FROM contacts c
		JOIN phones p ON p.account = c.address JOIN accounts o ON o.address = c.address
		LEFT JOIN contacts r ON r.account = c.address AND r.address = ?1
		WHERE c.account = ?1 AND c.lists & 1 = 1 AND ifnull(r.lists, 0) & 4 = 0
			AND (o.privacy = 'AL' OR ifnull(r.lists, 0) & 2 = 2)
	UNION ALL SELECT 3, '', version, '', '' FROM accounts WHERE address = ?1
	ORDER BY 1, 2, 3, 4`

// groupsAndPhones fills in what of a roster is not contacts, and gives the version
// of the lists that it belongs to.
func (q session) groupsAndPhones(a id.Account, r *Roster) (version uint32, err error) {
	r.Groups = []Group{{Name: firstGroup}}
	err = q.rows(sqlGroupsAndPhones, []any{a}, func(rows *sql.Rows) error {
		var row, number int
		var whose id.Account
		var kind, value string
		if err := rows.Scan(&row, &whose, &number, &kind, &value); err != nil {
			return err
		}
		switch {
		case row == rowGroup && number == 0:
			r.Groups[0].Name = value
		case row == rowGroup:
			r.Groups = append(r.Groups, Group{number, value})
		case row == rowPhone:
			r.Phones = append(r.Phones, Phone{whose, kind, value})
		case row == rowBuddy:
			r.Buddies = append(r.Buddies, Phone{whose, kind, value})
		case row == rowVersion:
			version = uint32(number)
		}
		return nil
	})
	return version, err
}

// Groups reads an account's groups, by number; group 0 is the first. An account
// that is not there has that one too.
func (tx *Tx) Groups(a id.Account) ([]Group, error) {
	all := []Group{{Name: firstGroup}}
	err := tx.rows(`SELECT number, name FROM contact_groups WHERE account = ? ORDER BY number`, []any{a}, func(rows *sql.Rows) error {
		var g Group
		if err := rows.Scan(&g.ID, &g.Name); err != nil {
			return err
		}
		if g.ID == 0 {
			all[0] = g
			return nil
		}
		all = append(all, g)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading the groups of %s: %w", a, err)
	}
	return all, nil
}

// PutGroup makes a group or names it anew. It gives the version of the lists,
// which is new if anything changed. ErrNotFound: there is no such account.
func (tx *Tx) PutGroup(a id.Account, g Group) (uint32, error) {
	if g.ID < 0 || g.ID >= MaxGroups || g.Name == "" {
		return 0, fmt.Errorf("%w: group %d %q", ErrInvalid, g.ID, g.Name)
	}
	return tx.changed(a, `INSERT INTO contact_groups (account, number, name) VALUES (?, ?, ?)
		ON CONFLICT (account, number) DO UPDATE SET name = excluded.name WHERE name <> excluded.name`, a, g.ID, cutName(g.Name))
}

// RemoveGroup removes a group other than 0, and takes off the forward list who
// was in no other: those are returned as they were. ErrNotFound: there is no such
// group.
func (tx *Tx) RemoveGroup(a id.Account, number int) (left []Contact, version uint32, err error) {
	if number <= 0 || number >= MaxGroups {
		return nil, 0, fmt.Errorf("store: group %d of %s: %w", number, a, ErrNotFound)
	}
	n, err := tx.exec(`DELETE FROM contact_groups WHERE account = ? AND number = ?`, a, number)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("store: group %d of %s: %w", number, a, err)
	}
	r, err := tx.Roster(a)
	if err != nil {
		return nil, 0, err
	}
	left = slices.DeleteFunc(r.Contacts, func(c Contact) bool { return c.Groups != 1<<number })
	for _, step := range []struct {
		query string
		args  []any
	}{
		{`UPDATE contacts SET lists = lists & ~1 WHERE account = ?1 AND in_groups = 1 << ?2`, []any{a, number}},
		{`UPDATE contacts SET in_groups = in_groups & ~(1 << ?2) WHERE account = ?1`, []any{a, number}},
		{`DELETE FROM contacts WHERE account = ? AND lists = 0`, []any{a}},
	} {
		if _, err := tx.exec(step.query, step.args...); err != nil {
			return nil, 0, fmt.Errorf("store: group %d of %s: %w", number, a, err)
		}
	}
	version, err = tx.bump(a)
	return left, version, err
}

// SetPhone sets a phone setting of an account or, with "", unsets it. When
// something changed, the versions of the account's own lists and of those that
// have it on their forward list are new.
func (tx *Tx) SetPhone(a id.Account, kind, value string) (version uint32, changed bool, err error) {
	if len(value) > maxPhone {
		return 0, false, fmt.Errorf("%w: a phone value of %d bytes", ErrTooLong, len(value))
	}
	before, err := tx.Version(a)
	if err != nil {
		return 0, false, err
	}
	if value == "" {
		version, err = tx.changed(a, `DELETE FROM phones WHERE account = ? AND kind = ?`, a, kind)
	} else {
		version, err = tx.changed(a, `INSERT INTO phones (account, kind, value) VALUES (?, ?, ?)
			ON CONFLICT (account, kind) DO UPDATE SET value = excluded.value WHERE value <> excluded.value`, a, kind, value)
	}
	if err != nil || version == before {
		return version, false, err
	}
	_, err = tx.exec(`UPDATE accounts SET version = version % 4294967295 + 1
		WHERE address IN (SELECT account FROM contacts WHERE address = ? AND lists & 1 = 1)`, a)
	if err != nil {
		return 0, false, fmt.Errorf("store: phone of %s: %w", a, err)
	}
	return version, true, nil
}

// changed runs a statement on what belongs to an account's lists and counts
// their version up if it changed a row.
func (tx *Tx) changed(a id.Account, query string, args ...any) (uint32, error) {
	n, err := tx.exec(query, args...)
	if err != nil {
		return 0, fmt.Errorf("store: account %s: %w", a, err)
	}
	if n == 0 {
		return tx.Version(a)
	}
	return tx.bump(a)
}
