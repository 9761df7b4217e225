package matrix

import (
	"slices"
	"strings"
	"testing"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// A homeserver goes away with a message and brings it out after the next try.
func TestMessageComesTwice(t *testing.T) {
	w := up(t)
	rid := w.joined()
	echo := func(ev, msg string) m {
		e := textEv(rid, ev, ghostA, "hello")
		e["content"] = m{"msgtype": "m.text", "body": "hello", keyMessage: msg}
		return e
	}
	first, err := w.n.Send(t.Context(), out("m1", "hello"))
	if err != nil {
		t.Fatal(err)
	}
	w.core.change(func() { w.core.sentAs = map[id.Message]id.Event{"m1": first.Event} })
	w.push("1", echo(string(first.Event), "m1"), echo("$new", "m2"), echo("$late", "m1"), echo(string(first.Event)+"x", "m4"))
	got := await[bridge.EchoEvent](t, w.core, 4)
	want := []bridge.EchoEvent{{ID: "m1", Event: first.Event}, {ID: "m2", Event: "$new"}, {ID: "m1", Event: "$late"}, {ID: "m4", Event: first.Event + "x"}}
	if !slices.Equal(got, want) {
		t.Errorf("echoes %v, want %v", got, want)
	}
	back := w.hs.wait("PUT /redact/", 1)
	if len(back) != 1 || back[0].user != ghostA || !strings.HasSuffix(back[0].path, "/redact/$late/"+transactionID("twice-$late")) {
		t.Errorf("taken back: %+v", back)
	}
}

// In a room for several the second one is taken back too, and our other boxes there
// do not read it again.
func TestMessageComesTwiceInARoom(t *testing.T) {
	w := upCrowd(t)
	w.goesIn(alice, aliasG)
	w.goesIn(carol, aliasG)
	w.core.change(func() { w.core.sentAs = map[id.Message]id.Event{"m1": scoped("$1", alice.Address)} })
	line := func(ev, body string) m {
		e := textEv(roomG, ev, ghostA, body)
		e["content"] = m{"msgtype": "m.text", "body": body, keyMessage: "m1"}
		return e
	}
	w.push("1", line("$1", "hello"), line("$late", "hello"), textEv(roomG, "$2", bobID, "bye"))
	w.hs.wait("PUT /redact/", 1)
	var lines []string
	for _, e := range await[bridge.MessageEvent](t, w.core, 3) {
		if e.Account == carol.Address {
			lines = append(lines, e.Text.Body)
		}
	}
	if !slices.Equal(lines, []string{"hello", "bye"}) {
		t.Errorf("carol read %q", lines)
	}
	if back := w.hs.find("PUT /redact/"); len(back) != 1 || !strings.Contains(back[0].path, "/redact/$late/") {
		t.Errorf("taken back: %+v", back)
	}
}
