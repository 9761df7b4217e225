package discord

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/discord/discordtest"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
)

// TestDMBothWays: consent, then a chat.
func TestDMBothWays(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	dm := bob.DM()
	n := len(r.sent(dm))
	r.say(alice, bobAddress, "hello *there*")
	r.until("the line", func() bool { return len(r.sent(dm)) == n+1 })
	if got := r.said(dm, n)[0]; got != `**Alice**: hello \*there\*` {
		t.Errorf("got %q", got)
	}
	bob.Say(dm, "hi **Alice**")
	r.gets(alice, "coolcat: hi Alice")
	r.say(alice, bobAddress, "again")
	r.until("the line", func() bool { return len(r.sent(dm)) == n+2 })
	if got := r.said(dm, n)[1]; got != "again" {
		t.Errorf("got %q", got)
	}
}

// TestCheck9TwoBoxesOneFriend is the table of discord.md 3.2 from end to end.
func TestCheck9TwoBoxesOneFriend(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice, carol)
	dm := bob.DM()
	speak := func(a id.Account, words string) discordtest.Message {
		t.Helper()
		n := len(r.sent(dm))
		r.say(a, bobAddress, words)
		r.until("the line", func() bool { return len(r.sent(dm)) == n+1 })
		return r.d.Sent(dm)[n]
	}
	lineA, lineC := speak(alice, "from alice"), speak(carol, "from carol")
	if lineA.Content != "**Alice**: from alice" || lineC.Content != "**Carol**: from carol" {
		t.Errorf("%q, %q", lineA.Content, lineC.Content)
	}
	bob.Reply(lineC.ID, "ok") // rule 1
	r.gets(carol, `coolcat: (re you: "from carol") ok`)
	bob.Say(dm, "alice: ok") // rule 2
	r.gets(alice, "coolcat: ok")

	n := len(r.sent(dm))
	held := bob.Say(dm, "ok") // rule 5
	r.until("the question", func() bool { return len(r.sent(dm)) == n+1 })
	question := r.d.Sent(dm)[n]
	if question.Content != "Who is this for?" || question.ReplyTo != held.ID || len(r.inbox(alice))+len(r.inbox(carol)) != 0 {
		t.Errorf("%+v", question)
	}
	bob.Say(dm, "and more")
	if got := r.answer(bob.Press(question.ID, pressTo+held.ID+":carol")); got != "Sent to Carol." {
		t.Errorf("the press: %q", got)
	}
	r.until("both lines", func() bool { return len(r.inbox(carol)) == 2 })
	r.gets(carol, "coolcat: ok", "coolcat: and more")
	bob.Say(dm, "and bring tea") // after the press: rule 4
	r.gets(carol, "coolcat: and bring tea")
	speak(alice, "me too")
	bob.Say(dm, "carolina: hi")
	r.until("another question", func() bool { return len(r.sent(dm)) == n+3 })

	if got := r.answer(bob.Command(dm, "webtv", discordtest.Sub("to", discordtest.Arg("name", "alice")))); got != "What you write next is for Alice." {
		t.Errorf("to: %q", got)
	}
	bob.Say(dm, "just you")
	r.gets(alice, "coolcat: just you")

	r.answer(bob.Command(dm, "webtv", discordtest.Sub("block", discordtest.Arg("name", "carol"))))
	bob.Reply(lineC.ID, "still there?") // the pair has ended: no other rule
	r.until("the refusal", func() bool { return strings.Contains(strings.Join(r.sent(dm), "|"), "no longer in this chat") })
	bob.Say(dm, "only you now") // rule 3
	r.gets(alice, "coolcat: only you now")
	if got := r.inbox(carol); len(got) != 0 {
		t.Errorf("carol got %q", got)
	}
}

// TestQuestionRunsOut: what nobody was chosen for is not sent, and the friend
// learns it.
func TestQuestionRunsOut(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice, carol)
	n := len(r.sent(bob.DM()))
	bob.Say(bob.DM(), "anybody?")
	r.until("the question", func() bool { return len(r.sent(bob.DM())) == n+1 })
	r.off.move(holdTime)
	r.until("the end", func() bool { return r.sent(bob.DM())[n] == "Nobody was chosen, so it was not sent." })
	if got := append(r.inbox(alice), r.inbox(carol)...); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

// TestCheck10Ask: adding asks once; yes opens the chat and brings what was written
// before; block is silence both ways; not now lasts a month.
func TestCheck10Ask(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.d.AddUser("coolcat")
	bob.Join(g)
	bob.Status("online")
	dm := bob.DM()
	r.add(alice, bobAddress)
	r.until("the ask", func() bool { return len(r.sent(dm)) == 1 })
	r.say(alice, bobAddress, "are you there?")
	r.gets(alice, "coolcat@discord.com: (They have not said yes yet. What you write is kept, and given to them when they do.)")
	if a := r.hub.Appearance(alice, bobAddress); a.Presence != "offline" {
		t.Errorf("before the yes: %+v", a)
	}
	ask := r.d.Sent(dm)[0]
	if !strings.Contains(ask.Content, "Alice") || len(ask.Components) != 1 {
		t.Errorf("%+v", ask)
	}
	r.answer(bob.Press(ask.ID, pressYes+"alice"))
	r.gets(alice, "coolcat@discord.com: (They said yes.)")
	r.until("what was written before", func() bool { s := r.sent(dm); return s[len(s)-1] == "**Alice**: are you there?" })
	r.until("presence", func() bool { return r.hub.Appearance(alice, bobAddress).Presence == "online" })

	r.answer(bob.Command(dm, "webtv", discordtest.Sub("block", discordtest.Arg("name", "alice"))))
	n := len(r.sent(dm))
	r.say(alice, bobAddress, "hello?")
	r.gets(alice, `coolcat@discord.com: (Not delivered: "hello?": nobody of that name can be reached on Discord from here.)`)
	bob.Say(dm, "x")
	r.until("the help", func() bool { return len(r.sent(dm)) == n+1 }) // no pair is left
	if got := r.inbox(alice); len(got) != 0 {
		t.Errorf("got %q", got)
	}

	r.add(carol, bobAddress)
	r.until("carol's ask", func() bool { return len(r.sent(dm)) == n+2 })
	r.answer(bob.Press(r.d.Sent(dm)[n+1].ID, pressNo+"carol"))
	for range 2 {
		if _, _, err := r.hub.RemoveContact(t.Context(), carol, bobAddress, store.ForwardList, nil); err != nil {
			t.Fatal(err)
		}
		r.add(carol, bobAddress)
		r.gets(carol, "coolcat@discord.com: (The invitation could not be sent: nobody of that name can be reached on Discord from here.)")
	}
	if got := len(r.sent(dm)); got != n+2 {
		t.Errorf("asked again: %q", r.sent(dm))
	}
	r.off.move(askAgain)
	if _, _, err := r.hub.RemoveContact(t.Context(), carol, bobAddress, store.ForwardList, nil); err != nil {
		t.Fatal(err)
	}
	r.add(carol, bobAddress)
	r.until("the ask of the next month", func() bool { return len(r.sent(dm)) == n+3 })
}

