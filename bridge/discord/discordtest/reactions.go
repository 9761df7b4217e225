package discordtest

import (
	"net/http"
	"slices"
)

func putReaction(c *call) (int, any, *failure) {
	m, f := c.lookup()
	if f == nil {
		f = c.emoji()
	}
	if f == nil && !c.s.may(m.ch, AddReactions|ReadHistory) {
		f = missing("ADD_REACTIONS")
	}
	if f == nil && m.ch.g == nil {
		f = c.s.reachable(m.ch)
	}
	if f != nil {
		return 0, nil, f
	}
	c.s.react(m, c.s.bot, c.param["emoji"], true)
	return http.StatusNoContent, nil, nil
}

func deleteReaction(c *call) (int, any, *failure) {
	m, f := c.lookup()
	if f == nil {
		f = c.emoji()
	}
	if f != nil {
		return 0, nil, f
	}
	c.s.react(m, c.s.bot, c.param["emoji"], false)
	return http.StatusNoContent, nil, nil
}

func (c *call) emoji() *failure {
	if _, ok := parseEmoji(c.param["emoji"]); !ok {
		return &failure{400, 10014, "Unknown Emoji", nil, true}
	}
	return nil
}

// react adds or takes back a reaction and tells it, if that changed anything.
func (s *Server) react(m *message, u *user, emoji string, on bool) {
	want, _ := parseEmoji(emoji)
	i := slices.IndexFunc(m.reactions, func(r *reaction) bool { return r.key() == want.key() })
	if i < 0 {
		if !on {
			return
		}
		m.reactions = append(m.reactions, &want)
		i = len(m.reactions) - 1
	}
	r := m.reactions[i]
	if slices.Contains(r.users, u.id) == on {
		return
	}
	t := "MESSAGE_REACTION_ADD"
	d := obj{"user_id": u.id, "channel_id": m.ch.id, "message_id": m.id, "emoji": r.json(), "burst": false, "type": 0}
	if m.ch.g != nil {
		d["guild_id"] = m.ch.g.id
	}
	if on {
		r.users = append(r.users, u.id)
		if m.hook == nil {
			d["message_author_id"] = m.author.id
		}
		if g := m.ch.g; g != nil && g.members[u.id] != nil {
			d["member"] = g.members[u.id].json(true)
		}
	} else {
		t = "MESSAGE_REACTION_REMOVE"
		r.users = slices.DeleteFunc(r.users, func(id string) bool { return id == u.id })
		if len(r.users) == 0 {
			m.reactions = slices.Delete(m.reactions, i, i+1)
		}
	}
	s.emit(event{t: t, need: byPlace(m.ch, intentReactions, intentDirectReaction), ch: m.ch, d: d})
	s.notify()
}

func postTyping(c *call) (int, any, *failure) {
	ch, f := c.place()
	if f == nil {
		f = c.s.reachable(ch)
	}
	if f != nil {
		return 0, nil, f
	}
	c.s.typing(ch, c.s.bot)
	return http.StatusNoContent, nil, nil
}

func (s *Server) typing(ch *channel, u *user) {
	d := obj{"channel_id": ch.id, "user_id": u.id, "timestamp": s.o.Now().Unix()}
	if ch.g != nil {
		d["guild_id"] = ch.g.id
		if m := ch.g.members[u.id]; m != nil {
			d["member"] = m.json(true)
		}
	}
	s.emit(event{t: "TYPING_START", need: byPlace(ch, intentTyping, intentDirectTyping), ch: ch, d: d})
}
