package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/discord/discordtest"
	"wtvgate/e2e/harness"
	"wtvgate/msnp/wire"
)

// discord_places_test.go: channels and rooms, and an end in the middle of a wait.

// moderator makes somebody who may open channels.
func (p *discordParts) moderator() *discordtest.Person {
	mod := p.d.AddUser("mod")
	mod.Join(p.guild, p.guild.AddRole("mods", 1<<29|1<<4)) // Manage Webhooks, Manage Channels
	return mod
}

// done waits for the last answer to a command that takes its time.
func (p *discordParts) done(i *discordtest.Interaction, want string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), harness.Wait)
	defer cancel()
	p.until(want, func() bool { a, err := i.Wait(ctx); return err == nil && strings.HasPrefix(a.Content, want) })
}

// lines are the texts in a place after the first n.
func (p *discordParts) lines(c *discordtest.Channel, n int) string {
	var all []string
	for _, m := range p.d.Messages(c)[n:] {
		all = append(all, m.AuthorName+": "+m.Content)
	}
	return strings.Join(all, "|")
}

// TestDiscordChannel: a channel that a moderator opened is one contact of both boxes:
// lines of the channel under their speakers' names, lines of a box under its own; a
// private channel is none.
func TestDiscordChannel(t *testing.T) {
	p := newDiscord(t)
	mod, general := p.moderator(), p.guild.AddChannel("general")
	p.guild.AddChannel("secret", discordtest.Overwrite{ID: p.guild.ID, Type: 0, Deny: 1 << 10})
	const address = "#general.webtv-fans@discord.com"
	p.done(mod.Command(general, "webtv", discordtest.Sub("bridge")), "Boxes can now add `"+address+"`")
	for _, b := range []*harness.Box{p.alice, p.carol} {
		b.Add(wire.Allow, address, address)
		b.Add(wire.Forward, address, address)
		b.WaitPresence(address, wire.Online)
	}
	before := len(p.d.Messages(general))
	p.bob.Say(general, "hello TVs")
	for _, b := range []*harness.Box{p.alice, p.carol} {
		if got := b.WaitAll(1)[0]; got.From != address || got.Name != "coolcat" || !strings.HasSuffix(got.Text, "hello TVs") {
			t.Errorf("%s heard %+v", b.Address, got)
		}
	}
	p.alice.Say(address, "hello Discord")
	p.until("the line", func() bool { return p.lines(general, before) == "coolcat: hello TVs|Alice (WebTV): hello Discord" })
	p.alice.Say(address, "s/Discord/all")
	p.until("the correction", func() bool { return p.lines(general, before) == "coolcat: hello TVs|Alice (WebTV): hello all" })

	p.g.Kill() // an outage: twelve lines are ten and a count
	p.noTVs()
	for i := range 12 {
		p.bob.Say(general, fmt.Sprint("missed ", i))
	}
	p.g.Start()
	p.carol.SignIn(wire.MSNP8)
	got := untimed(p.carol.WaitHeard(address, 12))[1:]
	if len(got) != 11 || got[0] != "(2 earlier messages are not shown)" || got[1] != "missed 2" || got[10] != "missed 11" {
		t.Errorf("carol heard %q", got)
	}
	p.carol.Add(wire.Forward, "#secret.webtv-fans@discord.com", "x")
	p.carol.WaitText("helper@"+harness.AccountsDomain, "that a TV may read.") // of the secret one
	p.done(mod.Command(general, "webtv", discordtest.Sub("unbridge")), "No box listens here any more.")
	p.carol.WaitPresence(address, wire.Offline)
}

// noTVs switches both boxes off.
func (p *discordParts) noTVs() {
	p.alice.Drop()
	p.carol.Drop()
}

// TestDiscordRoom: a pair moves into a private thread, where the box has its own name
// and the friend is the same contact.
func TestDiscordRoom(t *testing.T) {
	p := newDiscord(t)
	p.link(p.alice, "alice")
	home := p.guild.AddChannel("webtv")
	p.done(p.moderator().Command(home, "webtv", discordtest.Sub("home")), "This is the WebTV channel")
	p.done(p.bob.Command(home, "webtv", discordtest.Sub("room", discordtest.Arg("name", "alice"))), "Your room")
	room := p.guild.Threads()[0]
	p.alice.Say(coolcat, "cosy")
	p.until("the line", func() bool { return strings.HasSuffix(p.lines(room, 0), "Alice (WebTV): cosy") })
	p.bob.Say(room, "indeed")
	p.hears(p.alice, 1, "indeed")
}

