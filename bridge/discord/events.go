package discord

import (
	"cmp"
	"context"
	"strings"
)

// events.go: what the gateway tells, sorted to where it is handled.

// take takes one event from the handler. It decodes no more than it must, and
// never waits: the library's lock may be held.
func (n *Network) take(kind string, raw []byte) {
	switch kind {
	case "READY":
		n.takeReady(raw)
	case "PRESENCE_UPDATE":
		var s seen
		if loose(raw, &s) && n.presence.watched(s.User.ID) {
			n.presence.update(s.User.ID, s.Status)
		}
	case "INTERACTION_CREATE":
		n.takeInteraction(raw)
	case "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK", "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE", "TYPING_START":
		var w struct {
			ChannelID string `json:"channel_id"`
			GuildID   string `json:"guild_id"`
		}
		if loose(raw, &w) && w.ChannelID != "" && (w.GuildID == "" || n.reading.has(w.ChannelID)) {
			n.intake.add(w.ChannelID, item{kind, raw})
		}
	default:
		if !strings.HasPrefix(kind, "GUILD_") && !strings.HasPrefix(kind, "CHANNEL_") && !strings.HasPrefix(kind, "THREAD_") {
			return
		}
		var w struct {
			ID        string `json:"id"`
			GuildID   string `json:"guild_id"`
			Presences []seen `json:"presences"` // of GUILD_CREATE and GUILD_MEMBERS_CHUNK
			Channels  []tip  `json:"channels"`  // of GUILD_CREATE
			Threads   []tip  `json:"threads"`
		}
		if loose(raw, &w) && cmp.Or(w.GuildID, w.ID) != "" {
			// At once, like PRESENCE_UPDATE: what a queue held back would overwrite
			// what is newer.
			for _, s := range w.Presences {
				n.presence.update(s.User.ID, s.Status)
			}
			if kind == "GUILD_CREATE" {
				n.takeTips(w.ID, append(w.Channels, w.Threads...))
			}
			n.intake.add(guildKey+cmp.Or(w.GuildID, w.ID), item{kind, raw})
		}
	}
}

// tip is a channel's newest message, as GUILD_CREATE has it.
type tip struct {
	ID   string `json:"id"`
	Last string `json:"last_message_id"`
}

// takeTips notes the newest messages of the channels that are read, whose history
// waits to be read only where there is more.
func (n *Network) takeTips(guildID string, all []tip) {
	tips := make(map[string]string)
	for _, x := range all {
		if n.reading.has(x.ID) {
			tips[x.ID] = x.Last
		}
	}
	n.guilds.setTips(guildID, tips)
	n.intake.hurry(tips)
}

// guildKey begins the intake's keys of guilds, whose events keep their own order.
const guildKey = "guild:"

// takeReady begins anew: what is known is made again from what follows, and
// nothing is handled before it is known which channels have a gap.
func (n *Network) takeReady(raw []byte) {
	var r rawReady
	if !loose(raw, &r) {
		return
	}
	if r.User.ID != "" {
		me := &self{user: r.User.ID, application: r.Application.ID, flags: r.Application.Flags}
		if old := n.me.Load(); old != nil && me.application == "" {
			me.application, me.flags = old.application, old.flags
		}
		n.me.Store(me)
	}
	ids := make([]string, 0, len(r.Guilds))
	for _, g := range r.Guilds {
		ids = append(ids, g.ID)
	}
	n.guilds.reset(ids)
	n.presence.reset()
	n.intake.pause()
	signal(n.ready)
}

