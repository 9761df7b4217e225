package discord

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"time"

	"wtvgate/bridge/id"
)

// hold.go: lines of which the friend has to say for whom they are (discord.md 3.2,
// rule 5).

const (
	// holdTime is how long the question waits.
	holdTime = 15 * time.Minute
	// perRow and maxChoices are Discord's limits for buttons.
	perRow     = 5
	maxChoices = 25
	// helpEvery is how often somebody without a pair is told how to get one.
	helpEvery = time.Hour
)

const helpWords = "I connect WebTV boxes with Discord. Say `/webtv add` and the name of a box to ask whether you may chat with it."

// held is a row of discord_held.
type held struct {
	id, channel, user string
	raw               []byte
	question          string
}

func scanHeld(r *sql.Rows) (h held, err error) {
	return h, r.Scan(&h.id, &h.channel, &h.user, &h.raw, &h.question)
}

func (n *Network) heldWhere(ctx context.Context, where string, args ...any) ([]held, error) {
	return rowsOf(ctx, n, "read what is held", `SELECT id, channel, user, raw, question FROM discord_held WHERE `+where, args, scanHeld)
}

// hold keeps a line and asks for whom it is. Lines that follow join the question.
func (n *Network) hold(ctx context.Context, h *head, raw []byte, pairs []pair) error {
	err := n.exec(ctx, "hold a line", `INSERT INTO discord_held (id, channel, user, raw, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		h.ID, h.ChannelID, h.Author.ID, raw, n.now().UnixMilli())
	if err != nil {
		return err
	}
	open, err := n.heldWhere(ctx, `channel = ? AND question <> '' AND at > ? ORDER BY at LIMIT 1`, h.ChannelID, n.now().Add(-holdTime).UnixMilli())
	if err != nil {
		return err
	}
	question := ""
	if len(open) > 0 {
		question = open[0].question
	} else if question, err = n.post(ctx, h.ChannelID, h.ID, "who/"+h.ID, "Who is this for?", n.choices(h.ID, pairs)); err != nil {
		if temporary(err) {
			return err
		}
		n.log.Warn("a friend cannot be asked for whom a line is", "err", err)
		question = "none"
	}
	if err := n.exec(ctx, "note a question", `UPDATE discord_held SET question = ? WHERE id = ?`, question, h.ID); err != nil {
		return err
	}
	return n.setMark(ctx, h.ChannelID, h.ID)
}

// choices are the buttons, one for each box, latest active first.
func (n *Network) choices(msg string, pairs []pair) []any {
	var rows, buttons []any
	for i, p := range pairs[:min(len(pairs), maxChoices)] {
		buttons = append(buttons, button(2, label(n.nameOf(p.account), p.account), pressTo+msg+":"+p.account.Local()))
		if len(buttons) == perRow || i == min(len(pairs), maxChoices)-1 {
			rows = append(rows, row(buttons...))
			buttons = nil
		}
	}
	return rows
}

// maxLabel is the longest text on a button (Discord's documentation).
const maxLabel = 80

// label is a box on a button: two may have one name.
func label(name string, a id.Account) string {
	s := name
	if !strings.EqualFold(fold(name), fold(a.Local())) {
		s += " (" + a.Local() + ")"
	}
	if r := []rune(s); len(r) > maxLabel {
		s = string(r[:maxLabel])
	}
	return s
}

// chosen delivers what was held to the box whose button was pressed. It gives the
// words that take the question's place.
func (n *Network) chosen(ctx context.Context, uid, msg, local string) (string, error) {
	asked, err := n.heldWhere(ctx, `id = ?`, msg)
	if err != nil {
		return "", err
	}
	if len(asked) == 0 || asked[0].user != uid {
		return "This question is no longer open.", nil
	}
	a, _ := n.account(local)
	p, ok, err := n.pairOf(ctx, a, uid)
	if err != nil {
		return "", err
	}
	if !ok || p.state != stateLinked {
		return "That box is no longer in this chat.", nil
	}
	all, err := n.heldWhere(ctx, `question = ? AND user = ? ORDER BY CAST(id AS INTEGER)`, asked[0].question, uid)
	if err != nil {
		return "", err
	}
	for _, x := range all {
		var h head
		if loose(x.raw, &h) {
			if err := n.deliver(ctx, &h, x.raw, h.Content, p); err != nil {
				return "", err
			}
		}
		if err := n.exec(ctx, "drop what is held", `DELETE FROM discord_held WHERE id = ?`, x.id); err != nil {
			return "", err
		}
	}
	return "Sent to " + escape(n.nameOf(a)) + ".", n.only(ctx, p)
}

// only makes a box the one that took part last, and the others not lately: what
// the friend writes next is for it (rule 4).
func (n *Network) only(ctx context.Context, p pair) error {
	now := n.now()
	if err := n.exec(ctx, "choose a box", `UPDATE discord_pairs SET active = min(active, ?) WHERE user = ? AND account <> ?`,
		now.Add(-takesPart).UnixMilli(), p.user, p.account); err != nil {
		return err
	}
	return n.touch(ctx, p, false, now)
}

// expire tells friends of lines for which they chose nobody.
func (n *Network) expire(ctx context.Context) error {
	all, err := n.heldWhere(ctx, `question <> '' AND at <= ? LIMIT 20`, n.now().Add(-holdTime).UnixMilli())
	if err != nil {
		return err
	}
	told := make(map[string]bool)
	for _, x := range all {
		if !told[x.question] {
			told[x.question] = true
			err := n.rest.do(ctx, request{method: http.MethodPatch, route: "/channels/{}/messages/{}", args: []string{x.channel, x.question},
				body: map[string]any{"content": "Nobody was chosen, so it was not sent.", "components": []any{}, "allowed_mentions": noMentions()}}, nil)
			if err != nil && temporary(err) {
				return err
			}
		}
		if err := n.putLine(ctx, line{id: x.id, channel: x.channel, user: x.user}); err != nil {
			return err
		}
		if err := n.exec(ctx, "drop what is held", `DELETE FROM discord_held WHERE id = ?`, x.id); err != nil {
			return err
		}
	}
	return nil
}

// help tells somebody without a pair what this is, once in a while.
func (n *Network) help(ctx context.Context, h *head) error {
	c, err := n.execCount(ctx, "note a help", `UPDATE discord_users SET helped = ? WHERE user = ? AND helped < ? AND hidden = 0`,
		n.now().UnixMilli(), h.Author.ID, n.now().Add(-helpEvery).UnixMilli())
	if err != nil || c == 0 {
		return err
	}
	return n.notify(ctx, h.ChannelID, "", "help/"+h.ID, helpWords)
}

// escape makes a name inert in Discord's markdown.
func escape(s string) string {
	return inert.Replace(oneLine(s))
}

var inert = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `_`, `\_`, `~`, `\~`, `|`, `\|`, "`", "\\`", `<`, `\<`, `[`, `\[`, `@`, "@\u200b")
