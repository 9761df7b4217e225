package discordtest

import (
	"encoding/json"
	"slices"
	"strings"
)

// op 8 (reference 2 and 5, Discord's documentation, Request Guild Members).
const (
	maxAsked  = 100  // user_ids, or members for a prefix
	chunkSize = 1000 // members in one GUILD_MEMBERS_CHUNK
	wholeWait = 30   // seconds between two questions for a whole guild
	defLarge  = 50   // large_threshold when the client says nothing
	maxLarge  = 250  // and the most it may say
)

// rightToken knows the token with and without "Bot ", as the gateway does.
func (s *Server) rightToken(t string) bool {
	return s.token != "" && strings.TrimPrefix(t, "Bot ") == s.token
}

// identify makes a session, unless something is wrong with it (reference 8.2).
func (c *conn) identify(d json.RawMessage) {
	var p struct {
		Token      string            `json:"token"`
		Intents    *int              `json:"intents"`
		Properties map[string]string `json:"properties"`
		Compress   bool              `json:"compress"`
		Threshold  *int              `json:"large_threshold"`
		Presence   json.RawMessage   `json:"presence"`
	}
	s := c.s
	if err := json.Unmarshal(d, &p); err != nil || p.Intents == nil || p.Properties == nil {
		c.wrong(closeDecode, "IDENTIFY with %v, intents and properties are needed", err)
		return
	}
	if c.ss != nil {
		c.wrong(closeAlready, "a second IDENTIFY")
		return
	}
	s.gw.identifies++
	if !s.spend(c) || !c.admitted(p.Token, *p.Intents) || c.trick(AtIdentify) {
		return
	}
	ss := &session{id: s.newID(), intents: *p.Intents, threshold: defLarge, since: s.o.Now(), conn: c}
	if p.Threshold != nil {
		ss.threshold = min(max(*p.Threshold, defLarge), maxLarge)
	}
	if len(s.gw.order) >= maxSessions {
		s.forget(s.gw.order[0])
	}
	s.gw.sessions[ss.id] = ss
	s.gw.order = append(s.gw.order, ss.id)
	c.ss, c.compress = ss, p.Compress
	c.ready(ss)
}

// spend takes one IDENTIFY from the day's allowance; without one left Discord
// takes the token away (reference 5).
func (s *Server) spend(c *conn) bool {
	if s.left <= 0 {
		s.violation("gateway: an IDENTIFY over the limit: the token is reset")
		s.token = ""
		c.close(closeToken)
		return false
	}
	now := s.o.Now()
	if every := s.o.IdentifyEvery; every > 0 && !s.lastIdfy.IsZero() && now.Sub(s.lastIdfy) < every {
		s.violation("gateway: two IDENTIFYs within %v", every)
		c.op(9, false)
		return false
	}
	s.left--
	s.lastIdfy = now
	return true
}

// admitted checks token and intents. A wrong token or a disabled intent is the
// operator's fault and no violation.
func (c *conn) admitted(token string, intents int) bool {
	switch {
	case !c.s.rightToken(token):
		c.close(closeToken)
	case intents&^knownIntents != 0:
		c.wrong(closeIntents, "intents %d", intents)
	case intents&privileged&^c.s.intents != 0:
		c.close(closeIntentDisabled)
	default:
		return true
	}
	return false
}

// ready sends READY and the guilds.
func (c *conn) ready(ss *session) {
	s := c.s
	guilds := []any{}
	for _, g := range s.guilds {
		if g.botIn {
			guilds = append(guilds, obj{"id": g.id, "unavailable": true})
		}
	}
	s.readyOrResumed(ss, "READY", obj{"v": c.version, "user": s.bot.json(), "guilds": guilds, "session_id": ss.id, "resume_gateway_url": s.GatewayURL(),
		"private_channels": []any{}, "relationships": []any{}, "application": obj{"id": s.bot.id, "flags": s.flags()}})
	for _, g := range s.guilds {
		if g.botIn && !g.unavailable && ss.intents&intentGuilds != 0 {
			ss.send(s, "GUILD_CREATE", s.guildCreate(g, ss), spoil{})
		}
	}
}

// readyOrResumed sends one of the two, which tests may spoil like any event.
func (s *Server) readyOrResumed(ss *session, t string, d obj) {
	if change := s.gw.takeRewrite(t); change != nil {
		d = clone(d)
		change(d)
	}
	ss.send(s, t, d, s.gw.takeSpoil(t))
}

// flags of the application: the limited form of each privileged intent that is
// on (reference 2: bits 13, 15 and 19).
func (s *Server) flags() int {
	f := 0
	for intent, bit := range map[int]int{intentPresences: 13, intentMembers: 15, intentContent: 19} {
		if s.intents&intent != 0 {
			f |= 1 << bit
		}
	}
	return f
}

