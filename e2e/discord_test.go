package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/discord/discordtest"
	"wtvgate/e2e/harness"
	"wtvgate/msnp/wire"
)

// discord_test.go: the real program between the Discord double, with a friend on
// it, and simulated boxes.

const (
	coolcat   = "coolcat@discord.com"
	routeSend = "POST /channels/{channel}/messages"
)

// discordParts is all that runs in a test.
type discordParts struct {
	t            *testing.T
	d            *discordtest.Server
	guild        *discordtest.Guild
	g            *harness.Gateway
	alice, carol *harness.Box
	bob          *discordtest.Person
}

// newDiscord starts everything; the boxes are signed in.
func newDiscord(t *testing.T) *discordParts {
	t.Helper()
	p := &discordParts{t: t, d: discordtest.Start(t, discordtest.Options{Limits: discordtest.Loose()})}
	p.guild = p.d.AddGuild("WebTV Fans")
	p.bob = p.d.AddUser("coolcat")
	p.bob.Join(p.guild)
	p.bob.Status("online")
	p.g = harness.NewDiscordGateway(t, p.d.URL(), p.d.Token())
	p.alice, p.carol = p.g.AddAccount("alice", "Alice"), p.g.AddAccount("carol", "Carol")
	p.g.Start()
	p.alice.SignIn(wire.MSNP6)
	p.carol.SignIn(wire.MSNP8)
	return p
}

func (p *discordParts) until(what string, cond func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), harness.Wait)
	defer cancel()
	if err := p.d.Until(ctx, cond); err != nil {
		p.t.Fatalf("%s: %v; the DM has %q", what, err, p.sent())
	}
}

// sent is what the bot wrote to the friend.
func (p *discordParts) sent() (all []string) {
	for _, m := range p.d.Sent(p.bob.DM()) {
		all = append(all, m.Content)
	}
	return all
}

// link has a box add the friend, who says yes.
func (p *discordParts) link(b *harness.Box, name string) {
	p.t.Helper()
	n := len(p.sent())
	b.Add(wire.Allow, coolcat, coolcat)
	b.Add(wire.Forward, coolcat, coolcat)
	p.until("the ask", func() bool { return len(p.sent()) == n+1 })
	p.answer(p.bob.Press(p.d.Sent(p.bob.DM())[n].ID, "ask:yes:"+name), "You can now chat with")
	b.WaitPresence(coolcat, wire.Online)
}

// answer checks how the answer to a command or button begins.
func (p *discordParts) answer(i *discordtest.Interaction, want string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), harness.Wait)
	defer cancel()
	if a, err := i.Wait(ctx); err != nil || !strings.HasPrefix(a.Content, want) {
		p.t.Fatalf("the answer is %q, %v; want %q", a.Content, err, want)
	}
}

// told is what the gateway itself says on a box.
func told(s string) bool { return strings.HasPrefix(s, "(They ") }

// hears waits until a box has had exactly these lines of the friend's.
func (p *discordParts) hears(b *harness.Box, notes int, want ...string) {
	p.t.Helper()
	got := slices.DeleteFunc(untimed(b.WaitHeard(coolcat, len(want)+notes)), told)
	if !slices.Equal(got, want) {
		p.t.Errorf("%s has %q, want %q", b.Address, got, want)
	}
}

// said checks the bot's lines after the first n.
func (p *discordParts) said(n int, want ...string) {
	p.t.Helper()
	p.until(fmt.Sprint(want), func() bool { return len(p.sent()) >= n+len(want) })
	if got := p.sent()[n:]; !slices.Equal(got, want) {
		p.t.Errorf("the friend has %q, want %q", got, want)
	}
}

// TestDiscordConsent: a box asks and the friend says yes; a friend asks and the box
// says yes; both are chats then.
func TestDiscordConsent(t *testing.T) {
	p := newDiscord(t)
	p.link(p.alice, "alice")
	general := p.guild.AddChannel("general")
	p.answer(p.bob.Command(general, "webtv", discordtest.Sub("add", discordtest.Arg("name", "carol"))), "Asked.")
	p.carol.WaitAdded(coolcat)
	n := len(p.sent())
	p.carol.Add(wire.Allow, coolcat, coolcat)
	p.carol.Add(wire.Forward, coolcat, coolcat)
	p.said(n, "Carol said yes. What you write here reaches the TV.")
	p.carol.WaitPresence(coolcat, wire.Online)
	p.carol.Say(coolcat, "hello")
	p.said(n+1, "**Carol**: hello")
	p.bob.Say(p.bob.DM(), "carol: hi")
	p.hears(p.carol, 0, "hi")
}

