package discordtest

import (
	"fmt"
	"mime"
	"path"
	"slices"
	"strings"
)

// Person is somebody who acts. A thing that the real Discord would not let a
// person do is a mistake of the test and panics.
type Person struct {
	ID string
	s  *Server
}

// Post is a message in all its parts.
type Post struct {
	Content            string
	ReplyTo            string // id of a message
	NoPing             bool   // the reply does not ping
	Forward            string // id of a message to forward
	Attachments        []Attachment
	Embeds, Components []map[string]any
	Stickers           []Sticker
	Poll               map[string]any
	Flags, Type        int
	Extra              map[string]any // laid over the message as it is sent: any shape
}

// Attachment is a file of a message.
type Attachment struct {
	Filename, ContentType, Description string
	Data                               []byte
	Width, Height                      int
	Duration                           float64 // seconds, of a voice message
}

// Sticker is one of a message.
type Sticker struct {
	ID, Name string
	Format   int
}

// Message is a message as it is at the moment it was asked for.
type Message struct {
	ID, ChannelID, GuildID string
	AuthorID               string
	AuthorName             string // username, or the name a webhook took
	WebhookID, AvatarURL   string
	Content, Nonce         string
	ReplyTo                string
	Type, Flags            int
	Edited                 bool
	Attachments            []Attachment
	Components, Embeds     []any
	Reactions              map[string][]string // "👍" or "name:id" to ids of users
	Pings                  []string            // whom it notified: ids of users, "role ID", "everyone", "here"
}

func (m *message) public() Message {
	o := Message{ID: m.id, ChannelID: m.ch.id, AuthorID: m.author.id, AuthorName: m.author.username, AvatarURL: m.avatarURL, Content: m.content,
		ReplyTo: m.replyTo, Type: m.kind, Flags: m.flags, Edited: !m.edited.IsZero(), Components: clone(m.comps), Embeds: clone(m.embeds),
		Pings: slices.Clone(m.pings), Reactions: make(map[string][]string)}
	if m.ch.g != nil {
		o.GuildID = m.ch.g.id
	}
	if m.hook != nil {
		o.WebhookID, o.AuthorName = m.hook.id, m.hookName
	}
	if m.nonce != nil {
		o.Nonce = strings.Trim(jsonNumber(m.nonce), `"`)
	}
	for _, f := range m.attachments {
		o.Attachments = append(o.Attachments, f.Attachment)
	}
	for _, r := range m.reactions {
		o.Reactions[r.key()] = slices.Clone(r.users)
	}
	return o
}

// with runs f with the person and the lock.
func (p *Person) with(f func(s *Server, u *user)) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	f(p.s, p.s.users[p.ID])
}

// Join brings the person into a guild.
func (p *Person) Join(g *Guild, roles ...*Role) {
	p.with(func(s *Server, u *user) {
		gu := s.guild(g.ID)
		var ids []string
		for _, r := range roles {
			ids = append(ids, r.ID)
		}
		gu.add(u, ids, s)
		d := gu.members[u.id].json(true)
		d["guild_id"] = gu.id
		s.emitGuild("GUILD_MEMBER_ADD", intentMembers, gu, d)
		s.notify()
	})
}

// Leave takes the person out of a guild.
func (p *Person) Leave(g *Guild) {
	p.with(func(s *Server, u *user) {
		gu := s.guild(g.ID)
		for _, c := range gu.channels {
			s.leave(c, u.id)
		}
		delete(gu.members, u.id)
		gu.joined = slices.DeleteFunc(gu.joined, func(id string) bool { return id == u.id })
		s.emitGuild("GUILD_MEMBER_REMOVE", intentMembers, gu, obj{"guild_id": gu.id, "user": u.json()})
		s.notify()
	})
}

// DM is the DM of the person and the bot, opened by the person if it was not
// there.
func (p *Person) DM() *Channel {
	var c *Channel
	p.with(func(s *Server, u *user) { c = s.handle(s.dmWith(u)) })
	return c
}

