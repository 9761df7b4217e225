package matrix

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
)

func TestTransactionAnswers(t *testing.T) {
	w := up(t)
	const path = "/_matrix/app/v1/transactions/1"
	ok := m{"events": []m{}}
	cases := []struct {
		name, path, token string
		body              any
		want              int
	}{
		{"bearer", path, "hs-token", ok, 200},
		{"old path", "/transactions/1", "hs-token", ok, 200},
		{"old token", path + "?access_token=hs-token", "", ok, 200},
		{"wrong token", path, "as-token", ok, 403},
		{"header before query", path + "?access_token=hs-token", "x", ok, 403},
		{"no token", path, "", ok, 403},
		{"wrong old token", path + "?access_token=x", "", ok, 403},
		{"no JSON", path, "hs-token", []byte("{"), 400},
		{"what is no event", path, "hs-token", []byte(`{"events":[1,{},{"event_id":"$a"},null]}`), 200},
		{"too large", path, "hs-token", append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), maxTransaction)...), 413},
		{"ephemeral, which is not ours", path, "hs-token", []byte(`{"de.sorunome.msc2409.ephemeral":[{}]}`), 200},
	}
	for _, c := range cases {
		if got := w.put(c.path, c.token, c.body); got != c.want {
			t.Errorf("%s: answered %d, want %d", c.name, got, c.want)
		}
	}
	for path, want := range map[string]int{
		"/_matrix/app/v1/users/@webtv_alice:hs.test":  200,
		"/users/@webtv_alice:hs.test":                 200,
		"/_matrix/app/v1/users/@webtv_nobody:hs.test": 404,
		"/_matrix/app/v1/rooms/%23x:hs.test":          404,
	} {
		req, _ := http.NewRequest(http.MethodGet, "http://"+w.n.Addr().String()+path, nil)
		req.Header.Set("Authorization", "Bearer hs-token")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

func TestTransactionRepeated(t *testing.T) {
	w := up(t)
	rid := w.joined()
	one, two, three := textEv(rid, "$1", bobID, "one"), textEv(rid, "$2", bobID, "two"), textEv(rid, "$3", bobID, "three")
	w.push("t", one)
	w.push("t", one, two) // the same transaction, grown: what Dendrite does
	w.push("u", two)
	w.push("v", one, two, three)
	await[bridge.MessageEvent](t, w.core, 3)
	w.restart()
	w.push("t", one, two, textEv(rid, "$4", bobID, "four"))
	if got, want := bodies(await[bridge.MessageEvent](t, w.core, 4)), []string{"one", "two", "three", "four"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
}

func TestStoreFails(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.o.DB.Exec(`ALTER TABLE matrix_inbox RENAME TO gone`)
	if got := w.put("/_matrix/app/v1/transactions/1", "hs-token", m{"events": []m{textEv(rid, "$1", bobID, "x")}}); got != 500 {
		t.Errorf("answered %d for what is not stored", got)
	}
	w.o.DB.Exec(`ALTER TABLE gone RENAME TO matrix_inbox`)
	w.push("1", textEv(rid, "$1", bobID, "x"))
	await[bridge.MessageEvent](t, w.core, 1)
}

// A message that was answered with 200 arrives although the core cannot store
// it at first and the process dies meanwhile.
func TestInboxSurvives(t *testing.T) {
	w := up(t)
	rid := w.joined()
	refused := make(chan struct{}, 100)
	w.core.change(func() {
		w.core.hook = func(context.Context, bridge.Event) error {
			select {
			case refused <- struct{}{}:
			default:
			}
			return errors.New("disk full")
		}
	})
	w.push("t", textEv(rid, "$1", bobID, "one"), textEv(rid, "$2", bobID, "two"))
	for range sideEffectTries + 3 { // more often than a failing homeserver is given
		<-refused
	}
	w.stop()
	w.core.change(func() { w.core.hook = nil })
	w.start()
	if got := bodies(await[bridge.MessageEvent](t, w.core, 2)); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("received %q", got)
	}
}

// Each room keeps its order, and one whose events the core does not take holds
// no other.
func TestOrderPerRoom(t *testing.T) {
	w := up(t)
	slow := w.joined()
	w.o.DB.Exec(`UPDATE matrix_rooms SET state = 'left'`) // so that the next is another room
	fast := w.joined()
	w.o.DB.Exec(`UPDATE matrix_rooms SET state = 'joined'`)
	release := make(chan struct{})
	w.core.change(func() {
		w.core.hook = func(_ context.Context, e bridge.Event) error {
			if e, ok := e.(bridge.MessageEvent); ok && strings.HasPrefix(e.Text.Body, "slow") {
				<-release
			}
			return nil
		}
	})
	var want, wantSlow []string
	for i := range 40 {
		want, wantSlow = append(want, fmt.Sprint("fast ", i)), append(wantSlow, fmt.Sprint("slow ", i))
		w.push(fmt.Sprint("t", i), textEv(slow, fmt.Sprint("$s", i), bobID, wantSlow[i]), textEv(fast, fmt.Sprint("$f", i), bobID, want[i]))
	}
	if got := bodies(await[bridge.MessageEvent](t, w.core, 40)); !slices.Equal(got, want) {
		t.Errorf("received %q", got)
	}
	close(release)
	if got := bodies(await[bridge.MessageEvent](t, w.core, 80))[40:]; !slices.Equal(got, wantSlow) {
		t.Errorf("received %q", got)
	}
}

// A room that rests is worked on at once when the homeserver is back.
func TestRestEnds(t *testing.T) {
	w := newWorld(t)
	w.slow = time.Hour
	w.start()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) == 1 })
	w.hs.fail(fault{match: "GET /account/whoami", times: 3, status: 503})
	w.hs.fail(fault{match: "POST /leave", times: 1, status: 503})
	denied := w.invite(roomR, "$1", true)
	denied["sender"] = "@spammer:hs.test"
	w.push("t", denied)
	w.hs.wait("POST /leave", 2)
}