// TestDiscordGroup: a box invites a second friend into a conversation: the three are
// in a private thread, and all read each other there; the box hears who speaks.
func TestDiscordGroup(t *testing.T) {
	p := newDiscord(t)
	p.link(p.alice, "alice")
	const annlee = "annlee@discord.com"
	ann := p.d.AddUser("annlee")
	ann.Join(p.guild)
	ann.Status("online")
	ann.Say(ann.DM(), "hi") // a chat that is open is not waited for
	p.until("the help", func() bool { return len(p.d.Sent(ann.DM())) == 1 })
	p.alice.Add(wire.Allow, annlee, annlee)
	p.alice.Add(wire.Forward, annlee, annlee)
	p.until("the ask", func() bool { return len(p.d.Sent(ann.DM())) == 2 })
	p.answer(ann.Press(p.d.Sent(ann.DM())[1].ID, "ask:yes:alice"), "You can now chat with")
	p.alice.WaitPresence(annlee, wire.Online)
	home := p.guild.AddChannel("webtv")
	p.done(p.moderator().Command(home, "webtv", discordtest.Sub("home")), "This is the WebTV channel")

	p.alice.WaitHeard(coolcat, 1) // (They said yes.), in a switchboard that is open from now on
	p.alice.Invite(coolcat, annlee)
	before := len(p.alice.WaitAll(1))
	p.alice.Say(coolcat, "hello both")
	p.until("the thread", func() bool { return len(p.guild.Threads()) == 1 })
	room := p.guild.Threads()[0]
	p.until("the line", func() bool { return strings.HasSuffix(p.lines(room, 0), "Alice (WebTV): hello both") })
	ann.Say(room, "hi Alice")
	p.bob.Say(room, "hi from me")
	p.alice.WaitHeard(annlee, 2) // with the gateway's line about her yes
	got := p.alice.WaitAll(before + 2)
	last := got[len(got)-2:]
	if last[0].From != annlee || last[0].Text != "hi Alice" || last[1].From != coolcat || last[1].Text != "hi from me" {
		t.Errorf("alice heard %+v", got)
	}
	if n := len(p.sent()); n != 1 {
		t.Errorf("the DM has %d lines, want the ask alone", n)
	}
}

// TestDiscordTerminate: check 24 with the real program: SIGTERM in the middle of a
// long wait ends it at once, and the line goes out once after the next start.
func TestDiscordTerminate(t *testing.T) {
	p := newDiscord(t)
	p.link(p.alice, "alice")
	n := len(p.sent())
	armed := p.d.Fail(routeSend, discordtest.RateLimited(time.Minute, "global"))
	p.alice.Say(coolcat, "wait")
	p.until("the 429", func() bool { return armed.Hits() == 1 })
	p.noSecrets()
	began := time.Now()
	p.g.Stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the end took %v", took)
	}
	p.g.Start()
	p.said(n, "**Alice**: wait")
	p.bob.Say(p.bob.DM(), "got it")
	p.noTVs()
	p.alice.SignIn(wire.MSNP8)
	p.hears(p.alice, 1, "got it")
	p.said(n, "**Alice**: wait")
}

// TestDiscordStops is check 2 with the real program: /readyz names what ended the
// connection for good, nothing connects any more, and doctor says what to do about a
// token that is not known.
func TestDiscordStops(t *testing.T) {
	p := newDiscord(t)
	for _, c := range []struct {
		code int
		want string
	}{{4013, "intents"}, {4014, "Message Content"}, {4004, "discord.token_file"}} {
		conns := p.d.Connections()
		p.d.CloseWith(c.code)
		p.g.WaitNetworks(c.want)
		if got := p.d.Connections(); got != conns {
			t.Errorf("%d: %d more connections", c.code, got-conns)
		}
		p.g.Stop()
		p.g.Start()
	}
	p.d.InvalidateToken()
	if got := p.g.Try("doctor"); !strings.Contains(got, "Discord does not know the token") {
		t.Errorf("doctor says %q", got)
	}
	p.d.TakeViolations() // doctor asks for / to compare the clocks
}
