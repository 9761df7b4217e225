package discordtest

import (
	"net/http"
	"slices"
	"strings"
)

// maxHooks is how many webhooks a channel takes (reference 2).
const maxHooks = 15

func getWebhooks(c *call) (int, any, *failure) {
	ch, f := c.managed()
	if f != nil {
		return 0, nil, f
	}
	return http.StatusOK, c.s.hooksJSON(ch), nil
}

// managed is a channel whose webhooks the bot may manage.
func (c *call) managed() (*channel, *failure) {
	ch, f := c.place()
	switch {
	case f != nil:
		return nil, f
	case ch.g == nil || isThread(ch.kind):
		return nil, &failure{400, 50024, "Cannot execute action on this channel type", nil, true}
	case !c.s.may(ch, ManageWebhooks):
		return nil, missing("MANAGE_WEBHOOKS")
	}
	return ch, nil
}

func (s *Server) hooksJSON(ch *channel) []any {
	out := []any{}
	for _, h := range ch.hooks {
		out = append(out, h.json(s))
	}
	return out
}

func getGuildWebhooks(c *call) (int, any, *failure) {
	g, f := c.guild()
	if f == nil && g.permissions(c.s.bot.id, nil)&ManageWebhooks == 0 {
		f = missing("MANAGE_WEBHOOKS")
	}
	if f != nil {
		return 0, nil, f
	}
	out := []any{}
	for _, ch := range g.channels {
		out = append(out, c.s.hooksJSON(ch)...)
	}
	return http.StatusOK, out, nil
}

func postWebhook(c *call) (int, any, *failure) {
	ch, f := c.managed()
	if f != nil {
		return 0, nil, f
	}
	name, _ := c.JSON["name"].(string)
	if f := hookName("name", name); f != nil {
		return 0, nil, f
	}
	if a := c.JSON["avatar"]; a != nil {
		if s, ok := a.(string); !ok || s != "" && !strings.HasPrefix(s, "data:image/") {
			return 0, nil, invalid("avatar", "IMAGE_INVALID", "not a data URI")
		}
	}
	if len(ch.hooks) >= maxHooks {
		return 0, nil, &failure{400, 30007, "Maximum number of webhooks reached (15)", nil, false}
	}
	h := c.s.addHook(ch, name, c.s.bot.id)
	return http.StatusOK, h.json(c.s), nil
}

// addHook makes a webhook. app is empty for one that a person made.
func (s *Server) addHook(ch *channel, name, app string) *webhook {
	h := &webhook{id: s.newID(), name: name, ch: ch, app: app, owner: app}
	h.token = "hook-" + signature(h.id, s.o.Token)[:32]
	s.webhooks[h.id] = h
	ch.hooks = append(ch.hooks, h)
	s.hooksChanged(ch)
	return h
}

func (s *Server) hooksChanged(ch *channel) {
	s.emit(event{t: "WEBHOOKS_UPDATE", need: intentWebhooks, ch: ch, d: obj{"guild_id": ch.g.id, "channel_id": ch.id}})
	s.notify()
}

func (s *Server) dropHook(h *webhook) {
	delete(s.webhooks, h.id)
	h.ch.hooks = slices.DeleteFunc(h.ch.hooks, func(o *webhook) bool { return o == h })
	s.hooksChanged(h.ch)
}

func deleteWebhook(c *call) (int, any, *failure) {
	h := c.s.webhooks[c.param["webhook"]]
	if h == nil {
		return 0, nil, unknown("Webhook", 10015)
	}
	if !c.s.may(h.ch, ManageWebhooks) {
		return 0, nil, missing("MANAGE_WEBHOOKS")
	}
	c.s.dropHook(h)
	return http.StatusNoContent, nil, nil
}

// hook finds the webhook of a call by id and token.
func (c *call) hook() (*webhook, *failure) {
	h := c.s.webhooks[c.param["webhook"]]
	switch {
	case h == nil:
		return nil, unknown("Webhook", 10015)
	case h.token != c.param["token"]:
		return nil, &failure{401, 50027, "Invalid Webhook Token", nil, false}
	}
	return h, nil
}

// hookPlace is where a webhook writes: its channel, or one of its threads.
func (c *call) hookPlace(h *webhook) (*channel, *failure) {
	id := c.Query.Get("thread_id")
	if id == "" {
		return h.ch, nil
	}
	ch := c.s.channels[id]
	if ch == nil || ch.gone || ch.parent != h.ch {
		return nil, unknown("Channel", 10003)
	}
	return ch, nil
}

// execute is POST /webhooks/{id}/{token}: a message, or an interaction's
// follow-up if the id is the application's.
func execute(c *call) (int, any, *failure) {
	s := c.s
	if c.param["webhook"] == s.bot.id {
		return followup(c)
	}
	h, f := c.hook()
	if f != nil {
		return 0, nil, f
	}
	ch, f := c.hookPlace(h)
	if f != nil {
		return 0, nil, f
	}
	d, f := c.message(c.JSON, c.Files)
	switch {
	case f != nil:
	case d.empty():
		f = &failure{400, 50006, "Cannot send an empty message", nil, true}
	case ch.locked:
		f = &failure{400, 50083, "Thread is archived", nil, false}
	}
	if f != nil {
		return 0, nil, f
	}
	if d.allowed == nil {
		s.violation("%s %s: no allowed_mentions: users would be pinged", c.Method, redact(c.Path))
		d.allowed = &allowed{allUsers: true}
	}
	s.unarchive(ch)
	m := &message{ch: ch, author: &user{id: h.id, bot: true}, hook: h, hookName: h.name, avatarURL: d.avatarURL, content: d.content,
		flags: d.flags, embeds: d.embeds, comps: d.comps, app: h.app}
	if d.username != "" {
		m.hookName = d.username
	}
	s.attach(m, d.files)
	s.ping(m, d.allowed, true)
	s.put(m)
	if c.Query.Get("wait") != "true" && c.Query.Get("wait") != "1" {
		return http.StatusNoContent, nil, nil
	}
	return http.StatusOK, m.json(s), nil
}

// hookMessage gets, edits or deletes a message of a webhook or an interaction.
func hookMessage(c *call) (int, any, *failure) {
	s := c.s
	var m *message
	var f *failure
	if c.param["webhook"] == s.bot.id {
		m, f = c.answered()
	} else {
		m, f = c.ofHook()
	}
	if f != nil {
		return 0, nil, f
	}
	switch c.Method {
	case http.MethodDelete:
		s.remove(m)
		return http.StatusNoContent, nil, nil
	case http.MethodPatch:
		d, f := c.message(c.JSON, nil)
		if f == nil {
			f = s.apply(c, m, d)
		}
		if f != nil {
			return 0, nil, f
		}
		s.settle(m)
	}
	return http.StatusOK, m.json(s), nil
}

func (c *call) ofHook() (*message, *failure) {
	h, f := c.hook()
	if f != nil {
		return nil, f
	}
	ch, f := c.hookPlace(h)
	if f != nil {
		return nil, f
	}
	m := c.s.messages[c.param["message"]]
	if m == nil || m.gone || m.hook != h || m.ch != ch {
		return nil, unknown("Message", 10008)
	}
	return m, nil
}
