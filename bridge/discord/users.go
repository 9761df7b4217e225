package discord

import (
	"context"
	"database/sql"
	"time"
)

// users.go: the persons we have met.

// user is a row of discord_users.
type user struct {
	id       string
	username string
	name     string // display name, "" if none
	dm       string // channel, "" if none is known
	closed   int    // 0, or the code with which Discord last refused a message
	hidden   bool
	helped   time.Time
}

// display is what to call a person.
func (u *user) display() string {
	if u.name != "" {
		return u.name
	}
	return u.username
}

const userColumns = `user, username, name, dm, closed, hidden, helped`

func scanUser(r *sql.Rows) (u user, err error) {
	var helped int64
	err = r.Scan(&u.id, &u.username, &u.name, &u.dm, &u.closed, &u.hidden, &helped)
	u.helped = time.UnixMilli(helped)
	return u, err
}

// user reads a person; false for one we have not met.
func (n *Network) user(ctx context.Context, uid string) (user, bool, error) {
	return n.oneUser(ctx, `SELECT `+userColumns+` FROM discord_users WHERE user = ?`, uid)
}

func (n *Network) oneUser(ctx context.Context, query, arg string) (user, bool, error) {
	all, err := rowsOf(ctx, n, "read a person", query, []any{arg}, scanUser)
	if err != nil || len(all) == 0 {
		return user{}, false, err
	}
	return all[0], true, nil
}

// meet notes what a message or a search says of a person.
func (n *Network) meet(ctx context.Context, u author) error {
	if u.ID == "" {
		return nil
	}
	return n.exec(ctx, "note a person", `INSERT INTO discord_users (user, username, name) VALUES (?, ?, ?)
		ON CONFLICT (user) DO UPDATE SET username = excluded.username, name = excluded.name
		WHERE excluded.username <> '' AND (username <> excluded.username OR name <> excluded.name)`, u.ID, u.Username, u.GlobalName)
}

// knowDM notes a person's channel, for which they can be written to again: they
// wrote, or Discord opened it.
func (n *Network) knowDM(ctx context.Context, uid, channel string) error {
	if err := n.addChannel(ctx, channel, kindDM, "", ""); err != nil {
		return err
	}
	// From here on nothing may be missed, also when the connection is lost before
	// the first line. What is older is known already, or concerns nobody.
	err := n.exec(ctx, "mark a DM", `UPDATE discord_channels SET mark = ? WHERE channel = ? AND mark = ''`, flakeAt(n.theirs(n.now()).Add(-clockSkew)), channel)
	if err != nil {
		return err
	}
	return n.exec(ctx, "note a DM", `UPDATE discord_users SET dm = ? WHERE user = ? AND dm <> ?`, channel, uid, channel)
}

// setClosed notes whether a person can be written to.
func (n *Network) setClosed(ctx context.Context, uid string, code int) error {
	return n.exec(ctx, "note closed DMs", `UPDATE discord_users SET closed = ? WHERE user = ? AND closed <> ?`, code, uid, code)
}

func (n *Network) setHidden(ctx context.Context, uid string, hidden bool) error {
	return n.exec(ctx, "hide a person", `UPDATE discord_users SET hidden = ? WHERE user = ?`, hidden, uid)
}
