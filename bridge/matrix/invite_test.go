package matrix

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"wtvgate/bridge"
)

func TestInvite(t *testing.T) {
	w := up(t)
	for range 2 { // the second finds the first's room
		if err := w.n.Invite(t.Context(), out("1", "")); err != nil {
			t.Fatal(err)
		}
	}
	calls := w.hs.find("POST /createRoom")
	got, _ := json.Marshal(calls[0].body)
	const want = `{"creation_content":{"wtvgate.friend":"@bob:hs.test"},"invite":["@bob:hs.test"],"is_direct":true,"preset":"trusted_private_chat"}`
	if len(calls) != 1 || string(got) != want || calls[0].user != ghostA {
		t.Errorf("%d calls, %s\nwant %s", len(calls), got, want)
	}
	w.joined()
	if len(w.hs.find("POST /createRoom")) != 1 {
		t.Error("a second room for a friend who has joined")
	}
}

// The room was made, and we never learned it.
func TestInviteLostAnswer(t *testing.T) {
	w := up(t)
	w.hs.fail(fault{match: "POST /createRoom", times: 1, lose: true})
	if err := w.n.Invite(t.Context(), out("1", "")); err == nil || permanent(err) {
		t.Fatalf("Invite: %v", err)
	}
	w.hs.with("!other:hs.test", func(r *fakeRoom) { r.members[ghostA] = m{"membership": "join"} })
	w.restart()
	if err := w.n.Invite(t.Context(), out("1", "")); err != nil {
		t.Fatal(err)
	}
	w.waitState("!made1:hs.test", stateInvited)
	if len(w.hs.find("POST /createRoom")) != 1 {
		t.Errorf("not one room: %+v", w.hs.find("POST /"))
	}
}

// The same, but the friend joined or declined meanwhile.
func TestInviteLostAnswerLate(t *testing.T) {
	for membership, want := range map[string]state{"join": stateJoined, "leave": stateInvited} {
		w := up(t)
		w.hs.fail(fault{match: "POST /createRoom", times: 1, lose: true})
		if err := w.n.Invite(t.Context(), out("1", "")); err == nil {
			t.Fatal("a lost answer is a success")
		}
		w.hs.with("!made1:hs.test", func(r *fakeRoom) { r.members[bobID] = m{"membership": membership} })
		if err := w.n.Invite(t.Context(), out("1", "")); err != nil {
			t.Fatal(err)
		}
		w.waitState("!made1:hs.test", want)
	}
}

// The room was made, we never learned it, but the homeserver pushes its events.
func TestInviteLostAnswerPushed(t *testing.T) {
	create := ev("!made1:hs.test", "$c", "m.room.create", ghostA, m{"wtvgate.friend": bobID})
	create["state_key"] = ""
	for _, first := range []m{create, memberEv("!made1:hs.test", "$i", ghostA, bobID, "invite", m{"is_direct": true})} {
		w := up(t)
		w.hs.fail(fault{match: "POST /createRoom", times: 1, lose: true})
		if err := w.n.Invite(t.Context(), out("1", "")); err == nil {
			t.Fatal("a lost answer is a success")
		}
		w.push("t", first, create, memberEv("!made1:hs.test", "$j", bobID, bobID, "join"))
		await[bridge.PresenceEvent](t, w.core, 1)
		if _, err := w.n.Send(t.Context(), out("1", "hello")); err != nil {
			t.Fatal(err)
		}
		if got := w.hs.bodies("!made1:hs.test"); !slices.Equal(got, []string{"hello"}) {
			t.Errorf("the room has %q", got)
		}
	}
}

