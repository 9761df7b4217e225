package matrix

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// testWait is how long a test waits for what should happen: far longer than it
// takes on a busy machine with the race detector.
const testWait = time.Minute

const (
	ghostA = "@webtv_alice:hs.test"
	bobID  = "@bob:hs.test"
	roomR  = "!r:hs.test"
)

var alice = bridge.Account{Address: "alice@webtv.test", Name: "Alice"}

// core notes what the network hands over.
type core struct {
	mu       sync.Mutex
	accounts []bridge.Account
	events   []bridge.Event
	states   []string
	changed  chan struct{}
	hook     func(context.Context, bridge.Event) error // before an event is noted
	sentAs   map[id.Message]id.Event
}

func (c *core) SentAs(_ context.Context, m id.Message) (id.Event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sentAs[m], nil
}

func newCore() *core { return &core{changed: make(chan struct{}), accounts: []bridge.Account{alice}} }

func (c *core) Receive(ctx context.Context, e bridge.Event) error {
	c.mu.Lock()
	hook := c.hook
	c.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, e); err != nil {
			return err
		}
	}
	c.change(func() { c.events = append(c.events, e) })
	return nil
}

func (c *core) Accounts(context.Context) ([]bridge.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.accounts), nil
}

func (c *core) State(up bool, text string) {
	c.change(func() { c.states = append(c.states, fmt.Sprint(up, " ", text)) })
}

func (c *core) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *core) wait(t *testing.T, what string, look func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testWait)
	defer cancel()
	for {
		c.mu.Lock()
		ok, changed := look(), c.changed
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			c.mu.Lock()
			defer c.mu.Unlock()
			t.Fatalf("no %s; events %+v, states %q", what, c.events, c.states)
		}
	}
}

// of lists the events of a kind.
func of[E bridge.Event](c *core) (all []E) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

// await waits until there are so many events of a kind.
func await[E bridge.Event](t *testing.T, c *core, count int) []E {
	t.Helper()
	c.wait(t, fmt.Sprintf("%d %T", count, *new(E)), func() bool {
		n := 0
		for _, e := range c.events {
			if _, ok := e.(E); ok {
				n++
			}
		}
		return n >= count
	})
	return of[E](c)
}

func bodies(all []bridge.MessageEvent) (texts []string) {
	for _, m := range all {
		texts = append(texts, m.Text.Body)
	}
	return texts
}

// world is a network between a homeserver and a core.
type world struct {
	t    *testing.T
	hs   *homeserver
	core *core
	o    Options
	n    *Network
	stop func()
	log  *syncBuffer
	slow time.Duration // when set, how long a room rests after a failure

	phase time.Duration // when set, how long after the start late events are put in order
}

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func openDB(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "gateway.db")+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=foreign_keys(1)&_txlock=immediate&_time_format=sqlite")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// newWorld makes all of it; nothing runs yet.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, hs: newHomeserver(t), core: newCore(), log: &syncBuffer{}}
	w.o = Options{
		HomeserverURL: w.hs.srv.URL, Domain: "hs.test", Listen: "127.0.0.1:0", URL: "http://127.0.0.1:1",
		Registration: filepath.Join(t.TempDir(), "registration.yaml"), GhostPrefix: "webtv_", GhostName: "{{.Name}} (WebTV)",
		Bot: "webtvbot", Encryption: "off", InviteAllow: []string{"*"}, InviteDeny: []string{"@spam*:*"}, DB: openDB(t),
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	w.register()
	return w
}

// register writes a registration with known tokens.
func (w *world) register() {
	w.t.Helper()
	data, err := MakeRegistration(w.o)
	if err != nil {
		w.t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	for i, l := range lines {
		switch {
		case strings.HasPrefix(l, "as_token:"):
			lines[i] = "as_token: as-token"
		case strings.HasPrefix(l, "hs_token:"):
			lines[i] = "hs_token: hs-token"
		}
	}
	if err := os.WriteFile(w.o.Registration, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// start makes the network and runs it.
func (w *world) start() {
	w.t.Helper()
	n, err := New(w.o)
	if err != nil {
		w.t.Fatal(err)
	}
	n.pace = pace{retryMin: time.Millisecond, retryMax: 10 * time.Millisecond, health: time.Hour,
		roomMin: time.Millisecond, roomMax: 10 * time.Millisecond, ghostDelay: 50 * time.Millisecond, settle: 2 * time.Millisecond, reload: time.Millisecond,
		key: 20 * time.Millisecond, unread: 50 * time.Millisecond, sweep: 10 * time.Millisecond, maintenance: time.Hour, typing: 20 * time.Millisecond, presence: 30 * time.Millisecond, pushed: 5 * time.Millisecond}
	n.pace.late = w.phase
	if w.slow > 0 {
		n.pace.roomMin, n.pace.roomMax = w.slow, w.slow
	}
	if err := n.Listen(); err != nil {
		w.t.Fatal(err)
	}
	w.n = n
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, w.core) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	})
	w.t.Cleanup(w.stop)
}

