package matrix

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// crowd_test.go: rooms for several people.

const (
	roomG  = "!g:hs.test"
	pathG  = "%21g:hs.test"
	aliasG = id.Remote("#retro:hs.test")
	carlID = "@carl:hs.test"
	ghostC = "@webtv_carol:hs.test"
)

var carol = bridge.Account{Address: "carol@webtv.test", Name: "Carol"}

// upCrowd starts with two accounts and an open room with Bob and Carl.
func upCrowd(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	return newCrowd(t, change...).begin()
}

// newCrowd is the same before it starts.
func newCrowd(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := newWorld(t)
	w.o.RoomMembers = 4
	w.core.accounts = append(w.core.accounts, carol)
	for _, c := range change {
		c(&w.o)
	}
	w.hs.with(roomG, func(r *fakeRoom) {
		r.alias, r.name, r.open = string(aliasG), "Retro", true
		r.members[bobID] = m{"membership": "join", "displayname": "Bob"}
		r.members[carlID] = m{"membership": "join", "displayname": "Carl"}
	})
	return w
}

// begin starts it and waits for both ghosts.
func (w *world) begin() *world {
	w.t.Helper()
	w.start()
	w.eventually("the ghosts' names", `SELECT count(*) = 2 FROM matrix_ghosts WHERE name <> ''`)
	w.core.wait(w.t, "connection", func() bool { return len(w.core.states) > 0 })
	<-w.n.compared
	return w
}

// toRoom is a message from an account to a room.
func toRoom(a bridge.Account, to id.Remote, msg id.Message, body string) bridge.Outbound {
	return bridge.Outbound{ID: msg, From: a, To: to, Text: text.Content{Body: body}}
}

// goesIn has an account add the room.
func (w *world) goesIn(a bridge.Account, to id.Remote) {
	w.t.Helper()
	if err := w.n.Invite(w.t.Context(), toRoom(a, to, "inv", "")); err != nil {
		w.t.Fatalf("go in: %v", err)
	}
}

