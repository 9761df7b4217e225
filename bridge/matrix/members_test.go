package matrix

import (
	"fmt"
	"strings"
	"testing"
	"time"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
)

// reasons lists why invitations were turned down, as the homeserver was told.
func (w *world) reasons() (all []string) {
	for _, c := range w.hs.find("POST /leave") {
		reason, _ := c.body["reason"].(string)
		all = append(all, c.user+" "+reason)
	}
	return all
}

func TestInvitationsTurnedDown(t *testing.T) {
	name := m{"type": "m.room.name", "state_key": "", "sender": bobID, "content": m{"name": "Fans"}}
	topic := m{"type": "m.room.topic", "state_key": "", "sender": bobID, "content": m{"topic": "TV"}}
	alias := m{"type": "m.room.canonical_alias", "state_key": "", "sender": bobID, "content": m{"alias": "#tv:hs.test"}}
	noName := m{"type": "m.room.name", "state_key": "", "sender": bobID, "content": m{"name": ""}}
	spam := func(w *world) m {
		e := w.invite(roomR, "$1", true)
		e["sender"] = "@spammer:hs.test"
		return e
	}
	nobody := func(w *world) m {
		e := w.invite(roomR, "$1", true)
		e["state_key"] = "@webtv_nobody:hs.test"
		return e
	}
	for i, c := range []struct {
		event func(*world) m
		want  string // "" for a request
	}{
		{func(w *world) m { return w.invite(roomR, "$1", true) }, ""},
		{func(w *world) m { return w.invite(roomR, "$1", true, name, topic, alias) }, ""},
		{func(w *world) m { return w.invite(roomR, "$1", false) }, ""},
		{func(w *world) m { return w.invite(roomR, "$1", false, noName) }, ""},
		{func(w *world) m { return w.invite(roomR, "$1", false, name) }, ghostA + " " + reasonGroup},
		{func(w *world) m { return w.invite(roomR, "$1", false, topic) }, ghostA + " " + reasonGroup},
		{func(w *world) m { return w.invite(roomR, "$1", false, alias) }, ghostA + " " + reasonGroup},
		{spam, ghostA + " " + reasonPolicy},
		{nobody, "@webtv_nobody:hs.test " + reasonUnknown},
	} {
		w := up(t)
		w.push("t", c.event(w))
		if c.want == "" {
			await[bridge.RequestEvent](t, w.core, 1)
			continue
		}
		w.hs.wait("POST /leave", 1)
		if got := w.reasons(); len(got) != 1 || got[0] != c.want {
			t.Errorf("%d: turned down with %q, want %q", i, got, c.want)
		}
		if len(of[bridge.RequestEvent](w.core)) != 0 {
			t.Errorf("%d: a request all the same", i)
		}
	}
}

func TestPatterns(t *testing.T) {
	w := newWorld(t)
	w.o.InviteAllow, w.o.InviteDeny = []string{"@*:hs.test", "@friend.x:*"}, []string{"@bad*"}
	n, err := New(w.o)
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]bool{
		"@bob:hs.test": true, "@bob:hs.test.evil": false, "@bobXhs.test": false, "@friend.x:a.b": true, "@friendyx:a.b": false,
		"@bad:hs.test": false, "@x\n:hs.test": true, "": false,
	} {
		if got := n.mayInvite(mid.UserID(user)); got != want {
			t.Errorf("mayInvite(%q) = %v", user, got)
		}
	}
	w.o.InviteAllow = nil
	if n, err = New(w.o); err != nil || n.mayInvite("@bob:hs.test") {
		t.Errorf("nobody is allowed, and Bob may: %v", err)
	}
}

func TestTooManyInvitations(t *testing.T) {
	w := up(t)
	for i := range maxAskedPerFriend + 1 {
		rid := fmt.Sprintf("!c%d:hs.test", i)
		w.push(rid, w.invite(rid, "$i"+rid, true))
	}
	await[bridge.RequestEvent](t, w.core, maxAskedPerFriend)
	w.hs.wait("POST /leave", 1)
	other := w.invite(roomR, "$other", true)
	other["sender"] = "@carl:hs.test"
	w.push("t", other)
	w.hs.wait("POST /leave", 2)
	for _, r := range w.reasons() {
		if r != ghostA+" "+reasonMany {
			t.Errorf("turned down with %q", r)
		}
	}
	if len(w.reasons()) != 2 || len(of[bridge.RequestEvent](w.core)) != maxAskedPerFriend {
		t.Errorf("%q, %d requests", w.reasons(), len(of[bridge.RequestEvent](w.core)))
	}
}

