package discordtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxThreadMembers in one thread (reference 5).
const maxThreadMembers = 1000

func getGateway(c *call) (int, any, *failure) {
	return http.StatusOK, obj{"url": c.s.GatewayURL()}, nil
}

func getGatewayBot(c *call) (int, any, *failure) {
	return http.StatusOK, obj{"url": c.s.GatewayURL(), "shards": 1, "session_start_limit": obj{
		"total": c.s.o.Identifies, "remaining": c.s.left, "reset_after": 14400000, "max_concurrency": 1}}, nil
}

func getMe(c *call) (int, any, *failure) { return http.StatusOK, c.s.bot.json(), nil }

func getUser(c *call) (int, any, *failure) {
	u := c.s.users[c.param["user"]]
	if u == nil {
		return 0, nil, unknown("User", 10013)
	}
	return http.StatusOK, u.json(), nil
}

func getApplication(c *call) (int, any, *failure) {
	return http.StatusOK, obj{"id": c.s.bot.id, "name": c.s.bot.username, "description": "", "icon": nil, "flags": c.s.flags(), "bot_public": true,
		"bot_require_code_grant": false, "bot": c.s.bot.json()}, nil
}

// openDM gives the DM with somebody: the same one each time (reference 3.3).
func openDM(c *call) (int, any, *failure) {
	s := c.s
	id, _ := c.JSON["recipient_id"].(string)
	u := s.users[id]
	switch {
	case u == nil || u == s.bot:
		return 0, nil, &failure{400, 50033, "Invalid Recipient(s)", nil, u == s.bot || id == ""}
	case u.dm == nil && s.refuse == 20026:
		return 0, nil, quarantined()
	case u.dm == nil && s.refuse != 0:
		return 0, nil, &failure{403, s.refuse, "You are opening direct messages too fast.", nil, false}
	}
	return http.StatusOK, s.dmWith(u).json(), nil
}

func getChannel(c *call) (int, any, *failure) {
	ch, f := c.place()
	if f != nil {
		return 0, nil, f
	}
	return http.StatusOK, ch.json(), nil
}

