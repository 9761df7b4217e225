package discord

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"wtvgate/bridge/id"
)

// lines.go: what was said, by its id on Discord.

// Values of a line's clock.
const (
	clockNone = iota
	clockSet  // the reaction says that the line waits
	clockDone // the box has it
)

// line is a row of discord_lines.
type line struct {
	id      string
	account id.Account // "": it concerns nobody
	channel string
	user    string // who wrote it; "": the account
	body    string
	clock   int
}

const lineColumns = `id, account, channel, user, body, clock`

func scanLine(r *sql.Rows) (l line, err error) {
	return l, r.Scan(&l.id, &l.account, &l.channel, &l.user, &l.body, &l.clock)
}

// linesOf are a message's rows: one for each account that it concerns.
func (n *Network) linesOf(ctx context.Context, msg string) ([]line, error) {
	return rowsOf(ctx, n, "read a line", `SELECT `+lineColumns+` FROM discord_lines WHERE id = ?`, []any{msg}, scanLine)
}

const sqlLine = `INSERT INTO discord_lines (id, account, channel, user, body, clock, at) VALUES (?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id, account) DO UPDATE SET body = excluded.body WHERE excluded.body <> ''`

// putLine stores a line; one that is there keeps its body unless this one has
// another.
func (n *Network) putLine(ctx context.Context, l line) error {
	return n.exec(ctx, "store a line", sqlLine, l.id, l.account, l.channel, l.user, l.body, l.clock, n.now().UnixMilli())
}

// handled stores a message's last line together with what follows from it: how far
// its channel was read and, for a pair, that the friend has spoken.
func (n *Network) handled(ctx context.Context, l line, p *pair, at time.Time) error {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	now := n.now().UnixMilli()
	type step struct {
		query string
		args  []any
	}
	steps := []step{
		{sqlLine, []any{l.id, l.account, l.channel, l.user, l.body, l.clock, now}},
		{sqlMark, []any{l.id, now, l.channel, l.id}},
	}
	if p != nil {
		steps = append(steps, step{sqlTouch, []any{at.UnixMilli(), 0, p.account, p.user}})
	}
	all := make([]*sql.Stmt, len(steps))
	for i, s := range steps { // before the transaction has its connection: this may need another
		var err error
		if all[i], err = n.prepared(ctx, s.query); err != nil {
			return fmt.Errorf("discord: store a line: %w", err)
		}
	}
	tx, err := n.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("discord: store a line: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for i, s := range steps {
		if _, err := tx.StmtContext(ctx, all[i]).ExecContext(ctx, s.args...); err != nil {
			return fmt.Errorf("discord: store a line: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("discord: store a line: %w", err)
	}
	return nil
}

func (n *Network) setClock(ctx context.Context, l line, clock int) error {
	return n.exec(ctx, "note the clock", `UPDATE discord_lines SET clock = ? WHERE id = ? AND account = ?`, clock, l.id, l.account)
}

// unshown are the newest lines up to a message that a friend wrote and that the
// box did not have yet.
func (n *Network) unshown(ctx context.Context, a id.Account, channel, upTo string, limit int) ([]line, error) {
	return rowsOf(ctx, n, "read lines", `SELECT `+lineColumns+` FROM discord_lines WHERE channel = ? AND account = ? AND user <> '' AND clock <> ?
		AND CAST(id AS INTEGER) <= CAST(? AS INTEGER) ORDER BY CAST(id AS INTEGER) DESC LIMIT ?`, []any{channel, a, clockDone, upTo, limit}, scanLine)
}

// piece is a row of discord_out.
type piece struct {
	nonce, msg             string
	n                      int
	account                id.Account
	channel, content, body string
	hook                   string // name under which a webhook sends it; "": the bot does
	sent                   string
	tried                  time.Time
}

const pieceColumns = `nonce, msg, piece, account, channel, content, body, hook, sent, tried`

func scanPiece(r *sql.Rows) (p piece, err error) {
	var tried int64
	err = r.Scan(&p.nonce, &p.msg, &p.n, &p.account, &p.channel, &p.content, &p.body, &p.hook, &p.sent, &tried)
	p.tried = moment(tried)
	return p, err
}

// nonceOf is by what Discord knows a repeat: it follows from our message id
// alone, and fits the 25 characters (discord.md 4.1).
func nonceOf(m id.Message, n int) string {
	sum := sha256.Sum256([]byte(string(m) + "/" + strconv.Itoa(n)))
	return hex.EncodeToString(sum[:12])
}

func (n *Network) piecesWhere(ctx context.Context, where string, args ...any) ([]piece, error) {
	return rowsOf(ctx, n, "read what was sent", `SELECT `+pieceColumns+` FROM discord_out WHERE `+where, args, scanPiece)
}

// piecesOf are the pieces of one of our messages, in order.
func (n *Network) piecesOf(ctx context.Context, m id.Message) ([]piece, error) {
	return n.piecesWhere(ctx, `msg = ? ORDER BY piece`, m)
}

// putPieces notes what is going to be sent, so that every try sends the same.
func (n *Network) putPieces(ctx context.Context, all []piece) error {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	tx, err := n.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for _, p := range all {
		if _, err := tx.ExecContext(ctx, `INSERT INTO discord_out (`+pieceColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?)`,
			p.nonce, p.msg, p.n, p.account, p.channel, p.content, p.body, p.hook, n.now().UnixMilli()); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// settle notes that a piece is there. It gives the piece; false if it was known
// or is none of ours.
func (n *Network) settle(ctx context.Context, nonce, msg string) (piece, bool, error) {
	c, err := n.execCount(ctx, "note a message", `UPDATE discord_out SET sent = ? WHERE nonce = ? AND sent = ''`, msg, nonce)
	if err != nil {
		return piece{}, false, err
	}
	all, err := n.piecesWhere(ctx, `nonce = ?`, nonce)
	if err != nil || len(all) == 0 {
		return piece{}, false, err
	}
	p := all[0]
	return p, c > 0, n.putLine(ctx, line{id: p.sent, account: p.account, channel: p.channel, body: p.body})
}
