package discordtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// timeFormat is Discord's: RFC 3339 with microseconds and +00:00.
const timeFormat = "2006-01-02T15:04:05.000000-07:00"

// linkLife is how long a signed attachment link works (reference 2).
const linkLife = 24 * time.Hour

func stamp(t time.Time) string { return t.UTC().Format(timeFormat) }

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (u *user) json() obj {
	return obj{"id": u.id, "username": u.username, "discriminator": u.discriminator, "global_name": orNil(u.global),
		"avatar": nil, "bot": u.bot, "system": false, "public_flags": 0}
}

func (m *member) json(withUser bool) obj {
	o := obj{"nick": orNil(m.nick), "roles": append([]string{}, m.roles...), "joined_at": stamp(m.since), "avatar": nil,
		"flags": 0, "pending": false, "mute": false, "deaf": false}
	if withUser {
		o["user"] = m.u.json()
	}
	return o
}

func (r *role) json() obj {
	return obj{"id": r.id, "name": r.name, "permissions": itoa(r.perms), "position": 0, "color": 0, "hoist": false, "managed": false, "mentionable": false}
}

func (u *user) presence(guild string) obj {
	o := obj{"user": obj{"id": u.id}, "status": u.status, "activities": []any{}, "client_status": obj{}}
	if u.status != "offline" {
		o["client_status"] = obj{"desktop": u.status}
		if u.text != "" {
			o["activities"] = []any{obj{"name": "Custom Status", "type": 4, "state": u.text, "id": "custom"}}
		}
	}
	if guild != "" {
		o["guild_id"] = guild
	}
	return o
}

func (c *channel) json() obj {
	o := obj{"id": c.id, "type": c.kind, "last_message_id": orNil(c.last), "flags": 0}
	if c.kind == DirectMessage {
		o["recipients"] = []any{c.recipient.json()}
		return o
	}
	o["guild_id"], o["name"], o["position"], o["topic"], o["nsfw"] = c.g.id, c.name, 0, orNil(c.topic), false
	ow := []any{}
	for _, w := range c.overwrites {
		ow = append(ow, obj{"id": w.ID, "type": w.Type, "allow": itoa(w.Allow), "deny": itoa(w.Deny)})
	}
	o["permission_overwrites"], o["parent_id"] = ow, nil
	if c.parent != nil {
		o["parent_id"] = c.parent.id
	}
	if isThread(c.kind) {
		o["owner_id"], o["member_count"], o["message_count"] = c.owner, len(c.members), len(c.messages)
		o["thread_metadata"] = obj{"archived": c.archived, "auto_archive_duration": c.archive, "locked": c.locked,
			"invitable": c.invitable, "archive_timestamp": stamp(time.UnixMilli(epoch))}
	}
	return o
}

// json of a webhook; the token is shown only to its own application.
func (w *webhook) json(s *Server) obj {
	o := obj{"id": w.id, "type": 1, "guild_id": w.ch.g.id, "channel_id": w.ch.id, "name": w.name, "avatar": w.avatar, "application_id": orNil(w.app)}
	if u := s.users[w.owner]; u != nil {
		o["user"] = u.json()
	}
	if w.app == "" || w.app == s.bot.id {
		o["token"] = w.token
	}
	return o
}

func (s *Server) attachmentJSON(c *channel, f file) obj {
	link := s.link(c, f)
	o := obj{"id": f.id, "filename": f.Filename, "size": len(f.Data), "url": link, "proxy_url": link, "flags": 0}
	for k, v := range map[string]string{"content_type": f.ContentType, "description": f.Description} {
		if v != "" {
			o[k] = v
		}
	}
	if f.Width > 0 {
		o["width"], o["height"] = f.Width, f.Height
	}
	if f.Duration > 0 {
		o["duration_secs"], o["waveform"] = f.Duration, "AAAA"
	}
	return o
}

// link to an attachment: signed, and dead a day later (ex, hexadecimal seconds).
func (s *Server) link(c *channel, f file) string {
	now := s.o.Now()
	ex := fmt.Sprintf("%x", now.Add(linkLife).Unix())
	return fmt.Sprintf("%s/attachments/%s/%s/%s?ex=%s&is=%x&hm=%s", s.http.URL, c.id, f.id, url.PathEscape(f.Filename), ex, now.Unix(), signature(f.id, ex))
}

func signature(id, ex string) string {
	h := sha256.Sum256([]byte(id + "/" + ex))
	return hex.EncodeToString(h[:])
}

func (m *message) authorJSON() obj {
	if m.hook == nil {
		return m.author.json()
	}
	return obj{"id": m.hook.id, "username": m.hookName, "avatar": orNil(m.avatarURL), "discriminator": "0000", "bot": true, "global_name": nil}
}

