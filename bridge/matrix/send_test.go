package matrix

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

func TestSend(t *testing.T) {
	w := up(t)
	rid := w.joined()
	r, err := w.n.Send(t.Context(), out("msg-1", "hello\n<b>@room</b>"))
	if err != nil || r.Event != "$sent1" {
		t.Fatalf("Send: %+v, %v", r, err)
	}
	c := w.hs.find("PUT /send/")[0]
	want := "/v3/rooms/" + url.PathEscape(rid) + "/send/m.room.message/" + transactionID("msg-1")
	if c.path != want || c.user != ghostA {
		t.Errorf("call %s as %s, want %s", c.path, c.user, want)
	}
	if len(c.body) != 3 || c.body["msgtype"] != "m.text" || c.body["body"] != "hello\n<b>@room</b>" || c.body["wtvgate.id"] != "msg-1" {
		t.Errorf("content %v", c.body)
	}
	// fixed for ever: a message that waits while the gateway is replaced must not
	// arrive twice
	if got := transactionID("msg-1"); got != "wtvgate-3a0de37932e8b19746f20b22414f862f" {
		t.Errorf("transaction id %s", got)
	}
}

// The same message again, without and with a restart of the homeserver between.
func TestSendAgain(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.hs.fail(fault{match: "PUT /send/", times: 1, lose: true})
	_, err := w.n.Send(t.Context(), out("1", "once"))
	var se *bridge.SendError
	if !errors.As(err, &se) || se.Permanent || se.Certain {
		t.Fatalf("a lost answer: %+v", err)
	}
	m := out("1", "once")
	m.Retry = true
	w.hs.forget()
	w.hs.with(rid, func(r *fakeRoom) { r.late = 1 }) // and does not show it at once
	for range 2 {
		if r, err := w.n.Send(t.Context(), m); err != nil || r.Event != "$sent1" {
			t.Errorf("Send: %+v, %v", r, err)
		}
	}
	m.ID, m.Retry = "2", true // never arrived
	if r, err := w.n.Send(t.Context(), m); err != nil || r.Event != "$sent2" {
		t.Errorf("Send: %+v, %v", r, err)
	}
	if got := w.hs.bodies(rid); !slices.Equal(got, []string{"once", "once"}) {
		t.Errorf("the room has %q", got)
	}
	w.hs.fail(fault{match: "GET /messages", times: 1, status: 500})
	if _, err := w.n.Send(t.Context(), m); err == nil || permanent(err) {
		t.Errorf("sent without looking: %v", err)
	}
}

func TestSendErrors(t *testing.T) {
	w := up(t)
	w.joined()
	cases := []struct {
		fault fault
		want  bridge.SendError
	}{
		{fault{status: 429, body: `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}`}, bridge.SendError{Certain: true, After: 1500 * time.Millisecond, Text: textLimited}},
		{fault{status: 429, body: `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1e12}`}, bridge.SendError{Certain: true, After: maxAfter, Text: textLimited}},
		{fault{status: 429, body: `{"errcode":"M_LIMIT_EXCEEDED"}`}, bridge.SendError{Certain: true, After: time.Second, Text: textLimited}},
		{fault{status: 401, body: `{"errcode":"M_UNKNOWN_TOKEN"}`}, bridge.SendError{Certain: true, Text: textUnknown}},
		{fault{status: 413, body: `{"errcode":"M_TOO_LARGE"}`}, bridge.SendError{Certain: true, Permanent: true, Text: textRefused}},
		{fault{status: 400, body: `{"errcode":"M_BAD_JSON"}`}, bridge.SendError{Certain: true, Permanent: true, Text: textRefused}},
		{fault{status: 404, body: `<html>a proxy`}, bridge.SendError{Text: textUnreachable}},
		{fault{status: 302, body: ``}, bridge.SendError{Text: textUnreachable}},
		{fault{status: 408, body: `{"errcode":"M_UNKNOWN"}`}, bridge.SendError{Text: textUnreachable}},
		{fault{status: 500, body: `{"errcode":"M_UNKNOWN"}`}, bridge.SendError{Text: textUnreachable}},
		{fault{status: 503, body: ``}, bridge.SendError{Text: textUnreachable}},
		{fault{status: 200, body: `{`}, bridge.SendError{Text: textUnreachable}},
		{fault{lose: true}, bridge.SendError{Text: textUnreachable}},
	}
	for i, c := range cases {
		c.fault.match, c.fault.times = "PUT /send/", 1
		w.hs.fail(c.fault)
		_, err := w.n.Send(t.Context(), out(id.Message(fmt.Sprint(i)), "x"))
		var se *bridge.SendError
		if !errors.As(err, &se) {
			t.Errorf("%+v: %v", c.fault, err)
			continue
		}
		if got := (bridge.SendError{Permanent: se.Permanent, Certain: se.Certain, After: se.After, Text: se.Text}); got != c.want {
			t.Errorf("%d %s: %+v, want %+v", c.fault.status, c.fault.body, got, c.want)
		}
	}
	if n := len(w.hs.wait("PUT /send/", len(cases))); n != len(cases) {
		t.Errorf("%d requests for %d calls: the library tries again", n, len(cases))
	}
}

