package text

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what comes out into testdata/cases.json, to be read before it is committed")

// textCase is one of testdata/cases.json: what somebody wrote, where, and what a
// kind of client must get, byte for byte.
type textCase struct {
	From string   `json:"from"` // html, matrix, emote, reply, discord, msn, msn:EF, edit, react:NAME, answer:NAME, picture:NOTE, name
	To   string   `json:"to"`   // box, tv2, pc, discord, matrix
	In   string   `json:"in"`
	Want []string `json:"want"` // pieces; for matrix the body and the formatted body
}

// caseContext is what the Discord cases know.
var caseContext = DiscordContext{Bot: DiscordNamed{ID: "999", Name: "WebTV"}, Users: map[string]string{"111": "Bob"},
	Roles: map[string]string{"301": "Moderators"}, Channels: map[string]string{"401": "general"}}

// casePerson names the people of the Matrix cases.
func casePerson(user string) (string, bool) {
	if user == "@bob:hs.test" {
		return "Bob", false
	}
	return "", true
}

func (c *textCase) content(t testing.TB) Content {
	m := MatrixMessage{Type: "m.text", Name: "Bob", Person: casePerson}
	switch kind, ef, _ := strings.Cut(c.From, ":"); kind {
	case "html":
		m.HTML = c.In
		return FromMatrix(m)
	case "matrix", "emote", "reply":
		m.Body, m.Answers = c.In, kind == "reply"
		if kind == "emote" {
			m.Type = "m.emote"
		}
		return FromMatrix(m)
	case "discord":
		return FromDiscord(DiscordMessage{Content: c.In, Author: DiscordUser{ID: "111", Username: "bob"}}, caseContext)
	case "edit":
		m.Body, m.Edit = c.In, true
		return FromMatrix(m)
	case "react": // emoji, a blank, the message
		emoji, body, _ := strings.Cut(c.In, " ")
		return NewFold("$1", body, Reacter{Name: ef, Emoji: emoji, Event: "$2"})
	case "answer": // the message, a bar, the answer
		of, body, _ := strings.Cut(c.In, "|")
		return Answering(Content{Body: body}, NewReply(ef, ef == "", Content{Body: of}))
	case "picture": // name and link
		name, link, _ := strings.Cut(c.In, " ")
		return finish(Content{Runs: []Run{{Kind: KindFile, File: &Attachment{Kind: Picture, Name: name, URL: link, Note: ef}}}})
	case "msn":
		return FromMSN(c.In, "FN=Arial; EF="+ef+"; CO=0")
	}
	t.Fatalf("case from %q", c.From)
	return Content{}
}

func (c *textCase) run(t testing.TB) []string {
	if c.From == "name" {
		return []string{Name(c.In)}
	}
	content := c.content(t)
	switch c.To {
	case "discord":
		return ToDiscord(content)
	case "matrix":
		body, formatted := ToMatrix(WithMentions(content, []Person{{ID: "@bob:hs.test", Names: []string{"Bob", "bob"}}, {ID: "@ann:hs.test", Names: []string{"Ann Lee"}}}))
		if formatted == "" {
			return []string{body}
		}
		return []string{body, formatted}
	}
	client, ok := map[string]Client{"box": FirstGeneration, "tv2": MSNTV2, "pc": PC}[c.To]
	if !ok {
		t.Fatalf("case to %q", c.To)
	}
	return ToMSN(content, Options{Client: client})
}

func loadCases(t testing.TB) []textCase {
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []textCase
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCases(t *testing.T) {
	all := loadCases(t)
	if len(all) < 300 {
		t.Errorf("%d cases, want 300", len(all))
	}
	for i := range all {
		c := &all[i]
		got := c.run(t)
		if *update {
			c.Want = got
		} else if strings.Join(got, "|") != strings.Join(c.Want, "|") || len(got) != len(c.Want) {
			t.Errorf("case %d, %s to %s: %q\n got %q\nwant %q", i, c.From, c.To, c.In, got, c.Want)
		}
	}
	if *update {
		write(t, all)
	}
}

// write keeps one case on a line, so that a change can be read.
func write(t *testing.T, all []textCase) {
	var b strings.Builder
	for i, c := range all {
		b.WriteString([]string{"[\n", ",\n"}[min(i, 1)])
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	out := strings.ReplaceAll(b.String(), "\n,\n", ",\n") + "]\n"
	if err := os.WriteFile("testdata/cases.json", []byte(out), 0o644); err != nil {
		t.Fatal(err)
	}
}
