package discordtest

import (
	"encoding/json"
	"time"
)

// Intents (reference 2.1).
const (
	intentGuilds         = 1 << 0
	intentMembers        = 1 << 1
	intentWebhooks       = 1 << 5
	intentPresences      = 1 << 8
	intentMessages       = 1 << 9
	intentReactions      = 1 << 10
	intentTyping         = 1 << 11
	intentDirect         = 1 << 12
	intentDirectReaction = 1 << 13
	intentDirectTyping   = 1 << 14
	intentContent        = 1 << 15

	// GuildMembers, GuildPresences and MessageContent are the privileged intents,
	// for Options.Intents and SetIntents.
	GuildMembers   = intentMembers
	GuildPresences = intentPresences
	MessageContent = intentContent

	privileged = intentMembers | intentPresences | intentContent
	// knownIntents are all that Discord's documentation lists: bits 0 to 16, 20,
	// 21, 24 and 25. Another bit is 4013.
	knownIntents = 1<<17 - 1 | 1<<20 | 1<<21 | 1<<24 | 1<<25
)

// event is one dispatch before it has a number.
type event struct {
	t     string
	need  int      // one of these intents; 0: none needed
	g     *guild   // the bot must be in it
	ch    *channel // the bot must see it
	d     obj
	blank obj // what a session without the content intent gets; nil: d
}

// byPlace gives the intent for a place: in a guild, or in a DM.
func byPlace(c *channel, inGuild, direct int) int {
	if c.g == nil {
		return direct
	}
	return inGuild
}

// emit dispatches an event, or keeps it until the running REST handler is done.
// Who sees it is decided now. mu is held.
func (s *Server) emit(e event) {
	if e.ch != nil && !s.botSees(e.ch) || e.g != nil && (!e.g.botIn || e.g.unavailable) {
		return
	}
	if s.sink != nil {
		*s.sink = append(*s.sink, e)
		return
	}
	s.dispatch(e)
}

// emitMessage sends MESSAGE_CREATE or MESSAGE_UPDATE.
func (s *Server) emitMessage(t string, m *message) {
	if m.flags&ephemeral != 0 || len(s.gw.order) == 0 {
		return
	}
	d := m.event(s)
	s.emit(event{t: t, need: byPlace(m.ch, intentMessages, intentDirect), ch: m.ch, d: d, blank: s.blank(m, d)})
}

// blank empties what the content intent protects, unless the message is the
// bot's own, mentions it or is a DM (reference 2); nil if nothing is protected.
func (s *Server) blank(m *message, d obj) obj {
	if m.ch.g == nil || m.author == s.bot {
		return nil
	}
	for _, u := range m.mentions {
		if u == s.bot {
			return nil
		}
	}
	b := clone(d)
	b["content"] = ""
	for _, k := range []string{"embeds", "attachments", "components"} {
		b[k] = []any{}
	}
	delete(b, "poll")
	delete(b, "message_snapshots")
	return b
}

// dispatch numbers the event for every session that asked for it. mu is held.
func (s *Server) dispatch(e event) {
	var takers []*session
	for _, id := range s.gw.order {
		if ss := s.gw.sessions[id]; e.need == 0 || ss.intents&e.need != 0 {
			takers = append(takers, ss)
		}
	}
	if len(takers) == 0 {
		return
	}
	change := s.gw.takeRewrite(e.t)
	how := s.gw.takeSpoil(e.t)
	for _, ss := range takers {
		d := e.d
		if e.blank != nil && ss.intents&intentContent == 0 {
			d = e.blank
		}
		if change != nil {
			d = clone(d)
			change(d)
		}
		ss.send(s, e.t, d, how)
	}
	s.notify()
}

// spoil is what happens to one dispatch.
type spoil struct{ lose, repeat, reorder bool }

// send gives the event its number, keeps it for a resume and queues it.
func (ss *session) send(s *Server, t string, d any, how spoil) {
	ss.seq++
	frame := marshalFrame(obj{"op": 0, "s": ss.seq, "t": t, "d": d})
	ss.log = append(ss.log, frame)
	if len(ss.log) > maxReplay {
		ss.log = append([][]byte(nil), ss.log[maxReplay/2:]...)
	}
	c := ss.conn
	switch {
	case c == nil || how.lose:
	case how.reorder:
		c.behind = append(c.behind, frame)
	case how.repeat:
		c.push(frame)
		c.push(frame)
	default:
		c.push(frame)
		late := c.behind
		c.behind = nil
		for _, f := range late {
			c.push(f)
		}
	}
}

