package matrix

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
)

// crowd_lines_test.go: what is said in rooms for several people.

// Other bridges' people are not shown unless the operator says so; the room is
// told once.
func TestRoomOtherBridges(t *testing.T) {
	const far = "@telegram_42:hs.test"
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	w.push("1", textEv(roomG, "$1", far, "from afar"), textEv(roomG, "$2", "@_irc_x:hs.test", "from afar"), textEv(roomG, "$3", bobID, "near"))
	if got := bodies(await[bridge.MessageEvent](t, w.core, 1)); !slices.Equal(got, []string{"near"}) {
		t.Errorf("lines %q", got)
	}
	if got := w.hs.bodies(roomG); !slices.Equal(got, []string{noticeBridged}) {
		t.Errorf("the room was told %q", got)
	}
	w.hs.with(roomR, func(r *fakeRoom) { r.members[ghostA] = m{"membership": "invite"} })
	w.push("2", memberEv(roomR, "$i", far, ghostA, "invite", m{"is_direct": true}))
	w.hs.wait("POST /v3/rooms/%21r:hs.test/leave", 1)
	w.n.o.OtherBridges = true
	w.push("3", textEv(roomG, "$4", far, "let through"))
	if got := bodies(await[bridge.MessageEvent](t, w.core, 2)); got[1] != "let through" {
		t.Errorf("lines %q", got)
	}
}

func TestOtherBridge(t *testing.T) {
	for user, want := range map[string]bool{"@_discord_1:x": true, "@telegram_1:x": true, "@webtv_bob:elsewhere.org": true, "@bob:x": false,
		"@irc_nick:x": true, "@ircfan:x": false, "@signals:x": false} {
		if got := otherBridge(mid.UserID(user)); got != want {
			t.Errorf("%s: %v", user, got)
		}
	}
}

// A busy room does not drown the TV: so many lines in a minute, then a count.
func TestRoomLinesPerMinute(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	for i := range maxLinesPerMinute + 3 {
		w.push(fmt.Sprint("t", i), textEv(roomG, fmt.Sprint("$", i), bobID, "x"))
	}
	if e := await[bridge.NoticeEvent](t, w.core, 1)[0]; e.Text != lineFlow {
		t.Errorf("notice %+v", e)
	}
	w.eventually("all lines to be handled", `SELECT count(*) = ? FROM matrix_inbox WHERE state = 1`, maxLinesPerMinute+3)
	if n := len(of[bridge.MessageEvent](w.core)); n != maxLinesPerMinute {
		t.Errorf("%d lines", n)
	}
	f := newFlow()
	at := w.n.now()
	for range maxLinesPerMinute {
		f.admit(roomG, at)
	}
	for i, want := range []verdict{flowTell, flowDrop} {
		if v, _ := f.admit(roomG, at); v != want {
			t.Errorf("line %d: %v", i, v)
		}
	}
	if v, n := f.admit(roomG, at.Add(61e9)); v != flowShow || n != 2 {
		t.Errorf("the next minute: %v, %d left out", v, n)
	}
	if v, n := f.admit(roomG, at.Add(62e9)); v != flowShow || n != 0 {
		t.Errorf("and then: %v, %d left out", v, n)
	}
}

// Edits, replies, reactions and what is taken back are told as of one account's
// room; nobody corrects another's line.
func TestRoomLater(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	edit := func(ev_, by, of string) m {
		return ev(roomG, ev_, "m.room.message", by, m{"msgtype": "m.text", "body": "* y", "m.new_content": m{"msgtype": "m.text", "body": "y"},
			"m.relates_to": m{"rel_type": "m.replace", "event_id": of}})
	}
	reply := ev(roomG, "$4", "m.room.message", carlID, m{"msgtype": "m.text", "body": "z", "m.relates_to": m{"m.in_reply_to": m{"event_id": "$1"}}})
	gone := ev(roomG, "$6", "m.room.redaction", carlID, m{"redacts": "$4"})
	w.push("1", textEv(roomG, "$1", bobID, "x"), edit("$2", carlID, "$1"), edit("$3", bobID, "$1"), reply,
		ev(roomG, "$5", "m.reaction", carlID, m{"m.relates_to": m{"rel_type": "m.annotation", "event_id": "$s", "key": "👍"}}), gone)
	d := await[bridge.DeletionEvent](t, w.core, 1)[0]
	if d.Of != "$4 alice@webtv.test" || d.Speaker != "Carl" || d.From != aliasG {
		t.Errorf("deletion %+v", d)
	}
	got := of[bridge.MessageEvent](w.core)
	if len(got) != 3 || got[1].Replaces != "$1 alice@webtv.test" || got[1].By != bobID || got[2].Answers != "$1 alice@webtv.test" {
		t.Errorf("lines %+v", got)
	}
	if r := of[bridge.ReactionEvent](w.core); len(r) != 1 || r[0].To != "$s alice@webtv.test" || r[0].Speaker != "Carl" || r[0].By != carlID || r[0].Emoji != "👍" {
		t.Errorf("reactions %+v", r)
	}
}

