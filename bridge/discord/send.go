package discord

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// send.go: what a box writes (discord.md 4.1).

const (
	// nonceMemory is how long Discord surely knows a nonce ("some minutes",
	// discord.md 4.1). After it a message whose fate is unknown is looked for.
	nonceMemory = 2 * time.Minute
	// searchBack is how many messages are looked through for it.
	searchBack = 50
	// shortName is how long a name before a line stays left out: the friend knows
	// who writes (discord.md 3.2).
	shortName = 10 * time.Minute
	// holdAgain is how soon a message that waits for a yes looks again by itself.
	holdAgain = 5 * time.Minute
)

// mentions says who is notified: always nobody. The list must not be nil, which
// would be a null that strict servers refuse (discord.md 4.1).
type mentions struct {
	Parse []string `json:"parse"`
	Users []string `json:"users,omitempty"`
}

func noMentions() mentions { return mentions{Parse: []string{}} }

// reference makes a message a reply.
type reference struct {
	MessageID    string `json:"message_id"`
	FailIfAbsent bool   `json:"fail_if_not_exists"`
}

// outgoing is a message of the bot's.
type outgoing struct {
	Content    string     `json:"content"`
	Nonce      string     `json:"nonce,omitempty"`
	Enforce    bool       `json:"enforce_nonce,omitempty"`
	Mentions   mentions   `json:"allowed_mentions"`
	Reference  *reference `json:"message_reference,omitempty"`
	Components []any      `json:"components,omitempty"`
}

// Send implements bridge.Network.
func (n *Network) Send(ctx context.Context, m bridge.Outbound) (bridge.Receipt, error) {
	if n.live.Load() == nil || n.me.Load() == nil {
		return bridge.Receipt{}, errNotRunning
	}
	if roomOf(m.To) != 0 {
		return n.sendGroup(ctx, m)
	}
	if name, ok := channelOf(m.To); ok {
		return n.sendPublic(ctx, m, name)
	}
	p, u, err := n.recipient(ctx, m)
	if err != nil {
		return bridge.Receipt{}, err
	}
	if u.closed != 0 { // only the friend can change that (discord.md 5)
		return bridge.Receipt{}, bridge.Permanent(sentence(u.closed), nil)
	}
	if p.room != "" {
		return n.sendHook(ctx, m, p.room, &p)
	}
	if u.dm == "" {
		if u.dm, err = n.open(ctx, u.id, true); err != nil {
			return bridge.Receipt{}, n.unreachable(ctx, u, err)
		}
	}
	if done, err := n.correct(ctx, m, u.dm); done || err != nil {
		return bridge.Receipt{}, err
	}
	all, err := n.prepareDM(ctx, m, p, u)
	if err != nil {
		return bridge.Receipt{}, err
	}
	// Before it is there to be answered: an answer must not be taken for another
	// box's because this one had not written yet.
	if err := n.touch(ctx, p, false, n.now()); err != nil {
		return bridge.Receipt{}, err
	}
	r, err := n.sendPieces(ctx, all, m.Retry, func(ctx context.Context, x piece) (string, error) {
		return n.sendPiece(ctx, x, m.Retry)
	})
	if err != nil {
		return r, n.unreachable(ctx, u, err)
	}
	return r, n.touch(ctx, p, true, n.now())
}

// recipient finds the pair that a message belongs to. One that does not exist yet
// is asked for; one that waits holds the message.
func (n *Network) recipient(ctx context.Context, m bridge.Outbound) (pair, user, error) {
	p, err := n.wish(ctx, m)
	if err != nil {
		return p, user{}, err
	}
	switch p.state {
	case stateLinked:
	case stateAsked:
		if fresh, err := n.setWaits(ctx, p); err != nil {
			return p, user{}, err
		} else if fresh {
			if err := n.tellBox(ctx, p, "wait/"+string(m.ID), "They have not said yes yet. What you write is kept, and given to them when they do."); err != nil {
				return p, user{}, err
			}
		}
		return p, user{}, &bridge.SendError{Certain: true, Hold: true, After: holdAgain, Text: textNotYet}
	default:
		return p, user{}, bridge.Permanent(textNotFound, nil)
	}
	u, ok, err := n.user(ctx, p.user)
	if err != nil {
		return p, u, err
	}
	if !ok || u.hidden {
		return p, u, bridge.Permanent(textNotFound, nil)
	}
	return p, u, nil
}

// tellBox puts a line of ours into the account's conversation with the friend.
func (n *Network) tellBox(ctx context.Context, p pair, key, words string) error {
	return n.receive(ctx, bridge.NoticeEvent{Event: id.Event(key + "/" + string(p.account)), Account: p.account, From: id.Remote(p.name), Text: words, Time: n.now()})
}