// An invitation that the homeserver does not let us turn down holds the room up
// for a while only.
func TestTurningDownFails(t *testing.T) {
	w := up(t)
	w.hs.fail(fault{match: "POST /leave", times: 2, status: 500})
	denied := w.invite(roomR, "$1", true)
	denied["sender"] = "@spammer:hs.test"
	w.push("t", denied)
	w.hs.wait("POST /leave", 3)
	w.hs.fail(fault{match: "POST /leave", times: -1, lose: true})
	denied["event_id"] = "$2"
	w.push("u", denied)
	w.hs.wait("POST /leave", 3+sideEffectTries)
	w.push("v", w.invite(roomR, "$3", true))
	if r := await[bridge.RequestEvent](t, w.core, 1)[0]; r.Event != "$3" {
		t.Errorf("request %+v", r)
	}
	if !strings.Contains(w.log.String(), "event=$2 skipped=1") {
		t.Error("not logged")
	}
}

var encryption = m{"type": "m.room.encryption", "state_key": "", "sender": bobID, "content": m{"algorithm": "m.megolm.v1.aes-sha2"}}

func TestEncryptedInvitation(t *testing.T) {
	w := up(t)
	w.hs.fail(fault{match: "PUT /send/", times: 1, lose: true})
	w.hs.fail(fault{match: "POST /leave", times: 1, status: 502})
	w.push("t", w.invite(roomR, "$1", true, encryption))
	w.waitState(roomR, stateLeft)
	if got := w.hs.bodies(roomR); len(got) != 1 || got[0] != noticeEncrypted {
		t.Errorf("the room has %q", got)
	}
	if got := w.reasons(); len(got) != 2 || got[1] != ghostA+" "+reasonCrypt {
		t.Errorf("left with %q", got)
	}
	for i := range maxRefusedPerDay {
		rid := fmt.Sprintf("!c%d:hs.test", i)
		w.push(rid, w.invite(rid, "$i"+rid, true, encryption))
		w.hs.wait("POST /leave", 3+i)
		if i < maxRefusedPerDay-1 { // the last is turned down without a word in the room
			w.waitState(rid, stateLeft)
		}
	}
	if n := len(w.hs.find("POST /join")); n != maxRefusedPerDay+2 { // the first took three tries
		t.Errorf("joined %d times", n)
	}
	if len(of[bridge.RequestEvent](w.core)) != 0 {
		t.Error("requests for chats that cannot be")
	}
}

func TestRoomBecomesEncrypted(t *testing.T) {
	w := up(t)
	rid := w.joined()
	enc := ev(rid, "$e", "m.room.encryption", bobID, m{"algorithm": "m.megolm.v1.aes-sha2"})
	enc["state_key"] = ""
	secret := func(i int) m {
		return ev(rid, fmt.Sprint("$s", i), "m.room.encrypted", bobID, m{"ciphertext": "x"})
	}
	w.hs.fail(fault{match: "PUT /send/", times: 1, status: 502})
	w.push("t", enc, secret(1), secret(2))
	w.push("u", secret(3), textEv(rid, "$p", bobID, "plain"))
	await[bridge.MessageEvent](t, w.core, 1)
	n := of[bridge.NoticeEvent](w.core)
	if len(n) != 1 || n[0].Event != "$s1" || n[0].From != bobID || n[0].Account != alice.Address ||
		n[0].Text != "Bob wrote an encrypted message, which cannot be shown here. A chat without encryption was asked for." {
		t.Errorf("notices %+v", n)
	}
	if got := w.hs.bodies(rid); len(got) != 1 || got[0] != noticeEncrypted {
		t.Errorf("the room has %q", got)
	}
	if c := w.hs.find("PUT /send/")[0]; c.body["msgtype"] != "m.notice" {
		t.Errorf("content %v", c.body)
	}
}

