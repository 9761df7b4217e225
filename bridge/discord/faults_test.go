package discord

import (
	"slices"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/discord/discordtest"
)

const (
	routeSend  = "POST /channels/{channel}/messages"
	routeHook  = "POST /webhooks/{webhook}/{token}"
	routeHooks = "POST /channels/{channel}/webhooks"
)

// TestCheck5AnswerLost: a line whose answer was lost after or before the effect is
// there once.
func TestCheck5AnswerLost(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]discordtest.Fault{
		"after": discordtest.Lost(), "before": discordtest.Reset(), "502": discordtest.Error(502, 0), "cut": discordtest.Truncated(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, g := newRig(t)
			bob := r.friend("coolcat", g, alice)
			general, _ := r.bridged(g, "general")
			r.join(alice, "general.webtv-fans")
			n, m := len(r.sent(bob.DM())), len(r.sent(general))
			dm, hook := r.d.Fail(routeSend, fault), r.d.Fail(routeHook, fault)
			r.say(alice, bobAddress, "dm")
			r.say(alice, bobAddress, "next")
			r.say(alice, "#general.webtv-fans@discord.com", "hook")
			r.say(alice, "#general.webtv-fans@discord.com", "hook next")
			r.until("all lines", func() bool { return len(r.sent(bob.DM())) >= n+2 && len(r.sent(general)) >= m+2 && r.idle() })
			if got := r.said(bob.DM(), n); len(got) != 2 || got[0] != "**Alice**: dm" || got[1] != "next" || dm.Hits() != 1 {
				t.Errorf("%q", got)
			}
			if got := r.said(general, m); len(got) != 2 || got[0] != "hook" || got[1] != "hook next" || hook.Hits() != 1 {
				t.Errorf("webhook: %q", got)
			}
		})
	}
}

// TestCheck6Echo: the echo may come before the answer or instead of it.
func TestCheck6Echo(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]discordtest.EchoOrder{"before": discordtest.EchoBefore, "after": discordtest.EchoAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, g := newRig(t, func(o *rigOptions) { o.double.Echo = order })
			bob := r.friend("coolcat", g, alice)
			n := len(r.sent(bob.DM()))
			r.say(alice, bobAddress, "one")
			r.d.Fail(routeSend, discordtest.Lost())
			r.say(alice, bobAddress, "two")
			r.say(alice, bobAddress, "three")
			r.until("three lines", func() bool { return len(r.said(bob.DM(), n)) >= 3 && r.idle() })
			if got := strings.Join(r.said(bob.DM(), n), "|"); got != "**Alice**: one|two|three" {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestCheck7Limits: 429 in all its forms, failures of theirs and a refusal. Nothing
// is lost, doubled or out of order.
func TestCheck7Limits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault discordtest.Fault
		least time.Duration // until the next try
		all   bool          // everybody waits
	}{
		"user":                       {discordtest.RateLimited(3*time.Second, "user"), 2900 * time.Millisecond, false},
		"shared":                     {discordtest.RateLimited(3*time.Second, "shared"), 2900 * time.Millisecond, false},
		"global without Reset-After": {discordtest.RateLimited(1200*time.Millisecond, "global"), 900 * time.Millisecond, true},
		"HTML":                       {discordtest.EdgeBan(time.Second), 900 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, g := newRig(t)
			bob, ann := r.friend("coolcat", g, alice), r.friend("annlee", g, alice)
			before := len(r.sent(bob.DM()))
			armed := r.d.Fail(routeSend, c.fault)
			began := time.Now()
			r.say(alice, bobAddress, "one")
			r.say(alice, bobAddress, "two")
			r.until("the 429", func() bool { return armed.Hits() == 1 })
			n := len(r.d.Requests(routeSend))
			r.say(alice, "annlee@discord.com", "for ann")
			r.until("the line for ann", func() bool { all := r.sent(ann.DM()); return all[len(all)-1] == "**Alice**: for ann" })
			if waited := time.Since(began) > c.least; c.all && !waited {
				t.Error("the other channel did not wait")
			}
			if first := r.d.Requests(routeSend)[n].Path; !c.all && !strings.Contains(first, ann.DM().ID) {
				t.Errorf("the other channel waited; first came %s", first)
			}
			r.until("both lines", func() bool { return len(r.said(bob.DM(), before)) >= 2 && r.idle() })
			if got := strings.Join(r.said(bob.DM(), before), "|"); got != "**Alice**: one|two" {
				t.Errorf("%q", got)
			}
			if time.Since(began) < c.least {
				t.Error("too soon")
			}
		})
	}
	t.Run("502 and 403", func(t *testing.T) {
		t.Parallel()
		r, g := newRig(t)
		bob := r.friend("coolcat", g, alice)
		before := len(r.sent(bob.DM()))
		f := discordtest.Error(502, 0)
		f.Times = 3
		armed := r.d.Fail(routeSend, f)
		r.say(alice, bobAddress, "one")
		r.say(alice, bobAddress, "two")
		r.until("both lines", func() bool { return len(r.said(bob.DM(), before)) >= 2 && r.idle() })
		if got := strings.Join(r.said(bob.DM(), before), "|"); got != "**Alice**: one|two" || armed.Hits() != 3 {
			t.Errorf("%q after %d failures", got, armed.Hits())
		}
		armed = r.d.Fail(routeSend, discordtest.Error(403, codeNoPermission))
		n := len(r.d.Requests(routeSend))
		r.say(alice, bobAddress, "403")
		r.gets(alice, `coolcat@discord.com: (Not delivered: "403": `+textAccess+`.)`)
		if got := len(r.d.Requests(routeSend)); got != n+1 || armed.Hits() != 1 {
			t.Errorf("a refusal was tried again: %d", got-n)
		}
	})
}