// A ghost that is out of the room, which we missed, gets a new one, once.
func TestSendForbidden(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.hs.with(rid, func(r *fakeRoom) { r.members[ghostA] = m{"membership": "leave"} })
	r, err := w.n.Send(t.Context(), out("1", "hello"))
	if err != nil || r.Event == "" {
		t.Fatalf("Send: %+v, %v", r, err)
	}
	if got := w.hs.bodies("!made2:hs.test"); !slices.Equal(got, []string{"hello"}) {
		t.Errorf("the new room has %q", got)
	}
	w.waitState(rid, stateLeft)
	w.hs.fail(fault{match: "PUT /send/", times: 2, status: 403, body: `{"errcode":"M_FORBIDDEN"}`})
	if _, err := w.n.Send(t.Context(), out("2", "x")); !permanent(err) {
		t.Errorf("Send: %v", err)
	}
	if n := len(w.hs.find("POST /createRoom")); n != 3 {
		t.Errorf("%d rooms made", n)
	}
}

func TestSendMakesRoom(t *testing.T) {
	w := up(t)
	if _, err := w.n.Send(t.Context(), out("1", "first")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.n.Send(t.Context(), out("2", "second")); err != nil {
		t.Fatal(err)
	}
	if got := w.hs.bodies("!made1:hs.test"); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("the room has %q", got)
	}
}

func TestSendEncrypted(t *testing.T) {
	w := up(t)
	rid := w.joined()
	enc := ev(rid, "$e", "m.room.encryption", bobID, m{"algorithm": "m.megolm.v1.aes-sha2"})
	enc["state_key"] = ""
	w.push("t", enc)
	w.hs.wait("PUT /send/", 1)
	w.eventually("encryption", `SELECT encrypted FROM matrix_rooms WHERE room = ?`, rid)
	_, err := w.n.Send(t.Context(), out("1", "secret"))
	var se *bridge.SendError
	if !errors.As(err, &se) || !se.Permanent || se.Text != textEncrypted {
		t.Errorf("Send: %v", err)
	}
}

func TestSendToWhoAsked(t *testing.T) {
	w := up(t)
	w.push("t", w.invite(roomR, "$1", true))
	await[bridge.RequestEvent](t, w.core, 1)
	if _, err := w.n.Send(t.Context(), out("1", "yes?")); err != nil {
		t.Fatal(err)
	}
	if got := w.hs.bodies(roomR); !slices.Equal(got, []string{"yes?"}) || len(w.hs.find("POST /createRoom")) != 0 {
		t.Errorf("the room has %q", got)
	}
}

func TestMarkRead(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.push("t", textEv(rid, "$1", bobID, "x"))
	await[bridge.MessageEvent](t, w.core, 1)
	if err := w.n.MarkRead(t.Context(), out("1", ""), "$1"); err != nil {
		t.Fatal(err)
	}
	if err := w.n.MarkRead(t.Context(), out("1", ""), "$forgotten"); err != nil {
		t.Fatal(err)
	}
	c := w.hs.find("POST /receipt/")
	if len(c) != 1 || !strings.HasSuffix(c[0].path, "/receipt/m.read/$1") || c[0].user != ghostA {
		t.Errorf("calls %+v", c)
	}
	w.hs.fail(fault{match: "POST /receipt/", times: 1, status: 403, body: `{"errcode":"M_FORBIDDEN"}`})
	if err := w.n.MarkRead(t.Context(), out("1", ""), "$1"); err != nil {
		t.Errorf("refused for good: %v", err)
	}
	w.hs.fail(fault{match: "POST /receipt/", times: 1, lose: true})
	if err := w.n.MarkRead(t.Context(), out("1", ""), "$1"); err == nil {
		t.Error("a lost call is a success")
	}
}

func TestTyping(t *testing.T) {
	w := up(t)
	w.n.SetTyping(t.Context(), alice, bobID, true) // no room: nothing
	rid := w.joined()
	w.n.SetTyping(t.Context(), alice, bobID, true)
	w.n.SetTyping(t.Context(), alice, bobID, false)
	w.hs.fail(fault{match: "PUT /typing/", times: 1, status: 500})
	w.n.SetTyping(t.Context(), alice, bobID, true)
	c := w.hs.find("PUT /typing/")
	if len(c) != 3 || !strings.Contains(c[0].path, url.PathEscape(rid)) || c[0].body["typing"] != true || c[0].body["timeout"] != 8000.0 || c[1].body["typing"] != false {
		t.Errorf("calls %+v", c)
	}
}
