package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"wtvgate/bridge/id"
)

// The lists a contact can be on, as bits (msnp.md 7).
const (
	ForwardList uint8 = 1 << iota // FL: whom the account wants to see
	AllowList                     // AL: who may see and write
	BlockList                     // BL: who may not
	ReverseList                   // RL: who has the account on their forward list
	allLists    = ForwardList | AllowList | BlockList | ReverseList
)

// Contact is one entry of an account's lists.
type Contact struct {
	Address id.Address
	Name    string
	Lists   uint8 // ForwardList | AllowList | BlockList | ReverseList
	Added   time.Time
	// Groups are the groups it is in, bit n for group n. On the forward list it
	// is in at least one, elsewhere in none; PutContact sees to both.
	Groups uint32
}

// Roster is all that a client synchronises: lists, modes and their version, a
// number from 1 up that changes with every change and is never 0 (msnp.md 7.2).
type Roster struct {
	Version  uint32
	Privacy  string // AL: all but the block list may write; BL: only the allow list may
	Prompt   string // A: ask when added by others, N: do not
	Contacts []Contact
	Groups   []Group // by number; group 0 is always there
	Phones   []Phone // the account's own that are set
	Buddies  []Phone // those of other accounts on the forward list that let this one see them
}

const (
	sqlRoster = `SELECT a.version, a.privacy, a.prompt, c.address, c.name, c.lists, c.added, c.in_groups
		FROM accounts a LEFT JOIN contacts c ON c.account = a.address WHERE a.address = ? ORDER BY c.address`
	sqlContact  = `SELECT address, name, lists, added, in_groups FROM contacts WHERE account = ? AND address = ?`
	sqlWatchers = `SELECT account FROM contacts WHERE address = ? AND lists & 1 = 1 ORDER BY account`
)

// Roster reads an account's lists, by address; the version is never newer than
// what stands beside it. ErrNotFound.
func (s *Store) Roster(ctx context.Context, a id.Account) (Roster, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return Roster{}, err
	}
	defer done()
	return q.roster(a)
}

// Roster reads an account's lists inside a transaction. ErrNotFound.
func (tx *Tx) Roster(a id.Account) (Roster, error) { return tx.roster(a) }

// rosterTries bounds how often lists are read that change meanwhile: after as many a
// part may be newer than the version says, and the next change brings it in order.
const rosterTries = 5

// roster reads the lists, in two queries that belong to one version.
func (q session) roster(a id.Account) (r Roster, err error) {
	for range rosterTries {
		var rest uint32
		if r, err = q.contacts(a); err == nil {
			rest, err = q.groupsAndPhones(a, &r)
		}
		if err != nil {
			return Roster{}, fmt.Errorf("store: reading the lists of %s: %w", a, err)
		}
		if rest == r.Version {
			break
		}
	}
	return r, nil
}

func (q session) contacts(a id.Account) (r Roster, err error) {
	err = q.rows(sqlRoster, []any{a}, func(rows *sql.Rows) error {
		var address, name sql.NullString
		var lists, added, groups sql.NullInt64
		if err := rows.Scan(&r.Version, &r.Privacy, &r.Prompt, &address, &name, &lists, &added, &groups); err != nil {
			return err
		}
		if address.Valid {
			r.Contacts = append(r.Contacts, Contact{Address: id.Address(address.String), Name: name.String,
				Lists: uint8(lists.Int64), Added: fromMillis(added.Int64), Groups: uint32(groups.Int64)})
		}
		return nil
	})
	if err == nil && r.Version == 0 {
		err = ErrNotFound
	}
	return r, err
}

// Watchers gives the accounts that have the address on their forward list.
func (s *Store) Watchers(ctx context.Context, peer id.Address) ([]id.Account, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var all []id.Account
	err = q.rows(sqlWatchers, []any{peer}, func(rows *sql.Rows) error {
		var a id.Account
		if err := rows.Scan(&a); err != nil {
			return err
		}
		all = append(all, a)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading who watches %s: %w", peer, err)
	}
	return all, nil
}

// Contact reads one entry; false if there is none.
func (tx *Tx) Contact(a id.Account, peer id.Address) (Contact, bool, error) {
	return tx.contact(a, peer)
}

// Contact reads one entry; false if there is none.
func (s *Store) Contact(ctx context.Context, a id.Account, peer id.Address) (Contact, bool, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return Contact{}, false, err
	}
	defer done()
	return q.contact(a, peer)
}

