package matrix

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// homeserver is a homeserver that does what it is told: it answers as a real one
// does, and fails, waits, repeats and goes away on demand. It pushes nothing by
// itself; tests push what they want in the order they want.
type homeserver struct {
	t   *testing.T
	srv *httptest.Server

	mu       sync.Mutex
	rooms    map[string]*fakeRoom
	txns     map[string]string // path of a sent event to its id
	users    map[string]string // registered, to display name
	presence map[string]string // as last told, by user
	calls    []call
	faults   []*fault
	changed  chan struct{}
	lastRoom int
	lastEv   int
	keys     *keyServer
}

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

// call is a request as it came.
type call struct {
	method, path, user string
	device             string // whose token it came with
	body               map[string]any
	query              url.Values
}

// fault is something that goes wrong.
type fault struct {
	match  string // "METHOD part-of-path"
	times  int    // how often; negative: always
	status int
	body   string
	lose   bool          // do it, but lose the answer, or answer with status and body
	wait   chan struct{} // wait until it is closed
	hold   chan struct{} // do it, and answer when it is closed
}

func newHomeserver(t *testing.T) *homeserver {
	hs := &homeserver{t: t, rooms: make(map[string]*fakeRoom), txns: make(map[string]string),
		users: make(map[string]string), presence: make(map[string]string), changed: make(chan struct{}), keys: newKeyServer()}
	hs.srv = httptest.NewServer(hs)
	t.Cleanup(hs.srv.Close)
	return hs
}

// fail arranges a fault.
func (hs *homeserver) fail(f fault) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.faults = append(hs.faults, &f)
}

// mend ends all faults.
func (hs *homeserver) mend() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.faults = nil
}

func (hs *homeserver) fault(method, path string) *fault {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, f := range hs.faults {
		m, part, _ := strings.Cut(f.match, " ")
		if f.times != 0 && m == method && strings.Contains(path, part) {
			f.times--
			return f
		}
	}
	return nil
}

// find lists the calls of a method whose path has a part.
func (hs *homeserver) find(match string) (found []call) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	method, part, _ := strings.Cut(match, " ")
	for _, c := range hs.calls {
		if c.method == method && strings.Contains(c.path, part) {
			found = append(found, c)
		}
	}
	return found
}

// wait waits until so many such calls have come.
func (hs *homeserver) wait(match string, count int) []call {
	hs.t.Helper()
	ctx, cancel := context.WithTimeout(hs.t.Context(), testWait)
	defer cancel()
	for {
		hs.mu.Lock()
		changed := hs.changed
		hs.mu.Unlock()
		if found := hs.find(match); len(found) >= count {
			return found
		}
		select {
		case <-changed:
		case <-ctx.Done():
			hs.t.Fatalf("no %d calls of %s", count, match)
		}
	}
}

func (hs *homeserver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	c := call{method: r.Method, path: strings.TrimPrefix(r.URL.EscapedPath(), "/_matrix/client"), query: r.URL.Query()}
	c.user = c.query.Get("user_id")
	_ = json.Unmarshal(raw, &c.body)
	f := hs.fault(r.Method, c.path)
	if f != nil && f.wait != nil {
		select {
		case <-f.wait:
		case <-r.Context().Done():
		}
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	hs.mu.Lock()
	user := hs.keys.tokens[token]
	if user != "" {
		c.user, c.device = user, hs.keys.device[token]
	}
	hs.mu.Unlock()
	if strings.HasSuffix(c.path, "/sync") && c.query.Get("timeout") != "0" {
		select { // a homeserver waits for news; here a moment has to do
		case <-time.After(5 * time.Millisecond):
		case <-r.Context().Done():
		}
	}
	status, answer := 401, any(map[string]any{"errcode": "M_UNKNOWN_TOKEN"})
	if (token == "as-token" || user != "") && (f == nil || f.lose || f.status == 0) {
		status, answer = hs.answer(c)
	}
	hs.record(c)
	if f != nil && f.hold != nil {
		<-f.hold
	}
	switch {
	case f != nil && f.status != 0:
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, f.body)
	case f != nil && f.lose:
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			conn.Close()
		}
	default:
		reply(w, status, answer)
	}
}

// record notes a call that has had its effect; the caller learns it later.
func (hs *homeserver) record(c call) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.calls = append(hs.calls, c)
	close(hs.changed)
	hs.changed = make(chan struct{})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

var (
	fine          = map[string]any{}
	forbiddenBody = map[string]any{"errcode": "M_FORBIDDEN", "error": "no"}
)

// answer does a call.
func (hs *homeserver) answer(c call) (int, any) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	var seg []string
	for _, s := range strings.Split(strings.Trim(c.path, "/"), "/") {
		s, _ = url.PathUnescape(s)
		seg = append(seg, s)
	}
	if len(seg) >= 2 && seg[0] == "v3" && seg[1] == "sync" && strings.Contains(c.query.Get("filter"), `"federation"`) {
		return 200, hs.linked(c.user)
	}
	if len(seg) >= 2 && seg[0] == "v3" {
		if status, body, ok := hs.keys.answer(c, seg); ok {
			return status, body
		}
	}
	switch {
	case c.path == "/_matrix/media/v3/upload":
		return 200, map[string]any{"content_uri": "mxc://hs.test/up"}
	case len(seg) < 2 || seg[0] != "v3":
		return 404, map[string]any{"errcode": "M_UNRECOGNIZED"}
	case seg[1] == "account":
		return 200, map[string]any{"user_id": c.user}
	case seg[1] == "register":
		return hs.register(c)
	case seg[1] == "profile":
		if name, ok := c.body["displayname"].(string); ok {
			hs.users[c.user] = name
		}
		return 200, fine
	case seg[1] == "directory":
		for rid, r := range hs.rooms {
			if r.alias == seg[3] && r.alias != "" {
				return 200, map[string]any{"room_id": rid, "servers": []string{"hs.test"}}
			}
		}
		return 404, map[string]any{"errcode": "M_NOT_FOUND"}
	case seg[1] == "join" && hs.rooms[seg[2]] != nil:
		return hs.inRoom(c, seg[2], hs.rooms[seg[2]], []string{"join"})
	case seg[1] == "presence" && len(seg) == 4:
		if c.method == "PUT" {
			hs.presence[seg[2]], _ = c.body["presence"].(string)
			return 200, fine
		}
		return 200, map[string]any{"presence": cmp.Or(hs.presence[seg[2]], "offline")}
	case seg[1] == "createRoom":
		return 200, map[string]any{"room_id": hs.createRoom(c)}
	case seg[1] == "joined_rooms":
		joined := []string{}
		for rid, r := range hs.rooms {
			if r.membership(c.user) == "join" {
				joined = append(joined, rid)
			}
		}
		slices.Sort(joined)
		return 200, map[string]any{"joined_rooms": joined}
	case seg[1] == "rooms" && len(seg) >= 4 && hs.rooms[seg[2]] != nil:
		return hs.inRoom(c, seg[2], hs.rooms[seg[2]], seg[3:])
	}
	return 404, map[string]any{"errcode": "M_NOT_FOUND"}
}

func (hs *homeserver) register(c call) (int, any) {
	user := "@" + c.body["username"].(string) + ":hs.test"
	if _, there := hs.users[user]; there {
		return 400, map[string]any{"errcode": "M_USER_IN_USE"}
	}
	hs.users[user] = ""
	return 200, map[string]any{"user_id": user}
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

// forget loses the transaction ids, as Dendrite does when it restarts.
func (hs *homeserver) forget() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	clear(hs.txns)
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