// A room whose encryption we learn of by its first unreadable message.
func TestEncryptedMessageFirst(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.hs.fail(fault{match: "PUT /send/", times: -1, status: 403, body: `{"errcode":"M_FORBIDDEN"}`}) // may not write: let be
	w.push("t", ev(rid, "$1", "m.room.encrypted", bobID, m{"ciphertext": "x"}), textEv(rid, "$2", bobID, "plain"))
	await[bridge.MessageEvent](t, w.core, 1)
	if len(of[bridge.NoticeEvent](w.core)) != 1 || len(w.hs.find("PUT /send/")) != 1 {
		t.Error("not said once to each")
	}
}

func TestMessages(t *testing.T) {
	w := up(t)
	rid := w.joined()
	future := textEv(rid, "$7", bobID, "future")
	future["origin_server_ts"] = time.Now().Add(time.Hour).UnixMilli()
	w.push("t",
		textEv("!unknown:hs.test", "$0", bobID, "elsewhere"),
		textEv(rid, "$1", "@carl:hs.test", "third person"),
		textEv(rid, "$2", ghostA, "our own, from another program"),
		textEv(rid, "$3", "@webtvbot:hs.test", "the bot"),
		ev(rid, "$4", "m.room.message", ghostA, m{"msgtype": "m.text", "body": "ours", "wtvgate.id": "msg-1"}),
		ev(rid, "$4b", "m.room.message", bobID, m{"msgtype": "m.text", "body": "forged", "wtvgate.id": "msg-2"}),
		ev(rid, "$5", "m.reaction", bobID, m{}),
		textEv(rid, "$6", bobID, ""),
		ev(rid, "$6b", "m.sticker", bobID, m{"body": "party", "url": "mxc://a/b"}),
		future,
	)
	got := await[bridge.MessageEvent](t, w.core, 3)
	if b := bodies(got); len(b) != 3 || b[0] != "forged" || b[1] != "[sticker: party]" || b[2] != "future" {
		t.Errorf("received %q", b)
	}
	if g := got[0]; g.Event != "$4b" || g.Account != alice.Address || g.From != bobID || g.Name != "Bob" || g.Time.UnixMilli() != 1000 {
		t.Errorf("message %+v", g)
	}
	if got[2].Time.After(time.Now()) {
		t.Error("a message from the future")
	}
	if e := of[bridge.EchoEvent](w.core); len(e) != 1 || e[0].ID != "msg-1" || e[0].Event != "$4" {
		t.Errorf("echoes %+v", e)
	}
}

func TestFriendComesAndGoes(t *testing.T) {
	w := up(t)
	presence := func(want bridge.Presence) {
		t.Helper()
		if p, err := w.n.Presence(alice.Address, bobID); p != want || err != nil {
			t.Errorf("presence %q, %v; want %q", p, err, want)
		}
	}
	if err := w.n.Invite(t.Context(), out("1", "")); err != nil {
		t.Fatal(err)
	}
	const rid = "!made1:hs.test"
	presence(bridge.PresenceOffline)
	w.push("a", memberEv(rid, "$1", bobID, bobID, "join", m{"displayname": "Bob"}))
	if p := await[bridge.PresenceEvent](t, w.core, 1)[0]; p != (bridge.PresenceEvent{Account: alice.Address, From: bobID, Presence: bridge.PresenceOnline, Name: "Bob"}) {
		t.Errorf("%+v", p)
	}
	presence(bridge.PresenceOnline)
	w.push("b", memberEv(rid, "$2", bobID, bobID, "join", m{"displayname": "Bob", "avatar_url": "mxc://a/b"})) // nothing for us
	w.push("c", memberEv(rid, "$3", bobID, bobID, "join", m{"displayname": "Robert"}))
	if p := await[bridge.PresenceEvent](t, w.core, 2)[1]; p.Name != "Robert" || p.Presence != bridge.PresenceOnline {
		t.Errorf("%+v", p)
	}
	w.push("d", memberEv(rid, "$4", "@carl:hs.test", "@carl:hs.test", "join"), memberEv(rid, "$5", bobID, bobID, "leave"))
	if n := await[bridge.NoticeEvent](t, w.core, 1)[0]; n.Text != "Robert has left the chat." || n.Event != "$5" || n.From != bobID {
		t.Errorf("%+v", n)
	}
	if p := await[bridge.PresenceEvent](t, w.core, 3)[2]; p.Presence != bridge.PresenceOffline {
		t.Errorf("%+v", p)
	}
	presence(bridge.PresenceOffline)
	w.push("e", textEv(rid, "$6", bobID, "I am back, and the join was lost"))
	await[bridge.MessageEvent](t, w.core, 1)
	presence(bridge.PresenceOnline)
}

