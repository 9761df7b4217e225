package discord

import (
	"strings"
	"testing"

	"wtvgate/bridge/discord/discordtest"
	"wtvgate/bridge/id"
)

// home has a moderator choose a WebTV channel.
func (r *rig) home(g *discordtest.Guild) *discordtest.Channel {
	r.t.Helper()
	c := g.AddChannel("webtv")
	mod := r.d.AddUser("modhome")
	mod.Join(g, g.AddRole("mods", permManageChannels))
	r.until("the channel is known", func() bool { _, ok := r.n.guilds.channel(c.ID); return ok })
	if got := r.webtv(mod, c, "home"); !strings.HasPrefix(got, "This is the WebTV channel") {
		r.t.Fatalf("home: %q", got)
	}
	return c
}

// TestGroup: a box and two friends in a private thread: all read each other, the box
// under its own name; who leaves ends it.
func TestGroup(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob, ann := r.friend("coolcat", g, alice), r.friend("annlee", g, alice)
	both := []id.Address{bobAddress, "annlee@discord.com"}
	if _, ok, err := r.hub.Gather(t.Context(), alice, both); ok || err != nil {
		t.Fatalf("without a WebTV channel: %v, %v", ok, err)
	}
	r.home(g)
	room, ok, err := r.hub.Gather(t.Context(), alice, both)
	if !ok || err != nil || room != "#room-1@discord.com" {
		t.Fatalf("%q, %v, %v", room, ok, err)
	}
	if again, _, _ := r.hub.Gather(t.Context(), alice, []id.Address{both[1], both[0]}); again != room {
		t.Errorf("again it is %q", again)
	}
	if _, ok, _ := r.hub.Gather(t.Context(), carol, both); ok {
		t.Error("somebody without pairs has a room")
	}
	if name, _ := r.hub.Known(t.Context(), alice, room); name != "annlee, coolcat" && name != "coolcat, annlee" {
		t.Errorf("it is called %q", name)
	}
	r.say(alice, room, "hello you two")
	r.until("the thread", func() bool { return len(g.Threads()) == 1 && len(r.sent(g.Threads()[0])) == 2 })
	thread := g.Threads()[0]
	if got := r.d.Sent(thread)[1]; got.AuthorName != "Alice (WebTV)" || got.Content != "hello you two" || got.WebhookID == "" {
		t.Errorf("%+v", got)
	}
	if got := strings.Join(thread.Members(), " "); !strings.Contains(got, bob.ID) || !strings.Contains(got, ann.ID) {
		t.Errorf("members %s", got)
	}
	m := bob.Say(thread, "hi both")
	ann.Reply(r.d.Sent(thread)[1].ID, "me too")
	r.until("two lines", func() bool { return len(r.inbox(alice)) == 2 })
	for i, row := range r.rows(alice) {
		if row.Peer != room || row.Name != []string{"coolcat", "annlee"}[i] {
			t.Errorf("%s of %s", row.Name, row.Peer)
		}
	}
	r.gets(alice, "coolcat: hi both", `annlee: (re you: "hello you two") me too`)
	bob.Edit(m.ID, "hi all")
	r.gets(alice, "coolcat: (edited) hi all")
	r.say(alice, room, "s/two/all")
	r.until("the correction", func() bool { return r.sent(thread)[1] == "hello you all" })

	stranger := r.d.AddUser("stranger")
	stranger.Join(g)
	thread.AddMember(stranger)
	stranger.Say(thread, "who are you?")
	r.restart() // and a gap: everything of a room comes
	sessions := r.d.Identifies()
	r.d.ForgetSessions()
	r.d.Drop()
	bob.Say(thread, "still here")
	r.until("another session", func() bool { return r.d.Identifies() > sessions && r.d.Connected() == 1 && r.hub.States()[0].Up })
	r.gets(alice, "coolcat: still here")

	r.webtv(ann, ann.DM(), "block", discordtest.Arg("name", "alice"))
	r.until("she is out", func() bool { return !strings.Contains(strings.Join(thread.Members(), " "), ann.ID) })
	r.say(alice, room, "anybody?")
	r.gets(alice, `#room-1@discord.com: (Not delivered: "anybody?": `+textLeft+`.)`)
	if _, ok, _ := r.hub.Gather(t.Context(), alice, both); ok {
		t.Error("one who has left is brought together")
	}
}

// TestGroupOfStrangers: where Discord lists no members, it is asked who is in the
// server before a room is made.
func TestGroupOfStrangers(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	r.friend("coolcat", g, alice)
	ann := r.friend("annlee", g, alice)
	r.home(g)
	for _, uid := range r.n.guilds.ids() {
		r.n.guilds.with(uid, func(x *guild) { clear(x.members) })
	}
	both := []id.Address{bobAddress, "annlee@discord.com"}
	room, ok, err := r.hub.Gather(t.Context(), alice, both)
	if !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	ann.Leave(g)
	r.say(alice, room, "one")
	r.gets(alice, string(room)+`: (Not delivered: "one": `+textNoRoom+`.)`)
	ann.Join(g)
	r.say(alice, room, "two")
	r.until("the thread", func() bool { return len(g.Threads()) == 1 && len(r.sent(g.Threads()[0])) == 2 })
}

func TestRoomOf(t *testing.T) {
	t.Parallel()
	for s, want := range map[id.Remote]int64{"#room-7": 7, "#room-07": 0, "#room-0": 0, "#room--1": 0, "#room-7.fans": 0, "room-7": 0, "#room-": 0} {
		if got := roomOf(s); got != want {
			t.Errorf("%s: %d", s, got)
		}
	}
}
