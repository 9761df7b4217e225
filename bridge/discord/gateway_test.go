package discord

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/discord/discordtest"
)

// short makes connections that are found dead soon.
func short(o *rigOptions) {
	o.double.Heartbeat = time.Second
	o.change = func(n *Options) {
		n.Pace.Silence = 1500 * time.Millisecond
		n.Pace.Open = 500 * time.Millisecond
	}
}

// deadlocks are what the library hangs on when it is left alone (discord.md 6.3).
func deadlocks() []deadlock {
	yes, no := true, false
	return []deadlock{
		{"op 7 instead of hello", discordtest.AtHello, discordtest.Trick{Op7: true}},
		{"silence after the upgrade", discordtest.AtHello, discordtest.Trick{Silence: true}},
		{"drop at hello", discordtest.AtHello, discordtest.Trick{Drop: true}},
		{"op 7 in answer to resume", discordtest.AtResume, discordtest.Trick{Op7: true}},
		{"op 9 true in answer to resume", discordtest.AtResume, discordtest.Trick{Op9: &yes}},
		{"op 9 false in answer to resume", discordtest.AtResume, discordtest.Trick{Op9: &no}},
		{"op 11 in answer to resume", discordtest.AtResume, discordtest.Trick{Op11: true}},
		{"a hello without an interval", discordtest.AtHello, discordtest.Trick{Frame: map[string]any{"op": 10, "d": map[string]any{"heartbeat_interval": 0}}}},
		{"null instead of hello", discordtest.AtHello, discordtest.Trick{Frame: []byte("null"), Drop: true}},
	}
}

type deadlock struct {
	name  string
	at    discordtest.Stage
	trick discordtest.Trick
}

// spring plays one of them, after which a line arrives.
func (r *rig) spring(bob *discordtest.Person, round int, c deadlock) {
	r.t.Helper()
	r.off.move(fuseWindow / maxIdentifies) // a fuse that blows is another test's
	r.d.Misbehave(c.at, c.trick)
	conns := r.d.Connections()
	r.d.Drop()
	r.until(c.name, func() bool { return r.d.Connections() >= conns+2 && r.d.Connected() == 1 && r.hub.States()[0].Up })
	bob.Say(bob.DM(), fmt.Sprint(c.name, round))
	r.gets(alice, fmt.Sprint("coolcat: ", c.name, round))
}

// TestCheck1Deadlocks: what makes the library hang ends in a new connection, and
// nothing piles up. A round takes two seconds, which the library sleeps, so that
// each trick has a gateway of its own; WTVGATE_SOAK plays fifty rounds on one.
func TestCheck1Deadlocks(t *testing.T) {
	t.Parallel()
	for _, c := range deadlocks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, g := newRig(t, short)
			r.spring(r.friend("coolcat", g, alice), 0, c)
		})
	}
	t.Run("no ACKs", func(t *testing.T) {
		t.Parallel()
		r, g := newRig(t, short)
		bob := r.friend("coolcat", g, alice)
		before := r.goroutines()
		r.d.Mute(true)
		conns := r.d.Connections()
		r.until("no ACKs are noticed", func() bool { return r.d.Connections() > conns })
		r.d.Mute(false)
		r.until("connected", func() bool { return r.d.Connected() == 1 && r.hub.States()[0].Up })
		r.d.Op7()
		bob.Say(bob.DM(), "last")
		r.gets(alice, "coolcat: last")
		if after := r.goroutines(); after > before+leftOver {
			t.Errorf("%d goroutines, %d before", after, before)
		}
	})
}

// leftOver is how many goroutines connections that have ended may still have: the
// library's sleep, the server's half.
const leftOver = 40

