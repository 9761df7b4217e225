package discord

import (
	"context"
	"net/http"

	"wtvgate/bridge/id"
)

// moderate.go: the verbs that open channels and rooms (discord.md 3.4).

func (n *Network) cmdHome(ctx context.Context, i *interaction, _ args) (string, error) {
	name := ""
	n.guilds.with(i.GuildID, func(g *guild) { name = g.name })
	if _, err := n.guildSlug(ctx, i.GuildID, name); err != nil {
		return "", err
	}
	return "This is the WebTV channel of the server now: private rooms open under it.",
		n.exec(ctx, "choose a home", `UPDATE discord_guilds SET home = ? WHERE guild = ?`, i.ChannelID, i.GuildID)
}

func (n *Network) cmdBridge(ctx context.Context, i *interaction, a args) (string, error) {
	if !n.readsContent() {
		return "This cannot work: the bot's operator has to switch on Message Content Intent in the developer portal.", nil
	}
	c, ok := n.guilds.channel(i.ChannelID)
	if !ok || c.Type != typeText && c.Type != typeNews {
		return "This works in a text channel only.", nil
	}
	if name := a.text("allow"); name != "" {
		acc, ok := n.account(name)
		if !ok {
			return "There is no box of that name.", nil
		}
		if err := n.exec(ctx, "let a box in", `INSERT INTO discord_allowed (channel, account) VALUES (?, ?) ON CONFLICT DO NOTHING`, i.ChannelID, acc); err != nil {
			return "", err
		}
	}
	if err := n.setBridged(ctx, i.GuildID, i.ChannelID, true, a.flag("bots")); err != nil {
		return "", err
	}
	slug, err := n.guildSlug(ctx, i.GuildID, "")
	if err != nil {
		return "", err
	}
	address, err := n.Address(id.Remote(channelMark + channelName(c.Name) + "." + slug))
	if err != nil {
		return "This channel's name is too long for the address that a box needs.", nil
	}
	if err := n.notify(ctx, i.ChannelID, "", "bridge/"+i.ID, "A WebTV may listen in this channel from now on. A moderator ends it with `/webtv unbridge`."); err != nil {
		return "", err
	}
	return "Boxes can now add `" + string(address) + "`.", nil
}

func (n *Network) cmdUnbridge(ctx context.Context, i *interaction, _ args) (string, error) {
	return "No box listens here any more.", n.setBridged(ctx, i.GuildID, i.ChannelID, false, false)
}

// cmdRoom makes a private thread under the guild's WebTV channel, and moves the
// pair into it.
func (n *Network) cmdRoom(ctx context.Context, i *interaction, a args) (string, error) {
	p, ok, err := n.mine(ctx, i, a)
	if err != nil || !ok || p.state != stateLinked {
		return notThere, err
	}
	if !n.readsContent() {
		return "Rooms cannot work: the bot's operator has to switch on Message Content Intent in the developer portal.", nil
	}
	homes, err := n.texts(ctx, "find a home", `SELECT home FROM discord_guilds WHERE guild = ? AND home <> ''`, i.GuildID)
	if err != nil {
		return "", err
	}
	if len(homes) == 0 {
		return "This server has no WebTV channel yet: a moderator chooses it with `/webtv home`.", nil
	}
	var made rawChannel
	err = n.rest.do(ctx, request{method: http.MethodPost, route: "/channels/{}/threads", args: []string{homes[0]}, body: map[string]any{
		"name": "WebTV: " + n.nameOf(p.account), "type": typePrivateThread, "invitable": false, "auto_archive_duration": 10080}}, &made)
	if err == nil {
		err = n.rest.do(ctx, request{method: http.MethodPut, route: "/channels/{}/thread-members/{}", args: []string{made.ID, p.user}}, nil)
	}
	if c := code(err); c != 0 {
		return "The room could not be made: " + sentence(c) + ".", nil
	}
	if err != nil {
		return "", err
	}
	if err := n.addChannel(ctx, made.ID, kindThread, i.GuildID, homes[0]); err != nil {
		return "", err
	}
	if err := n.setMark(ctx, made.ID, made.ID); err != nil {
		return "", err
	}
	n.reading.set(made.ID, true)
	return "Your room: <#" + made.ID + ">. Moderators of the server can read it.", n.setRoom(ctx, p, made.ID)
}
