package discord

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wtvgate/bridge/id"
)

// pairs.go: an account and a person, from the first wish to the end.
//
//	none --box adds--> asked --yes--> linked --leave--> ended
//	none --friend adds--> offered --box adds or allows--> linked
//	asked --not now--> refused      asked, offered, linked --block--> blocked

// state of a pair.
type state string

const (
	stateNone    state = ""
	stateAsked   state = "asked"   // the box wants, the friend has not answered
	stateOffered state = "offered" // the friend wants, the box has not answered
	stateLinked  state = "linked"
	stateRefused state = "refused" // "not now": may be asked again after askAgain
	stateEnded   state = "ended"   // the friend left, or the box declined
	stateBlocked state = "blocked" // the friend wants no more of this account
)

// askAgain is how long after an ask the same pair may be asked again
// (discord.md 3.3).
const askAgain = 30 * 24 * time.Hour

// pair is a row of discord_pairs.
type pair struct {
	account id.Account
	user    string
	name    string // the user name in the account's address of the friend
	state   state
	asked   time.Time // zero: still to be
	since   time.Time
	active  time.Time // when either last spoke; zero: never
	spoke   time.Time // when the box last did
	told    bool      // the friend knows that the TV is off
	waits   bool      // the box knows that the friend has not answered
	room    string
}

const pairColumns = `account, user, name, state, asked, since, active, spoke, told, waits, room`

func scanPair(r *sql.Rows) (p pair, err error) {
	var asked, since, active, spoke int64
	err = r.Scan(&p.account, &p.user, &p.name, &p.state, &asked, &since, &active, &spoke, &p.told, &p.waits, &p.room)
	p.asked, p.since, p.active, p.spoke = moment(asked), moment(since), moment(active), moment(spoke)
	return p, err
}

// moment reads a time of a row; 0 is never.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func (n *Network) pairs(ctx context.Context, where string, args ...any) ([]pair, error) {
	return rowsOf(ctx, n, "read pairs", `SELECT `+pairColumns+` FROM discord_pairs WHERE `+where, args, scanPair)
}

func (n *Network) onePair(ctx context.Context, where string, args ...any) (pair, bool, error) {
	all, err := n.pairs(ctx, where+` LIMIT 1`, args...)
	if err != nil || len(all) == 0 {
		return pair{}, false, err
	}
	return all[0], true, nil
}

// pairOf finds an account's pair with a person.
func (n *Network) pairOf(ctx context.Context, a id.Account, uid string) (pair, bool, error) {
	return n.onePair(ctx, `account = ? AND user = ?`, a, uid)
}

// pairNamed finds whom an account means by a name.
func (n *Network) pairNamed(ctx context.Context, a id.Account, name string) (pair, bool, error) {
	return n.onePair(ctx, `account = ? AND name = ?`, a, name)
}

// linked lists a person's pairs that have said yes, the latest active first.
func (n *Network) linked(ctx context.Context, uid string) ([]pair, error) {
	return n.pairs(ctx, `user = ? AND state = ? ORDER BY active DESC, account`, uid, stateLinked)
}

// errChanged is a pair that somebody else has brought into another state
// meanwhile: the friend pressed a button while the box's wish was under way.
var errChanged = errors.New("discord: the pair has changed meanwhile")

// setState brings a pair from the state in which it was read into another one;
// a new pair is stored. errChanged if it is in another state by now.
func (n *Network) setState(ctx context.Context, p pair, s state) (pair, error) {
	before := p.state
	p.state, p.since, p.waits = s, n.now(), false
	c, err := n.execCount(ctx, "store a pair", `INSERT INTO discord_pairs (`+pairColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, user) DO UPDATE SET state = excluded.state, asked = excluded.asked, since = excluded.since,
		waits = excluded.waits, room = excluded.room WHERE discord_pairs.state = ?`,
		p.account, p.user, p.name, p.state, millis(p.asked), millis(p.since), millis(p.active), millis(p.spoke), p.told, p.waits, p.room, before)
	if err == nil && c == 0 {
		err = errChanged
	}
	if err == nil {
		n.presence.watch(p.user)
	}
	return p, err
}

// setAsked notes that the friend was asked, or cannot be.
func (n *Network) setAsked(ctx context.Context, p pair) error {
	return n.exec(ctx, "note an ask", `UPDATE discord_pairs SET asked = ? WHERE account = ? AND user = ?`, n.now().UnixMilli(), p.account, p.user)
}

// setRoom notes the thread that a pair uses.
func (n *Network) setRoom(ctx context.Context, p pair, room string) error {
	return n.exec(ctx, "note a room", `UPDATE discord_pairs SET room = ? WHERE account = ? AND user = ? AND state = ?`, room, p.account, p.user, stateLinked)
}

const sqlTouch = `UPDATE discord_pairs SET active = max(active, ?), spoke = max(spoke, ?) WHERE account = ? AND user = ?`

// touch notes that somebody of the pair has spoken.
func (n *Network) touch(ctx context.Context, p pair, byBox bool, at time.Time) error {
	spoke := int64(0)
	if byBox {
		spoke = at.UnixMilli()
	}
	return n.exec(ctx, "note activity", sqlTouch, at.UnixMilli(), spoke, p.account, p.user)
}

// setTold notes whether the friend knows that the TV is off; it tells whether
// that is new.
func (n *Network) setTold(ctx context.Context, p pair, told bool) (bool, error) {
	c, err := n.execCount(ctx, "note a note", `UPDATE discord_pairs SET told = ? WHERE account = ? AND user = ? AND told <> ?`, told, p.account, p.user, told)
	return c > 0, err
}

// setWaits notes that the box was told that the friend has not answered; it tells
// whether that is new.
func (n *Network) setWaits(ctx context.Context, p pair) (bool, error) {
	c, err := n.execCount(ctx, "note a note", `UPDATE discord_pairs SET waits = 1 WHERE account = ? AND user = ? AND waits = 0`, p.account, p.user)
	return c > 0, err
}

// holder is the person whom a name means for ever, because a pair that still
// counts has it in an address (discord.md 3.5).
func (n *Network) holder(ctx context.Context, name string) (string, error) {
	p, ok, err := n.onePair(ctx, `name = ? AND state NOT IN (?, ?) ORDER BY since`, name, stateEnded, stateRefused)
	if err != nil || !ok {
		return "", err
	}
	return p.user, nil
}