func (q session) contact(a id.Account, peer id.Address) (c Contact, found bool, err error) {
	var added int64
	err = q.row(sqlContact, []any{a, peer}, &c.Address, &c.Name, &c.Lists, &added, &c.Groups)
	if errors.Is(err, ErrNotFound) {
		return Contact{}, false, nil
	}
	if err != nil {
		return Contact{}, false, fmt.Errorf("store: reading contact %s of %s: %w", peer, a, err)
	}
	c.Added = fromMillis(added)
	return c, true, nil
}

// PutContact makes the entry be as given: it is added, changed, or removed when
// it is on no list. It gives the version of the lists, which is new if anything
// changed. The time of a new entry is now if it is zero; an old entry keeps its
// own. ErrNotFound: there is no such account.
func (tx *Tx) PutContact(a id.Account, c Contact) (version uint32, err error) {
	if c.Lists&^allLists != 0 {
		return 0, fmt.Errorf("%w: lists %#x", ErrInvalid, c.Lists)
	}
	if parsed, err := id.ParseAddress(string(c.Address)); err != nil || parsed != c.Address {
		return 0, fmt.Errorf("%w: %q is not an address in lower case", ErrInvalid, c.Address)
	}
	if c.Added.IsZero() {
		c.Added = tx.s.now()
	}
	switch {
	case c.Lists&ForwardList == 0:
		c.Groups = 0
	case c.Groups == 0:
		c.Groups = 1
	}
	var n int64
	if c.Lists == 0 {
		n, err = tx.exec(`DELETE FROM contacts WHERE account = ? AND address = ?`, a, c.Address)
	} else {
		n, err = tx.exec(`INSERT INTO contacts (account, address, name, lists, added, in_groups) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (account, address) DO UPDATE SET name = excluded.name, lists = excluded.lists, in_groups = excluded.in_groups
			WHERE name <> excluded.name OR lists <> excluded.lists OR in_groups <> excluded.in_groups`,
			a, c.Address, cutName(c.Name), c.Lists, millis(c.Added), c.Groups)
	}
	if err != nil {
		return 0, fmt.Errorf("store: contact %s of %s: %w", c.Address, a, err)
	}
	if n > 0 {
		return tx.bump(a)
	}
	return tx.Version(a)
}

// bump counts the version of an account's lists up and gives the new one.
func (tx *Tx) bump(a id.Account) (uint32, error) {
	if _, err := tx.exec(`UPDATE accounts SET version = version % 4294967295 + 1 WHERE address = ?`, a); err != nil {
		return 0, fmt.Errorf("store: version of %s's lists: %w", a, err)
	}
	return tx.Version(a)
}

// SetPrivacy sets the mode of BLP: AL or BL. It gives the version of the lists,
// which is new if the mode is.
func (tx *Tx) SetPrivacy(a id.Account, mode string) (uint32, error) {
	if mode != "AL" && mode != "BL" {
		return 0, fmt.Errorf("%w: privacy mode %q is neither AL nor BL", ErrInvalid, mode)
	}
	return tx.setOwn(a, `UPDATE accounts SET privacy = ?1, version = version % 4294967295 + 1 WHERE address = ?2 AND privacy <> ?1`, mode)
}

// SetPrompt sets the mode of GTC: A or N. It gives the version of the lists,
// which is new if the mode is.
func (tx *Tx) SetPrompt(a id.Account, mode string) (uint32, error) {
	if mode != "A" && mode != "N" {
		return 0, fmt.Errorf("%w: prompt mode %q is neither A nor N", ErrInvalid, mode)
	}
	return tx.setOwn(a, `UPDATE accounts SET prompt = ?1, version = version % 4294967295 + 1 WHERE address = ?2 AND prompt <> ?1`, mode)
}

// setOwn runs an update of the account's row that counts the version up itself.
func (tx *Tx) setOwn(a id.Account, query, value string) (uint32, error) {
	if _, err := tx.exec(query, value, a); err != nil {
		return 0, fmt.Errorf("store: account %s: %w", a, err)
	}
	return tx.Version(a)
}

// Version is the version of an account's lists. ErrNotFound.
func (tx *Tx) Version(a id.Account) (v uint32, err error) {
	if err := tx.row(`SELECT version FROM accounts WHERE address = ?`, []any{a}, &v); err != nil {
		return 0, fmt.Errorf("store: reading the version of %s's lists: %w", a, err)
	}
	return v, nil
}
