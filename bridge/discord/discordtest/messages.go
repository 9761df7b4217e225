package discordtest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// nonceLife is "some minutes" (reference 4.1) in which a repeated nonce finds the
// first message.
const nonceLife = 5 * time.Minute

// place finds the channel of a call, which the bot must see.
func (c *call) place() (*channel, *failure) {
	ch := c.s.channels[c.param["channel"]]
	switch {
	case ch == nil || ch.gone || ch.g != nil && !ch.g.botIn:
		return nil, unknown("Channel", 10003)
	case !c.s.botSees(ch):
		return nil, &failure{403, 50001, "Missing Access", nil, false}
	}
	return ch, nil
}

// may says whether the bot has a permission in the channel; DMs have them all.
func (s *Server) may(ch *channel, perm int64) bool {
	return ch.g == nil || ch.g.permissions(s.bot.id, ch)&perm == perm
}

// reachable says why the bot cannot write into a DM (reference 5).
func (s *Server) reachable(ch *channel) *failure {
	if ch.g != nil {
		return nil
	}
	u := ch.recipient
	switch {
	case u.blocked || u.closed:
		return &failure{403, 50007, "Cannot send messages to this user", nil, false}
	case !s.mutual(u):
		return &failure{403, 50278, "Cannot send messages to this user due to having no mutual guilds", nil, false}
	case s.refuse == 20026 && len(ch.messages) == 0:
		return quarantined()
	}
	return nil
}

func quarantined() *failure {
	return &failure{403, 20026, "Your application has been quarantined.", nil, false}
}

func (s *Server) mutual(u *user) bool {
	return slices.ContainsFunc(s.guilds, func(g *guild) bool { return g.botIn && g.members[u.id] != nil })
}

func postMessage(c *call) (int, any, *failure) {
	s := c.s
	ch, f := c.place()
	if f != nil {
		return 0, nil, f
	}
	d, f := c.message(c.JSON, c.Files)
	if f == nil {
		f = s.sendable(ch, d)
	}
	if f != nil {
		return 0, nil, f
	}
	if d.allowed == nil {
		s.violation("%s %s: no allowed_mentions: everything would ping", c.Method, c.Path)
	}
	if old := s.sameNonce(d, ch); old != nil {
		return http.StatusOK, old.json(s), nil
	}
	m := &message{ch: ch, author: s.bot, content: d.content, nonce: d.nonce, flags: d.flags, embeds: d.embeds, comps: d.comps, replyTo: d.replyTo, poll: d.poll}
	if r := s.messages[d.replyTo]; d.replyTo != "" && (r == nil || r.gone || r.ch != ch) {
		if d.mustExist {
			return 0, nil, invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message").fair()
		}
		m.replyTo = ""
	}
	if m.replyTo != "" {
		m.kind = 19
	}
	s.attach(m, d.files)
	s.ping(m, d.allowed, s.may(ch, MentionEveryone) && ch.g != nil)
	s.put(m)
	if d.nonce != nil {
		s.nonces[jsonNumber(d.nonce)] = nonceUse{m.id, m.at}
	}
	return http.StatusOK, m.json(s), nil
}

// fair marks a refusal that the world is to blame for.
func (f *failure) fair() *failure {
	f.misuse = false
	return f
}

// sendable says why the bot cannot put a message there.
func (s *Server) sendable(ch *channel, d *draft) *failure {
	perm := int64(SendMessages)
	if isThread(ch.kind) {
		perm = SendInThreads
	}
	switch {
	case d.empty():
		return &failure{400, 50006, "Cannot send an empty message", nil, true}
	case !s.may(ch, perm):
		return missing("SEND_MESSAGES")
	case len(d.files) > 0 && !s.may(ch, AttachFiles):
		return missing("ATTACH_FILES")
	case ch.archived:
		return &failure{400, 50083, "Thread is archived", nil, false}
	}
	return s.reachable(ch)
}

// sameNonce is the message an enforced nonce was used for already.
func (s *Server) sameNonce(d *draft, ch *channel) *message {
	use, ok := s.nonces[jsonNumber(d.nonce)]
	if d.nonce == nil || !d.enforce || !ok || s.o.Now().Sub(use.at) > nonceLife {
		return nil
	}
	m := s.messages[use.id]
	if m != nil && m.ch != ch {
		s.violation("nonce %v was used in channel %s and again in %s", d.nonce, m.ch.id, ch.id)
	}
	return m
}

// attach gives files their ids.
func (s *Server) attach(m *message, files []Attachment) {
	for _, f := range files {
		m.attachments = append(m.attachments, file{f, s.newID()})
	}
}

// put gives a message its id and place and tells it to the gateway.
func (s *Server) put(m *message) {
	m.id, m.at = s.newID(), s.o.Now()
	s.messages[m.id] = m
	s.order = append(s.order, m.id)
	if len(s.order) > maxMessages {
		s.expire(s.messages[s.order[0]])
		s.order = s.order[1:]
	}
	if m.flags&ephemeral == 0 {
		m.ch.messages = append(m.ch.messages, m)
		m.ch.last = m.id
	}
	s.emitMessage("MESSAGE_CREATE", m)
	s.notify()
}

// expire forgets the oldest message of the world, without a word.
func (s *Server) expire(m *message) {
	delete(s.messages, m.id)
	delete(s.nonces, jsonNumber(m.nonce))
	if len(m.ch.messages) > 0 && m.ch.messages[0] == m {
		m.ch.messages = m.ch.messages[1:]
	}
}

