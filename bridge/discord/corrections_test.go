package discord

import (
	"strings"
	"testing"

	"wtvgate/bridge/discord/discordtest"
)

func TestCorrection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s, before, after string
		ok               bool
	}{
		{"s/teh/the", "teh", "the", true},
		{"s/teh/the/", "teh", "the", true},
		{"s/very //", "very ", "", true},
		{"s/very /", "very ", "", true},
		{"s/he", "", "", false},
		{"s//x", "", "", false},
		{"s/a/b/c", "", "", false},
		{"s/a/b\nand more", "", "", false},
		{"S/a/b", "", "", false},
		{"yes/no/maybe", "", "", false},
	} {
		before, after, ok := correction(c.s)
		if ok != c.ok || ok && (before != c.before || after != c.after) {
			t.Errorf("%q: %q, %q, %v", c.s, before, after, ok)
		}
	}
}

// TestCheck19Corrections: s/old/new edits the box's last line where it stands, in a
// DM and in a channel, once; what has nothing to correct is a line.
func TestCheck19Corrections(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	general, _ := r.bridged(g, "general")
	r.join(alice, "general.webtv-fans")
	dm := bob.DM()
	n, m := len(r.sent(dm)), len(r.sent(general))
	both := func(words, wantDM, wantPublic string) {
		t.Helper()
		r.say(alice, bobAddress, words)
		r.say(alice, "#general.webtv-fans@discord.com", words)
		r.until(words, func() bool {
			return r.idle() && strings.Join(r.said(dm, n), "|") == wantDM && strings.Join(r.said(general, m), "|") == wantPublic
		})
	}
	both("see yuo at *8*", `**Alice**: see yuo at \*8\*`, `see yuo at \*8\*`)
	both("s/yuo/you", `**Alice**: see you at \*8\*`, `see you at \*8\*`)
	r.d.Fail("PATCH /channels/{channel}/messages/{message}", discordtest.Lost())
	r.d.Fail("PATCH /webhooks/{webhook}/{token}/messages/{message}", discordtest.Error(502, 0))
	both("s/8/9/", `**Alice**: see you at \*9\*`, `see you at \*9\*`)
	both("s/8/9/", `**Alice**: see you at \*9\*|s/8/9/`, `see you at \*9\*|s/8/9/`)
	if got := r.inbox(alice); len(got) != 0 {
		t.Errorf("the box got %q", got)
	}
	armed := r.d.Fail("PATCH /channels/{channel}/messages/{message}", discordtest.Error(404, codeUnknownMessage))
	r.say(alice, bobAddress, "s/8/7") // of a line that is gone meanwhile: nobody is told
	r.until("done with", func() bool { return armed.Hits() == 1 && r.idle() })
	if got := r.inbox(alice); len(got) != 0 {
		t.Errorf("the box got %q", got)
	}
}