// TestCheck10FriendStarts: /webtv add shows on the box; its yes links.
func TestCheck10FriendStarts(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.d.AddUser("coolcat")
	bob.SetGlobalName("Bob")
	bob.Join(g)
	general := g.AddChannel("general")
	if got := r.answer(bob.Command(general, "webtv", discordtest.Sub("add", discordtest.Arg("name", "alice")))); got != "Asked. You hear from me when the box says yes." {
		t.Errorf("got %q", got)
	}
	if got := r.answer(bob.Command(general, "webtv", discordtest.Sub("add", discordtest.Arg("name", "nobody")))); got != notThere {
		t.Errorf("got %q", got)
	}
	c, _, err := r.st.Contact(t.Context(), alice, bobAddress)
	if err != nil || c.Lists != store.ReverseList || c.Name != "Bob" {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, _, err := r.hub.AddContact(t.Context(), alice, bobAddress, "Bob", store.AllowList, nil); err != nil {
		t.Fatal(err)
	}
	r.until("the greeting", func() bool { return len(r.sent(bob.DM())) == 1 })
	bob.Say(bob.DM(), "hi")
	r.gets(alice, "Bob: hi")
}

// TestCheck10Opener: many adds make few new chats; too fast and quarantine end
// them, while known chats go on.
func TestCheck10Opener(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	const route = "POST /users/@me/channels"
	for i := range 60 {
		name := fmt.Sprintf("friend%02d", i)
		r.d.AddUser(name).Join(g)
		r.add(alice, id.Address(name+"@discord.com"))
	}
	r.until("ten opens", func() bool { return len(r.d.Requests(route)) == opensPerHour })
	r.until("all resolved", func() bool {
		var c int
		_, err := r.n.row(t.Context(), "count", `SELECT count(*) FROM discord_pairs`, nil, &c)
		return err == nil && c == 60
	})
	if err := r.n.openNext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(r.d.Requests(route)); got != opensPerHour {
		t.Errorf("%d opens", got)
	}
	r.d.RefuseOpens(codeOpeningTooFast)
	r.off.move(time.Hour)
	r.until("one that is refused", func() bool { return strings.Contains(r.log.String(), "opened too fast") })
	if got := len(r.d.Requests(route)); got != opensPerHour+1 {
		t.Errorf("%d opens", got)
	}
	if may, err := r.n.mayOpen(t.Context()); err != nil || may {
		t.Errorf("it may open: %v", err)
	}
	r.d.RefuseOpens(codeQuarantined)
	r.off.move(openerRest)
	r.until("another that is refused", func() bool { return len(r.d.Requests(route)) == opensPerHour+2 })
	r.until("the alarm", func() bool { return strings.Contains(r.log.String(), "quarantined the bot") })
	r.off.move(48 * time.Hour)
	if may, err := r.n.mayOpen(t.Context()); err != nil || may {
		t.Errorf("it may open in quarantine: %v", err)
	}
}

// TestCheck11Rename: an address stays with the person it was given to.
func TestCheck11Rename(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	bob.Rename("warmcat")
	called := func(want string) {
		t.Helper()
		r.until("the name "+want, func() bool {
			name, _ := r.hub.Known(t.Context(), alice, bobAddress)
			return name == want
		})
	}
	called("warmcat")
	other := r.d.AddUser("coolcat")
	other.Join(g)
	r.add(carol, bobAddress) // while alice's pair uses it: still the first person
	r.until("the ask", func() bool { s := r.sent(bob.DM()); return strings.HasPrefix(s[len(s)-1], "Carol would like") })
	bob.Say(bob.DM(), "it is me")
	r.gets(alice, "warmcat: it is me")
	bob.SetGlobalName("Warm Cat")
	called("Warm Cat")
	bob.SetNick(g, "Ginger")
	called("Ginger")
	bob.SetNick(g, "")
	bob.SetGlobalName("")
	called("warmcat")
	r.say(alice, bobAddress, "I know")
	r.until("the line", func() bool { s := r.sent(bob.DM()); return s[len(s)-1] == "**Alice**: I know" })
	if got := r.sent(other.DM()); len(got) != 0 {
		t.Errorf("the other one got %q", got)
	}
	r.add(dora, "warmcat@discord.com") // the new name means him too
	r.until("the ask", func() bool { s := r.sent(bob.DM()); return strings.HasPrefix(s[len(s)-1], "Dora would like") })
}