// HasDM tells whether the DM exists already, without opening it.
func (p *Person) HasDM() bool {
	has := false
	p.with(func(_ *Server, u *user) { has = u.dm != nil })
	return has
}

// Say writes a line.
func (p *Person) Say(c *Channel, text string) Message { return p.Post(c, Post{Content: text}) }

// Reply answers a message with a line that pings its author.
func (p *Person) Reply(to, text string) Message {
	return p.Post(p.where(to), Post{Content: text, ReplyTo: to})
}

func (p *Person) where(id string) *Channel {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.s.handle(p.s.need(id).ch)
}

func (s *Server) need(id string) *message {
	m := s.messages[id]
	if m == nil {
		panic(fmt.Sprintf("discordtest: there is no message %q", id))
	}
	return m
}

// Post writes a message.
func (p *Person) Post(c *Channel, post Post) Message {
	var out Message
	p.with(func(s *Server, u *user) {
		ch := s.channels[c.ID]
		s.checkSees(u, ch)
		m := &message{ch: ch, author: u, content: post.Content, replyTo: post.ReplyTo, kind: post.Type, flags: post.Flags, stickers: post.Stickers,
			poll: post.Poll, extra: post.Extra, suppressedPing: post.NoPing, embeds: anys(post.Embeds), comps: anys(post.Components)}
		if post.ReplyTo != "" && m.kind == 0 {
			m.kind = 19
		}
		if post.Forward != "" {
			m.forward = s.need(post.Forward)
		}
		s.unarchive(ch)
		if isThread(ch.kind) {
			s.join(ch, ch.g.members[u.id])
		}
		s.attach(m, post.Attachments)
		for i := range m.attachments {
			if a := &m.attachments[i]; a.ContentType == "" {
				a.ContentType = mime.TypeByExtension(path.Ext(a.Filename))
			}
		}
		s.ping(m, nil, ch.g != nil && ch.g.permissions(u.id, ch)&MentionEveryone != 0)
		s.put(m)
		out = m.public()
	})
	return out
}

func anys(in []map[string]any) []any {
	var out []any
	for _, o := range in {
		out = append(out, clone(o))
	}
	return out
}

func (s *Server) checkSees(u *user, c *channel) {
	if c == nil || c.gone || c.g == nil && c.recipient != u || c.g != nil && !c.sees(u.id) {
		panic(fmt.Sprintf("discordtest: %s is not where it wants to act", u.username))
	}
}

// Edit changes the text of an own message.
func (p *Person) Edit(id, text string) {
	p.with(func(s *Server, u *user) {
		m := s.need(id)
		if m.author != u {
			panic("discordtest: " + u.username + " edits what somebody else wrote")
		}
		m.content, m.edited = text, s.o.Now()
		s.ping(m, nil, false)
		s.emitMessage("MESSAGE_UPDATE", m)
		s.notify()
	})
}

// Delete deletes a message: an own one, or in a guild, as a moderator, any.
func (p *Person) Delete(id string) {
	p.with(func(s *Server, u *user) { s.remove(s.need(id)) })
}

// React adds a reaction: "👍" or "name:id".
func (p *Person) React(id, emoji string) {
	p.with(func(s *Server, u *user) { s.react(s.need(id), u, emoji, true) })
}

// Unreact takes it back.
func (p *Person) Unreact(id, emoji string) {
	p.with(func(s *Server, u *user) { s.react(s.need(id), u, emoji, false) })
}

// Type shows the person typing.
func (p *Person) Type(c *Channel) {
	p.with(func(s *Server, u *user) { s.typing(s.channels[c.ID], u) })
}

// Status sets the presence: online, idle, dnd or offline.
func (p *Person) Status(status string) {
	p.with(func(s *Server, u *user) {
		u.status = status
		s.emitPresence(u)
	})
}

// StatusText sets the custom status; "" takes it away.
func (p *Person) StatusText(text string) {
	p.with(func(s *Server, u *user) {
		u.text = text
		s.emitPresence(u)
	})
}

// Rename changes the username, which somebody else may then take.
func (p *Person) Rename(username string) {
	p.with(func(s *Server, u *user) {
		u.username = username
		s.emitUser(u)
	})
}

