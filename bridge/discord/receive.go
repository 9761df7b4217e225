package discord

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// receive.go: what friends write, to the boxes it is for (discord.md 4.2). All of
// it may be called again for the same event.

// Flags of messages (discord.md 4.2, 10).
const (
	flagEphemeral = 64
	flagLoading   = 128
)

// place is where a message is.
type place struct {
	channel
	pair  *pair  // whose room it is, for a thread that stands for a DM
	group *group // whose, for one of several
}

// created handles a message. Only: the accounts that it is shown to, nil for all;
// history uses it.
func (n *Network) created(ctx context.Context, raw []byte, only func(id.Account) bool) error {
	var h head
	if !loose(raw, &h) || snowflake(h.ID) == 0 || h.ChannelID == "" {
		return nil
	}
	if n.ours(&h) {
		return n.echo(ctx, &h)
	}
	if h.Author.ID == "" || h.Flags&(flagEphemeral|flagLoading) != 0 {
		return nil
	}
	p, ok, err := n.place(ctx, &h)
	if err != nil || !ok {
		return err
	}
	if known, err := n.knows(ctx, p.kind, h.ID); err != nil || known {
		return err
	}
	switch {
	case p.kind == kindDM:
		return n.direct(ctx, &h, raw)
	case p.group != nil:
		return n.together(ctx, &h, raw, p.group)
	case p.pair == nil:
		return n.public(ctx, &h, raw, p.channel, only)
	case h.Author.ID == p.pair.user:
		return n.deliver(ctx, &h, raw, h.Content, *p.pair)
	}
	return nil // somebody else in the room
}

// ours tells whether we wrote it, by ids and never by names (discord.md 4.2).
func (n *Network) ours(h *head) bool {
	me := n.me.Load()
	return me != nil && (h.Author.ID == me.user || h.ApplicationID != "" && h.ApplicationID == me.application)
}

// knows tells whether a message was handled before: in a channel, whose lines are
// for several boxes, for all of them.
func (n *Network) knows(ctx context.Context, kind, msg string) (bool, error) {
	lines, err := n.linesOf(ctx, msg)
	if err != nil {
		return false, err
	}
	for _, l := range lines {
		if kind != kindText || l.account == "" {
			return true, nil
		}
	}
	var q string
	_, err = n.row(ctx, "read what is held", `SELECT question FROM discord_held WHERE id = ?`, []any{msg}, &q)
	return q != "", err
}

// place finds the channel. A message without a guild is a direct one, unless it
// comes from history, where the guild is not said.
func (n *Network) place(ctx context.Context, h *head) (place, bool, error) {
	c, ok, err := n.channel(ctx, h.ChannelID)
	if err != nil {
		return place{}, false, err
	}
	if !ok {
		if h.GuildID != "" {
			return place{}, false, nil
		}
		return place{channel: channel{id: h.ChannelID, kind: kindDM}}, true, n.addChannel(ctx, h.ChannelID, kindDM, "", "")
	}
	if c.kind != kindThread {
		return place{channel: c}, c.kind == kindDM || c.bridged, nil
	}
	p, found, err := n.onePair(ctx, `room = ?`, c.id)
	if err != nil || found {
		return place{channel: c, pair: &p}, found, err
	}
	g, found, err := n.oneGroup(ctx, `thread = ?`, c.id)
	return place{channel: c, group: &g}, found, err
}

// echo recognises our own messages: proof that they arrived, also when the
// answer was lost.
func (n *Network) echo(ctx context.Context, h *head) error {
	p, fresh, err := n.echoOf(ctx, h)
	if err != nil || p.nonce == "" {
		return err
	}
	if fresh {
		n.rest.landed(p.nonce)
	}
	return n.complete(ctx, id.Message(p.msg))
}

