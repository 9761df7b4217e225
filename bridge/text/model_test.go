package text

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestStoredForms: a row of the first version still reads, plain text is stored as
// it was then, and rich text comes back as it was.
func TestStoredForms(t *testing.T) {
	var old Content
	if err := json.Unmarshal([]byte(`{"body":"hi 😀\nthere"}`), &old); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ToMSN(old, Options{}), "|"); got != "hi :D\r\nthere" {
		t.Errorf("an old row shows %q", got)
	}
	plain, err := json.Marshal(FromMatrix(MatrixMessage{Type: "m.text", Body: "hi"}))
	if err != nil || string(plain) != `{"body":"hi"}` {
		t.Errorf("plain text is stored as %s (%v)", plain, err)
	}
	rich := FromMatrix(MatrixMessage{Type: "m.text", HTML: `<b>a</b> <a href="https://x.org">b</a><blockquote>c</blockquote>`, Edit: true})
	data, err := json.Marshal(rich)
	if err != nil {
		t.Fatal(err)
	}
	var back Content
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(rich, back) {
		t.Errorf("%s came back as %+v (%v)", data, back, err)
	}
	want := `{"body":"(edited) a b (https://x.org)\n\u003e c","runs":[{"t":"a","s":1},{"t":" "},{"k":"link","t":"b","u":"https://x.org"},{"t":"\n"},{"t":"c","q":1}],"edited":true}`
	if string(data) != want {
		t.Errorf("stored\n%s\nwant\n%s", data, want)
	}
}

func TestPrefixed(t *testing.T) {
	for _, c := range []struct {
		in   Content
		want string
	}{
		{Content{Body: "hi"}, "Ann: hi"},
		{FromMatrix(MatrixMessage{Type: "m.text", HTML: "<b>hi</b> you"}), "Ann: hi you"},
		{FromMatrix(MatrixMessage{Type: "m.text", Body: "hi", Edit: true}), "Ann: (edited) hi"},
		{Content{Body: "(re you: \"a\") b", Runs: []Run{{Text: "b"}}, Reply: &Reply{You: true, Text: "a"}}, "Ann: (re you: \"a\") b"},
		{FromMatrix(MatrixMessage{Type: "m.text", HTML: "<blockquote>q</blockquote>a"}), "> Ann: q\na"},
	} {
		before := c.in.Body
		got := c.in.Prefixed("Ann: ")
		if s := Plain(got, Options{}); s != c.want {
			t.Errorf("%q prefixed shows %q, want %q", before, s, c.want)
		}
		if c.in.Body != before || got.Body != "Ann: "+before {
			t.Errorf("bodies %q and %q", c.in.Body, got.Body)
		}
	}
}

