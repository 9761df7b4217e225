package matrix

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
)

// fakerooms_test.go: the rooms of the homeserver that does what it is told.

type fakeRoom struct {
	create    map[string]any
	members   map[string]map[string]any
	encrypted bool
	locked    bool // the ghost may not encrypt it
	events    []map[string]any
	late      int // how often the history does not show the join yet
	alias     string
	name      string
	open      bool            // anybody may come in
	muted     bool            // nobody may write
	hidden    map[string]bool // events that are there and not shown yet
}

func (hs *homeserver) createRoom(c call) string {
	hs.lastRoom++
	rid := fmt.Sprintf("!made%d:hs.test", hs.lastRoom)
	r := &fakeRoom{create: map[string]any{}, members: map[string]map[string]any{c.user: {"membership": "join"}}}
	if cc, ok := c.body["creation_content"].(map[string]any); ok {
		r.create = cc
	}
	if s, _ := c.body["initial_state"].([]any); len(s) > 0 {
		r.encrypted = true
	}
	for _, u := range c.body["invite"].([]any) {
		r.members[u.(string)] = map[string]any{"membership": "invite"}
	}
	hs.rooms[rid] = r
	return rid
}

func (r *fakeRoom) membership(user string) string {
	m, _ := r.members[user]["membership"].(string)
	return m
}

// inRoom does a call that concerns a room.
func (hs *homeserver) inRoom(c call, rid string, r *fakeRoom, seg []string) (int, any) {
	in := r.membership(c.user)
	switch {
	case seg[0] == "join" && (in == "invite" || in == "join" || r.open && in != "ban"):
		r.members[c.user] = map[string]any{"membership": "join", "displayname": hs.users[c.user]}
		if in == "invite" {
			r.events = append(r.events, map[string]any{"event_id": "$joined" + c.user + rid, "type": "m.room.member", "state_key": c.user,
				"sender": c.user, "origin_server_ts": 1500, "content": map[string]any{"membership": "join"}})
		}
		return 200, map[string]any{"room_id": rid}
	case seg[0] == "leave" && (in == "invite" || in == "join"):
		r.members[c.user] = map[string]any{"membership": "leave"}
		return 200, fine
	case in != "join":
		return 403, forbiddenBody
	case seg[0] == "invite":
		user := c.body["user_id"].(string)
		if m := r.membership(user); m == "join" || m == "ban" {
			return 403, forbiddenBody
		}
		r.members[user] = map[string]any{"membership": "invite"}
		return 200, fine
	case seg[0] == "send" && r.muted:
		return 403, forbiddenBody
	case seg[0] == "joined_members":
		joined := m{}
		for user, is := range r.members {
			if is["membership"] == "join" {
				joined[user] = m{"display_name": is["displayname"]}
			}
		}
		return 200, m{"joined": joined}
	case seg[0] == "send":
		return 200, map[string]any{"event_id": hs.send(c, rid, r, seg[1])}
	case seg[0] == "state" && len(seg) == 1:
		return 200, r.state()
	case seg[0] == "state" && seg[1] == "m.room.member":
		if m := r.members[seg[2]]; m != nil {
			return 200, m
		}
		return 404, map[string]any{"errcode": "M_NOT_FOUND"}
	case seg[0] == "state" && seg[1] == "m.room.encryption":
		if c.method == "PUT" {
			if r.locked {
				return 403, forbiddenBody
			}
			r.encrypted = true
			return 200, map[string]any{"event_id": "$encryption" + rid}
		}
		if !r.encrypted {
			return 404, map[string]any{"errcode": "M_NOT_FOUND"}
		}
		return 200, megolm
	case seg[0] == "state" && seg[1] == "m.room.create":
		return 200, r.create
	case seg[0] == "joined_members":
		all := map[string]any{}
		for user := range r.members {
			if r.membership(user) == "join" {
				all[user] = fine
			}
		}
		return 200, map[string]any{"joined": all}
	case seg[0] == "messages":
		return 200, r.page(c.query)
	case seg[0] == "typing", seg[0] == "receipt", seg[0] == "redact":
		return 200, fine
	}
	return 404, map[string]any{"errcode": "M_UNRECOGNIZED"}
}

// page is a part of the history, newest first. A join that shows late hides what
// was written since the invitation, as Dendrite does.
func (r *fakeRoom) page(q url.Values) map[string]any {
	back := r.shown()
	if r.late > 0 {
		r.late--
		back = slices.DeleteFunc(back, func(e map[string]any) bool { return e["event_id"] != "$inv" })
	}
	slices.Reverse(back)
	limit, _ := strconv.Atoi(q.Get("limit"))
	from, _ := strconv.Atoi(q.Get("from"))
	back = back[min(from, len(back)):]
	p := map[string]any{"chunk": back}
	if len(back) > limit {
		p["chunk"], p["end"] = back[:limit], strconv.Itoa(from+limit)
	}
	return p
}

// send stores an event once per path, as a homeserver does by transaction id.
func (hs *homeserver) send(c call, rid string, r *fakeRoom, kind string) string {
	key := c.user + c.path
	if ev := hs.txns[key]; ev != "" {
		return ev
	}
	hs.lastEv++
	ev := fmt.Sprintf("$sent%d", hs.lastEv)
	hs.txns[key] = ev
	r.events = append(r.events, map[string]any{"event_id": ev, "room_id": rid, "type": kind, "sender": c.user,
		"origin_server_ts": 2000, "content": c.body})
	return ev
}

// state lists a room's state.
func (r *fakeRoom) state() []map[string]any {
	all := []map[string]any{{"type": "m.room.create", "state_key": "", "content": r.create}}
	for user, m := range r.members {
		all = append(all, map[string]any{"type": "m.room.member", "state_key": user, "content": m})
	}
	if r.name != "" {
		all = append(all, m{"type": "m.room.name", "state_key": "", "content": m{"name": r.name}})
	}
	if r.encrypted {
		all = append(all, map[string]any{"type": "m.room.encryption", "state_key": "", "content": map[string]any{"algorithm": "m.megolm.v1.aes-sha2"}})
	}
	return all
}

// with changes a room under the lock, making it if there is none.
func (hs *homeserver) with(rid string, change func(*fakeRoom)) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.rooms[rid] == nil {
		hs.rooms[rid] = &fakeRoom{create: map[string]any{}, members: map[string]map[string]any{}}
	}
	change(hs.rooms[rid])
}

// bodies lists the texts of a room.
func (hs *homeserver) bodies(rid string) (all []string) {
	hs.with(rid, func(r *fakeRoom) {
		for _, e := range r.events {
			if e["state_key"] != nil {
				continue
			}
			all = append(all, fmt.Sprint(e["content"].(map[string]any)["body"]))
		}
	})
	return all
}
