package matrix

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/id"
)

// crowd.go: rooms for several people, each one contact of the accounts whose ghosts
// are in it. Nothing joins by itself: a box adds the room, or says yes to an
// invitation (lessons L25). matrix_crowds is written by the room's worker and the
// calls of the account's conversation with it; each statement is complete in itself.

const (
	// maxCrowds is how many rooms an account may be in: each line of each is a
	// line on a TV.
	maxCrowds = 50
	// maxMemberName is the longest name of a speaker that is kept, in bytes.
	maxMemberName = 256
)

// crowd is a row of matrix_crowds: an account and a room for several.
type crowd struct {
	room    mid.RoomID
	account id.Account
	contact id.Remote
	state   state // asked or joined
	inviter mid.UserID
}

// crowdRoom is a row of matrix_crowd_rooms.
type crowdRoom struct {
	room        mid.RoomID
	name        string
	encrypted   bool
	toldBridged bool
}

// member of a room for several.
type member struct {
	user   mid.UserID
	name   string
	joined bool
}

// crowdsWhere lists rows, those that are joined first.
func (n *Network) crowdsWhere(ctx context.Context, where string, args ...any) ([]crowd, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	rows, err := n.db.QueryContext(ctx, `SELECT room, account, contact, state, inviter FROM matrix_crowds WHERE `+where+
		` ORDER BY state = 'joined' DESC, created DESC, account`, args...)
	if err != nil {
		return nil, fmt.Errorf("matrix: list rooms for several: %w", err)
	}
	defer rows.Close()
	var all []crowd
	for rows.Next() {
		var c crowd
		if err := rows.Scan(&c.room, &c.account, &c.contact, &c.state, &c.inviter); err != nil {
			return nil, fmt.Errorf("matrix: list rooms for several: %w", err)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// crowds lists the accounts of a room.
func (n *Network) crowds(ctx context.Context, rid mid.RoomID) ([]crowd, error) {
	return n.crowdsWhere(ctx, `room = ?`, rid)
}

// crowdOf finds the room that is an account's contact, a joined one before others.
func (n *Network) crowdOf(ctx context.Context, a id.Account, contact id.Remote) (crowd, bool, error) {
	all, err := n.crowdsWhere(ctx, `account = ? AND contact = ?`, a, contact)
	if err != nil || len(all) == 0 {
		return crowd{}, false, err
	}
	return all[0], true, nil
}

// errTooManyCrowds refuses a room for an account that has too many.
var errTooManyCrowds = errors.New("matrix: the account is in too many rooms")

// errTooManyAsked refuses an invitation while too many wait for an answer.
var errTooManyAsked = errors.New("matrix: too many invitations wait for an answer")

// putCrowd writes a row; one that is there keeps its state.
func (n *Network) putCrowd(ctx context.Context, c crowd) error {
	return n.inbox.inTx(ctx, "store room for several", func(ctx context.Context, tx *sql.Tx) error {
		var all, asked, byInviter int
		if err := tx.QueryRowContext(ctx, `SELECT
			(SELECT count(*) FROM matrix_crowds WHERE account = ?1 AND room <> ?2 AND contact <> ?4),
			(SELECT count(*) FROM matrix_crowds WHERE account = ?1 AND room <> ?2 AND state = 'asked'),
			(SELECT count(*) FROM matrix_crowds WHERE inviter = ?3 AND room <> ?2 AND state = 'asked')`,
			c.account, c.room, c.inviter, c.contact).Scan(&all, &asked, &byInviter); err != nil {
			return err
		}
		switch {
		case all >= maxCrowds:
			return errTooManyCrowds
		case c.inviter != "" && (asked >= maxAskedPerAccount || byInviter >= maxAskedPerFriend):
			return errTooManyAsked
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO matrix_crowd_rooms (room) VALUES (?) ON CONFLICT DO NOTHING`, c.room); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO matrix_crowds (room, account, contact, state, inviter, created) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, c.room, c.account, c.contact, stateAsked, c.inviter, n.now().UnixMilli())
		return err
	})
}

// dropCrowd forgets that an account has a room, and the room when it was the last.
func (n *Network) dropCrowd(ctx context.Context, c crowd) error {
	return n.inbox.inTx(ctx, "forget room for several", func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM matrix_crowds WHERE room = ? AND account = ?`, c.room, c.account); err != nil {
			return err
		}
		for _, table := range []string{"matrix_crowd_rooms", "matrix_members"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE room = ?1 AND NOT EXISTS (SELECT 1 FROM matrix_crowds WHERE room = ?1)`,
				c.room); err != nil {
				return err
			}
		}
		return nil
	})
}

// entered notes that a ghost is in: the room as it is now, and its members.
func (n *Network) entered(ctx context.Context, c crowd, r crowdRoom, encryption string, members []member) error {
	return n.inbox.inTx(ctx, "store room for several", func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE matrix_crowds SET state = ? WHERE room = ? AND account = ?`, stateJoined, c.room, c.account); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE matrix_crowd_rooms SET name = ?, encrypted = max(encrypted, ?),
			encryption = CASE WHEN ?2 THEN ?3 ELSE encryption END WHERE room = ?4`, r.name, r.encrypted, encryption, c.room); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM matrix_members WHERE room = ?`, c.room); err != nil {
			return err
		}
		for _, m := range members {
			if _, err := tx.ExecContext(ctx, `INSERT INTO matrix_members (room, user, name, joined) VALUES (?, ?, ?, ?)`,
				c.room, m.user, m.name, m.joined); err != nil {
				return err
			}
		}
		return nil
	})
}

// crowdRoom finds what is known of a room for several; false if it is none.
func (n *Network) crowdRoom(ctx context.Context, rid mid.RoomID) (r crowdRoom, ok bool, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	r.room = rid
	err = n.db.QueryRowContext(ctx, `SELECT name, encrypted, told_bridged FROM matrix_crowd_rooms WHERE room = ?`, rid).
		Scan(&r.name, &r.encrypted, &r.toldBridged)
	if errors.Is(err, sql.ErrNoRows) {
		return crowdRoom{}, false, nil
	} else if err != nil {
		return crowdRoom{}, false, fmt.Errorf("matrix: find room for several: %w", err)
	}
	return r, true, nil
}

// knows tells whether a room is in our tables.
func (n *Network) knows(ctx context.Context, rid mid.RoomID) (bool, error) {
	if _, known, err := n.roomByID(ctx, rid); err != nil || known {
		return known, err
	}
	_, known, err := n.crowdRoom(ctx, rid)
	return known, err
}

// putMember notes who is in a room; false if that was known. Names alone are no
// news.
func (n *Network) putMember(ctx context.Context, rid mid.RoomID, m member) (news bool, err error) {
	err = n.inbox.inTx(ctx, "store member", func(ctx context.Context, tx *sql.Tx) error {
		var was bool
		err := tx.QueryRowContext(ctx, `SELECT joined FROM matrix_members WHERE room = ? AND user = ?`, rid, m.user).Scan(&was)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		news = err != nil || was != m.joined
		_, err = tx.ExecContext(ctx, `INSERT INTO matrix_members (room, user, name, joined) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET name = excluded.name, joined = excluded.joined`, rid, m.user, m.name, m.joined)
		return err
	})
	return news, err
}

// people lists the members of a room as they are called there: two of one name
// have their ids beside it (matrix.md 10).
func (n *Network) people(ctx context.Context, rid mid.RoomID) (map[mid.UserID]string, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	rows, err := n.db.QueryContext(ctx, `SELECT user, name FROM matrix_members WHERE room = ?`, rid)
	if err != nil {
		return nil, fmt.Errorf("matrix: list members: %w", err)
	}
	defer rows.Close()
	all, called := make(map[mid.UserID]string), make(map[string]int)
	for rows.Next() {
		var user mid.UserID
		var name string
		if err := rows.Scan(&user, &name); err != nil {
			return nil, fmt.Errorf("matrix: list members: %w", err)
		}
		if name = strings.TrimSpace(name); name == "" {
			name = user.Localpart()
		}
		all[user] = name
		called[strings.ToLower(name)]++
	}
	for user, name := range all {
		if called[strings.ToLower(name)] > 1 {
			all[user] = name + " (" + string(user) + ")"
		}
	}
	return all, rows.Err()
}

// asRoom is a room for several as the account's conversation with it.
func (n *Network) asRoom(ctx context.Context, c crowd) (room, error) {
	cr, _, err := n.crowdRoom(ctx, c.room)
	if err != nil {
		return room{}, err
	}
	people, err := n.people(ctx, c.room)
	if err != nil {
		return room{}, err
	}
	ghost, err := n.ghostID(c.account)
	if err != nil {
		return room{}, err
	}
	return room{id: c.room, account: c.account, friend: mid.UserID(c.contact), state: c.state, encrypted: cr.encrypted,
		name: crowdName(cr, c.contact), people: people, ghost: ghost}, nil
}

// crowdName is what to call a room.
func crowdName(r crowdRoom, contact id.Remote) string {
	if r.name != "" {
		return r.name
	}
	if isAlias(contact) {
		return string(contact)
	}
	return "a room"
}

func isAlias(r id.Remote) bool { return strings.HasPrefix(string(r), roomMark) }

// readers are those who get the keys of what is written into a room.
func (r room) readers() []mid.UserID {
	if r.people == nil {
		return []mid.UserID{r.friend}
	}
	all := make([]mid.UserID, 0, len(r.people))
	for user := range r.people {
		if user != r.ghost {
			all = append(all, user)
		}
	}
	return all
}

// scoped is an event as one account's: several may be in the room, and the core
// takes each event once. plainEvent is its inverse.
func scoped(ev mid.EventID, a id.Account) id.Event { return id.Event(string(ev) + " " + string(a)) }

func plainEvent(ev id.Event) mid.EventID {
	plain, _, _ := strings.Cut(string(ev), " ")
	return mid.EventID(plain)
}
