package discord

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strings"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// corrections.go: s/old/new from a box, which has no other way to change what it
// wrote: its last line there is edited (discord.md 4.1).

// correction reads s/old/new, with or without a slash at the end. Anything else is
// a line like others: what is not certain stays text (lessons L21).
func correction(s string) (before, after string, ok bool) {
	s, ok = strings.CutPrefix(s, "s/")
	if !ok || strings.Contains(s, "\n") {
		return "", "", false
	}
	before, after, ok = strings.Cut(s, "/")
	after = strings.TrimSuffix(after, "/")
	return before, after, ok && before != "" && !strings.Contains(after, "/")
}

// edit is a row of discord_edits.
type edit struct {
	msg           string
	n             int
	nonce         string
	content, body string
}

func scanEdit(r *sql.Rows) (e edit, err error) {
	return e, r.Scan(&e.msg, &e.n, &e.nonce, &e.content, &e.body)
}

// editsOf are the pieces of a correction, in order.
func (n *Network) editsOf(ctx context.Context, m id.Message) ([]edit, error) {
	return rowsOf(ctx, n, "read a correction", `SELECT msg, piece, nonce, content, body FROM discord_edits WHERE msg = ? ORDER BY piece`, []any{m}, scanEdit)
}

// correct makes a correction of the account's last line in a channel. False: the
// message is none, and is sent as it is.
func (n *Network) correct(ctx context.Context, m bridge.Outbound, cid string) (bool, error) {
	before, after, ok := correction(m.Text.Body)
	if !ok {
		return false, nil
	}
	all, err := n.editsOf(ctx, m.ID)
	if err == nil && len(all) == 0 {
		all, err = n.planCorrection(ctx, m, cid, before, after)
	}
	if err != nil || len(all) == 0 {
		return false, err
	}
	for _, e := range all {
		if err := n.patch(ctx, e); err != nil {
			return true, err
		}
	}
	return true, nil
}

// planCorrection stores what a correction comes to; nothing if the last line does
// not have the words, or would need another number of messages.
func (n *Network) planCorrection(ctx context.Context, m bridge.Outbound, cid, before, after string) ([]edit, error) {
	if sent, err := n.piecesOf(ctx, m.ID); err != nil || len(sent) > 0 { // an earlier try found nothing to correct
		return nil, err
	}
	last, err := n.piecesWhere(ctx, `msg = (SELECT msg FROM discord_out WHERE account = ? AND channel = ? AND sent <> ''
		ORDER BY CAST(sent AS INTEGER) DESC LIMIT 1) ORDER BY piece`, m.From.Address, cid)
	if err != nil || len(last) == 0 || last[0].channel != cid {
		return nil, err
	}
	body := strings.Replace(last[0].body, before, after, 1)
	was, now := n.asWritten(m, last[0].body), n.asWritten(m, body)
	if body == last[0].body || len(now) != len(last) || len(was) != len(last) {
		return nil, nil
	}
	head, ok := strings.CutSuffix(last[0].content, was[0]) // the name before it, if it has one
	if !ok || len([]rune(head+now[0])) > text.DiscordLimit {
		return nil, nil
	}
	now[0] = head + now[0]
	all := make([]edit, len(last))
	for i, x := range last {
		all[i] = edit{msg: string(m.ID), n: i, nonce: x.nonce, content: now[i], body: body}
	}
	return all, n.putEdits(ctx, all)
}

// asWritten is a line as Discord has it, in the style of the box's present one.
func (n *Network) asWritten(m bridge.Outbound, body string) []string {
	c := text.Content{Body: body}
	if len(m.Text.Runs) == 1 {
		c.Runs = []text.Run{{Text: body, Style: m.Text.Runs[0].Style}}
	}
	return text.ToDiscord(c)
}

func (n *Network) putEdits(ctx context.Context, all []edit) error {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	tx, err := n.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("discord: store a correction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for _, e := range all {
		if _, err := tx.ExecContext(ctx, `INSERT INTO discord_edits (msg, piece, nonce, content, body, at) VALUES (?, ?, ?, ?, ?, ?)`,
			e.msg, e.n, e.nonce, e.content, e.body, n.now().UnixMilli()); err != nil {
			return fmt.Errorf("discord: store a correction: %w", err)
		}
	}
	return tx.Commit()
}

// patch edits one message of ours; one that is gone is let be (discord.md 5).
func (n *Network) patch(ctx context.Context, e edit) error {
	all, err := n.piecesWhere(ctx, `nonce = ?`, e.nonce)
	if err != nil || len(all) == 0 || all[0].sent == "" {
		return err
	}
	x := all[0]
	body := struct {
		Content  string   `json:"content"`
		Mentions mentions `json:"allowed_mentions"`
	}{e.content, noMentions()}
	q := request{method: http.MethodPatch, route: "/channels/{}/messages/{}", args: []string{x.channel, x.sent}, body: body}
	if x.hook != "" {
		if q, err = n.byItsHook(ctx, q, x); err != nil {
			return err
		}
	}
	switch err := n.rest.do(ctx, q, nil); code(err) {
	case codeUnknownMessage, codeUnknownWebhook, codeWebhookToken: // nobody can edit it any more
		return nil
	default:
		if err != nil {
			return judge(err)
		}
	}
	if err := n.exec(ctx, "note a correction", `UPDATE discord_out SET content = ?, body = ? WHERE nonce = ?`, e.content, e.body, e.nonce); err != nil {
		return err
	}
	return n.exec(ctx, "note a correction", `UPDATE discord_lines SET body = ? WHERE id = ? AND account = ?`, e.body, x.sent, x.account)
}

// byItsHook makes the request for a message that a webhook wrote: only it may edit
// that. One that went out as the bot all the same has the other form.
func (n *Network) byItsHook(ctx context.Context, q request, x piece) (request, error) {
	parent, thread, err := n.hookPlace(ctx, x.channel)
	if err != nil {
		return q, err
	}
	h, err := n.hookOf(ctx, parent)
	if err != nil {
		return q, judge(err)
	}
	q.route, q.args = "/webhooks/{}/{}/messages/{}", []string{h.id, h.token, x.sent}
	if thread != "" {
		q.query = map[string][]string{"thread_id": {thread}}
	}
	return q, nil
}