func TestOptions(t *testing.T) {
	link := Content{Runs: []Run{{Kind: KindLink, Text: "page", URL: "https://x.org"}}}
	poll := FromMatrix(MatrixMessage{Poll: &Poll{Question: "Tea?", Answers: []string{"yes", "no 😀"}, Several: true}})
	at := Content{Runs: []Run{{Kind: KindTime, Text: "t", At: 1618953630}}}
	edited, reacted := FromMatrix(MatrixMessage{Type: "m.text", Body: "a", Edit: true}), Reacted("Bob", "👍", "shall we?")
	for _, c := range []struct {
		name string
		in   Content
		o    Options
		want string
	}{
		{"words of a link", link, Options{Links: LinkWords}, "page"},
		{"link", link, Options{}, "page (https://x.org)"},
		{"poll", poll, Options{}, "[poll, several answers allowed: Tea?]\r\n1. yes\r\n2. no :D"},
		{"zone", at, Options{Zone: time.FixedZone("", -4*3600)}, "5:20 PM"},
		{"no zone", at, Options{}, "9:20 PM"},
		{"edit", edited, Options{}, "(edited) a"},
		{"no edits", edited, Options{HideEdits: true}, ""},
		{"reaction", reacted, Options{}, `(Bob reacted :thumbsup: to "shall we?")`},
		{"no reactions", reacted, Options{HideReactions: true}, ""},
		{"dropped emoji", Content{Body: "a 🔥😀🇫🇷🫯 b"}, Options{Emoji: EmojiDropped}, "a :D b"},
		{"dropped own emoji", Content{Runs: []Run{{Kind: KindEmoji, Text: "x"}, {Text: "y"}}}, Options{Emoji: EmojiDropped}, "y"},
		{"kept emoji", Content{Body: "a 🔥👍1️⃣"}, Options{Client: PC, Emoji: EmojiKept}, "a 🔥👍1️⃣"},
		{"kept on a box", Content{Body: "🔥"}, Options{Emoji: EmojiKept}, ":fire:"},
		{"words on a PC", Content{Body: "🔥🔥🔥"}, Options{Client: PC, Emoji: EmojiWords}, ":fire: x3"},
		{"lines", Content{Body: "1\n2\n3\n4\n5"}, Options{Lines: 2}, "1\r\n2\r\n(3 more lines)"},
		{"one line more", Content{Body: "1\n2\n3"}, Options{Lines: 2}, "1\r\n2\r\n3"},
		{"all lines", Content{Body: strings.Repeat("x\n", 60)}, Options{Lines: -1}, strings.TrimSuffix(strings.Repeat("x\r\n", 60), "\r\n")},
		{"lines of a box", Content{Body: strings.Repeat("x\n", 60)}, Options{}, strings.Repeat("x\r\n", DefaultLines) + "(20 more lines)"},
		{"lines of a PC", Content{Body: strings.Repeat("x\n", 60)}, Options{Client: PC}, strings.TrimSuffix(strings.Repeat("x\r\n", 60), "\r\n")},
	} {
		if got := strings.Join(ToMSN(c.in, c.o), "|"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestMatrixParts: what is no text.
func TestMatrixParts(t *testing.T) {
	for _, c := range []struct {
		in   MatrixMessage
		want string
	}{
		{MatrixMessage{Type: "m.image", FileName: "cat.jpg"}, "[picture: cat.jpg]"},
		{MatrixMessage{Type: "m.image", FileName: "cat.jpg", Spoiler: true}, "[picture (spoiler): cat.jpg]"},
		{MatrixMessage{Type: "m.image", FileName: "c.jpg", Caption: "my **cat**", HTML: "my <b>cat</b>"}, "[picture: c.jpg] my cat"},
		{MatrixMessage{Type: "m.file", FileName: "n.pdf", Size: 2048}, "[file: n.pdf 2 KB]"},
		{MatrixMessage{Type: "m.file", FileName: "n", Size: 3 << 30}, "[file: n 3 GB]"},
		{MatrixMessage{Type: "m.file", FileName: "n", Size: 12}, "[file: n 12 bytes]"},
		{MatrixMessage{Type: "m.audio", FileName: "v.ogg", Voice: true, Seconds: 72}, "[voice message 1:12]"},
		{MatrixMessage{Type: "m.location", FileName: "Berlin", GeoURI: "geo:52.5,13.4"}, "[place: Berlin]"},
		{MatrixMessage{Type: "m.location", FileName: "", GeoURI: "geo:52.52001,13.40496;u=35"}, "[place: 52.5200, 13.4050]"},
		{MatrixMessage{Type: "m.location", FileName: "Location geo:52.5,13.4", GeoURI: "geo:52.5,13.4"}, "[place: 52.5000, 13.4000]"},
		{MatrixMessage{Type: "m.location", FileName: "here", GeoURI: "geo:999,1"}, "[place: here]"},
		{MatrixMessage{Type: "m.location", GeoURI: "geo:NaN,1"}, "[place]"},
		{MatrixMessage{Type: "m.location", GeoURI: "nowhere"}, "[place]"},
		{MatrixMessage{Sticker: true, Body: "party 🎉"}, "[sticker: party :tada:]"},
		{MatrixMessage{Type: "org.example.new"}, "[something that cannot be shown here]"},
		{MatrixMessage{Type: "org.example.new", Body: "text"}, "text"},
		{MatrixMessage{Type: "m.key.verification.request", Body: "verify"}, ""},
		{MatrixMessage{}, ""},
		{MatrixMessage{Type: "m.text", Edit: true}, ""},
		{MatrixMessage{Type: "m.text", HTML: "<p></p>", Body: "plain"}, "plain"},
		{MatrixMessage{Type: "m.text", Body: "> <@x:y> old\n\nnew", Answers: true}, `(re x: "old") new`},
	} {
		if got := strings.Join(ToMSN(FromMatrix(c.in), Options{}), "|"); got != c.want {
			t.Errorf("%+v\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestLinesAboutMessages(t *testing.T) {
	for _, c := range []struct {
		in   Content
		want string
	}{
		{Deleted("see you at 8"), `(deleted: "see you at 8")`},
		{Deleted("a\nb"), `(deleted: "a...")`},
		{Deleted(" "), ""},
		{Reacted("Bob", "", "x"), ""},
		{Reacted("Bob", ":mmLol:", "x"), `(Bob reacted :mmLol: to "x")`},
		{Reactions([]Reaction{{"👍", 3}, {"🔥", 1}, {"", 1}, {"x", 0}}, "see you at 8"), `(3 :thumbsup:, 1 :fire: to "see you at 8")`},
		{Reactions(nil, "x"), ""},
		{Called("Bob"), "(Bob called; calls cannot be taken here)"},
	} {
		if got := Plain(c.in, Options{}); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := NewReply("Bob", false, Content{}).head(); got != "(re Bob) " {
		t.Errorf("a reply to nothing: %q", got)
	}
}

func TestEffects(t *testing.T) {
	for in, want := range map[string]string{"": "", "B": "B", "bi": "BI", "BIUS": "BIU", "X": ""} {
		if got := Effects(FromMSN("hi", "FN=Arial; EF="+in+"; CO=0")); got != want {
			t.Errorf("EF=%s came back as %q", in, got)
		}
	}
	if got := Effects(FromMatrix(MatrixMessage{Type: "m.text", HTML: "<b>a</b> b"})); got != "" {
		t.Errorf("half a message in bold: %q", got)
	}
	if got := Effects(FromMatrix(MatrixMessage{Type: "m.text", HTML: "<b>a <i>b</i></b>"})); got != "B" {
		t.Errorf("all in bold: %q", got)
	}
}

// TestComponents: the rest of what bots send on Discord.
func TestComponents(t *testing.T) {
	raw := `{"content":"x","author":{"id":"1","bot":true},"components":[
		{"type":1,"components":[{"type":3,"placeholder":"Pick"},{"type":6},{"type":2}]},{"type":11,"description":"thumb","media":{"url":"https://x.org/t.png"}},
		{"type":13,"name":"a.zip","size":2048,"file":{"url":"https://x.org/a.zip"},"spoiler":true},{"type":17,"components":[{"type":17,"components":[{"type":10,"content":"deep"}]}]}]}`
	var m DiscordMessage
	if err := json.Unmarshal([]byte(raw), &m); err != nil {
		t.Fatal(err)
	}
	want := "x\n[menu: Pick] [menu]\n[picture: thumb https://x.org/t.png]\n[file (spoiler): a.zip 2 KB https://x.org/a.zip]\ndeep"
	if got := Plain(FromDiscord(m, DiscordContext{RelayBots: true}), Options{}); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	c := DiscordComponent{Type: componentText, Content: "x"}
	for range 1000 {
		c = DiscordComponent{Type: componentContainer, Components: []DiscordComponent{c}}
	}
	if got := FromDiscord(DiscordMessage{Components: []DiscordComponent{c}}, DiscordContext{}); !got.Empty() {
		t.Errorf("nested without end: %q", got.Body)
	}
	if err := json.Unmarshal([]byte(`{"content":1}`), &m); err == nil {
		t.Error("a number as content was taken")
	}
}

func TestMentions(t *testing.T) {
	two := []Person{{ID: "1", Names: []string{"Ann"}}, {ID: "2", Names: []string{"ann"}}, {ID: "3", Names: []string{"Ann Lee"}}}
	for in, want := range map[string]string{
		"@ann":             "",    // two of them
		"@Ann Lee":         "3",   // the longest wins
		"@ánn-lee!":        "3",   // letters alone count
		"@annle":           "",    // not all of it
		"mail ann@annlee.": "",    // within a word
		"@ann lee @annlee": "3,3", // twice
		"no at all":        "",    //
		"@ann\nlee":        "",    // not over lines
		"(@ann lee)":       "3",   //
	} {
		got := WithMentions(Content{Body: in}, two)
		var ids []string
		var all strings.Builder
		for _, x := range got.Runs {
			all.WriteString(x.Text)
			if x.Kind == KindMention {
				ids = append(ids, x.ID)
			}
		}
		if strings.Join(ids, ",") != want || got.Body != in || got.Runs != nil && all.String() != in {
			t.Errorf("%q: %q in %+v", in, ids, got.Runs)
		}
	}
	many := WithMentions(Content{Body: strings.Repeat("@annlee ", 50)}, two)
	if got := ToDiscord(many)[0]; strings.Count(got, "<@3>") != maxMentions {
		t.Errorf("%d mentions, want %d", strings.Count(got, "<@3>"), maxMentions)
	}
}