// The room was made, but the friend could not be invited: nothing is written into
// a room in which nobody will ever be.
func TestInviteHalfDone(t *testing.T) {
	w := up(t)
	no := fault{times: 1, lose: true, status: 403, body: `{"errcode":"M_FORBIDDEN"}`}
	no.match = "POST /createRoom"
	for i := 1; i <= 2; i++ {
		w.hs.fail(no)
		if _, err := w.n.Send(t.Context(), out("1", "hello")); !permanent(err) {
			t.Errorf("Send: %v", err)
		}
		rid := fmt.Sprintf("!made%d:hs.test", i)
		w.hs.with(rid, func(r *fakeRoom) { delete(r.members, bobID) })
		create := ev(rid, "$c"+rid, "m.room.create", ghostA, m{"wtvgate.friend": bobID})
		create["state_key"] = ""
		w.push(rid, create)
		w.waitState(rid, stateEmpty)
		w.hs.fail(fault{match: "POST /invite", times: 1, status: 403, body: no.body})
	}
	w.waitState("!made1:hs.test", stateLeft)
	if n := len(w.hs.find("PUT /send/")); n != 0 {
		t.Errorf("%d messages into empty rooms", n)
	}
	w.hs.mend()
	if _, err := w.n.Send(t.Context(), out("2", "hello")); err != nil {
		t.Fatal(err)
	}
	w.waitState("!made2:hs.test", stateInvited)
}

func TestInviteRefused(t *testing.T) {
	w := up(t)
	w.hs.fail(fault{match: "POST /createRoom", times: 1, status: 403, body: `{"errcode":"M_FORBIDDEN"}`})
	if err := w.n.Invite(t.Context(), out("1", "")); !permanent(err) {
		t.Errorf("Invite: %v", err)
	}
	w.hs.fail(fault{match: "GET /joined_rooms", times: 1, status: 500})
	if err := w.n.Invite(t.Context(), out("1", "")); err == nil || permanent(err) {
		t.Errorf("Invite: %v", err)
	}
}

// A friend who left a room of ours is invited back into it; if that is not
// allowed there is a new one.
func TestInviteAgain(t *testing.T) {
	w := up(t)
	rid := w.joined()
	leave := func(i int) {
		w.hs.with(rid, func(r *fakeRoom) { r.members[bobID] = m{"membership": "leave"} })
		w.push(fmt.Sprint("l", i), memberEv(rid, fmt.Sprint("$l", i), bobID, bobID, "leave"))
		await[bridge.NoticeEvent](t, w.core, i)
		w.waitState(rid, stateEmpty)
	}
	leave(1)
	if err := w.n.Invite(t.Context(), out("2", "")); err != nil {
		t.Fatal(err)
	}
	w.waitState(rid, stateInvited)
	if c := w.hs.find("POST /invite"); len(c) != 1 || c[0].body["user_id"] != bobID {
		t.Errorf("calls %+v", c)
	}
	leave(2) // declined: asked again only because the owner writes
	w.hs.with(rid, func(r *fakeRoom) { r.members[bobID] = m{"membership": "join"} })
	if err := w.n.Invite(t.Context(), out("3", "")); err != nil { // 403: is in already, which we missed
		t.Fatal(err)
	}
	w.waitState(rid, stateJoined)
	leave(3)
	w.hs.with(rid, func(r *fakeRoom) { r.members[bobID] = m{"membership": "ban"} })
	if err := w.n.Invite(t.Context(), out("4", "")); err != nil {
		t.Fatal(err)
	}
	w.waitState(rid, stateLeft)
	w.waitState("!made2:hs.test", stateInvited)
	w.hs.fail(fault{match: "POST /invite", times: 1, lose: true})
	w.push("x", memberEv("!made2:hs.test", "$x", bobID, bobID, "leave"))
	w.waitState("!made2:hs.test", stateEmpty)
	if err := w.n.Invite(t.Context(), out("5", "")); err == nil || permanent(err) {
		t.Errorf("Invite: %v", err)
	}
}

