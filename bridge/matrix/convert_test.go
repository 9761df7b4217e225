package matrix

import (
	"encoding/json"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
)

func TestPlain(t *testing.T) {
	cases := []struct{ content, want string }{
		{`{"msgtype":"m.text","body":"hello"}`, "hello"},
		{`{"msgtype":"m.text","body":" a\r\nb\u0007\u0000c \n"}`, "a\nbc"},
		{`{"msgtype":"m.text","body":"**b**","format":"org.matrix.custom.html","formatted_body":"<b>b</b>"}`, "**b**"},
		{`{"msgtype":"m.notice","body":"beep"}`, "beep"},
		{`{"msgtype":"m.emote","body":"waves"}`, "* Bob waves"},
		{`{"msgtype":"m.emote","body":" "}`, ""},
		{`{"msgtype":"m.text","body":""}`, ""},
		{`{"msgtype":"m.text","body":"> <@alice:hs.test> old\n> more\n\nnew","m.relates_to":{"m.in_reply_to":{"event_id":"$a"}}}`, "new"},
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
		if got := plain(&m, false, "Bob"); got != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.content, got, c.want)
		}
	}
	if got := plain(&event.MessageEventContent{Body: "party"}, true, "Bob"); got != "[sticker: party]" {
		t.Errorf("sticker %q", got)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte(`{"msgtype":"m.text","body":"a\r\nb"}`))
	f.Add([]byte(`{"msgtype":"m.image","body":"x","filename":"y\u0000"}`))
	f.Add([]byte(`{"msgtype":"m.emote","body":"* x","m.new_content":{"msgtype":"m.emote"},"m.relates_to":{"rel_type":"m.replace","event_id":"$a"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m event.MessageEventContent
		if json.Unmarshal(data, &m) != nil {
			return
		}
		got := plain(&m, false, "Bob")
		if strings.ContainsAny(got, "\x00\r\x1b") || got != strings.TrimSpace(got) {
			t.Fatalf("%q -> %q", data, got)
		}
	})
}
