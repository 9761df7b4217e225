package matrix

import (
	"net/url"
	"testing"
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