// TestDiscordTwoBoxes: one friend, one DM, two boxes: each line is for one of them.
func TestDiscordTwoBoxes(t *testing.T) {
	p := newDiscord(t)
	p.link(p.alice, "alice")
	p.link(p.carol, "carol")
	dm, n := p.bob.DM(), len(p.sent())
	p.alice.Say(coolcat, "from alice")
	p.said(n, "**Alice**: from alice")
	p.bob.Say(dm, "ok") // rule 4
	p.hears(p.alice, 1, "ok")
	p.carol.Say(coolcat, "from carol")
	p.said(n, "**Alice**: from alice", "**Carol**: from carol")
	p.bob.Reply(p.d.Sent(dm)[n].ID, "you?") // rule 1
	p.hears(p.alice, 1, "ok", `(re you: "from alice") you?`)
	p.bob.Say(dm, "carol: tea?") // rule 2
	p.hears(p.carol, 1, "tea?")
	held := p.bob.Say(dm, "both?") // rule 5
	p.until("the question", func() bool { return len(p.sent()) == n+3 })
	p.answer(p.bob.Press(p.d.Sent(dm)[n+2].ID, "to:"+held.ID+":carol"), "Sent to Carol.")
	p.hears(p.carol, 1, "tea?", "both?")
	p.bob.Edit(held.ID, "both of you?")
	p.hears(p.carol, 1, "tea?", "both?", "(edited) both of you?")
	p.hears(p.alice, 1, "ok", `(re you: "from alice") you?`)
}

// TestDiscordOutage: what is said while the connection or the gateway is away comes
// once each and in order.
func TestDiscordOutage(t *testing.T) {
	p := newDiscord(t)
	p.link(p.alice, "alice")
	var want []string
	say := func(count int) {
		for range count {
			want = append(want, fmt.Sprint("line ", len(want)+1))
			p.bob.Say(p.bob.DM(), want[len(want)-1])
		}
	}
	say(1)
	p.hears(p.alice, 1, want...)
	p.d.Drop() // resumed
	say(4)
	p.hears(p.alice, 1, want...)
	p.d.ForgetSessions() // history
	p.d.Drop()
	say(4)
	p.hears(p.alice, 1, want...)
	n := len(p.sent())
	p.alice.Say(coolcat, "got all") // a round trip: what the box has had is noted by then
	p.said(n, "**Alice**: got all")
	p.g.Kill()
	p.alice.Drop()
	say(4)
	p.g.Start()
	p.alice.SignIn(wire.MSNP8)
	p.hears(p.alice, 1, want...)
	say(1)
	p.hears(p.alice, 1, want...)
}

// TestDiscordKilledWhileSending: what a box was told is stored goes out once, by the
// next process, whether or not the killed one had sent it.
func TestDiscordKilledWhileSending(t *testing.T) {
	for name, fault := range map[string]func(chan struct{}) discordtest.Fault{
		"before the effect": func(c chan struct{}) discordtest.Fault { return discordtest.Held(c) },
		"after the effect":  func(c chan struct{}) discordtest.Fault { f := discordtest.Held(c); f.After = true; return f },
	} {
		t.Run(name, func(t *testing.T) {
			p := newDiscord(t)
			p.link(p.alice, "alice")
			n, held := len(p.sent()), make(chan struct{})
			armed := p.d.Fail(routeSend, fault(held))
			p.alice.Say(coolcat, "one")
			p.alice.Say(coolcat, "two")
			p.until("the first is under way", func() bool { return armed.Hits() == 1 })
			p.g.Kill()
			close(held)
			p.g.Start()
			p.said(n, "**Alice**: one", "two")
			p.alice.Drop()
			p.alice.SignIn(wire.MSNP8)
			p.alice.Say(coolcat, "three")
			p.said(n, "**Alice**: one", "two", "three")
		})
	}
}

// TestDiscordStorm: 429 of every kind while two boxes write: nothing is lost,
// doubled, out of order or for the wrong box.
func TestDiscordStorm(t *testing.T) {
	p := newDiscord(t)
	p.link(p.alice, "alice")
	p.link(p.carol, "carol")
	n := len(p.sent())
	for _, f := range []discordtest.Fault{discordtest.RateLimited(time.Second, "user"), discordtest.RateLimited(time.Second, "shared"),
		discordtest.RateLimited(time.Second, "global"), discordtest.EdgeBan(time.Second), discordtest.Error(502, 0)} {
		p.d.Fail(routeSend, f)
	}
	var alice, carol []string
	for i := range 8 {
		alice, carol = append(alice, fmt.Sprint("a", i)), append(carol, fmt.Sprint("c", i))
		p.alice.Say(coolcat, alice[i])
		p.carol.Say(coolcat, carol[i])
		p.bob.Say(p.bob.DM(), fmt.Sprint("alice: for a", i))
		p.bob.Say(p.bob.DM(), fmt.Sprint("carol: for c", i))
	}
	p.until("all lines", func() bool { return len(p.sent()) >= n+len(alice)+len(carol) })
	var got [2][]string
	for _, s := range p.sent()[n:] {
		if rest, ok := strings.CutPrefix(s, "**Alice**: "); ok {
			got[0] = append(got[0], rest)
		} else if rest, ok := strings.CutPrefix(s, "**Carol**: "); ok {
			got[1] = append(got[1], rest)
		} else {
			t.Errorf("nobody's line: %q", s)
		}
	}
	if !slices.Equal(got[0], alice) || !slices.Equal(got[1], carol) {
		t.Errorf("the friend has %q", got)
	}
	var forA, forC []string
	for i := range 8 {
		forA, forC = append(forA, fmt.Sprint("for a", i)), append(forC, fmt.Sprint("for c", i))
	}
	p.hears(p.alice, 1, forA...)
	p.hears(p.carol, 1, forC...)
}
