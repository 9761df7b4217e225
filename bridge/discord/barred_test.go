package discord

import (
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/discord/discordtest"
)

// TestBarredChannel: where the bot may not write, each line is refused in words at
// once, and Discord is not asked again for ten minutes.
func TestBarredChannel(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	general, _ := r.bridged(g, "general")
	r.join(alice, "general.webtv-fans")
	const peer = "#general.webtv-fans@discord.com"
	n := len(r.d.Sent(general))
	r.say(alice, peer, "zero")
	r.until("the first line", func() bool { return len(r.d.Sent(general)) == n+1 })
	f := discordtest.Error(403, codeNoPermission)
	f.Times = -1
	armed := r.d.Fail(routeHook, f)
	r.say(alice, peer, "one")
	r.gets(alice, peer+`: (Not delivered: "one": `+textAccess+`.)`)
	r.say(alice, peer, "two")
	r.gets(alice, peer+`: (Not delivered: "two": `+textAccess+`.)`)
	if armed.Hits() != 1 {
		t.Errorf("Discord was asked %d times", armed.Hits())
	}
	if got := strings.Count(r.log.String(), "left alone for ten minutes"); got != 1 {
		t.Errorf("said %d times in the log", got)
	}
	armed.Disarm()
	r.off.move(barredFor)
	r.say(alice, peer, "three")
	r.until("a line again", func() bool { return len(r.d.Sent(general)) == n+2 })
}

func TestBarredForgets(t *testing.T) {
	var b barred
	now := time.Unix(1000, 0)
	if !b.note("1", now) || b.note("1", now) || !b.is("1", now.Add(barredFor-1)) || b.is("1", now.Add(barredFor)) || b.is("2", now) {
		t.Error("it does not know who is left alone")
	}
	if b.note("2", now.Add(barredFor)); len(b.until) != 1 {
		t.Errorf("%d are kept", len(b.until))
	}
}
