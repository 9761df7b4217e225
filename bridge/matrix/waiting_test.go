package matrix

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
)

// TestWaiting: the ghost says it in the room that both are in, as a notice, once.
func TestWaiting(t *testing.T) {
	w := up(t)
	m := out("wait-1", "Alice is not at the TV now.")
	m.Notice = true
	if err := w.n.Waiting(t.Context(), m); err != nil { // no room: nobody to tell, and none is made
		t.Fatal(err)
	}
	if calls := w.hs.find("POST /createRoom"); len(calls) != 0 {
		t.Errorf("a room was made: %+v", calls)
	}
	rid := w.joined()
	for range 2 {
		if err := w.n.Waiting(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		m.Retry = true
	}
	calls := w.hs.find("PUT /send/")
	want := "/v3/rooms/" + url.PathEscape(rid) + "/send/m.room.message/" + transactionID("wait-1")
	if len(calls) == 0 || calls[0].path != want || calls[0].user != ghostA {
		t.Fatalf("calls %+v, want %s as %s", calls, want, ghostA)
	}
	for _, c := range calls {
		if c.path != want || c.body["msgtype"] != "m.notice" || c.body["body"] != "Alice is not at the TV now." {
			t.Errorf("%s %v", c.path, c.body)
		}
	}
	w.hs.fail(fault{match: "PUT /send/", status: 403, body: `{"errcode":"M_UNKNOWN"}`, times: 1})
	m.ID, m.Retry = "wait-2", false
	if err := w.n.Waiting(t.Context(), m); err != nil {
		t.Errorf("refused: %v; a message is not lost by that", err)
	}
}

func TestPortrait(t *testing.T) {
	w := up(t)
	if got := w.n.Portrait(alice); got != ghostA {
		t.Errorf("got %q", got)
	}
}

// TestWaitingInAnEncryptedRoom: nobody but the friend can read it there, and every
// try is the same event, also after a restart.
func TestWaitingInAnEncryptedRoom(t *testing.T) {
	w := upSealed(t)
	bob := w.newPenpal("ONE")
	rid := w.sealedRoom()
	m := out("wait-1", "Alice is not at the TV now.")
	m.Notice = true
	w.hs.fail(fault{match: "PUT /send/m.room.encrypted", times: 1, status: 502, body: "{}"})
	if err := w.n.Waiting(t.Context(), m); err == nil {
		t.Fatal("told in spite of the fault")
	}
	w.restart()
	for range 2 {
		m.Retry = true
		if err := w.n.Waiting(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	tries := w.hs.find("PUT /send/")
	for _, c := range tries {
		if c.path != tries[0].path || fmt.Sprint(c.body) != fmt.Sprint(tries[0].body) || !strings.Contains(c.path, "/m.room.encrypted/") {
			t.Errorf("a try differs: %s %v", c.path, c.body)
		}
	}
	sent := w.hs.sent(rid, "m.room.encrypted")
	if len(tries) < 2 || len(sent) != 1 || len(w.hs.sent(rid, "m.room.message")) != 0 {
		t.Fatalf("%d tries, the room has %v", len(tries), sent)
	}
	if c, err := bob.open(sent[0]); c.Body != "Alice is not at the TV now." || c.MsgType != event.MsgNotice || err != nil {
		t.Errorf("opened %+v, %v", c, err)
	}
}

// TestTellsWaiting: it is the operator's choice.
func TestTellsWaiting(t *testing.T) {
	for _, want := range []bool{true, false} {
		n := &Network{o: Options{TellWaiting: want}}
		if got := n.TellsWaiting(); got != want {
			t.Errorf("%v: %v", want, got)
		}
	}
}
