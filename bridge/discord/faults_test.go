package discord

import (
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/discord/discordtest"
	"wtvgate/bridge/id"
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
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	general, _ := r.bridged(g, "general")
	r.join(alice, "general.webtv-fans")
	for _, c := range []struct {
		name  string
		fault discordtest.Fault
	}{
		{"after", discordtest.Lost()}, {"before", discordtest.Reset()}, {"502", discordtest.Error(502, 0)}, {"cut", discordtest.Truncated()},
	} {
		n, m := len(r.sent(bob.DM())), len(r.sent(general))
		armed := r.d.Fail(routeSend, c.fault)
		r.say(alice, bobAddress, "dm "+c.name)
		r.say(alice, bobAddress, "next "+c.name)
		r.until("both lines", func() bool { return len(r.sent(bob.DM())) >= n+2 })
		if got := r.said(bob.DM(), n); len(got) != 2 || !strings.HasSuffix(got[0], "dm "+c.name) || got[1] != "next "+c.name || armed.Hits() != 1 {
			t.Errorf("%s: %q", c.name, got)
		}
		armed = r.d.Fail(routeHook, c.fault)
		r.say(alice, "#general.webtv-fans@discord.com", "hook "+c.name)
		r.say(alice, "#general.webtv-fans@discord.com", "hook next "+c.name)
		r.until("both lines", func() bool { return len(r.sent(general)) >= m+2 })
		if got := r.said(general, m); len(got) != 2 || got[0] != "hook "+c.name || got[1] != "hook next "+c.name || armed.Hits() != 1 {
			t.Errorf("webhook, %s: %q", c.name, got)
		}
	}
}

// TestCheck6Echo: the echo may come before the answer or instead of it.
func TestCheck6Echo(t *testing.T) {
	t.Parallel()
	for _, order := range []discordtest.EchoOrder{discordtest.EchoBefore, discordtest.EchoAfter} {
		r, g := newRig(t, func(o *rigOptions) { o.double.Echo = order })
		bob := r.friend("coolcat", g, alice)
		n := len(r.sent(bob.DM()))
		r.say(alice, bobAddress, "one")
		r.d.Fail(routeSend, discordtest.Lost())
		r.say(alice, bobAddress, "two")
		r.say(alice, bobAddress, "three")
		r.until("three lines", func() bool { return len(r.said(bob.DM(), n)) >= 3 })
		r.until("all are done with", func() bool {
			left, err := r.st.PendingConversations(t.Context())
			return err == nil && len(left) == 0
		})
		if got := strings.Join(r.said(bob.DM(), n), "|"); got != "**Alice**: one|two|three" {
			t.Errorf("%v: %q", order, got)
		}
		r.close()
	}
}

// TestCheck7Limits: 429 in all its forms. Nothing is lost, doubled or out of order.
func TestCheck7Limits(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob, ann := r.friend("coolcat", g, alice), r.friend("annlee", g, alice)
	said := func(p *discordtest.Person, want ...string) {
		t.Helper()
		r.until(strings.Join(want, ", "), func() bool {
			all := r.sent(p.DM())
			if len(all) < len(want) {
				return false
			}
			for i, w := range want {
				if !strings.HasSuffix(all[len(all)-len(want)+i], w) {
					return false
				}
			}
			return true
		})
	}
	to := func(peer id.Address, words ...string) {
		for _, w := range words {
			r.say(alice, peer, w)
		}
	}
	for _, c := range []struct {
		name  string
		fault discordtest.Fault
		least time.Duration // until the next try
		all   bool          // everybody waits
	}{
		{"user", discordtest.RateLimited(3*time.Second, "user"), 2900 * time.Millisecond, false},
		{"shared", discordtest.RateLimited(3*time.Second, "shared"), 2900 * time.Millisecond, false},
		{"global without Reset-After", discordtest.RateLimited(1200*time.Millisecond, "global"), 900 * time.Millisecond, true},
		{"HTML", discordtest.EdgeBan(time.Second), 900 * time.Millisecond, true},
	} {
		armed := r.d.Fail(routeSend, c.fault)
		began := time.Now()
		to(bobAddress, c.name+" 1", c.name+" 2")
		r.until("the 429", func() bool { return armed.Hits() == 1 })
		n := len(r.d.Requests(routeSend))
		to("annlee@discord.com", c.name+" for ann")
		said(ann, c.name+" for ann")
		if waited := time.Since(began) > c.least; c.all && !waited {
			t.Errorf("%s: the other channel did not wait", c.name)
		}
		if first := r.d.Requests(routeSend)[n].Path; !c.all && !strings.Contains(first, ann.DM().ID) {
			t.Errorf("%s: the other channel waited; first came %s", c.name, first)
		}
		said(bob, c.name+" 1", c.name+" 2")
		if time.Since(began) < c.least {
			t.Errorf("%s: too soon", c.name)
		}
	}
	f := discordtest.Error(502, 0)
	f.Times = 2
	armed := r.d.Fail(routeSend, f)
	to(bobAddress, "502 1", "502 2")
	said(bob, "502 1", "502 2")
	if armed.Hits() != 2 {
		t.Errorf("%d tries failed", armed.Hits())
	}
	armed = r.d.Fail(routeSend, discordtest.Error(403, codeNoPermission))
	n := len(r.d.Requests(routeSend))
	to(bobAddress, "403")
	r.gets(alice, `coolcat@discord.com: (Not delivered: "403": `+textAccess+`.)`)
	if got := len(r.d.Requests(routeSend)); got != n+1 || armed.Hits() != 1 {
		t.Errorf("a refusal was tried again: %d", got-n)
	}
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
	secrets := []string{r.d.Token(), i.Token}
	for _, w := range general.Webhooks() {
		secrets = append(secrets, w.Token)
	}
	for _, s := range secrets {
		if s != "" && len(s) > 2 && strings.Contains(r.log.String(), s) {
			t.Errorf("the log has %q", s)
		}
	}
	if len(secrets) < 3 {
		t.Errorf("%d secrets: the test shows nothing", len(secrets))
	}
}
