package matrix

import (
	"encoding/json"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"

	"wtvgate/bridge"
	"wtvgate/bridge/text"
)

// testRoom is a direct room with Bob.
var testRoom = room{friend: "@bob:hs.test", name: "Bob"}

func TestIncoming(t *testing.T) {
	cases := []struct{ content, want string }{
		{`{"msgtype":"m.text","body":"hello"}`, "hello"},
		{`{"msgtype":"m.text","body":" a\r\nb\u0007\u0000c \n"}`, "a\nbc"},
		{`{"msgtype":"m.text","body":"**b**","format":"org.matrix.custom.html","formatted_body":"<b>b</b>"}`, "b"},
		{`{"msgtype":"m.notice","body":"beep"}`, "beep"},
		{`{"msgtype":"m.text","body":"Bobby: hi","format":"org.matrix.custom.html","formatted_body":"<a href=\"https://matrix.to/#/@bob:hs.test\">Bobby</a>: hi"}`, "Bobby: hi"},
		{`{"msgtype":"m.emote","body":"waves"}`, "* Bob waves"},
		{`{"msgtype":"m.emote","body":" "}`, ""},
		{`{"msgtype":"m.text","body":""}`, ""},
		{`{"msgtype":"m.text","body":"> <@alice:hs.test> old\n> more\n\nnew","m.relates_to":{"m.in_reply_to":{"event_id":"$a"}}}`, `(re you: "old...") new`},
		{`{"msgtype":"m.text","body":"> <@bob:hs.test> mine\n\nnew","m.relates_to":{"m.in_reply_to":{"event_id":"$a"}}}`, `(re Bob: "mine") new`},
		{`{"msgtype":"m.text","body":"new","m.relates_to":{"m.in_reply_to":{"event_id":"$a"}}}`, "new"},
		{`{"msgtype":"m.audio","body":"v.ogg","org.matrix.msc3245.voice":{},"info":{"duration":72400}}`, "[voice message 1:12]"},
		{`{"msgtype":"m.file","body":"n.pdf","info":{"size":1258291}}`, "[file: n.pdf 1.2 MB]"},
		{`{"msgtype":"m.text","body":"> quoted by hand\nnew"}`, "> quoted by hand\nnew"},
		{`{"msgtype":"m.image","body":"cat.jpg","url":"mxc://x/y"}`, "[picture: cat.jpg]"},
		{`{"msgtype":"m.image","body":"my cat","filename":"cat.jpg"}`, "[picture: cat.jpg] my cat"},
		{`{"msgtype":"m.image","body":"a\n b.jpg"}`, "[picture: a b.jpg]"},
		{`{"msgtype":"m.video","body":"v.mp4"}`, "[video: v.mp4]"},
		{`{"msgtype":"m.audio","body":"a.ogg"}`, "[sound: a.ogg]"},
		{`{"msgtype":"m.file","body":""}`, "[file]"},
		{`{"msgtype":"m.location","body":"Berlin","geo_uri":"geo:1,2"}`, "[place: Berlin]"},
		{`{"msgtype":"m.file","body":"` + strings.Repeat("ä", 200) + `"}`, "[file: " + strings.Repeat("ä", 80) + "...]"},
		{`{"msgtype":"org.example.new","body":"as text"}`, "as text"},
		{`{"msgtype":"org.example.new","body":""}`, "[something that cannot be shown here]"},
		{`{"msgtype":"m.key.verification.request","body":"verify?"}`, ""},
		{`{}`, ""},
		{`{"msgtype":"m.text","body":"* fixed","m.new_content":{"msgtype":"m.text","body":"fixed"},"m.relates_to":{"rel_type":"m.replace","event_id":"$a"}}`, "(edited) fixed"},
		{`{"msgtype":"m.text","body":"* fixed","m.relates_to":{"rel_type":"m.replace","event_id":"$a"}}`, "(edited) fixed"},
		{`{"msgtype":"m.emote","body":"* x","m.new_content":{"msgtype":"m.emote","body":"waves"},"m.relates_to":{"rel_type":"m.replace","event_id":"$a"}}`, "(edited) * Bob waves"},
		{`{"msgtype":"m.text","body":"* ","m.new_content":{"msgtype":"m.text","body":"", "m.relates_to":{"rel_type":"m.replace","event_id":"$a"}},"m.relates_to":{"rel_type":"m.replace","event_id":"$a"}}`, ""},
	}
	for _, c := range cases {
		var m event.MessageEventContent
		if err := json.Unmarshal([]byte(c.content), &m); err != nil {
			t.Fatal(err)
		}
		if got := incoming(&m, false, testRoom).Body; got != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.content, got, c.want)
		}
	}
	if got := incoming(&event.MessageEventContent{Body: "party"}, true, testRoom).Body; got != "[sticker: party]" {
		t.Errorf("sticker %q", got)
	}
}