// prepareDM makes the pieces of a message for the shared DM, once: every try
// sends the same.
func (n *Network) prepareDM(ctx context.Context, m bridge.Outbound, p pair, u user) ([]piece, error) {
	all, err := n.piecesOf(ctx, m.ID)
	if err != nil || len(all) > 0 {
		return all, err
	}
	named, err := n.needsName(ctx, p)
	if err != nil {
		return nil, err
	}
	c := text.WithMentions(m.Text, []text.Person{{ID: u.id, Names: []string{u.name, u.username}}})
	if named {
		c = withName(c, m.From.Name)
	}
	return n.storePieces(ctx, m, u.dm, "", text.ToDiscord(c))
}

// withName puts the box's name before its line, bold.
func withName(c text.Content, name string) text.Content {
	runs := c.Runs
	if runs == nil {
		runs = []text.Run{{Text: c.Body}}
	}
	c.Runs = append([]text.Run{{Text: oneLine(name), Style: text.Bold}, {Text: ": "}}, runs...)
	c.Body = name + ": " + c.Body
	return c
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// needsName tells whether the friend could take the line for another box's: they
// have several, or this one has not written for a while (discord.md 3.2).
func (n *Network) needsName(ctx context.Context, p pair) (bool, error) {
	all, err := n.linked(ctx, p.user)
	return len(all) != 1 || n.now().Sub(p.spoke) >= shortName, err
}

// storePieces notes what is going to be sent.
func (n *Network) storePieces(ctx context.Context, m bridge.Outbound, cid, hook string, texts []string) ([]piece, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	all := make([]piece, len(texts))
	for i, t := range texts {
		all[i] = piece{nonce: nonceOf(m.ID, i), msg: string(m.ID), n: i, account: m.From.Address, channel: cid, content: t, body: m.Text.Body,
			hook: hook, tried: n.now()}
	}
	return all, n.putPieces(ctx, all)
}

// sendPieces sends what is not there yet, in order.
func (n *Network) sendPieces(ctx context.Context, all []piece, retry bool, send func(context.Context, piece) (string, error)) (bridge.Receipt, error) {
	last := ""
	for _, x := range all {
		if x.sent == "" {
			msg, err := send(ctx, x)
			if err != nil {
				return bridge.Receipt{}, err
			}
			if _, _, err := n.settle(ctx, x.nonce, msg); err != nil {
				return bridge.Receipt{}, err
			}
			x.sent = msg
		}
		last = x.sent
	}
	return bridge.Receipt{Event: id.Event(last)}, nil
}

// sendPiece sends one piece as the bot. The nonce makes a repeat harmless; when it
// may be forgotten, the piece is looked for first.
func (n *Network) sendPiece(ctx context.Context, x piece, retry bool) (string, error) {
	if retry && n.now().Sub(x.tried) > nonceMemory {
		me := n.me.Load()
		msg, err := n.find(ctx, x, func(h *head) bool {
			return h.Author.ID == me.user && (h.nonce() == x.nonce || h.Content == x.content)
		})
		if err != nil || msg != "" {
			return msg, err
		}
	}
	b := outgoing{Content: x.content, Nonce: x.nonce, Enforce: true, Mentions: noMentions()}
	var sent head
	err := n.rest.do(ctx, request{method: http.MethodPost, route: "/channels/{}/messages", args: []string{x.channel}, body: b}, &sent)
	return sent.ID, err
}

// find looks in a channel's history for a piece whose answer was lost.
func (n *Network) find(ctx context.Context, x piece, is func(*head) bool) (string, error) {
	var page []head
	err := n.rest.do(ctx, request{method: http.MethodGet, route: "/channels/{}/messages", args: []string{x.channel},
		query: map[string][]string{"limit": {strconv.Itoa(searchBack)}}}, &page)
	if err != nil {
		return "", err
	}
	earliest := flakeAt(n.theirs(x.tried).Add(-clockSkew))
	for i := len(page) - 1; i >= 0; i-- { // the oldest that fits
		h := &page[i]
		if later(earliest, h.ID) || !is(h) {
			continue
		}
		var one int
		if taken, err := n.row(ctx, "read what was sent", `SELECT 1 FROM discord_out WHERE sent = ?`, []any{h.ID}, &one); err != nil {
			return "", err
		} else if !taken {
			return h.ID, nil
		}
	}
	return "", nil
}

// unreachable reads a failure to write to a person: some of them last until the
// person does something (discord.md 5).
func (n *Network) unreachable(ctx context.Context, u user, err error) error {
	switch c := code(err); c {
	case codeCannotDM, codeNoMutualGuild:
		if err := n.setClosed(ctx, u.id, c); err != nil {
			return err
		}
	case codeUnknownChannel:
		if err := n.exec(ctx, "forget a DM", `UPDATE discord_users SET dm = '' WHERE user = ?`, u.id); err != nil {
			return err
		}
		return &bridge.SendError{Certain: true, Text: textUnreachable, Err: err}
	case codeOpeningTooFast, codeQuarantined:
		n.openerRests(ctx, c)
	}
	return judge(err)
}