// count asks the database for a number.
func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.o.DB.QueryRow(query, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// A room is one contact: its lines carry who spoke, and the box's go there.
func TestRoomByAlias(t *testing.T) {
	w := upCrowd(t)
	for range 2 { // the second finds the first
		w.goesIn(alice, aliasG)
	}
	if p := await[bridge.PresenceEvent](t, w.core, 1)[0]; p.From != aliasG || p.Presence != bridge.PresenceOnline || p.Name != "Retro" || p.Account != alice.Address {
		t.Errorf("presence %+v", p)
	}
	if n := len(w.hs.find("POST /v3/join/")); n != 1 {
		t.Errorf("%d joins", n)
	}
	w.push("1", textEv(roomG, "$1", bobID, "hello"), textEv(roomG, "$2", carlID, "hi all"))
	got := await[bridge.MessageEvent](t, w.core, 2)
	for i, want := range []string{"Bob: hello", "Carl: hi all"} {
		if e := got[i]; e.Speaker+": "+e.Text.Body != want || e.From != aliasG || e.Name != "Retro" || e.Account != alice.Address {
			t.Errorf("line %+v, want %s", e, want)
		}
	}
	if got[0].By != bobID || got[0].Event != "$1 alice@webtv.test" {
		t.Errorf("line by %s as %q", got[0].By, got[0].Event)
	}
	r, err := w.n.Send(t.Context(), toRoom(alice, aliasG, "m1", "hello @carl"))
	if err != nil || r.Event != "$sent1 alice@webtv.test" {
		t.Fatalf("sent as %q, %v", r.Event, err)
	}
	sent := w.hs.sent(roomG, "m.room.message")
	if c := sent[0]["content"].(m); c["body"] != "hello @carl" || fmt.Sprint(c["m.mentions"]) != "map[user_ids:[@carl:hs.test]]" ||
		!strings.Contains(fmt.Sprint(c["formatted_body"]), "https://matrix.to/#/@carl:hs.test") {
		t.Errorf("sent %v", c)
	}
	w.push("2", sent[0])
	if e := await[bridge.EchoEvent](t, w.core, 1)[0]; e.ID != "m1" || e.Event != r.Event {
		t.Errorf("echo %+v", e)
	}
	if err := w.n.MarkRead(t.Context(), toRoom(alice, aliasG, "", ""), got[1].Event); err != nil {
		t.Fatal(err)
	}
	if c := w.hs.find("POST /v3/rooms/" + pathG + "/receipt/m.read/$2"); len(c) != 1 {
		t.Errorf("receipts %v", w.hs.find("POST /v3/rooms"))
	}
	w.n.SetTyping(t.Context(), alice, aliasG, true)
	if len(w.hs.find("PUT /v3/rooms/"+pathG+"/typing")) != 1 {
		t.Error("no typing")
	}
	if n := len(of[bridge.MessageEvent](w.core)); n != 2 {
		t.Errorf("%d lines: the account's own came back", n)
	}
}

// Several accounts in one room: each gets each line once, also those of the other.
func TestRoomOfTwoBoxes(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	w.goesIn(carol, aliasG)
	line := textEv(roomG, "$1", bobID, "to both")
	w.push("1", line)
	w.push("1", line, textEv(roomG, "$2", ghostC, "from carol")) // a repeat that has more
	got := await[bridge.MessageEvent](t, w.core, 3)
	var lines []string
	for _, e := range got {
		lines = append(lines, fmt.Sprint(e.Account, " ", e.Event, " ", e.Speaker, ": ", e.Text.Body))
	}
	want := []string{"alice@webtv.test $1 alice@webtv.test Bob: to both", "alice@webtv.test $2 alice@webtv.test Carol (WebTV): from carol",
		"carol@webtv.test $1 carol@webtv.test Bob: to both"}
	slices.Sort(lines)
	if !slices.Equal(lines, want) {
		t.Errorf("lines %q", lines)
	}
}

// Nothing joins by itself: an invitation is the account's to answer.
func TestRoomByInvitation(t *testing.T) {
	w := upCrowd(t)
	invite := func(ev, room, alias string) {
		w.hs.with(room, func(r *fakeRoom) {
			r.name, r.members[bobID], r.members[ghostA] = "Club", m{"membership": "join", "displayname": "Bob"}, m{"membership": "invite"}
			r.members[carlID] = m{"membership": "join"}
		})
		e := memberEv(room, ev, bobID, ghostA, "invite")
		stripped := []m{{"type": "m.room.name", "state_key": "", "content": m{"name": "Club"}}}
		if alias != "" {
			stripped = append(stripped, m{"type": "m.room.canonical_alias", "state_key": "", "content": m{"alias": alias}})
		}
		e["unsigned"] = m{"invite_room_state": stripped}
		w.push("t"+ev, e, textEv(room, "$line"+ev, bobID, "are you there?"))
	}
	const byID = id.Remote("!club:hs.test")
	invite("$i1", string(byID), "#retro:hs.test") // an alias that leads elsewhere is not believed
	e := await[bridge.RequestEvent](t, w.core, 1)[0]
	if e.From != byID || e.Name != "Club" || e.Account != alice.Address {
		t.Errorf("request %+v", e)
	}
	if len(w.hs.find("POST /v3/join/")) != 0 || len(of[bridge.MessageEvent](w.core)) != 0 {
		t.Error("it went in by itself")
	}
	if _, err := w.n.Send(t.Context(), toRoom(alice, byID, "m0", "x")); !permanent(err) {
		t.Errorf("written without an answer: %v", err)
	}
	if err := w.n.Accept(t.Context(), toRoom(alice, byID, "a", "")); err != nil {
		t.Fatal(err)
	}
	if got := await[bridge.MessageEvent](t, w.core, 1)[0]; got.Text.Body != "are you there?" || got.Speaker != "Bob" {
		t.Errorf("line %+v", got)
	}
	invite("$i2", "!two:hs.test", "")
	if e := await[bridge.RequestEvent](t, w.core, 2)[1]; e.From != "!two:hs.test" {
		t.Errorf("request %+v", e)
	}
	if err := w.n.Decline(t.Context(), toRoom(alice, "!two:hs.test", "d", "")); err != nil {
		t.Fatal(err)
	}
	w.hs.with("!two:hs.test", func(r *fakeRoom) {
		if r.membership(ghostA) != "leave" {
			t.Errorf("membership %s after no", r.membership(ghostA))
		}
	})
	if n := w.count(`SELECT count(*) FROM matrix_crowds`); n != 1 {
		t.Errorf("%d rooms", n)
	}
}

// Why a room cannot be gone into, in words for the box; and then nothing stays.
func TestRoomRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Options)
		room   func(*fakeRoom)
		want   string
	}{
		"unknown":        {nil, func(r *fakeRoom) { r.alias = "" }, textNoRoom},
		"invitees alone": {nil, func(r *fakeRoom) { r.open = false }, "ask somebody there to invite " + ghostA},
		"too large": {nil, func(r *fakeRoom) {
			for i := range 4 {
				r.members[fmt.Sprintf("@p%d:hs.test", i)] = m{"membership": "join"}
			}
		}, "more than 4 people"},
		"encrypted":    {nil, func(r *fakeRoom) { r.encrypted = true }, textRoomCrypt},
		"switched off": {func(o *Options) { o.RoomMembers = 0 }, nil, textNoRooms},
	} {
		t.Run(name, func(t *testing.T) {
			w := upCrowd(t)
			if c.change != nil {
				c.change(&w.n.o)
			}
			if c.room != nil {
				w.hs.with(roomG, c.room)
			}
			err := w.n.Invite(t.Context(), toRoom(alice, aliasG, "i", ""))
			if !permanent(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			w.hs.with(roomG, func(r *fakeRoom) {
				if r.membership(ghostA) == "join" {
					t.Error("the ghost stays")
				}
			})
			if n := w.count(`SELECT count(*) FROM matrix_crowds`) + w.count(`SELECT count(*) FROM matrix_members`); n != 0 {
				t.Errorf("%d rows stay", n)
			}
		})
	}
}