// resume replays what the client missed, then says RESUMED (reference 8.2).
func (c *conn) resume(d json.RawMessage) {
	var p struct {
		Token   string `json:"token"`
		Session string `json:"session_id"`
		Seq     *int64 `json:"seq"`
	}
	s := c.s
	if json.Unmarshal(d, &p) != nil || p.Seq == nil {
		c.wrong(closeDecode, "RESUME with %d bytes", len(d))
		return
	}
	if c.ss != nil {
		c.wrong(closeAlready, "RESUME in a session")
		return
	}
	ss := s.gw.sessions[p.Session]
	switch {
	case !s.rightToken(p.Token):
		c.close(closeToken)
		return
	case c.trick(AtResume):
		return
	case ss == nil || ss.lost || ss.seq-*p.Seq > int64(len(ss.log)):
		s.forget(p.Session)
		c.op(9, false)
		return
	case *p.Seq > ss.seq:
		s.forget(ss.id)
		c.wrong(closeSeq, "RESUME from %d of %d", *p.Seq, ss.seq)
		return
	case s.o.MaxSessionAge > 0 && s.o.Now().Sub(ss.since) > s.o.MaxSessionAge:
		s.forget(ss.id)
		c.close(closeTimeout)
		return
	}
	if old := ss.conn; old != nil {
		old.close(4000) // taken over
	}
	ss.conn, c.ss = c, ss
	for _, frame := range ss.log[int64(len(ss.log))-(ss.seq-*p.Seq):] {
		c.push(frame)
	}
	s.gw.resumes++
	s.readyOrResumed(ss, "RESUMED", obj{"_trace": []any{}})
}

// members answers op 8.
func (c *conn) members(d json.RawMessage) {
	var p struct {
		Guild     json.RawMessage `json:"guild_id"`
		Query     *string         `json:"query"`
		Limit     *int            `json:"limit"`
		Users     []string        `json:"user_ids"`
		Presences bool            `json:"presences"`
		Nonce     string          `json:"nonce"`
	}
	id, ok := "", json.Unmarshal(d, &p) == nil
	if ok {
		id, ok = oneID(p.Guild)
	}
	switch {
	case !ok || (p.Query == nil) == (p.Users == nil):
		c.wrong(closeDecode, "op 8 with %d bytes: one guild, and query or user_ids", len(d))
		return
	case p.Query != nil && p.Limit == nil:
		c.wrong(closeDecode, "op 8 with a query and no limit")
		return
	case len(p.Users) > maxAsked || p.Query != nil && *p.Query != "" && (*p.Limit > maxAsked || *p.Limit < 1):
		c.s.violation("gateway: op 8 for more than %d members", maxAsked)
		return
	}
	g := c.s.guild(id)
	if g == nil || !g.botIn {
		c.s.violation("gateway: op 8 for guild %s, where the bot is not", id)
		return
	}
	limit := 0
	if p.Limit != nil {
		limit = *p.Limit
	}
	if p.Query != nil && *p.Query == "" && !c.wholeGuild(g, limit, p.Nonce) {
		return
	}
	found, missing := g.find(p.Query, p.Users, limit)
	c.chunks(g, found, missing, p.Presences && c.ss.intents&intentPresences != 0, p.Nonce)
}

// oneID reads a guild_id: a string, or a list of one as discordgo sends.
func oneID(raw json.RawMessage) (string, bool) {
	var id string
	if json.Unmarshal(raw, &id) == nil {
		return id, id != ""
	}
	var ids []string
	if json.Unmarshal(raw, &ids) != nil || len(ids) != 1 {
		return "", false
	}
	return ids[0], true
}

// wholeGuild tells whether a whole guild may be asked for: with the intent for
// members, once in 30 s (reference 3.6).
func (c *conn) wholeGuild(g *guild, limit int, nonce string) bool {
	if limit == 0 && c.ss.intents&intentMembers == 0 {
		c.s.violation("gateway: op 8 for a whole guild without the GUILD_MEMBERS intent")
		return false
	}
	now := c.s.o.Now()
	if wait := wholeWait - now.Sub(g.asked).Seconds(); !g.asked.IsZero() && wait > 0 {
		c.ss.send(c.s, "RATE_LIMITED", obj{"opcode": 8, "retry_after": wait, "meta": obj{"guild_id": g.id, "nonce": nonce}}, spoil{})
		return false
	}
	g.asked = now
	return true
}

// find looks members up by prefix of their username or nick, or by id.
func (g *guild) find(query *string, ids []string, limit int) (found []*member, missing []string) {
	if query == nil {
		for _, id := range ids {
			if m := g.members[id]; m != nil {
				found = append(found, m)
			} else {
				missing = append(missing, id)
			}
		}
		return found, missing
	}
	for _, id := range g.joined {
		m := g.members[id]
		if m.matches(*query) && (limit == 0 || len(found) < limit) {
			found = append(found, m)
		}
	}
	return found, nil
}

func (m *member) matches(prefix string) bool {
	prefix = strings.ToLower(prefix)
	return strings.HasPrefix(strings.ToLower(m.u.username), prefix) || strings.HasPrefix(strings.ToLower(m.nick), prefix) ||
		strings.HasPrefix(strings.ToLower(m.u.global), prefix)
}

func (c *conn) chunks(g *guild, found []*member, missing []string, presences bool, nonce string) {
	parts := slices.Collect(slices.Chunk(found, chunkSize))
	if len(parts) == 0 {
		parts = [][]*member{nil}
	}
	for i, part := range parts {
		members, states := []any{}, []any{}
		for _, m := range part {
			members = append(members, m.json(true))
			if m.u.status != "offline" {
				states = append(states, m.u.presence(""))
			}
		}
		d := obj{"guild_id": g.id, "members": members, "chunk_index": i, "chunk_count": len(parts)}
		if i == 0 && len(missing) > 0 {
			d["not_found"] = missing
		}
		if presences {
			d["presences"] = states
		}
		if nonce != "" && len(nonce) <= 32 {
			d["nonce"] = nonce
		}
		c.ss.send(c.s, "GUILD_MEMBERS_CHUNK", d, c.s.gw.takeSpoil("GUILD_MEMBERS_CHUNK"))
	}
	c.s.notify()
}
