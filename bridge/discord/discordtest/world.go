package discordtest

import "slices"

// Guild is a handle on a Discord server.
type Guild struct {
	ID string
	s  *Server
}

// Role is a handle on a role of a guild.
type Role struct {
	ID string
	g  *Guild
}

// Channel is a handle on a channel, thread or DM.
type Channel struct {
	ID      string
	GuildID string // "" for a DM
	s       *Server
}

// Overwrite is a permission overwrite of a channel: Type 0 for a role, 1 for a
// member.
type Overwrite struct {
	ID          string
	Type        int
	Allow, Deny int64
}

// Webhook is a webhook as it is now.
type Webhook struct{ ID, Token, Name, ChannelID, ApplicationID string }

// AddUser makes a person, who is offline and in no guild. Two may not have one
// username at one time, but the second may take it after a rename.
func (s *Server) AddUser(username string) *Person { return s.add(username, false) }

// AddBot makes another bot, that acts like a person.
func (s *Server) AddBot(username string) *Person { return s.add(username, true) }

func (s *Server) add(username string, bot bool) *Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Person{ID: s.newUser(username, bot).id, s: s}
}

// AddGuild makes a guild with the bot in it, which has the permissions of the
// invite link; @everyone may view, send and react. It is owned by a person who
// does nothing.
func (s *Server) AddGuild(name string) *Guild {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &guild{id: s.newID(), name: name, members: make(map[string]*member), botIn: true}
	owner := s.newUser("owner"+g.id, false)
	own := &role{id: s.newID(), name: s.bot.username, perms: InvitePermissions}
	g.owner = owner.id
	g.roles = []*role{{id: g.id, name: "@everyone", perms: EveryonePermissions}, own}
	s.guilds = append(s.guilds, g)
	g.add(owner, nil, s)
	g.add(s.bot, []string{own.id}, s)
	s.emitGuildCreate(g)
	return &Guild{ID: g.id, s: s}
}

func (g *guild) add(u *user, roles []string, s *Server) {
	if g.members[u.id] == nil {
		g.joined = append(g.joined, u.id)
	}
	g.members[u.id] = &member{u: u, roles: roles, since: s.o.Now()}
}

// with runs f with the guild and the lock.
func (g *Guild) with(f func(s *Server, g *guild)) {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	f(g.s, g.s.guild(g.ID))
}

// AddChannel makes a text channel.
func (g *Guild) AddChannel(name string, ow ...Overwrite) *Channel {
	return g.AddChannelType(name, GuildText, ow...)
}

// AddChannelType makes a channel of another kind.
func (g *Guild) AddChannelType(name string, kind int, ow ...Overwrite) *Channel {
	var h *Channel
	g.with(func(s *Server, gu *guild) {
		c := s.newChannel(gu, name, kind)
		c.overwrites = ow
		s.emit(event{t: "CHANNEL_CREATE", need: intentGuilds, ch: c, d: c.json()})
		h = s.handle(c)
	})
	return h
}

func (s *Server) handle(c *channel) *Channel {
	h := &Channel{ID: c.id, s: s}
	if c.g != nil {
		h.GuildID = c.g.id
	}
	return h
}

// AddRole makes a role.
func (g *Guild) AddRole(name string, permissions int64) *Role {
	var h *Role
	g.with(func(s *Server, gu *guild) {
		r := &role{id: s.newID(), name: name, perms: permissions}
		gu.roles = append(gu.roles, r)
		s.emitGuild("GUILD_ROLE_CREATE", intentGuilds, gu, obj{"guild_id": gu.id, "role": r.json()})
		h = &Role{ID: r.id, g: g}
	})
	return h
}

// Everyone is the role that every member has; its id is the guild's.
func (g *Guild) Everyone() *Role { return &Role{ID: g.ID, g: g} }

// Owner is the person who owns the guild and may do everything in it.
func (g *Guild) Owner() *Person {
	p := &Person{s: g.s}
	g.with(func(_ *Server, gu *guild) { p.ID = gu.owner })
	return p
}

// BotRole is the role that gives the bot its permissions.
func (g *Guild) BotRole() *Role {
	var h *Role
	g.with(func(s *Server, gu *guild) { h = &Role{ID: gu.roles[1].id, g: g} })
	return h
}

// SetPermissions changes what a role may do.
func (r *Role) SetPermissions(p int64) {
	r.g.with(func(s *Server, g *guild) {
		for _, ro := range g.roles {
			if ro.id == r.ID {
				ro.perms = p
				s.emitGuild("GUILD_ROLE_UPDATE", intentGuilds, g, obj{"guild_id": g.id, "role": ro.json()})
			}
		}
	})
}

// Rename changes the guild's name.
func (g *Guild) Rename(name string) {
	g.with(func(s *Server, gu *guild) {
		gu.name = name
		s.emitGuild("GUILD_UPDATE", intentGuilds, gu, obj{"id": gu.id, "name": gu.name, "owner_id": gu.owner, "features": []any{}, "emojis": []any{}})
	})
}

// KickBot takes the bot out of the guild.
func (g *Guild) KickBot() {
	g.with(func(s *Server, gu *guild) {
		s.emitGuild("GUILD_DELETE", intentGuilds, gu, obj{"id": gu.id})
		gu.botIn = false
		s.notify()
	})
}