// marshalFrame cannot fail for what this package makes; what a test puts in and
// JSON cannot say becomes null.
func marshalFrame(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return b
}

// takeRewrite and takeSpoil use up what a test armed for the next t.
func (g *gatewayState) takeRewrite(t string) func(map[string]any) {
	for i, r := range g.rewrites {
		if r.t == t || r.t == "" {
			g.rewrites = append(g.rewrites[:i:i], g.rewrites[i+1:]...)
			return r.change
		}
	}
	return nil
}

func (g *gatewayState) takeSpoil(t string) spoil {
	for i, sp := range g.spoils {
		if sp.t != t && sp.t != "" {
			continue
		}
		if sp.n--; sp.n <= 0 {
			g.spoils = append(g.spoils[:i:i], g.spoils[i+1:]...)
		}
		return sp.how
	}
	return spoil{}
}

// emitGuild sends what is in one guild and not in a channel.
func (s *Server) emitGuild(t string, need int, g *guild, d obj) {
	s.emit(event{t: t, need: need, g: g, d: d})
}

// emitPresence tells a status once per common guild (reference 3.6).
func (s *Server) emitPresence(u *user) {
	for _, g := range s.guilds {
		if g.members[u.id] != nil {
			s.emitGuild("PRESENCE_UPDATE", intentPresences, g, u.presence(g.id))
		}
	}
}

// emitUser tells a change of name: one GUILD_MEMBER_UPDATE per common guild, and
// a presence with the whole user, as Discord sends to bots without the intent for
// members.
func (s *Server) emitUser(u *user) {
	for _, g := range s.guilds {
		m := g.members[u.id]
		if m == nil {
			continue
		}
		d := m.json(true)
		d["guild_id"] = g.id
		s.emitGuild("GUILD_MEMBER_UPDATE", intentMembers, g, d)
		p := u.presence(g.id)
		p["user"] = u.json()
		s.emitGuild("PRESENCE_UPDATE", intentPresences, g, p)
	}
}

// guildCreate is the guild as a session sees it (reference 8.2): without the
// presence intent only the bot as a member; of a large guild those online.
func (s *Server) guildCreate(g *guild, ss *session) obj {
	large := len(g.joined) > ss.threshold
	members, presences, channels, threads, roles := []any{}, []any{}, []any{}, []any{}, []any{}
	for _, id := range g.joined {
		m := g.members[id]
		with := ss.intents&intentPresences != 0
		if m.u == s.bot || with && (!large || m.u.status != "offline") {
			members = append(members, m.json(true))
		}
		if with && m.u.status != "offline" {
			presences = append(presences, m.u.presence(""))
		}
	}
	for _, c := range g.channels {
		switch {
		case c.gone || !c.sees(s.bot.id):
		case isThread(c.kind):
			if !c.archived {
				threads = append(threads, c.json())
			}
		default:
			channels = append(channels, c.json())
		}
	}
	for _, r := range g.roles {
		roles = append(roles, r.json())
	}
	return obj{"id": g.id, "name": g.name, "owner_id": g.owner, "roles": roles, "emojis": []any{}, "features": []any{}, "large": large,
		"joined_at": stamp(g.members[s.bot.id].since), "member_count": len(g.joined), "members": members, "presences": presences,
		"channels": channels, "threads": threads, "voice_states": []any{}, "unavailable": false, "stickers": []any{}}
}

// emitGuildCreate sends it to every session, each as it may see it.
func (s *Server) emitGuildCreate(g *guild) {
	for _, id := range s.gw.order {
		if ss := s.gw.sessions[id]; ss.intents&intentGuilds != 0 {
			ss.send(s, "GUILD_CREATE", s.guildCreate(g, ss), spoil{})
		}
	}
	s.notify()
}

// session is one IDENTIFY and all that was dispatched since.
type session struct {
	id        string
	seq       int64
	log       [][]byte // the newest dispatches, the last with number seq
	intents   int
	threshold int
	since     time.Time
	conn      *conn // nil: nobody listens
	lost      bool  // cannot be resumed
}