func TestFriendDeclines(t *testing.T) {
	w := up(t)
	if err := w.n.Invite(t.Context(), out("1", "")); err != nil {
		t.Fatal(err)
	}
	w.push("a", memberEv("!made1:hs.test", "$1", bobID, bobID, "leave"), memberEv("!made1:hs.test", "$2", bobID, bobID, "leave"))
	if n := await[bridge.NoticeEvent](t, w.core, 1)[0]; n.Text != "bob did not accept the invitation." {
		t.Errorf("%+v", n)
	}
	w.waitState("!made1:hs.test", stateEmpty)
	if len(w.hs.find("POST /leave")) != 0 {
		t.Error("the ghost left its own room and cannot invite again")
	}
}

// In the friend's own room: the friend leaves, or throws the ghost out, or takes
// the invitation back.
func TestFriendsRoomEnds(t *testing.T) {
	w := up(t)
	w.push("a", w.invite(roomR, "$1", true))
	await[bridge.RequestEvent](t, w.core, 1)
	w.push("b", memberEv(roomR, "$1b", bobID, bobID, "join", m{"displayname": "Robert"}))
	if err := w.n.Accept(t.Context(), out("1", "")); err != nil {
		t.Fatal(err)
	}
	w.hs.fail(fault{match: "POST /leave", times: 1, status: 500})
	w.push("c", memberEv(roomR, "$2", bobID, bobID, "leave"))
	w.waitState(roomR, stateLeft)
	w.hs.wait("POST /leave", 2)

	const second = "!second:hs.test"
	w.push("d", w.invite(second, "$3", true))
	await[bridge.RequestEvent](t, w.core, 2)
	w.push("e", memberEv(second, "$4", bobID, ghostA, "leave"))
	w.waitState(second, stateLeft)
	if err := w.n.Accept(t.Context(), out("2", "")); err != nil {
		t.Errorf("accepted what was taken back: %v", err)
	}
	w.push("f", w.invite(second, "$5", true))
	await[bridge.RequestEvent](t, w.core, 3)
	if err := w.n.Accept(t.Context(), out("3", "")); err != nil {
		t.Fatal(err)
	}
	w.push("g", memberEv(second, "$6", bobID, ghostA, "ban"))
	w.waitState(second, stateLeft)
	n := await[bridge.NoticeEvent](t, w.core, 2)
	for _, e := range n {
		if e.Event == "$6" && e.Text != "Bob has ended the chat." || e.Event == "$4" {
			t.Errorf("%+v", e)
		}
	}
	await[bridge.PresenceEvent](t, w.core, 4)
	if p, _ := w.n.Presence(alice.Address, bobID); p != bridge.PresenceOffline {
		t.Errorf("presence %q", p)
	}
}

// A second ghost in a direct room would make it a room for several people.
func TestSecondGhost(t *testing.T) {
	w := up(t)
	w.core.change(func() {
		w.core.accounts = append(w.core.accounts, bridge.Account{Address: "dora@webtv.test", Name: "Dora"})
	})
	rid := w.joined()
	w.hs.with(rid, func(r *fakeRoom) { r.members["@webtv_dora:hs.test"] = m{"membership": "invite"} })
	w.push("a", memberEv(rid, "$1", bobID, "@webtv_dora:hs.test", "invite", m{"is_direct": true}))
	w.hs.wait("POST /leave", 1)
	if got := w.reasons(); got[0] != "@webtv_dora:hs.test "+reasonGroup {
		t.Errorf("turned down with %q", got)
	}
	w.push("b", memberEv(roomR, "$2", "@webtv_dora:hs.test", ghostA, "invite"), textEv(rid, "$3", bobID, "still fine"))
	await[bridge.MessageEvent](t, w.core, 1)
	if len(of[bridge.RequestEvent](w.core)) != 0 {
		t.Error("a request by a ghost")
	}
}
