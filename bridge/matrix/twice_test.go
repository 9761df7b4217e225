package matrix

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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
	tried := out("m1", "hello")
	tried.Retry = true
	first, err := w.n.Send(t.Context(), tried)
	if err != nil {
		t.Fatal(err)
	}
	once, err := w.n.Send(t.Context(), out("m2", "hello"))
	if err != nil {
		t.Fatal(err)
	}
	w.push("1", echo(string(first.Event), "m1"), echo(string(once.Event), "m2"), echo("$late", "m1"), echo("$other", "m2"))
	got := await[bridge.EchoEvent](t, w.core, 3)
	want := []bridge.EchoEvent{{ID: "m1", Event: first.Event}, {ID: "m2", Event: once.Event}, {ID: "m2", Event: "$other"}}
	if !slices.Equal(got, want) {
		t.Errorf("echoes %v, want %v", got, want)
	}
	back := w.hs.find("PUT /redact/")
	if len(back) != 1 || back[0].user != ghostA || !strings.HasSuffix(back[0].path, "/redact/$late/"+transactionID("twice-$late")) {
		t.Errorf("taken back: %+v", back)
	}
}

func TestTwins(t *testing.T) {
	var known twins
	now := time.Now()
	for i := range maxTwins + 1 {
		known.note(id.Message(fmt.Sprint(i)), "$1", now)
	}
	if len(known.sent) != maxTwins {
		t.Errorf("%d are kept", len(known.sent))
	}
	if !known.late("1", "$2", now) || known.late("1", "$1", now) || known.late("none", "$2", now) || known.late("1", "$2", now.Add(keepTwins)) {
		t.Error("it does not tell which is late")
	}
	known.note("new", "$1", now.Add(keepTwins))
	if len(known.sent) != 1 {
		t.Errorf("%d are left an hour later", len(known.sent))
	}
}