// up starts and waits until the homeserver knows the ghost's name.
func up(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.start()
	w.eventually("the ghost's name", `SELECT name = 'Alice (WebTV)' FROM matrix_ghosts`)
	w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
	<-w.n.compared
	return w
}

// restart is a new process on the same data.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.core.mu.Lock()
	before := len(w.core.states)
	w.core.mu.Unlock()
	w.start()
	w.core.wait(w.t, "connection", func() bool { return len(w.core.states) > before })
	<-w.n.compared
}

type m = map[string]any

// push gives events to the network as the homeserver does.
func (w *world) push(txn string, events ...m) {
	w.t.Helper()
	if status := w.put("/_matrix/app/v1/transactions/"+txn, "hs-token", m{"events": events}); status != http.StatusOK {
		w.t.Fatalf("transaction answered %d", status)
	}
}

func (w *world) put(path, token string, body any) int {
	w.t.Helper()
	data, ok := body.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(body); err != nil {
			w.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(http.MethodPut, "http://"+w.n.Addr().String()+path, bytes.NewReader(data))
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// ev makes an event.
func ev(room, event, kind, sender string, content m) m {
	return m{"room_id": room, "event_id": event, "type": kind, "sender": sender, "origin_server_ts": 1000, "content": content}
}

func textEv(room, event, sender, body string) m {
	return ev(room, event, "m.room.message", sender, m{"msgtype": "m.text", "body": body})
}

func memberEv(room, event, sender, who, membership string, extra ...m) m {
	content := m{"membership": membership}
	for _, e := range extra {
		for k, v := range e {
			content[k] = v
		}
	}
	e := ev(room, event, "m.room.member", sender, content)
	e["state_key"] = who
	return e
}

// invite is Bob's invitation of Alice's ghost to a direct chat, with stripped
// state; the fake room knows it too.
func (w *world) invite(room, event string, direct bool, stripped ...m) m {
	w.hs.with(room, func(r *fakeRoom) {
		r.members[bobID] = m{"membership": "join", "displayname": "Bob"}
		r.members[ghostA] = m{"membership": "invite"}
	})
	e := memberEv(room, event, bobID, ghostA, "invite", m{"is_direct": direct})
	stripped = append(stripped, m{"type": "m.room.member", "state_key": bobID, "sender": bobID, "content": m{"membership": "join", "displayname": "Bob"}})
	e["unsigned"] = m{"invite_room_state": stripped}
	return e
}

// out is a message from Alice to Bob.
func out(msg id.Message, body string) bridge.Outbound {
	return bridge.Outbound{ID: msg, From: alice, To: bobID, Text: text.Content{Body: body}}
}

// joined makes a room that Alice's ghost made and Bob joined, and gives its id.
func (w *world) joined() string {
	w.t.Helper()
	if err := w.n.Invite(w.t.Context(), out("inv", "")); err != nil {
		w.t.Fatal(err)
	}
	w.hs.mu.Lock()
	rid := fmt.Sprintf("!made%d:hs.test", w.hs.lastRoom)
	w.hs.mu.Unlock()
	w.hs.with(rid, func(r *fakeRoom) { r.members[bobID] = m{"membership": "join", "displayname": "Bob"} })
	before := len(of[bridge.PresenceEvent](w.core))
	w.push("j"+rid, memberEv(rid, "$join"+rid, bobID, bobID, "join", m{"displayname": "Bob"}))
	await[bridge.PresenceEvent](w.t, w.core, before+1)
	return rid
}

// eventually waits until a query gives 1: for what the network notes without
// telling anybody.
func (w *world) eventually(what, query string, args ...any) {
	w.t.Helper()
	deadline := time.After(testWait)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		var yes bool
		if err := w.o.DB.QueryRow(query, args...).Scan(&yes); err == nil && yes {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// waitState waits until a room is in a state.
func (w *world) waitState(rid string, s state) {
	w.t.Helper()
	w.eventually(rid+" to be "+string(s), `SELECT state = ? FROM matrix_rooms WHERE room = ?`, s, rid)
}