// patchChannel changes a name, topic, or a thread's archived and locked.
func patchChannel(c *call) (int, any, *failure) {
	ch, f := c.place()
	if f != nil {
		return 0, nil, f
	}
	perm := int64(ManageChannels)
	if isThread(ch.kind) {
		perm = ManageThreads
	}
	if ch.owner != c.s.bot.id && !c.s.may(ch, perm) {
		return 0, nil, missing("MANAGE_CHANNELS")
	}
	if name, ok := c.JSON["name"].(string); ok {
		if n := utf8.RuneCountInString(name); n < 1 || n > 100 {
			return 0, nil, invalid("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
		}
		ch.name = name
	}
	if topic, ok := c.JSON["topic"].(string); ok {
		ch.topic = topic
	}
	for key, into := range map[string]*bool{"archived": &ch.archived, "locked": &ch.locked, "invitable": &ch.invitable} {
		if v, ok := c.JSON[key].(bool); ok {
			*into = v
		}
	}
	c.s.channelChanged(ch)
	return http.StatusOK, ch.json(), nil
}

// channelChanged tells a change of a channel or thread.
func (s *Server) channelChanged(ch *channel) {
	t := "CHANNEL_UPDATE"
	if isThread(ch.kind) {
		t = "THREAD_UPDATE"
	}
	s.emit(event{t: t, need: intentGuilds, ch: ch, d: ch.json()})
	s.notify()
}

// unarchive wakes a thread in which somebody writes.
func (s *Server) unarchive(ch *channel) {
	if ch.archived {
		ch.archived = false
		s.channelChanged(ch)
	}
}

func (c *call) guild() (*guild, *failure) {
	g := c.s.guild(c.param["guild"])
	if g == nil || !g.botIn {
		return nil, unknown("Guild", 10004)
	}
	return g, nil
}

func getGuild(c *call) (int, any, *failure) {
	g, f := c.guild()
	if f != nil {
		return 0, nil, f
	}
	roles := []any{}
	for _, r := range g.roles {
		roles = append(roles, r.json())
	}
	return http.StatusOK, obj{"id": g.id, "name": g.name, "owner_id": g.owner, "roles": roles, "emojis": []any{}, "features": []any{}}, nil
}

func getRoles(c *call) (int, any, *failure) {
	g, f := c.guild()
	if f != nil {
		return 0, nil, f
	}
	roles := []any{}
	for _, r := range g.roles {
		roles = append(roles, r.json())
	}
	return http.StatusOK, roles, nil
}

// getGuildChannels lists every channel that is no thread, seen or not, as Discord
// does.
func getGuildChannels(c *call) (int, any, *failure) {
	g, f := c.guild()
	if f != nil {
		return 0, nil, f
	}
	out := []any{}
	for _, ch := range g.channels {
		if !ch.gone && !isThread(ch.kind) {
			out = append(out, ch.json())
		}
	}
	return http.StatusOK, out, nil
}

func getActiveThreads(c *call) (int, any, *failure) {
	g, f := c.guild()
	if f != nil {
		return 0, nil, f
	}
	out, mine := []any{}, []any{}
	for _, ch := range g.channels {
		if isThread(ch.kind) && !ch.gone && !ch.archived && ch.sees(c.s.bot.id) {
			out = append(out, ch.json())
			if slices.Contains(ch.members, c.s.bot.id) {
				mine = append(mine, obj{"id": ch.id, "user_id": c.s.bot.id, "flags": 0})
			}
		}
	}
	return http.StatusOK, obj{"threads": out, "members": mine}, nil
}

func searchMembers(c *call) (int, any, *failure) {
	g, f := c.guild()
	if f != nil {
		return 0, nil, f
	}
	query, limit := c.Query.Get("query"), 1
	if v := c.Query.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 1000 {
			return 0, nil, invalid("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 1000.")
		}
		limit = n
	}
	if query == "" {
		return 0, nil, invalid("query", "BASE_TYPE_REQUIRED", "This field is required")
	}
	out := []any{}
	found, _ := g.find(&query, nil, limit)
	for _, m := range found {
		out = append(out, m.json(true))
	}
	return http.StatusOK, out, nil
}

func getMember(c *call) (int, any, *failure) {
	g, f := c.guild()
	if f != nil {
		return 0, nil, f
	}
	m := g.members[c.param["user"]]
	if m == nil {
		return 0, nil, unknown("Member", 10007)
	}
	return http.StatusOK, m.json(true), nil
}