// A room that grows far beyond its cap is left, and the box told once.
func TestRoomGrowsTooLarge(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	for i := range 3 {
		user := fmt.Sprintf("@p%d:hs.test", i)
		w.push(user, memberEv(roomG, "$"+user, user, user, "join"))
	}
	if e := await[bridge.NoticeEvent](t, w.core, 1)[0]; !strings.Contains(e.Text, "more than 4 people") {
		t.Errorf("notice %+v", e)
	}
	w.hs.wait("POST /v3/rooms/"+pathG+"/leave", 1)
	w.eventually("the room to be forgotten", `SELECT count(*) = 0 FROM matrix_crowds`)
}

// Off the list is out of the room, and the last one out forgets it.
func TestRoomLeft(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	w.goesIn(carol, aliasG)
	for i, a := range []bridge.Account{alice, carol} {
		if err := w.n.Leave(t.Context(), toRoom(a, aliasG, "l", "")); err != nil {
			t.Fatal(err)
		}
		if rooms, members := w.count(`SELECT count(*) FROM matrix_crowds`), w.count(`SELECT count(*) > 0 FROM matrix_members`); rooms != 1-i || members != 1-i {
			t.Errorf("%d rows, %d members after %d", rooms, members, i+1)
		}
	}
	if n := len(w.hs.find("POST /v3/rooms/" + pathG + "/leave")); n != 2 {
		t.Errorf("%d left", n)
	}
	if err := w.n.Leave(t.Context(), out("l", "")); err != nil || len(w.hs.find("POST /v3/rooms/")) != 2 {
		t.Errorf("a friend off the list: %v", err)
	}
	p := of[bridge.PresenceEvent](w.core)
	defer func() { // its own leaving, told late, is not taken for another
		w.goesIn(alice, aliasG)
		w.push("late", memberEv(roomG, "$late", ghostA, ghostA, "leave"), textEv(roomG, "$after", bobID, "still there?"))
		if e := await[bridge.MessageEvent](t, w.core, 1)[0]; e.Account != alice.Address {
			t.Errorf("line %+v", e)
		}
	}()
	if last := p[len(p)-1]; last.Presence != bridge.PresenceOffline || last.From != aliasG {
		t.Errorf("presence %+v", last)
	}
}

