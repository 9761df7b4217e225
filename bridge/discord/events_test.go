package discord

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/discord/discordtest"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// seat is a box that is on.
type seat struct {
	typing chan id.Address
}

func newSeat() *seat { return &seat{typing: make(chan id.Address, 100)} }

func (s *seat) Waiting(id.Address)           {}
func (s *seat) Recheck(id.Address)           {}
func (s *seat) ListsChanged()                {}
func (s *seat) Typing(p id.Address, on bool) { s.typing <- p }
func (s *seat) End(bridge.EndReason)         {}
func (s *seat) Appearance(id.Address) bridge.Appearance {
	return bridge.Appearance{Name: "Alice", Presence: bridge.PresenceOnline, Callable: true}
}

// TestCheck12OwnMessages: what we wrote ourselves is nothing for a box, whoever
// remembers it; a person with the bot's name is relayed.
func TestCheck12OwnMessages(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	general, _ := r.bridged(g, "general")
	r.join(alice, "general.webtv-fans")
	r.join(carol, "general.webtv-fans")
	bob := r.d.AddUser("coolcat")
	bob.Join(g)
	bob.SetGlobalName("WebTV")
	n := len(r.sent(general))
	r.say(alice, "#general.webtv-fans@discord.com", "mine")
	r.until("the line", func() bool { return len(r.sent(general)) == n+1 })
	for _, table := range []string{"discord_out", "discord_lines", "discord_webhooks"} { // a lost database
		if err := r.n.exec(t.Context(), "lose", "DELETE FROM "+table); err != nil {
			t.Fatal(err)
		}
	}
	r.say(alice, "#general.webtv-fans@discord.com", "mine again")
	r.until("the line", func() bool { return len(r.sent(general)) == n+2 })
	if len(general.Webhooks()) != 1 {
		t.Errorf("%d webhooks", len(general.Webhooks()))
	}
	bob.Say(general, "I am a person")
	r.gets(alice, "WebTV: I am a person")
	r.gets(carol, "WebTV: I am a person")
}

// TestCheck13PrivateChannel: what not everyone may view cannot be added unless a
// moderator let the account in; unbridge ends it at once.
func TestCheck13PrivateChannel(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	mods := g.AddRole("mods", permManageWebhooks|permView)
	secret := g.AddChannel("secret", discordtest.Overwrite{ID: g.ID, Type: 0, Deny: permView},
		discordtest.Overwrite{ID: mods.ID, Type: 0, Allow: permView}, discordtest.Overwrite{ID: r.d.Bot().ID, Type: 1, Allow: permView})
	public := g.AddChannel("public")
	mod := r.d.AddUser("mod")
	mod.Join(g, mods)
	bob := r.d.AddUser("coolcat")
	bob.Join(g)
	r.until("the channel is known", func() bool { _, ok := r.n.guilds.channel(secret.ID); return ok })
	const peer = "#secret.webtv-fans@discord.com"
	i := mod.Command(secret, "webtv", discordtest.Sub("bridge", discordtest.Arg("allow", "carol")))
	r.until("bridged", func() bool { return r.finished(i) == "Boxes can now add `"+peer+"`." })
	r.add(alice, peer)
	r.gets(alice, peer+": (The invitation could not be sent: "+textNoChannel+".)")
	r.join(carol, "secret.webtv-fans")
	mod.Say(secret, "psst")
	r.gets(carol, "mod: psst")
	if got := r.inbox(alice); len(got) != 0 {
		t.Errorf("alice got %q", got)
	}
	if got := r.answer(bob.Command(public, "webtv", discordtest.Sub("unbridge"))); !strings.Contains(got, "moderators") {
		t.Errorf("a person without the permission: %q", got)
	}
	r.answer(mod.Command(secret, "webtv", discordtest.Sub("unbridge")))
	mod.Say(secret, "after")
	r.until("offline", func() bool { return r.hub.Appearance(carol, peer).Presence == "offline" })
	r.say(carol, peer, "hello?")
	r.gets(carol, peer+`: (Not delivered: "hello?": `+textNoChannel+`.)`)
}

// TestBots: other bots come only where a moderator wants them.
func TestBots(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	quiet, _ := r.bridged(g, "quiet")
	noisy, _ := r.bridged(g, "noisy", discordtest.Arg("bots", true))
	r.join(alice, "quiet.webtv-fans")
	r.join(alice, "noisy.webtv-fans")
	bot := r.d.AddBot("weather")
	bot.Join(g)
	bob := r.d.AddUser("coolcat")
	bob.Join(g)
	bot.Say(quiet, "rain")
	bob.Say(quiet, "hi")
	r.gets(alice, "coolcat: hi")
	bot.Say(noisy, "sun")
	r.gets(alice, "weather: sun")
}