// TestCheck1FiftyRounds: fifty deadlocks in a row on one gateway leave nothing
// behind. It takes two minutes.
func TestCheck1FiftyRounds(t *testing.T) {
	if soak() == 0 {
		t.Skip("WTVGATE_SOAK is not set")
	}
	t.Parallel()
	r, g := newRig(t, short)
	bob := r.friend("coolcat", g, alice)
	before := r.goroutines()
	all := deadlocks()
	for i := range 50 {
		r.spring(bob, i, all[i%len(all)])
	}
	after := r.goroutines()
	t.Logf("%d goroutines before, %d after; %d connections, %d sessions", before, after, r.d.Connections(), r.d.Identifies())
	if after > before+leftOver {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// TestCheck2Stops: codes that only a person can mend end the tries, and the state
// says what to do.
func TestCheck2Stops(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{4004: "token", 4013: "intents", 4014: "Message Content"} {
		r, _ := newRig(t)
		conns := r.d.Connections()
		r.d.CloseWith(code)
		r.until("stopped", func() bool { s := r.hub.States()[0]; return !s.Up && strings.Contains(s.Text, want) })
		if got := r.d.Connections(); got != conns {
			t.Errorf("%d: %d more connections", code, got-conns)
		}
		r.close()
	}
}

// TestCheck2StopsAtStart: the same codes in answer to the first IDENTIFY of a
// process.
func TestCheck2StopsAtStart(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{4004: "token", 4013: "intents", 4014: "Message Content"} {
		r, _ := newRig(t)
		r.close()
		r.d.Misbehave(discordtest.AtIdentify, discordtest.Trick{Close: code, Times: -1})
		conns := r.d.Connections()
		r.open(rigOptions{})
		r.run(rigOptions{idle: true})
		r.until("stopped", func() bool { s := r.hub.States()[0]; return !s.Up && strings.Contains(s.Text, want) })
		if got := r.d.Connections(); got != conns+1 {
			t.Errorf("%d: %d connections", code, got-conns)
		}
		r.close()
	}
}

// TestCheck2BadTokenAtStart: no connection is made at all.
func TestCheck2BadTokenAtStart(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, func(o *rigOptions) {
		o.idle = true
		o.change = func(n *Options) { n.Token = "wrong" }
	})
	r.until("stopped", func() bool { return strings.Contains(r.hub.States()[0].Text, "refuses the token") })
	if r.d.Connections() != 0 || len(r.d.Requests("")) != 1 {
		t.Errorf("%d connections, %d requests", r.d.Connections(), len(r.d.Requests("")))
	}
}

// TestCheck2Fuse: the twenty-first new session within an hour is not begun, also by
// a new process.
func TestCheck2Fuse(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t)
	for range maxIdentifies - 2 {
		if err := r.n.happened(t.Context(), kindIdentify); err != nil {
			t.Fatal(err)
		}
	}
	r.restart() // the twentieth
	r.d.ForgetSessions()
	r.d.Drop()
	r.until("stopped", func() bool { return strings.Contains(r.hub.States()[0].Text, "20 new sessions") })
	if got := r.d.Identifies(); got != 2 {
		t.Errorf("%d identifies", got)
	}
	r.close()
	r.open(rigOptions{})
	r.run(rigOptions{idle: true})
	r.until("stopped", func() bool { return strings.Contains(r.hub.States()[0].Text, "20 new sessions") })
	if got := r.d.Identifies(); got != 2 {
		t.Errorf("%d identifies", got)
	}
}

// TestCheck2FewStartsLeft: what Discord says is left of the day is left alone.
func TestCheck2FewStartsLeft(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t)
	r.close()
	r.d.SetIdentifiesLeft(minStarts - 1)
	r.open(rigOptions{})
	r.run(rigOptions{idle: true})
	r.until("stopped", func() bool { return strings.Contains(r.hub.States()[0].Text, "only 49 more sessions") })
}

// TestCheck16NoPrivileged: every privileged intent off: direct messages work, the
// rest says why not.
func TestCheck16NoPrivileged(t *testing.T) {
	t.Parallel()
	r, g := newRig(t, func(o *rigOptions) { o.double.NoPrivileged = true })
	bob := r.friend("coolcat", g, alice)
	general := g.AddChannel("general")
	mod := r.d.AddUser("mod")
	mod.Join(g, g.AddRole("mods", permManageWebhooks|permManageChannels))
	bob.Say(bob.DM(), "hi")
	r.gets(alice, "coolcat: hi")
	if got := r.answer(mod.Command(general, "webtv", discordtest.Sub("bridge"))); !strings.Contains(got, "Message Content Intent") {
		t.Errorf("bridge: %q", got)
	}
	if got := r.answer(bob.Command(general, "webtv", discordtest.Sub("room", discordtest.Arg("name", "alice")))); !strings.Contains(got, "Message Content Intent") {
		t.Errorf("room: %q", got)
	}
	r.add(alice, "#general.webtv-fans@discord.com")
	r.gets(alice, "#general.webtv-fans@discord.com: (The invitation could not be sent: "+textContent+".)")
	// the fallback: online for ten minutes after speaking, then away
	r.until("online", func() bool { return r.hub.Appearance(alice, bobAddress).Presence == "online" })
	r.off.move(spokenFor)
	if got := r.hub.Appearance(alice, bobAddress).Presence; got != "away" {
		t.Errorf("later: %s", got)
	}
}