func TestAccept(t *testing.T) {
	w := up(t)
	w.hs.with(roomR, func(r *fakeRoom) {
		r.events = []map[string]any{
			{"event_id": "$before", "type": "m.room.message", "sender": bobID, "origin_server_ts": 999, "content": m{"msgtype": "m.text", "body": "before"}},
			{"event_id": "$inv", "type": "m.room.member", "state_key": ghostA, "sender": bobID, "origin_server_ts": 1000, "content": m{}},
			{"event_id": "$1", "type": "m.room.message", "sender": bobID, "origin_server_ts": 1001, "content": m{"msgtype": "m.text", "body": "one"}},
			{"event_id": "$2", "type": "m.room.message", "sender": bobID, "origin_server_ts": 1002, "content": m{"msgtype": "m.text", "body": "two"}},
			{"event_id": "$3", "type": "m.room.message", "sender": bobID, "origin_server_ts": 1003, "content": m{"msgtype": "m.text", "body": "three"}},
		}
	})
	w.push("t", w.invite(roomR, "$inv", true))
	req := await[bridge.RequestEvent](t, w.core, 1)[0]
	if req.Event != "$inv" || req.Account != alice.Address || req.From != bobID || req.Name != "Bob" || req.Time.UnixMilli() != 1000 {
		t.Errorf("request %+v", req)
	}
	w.hs.with(roomR, func(r *fakeRoom) { r.late = 3 })
	// The homeserver pushes what comes after the join while the history is
	// fetched: it has to wait, and what the history has goes first.
	hang := make(chan struct{})
	w.hs.fail(fault{match: "GET /messages", times: 1, wait: hang})
	done := make(chan error, 1)
	go func() { done <- w.n.Accept(t.Context(), out("a", "")) }()
	w.hs.wait("GET /state", 1)
	w.push("u", memberEv(roomR, "$j", ghostA, ghostA, "join"), textEv(roomR, "$4", bobID, "four"), textEv(roomR, "$3", bobID, "three"))
	w.push("u", textEv(roomR, "$5", bobID, "five"))
	close(hang)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, want := bodies(await[bridge.MessageEvent](t, w.core, 5)), []string{"one", "two", "three", "four", "five"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	if p := await[bridge.PresenceEvent](t, w.core, 1)[0]; p.Presence != bridge.PresenceOnline || p.Account != alice.Address || p.Name != "Bob" {
		t.Errorf("presence %+v", p)
	}
	again := out("a", "")
	again.Retry = true
	if err := w.n.Accept(t.Context(), again); err != nil {
		t.Errorf("accepted twice: %v", err)
	}
	w.push("t", w.invite(roomR, "$inv", true)) // the homeserver repeats itself
	w.push("u", textEv(roomR, "$6", bobID, "six"))
	if got := bodies(await[bridge.MessageEvent](t, w.core, 6)); len(got) != 6 || got[5] != "six" {
		t.Errorf("received %q", got)
	}
}

// A friend who writes a lot before the TV says yes.
func TestAcceptLongHistory(t *testing.T) {
	for count, want := range map[int]int{pageSize + 20: pageSize + 20, pageSize*maxPages + 50: pageSize*maxPages - 1} {
		w := up(t)
		w.push("t", w.invite(roomR, "$inv", true))
		await[bridge.RequestEvent](t, w.core, 1)
		w.hs.with(roomR, func(r *fakeRoom) {
			for i := range count {
				r.events = append(r.events, map[string]any{"event_id": fmt.Sprint("$", i), "type": "m.room.message", "sender": bobID,
					"origin_server_ts": 1001 + i, "content": m{"msgtype": "m.text", "body": fmt.Sprint(i)}})
			}
		})
		if err := w.n.Accept(t.Context(), out("a", "")); err != nil {
			t.Fatal(err)
		}
		got := bodies(await[bridge.MessageEvent](t, w.core, want))
		if len(got) != want || got[0] != fmt.Sprint(count-want) || got[want-1] != fmt.Sprint(count-1) {
			t.Errorf("%d of %d received, from %s to %s", len(got), count, got[0], got[len(got)-1])
		}
	}
}

// A join that the homeserver never shows: nothing is taken for complete.
func TestAcceptUnseen(t *testing.T) {
	w := up(t)
	w.push("t", w.invite(roomR, "$inv", true))
	await[bridge.RequestEvent](t, w.core, 1)
	w.hs.with(roomR, func(r *fakeRoom) { r.late = joinLooks })
	if err := w.n.Accept(t.Context(), out("a", "")); err == nil || permanent(err) {
		t.Errorf("Accept: %v", err)
	}
	w.waitState(roomR, stateAsked)
	if err := w.n.Accept(t.Context(), out("a", "")); err != nil {
		t.Error(err)
	}
	w.waitState(roomR, stateJoined)
}

// A crash between the join and its being stored.
func TestAcceptAfterCrash(t *testing.T) {
	w := up(t)
	w.push("t", w.invite(roomR, "$inv", true))
	await[bridge.RequestEvent](t, w.core, 1)
	w.hs.fail(fault{match: "GET /messages", times: 1, status: 500})
	if err := w.n.Accept(t.Context(), out("a", "")); err == nil {
		t.Fatal("no history, and no error")
	}
	w.push("u", memberEv(roomR, "$j", ghostA, ghostA, "join"), textEv(roomR, "$1", bobID, "one"))
	w.restart()
	w.hs.with(roomR, func(r *fakeRoom) {
		r.events = append([]map[string]any{{"event_id": "$0", "type": "m.room.message", "sender": bobID, "origin_server_ts": 1001, "content": m{"msgtype": "m.text", "body": "zero"}}}, r.events...)
	})
	if err := w.n.Accept(t.Context(), out("a", "")); err != nil {
		t.Fatal(err)
	}
	if got := bodies(await[bridge.MessageEvent](t, w.core, 2)); !slices.Equal(got, []string{"zero", "one"}) {
		t.Errorf("received %q", got)
	}
}

func TestAcceptUnfit(t *testing.T) {
	w := up(t)
	cases := []struct {
		name   string
		direct bool
		change func(*fakeRoom)
		fine   bool
	}{
		{"two, not said to be direct", false, func(*fakeRoom) {}, true},
		{"three, not said to be direct", false, func(r *fakeRoom) { r.members["@carl:hs.test"] = m{"membership": "invite"} }, false},
		{"three, but said to be direct", true, func(r *fakeRoom) { r.members["@carl:hs.test"] = m{"membership": "join"} }, true},
		{"the friend is gone", true, func(r *fakeRoom) { r.members[bobID] = m{"membership": "leave"} }, false},
		{"nobody is there", true, func(r *fakeRoom) { delete(r.members, bobID) }, false},
		{"encrypted meanwhile", true, func(r *fakeRoom) { r.encrypted = true }, false},
		{"taken back", true, func(r *fakeRoom) { delete(r.members, ghostA) }, false},
	}
	for i, c := range cases {
		rid := fmt.Sprintf("!c%d:hs.test", i)
		w.push(rid, w.invite(rid, "$i"+rid, c.direct))
		await[bridge.RequestEvent](t, w.core, i+1)
		w.hs.with(rid, c.change)
		err := w.n.Accept(t.Context(), out("a", ""))
		if c.fine != (err == nil) || err != nil && !permanent(err) {
			t.Errorf("%s: %v", c.name, err)
		}
		want := stateLeft
		if c.fine {
			want = stateJoined
		}
		w.waitState(rid, want)
	}
	if got := w.hs.bodies("!c5:hs.test"); !slices.Equal(got, []string{noticeEncrypted}) {
		t.Errorf("the encrypted room has %q", got)
	}
}

func TestDecline(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.push("t", w.invite(roomR, "$inv", true), textEv(roomR, "$1", bobID, "pushed although we are not in"))
	await[bridge.RequestEvent](t, w.core, 1)
	w.hs.fail(fault{match: "POST /leave", times: 1, status: 500})
	if err := w.n.Decline(t.Context(), out("d", "")); err == nil {
		t.Fatal("not declined, and no error")
	}
	for range 2 {
		if err := w.n.Decline(t.Context(), out("d", "")); err != nil {
			t.Fatal(err)
		}
	}
	w.waitState(roomR, stateLeft)
	w.waitState(rid, stateJoined)
	w.hs.with(roomR, func(f *fakeRoom) {
		if f.membership(ghostA) != "leave" {
			t.Error("the invitation is still open")
		}
	})
	w.push("u", memberEv(roomR, "$l", ghostA, ghostA, "leave"), textEv(roomR, "$2", bobID, "hello?"))
	w.eventually("the inbox to be empty", `SELECT count(*) = 0 FROM matrix_inbox WHERE state = 0`)
	if n, k := of[bridge.NoticeEvent](w.core), of[bridge.MessageEvent](w.core); len(n) != 0 || len(k) != 0 {
		t.Errorf("events of our own leaving: %v %v", n, k)
	}
}