func (n *Network) echoOf(ctx context.Context, h *head) (piece, bool, error) {
	if nonce := h.nonce(); nonce != "" {
		return n.settle(ctx, nonce, h.ID)
	}
	if h.WebhookID == "" {
		return piece{}, false, nil
	}
	open, err := n.piecesWhere(ctx, `channel = ? AND sent = '' AND hook = ? AND content = ? ORDER BY tried, piece LIMIT 1`,
		h.ChannelID, h.Author.Username, h.Content)
	if err != nil || len(open) == 0 || later(flakeAt(n.theirs(open[0].tried).Add(-clockSkew)), h.ID) {
		return piece{}, false, err
	}
	var taken int
	if ok, err := n.row(ctx, "read a line", `SELECT 1 FROM discord_out WHERE sent = ?`, []any{h.ID}, &taken); err != nil || ok {
		return piece{}, false, err
	}
	return n.settle(ctx, open[0].nonce, h.ID)
}

// clockSkew is how far our idea of Discord's clock may be off (transport.go).
const clockSkew = 2 * time.Minute

// complete tells the core that a message has arrived once all its pieces have.
func (n *Network) complete(ctx context.Context, m id.Message) error {
	all, err := n.piecesOf(ctx, m)
	if err != nil || len(all) == 0 {
		return err
	}
	for _, p := range all {
		if p.sent == "" {
			return nil
		}
	}
	return n.receive(ctx, bridge.EchoEvent{ID: m, Event: id.Event(all[len(all)-1].sent)})
}

// direct handles what a person wrote to the bot.
func (n *Network) direct(ctx context.Context, h *head, raw []byte) error {
	if h.Author.Bot || h.WebhookID != "" {
		return nil
	}
	if err := n.writesHere(ctx, h); err != nil {
		return err
	}
	n.presence.spoke(h.Author.ID, h.time())
	pairs, err := n.linked(ctx, h.Author.ID)
	if err != nil {
		return err
	}
	r, err := n.answers(ctx, h)
	if err != nil {
		return err
	}
	d := route(h.Content, r, n.targets(pairs), h.time())
	switch d.verdict {
	case toBox:
		for _, p := range pairs {
			if p.account == d.account {
				return n.deliver(ctx, h, raw, d.text, p)
			}
		}
	case toAsk:
		return n.hold(ctx, h, raw, pairs)
	case toEnded:
		if err := n.notify(ctx, h.ChannelID, h.ID, "ended"+h.ID, "That box is no longer in this chat, so your answer was not sent."); err != nil {
			return err
		}
	case toNone:
		if err := n.help(ctx, h); err != nil {
			return err
		}
	}
	return n.handled(ctx, line{id: h.ID, channel: h.ChannelID, user: h.Author.ID}, nil, h.time())
}

// writesHere notes who writes in which DM, if any of that is new.
func (n *Network) writesHere(ctx context.Context, h *head) error {
	u, ok, err := n.user(ctx, h.Author.ID)
	if err != nil || ok && u.dm == h.ChannelID && u.username == h.Author.Username && u.name == h.Author.GlobalName && u.closed == 0 {
		return err
	}
	was, err := n.called(ctx, h.Author.ID)
	if err != nil {
		return err
	}
	if err := n.meet(ctx, h.Author); err != nil {
		return err
	}
	if ok && (u.username != h.Author.Username || u.name != h.Author.GlobalName) {
		if err := n.tellRenamed(ctx, h.Author.ID, was); err != nil {
			return err
		}
	}
	if err := n.knowDM(ctx, h.Author.ID, h.ChannelID); err != nil {
		return err
	}
	return n.reopened(ctx, h.Author.ID)
}

// targets are a person's boxes as routing needs them.
func (n *Network) targets(pairs []pair) []target {
	all := make([]target, len(pairs))
	for i, p := range pairs {
		all[i] = target{account: p.account, name: n.nameOf(p.account), active: p.active}
	}
	return all
}

// answers tells what a message replies to, if that was a line of ours.
func (n *Network) answers(ctx context.Context, h *head) (reply, error) {
	if h.Reference.MessageID == "" || h.Reference.Type != 0 {
		return reply{}, nil
	}
	lines, err := n.linesOf(ctx, h.Reference.MessageID)
	for _, l := range lines {
		if l.account != "" {
			return reply{ours: true, account: l.account}, err
		}
	}
	return reply{}, err
}