// json of a message as REST tells it: without guild_id and member, which only
// events have.
func (m *message) json(s *Server) obj {
	o := obj{"id": m.id, "channel_id": m.ch.id, "author": m.authorJSON(), "content": m.content, "timestamp": stamp(m.at), "edited_timestamp": nil,
		"tts": false, "mention_everyone": m.everyone, "mention_roles": append([]string{}, m.mentionRoles...), "pinned": false, "type": m.kind, "flags": m.flags,
		"embeds": append([]any{}, m.embeds...), "components": append([]any{}, m.comps...)}
	if !m.edited.IsZero() {
		o["edited_timestamp"] = stamp(m.edited)
	}
	mentions, files := []any{}, []any{}
	for _, u := range m.mentions {
		mentions = append(mentions, u.json())
	}
	for _, f := range m.attachments {
		files = append(files, s.attachmentJSON(m.ch, f))
	}
	o["mentions"], o["attachments"] = mentions, files
	m.addOptional(s, o)
	for k, v := range m.extra {
		o[k] = v
	}
	return clone(o)
}

// addOptional adds the keys that are there only when they say something.
func (m *message) addOptional(s *Server, o obj) {
	if m.nonce != nil {
		o["nonce"] = m.nonce
	}
	if m.hook != nil {
		o["webhook_id"] = m.hook.id
	}
	if m.app != "" {
		o["application_id"] = m.app
	}
	if m.poll != nil {
		o["poll"] = m.poll
	}
	if len(m.stickers) > 0 {
		var items []any
		for _, st := range m.stickers {
			items = append(items, obj{"id": st.ID, "name": st.Name, "format_type": st.Format})
		}
		o["sticker_items"] = items
	}
	if len(m.reactions) > 0 {
		o["reactions"] = m.reactionsJSON(s)
	}
	if m.replyTo != "" {
		o["message_reference"] = m.reference(m.replyTo, m.ch, 0)
		o["referenced_message"] = nil
		if r := s.messages[m.replyTo]; r != nil && !r.gone {
			r = r.shallow()
			o["referenced_message"] = r.json(s)
		}
	}
	if f := m.forward; f != nil {
		o["message_reference"] = m.reference(f.id, f.ch, 1)
		snap := f.shallow().json(s)
		for _, k := range []string{"id", "channel_id", "author", "nonce", "reactions", "pinned", "tts", "mention_everyone", "webhook_id", "application_id"} {
			delete(snap, k)
		}
		o["message_snapshots"] = []any{obj{"message": snap}}
	}
	if m.inter != nil {
		o["interaction_metadata"] = obj{"id": m.inter.id, "type": m.inter.kind, "user": m.inter.u.json(), "authorizing_integration_owners": obj{}}
	}
}

// shallow is the message without what it refers to, as Discord nests it.
func (m *message) shallow() *message {
	c := *m
	c.replyTo, c.forward, c.extra = "", nil, nil
	return &c
}

func (m *message) reference(id string, c *channel, kind int) obj {
	r := obj{"type": kind, "message_id": id, "channel_id": c.id}
	if c.g != nil {
		r["guild_id"] = c.g.id
	}
	return r
}

func (m *message) reactionsJSON(s *Server) []any {
	var all []any
	for _, r := range m.reactions {
		all = append(all, obj{"count": len(r.users), "me": slices.Contains(r.users, s.bot.id), "emoji": r.json(), "burst_colors": []any{}})
	}
	return all
}

func (r *reaction) json() obj { return obj{"id": orNil(r.id), "name": r.name, "animated": r.animated} }

// key is how a route or a test names the emoji: "👍" or "name:id".
func (r *reaction) key() string {
	if r.id == "" {
		return r.name
	}
	return r.name + ":" + r.id
}

// parseEmoji reads "👍" or "name:id". A bare word is no emoji.
func parseEmoji(s string) (reaction, bool) {
	name, id, custom := strings.Cut(s, ":")
	if custom {
		return reaction{name: strings.TrimPrefix(name, "a:"), id: id}, name != "" && id != "" && strings.Trim(id, "0123456789") == ""
	}
	for _, r := range s {
		if r > 0x200 {
			return reaction{name: s}, true
		}
	}
	return reaction{}, false
}

// event puts guild_id and member on a message, as the gateway does.
func (m *message) event(s *Server) obj {
	o := m.json(s)
	if g := m.ch.g; g != nil {
		if _, set := m.extra["guild_id"]; !set {
			o["guild_id"] = g.id
		}
		if m.hook == nil && g.members[m.author.id] != nil {
			if _, set := m.extra["member"]; !set {
				o["member"] = g.members[m.author.id].json(false)
			}
		}
	}
	return o
}