func TestPollShown(t *testing.T) {
	var p event.PollStartEventContent
	raw := `{"org.matrix.msc3381.poll.start":{"kind":"x","max_selections":1,"question":{"org.matrix.msc1767.text":"Tea?"},
		"answers":[{"id":"a","org.matrix.msc1767.text":"yes"},{"id":"b","org.matrix.msc1767.text":"no"}]}}`
	if err := json.Unmarshal([]byte(raw), &p); err != nil {
		t.Fatal(err)
	}
	if got := poll(&p, testRoom).Body; got != "[poll: Tea?]\n1. yes\n2. no" {
		t.Errorf("got %q", got)
	}
}

// The newer type of a poll, a call, and what is of no kind that is shown.
func TestPollAndCall(t *testing.T) {
	w := up(t)
	rid := w.joined()
	words := func(s string) []m { return []m{{"mimetype": "text/html", "body": "<b>x</b>"}, {"body": s}} }
	poll := m{"m.poll": m{"question": m{"m.text": words("Tea?")}, "max_selections": 1, "answers": []m{{"m.id": "a", "m.text": words("yes")}, {"m.id": "b", "m.text": words("no")}}}}
	w.push("1", ev(rid, "$p", "m.poll.start", bobID, poll), ev(rid, "$q", "m.poll.start", bobID, m{"m.poll": 1}), ev(rid, "$r", "m.poll.response", bobID, m{}),
		ev(rid, "$c", "m.call.invite", bobID, m{"call_id": "1", "offer": m{"type": "offer", "sdp": "x"}}), textEv(rid, "$t", bobID, "after"))
	got := bodies(await[bridge.MessageEvent](t, w.core, 2))
	if got[0] != "[poll: Tea?]\n1. yes\n2. no" || got[1] != "after" {
		t.Errorf("shown %q", got)
	}
	if n := await[bridge.NoticeEvent](t, w.core, 1); len(n) != 1 || n[0].Text != "Bob tried to call you, which does not reach a TV." {
		t.Errorf("notices %+v", n)
	}
}

// TestContent: what a box typed is never markup; looks and the friend's name get
// a formatted body.
func TestContent(t *testing.T) {
	for _, c := range []struct {
		in   text.Content
		want string
	}{
		{text.FromMSN("<b>hi</b> **x**", ""), `{"msgtype":"m.text","body":"\u003cb\u003ehi\u003c/b\u003e **x**","wtvgate.id":"m1"}`},
		{text.FromMSN("hi", "FN=Arial; EF=B; CO=ff"), `{"msgtype":"m.text","body":"hi","format":"org.matrix.custom.html","formatted_body":"\u003cstrong\u003ehi\u003c/strong\u003e","wtvgate.id":"m1"}`},
		{text.FromMSN("hi @bob", ""), `{"msgtype":"m.text","body":"hi @bob","format":"org.matrix.custom.html","formatted_body":"hi \u003ca href=\"https://matrix.to/#/@bob:hs.test\"\u003e@bob\u003c/a\u003e","m.mentions":{"user_ids":["@bob:hs.test"]},"wtvgate.id":"m1"}`},
		{text.FromMSN("hi @bobby", ""), `{"msgtype":"m.text","body":"hi @bobby","wtvgate.id":"m1"}`},
	} {
		got, err := json.Marshal(content(bridge.Outbound{ID: "m1", Text: c.in}, testRoom))
		if err != nil || string(got) != c.want {
			t.Errorf("%q\n got %s\nwant %s (%v)", c.in.Body, got, c.want, err)
		}
	}
}

func FuzzIncoming(f *testing.F) {
	f.Add([]byte(`{"msgtype":"m.text","body":"a\r\nb"}`))
	f.Add([]byte(`{"msgtype":"m.image","body":"x","filename":"y\u0000"}`))
	f.Add([]byte(`{"msgtype":"m.emote","body":"* x","m.new_content":{"msgtype":"m.emote"},"m.relates_to":{"rel_type":"m.replace","event_id":"$a"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m event.MessageEventContent
		if json.Unmarshal(data, &m) != nil {
			return
		}
		got := incoming(&m, false, testRoom).Body
		if strings.ContainsAny(got, "\x00\r\x1b") || got != strings.TrimSpace(got) {
			t.Fatalf("%q -> %q", data, got)
		}
	})
}