// postThread starts a thread without a message. The bot is its first member.
func postThread(c *call) (int, any, *failure) {
	s := c.s
	ch, f := c.place()
	if f != nil {
		return 0, nil, f
	}
	name, _ := c.JSON["name"].(string)
	kind, perm := PrivateThread, int64(CreatePrivateThreads)
	if v, ok := c.JSON["type"].(float64); ok {
		kind = int(v)
	}
	if kind == PublicThread {
		perm = CreatePublicThreads
	}
	archive, _ := c.JSON["auto_archive_duration"].(float64)
	switch n := utf8.RuneCountInString(strings.TrimSpace(name)); {
	case ch.kind != GuildText && ch.kind != GuildNews:
		return 0, nil, &failure{400, 50024, "Cannot execute action on this channel type", nil, true}
	case n < 1 || n > 100:
		return 0, nil, invalid("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
	case kind != PublicThread && kind != PrivateThread:
		return 0, nil, invalid("type", "BASE_TYPE_CHOICES", "not a kind of thread")
	case archive != 0 && !slices.Contains([]float64{60, 1440, 4320, 10080}, archive):
		return 0, nil, invalid("auto_archive_duration", "BASE_TYPE_CHOICES", "Value must be one of (60, 1440, 4320, 10080).")
	case !s.may(ch, perm):
		return 0, nil, missing("CREATE_PRIVATE_THREADS")
	case s.activeThreads(ch.g) >= s.o.MaxThreads:
		return 0, nil, &failure{400, 160006, "Maximum number of active threads reached", nil, false}
	}
	t := s.newChannel(ch.g, name, kind)
	t.parent, t.owner, t.members, t.invitable = ch, s.bot.id, []string{s.bot.id}, true
	if v, ok := c.JSON["invitable"].(bool); ok {
		t.invitable = v
	}
	if archive != 0 {
		t.archive = int(archive)
	}
	d := t.json()
	d["newly_created"] = true
	s.emit(event{t: "THREAD_CREATE", need: intentGuilds, ch: t, d: d})
	return http.StatusCreated, t.json(), nil
}

func (s *Server) activeThreads(g *guild) int {
	n := 0
	for _, ch := range g.channels {
		if isThread(ch.kind) && !ch.gone && !ch.archived {
			n++
		}
	}
	return n
}

// thread is the thread of a call, with the member it is about.
func (c *call) thread() (*channel, *member, *failure) {
	ch, f := c.place()
	if f != nil {
		return nil, nil, f
	}
	if !isThread(ch.kind) {
		return nil, nil, &failure{400, 50024, "Cannot execute action on this channel type", nil, true}
	}
	if ch.archived {
		return nil, nil, &failure{400, 50083, "Thread is archived", nil, false}
	}
	id := c.param["user"]
	if id == "@me" {
		id = c.s.bot.id
	}
	m := ch.g.members[id]
	if m == nil {
		return nil, nil, unknown("Member", 10007)
	}
	return ch, m, nil
}

func putThreadMember(c *call) (int, any, *failure) {
	ch, m, f := c.thread()
	switch {
	case f != nil:
		return 0, nil, f
	case ch.g.permissions(m.u.id, ch)&ViewChannel == 0:
		return 0, nil, &failure{403, 50001, "Missing Access", nil, false}
	case len(ch.members) >= maxThreadMembers:
		return 0, nil, &failure{400, 30033, "Maximum number of thread participants has been reached (1000)", nil, false}
	}
	c.s.join(ch, m)
	return http.StatusNoContent, nil, nil
}

func deleteThreadMember(c *call) (int, any, *failure) {
	ch, m, f := c.thread()
	if f == nil && m.u != c.s.bot && ch.owner != c.s.bot.id && !c.s.may(ch, ManageThreads) {
		f = missing("MANAGE_THREADS")
	}
	if f != nil {
		return 0, nil, f
	}
	c.s.leave(ch, m.u.id)
	return http.StatusNoContent, nil, nil
}

// join puts a member into a thread and tells it.
func (s *Server) join(ch *channel, m *member) {
	if slices.Contains(ch.members, m.u.id) {
		return
	}
	saw := s.botSees(ch)
	ch.members = append(ch.members, m.u.id)
	if !saw && s.botSees(ch) { // the bot was brought into a private thread
		s.emit(event{t: "THREAD_CREATE", need: intentGuilds, ch: ch, d: ch.json()})
	}
	need := intentMembers
	if m.u == s.bot {
		need = intentGuilds
	}
	added := obj{"id": ch.id, "user_id": m.u.id, "join_timestamp": stamp(s.o.Now()), "flags": 0, "member": m.json(true)}
	s.emit(event{t: "THREAD_MEMBERS_UPDATE", need: need, ch: ch, d: obj{"id": ch.id, "guild_id": ch.g.id,
		"member_count": len(ch.members), "added_members": []any{added}, "removed_member_ids": []any{}}})
	s.notify()
}

func (s *Server) leave(ch *channel, id string) {
	i := slices.Index(ch.members, id)
	if i < 0 {
		return
	}
	e := event{t: "THREAD_MEMBERS_UPDATE", need: intentMembers, ch: ch, d: obj{"id": ch.id, "guild_id": ch.g.id,
		"member_count": len(ch.members) - 1, "added_members": []any{}, "removed_member_ids": []any{id}}}
	if id == s.bot.id {
		e.need = intentGuilds
	}
	s.emit(e)
	ch.members = slices.Delete(ch.members, i, i+1)
	s.notify()
}