// TestStorm: real limits, two boxes and a burst: all arrive, in order, once.
func TestStorm(t *testing.T) {
	t.Parallel()
	r, g := newRig(t, func(o *rigOptions) {
		o.double.Limits = map[string]discordtest.Limit{routeSend: {Requests: 5, Per: 300 * time.Millisecond}}
	})
	bob := r.friend("coolcat", g, alice, carol)
	n := len(r.sent(bob.DM()))
	for i := range 15 {
		r.say(alice, bobAddress, "a"+string(rune('a'+i)))
		r.say(carol, bobAddress, "c"+string(rune('a'+i)))
	}
	r.until("all", func() bool { return len(r.said(bob.DM(), n)) >= 30 })
	var a, c string
	for _, s := range r.said(bob.DM(), n) {
		if rest, ok := strings.CutPrefix(s, "**Alice**: a"); ok {
			a += rest
		}
		if rest, ok := strings.CutPrefix(s, "**Carol**: c"); ok {
			c += rest
		}
	}
	if a != "abcdefghijklmno" || c != a {
		t.Errorf("alice %q, carol %q", a, c)
	}
}

// TestCheck8Pings: nobody is notified, whatever a box writes; long texts arrive
// whole.
func TestCheck8Pings(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	general, _ := r.bridged(g, "general")
	r.join(alice, "general.webtv-fans")
	const words = "@everyone @here <@&301> <@111> @coolcat"
	r.say(alice, bobAddress, words)
	m := len(r.sent(general))
	r.say(alice, "#general.webtv-fans@discord.com", words)
	r.until("the line", func() bool { return len(r.sent(general)) == m+1 })
	for _, msg := range r.d.Sent(general)[m:] {
		if len(msg.Pings) != 0 {
			t.Errorf("%q notified %q", msg.Content, msg.Pings)
		}
		if got := strings.NewReplacer("\u200b", "", `\`, "").Replace(msg.Content); got != words {
			t.Errorf("it reads %q", got)
		}
	}
	n := len(r.sent(bob.DM()))
	r.say(alice, bobAddress, strings.Repeat("*", 1600))
	r.until("two parts", func() bool { return len(r.sent(bob.DM())) >= n+2 })
	r.until("all stars", func() bool {
		return strings.Count(strings.Join(r.said(bob.DM(), n), ""), `\*`) == 1600
	})
	for _, s := range r.said(bob.DM(), n) {
		if len([]rune(s)) > 2000 {
			t.Errorf("a part of %d characters", len([]rune(s)))
		}
	}
}

// TestClosedDMs: 50007 and 50278 are told to the box, and nothing is tried until
// the friend writes.
func TestClosedDMs(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	bob.Block()
	r.say(alice, bobAddress, "one")
	r.gets(alice, `coolcat@discord.com: (Not delivered: "one": `+textClosed+`.)`)
	n := len(r.d.Requests(routeSend))
	r.say(alice, bobAddress, "two")
	r.gets(alice, `coolcat@discord.com: (Not delivered: "two": `+textClosed+`.)`)
	if got := len(r.d.Requests(routeSend)); got != n {
		t.Errorf("%d more requests", got-n)
	}
	bob.Unblock()
	bob.Say(bob.DM(), "back")
	r.gets(alice, "coolcat: back")
	r.say(alice, bobAddress, "three")
	r.until("the line", func() bool { s := r.sent(bob.DM()); return strings.HasSuffix(s[len(s)-1], "three") })
}

// TestCheck20Webhooks: a webhook that was deleted is made anew, once; names and
// pictures that are refused do not lose the line; fifteen foreign ones leave the
// bot's own voice.
func TestCheck20Webhooks(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	general, _ := r.bridged(g, "general")
	r.join(alice, "general.webtv-fans")
	const peer = "#general.webtv-fans@discord.com"
	say := func(words string) discordtest.Message {
		t.Helper()
		n := len(r.d.Sent(general))
		r.say(alice, peer, words)
		r.until(words, func() bool { return len(r.d.Sent(general)) == n+1 })
		return r.d.Sent(general)[n]
	}
	if m := say("one"); m.AuthorName != "Alice (WebTV)" || m.Content != "one" || m.WebhookID == "" {
		t.Errorf("%+v", m)
	}
	made := len(r.d.Requests(routeHooks))
	general.DeleteWebhooks()
	say("two")
	if got := len(r.d.Requests(routeHooks)) - made; got != 1 {
		t.Errorf("%d creations", got)
	}
	if _, err := r.hub.Rename(t.Context(), alice, "Discord Dave"); err != nil {
		t.Fatal(err)
	}
	if m := say("three"); m.AuthorName != "Dis-cord Dave (WebTV)" {
		t.Errorf("%+v", m)
	}
	r.d.Fail(routeHook, discordtest.Error(400, codeInvalidForm))
	if m := say("four"); m.Content != "Dis-cord Dave: four" {
		t.Errorf("%+v", m)
	}
	general.DeleteWebhooks()
	for range 15 {
		general.AddWebhook("foreign")
	}
	if m := say("five"); m.Content != "**Discord Dave**: five" || m.WebhookID != "" {
		t.Errorf("%+v", m)
	}
}

// TestCheck21Who: a command is answered while sends wait for a long limit.
func TestCheck21Who(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	f := discordtest.RateLimited(time.Minute, "global")
	armed := r.d.Fail(routeSend, f)
	r.say(alice, bobAddress, "wait")
	r.until("the 429", func() bool { return armed.Hits() == 1 })
	began := time.Now()
	if got := r.answer(bob.Command(bob.DM(), "webtv", discordtest.Sub("who"))); got != "Alice (alice): off; what you write is kept" {
		t.Errorf("got %q", got)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestCheck23NoSecrets: the log of a busy time holds no token.
func TestCheck23NoSecrets(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	general, _ := r.bridged(g, "general")
	r.join(alice, "general.webtv-fans")
	for _, f := range []discordtest.Fault{discordtest.Reset(), discordtest.Error(400, codeInvalidForm), discordtest.EdgeBan(time.Millisecond), discordtest.Error(404, codeUnknownWebhook)} {
		r.d.Fail(routeHook, f)
		n := len(r.sent(general))
		r.say(alice, "#general.webtv-fans@discord.com", "x")
		r.until("the line", func() bool { return len(r.sent(general)) > n })
	}
	r.d.Fail("POST /interactions/{interaction}/{token}/callback", discordtest.Error(404, codeLateInteraction))
	i := bob.Command(bob.DM(), "webtv", discordtest.Sub("who"))
	r.until("the warning", func() bool { return strings.Contains(r.log.String(), "a command was not answered") })
	if all := r.d.Secrets(); !slices.Contains(all, r.d.Token()) || !slices.Contains(all, i.Token) || !slices.Contains(all, general.Webhooks()[0].Token) {
		t.Errorf("%q: the test shows nothing", all)
	}
	r.noSecrets() // as every test of a rig does at its end
}

// TestRoomWithoutWebhook: where a webhook may not write into a private thread, the
// bot does, with the box's name, also at the next try.
func TestRoomWithoutWebhook(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	home := g.AddChannel("webtv")
	mod := r.d.AddUser("mod")
	mod.Join(g, g.AddRole("mods", permManageChannels))
	bob := r.friend("coolcat", g, alice)
	r.answer(mod.Command(home, "webtv", discordtest.Sub("home")))
	i := bob.Command(home, "webtv", discordtest.Sub("room", discordtest.Arg("name", "alice")))
	r.until("the room", func() bool { return strings.HasPrefix(r.finished(i), "Your room") })
	room := g.Threads()[0]
	hook := r.d.Fail(routeHook, discordtest.Error(400, 50024))
	plain := r.d.Fail(routeSend, discordtest.Error(502, 0))
	r.say(alice, bobAddress, "cosy")
	r.until("the line", func() bool { return len(r.sent(room)) == 1 && r.idle() })
	if m := r.d.Sent(room)[0]; m.Content != "**Alice**: cosy" || m.WebhookID != "" || hook.Hits() != 1 || plain.Hits() != 1 {
		t.Errorf("%+v after %d and %d refusals", m, hook.Hits(), plain.Hits())
	}
	r.say(alice, bobAddress, "s/cosy/snug")
	r.until("the correction", func() bool { return r.sent(room)[0] == "**Alice**: snug" })
}