// TestRoom: a pair moves into a private thread, where the box has its own name.
func TestRoom(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	home := g.AddChannel("webtv")
	mod := r.d.AddUser("mod")
	mod.Join(g, g.AddRole("mods", permManageChannels))
	bob := r.friend("coolcat", g, alice)
	i := bob.Command(home, "webtv", discordtest.Sub("room", discordtest.Arg("name", "alice")))
	r.until("no home", func() bool { return strings.Contains(r.finished(i), "no WebTV channel yet") })
	r.answer(mod.Command(home, "webtv", discordtest.Sub("home")))
	i = bob.Command(home, "webtv", discordtest.Sub("room", discordtest.Arg("name", "alice")))
	r.until("the room", func() bool { return strings.HasPrefix(r.finished(i), "Your room") })
	if len(g.Threads()) != 1 {
		t.Fatalf("%d threads", len(g.Threads()))
	}
	room := g.Threads()[0]
	r.say(alice, bobAddress, "cosy")
	r.until("the line", func() bool { return len(r.sent(room)) == 1 })
	if m := r.d.Sent(room)[0]; m.AuthorName != "Alice (WebTV)" || m.Content != "cosy" {
		t.Errorf("%+v", m)
	}
	bob.Say(room, "indeed")
	r.gets(alice, "coolcat: indeed")
	room.Delete()
	r.until("back to the DM", func() bool {
		p, ok, err := r.n.pairNamed(t.Context(), alice, "coolcat")
		return err == nil && ok && p.room == ""
	})
	n := len(r.sent(bob.DM()))
	r.say(alice, bobAddress, "here then")
	r.until("the line", func() bool { return len(r.sent(bob.DM())) == n+1 })
}

// TestCheck17Hostile: whatever comes, there is no panic and the next message
// arrives.
func TestCheck17Hostile(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	dm := bob.DM()
	for i, extra := range []map[string]any{
		{"components": []any{map[string]any{"type": 99, "x": 1}}},
		{"embeds": "none", "attachments": 7},
		{"author": nil}, {"author": "bob"}, {"id": 5}, {"id": ""}, {"channel_id": nil},
		{"type": "zero"}, {"flags": []any{}}, {"mentions": map[string]any{}}, {"timestamp": 5},
		{"referenced_message": map[string]any{"author": 5, "embeds": 1}, "type": 19},
		{"message_reference": "x"}, {"poll": 3}, {"sticker_items": []any{1}}, {"nonce": 12},
		{"content": strings.Repeat("x", 1<<20)},
	} {
		bob.Post(dm, discordtest.Post{Content: "odd", Extra: extra})
		bob.Say(dm, fmt.Sprintf("next %d", i))
		r.until("the next line", func() bool {
			all := r.inbox(alice)
			return len(all) > 0 && all[len(all)-1] == fmt.Sprintf("coolcat: next %d", i)
		})
	}
	r.d.Dispatch("SOMETHING_NEW", map[string]any{"a": 1})
	for _, e := range []string{"GUILD_CREATE", "PRESENCE_UPDATE", "TYPING_START", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_REACTION_ADD",
		"INTERACTION_CREATE", "GUILD_MEMBERS_CHUNK", "CHANNEL_DELETE", "GUILD_MEMBER_UPDATE", "THREAD_CREATE", "GUILD_ROLE_UPDATE"} {
		r.d.Dispatch(e, map[string]any{"id": 1, "guild_id": 5, "user": "x", "members": 3, "channel_id": []any{}})
		r.d.Dispatch(e, []any{1})
	}
	r.d.SendFrame([]byte("null")) // each of these ended the process
	r.d.SendFrame([]byte(`{"op":10,"d":{"heartbeat_interval":-1}}`))
	for _, guilds := range []any{[]any{nil}, []any{map[string]any{"id": g.ID, "channels": []any{nil}, "members": []any{nil}, "threads": []any{nil}}}, 5} {
		identifies := r.d.Identifies()
		r.d.RewriteNext("READY", func(d map[string]any) { d["guilds"] = guilds })
		r.d.ForgetSessions()
		r.d.Drop()
		r.until("another session", func() bool { return r.d.Identifies() > identifies && r.hub.States()[0].Up })
	}
	bob.Say(dm, "end")
	r.until("the end", func() bool { all := r.inbox(alice); return all[len(all)-1] == "coolcat: end" })
	if strings.Contains(r.log.String(), "panic") {
		t.Error("something panicked")
	}
}

