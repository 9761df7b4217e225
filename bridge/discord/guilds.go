package discord

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// guilds.go: what is known of servers, channels and roles: names, and who may
// view what.

// Types of channels (discord.md 8.1).
const (
	typeText          = 0
	typeNews          = 5
	typePublicThread  = 11
	typePrivateThread = 12
)

// Permissions (Discord's documentation; discord.md 2.1).
const permView = 1 << 10

// maxGuilds bounds what a bot that was invited everywhere keeps in memory.
const maxGuilds = 5000

// guild is a server.
type guild struct {
	id, name string
	large    bool
	roles    map[string]rawRole
	channels map[string]rawChannel
	nicks    map[string]string // of watched members
	members  map[string]bool   // watched persons who are members
	arrived  bool
}

// guilds is all of them.
type guilds struct {
	mu sync.Mutex
	m  map[string]*guild
}

func newGuilds() *guilds { return &guilds{m: make(map[string]*guild)} }

// reset begins anew after READY with the guilds that will come.
func (g *guilds) reset(ids []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.m
	g.m = make(map[string]*guild)
	for _, id := range ids[:min(len(ids), maxGuilds)] {
		x := old[id]
		if x == nil {
			x = &guild{id: id, roles: map[string]rawRole{}, channels: map[string]rawChannel{}, nicks: map[string]string{}, members: map[string]bool{}}
		}
		x.arrived = false
		g.m[id] = x
	}
}

// arrive takes GUILD_CREATE. Watched tells whose membership matters. All: every
// guild has arrived now.
func (g *guilds) arrive(r *rawGuild, watched func(string) bool) (all bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.m[r.ID] == nil && len(g.m) >= maxGuilds {
		return false
	}
	x := &guild{id: r.ID, name: r.Name, large: r.Large, arrived: true, roles: make(map[string]rawRole),
		channels: make(map[string]rawChannel), nicks: make(map[string]string), members: make(map[string]bool)}
	for _, role := range r.Roles {
		x.roles[role.ID] = role
	}
	for _, c := range append(r.Channels, r.Threads...) {
		c.GuildID = r.ID
		x.channels[c.ID] = c
	}
	for _, m := range r.Members {
		if watched(m.User.ID) {
			x.join(m)
		}
	}
	g.m[r.ID] = x
	for _, o := range g.m {
		if !o.arrived {
			return false
		}
	}
	return true
}

func (x *guild) join(m rawMember) {
	x.members[m.User.ID] = true
	if m.Nick != "" {
		x.nicks[m.User.ID] = m.Nick
	} else {
		delete(x.nicks, m.User.ID)
	}
}

// gone takes GUILD_DELETE.
func (g *guilds) gone(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.m, id)
}

// with gives a guild under the lock, if it is known.
func (g *guilds) with(id string, f func(*guild)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if x := g.m[id]; x != nil {
		f(x)
	}
}

// ids lists the guilds, oldest first.
func (g *guilds) ids() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for id := range g.m {
		all = append(all, id)
	}
	slices.SortFunc(all, byAge)
	return all
}

func byAge(a, b string) int {
	switch x, y := snowflake(a), snowflake(b); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// channel finds a channel or thread.
func (g *guilds) channel(id string) (c rawChannel, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, x := range g.m {
		if c, ok = x.channels[id]; ok {
			return c, true
		}
	}
	return c, false
}

// named lists a guild's text channels of a name, oldest first.
func (g *guilds) named(guildID, name string) (found []string) {
	g.with(guildID, func(x *guild) {
		for _, c := range x.channels {
			if (c.Type == typeText || c.Type == typeNews) && channelName(c.Name) == name {
				found = append(found, c.ID)
			}
		}
	})
	slices.SortFunc(found, byAge)
	return found
}

// channelName is a channel's name as it can stand in an address: Discord's are
// lower case already, save in scripts that have none.
func channelName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// everyoneViews tells whether the role of everybody may view a channel
// (discord.md 3.4). A thread is as open as its channel, a private one never.
func (g *guilds) everyoneViews(id string) bool {
	c, ok := g.channel(id)
	if !ok || c.Type == typePrivateThread {
		return false
	}
	if c.Type == typePublicThread {
		if c, ok = g.channel(c.ParentID); !ok {
			return false
		}
	}
	var perms int64
	g.with(c.GuildID, func(x *guild) { perms = number(x.roles[c.GuildID].Permissions) })
	for _, o := range c.Overwrites {
		if o.ID == c.GuildID {
			perms = perms&^number(o.Deny) | number(o.Allow)
		}
	}
	return perms&permView != 0
}

func number(s string) int64 {
	v, _ := strconv.ParseInt(s, 10, 64) // what is no number allows nothing
	return v
}

// nick is what a person is called in a guild that is known best: the oldest one
// in which they have a nick.
func (g *guilds) nick(user string) string {
	for _, id := range g.ids() {
		nick := ""
		g.with(id, func(x *guild) { nick = x.nicks[user] })
		if nick != "" {
			return nick
		}
	}
	return ""
}

// of lists the guilds that a person is known to be in.
func (g *guilds) of(user string) (all []string) {
	for _, id := range g.ids() {
		g.with(id, func(x *guild) {
			if x.members[user] {
				all = append(all, id)
			}
		})
	}
	return all
}

// names gives package text the names of roles and channels of a guild.
func (g *guilds) names(id string) (roles, channels map[string]string) {
	roles, channels = make(map[string]string), make(map[string]string)
	g.with(id, func(x *guild) {
		for _, r := range x.roles {
			roles[r.ID] = r.Name
		}
		for _, c := range x.channels {
			channels[c.ID] = c.Name
		}
	})
	return roles, channels
}

// served tells whether the operator lets us be in a guild.
func (n *Network) served(guildID string) bool {
	return len(n.o.Guilds) == 0 || slices.Contains(n.o.Guilds, guildID)
}

// guildSlug is a guild's part of channel addresses, for ever the same: the first
// that comes with a name has it, others get -2, -3.
func (n *Network) guildSlug(ctx context.Context, id, name string) (string, error) {
	var s string
	if ok, err := n.row(ctx, "read a guild", `SELECT slug FROM discord_guilds WHERE guild = ?`, []any{id}, &s); err != nil || ok {
		return s, err
	}
	base := slug(name)
	for i := 1; i < maxGuilds; i++ {
		if s = base; i > 1 {
			s += "-" + strconv.Itoa(i)
		}
		c, err := n.execCount(ctx, "name a guild", `INSERT INTO discord_guilds (guild, slug) VALUES (?, ?) ON CONFLICT DO NOTHING`, id, s)
		if err != nil {
			return "", err
		}
		if c == 0 {
			if ok, err := n.row(ctx, "read a guild", `SELECT slug FROM discord_guilds WHERE guild = ?`, []any{id}, &s); err != nil || ok {
				return s, err
			}
			continue
		}
		return s, nil
	}
	return "", poison{errStore}
}