// happen handles one event of a channel or guild, on a worker.
func (n *Network) happen(ctx context.Context, kind string, raw []byte) error {
	switch kind {
	case "MESSAGE_CREATE":
		return n.created(ctx, raw, nil)
	case "MESSAGE_UPDATE":
		return n.updated(ctx, raw)
	case "MESSAGE_DELETE", "MESSAGE_DELETE_BULK":
		return n.deleted(ctx, raw)
	case "MESSAGE_REACTION_ADD":
		return n.reacted(ctx, raw, true)
	case "MESSAGE_REACTION_REMOVE":
		return n.reacted(ctx, raw, false)
	case "TYPING_START":
		return n.writes(ctx, raw)
	case kindPress:
		return n.choose(ctx, raw)
	case "GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE":
		return n.guildEvent(ctx, kind, raw)
	case "GUILD_MEMBERS_CHUNK":
		n.chunk(raw)
	case "GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE":
		return n.memberEvent(ctx, kind, raw)
	case "GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE":
		var r struct {
			GuildID string  `json:"guild_id"`
			Role    rawRole `json:"role"`
		}
		if loose(raw, &r) {
			n.guilds.with(r.GuildID, func(g *guild) { g.roles[r.Role.ID] = r.Role })
		}
	case "CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE":
		var c rawChannel
		if loose(raw, &c) && c.ID != "" {
			n.guilds.with(c.GuildID, func(g *guild) { g.channels[c.ID] = c })
		}
	case "CHANNEL_DELETE", "THREAD_DELETE":
		return n.channelGone(ctx, raw)
	}
	return nil
}

// guildEvent keeps what is known of a guild.
func (n *Network) guildEvent(ctx context.Context, kind string, raw []byte) error {
	var g rawGuild
	if !loose(raw, &g) || g.ID == "" {
		return nil
	}
	switch kind {
	case "GUILD_DELETE":
		if !g.Unavailable {
			n.guilds.gone(g.ID)
		}
		return nil
	case "GUILD_UPDATE":
		n.guilds.with(g.ID, func(x *guild) {
			x.name = g.Name
			for _, r := range g.Roles {
				x.roles[r.ID] = r
			}
		})
		return nil
	}
	if _, err := n.guildSlug(ctx, g.ID, g.Name); err != nil {
		return err
	}
	all := n.guilds.arrive(&g, n.presence.watched)
	for _, m := range g.Members {
		if n.presence.watched(m.User.ID) {
			if err := n.meet(ctx, m.User); err != nil {
				return err
			}
		}
	}
	if all {
		n.presence.arrived()
	}
	return nil
}

// chunk takes the answer to op 8.
func (n *Network) chunk(raw []byte) {
	var c chunk
	if !loose(raw, &c) {
		return
	}
	for _, m := range c.Members {
		if n.presence.watched(m.User.ID) {
			n.guilds.with(c.GuildID, func(g *guild) { g.join(m) })
		}
	}
}

// memberEvent follows watched persons: renames change names, never who they are.
func (n *Network) memberEvent(ctx context.Context, kind string, raw []byte) error {
	var m struct {
		rawMember
		GuildID string `json:"guild_id"`
	}
	if !loose(raw, &m) || !n.presence.watched(m.User.ID) {
		return nil
	}
	was, err := n.called(ctx, m.User.ID)
	if err != nil {
		return err
	}
	n.guilds.with(m.GuildID, func(g *guild) {
		if kind == "GUILD_MEMBER_REMOVE" {
			delete(g.members, m.User.ID)
			delete(g.nicks, m.User.ID)
		} else {
			g.join(m.rawMember)
		}
	})
	if kind == "GUILD_MEMBER_REMOVE" {
		return nil
	}
	if err := n.meet(ctx, m.User); err != nil {
		return err
	}
	return n.tellRenamed(ctx, m.User.ID, was)
}

// channelGone ends what hangs on a channel.
func (n *Network) channelGone(ctx context.Context, raw []byte) error {
	var c rawChannel
	if !loose(raw, &c) || c.ID == "" {
		return nil
	}
	n.guilds.with(c.GuildID, func(g *guild) { delete(g.channels, c.ID) })
	return n.forgetChannel(ctx, c.ID)
}

// forgetChannel stops reading a channel: it is gone, or we may not any more.
func (n *Network) forgetChannel(ctx context.Context, cid string) error {
	n.reading.set(cid, false)
	if err := n.exec(ctx, "close rooms", `UPDATE discord_pairs SET room = '' WHERE room = ?`, cid); err != nil {
		return err
	}
	if err := n.exec(ctx, "close a group's room", `UPDATE discord_groups SET thread = '' WHERE thread = ?`, cid); err != nil {
		return err
	}
	if err := n.exec(ctx, "close a channel", `UPDATE discord_channels SET bridged = 0 WHERE channel = ? AND kind <> 'dm'`, cid); err != nil {
		return err
	}
	if err := n.forgetHook(ctx, cid); err != nil {
		return err
	}
	return n.tellMembers(ctx, cid)
}