// lookup finds the message of a call in its channel.
func (c *call) lookup() (*message, *failure) {
	ch, f := c.place()
	if f != nil {
		return nil, f
	}
	m := c.s.messages[c.param["message"]]
	if m == nil || m.gone || m.ch != ch || m.flags&ephemeral != 0 {
		return nil, unknown("Message", 10008)
	}
	return m, nil
}

// seen is a message as REST shows it to the bot: without the content intent its
// protected parts are empty there too.
func (s *Server) seen(m *message) obj {
	o := m.json(s)
	if s.intents&intentContent == 0 {
		if b := s.blank(m, o); b != nil {
			return b
		}
	}
	return o
}

func getMessage(c *call) (int, any, *failure) {
	m, f := c.lookup()
	if f == nil && !c.s.may(m.ch, ReadHistory) {
		f = missing("READ_MESSAGE_HISTORY")
	}
	if f != nil {
		return 0, nil, f
	}
	return http.StatusOK, c.s.seen(m), nil
}

func getMessages(c *call) (int, any, *failure) {
	ch, f := c.place()
	if f != nil {
		return 0, nil, f
	}
	limit := 50
	if q := c.Query.Get("limit"); q != "" {
		n, err := strconv.Atoi(q)
		if err != nil || n < 1 || n > 100 {
			return 0, nil, invalid("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
		}
		limit = n
	}
	out := []any{}
	if !c.s.may(ch, ReadHistory) {
		return http.StatusOK, out, nil
	}
	page, f := c.page(ch.messages, limit)
	if f != nil {
		return 0, nil, f
	}
	for _, m := range slices.Backward(page) {
		out = append(out, c.s.seen(m))
	}
	return http.StatusOK, out, nil
}

// page cuts the part of a history that before, after or around asks for.
func (c *call) page(all []*message, limit int) ([]*message, *failure) {
	var asked []string
	for _, k := range []string{"before", "after", "around"} {
		if v := c.Query.Get(k); v != "" {
			if _, err := strconv.ParseUint(v, 10, 64); err != nil {
				return nil, invalid(k, "NUMBER_TYPE_COERCE", "not a snowflake")
			}
			asked = append(asked, k)
		}
	}
	if len(asked) > 1 {
		return nil, invalid("before", "MUTUALLY_EXCLUSIVE", "only one of before, after, around")
	}
	at := func(id string) int { // the first message not before id
		i, _ := slices.BinarySearchFunc(all, id, func(m *message, id string) int { return compareIDs(m.id, id) })
		return i
	}
	from, to := max(len(all)-limit, 0), len(all)
	if len(asked) == 1 {
		id := c.Query.Get(asked[0])
		switch asked[0] {
		case "before":
			to = at(id)
			from = max(to-limit, 0)
		case "after":
			from = at(id)
			if from < len(all) && all[from].id == id {
				from++
			}
			to = min(from+limit, len(all))
		case "around":
			from = max(at(id)-limit/2, 0)
			to = min(from+limit, len(all))
		}
	}
	return all[from:to], nil
}

func patchMessage(c *call) (int, any, *failure) {
	m, f := c.lookup()
	if f != nil {
		return 0, nil, f
	}
	d, f := c.message(c.JSON, nil)
	switch {
	case f != nil:
	case m.author != c.s.bot || m.hook != nil:
		f = &failure{403, 50005, "Cannot edit a message authored by another user", nil, false}
	case m.ch.archived:
		f = &failure{400, 50083, "Thread is archived", nil, false}
	default:
		f = c.s.apply(c, m, d)
	}
	if f != nil {
		return 0, nil, f
	}
	return http.StatusOK, m.json(c.s), nil
}

// apply edits a message with what the body names.
func (s *Server) apply(c *call, m *message, d *draft) *failure {
	if d.hasContent && d.allowed == nil {
		s.violation("%s %s: no allowed_mentions", c.Method, redact(c.Path))
	}
	if d.hasContent {
		m.content = d.content
	}
	if d.hasEmbeds {
		m.embeds = d.embeds
	}
	if d.hasComps {
		m.comps = d.comps
	}
	if m.content == "" && len(m.embeds)+len(m.attachments)+len(m.comps) == 0 {
		return &failure{400, 50006, "Cannot send an empty message", nil, true}
	}
	m.edited = s.o.Now()
	s.emitMessage("MESSAGE_UPDATE", m)
	return nil
}

func deleteMessage(c *call) (int, any, *failure) {
	m, f := c.lookup()
	if f == nil && m.author != c.s.bot && !(m.ch.g != nil && c.s.may(m.ch, ManageMessages)) {
		f = missing("MANAGE_MESSAGES")
	}
	if f != nil {
		return 0, nil, f
	}
	c.s.remove(m)
	return http.StatusNoContent, nil, nil
}

// remove deletes a message and tells it.
func (s *Server) remove(m *message) {
	if m.gone {
		return
	}
	m.gone = true
	m.ch.messages = slices.DeleteFunc(m.ch.messages, func(o *message) bool { return o == m })
	if m.flags&ephemeral != 0 {
		return
	}
	d := obj{"id": m.id, "channel_id": m.ch.id}
	if m.ch.g != nil {
		d["guild_id"] = m.ch.g.id
	}
	s.emit(event{t: "MESSAGE_DELETE", need: byPlace(m.ch, intentMessages, intentDirect), ch: m.ch, d: d})
	s.notify()
}
