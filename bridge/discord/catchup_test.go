package discord

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/discord/discordtest"
	"wtvgate/bridge/id"
)

// numbered are the lines of a friend's, from first to last.
func numbered(who string, first, last int) (all []string) {
	for i := first; i <= last; i++ {
		all = append(all, fmt.Sprintf("%s: line %d", who, i))
	}
	return all
}

// TestCheck3Gaps: what was said in a gap comes once each and in order, whichever
// way it comes back.
func TestCheck3Gaps(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	dm := bob.DM()
	at := 0
	speak := func(count int) {
		for range count {
			at++
			bob.Say(dm, fmt.Sprintf("line %d", at))
		}
	}
	speak(1)
	r.gets(alice, numbered("coolcat", 1, 1)...)

	resumes := r.d.Resumes()
	r.d.Drop()
	speak(5)
	r.gets(alice, numbered("coolcat", 2, 6)...)
	if r.d.Resumes() == resumes {
		t.Error("the session was not resumed")
	}

	identifies := r.d.Identifies()
	r.d.ForgetSessions()
	r.d.Drop()
	speak(5)
	r.gets(alice, numbered("coolcat", 7, 11)...)
	if r.d.Identifies() != identifies+1 {
		t.Errorf("%d identifies", r.d.Identifies()-identifies)
	}

	r.close() // another process
	speak(5)
	r.open(rigOptions{})
	r.run(rigOptions{})
	r.gets(alice, numbered("coolcat", 12, 16)...)

	// replay and history at once: events that repeat, and a session that ends
	r.d.RepeatNext("MESSAGE_CREATE", 3)
	speak(3)
	r.d.ForgetSessions()
	r.d.Drop()
	speak(2)
	r.gets(alice, numbered("coolcat", 17, 21)...)
	bob.Say(dm, "end")
	r.gets(alice, "coolcat: end")
}

// TestCheck4Backlog: 250 missed messages of a channel are three pages, of which a
// box gets ten lines and a count.
func TestCheck4Backlog(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	general, _ := r.bridged(g, "general")
	bob := r.d.AddUser("coolcat")
	bob.Join(g)
	r.join(alice, "general.webtv-fans")
	first := bob.Say(general, "line 0")
	r.gets(alice, "coolcat: line 0")
	// A stop before the line is noted as handled would count it among the missed.
	r.until("line 0 is handled", func() bool {
		known, err := r.n.knows(t.Context(), kindText, first.ID)
		return err == nil && known
	})
	r.close()
	for i := 1; i <= 250; i++ {
		bob.Say(general, fmt.Sprintf("line %d", i))
	}
	const route = "GET /channels/{channel}/messages"
	before := len(r.d.Requests(route))
	r.open(rigOptions{})
	r.run(rigOptions{})
	want := append([]string{"#general.webtv-fans@discord.com: (240 earlier messages are not shown)"}, numbered("coolcat", 241, 250)...)
	r.gets(alice, want...)
	if got := len(r.d.Requests(route)) - before; got != 3 {
		t.Errorf("%d requests", got)
	}
	live := bob.Say(general, "live")
	r.gets(alice, "coolcat: live")
	r.until("it is handled", func() bool {
		known, err := r.n.knows(t.Context(), kindText, live.ID)
		return err == nil && known
	})
	// As if ten seconds had passed since the channel was opened, with which its mark began.
	if err := r.n.exec(t.Context(), "mark", `UPDATE discord_channels SET mark = ? WHERE channel = ?`, live.ID, general.ID); err != nil {
		t.Fatal(err)
	}
	before = len(r.d.Requests(route)) // nothing new there: its guild says so
	r.restart()
	r.until("the guild", func() bool { _, ok := r.n.guilds.channel(general.ID); return ok })
	r.until("all is done", func() bool { c, _ := r.n.intake.waiting(); return c == 0 })
	if got := r.d.Requests(route)[before:]; slices.ContainsFunc(got, func(q discordtest.Request) bool { return strings.Contains(q.Path, general.ID) }) {
		t.Errorf("%d requests for a channel without a gap", len(got))
	}
	bob.Say(general, "after")
	r.gets(alice, "coolcat: after")
}

