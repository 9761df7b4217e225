package discord

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// public.go: channels of guilds, which boxes have as contacts (discord.md 3.4).

// public gives a channel's message to the boxes that have it. Only: see created.
func (n *Network) public(ctx context.Context, h *head, raw []byte, c channel, only func(id.Account) bool) error {
	seen := line{id: h.ID, channel: c.id, user: h.Author.ID}
	if (h.Author.Bot || h.WebhookID != "") && !c.bots {
		return n.handled(ctx, seen, nil, h.time())
	}
	m := content(raw)
	if withheld(h, &m) {
		n.contentMissing()
		return n.handled(ctx, seen, nil, h.time())
	}
	if h.WebhookID == "" {
		if err := n.meet(ctx, h.Author); err != nil {
			return err
		}
	}
	all, err := n.membersWhere(ctx, `channel = ?`, c.id)
	if err != nil {
		return err
	}
	for _, x := range all {
		if !n.mayRead(ctx, x.account, c.id) || only != nil && !only(x.account) {
			continue
		}
		ctxt, err := n.context(ctx, h, x.account)
		if err != nil {
			return err
		}
		ctxt.RelayBots = c.bots
		t := n.withRefs(text.FromDiscord(m, ctxt), h)
		if t.Empty() {
			continue
		}
		answers, err := n.answersTo(ctx, h, x.account)
		if err != nil {
			return err
		}
		err = n.receive(ctx, bridge.MessageEvent{Event: eventID(h.ID, x.account, ""), Account: x.account, From: id.Remote(channelMark + x.name), Answers: answers,
			Speaker: cmp.Or(h.name(), "somebody"), Text: t, Time: h.time()})
		if err != nil {
			return fmt.Errorf("%w: %w", errStore, err)
		}
		l := seen
		l.account, l.body = x.account, t.Body
		if err := n.putLine(ctx, l); err != nil {
			return err
		}
	}
	return n.handled(ctx, seen, nil, h.time()) // last: until then the event may be repeated
}

// withheld tells whether a message has come without its text, because the message
// content intent is off (discord.md 4.2).
func withheld(h *head, m *text.DiscordMessage) bool {
	return h.Type == 0 && h.Content == "" && len(m.Attachments) == 0 && len(m.Embeds) == 0 && len(m.Stickers) == 0 &&
		m.Poll == nil && len(m.Components) == 0 && len(m.Snapshots) == 0
}

// contentMissing says so, once.
func (n *Network) contentMissing() {
	if n.empty.Add(1) == 1 {
		n.log.Warn("a message came without its text: switch on Message Content Intent under Bot in the developer portal, and restart")
	}
}

// join makes a channel a contact of an account: if a moderator opened it and the
// account may read it.
func (n *Network) join(ctx context.Context, a id.Account, name string) error {
	if !n.readsContent() {
		return bridge.Permanent(textContent, nil)
	}
	cid, err := n.resolveChannel(ctx, name)
	if err != nil {
		return err
	}
	if cid == "" || !n.mayRead(ctx, a, cid) {
		return bridge.Permanent(textNoChannel, nil)
	}
	err = n.exec(ctx, "join a channel", `INSERT INTO discord_members (account, name, channel) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, a, name, cid)
	if err != nil {
		return err
	}
	return n.receive(ctx, bridge.PresenceEvent{Account: a, From: id.Remote(channelMark + name), Presence: bridge.PresenceOnline})
}

// resolveChannel finds the channel of an address: by the name it has now, in the
// guild of that slug; a name that an account's address has stays with its channel.
func (n *Network) resolveChannel(ctx context.Context, name string) (string, error) {
	known, err := n.texts(ctx, "find a channel", `SELECT channel FROM discord_members WHERE name = ? LIMIT 1`, name)
	if err != nil || len(known) > 0 {
		return strings.Join(known, ""), err
	}
	i := strings.LastIndexByte(name, '.')
	guilds, err := n.texts(ctx, "find a guild", `SELECT guild FROM discord_guilds WHERE slug = ?`, name[i+1:])
	if err != nil || len(guilds) == 0 {
		return "", err
	}
	for _, cid := range n.guilds.named(guilds[0], name[:max(i, 0)]) {
		if c, ok, err := n.channel(ctx, cid); err != nil {
			return "", err
		} else if ok && c.bridged {
			return cid, nil
		}
	}
	return "", nil
}

// bridge opens a channel to boxes, or closes it.
func (n *Network) setBridged(ctx context.Context, guildID, cid string, on, bots bool) error {
	if on {
		if err := n.addChannel(ctx, cid, kindText, guildID, ""); err != nil {
			return err
		}
		if err := n.setMark(ctx, cid, flakeAt(n.theirs(n.now()).Add(overlap))); err != nil { // what was said before is not for boxes
			return err
		}
	}
	if err := n.exec(ctx, "open a channel", `UPDATE discord_channels SET bridged = ?, bots = ? WHERE channel = ?`, on, bots, cid); err != nil {
		return err
	}
	n.reading.set(cid, on)
	if !on {
		if err := n.exec(ctx, "end who is let in", `DELETE FROM discord_allowed WHERE channel = ?`, cid); err != nil {
			return err
		}
	}
	return n.tellMembers(ctx, cid)
}

// tellMembers has the boxes of a channel see whether it is there.
func (n *Network) tellMembers(ctx context.Context, cid string) error {
	all, err := n.membersWhere(ctx, `channel = ?`, cid)
	if err != nil {
		return err
	}
	for _, x := range all {
		p := bridge.PresenceOffline
		if n.mayRead(ctx, x.account, cid) {
			p = bridge.PresenceOnline
		}
		if err := n.receive(ctx, bridge.PresenceEvent{Account: x.account, From: id.Remote(channelMark + x.name), Presence: p}); err != nil {
			return err
		}
	}
	return nil
}

// rawOf keeps a message of a page as it came.
func rawOf(v json.RawMessage) (h head, ok bool) {
	ok = loose(v, &h) && snowflake(h.ID) != 0
	return h, ok
}
