package discordtest

import "slices"

// Unfurl adds a link preview to a message: a MESSAGE_UPDATE that is no edit.
func (s *Server) Unfurl(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.need(id)
	m.embeds = append(m.embeds, obj{"type": "link", "title": "a preview", "url": "https://example.com/"})
	s.emitMessage("MESSAGE_UPDATE", m)
	s.notify()
}

// BulkDelete deletes several messages at once, as moderators' bots do.
func (s *Server) BulkDelete(c *Channel, ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.channels[c.ID]
	d := obj{"ids": ids, "channel_id": ch.id}
	if ch.g != nil {
		d["guild_id"] = ch.g.id
	}
	for _, id := range ids {
		s.need(id).gone = true
	}
	ch.messages = slices.DeleteFunc(ch.messages, func(m *message) bool { return m.gone })
	s.emit(event{t: "MESSAGE_DELETE_BULK", need: byPlace(ch, intentMessages, intentDirect), ch: ch, d: d})
	s.notify()
}

// Messages are those of a channel that were not deleted, oldest first.
func (s *Server) Messages(c *Channel) []Message {
	return s.list(c, func(*message) bool { return true })
}

// Sent are those that the bot or one of its webhooks wrote.
func (s *Server) Sent(c *Channel) []Message {
	return s.list(c, func(m *message) bool { return m.author == s.bot || m.hook != nil && m.hook.app == s.bot.id })
}

func (s *Server) list(c *Channel, want func(*message) bool) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	for _, m := range s.channels[c.ID].messages {
		if want(m) {
			all = append(all, m.public())
		}
	}
	return all
}

// Message finds one by its id, an ephemeral one too.
func (s *Server) Message(id string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[id]
	if m == nil || m.gone {
		return Message{}, false
	}
	return m.public(), true
}