// deliver gives a message of a person to a box.
func (n *Network) deliver(ctx context.Context, h *head, raw []byte, said string, p pair) error {
	x, err := n.context(ctx, h, p.account)
	if err != nil {
		return err
	}
	m := content(raw)
	m.Content = said
	c := n.withRefs(text.FromDiscord(m, x), h)
	if !c.Empty() {
		u, _, err := n.user(ctx, p.user)
		if err != nil {
			return err
		}
		answers, err := n.answersTo(ctx, h, p.account)
		if err != nil {
			return err
		}
		err = n.receive(ctx, bridge.MessageEvent{Event: eventID(h.ID, p.account, ""), Account: p.account, From: id.Remote(p.name), Answers: answers,
			Name: cmp.Or(n.guilds.nick(p.user), cmp.Or(u.display(), h.name())), Text: c, Time: h.time()})
		if err != nil {
			return fmt.Errorf("%w: %w", errStore, err)
		}
	}
	l := line{id: h.ID, account: p.account, channel: h.ChannelID, user: h.Author.ID, body: c.Body}
	if err := n.handled(ctx, l, &p, h.time()); err != nil {
		return err
	}
	n.afterwards(h, p, c.Empty())
	return nil
}

// eventID is a message as the core knows it: one may concern several accounts.
func eventID(msg string, a id.Account, what string) id.Event {
	e := msg + "/" + string(a)
	if what != "" {
		e += "/" + what
	}
	return id.Event(e)
}

// context is what package text has to know to read a message for an account.
func (n *Network) context(ctx context.Context, h *head, a id.Account) (text.DiscordContext, error) {
	x := text.DiscordContext{Account: string(a), Own: make(map[string]text.DiscordOwned)}
	if me := n.me.Load(); me != nil {
		x.Bot.ID, x.ApplicationID = me.user, me.application
	}
	guildID := h.GuildID
	if guildID == "" {
		if c, ok := n.guilds.channel(h.ChannelID); ok {
			guildID = c.GuildID
		}
	}
	x.Roles, x.Channels = n.guilds.names(guildID)
	if h.Reference.MessageID != "" {
		lines, err := n.linesOf(ctx, h.Reference.MessageID)
		if err != nil {
			return x, err
		}
		for _, l := range lines {
			if l.user == "" && l.account != "" {
				x.Own[l.id] = n.owned(l, a)
			}
		}
	}
	return x, nil
}

// owned is a line of a box's for package text, which tells by the account whether
// it is the reader's own.
func (n *Network) owned(l line, reader id.Account) text.DiscordOwned {
	if l.account == reader {
		return text.DiscordOwned{Account: string(reader), Text: l.body}
	}
	return text.DiscordOwned{Account: n.nameOf(l.account), Text: l.body}
}

// notify has the bot say something of its own in a channel, once per key. A
// refusal is let be: there is nobody to tell.
func (n *Network) notify(ctx context.Context, cid, answerTo, key, words string) error {
	_, err := n.post(ctx, cid, answerTo, key, words, nil)
	if err != nil && !temporary(err) {
		n.log.Info("a note could not be left", "channel", cid, "err", err)
		return nil
	}
	return err
}

// post writes a message as the bot. Key makes the nonce.
func (n *Network) post(ctx context.Context, cid, answerTo, key, words string, components []any) (string, error) {
	b := outgoing{Content: words, Nonce: nonceOf(id.Message(key), 0), Enforce: true, Mentions: noMentions(), Components: components}
	if answerTo != "" {
		b.Reference = &reference{MessageID: answerTo}
	}
	var sent head
	err := n.rest.do(ctx, request{method: http.MethodPost, route: "/channels/{}/messages", args: []string{cid}, body: b}, &sent)
	return sent.ID, err
}
