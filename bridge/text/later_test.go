package text

import (
	"fmt"
	"testing"
)

func TestFold(t *testing.T) {
	c := NewFold("$m", "see you at 8", Reacter{Name: "Bob", Emoji: "👍", Event: "$1"})
	add := func(name, emoji, event string) {
		t.Helper()
		var ok bool
		if c, ok = c.Fold.With(Reacter{Name: name, Emoji: emoji, Event: event}); !ok {
			t.Fatal("full")
		}
	}
	says := func(want string) {
		t.Helper()
		if c.Body != want || c.Event != EventReaction {
			t.Errorf("%q, want %q", c.Body, want)
		}
	}
	says(`(Bob reacted 👍 to "see you at 8")`)
	add("Bob", "❤", "$2")
	add("Bob", "👍", "$3")
	says(`(Bob reacted 👍 ❤ to "see you at 8")`)
	add("Ann", "👍", "$4")
	says(`(3 👍, 1 ❤ to "see you at 8")`)
	if _, ok := c.Fold.Without("$none"); ok {
		t.Error("took back what was not there")
	}
	for _, e := range []string{"$2", "$1", "$3"} {
		c, _ = c.Fold.Without(e)
	}
	says(`(Ann reacted 👍 to "see you at 8")`)
	for i := range maxFold - 1 {
		add(fmt.Sprint("n", i), "x", fmt.Sprint("$n", i))
	}
	if _, ok := c.Fold.With(Reacter{Name: "Bob", Emoji: "x"}); ok {
		t.Error("there is no limit")
	}
	one := NewFold("$m", "a", Reacter{Name: "Bob", Emoji: "x", Event: "$1"})
	if gone, ok := one.Fold.Without("$1"); !ok || !gone.Empty() || gone.Fold != nil {
		t.Errorf("%+v, %v", gone, ok)
	}
	if c := NewFold("$m", "a", Reacter{Name: "Bob"}); !c.Empty() {
		t.Errorf("no emoji: %q", c.Body)
	}
}

func TestCorrected(t *testing.T) {
	was := Answering(Content{Body: "helo"}, NewReply("Ann", false, Content{Body: "hi"}))
	edit := FromMatrix(MatrixMessage{Type: "m.text", Body: "hello", Edit: true})
	c, changed := Corrected(was, edit)
	if c.Body != `(re Ann: "hi") hello` || !changed || c.Edited {
		t.Errorf("%+v, %v", c, changed)
	}
	if e := Edit(c); e.Body != "(edited) hello" {
		t.Errorf("as a line of its own %q", e.Body)
	}
	if _, changed := Corrected(c, edit); changed {
		t.Error("the same correction again changed something")
	}
	plain, _ := Corrected(Content{Body: "a"}, FromMatrix(MatrixMessage{Type: "m.text", Body: "b", Edit: true}))
	if plain.Runs != nil || plain.Body != "b" {
		t.Errorf("a plain line is %+v", plain)
	}
}