// TestKillBetweenStoreAndSend: what a box was told is stored goes out once, by the
// next process, whether or not the first had sent it.
func TestKillBetweenStoreAndSend(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	n := len(r.sent(bob.DM()))
	held := make(chan struct{})
	armed := r.d.Fail("POST /channels/{channel}/messages", discordtest.Held(held))
	r.say(alice, bobAddress, "one")
	r.say(alice, bobAddress, "two")
	r.until("the first is under way", func() bool { return armed.Hits() == 1 })
	r.close()
	close(held)
	r.until("it arrived all the same, or not", func() bool { return r.d.Requests("POST /channels/{channel}/messages")[0].Status != 0 })
	r.open(rigOptions{})
	r.run(rigOptions{})
	r.until("both", func() bool { return len(r.said(bob.DM(), n)) == 2 })
	bob.Say(bob.DM(), "got it")
	r.gets(alice, "coolcat: got it")
	if got := r.said(bob.DM(), n); len(got) != 2 || !strings.HasSuffix(got[0], "one") || !strings.HasSuffix(got[1], "two") {
		t.Errorf("got %q", got)
	}
}

// TestCheck24Terminate: a stop in the middle of a long wait is quick, and the line
// is sent once afterwards.
func TestCheck24Terminate(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	n := len(r.sent(bob.DM()))
	armed := r.d.Fail("POST /channels/{channel}/messages", discordtest.RateLimited(time.Minute, "user"))
	r.say(alice, bobAddress, "wait")
	r.until("the 429", func() bool { return armed.Hits() == 1 })
	began := time.Now()
	r.close()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %v", took)
	}
	r.open(rigOptions{})
	r.run(rigOptions{})
	r.until("the line", func() bool { return len(r.said(bob.DM(), n)) == 1 })
}

func difference(got, want []string) string {
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return fmt.Sprintf("at %d: %q, want %q", i, got[min(i, len(got)-1)], want[i])
		}
	}
	return "beyond the end"
}

// bridged makes a channel that a moderator has opened to boxes.
func (r *rig) bridged(g *discordtest.Guild, name string, args ...discordtest.Option) (*discordtest.Channel, *discordtest.Person) {
	r.t.Helper()
	c := g.AddChannel(name)
	mod := r.d.AddUser("mod" + name)
	mod.Join(g, g.AddRole("mods", permManageWebhooks|permManageChannels))
	r.until("the channel is known", func() bool { _, ok := r.n.guilds.channel(c.ID); return ok })
	i := mod.Command(c, "webtv", discordtest.Sub("bridge", args...))
	r.until("bridged", func() bool { got := r.finished(i); return strings.HasPrefix(got, "Boxes can now add") })
	return c, mod
}

// finished is the answer to a command with its later edits; "" while there is none.
func (r *rig) finished(i *discordtest.Interaction) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a, err := i.Wait(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return a.Content
}

// join has a box add a channel.
func (r *rig) join(a id.Account, name string) {
	r.t.Helper()
	r.add(a, id.Address("#"+name+"@discord.com"))
	r.until("joined", func() bool {
		return r.hub.Appearance(a, id.Address("#"+name+"@discord.com")).Presence == "online"
	})
}

// TestGapBeforeTheFirstLine: a chat that has just been agreed on misses nothing
// either.
func TestGapBeforeTheFirstLine(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	gapBeforeTheFirstLine(r, g)
}

// TestGapWhenTheClocksDiffer: a machine without a clock of its own is days off; ids
// have Discord's time.
func TestGapWhenTheClocksDiffer(t *testing.T) {
	for _, off := range []time.Duration{-36 * time.Hour, 36 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			r, g := newRig(t, func(o *rigOptions) { o.double.Now = func() time.Time { return time.Now().Add(off) } })
			gapBeforeTheFirstLine(r, g)
		})
	}
}

func gapBeforeTheFirstLine(r *rig, g *discordtest.Guild) {
	r.t.Helper()
	bob := r.friend("coolcat", g, alice)
	r.close()
	bob.Say(bob.DM(), "line 1")
	r.open(rigOptions{})
	r.run(rigOptions{})
	r.gets(alice, "coolcat: line 1")
}