// InviteBot brings the bot back in.
func (g *Guild) InviteBot() {
	g.with(func(s *Server, gu *guild) {
		gu.botIn = true
		s.emitGuildCreate(gu)
	})
}

// Outage makes the guild unavailable, as Discord tells when it has trouble, or
// ends that.
func (g *Guild) Outage(on bool) {
	g.with(func(s *Server, gu *guild) {
		if on {
			s.emitGuild("GUILD_DELETE", intentGuilds, gu, obj{"id": gu.id, "unavailable": true})
			gu.unavailable = true
			return
		}
		gu.unavailable = false
		s.emitGuildCreate(gu)
	})
}

// Threads are those of the guild that exist, oldest first.
func (g *Guild) Threads() []*Channel {
	var all []*Channel
	g.with(func(s *Server, gu *guild) {
		for _, c := range gu.channels {
			if isThread(c.kind) && !c.gone {
				all = append(all, s.handle(c))
			}
		}
	})
	return all
}

// Channel finds a channel by its id; nil if there is none.
func (s *Server) Channel(id string) *Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	if c == nil || c.gone {
		return nil
	}
	return s.handle(c)
}

// with runs f with the channel and the lock.
func (c *Channel) with(f func(s *Server, c *channel)) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	f(c.s, c.s.channels[c.ID])
}

// Name is the channel's name now.
func (c *Channel) Name() string {
	name := ""
	c.with(func(_ *Server, ch *channel) { name = ch.name })
	return name
}

// Rename changes the name.
func (c *Channel) Rename(name string) {
	c.with(func(s *Server, ch *channel) {
		ch.name = name
		s.channelChanged(ch)
	})
}

// SetOverwrites replaces the permission overwrites. A bot that cannot view the
// channel any more is told that it is gone, as Discord does.
func (c *Channel) SetOverwrites(ow ...Overwrite) {
	c.with(func(s *Server, ch *channel) {
		gone := event{t: "CHANNEL_DELETE", need: intentGuilds, g: ch.g, d: ch.json()}
		saw := s.botSees(ch)
		ch.overwrites = ow
		if saw && !s.botSees(ch) {
			s.emit(gone)
			return
		}
		s.channelChanged(ch)
	})
}

// Delete deletes the channel, its threads and webhooks.
func (c *Channel) Delete() {
	c.with(func(s *Server, ch *channel) {
		for _, t := range ch.g.channels {
			if t == ch || t.parent == ch && isThread(t.kind) {
				s.deleteChannel(t)
			}
		}
	})
}

func (s *Server) deleteChannel(c *channel) {
	if c.gone {
		return
	}
	t, d := "CHANNEL_DELETE", c.json()
	if isThread(c.kind) {
		t, d = "THREAD_DELETE", obj{"id": c.id, "guild_id": c.g.id, "parent_id": c.parent.id, "type": c.kind}
	}
	s.emit(event{t: t, need: intentGuilds, ch: c, d: d})
	c.gone = true
	for _, h := range slices.Clone(c.hooks) {
		s.dropHook(h)
	}
	s.notify()
}

// Archive archives a thread.
func (c *Channel) Archive() {
	c.with(func(s *Server, ch *channel) {
		ch.archived = true
		s.channelChanged(ch)
	})
}

// Members are the ids of a thread's members.
func (c *Channel) Members() []string {
	var all []string
	c.with(func(_ *Server, ch *channel) { all = slices.Clone(ch.members) })
	return all
}

// AddMember puts somebody into a thread, as a member of it may.
func (c *Channel) AddMember(p *Person) {
	c.with(func(s *Server, ch *channel) { s.join(ch, ch.g.members[p.ID]) })
}

// RemoveMember takes somebody out of a thread; the bot sees the thread no more if
// it was it and the thread is private.
func (c *Channel) RemoveMember(p *Person) {
	c.with(func(s *Server, ch *channel) { s.leave(ch, p.ID) })
}

// Webhooks are those of the channel, oldest first.
func (c *Channel) Webhooks() []Webhook {
	var all []Webhook
	c.with(func(_ *Server, ch *channel) {
		for _, h := range ch.hooks {
			all = append(all, h.public())
		}
	})
	return all
}

func (h *webhook) public() Webhook { return Webhook{h.id, h.token, h.name, h.ch.id, h.app} }

// AddWebhook makes a webhook that is not the bot's.
func (c *Channel) AddWebhook(name string) Webhook {
	var w Webhook
	c.with(func(s *Server, ch *channel) { w = s.addHook(ch, name, "").public() })
	return w
}

// DeleteWebhooks takes every webhook away, as a moderator may.
func (c *Channel) DeleteWebhooks() {
	c.with(func(s *Server, ch *channel) {
		for _, h := range slices.Clone(ch.hooks) {
			s.dropHook(h)
		}
	})
}

// PostAs writes with a webhook that is not the bot's, under any name.
func (c *Channel) PostAs(w Webhook, name, text string) Message {
	var out Message
	c.with(func(s *Server, ch *channel) {
		h := s.webhooks[w.ID]
		m := &message{ch: ch, author: &user{id: h.id, bot: true}, hook: h, hookName: name, content: text, app: h.app}
		s.ping(m, nil, true)
		s.put(m)
		out = m.public()
	})
	return out
}
