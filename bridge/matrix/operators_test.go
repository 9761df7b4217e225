package matrix

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge"
)

const (
	opID  = "@op:hs.test"
	botID = "@webtvbot:hs.test"
)

// manned is a gateway with an operator; it repeats commands.
func manned(t *testing.T) (*world, func() []string) {
	t.Helper()
	w := newWorld(t)
	var mu sync.Mutex
	var lines []string
	w.o.Operators = []string{opID, "@second:hs.test"}
	w.o.Console = func(_ context.Context, who, line string) string {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, who+": "+line)
		return "a < b\n"
	}
	w.start()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
	<-w.n.compared
	return w, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(lines)
	}
}

// asks is an invitation of the bot.
func (w *world) asks(room, event, from string, stripped ...m) m {
	w.hs.with(room, func(r *fakeRoom) {
		r.members[from] = m{"membership": "join"}
		r.members[botID] = m{"membership": "invite"}
	})
	e := memberEv(room, event, from, botID, "invite", m{"is_direct": true})
	e["unsigned"] = m{"invite_room_state": stripped}
	return e
}

// now is an event of this moment.
func now(e m) m {
	e["origin_server_ts"] = time.Now().UnixMilli()
	return e
}

func TestOperatorTalksWithTheBot(t *testing.T) {
	w, lines := manned(t)
	const room = "!ops:hs.test"
	w.push("1", w.asks(room, "$i", opID))
	w.hs.wait("PUT /send/m.room.message", 1)
	again := now(textEv(room, "$edit", opID, "* who"))
	again["content"] = m{"msgtype": "m.text", "body": "* who", "m.relates_to": m{"rel_type": "m.replace", "event_id": "$s"}}
	w.push("2", now(textEv(room, "$s", opID, "status")), again, now(ev(room, "$n", "m.room.message", opID, m{"msgtype": "m.notice", "body": "notice"})),
		textEv(room, "$old", opID, "kick alice@webtv.local"), now(textEv(room, "$long", opID, strings.Repeat("x", maxCommand+1))),
		now(textEv(room, "$w", opID, "who")))
	w.hs.wait("PUT /send/m.room.message", 5)
	if got, want := w.hs.bodies(room), []string{textGreeting, "a < b\n", textTooOld, textTooLong, "a < b\n"}; !slices.Equal(got, want) {
		t.Errorf("the room has %q, want %q", got, want)
	}
	if got, want := lines(), []string{opID + ": status", opID + ": who"}; !slices.Equal(got, want) {
		t.Errorf("carried out %q, want %q", got, want)
	}
	calls := w.hs.find("PUT /send/m.room.message")
	if c := calls[1]; c.user != botID || c.body["msgtype"] != "m.notice" || c.body["formatted_body"] != "<pre><code>a &lt; b\n</code></pre>" {
		t.Errorf("the answer is %+v", c)
	}
	if got := len(of[bridge.Event](w.core)); got != 0 {
		t.Errorf("%d events of the bot's room came to the core", got)
	}
}

// TestBotSaysNothingBeforeOthers: what operators may know, others in the room may not.
func TestBotSaysNothingBeforeOthers(t *testing.T) {
	w, lines := manned(t)
	const room = "!ops:hs.test"
	w.push("1", w.asks(room, "$i", opID))
	w.hs.wait("PUT /send/m.room.message", 1)
	w.hs.with(room, func(r *fakeRoom) { r.members["@second:hs.test"] = m{"membership": "join"} })
	w.push("2", now(textEv(room, "$a", "@second:hs.test", "who")))
	w.hs.wait("PUT /send/m.room.message", 2)
	w.hs.with(room, func(r *fakeRoom) { r.members[bobID] = m{"membership": "join"} })
	w.push("3", now(textEv(room, "$b", opID, "who")), now(textEv(room, "$c", bobID, "kick alice@webtv.local")))
	w.hs.wait("PUT /send/m.room.message", 3)
	if got := w.hs.bodies(room); len(got) != 3 || got[2] != textOthers {
		t.Errorf("the room has %q", got)
	}
	if got := lines(); !slices.Equal(got, []string{"@second:hs.test: who"}) {
		t.Errorf("carried out %q", got)
	}
}

func TestBotTurnsDownOthersAndEncryption(t *testing.T) {
	w, _ := manned(t)
	w.push("1", w.asks("!a:hs.test", "$a", bobID),
		w.asks("!b:hs.test", "$b", opID, m{"type": "m.room.encryption", "state_key": "", "sender": opID, "content": megolm}))
	w.hs.wait("POST /leave", 2)
	var reasons []any
	for _, c := range w.hs.find("POST /leave") {
		reasons = append(reasons, c.body["reason"])
	}
	if len(reasons) != 2 || !slices.Contains(reasons, any(reasonOperators)) || !slices.Contains(reasons, any(reasonNoCrypt)) {
		t.Errorf("left because of %q", reasons)
	}
	if got := len(w.hs.find("POST /join")); got != 0 {
		t.Errorf("%d rooms were joined", got)
	}
}

// TestOperatorsHaveFriendsToo: what an operator writes to a box goes to the box.
func TestOperatorsHaveFriendsToo(t *testing.T) {
	w, lines := manned(t)
	w.o.Operators = append(w.o.Operators, bobID)
	w.restart()
	room := w.joined()
	w.push("1", now(textEv(room, "$a", bobID, "who")))
	await[bridge.MessageEvent](t, w.core, 1)
	if got := lines(); len(got) != 0 {
		t.Errorf("carried out %q", got)
	}
}
