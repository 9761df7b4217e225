package discord

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"time"

	"wtvgate/bridge/id"
)

// channels.go: the channels that are read, how far, and for whom.

// Kinds of channels.
const (
	kindDM     = "dm"
	kindText   = "text"
	kindThread = "thread"
)

// channel is a row of discord_channels.
type channel struct {
	id, kind, guild, parent string
	name                    string // the local part of its address
	mark                    string // newest message seen
	bridged, bots           bool
}

// reading is the set of guild channels that are read: events of all others are
// dropped before they are decoded.
type reading struct {
	mu sync.Mutex
	m  map[string]bool
}

func newReading() *reading { return &reading{m: make(map[string]bool)} }

func (r *reading) has(channel string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.m[channel]
}

func (r *reading) set(channel string, on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if on {
		r.m[channel] = true
	} else {
		delete(r.m, channel)
	}
}

const channelColumns = `channel, kind, guild, parent, name, mark, bridged, bots`

func scanChannel(r *sql.Rows) (c channel, err error) {
	return c, r.Scan(&c.id, &c.kind, &c.guild, &c.parent, &c.name, &c.mark, &c.bridged, &c.bots)
}

func (n *Network) channelsWhere(ctx context.Context, where string, args ...any) ([]channel, error) {
	return rowsOf(ctx, n, "read channels", `SELECT `+channelColumns+` FROM discord_channels WHERE `+where, args, scanChannel)
}

// channel reads a channel; false for one that we do not read.
func (n *Network) channel(ctx context.Context, cid string) (channel, bool, error) {
	all, err := n.channelsWhere(ctx, `channel = ?`, cid)
	if err != nil || len(all) == 0 {
		return channel{}, false, err
	}
	return all[0], true, nil
}

// addChannel notes a channel that is read from now on.
func (n *Network) addChannel(ctx context.Context, cid, kind, guildID, parent string) error {
	return n.exec(ctx, "note a channel", `INSERT INTO discord_channels (channel, kind, guild, parent, active) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (channel) DO NOTHING`, cid, kind, guildID, parent, n.now().UnixMilli())
}

const sqlMark = `UPDATE discord_channels SET mark = ?, active = ?
	WHERE channel = ? AND (mark = '' OR CAST(mark AS INTEGER) < CAST(? AS INTEGER))`

// setMark notes how far a channel was read. It never goes back.
func (n *Network) setMark(ctx context.Context, cid, msg string) error {
	return n.exec(ctx, "mark a channel", sqlMark, msg, n.now().UnixMilli(), cid, msg)
}

// channelOf reads the Remote of a channel.
func channelOf(r id.Remote) (name string, ok bool) { return strings.CutPrefix(string(r), channelMark) }

// member is an account that has a channel as a contact.
type member struct {
	account id.Account
	name    string // as it stands in the account's address of it
	channel string
}

func scanMember(r *sql.Rows) (m member, err error) { return m, r.Scan(&m.account, &m.name, &m.channel) }

func (n *Network) membersWhere(ctx context.Context, where string, args ...any) ([]member, error) {
	return rowsOf(ctx, n, "read a channel's boxes", `SELECT account, name, channel FROM discord_members WHERE `+where, args, scanMember)
}

func (n *Network) memberNamed(ctx context.Context, a id.Account, name string) (member, bool, error) {
	all, err := n.membersWhere(ctx, `account = ? AND name = ?`, a, name)
	if err != nil || len(all) == 0 {
		return member{}, false, err
	}
	return all[0], true, nil
}

// mayRead tells whether an account may have a channel: a moderator opened it, and
// everyone may view it or the account was let in by name (discord.md 3.4).
func (n *Network) mayRead(ctx context.Context, a id.Account, cid string) bool {
	c, ok, err := n.channel(ctx, cid)
	if err != nil || !ok || !c.bridged || !n.served(c.guild) || !n.readsContent() {
		return false
	}
	if n.guilds.everyoneViews(cid) {
		return true
	}
	var one int
	ok, err = n.row(ctx, "read who is let in", `SELECT 1 FROM discord_allowed WHERE channel = ? AND account = ?`, []any{cid, a}, &one)
	return err == nil && ok
}

// readsContent tells whether texts of guild channels reach us.
func (n *Network) readsContent() bool { return n.intents.Load()&intentContent != 0 }

// toCatchUp lists the channels whose history is read after READY: those of guilds
// that boxes have, and the direct messages of the last days, latest first
// (discord.md 4.3).
func (n *Network) toCatchUp(ctx context.Context) ([]string, error) {
	return n.texts(ctx, "list channels", `SELECT channel FROM discord_channels WHERE mark <> '' AND
		(kind = 'dm' AND active > ? OR kind = 'text' AND bridged = 1 OR kind = 'thread') ORDER BY kind <> 'dm', active DESC`,
		n.now().Add(-activeDM).UnixMilli())
}

// activeDM is how long ago direct messages may have been used to be looked at
// after a gap (discord.md 4.3).
const activeDM = 30 * 24 * time.Hour