func FuzzContent(f *testing.F) {
	f.Add([]byte(`{"id":"1","content":"hi","components":[{"type":99}],"referenced_message":null}`))
	f.Add([]byte(`{"embeds":3,"content":"kept","author":{"id":"5"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := content(raw)
		_ = text.FromDiscord(m, text.DiscordContext{})
		var h head
		if loose(raw, &h) {
			_, _, _ = h.time(), h.name(), h.nonce()
		}
	})
}

// TestContentKeepsWhatFits: one field of a wrong type costs that field alone.
func TestContentKeepsWhatFits(t *testing.T) {
	t.Parallel()
	m := content([]byte(`{"id":"1","type":19,"content":"kept","embeds":3,"author":{"id":"5","username":"bob"},"referenced_message":null}`))
	if m.Content != "kept" || m.Author.Username != "bob" || !m.Deleted || m.Embeds != nil {
		t.Errorf("%+v", m)
	}
}

// TestCheck19Events: edits, deletions, reactions, replies, forwards, files, polls
// and stickers.
func TestCheck19Events(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	dm := bob.DM()
	n := len(r.d.Sent(dm))
	r.say(alice, bobAddress, "shall we?")
	r.until("the line", func() bool { return len(r.d.Sent(dm)) == n+1 })
	mine := r.d.Sent(dm)[n]
	m := bob.Say(dm, "see you at 8")
	r.gets(alice, "coolcat: see you at 8")
	r.d.Unfurl(m.ID) // no edit
	bob.Edit(m.ID, "see you at 9")
	r.gets(alice, "coolcat: (edited) see you at 9")
	bob.Delete(m.ID)
	r.gets(alice, `coolcat: (deleted: "see you at 9")`)
	bob.React(mine.ID, "\U0001F44D")
	r.gets(alice, "coolcat: (coolcat reacted \U0001F44D to \"shall we?\")")
	bob.React(mine.ID, "\U0001F602")
	r.until("another reaction", func() bool { return len(r.inbox(alice)) == 1 })
	bob.Unreact(mine.ID, "\U0001F602") // taken back before a box has shown it
	r.until("nothing", func() bool { return len(r.inbox(alice)) == 0 })
	bob.Reply(mine.ID, "Yes!")
	r.gets(alice, `coolcat: (re you: "shall we?") Yes!`)
	f := bob.Say(dm, "**sale** today")
	r.gets(alice, "coolcat: sale today")
	bob.Post(dm, discordtest.Post{Forward: f.ID})
	r.gets(alice, "coolcat: (forwarded) sale today")
	bob.Post(dm, discordtest.Post{Content: "look", Attachments: []discordtest.Attachment{{Filename: "cat.jpg", ContentType: "image/jpeg", Data: []byte("x")}}})
	r.until("the picture", func() bool { return len(r.inbox(alice)) == 1 })
	if got := r.inbox(alice)[0]; !strings.HasPrefix(got, "coolcat: look\n[picture: cat.jpg http") {
		t.Errorf("got %q", got)
	}
	r.take(alice)
	bob.Post(dm, discordtest.Post{Stickers: []discordtest.Sticker{{ID: "1", Name: "Wave"}}})
	r.gets(alice, "coolcat: [sticker: Wave]")
	bob.Post(dm, discordtest.Post{Poll: map[string]any{"question": map[string]any{"text": "Tea?"}, "answers": []any{
		map[string]any{"poll_media": map[string]any{"text": "Yes"}}}}})
	r.gets(alice, "coolcat: [poll: Tea?]\n1. Yes")
	a, b := bob.Say(dm, "one"), bob.Say(dm, "two")
	r.gets(alice, "coolcat: one", "coolcat: two")
	r.d.BulkDelete(dm, a.ID, b.ID)
	r.gets(alice, `coolcat: (deleted: "one")`, `coolcat: (deleted: "two")`)
}

// TestCheck22Burst: strangers' presences and a burst of messages: nothing is lost,
// heartbeats are answered, memory stays.
func TestCheck22Burst(t *testing.T) {
	t.Parallel()
	r, g := newRig(t, func(o *rigOptions) {
		o.double.Heartbeat = 3 * time.Second // the double hangs up after two without a beat, the library after five without an ACK
		o.change = func(n *Options) { n.Pace.Silence = 30 * time.Second }
	})
	bob := r.friend("coolcat", g, alice)
	conns := r.d.Connections()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range burst {
		for range 10_000 / burst {
			r.d.Dispatch("PRESENCE_UPDATE", map[string]any{"user": map[string]any{"id": fmt.Sprint(900000 + i)}, "guild_id": g.ID, "status": "online"})
		}
		bob.Say(bob.DM(), fmt.Sprintf("line %d", i+1))
	}
	r.until("all", func() bool { return r.count(alice) >= burst })
	if got, want := r.inbox(alice), numbered("coolcat", 1, burst); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d lines; %s", len(got), difference(got, want))
	}
	if got := r.d.Connections(); got != conns {
		t.Errorf("%d more connections", got-conns)
	}
	if c, e := r.n.intake.waiting(); c > 1 || e > ring {
		t.Errorf("%d channels, %d events wait", c, e)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > before.HeapAlloc+64<<20 {
		t.Errorf("%d MB more", (after.HeapAlloc-before.HeapAlloc)>>20)
	}
}