// An event that cannot be handled is logged once and holds nothing up.
func TestPoison(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.core.change(func() {
		w.core.hook = func(_ context.Context, e bridge.Event) error {
			if e, ok := e.(bridge.MessageEvent); ok && e.Text.Body == "boom" {
				panic("boom")
			}
			return nil
		}
	})
	bad := textEv(rid, "$1", bobID, "")
	bad["content"] = m{"msgtype": "m.text", "body": m{"not": "text"}}
	none := textEv(rid, "$2", bobID, "")
	delete(none, "content")
	odd := textEv(rid, "$3", bobID, "x")
	odd["origin_server_ts"] = "yesterday"
	w.push("t", bad, none, odd, textEv(rid, "$4", bobID, "boom"), textEv(rid, "$5", bobID, "fine"))
	w.push("t", bad, textEv(rid, "$6", bobID, "fine too"))
	if got := bodies(await[bridge.MessageEvent](t, w.core, 2)); !slices.Equal(got, []string{"fine", "fine too"}) {
		t.Errorf("received %q", got)
	}
	for i := 1; i <= 4; i++ {
		if n := strings.Count(w.log.String(), fmt.Sprintf("event=$%d", i)); n != 1 {
			t.Errorf("$%d is logged %d times", i, n)
		}
	}
	if !strings.Contains(w.log.String(), "skipped=4") {
		t.Error("they are not counted")
	}
	if strings.Contains(w.log.String(), "fine") {
		t.Error("the log holds what people wrote")
	}
}

func TestPrune(t *testing.T) {
	w := newWorld(t)
	now := time.Unix(1_000_000_000, 0)
	w.o.Now = func() time.Time { return now }
	n, err := New(w.o)
	if err != nil {
		t.Fatal(err)
	}
	put := func(event string, state int) {
		if err := n.inbox.put(t.Context(), []pushed{{ID: "$x", Room: roomR, raw: []byte("{}")}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.o.DB.Exec(`UPDATE matrix_inbox SET event = ?, state = ? WHERE event = '$x'`, event, state); err != nil {
			t.Fatal(err)
		}
	}
	put("$new", rowNew)
	put("$done", rowDone)
	put("$dead", rowDead)
	now = now.Add(keepEvents - time.Hour)
	put("$later", rowDone)
	left := func() (all []string) {
		if err := n.inbox.prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := w.o.DB.Query(`SELECT event FROM matrix_inbox ORDER BY seq`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var e string
			rows.Scan(&e)
			all = append(all, e)
		}
		return all
	}
	if got := left(); len(got) != 4 {
		t.Errorf("too early: %q", got)
	}
	now = now.Add(2 * time.Hour)
	if got := left(); !slices.Equal(got, []string{"$new", "$later"}) {
		t.Errorf("left %q", got)
	}
	for i, s := range []state{stateLeft, stateJoined} {
		if err := n.addRoom(t.Context(), room{id: mid.RoomID(fmt.Sprintf("!%d:x", i)), account: alice.Address, friend: bobID, state: s}); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(keepRooms + time.Hour)
	left()
	var s state
	if err := w.o.DB.QueryRow(`SELECT state FROM matrix_rooms`).Scan(&s); err != nil || s != stateJoined {
		t.Errorf("rooms left: %s, %v", s, err)
	}
}

// What is done keeps no text.
func TestDoneRowsAreEmpty(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.push("t", textEv(rid, "$1", bobID, "secret"))
	await[bridge.MessageEvent](t, w.core, 1)
	w.stop()
	var texts int
	err := w.o.DB.QueryRow(`SELECT count(*) FROM matrix_inbox WHERE state = 1 AND length(raw) > 0`).Scan(&texts)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || texts != 0 {
		t.Errorf("%d texts kept, %v", texts, err)
	}
}
