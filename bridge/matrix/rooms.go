package matrix

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/id"
)

// state is where a direct room stands.
type state string

// The states. The ghost is in the room in all but asked and left.
const (
	stateInvited state = "invited" // the friend has our invitation
	stateAsked   state = "asked"   // we have the friend's and have not answered
	stateJoined  state = "joined"  // both are in
	stateEmpty   state = "empty"   // the friend declined, left or could not be invited; the ghost waits
	stateLeft    state = "left"    // the ghost is out
)

// ghostIn tells whether the ghost can read and write there.
func (s state) ghostIn() bool { return s == stateInvited || s == stateJoined || s == stateEmpty }

// room is a row of matrix_rooms.
type room struct {
	id          mid.RoomID
	account     id.Account
	friend      mid.UserID
	state       state
	ours        bool
	direct      bool
	encrypted   bool
	name        string
	inviteEvent mid.EventID
	inviteTime  int64
	toldFriend  bool
	toldBox     bool
	shun        bool // another is preferred: see roomsOf
}

// friendName is what to call the friend in a line of text.
func (r room) friendName() string {
	if r.name != "" {
		return r.name
	}
	return r.friend.Localpart()
}

const roomColumns = `room, account, friend, state, ours, direct, encrypted, name, invite_event, invite_time, told_friend, told_box`

func scanRoom(s interface{ Scan(...any) error }) (r room, err error) {
	err = s.Scan(&r.id, &r.account, &r.friend, &r.state, &r.ours, &r.direct, &r.encrypted, &r.name,
		&r.inviteEvent, &r.inviteTime, &r.toldFriend, &r.toldBox)
	return r, err
}

// dbTimeout bounds a statement: longer than the database's busy timeout, shorter
// than the 30 s after which Dendrite gives up a transaction (matrix.md 4).
const dbTimeout = 20 * time.Second

// dbContext is for database work, which must not end with the request that
// asked for it (matrix.md 6): a cancelled statement may leave a connection bad.
func dbContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), dbTimeout)
}

// exec runs one statement.
func (n *Network) exec(ctx context.Context, what, query string, args ...any) error {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	if _, err := n.db.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("matrix: %s: %w", what, err)
	}
	return nil
}

// roomByID finds a room of ours; false if it is none.
func (n *Network) roomByID(ctx context.Context, rid mid.RoomID) (room, bool, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	r, err := scanRoom(n.db.QueryRowContext(ctx, `SELECT `+roomColumns+` FROM matrix_rooms WHERE room = ?`, rid))
	if errors.Is(err, sql.ErrNoRows) {
		return room{}, false, nil
	} else if err != nil {
		return room{}, false, fmt.Errorf("matrix: find room: %w", err)
	}
	return r, true, nil
}

// roomsOf lists a pair's rooms, the most recently active first. An empty friend
// stands for all of them. An encrypted room is preferred to a plain one, unless
// it cannot be read.
func (n *Network) roomsOf(ctx context.Context, a id.Account, friend mid.UserID) ([]room, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	rows, err := n.db.QueryContext(ctx, `SELECT `+roomColumns+` FROM matrix_rooms
		WHERE account = ?1 AND (friend = ?2 OR ?2 = '') ORDER BY active DESC, created DESC, room`, a, friend)
	if err != nil {
		return nil, fmt.Errorf("matrix: list rooms: %w", err)
	}
	defer rows.Close()
	var all []room
	for rows.Next() {
		r, err := scanRoom(rows)
		if err != nil {
			return nil, fmt.Errorf("matrix: list rooms: %w", err)
		}
		r.shun = r.encrypted != n.encrypts()
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("matrix: list rooms: %w", err)
	}
	return all, nil
}

// putAsked writes a room that a friend asks us into, whatever was there, unless
// too many wait for an answer already. Counting and writing is one transaction:
// rooms are worked on side by side.
func (n *Network) putAsked(ctx context.Context, r room) (ok bool, err error) {
	err = n.inbox.inTx(ctx, "store invitation", func(ctx context.Context, tx *sql.Tx) error {
		var byFriend, forAccount int
		if err := tx.QueryRowContext(ctx, `SELECT
			(SELECT count(*) FROM matrix_rooms WHERE friend = ?1 AND state = 'asked' AND room <> ?3),
			(SELECT count(*) FROM matrix_rooms WHERE account = ?2 AND state = 'asked' AND room <> ?3)`,
			r.friend, r.account, r.id).Scan(&byFriend, &forAccount); err != nil {
			return err
		}
		if ok = byFriend < maxAskedPerFriend && forAccount < maxAskedPerAccount; !ok {
			return nil
		}
		now := n.now().UnixMilli()
		_, err := tx.ExecContext(ctx, `INSERT INTO matrix_rooms (`+roomColumns+`, created, active)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (room) DO UPDATE SET account = excluded.account, friend = excluded.friend, state = excluded.state,
				ours = excluded.ours, direct = excluded.direct, encrypted = excluded.encrypted, name = excluded.name,
				invite_event = excluded.invite_event, invite_time = excluded.invite_time, active = excluded.active`,
			r.id, r.account, r.friend, stateAsked, r.ours, r.direct, r.encrypted, r.name, r.inviteEvent, r.inviteTime,
			r.toldFriend, r.toldBox, now, now)
		return err
	})
	return ok && err == nil, err
}

// addRoom writes a row if there is none: a room that we made may be known already
// from its pushed events, which then know better. All they may not know yet is
// that the friend is invited.
func (n *Network) addRoom(ctx context.Context, r room) error {
	now := n.now().UnixMilli()
	return n.exec(ctx, "store room", `INSERT INTO matrix_rooms (`+roomColumns+`, created, active)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (room) DO UPDATE SET state = excluded.state WHERE state = 'empty' AND excluded.state = 'invited'`,
		r.id, r.account, r.friend, r.state, r.ours, r.direct, r.encrypted, r.name, r.inviteEvent, r.inviteTime,
		r.toldFriend, r.toldBox, now, now)
}

// setState moves a room on.
func (n *Network) setState(ctx context.Context, rid mid.RoomID, s state) error {
	return n.exec(ctx, "store room state", `UPDATE matrix_rooms SET state = ?, active = ? WHERE room = ?`,
		s, n.now().UnixMilli(), rid)
}

// touch notes that something was said in a room.
func (n *Network) touch(ctx context.Context, rid mid.RoomID) error {
	return n.exec(ctx, "store room activity", `UPDATE matrix_rooms SET active = ? WHERE room = ?`, n.now().UnixMilli(), rid)
}

// setName keeps the friend's display name.
func (n *Network) setName(ctx context.Context, rid mid.RoomID, name string) error {
	return n.exec(ctx, "store name", `UPDATE matrix_rooms SET name = ? WHERE room = ?`, name, rid)
}

// mark sets one of the flags encrypted, told_friend and told_box, which are
// never taken back.
func (n *Network) mark(ctx context.Context, rid mid.RoomID, flag string) error {
	return n.exec(ctx, "store "+flag, `UPDATE matrix_rooms SET `+flag+` = 1 WHERE room = ?`, rid)
}

// refused counts the rooms of a friend that were turned down since a time for
// being encrypted.
func (n *Network) refused(ctx context.Context, friend mid.UserID, since time.Time) (count int, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = n.db.QueryRowContext(ctx, `SELECT count(*) FROM matrix_rooms WHERE friend = ? AND state = ? AND encrypted = 1
		AND active > ?`, friend, stateLeft, since.UnixMilli()).Scan(&count)
	if err != nil {
		return 0, fmt.Errorf("matrix: count refusals: %w", err)
	}
	return count, nil
}
