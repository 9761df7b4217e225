package matrix

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
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

// forget loses the transaction ids, as Dendrite does when it restarts.
func (hs *homeserver) forget() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	clear(hs.txns)
}