// Names in a room follow its members; two of one name are told apart.
func TestRoomNames(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	title := ev(roomG, "$n", "m.room.name", bobID, m{"name": "New"})
	title["state_key"] = ""
	w.push("1", title, memberEv(roomG, "$m", carlID, carlID, "join", m{"displayname": "bob"}), textEv(roomG, "$1", carlID, "x"),
		ev(roomG, "$2", "m.room.message", bobID, m{"msgtype": "m.emote", "body": "waves"}),
		memberEv(roomG, "$l", carlID, carlID, "leave"), textEv(roomG, "$3", bobID, "x"))
	got := await[bridge.MessageEvent](t, w.core, 3)
	for i, want := range []string{"bob (@carl:hs.test): x", "Bob (@bob:hs.test): * Bob (@bob:hs.test) waves", "Bob: x"} {
		if e := got[i]; e.Speaker+": "+e.Text.Body != want || e.Name != "New" {
			t.Errorf("%s: %s in %s, want %s", e.Speaker, e.Text.Body, e.Name, want)
		}
	}
}

// An encrypted room: lines are read, and what the box writes goes to everybody who
// is there, also to who comes later.
func TestRoomEncrypted(t *testing.T) {
	w := upCrowd(t, func(o *Options) { o.Encryption, o.Vault = encryptionAllow, noVault{} })
	w.eventually("the ghosts' devices", `SELECT count(*) = 2 FROM matrix_devices WHERE ready`)
	w.hs.with(roomG, func(r *fakeRoom) { r.encrypted = true; delete(r.members, bobID) })
	w.goesIn(alice, aliasG)
	w.goesIn(carol, aliasG)
	if _, err := w.n.Send(t.Context(), toRoom(alice, aliasG, "m1", "before bob")); err != nil {
		t.Fatal(err)
	}
	first := w.hs.sent(roomG, "m.room.encrypted")
	if len(first) != 1 || strings.Contains(fmt.Sprint(first), "before bob") {
		t.Fatalf("sent %v", first)
	}
	w.push("1", first[0]) // Carol's ghost reads what Alice's wrote
	if e := await[bridge.MessageEvent](t, w.core, 1)[0]; e.Account != carol.Address || e.Text.Body != "before bob" || e.Speaker != "Alice (WebTV)" {
		t.Errorf("line %+v", e)
	}
	if e := await[bridge.EchoEvent](t, w.core, 1)[0]; e.ID != "m1" {
		t.Errorf("echo %+v", e)
	}
	bob := w.newPenpal("ONE")
	w.hs.with(roomG, func(r *fakeRoom) { r.members[bobID] = m{"membership": "join", "displayname": "Bob"} })
	w.push("2", memberEv(roomG, "$j", bobID, bobID, "join", m{"displayname": "Bob"}))
	w.eventually("bob to be known", `SELECT count(*) = 1 FROM matrix_members WHERE user = ?`, bobID)
	w.eventually("new keys to be due", `SELECT count(*) = 0 FROM crypto_megolm_outbound_session`)
	if _, err := w.n.Send(t.Context(), toRoom(alice, aliasG, "m2", "for bob too")); err != nil {
		t.Fatal(err)
	}
	if text, err := bob.read(w.hs.sent(roomG, "m.room.encrypted")[1]); text != "for bob too" || err != nil {
		t.Errorf("bob reads %q, %v", text, err)
	}
	w.push("3", bob.seal(roomG, "$b", "thanks", true)) // the key goes to Alice's ghost alone
	var got []string
	for _, e := range await[bridge.MessageEvent](t, w.core, 3)[1:] {
		got = append(got, fmt.Sprint(e.Account, " ", e.Speaker, ": ", e.Text.Body))
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"alice@webtv.test Bob: thanks", "carol@webtv.test Bob: thanks"}) {
		t.Errorf("lines %q", got)
	}
}