// SetGlobalName changes the display name; "" takes it away.
func (p *Person) SetGlobalName(name string) {
	p.with(func(s *Server, u *user) {
		u.global = name
		s.emitUser(u)
	})
}

// SetNick changes the name in one guild; "" takes it away.
func (p *Person) SetNick(g *Guild, nick string) {
	p.with(func(s *Server, u *user) {
		gu := s.guild(g.ID)
		m := gu.members[u.id]
		m.nick = nick
		d := m.json(true)
		d["guild_id"] = gu.id
		s.emitGuild("GUILD_MEMBER_UPDATE", intentMembers, gu, d)
	})
}

// Username is the present one.
func (p *Person) Username() string {
	name := ""
	p.with(func(_ *Server, u *user) { name = u.username })
	return name
}

// Block makes the person unreachable for the bot: 50007 from now on.
func (p *Person) Block() { p.with(func(_ *Server, u *user) { u.blocked = true }) }

// Unblock ends that.
func (p *Person) Unblock() { p.with(func(_ *Server, u *user) { u.blocked = false }) }

// CloseDMs switches DMs from members of common guilds off: 50007 from now on.
func (p *Person) CloseDMs() { p.with(func(_ *Server, u *user) { u.closed = true }) }

// OpenDMs switches them on again.
func (p *Person) OpenDMs() { p.with(func(_ *Server, u *user) { u.closed = false }) }

// Command uses a slash command in a channel or the DM. One that was not
// registered is recorded as a violation, and sent all the same.
func (p *Person) Command(c *Channel, name string, options ...Option) *Interaction {
	var i *Interaction
	p.with(func(s *Server, u *user) {
		ch := s.channels[c.ID]
		s.checkSees(u, ch)
		resolved := obj{}
		data := obj{"name": name, "type": 1, "options": optionsJSON(s, options, resolved), "id": "0"}
		known := false
		for _, o := range s.commands {
			if o["name"] == name {
				data["id"], known = o["id"], true
			}
		}
		if !known {
			s.violation("/%s was used and is not registered", name)
		}
		if len(resolved) > 0 {
			data["resolved"] = resolved
		}
		i = s.interact(2, u, ch, nil, data)
	})
	return i
}

// Press presses a button of a message, which must have it and not disabled.
func (p *Person) Press(id, customID string) *Interaction {
	var i *Interaction
	p.with(func(s *Server, u *user) {
		m := s.need(id)
		if m.flags&ephemeral == 0 {
			s.checkSees(u, m.ch)
		}
		b := findButton(m.comps, customID)
		if b == nil || b["disabled"] == true || m.gone {
			panic(fmt.Sprintf("discordtest: message %s has no button %q to press", id, customID))
		}
		i = s.interact(3, u, m.ch, m, obj{"custom_id": customID, "component_type": b["type"]})
	})
	return i
}

func findButton(comps []any, id string) obj {
	for _, c := range comps {
		o, _ := c.(map[string]any)
		if o["custom_id"] == id {
			return o
		}
		inner, _ := o["components"].([]any)
		if b := findButton(inner, id); b != nil {
			return b
		}
	}
	return nil
}

// StartThread starts a public thread, with the line in the channel that tells of
// it (type 18). The bot sees it without being a member.
func (p *Person) StartThread(c *Channel, name string) *Channel {
	var h *Channel
	p.with(func(s *Server, u *user) {
		ch := s.channels[c.ID]
		s.checkSees(u, ch)
		t := s.newChannel(ch.g, name, PublicThread)
		t.parent, t.owner, t.members = ch, u.id, []string{u.id}
		d := t.json()
		d["newly_created"] = true
		s.emit(event{t: "THREAD_CREATE", need: intentGuilds, ch: t, d: d})
		s.put(&message{ch: ch, author: u, kind: 18, content: name, extra: obj{"message_reference": obj{"channel_id": t.id, "guild_id": ch.g.id}}})
		h = s.handle(t)
	})
	return h
}
