package discord

import (
	"fmt"
	"os"
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

// TestCheck1Deadlocks: what makes the library hang ends in a new connection, and
// nothing piles up.
func TestCheck1Deadlocks(t *testing.T) {
	t.Parallel()
	r, g := newRig(t, short)
	bob := r.friend("coolcat", g, alice)
	before := r.goroutines()
	yes, no := true, false
	tricks := []struct {
		name  string
		at    discordtest.Stage
		trick discordtest.Trick
	}{
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
	rounds := len(tricks)
	if os.Getenv("WTVGATE_SOAK") != "" {
		rounds = 50 // discord.md 11: the library sleeps a second in each
	}
	for i := range rounds {
		c := tricks[i%len(tricks)]
		r.off.move(fuseWindow / maxIdentifies) // a fuse that blows is another test's
		r.d.Misbehave(c.at, c.trick)
		conns := r.d.Connections()
		r.d.Drop()
		r.until(c.name, func() bool { return r.d.Connections() >= conns+2 && r.d.Connected() == 1 && r.hub.States()[0].Up })
		bob.Say(bob.DM(), fmt.Sprint(c.name, i))
		r.gets(alice, fmt.Sprint("coolcat: ", c.name, i))
	}
	r.d.Mute(true)
	conns := r.d.Connections()
	r.until("no ACKs are noticed", func() bool { return r.d.Connections() > conns })
	r.d.Mute(false)
	r.until("connected", func() bool { return r.d.Connected() == 1 && r.hub.States()[0].Up })
	r.d.Op7()
	bob.Say(bob.DM(), "last")
	r.gets(alice, "coolcat: last")
	if after := r.goroutines(); after > before+40 {
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