// An account that goes takes its ghost out of its rooms.
func TestRoomOfRemovedAccount(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	w.n.AccountRemoved(alice.Address)
	w.hs.wait("POST /v3/rooms/"+pathG+"/leave", 1)
	w.eventually("the room to be forgotten", `SELECT count(*) = 0 FROM matrix_crowds`)
}

// Who is thrown out is told, and does not go back by itself.
func TestRoomKicked(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	w.hs.with(roomG, func(r *fakeRoom) { r.members[ghostA] = m{"membership": "leave"} })
	w.push("1", memberEv(roomG, "$k", bobID, ghostA, "leave"))
	if e := await[bridge.NoticeEvent](t, w.core, 1)[0]; !strings.Contains(e.Text, "removed you") || e.From != aliasG {
		t.Errorf("notice %+v", e)
	}
	joins := len(w.hs.find("POST /v3/join/"))
	_, err := w.n.Send(t.Context(), toRoom(alice, aliasG, "m1", "hello?"))
	if !permanent(err) || !strings.Contains(err.Error(), "add it again") || len(w.hs.find("POST /v3/join/")) != joins {
		t.Errorf("sent: %v", err)
	}
	w.goesIn(alice, aliasG) // the owner wants it
	if _, err := w.n.Send(t.Context(), toRoom(alice, aliasG, "m2", "back")); err != nil {
		t.Errorf("after coming back: %v", err)
	}
}

// The same, while the gateway was down: found out at the start, or by writing.
func TestRoomKickedUnseen(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	kick := func() { w.hs.with(roomG, func(r *fakeRoom) { r.members[ghostA] = m{"membership": "leave"} }) }
	kick()
	if _, err := w.n.Send(t.Context(), toRoom(alice, aliasG, "m1", "x")); !permanent(err) || !strings.Contains(err.Error(), "add it again") {
		t.Errorf("sent: %v", err)
	}
	w.goesIn(alice, aliasG)
	w.hs.with(roomG, func(r *fakeRoom) { r.muted = true })
	if _, err := w.n.Send(t.Context(), toRoom(alice, aliasG, "m2", "x")); !permanent(err) || !strings.Contains(err.Error(), textMuted) {
		t.Errorf("sent: %v", err)
	}
	w.stop()
	kick()
	w.restart()
	if e := await[bridge.NoticeEvent](t, w.core, 1)[0]; !strings.Contains(e.Text, "removed you") {
		t.Errorf("notice %+v", e)
	}
	if n := w.count(`SELECT count(*) FROM matrix_crowds`); n != 0 {
		t.Errorf("%d rooms", n)
	}
}

// A room that was upgraded goes on under the same contact.
func TestRoomTombstone(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	const next = "!next:hs.test"
	w.hs.with(next, func(r *fakeRoom) { r.open, r.members[bobID] = true, m{"membership": "join", "displayname": "Bob"} })
	grave := ev(roomG, "$t", "m.room.tombstone", bobID, m{"replacement_room": next})
	grave["state_key"] = ""
	w.push("1", grave)
	w.hs.wait("POST /v3/rooms/"+pathG+"/leave", 1)
	w.push("2", textEv(next, "$n", bobID, "here now"))
	if e := await[bridge.MessageEvent](t, w.core, 1)[0]; e.From != aliasG || e.Text.Body != "here now" {
		t.Errorf("line %+v", e)
	}
	if _, err := w.n.Send(t.Context(), toRoom(alice, aliasG, "m1", "me too")); err != nil || !slices.Equal(w.hs.bodies(next), []string{"me too"}) {
		t.Errorf("sent %v, %v", w.hs.bodies(next), err)
	}
	grave = ev(next, "$t2", "m.room.tombstone", bobID, m{"replacement_room": "!shut:hs.test"})
	grave["state_key"] = ""
	w.hs.with("!shut:hs.test", func(r *fakeRoom) {})
	w.push("3", grave)
	if e := await[bridge.NoticeEvent](t, w.core, 1)[0]; !strings.Contains(e.Text, "has moved") {
		t.Errorf("notice %+v", e)
	}
	w.eventually("the room to be forgotten", `SELECT count(*) = 0 FROM matrix_crowds`)
}
