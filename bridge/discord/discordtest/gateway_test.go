package discordtest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"
)

func TestIdentify(t *testing.T) {
	for _, compress := range []bool{true, false} {
		t.Run(fmt.Sprintf("compress %v", compress), func(t *testing.T) {
			t.Parallel()
			d := Start(t, Options{Heartbeat: 250 * time.Millisecond})
			g := d.AddGuild("WebTV Fans")
			general := g.AddChannel("general")
			bob := d.AddUser("coolcat")
			bob.SetGlobalName("Bob")
			bob.Join(g)
			bob.Status("idle")
			c := newClient(t, d, everything)
			c.Compress = compress
			if err := c.Open(); err != nil {
				t.Fatal(err)
			}
			ready := c.next(t, "READY")
			check(t, "user", ready["user"].(obj)["id"], any(d.Bot().ID))
			check(t, "flags", ready["application"].(obj)["flags"], any(565248.0))
			create := c.next(t, "GUILD_CREATE")
			check(t, "guild", create["name"], any("WebTV Fans"))
			check(t, "members", len(create["members"].([]any)), 3)
			check(t, "channel", create["channels"].([]any)[0].(obj)["id"], any(general.ID))
			p := create["presences"].([]any)
			check(t, "presences", len(p), 1)
			check(t, "status", p[0].(obj)["status"], any("idle"))
			until(t, d, "heartbeats", func() bool { return d.Heartbeats() >= 3 })
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			until(t, d, "end", func() bool { return d.Open() == 0 })
			check(t, "closes", fmt.Sprint(d.Closes()), "[1000]")
			check(t, "identifies", d.Identifies(), 1)
		})
	}
}

// A session whose connection broke gets what it missed, in order, then RESUMED.
// discordgo leaves with a close frame of 1000, which ends a session, so the tests
// break the line under it first.
func TestResume(t *testing.T) {
	t.Parallel()
	d := Start(t, Options{})
	bob := d.AddUser("coolcat")
	bob.Join(d.AddGuild("WebTV Fans"))
	c := newClient(t, d, everything)
	c.connect(t, 1)
	bob.Say(bob.DM(), "one")
	c.next(t, "MESSAGE_CREATE")
	d.Drop()
	until(t, d, "drop", func() bool { return d.Open() == 0 })
	for _, text := range []string{"two", "three", "four"} {
		bob.Say(bob.DM(), text)
	}
	reopen(t, c)
	for _, text := range []string{"two", "three", "four"} {
		check(t, "text", c.next(t, "MESSAGE_CREATE")["content"], any(text))
	}
	c.next(t, "RESUMED")
	check(t, "resumes", d.Resumes(), 1)

	d.ForgetSessions()
	d.Drop()
	until(t, d, "drop", func() bool { return d.Open() == 0 })
	bob.Say(bob.DM(), "lost")
	reopen(t, c)
	c.next(t, "READY")
	c.next(t, "GUILD_CREATE")
	c.quiet(t, d)
	check(t, "resumes", d.Resumes(), 1)
	check(t, "identifies", d.Identifies(), 2)
}

// reopen opens a session again once discordgo has noticed that it broke, which it
// says only by letting itself be opened.
func reopen(t *testing.T, c *client) {
	t.Helper()
	ctx := wait(t)
	for ctx.Err() == nil {
		if err := c.Open(); err == nil {
			return
		} else if err != discordgo.ErrWSAlreadyOpen {
			t.Fatal(err)
		}
	}
	t.Fatal("discordgo stays open")
}

func TestOp9AndOp7(t *testing.T) {
	d := Start(t, Options{})
	c := newClient(t, d, everything)
	c.connect(t, 0)
	d.InvalidSession(false)
	c.next(t, "READY") // discordgo identifies at once on the same socket
	check(t, "identifies", d.Identifies(), 2)
	check(t, "connections", d.Connections(), 1)
	d.Op7()
	until(t, d, "leaving", func() bool { return len(d.Closes()) == 1 })
	check(t, "close", d.Closes()[0], websocket.CloseServiceRestart)
}

// The content intent really withholds, except in DMs, in what mentions the bot
// and in replies to it.
func TestIntents(t *testing.T) {
	d := Start(t, Options{Intents: GuildMembers | GuildPresences})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob := d.AddUser("coolcat")
	bob.Join(g)
	c := newClient(t, d, everything&^(MessageContent|GuildPresences))
	c.connect(t, 1)
	bob.Status("online") // not asked for
	m := bob.Post(general, Post{Content: "secret", Attachments: []Attachment{{Filename: "a.png", Data: []byte("x")}}})
	e := c.next(t, "MESSAGE_CREATE")
	check(t, "content", e["content"], any(""))
	check(t, "attachments", len(e["attachments"].([]any)), 0)
	bob.Say(general, "hi <@"+d.Bot().ID+">")
	check(t, "mention", c.next(t, "MESSAGE_CREATE")["content"], any("hi <@"+d.Bot().ID+">"))
	bob.Say(bob.DM(), "private")
	check(t, "DM", c.next(t, "MESSAGE_CREATE")["content"], any("private"))
	got, err := c.ChannelMessage(general.ID, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "by REST", got.Content, "")

	c = newClient(t, d, everything)
	check(t, "refused", websocket.IsCloseError(c.Open(), closeIntentDisabled), true)
}

func TestMembersByOp8(t *testing.T) {
	d := Start(t, Options{})
	g := d.AddGuild("WebTV Fans")
	bob, ann := d.AddUser("coolcat"), d.AddUser("coolann")
	bob.Join(g)
	ann.Join(g)
	ann.Status("dnd")
	c := newClient(t, d, everything)
	c.connect(t, 1)
	if err := c.RequestGuildMembers(g.ID, "cool", 10, "n1", true); err != nil {
		t.Fatal(err)
	}
	e := c.next(t, "GUILD_MEMBERS_CHUNK")
	check(t, "members", len(e["members"].([]any)), 2)
	check(t, "presences", e["presences"].([]any)[0].(obj)["status"], any("dnd"))
	check(t, "nonce", e["nonce"], any("n1"))
	if err := c.RequestGuildMembersList(g.ID, []string{bob.ID, "77"}, 0, "", false); err != nil {
		t.Fatal(err)
	}
	e = c.next(t, "GUILD_MEMBERS_CHUNK")
	check(t, "members", len(e["members"].([]any)), 1)
	check(t, "missing", fmt.Sprint(e["not_found"]), "[77]")
	for range 2 {
		if err := c.RequestGuildMembers(g.ID, "", 0, "", false); err != nil {
			t.Fatal(err)
		}
	}
	check(t, "all", len(c.next(t, "GUILD_MEMBERS_CHUNK")["members"].([]any)), 4)
	check(t, "limited", c.next(t, "RATE_LIMITED")["opcode"], any(8.0))
}

// The events that a test spoils: lost ones come with a resume only.
func TestSpoiltEvents(t *testing.T) {
	t.Parallel()
	d := Start(t, Options{})
	bob := d.AddUser("coolcat")
	bob.Join(d.AddGuild("WebTV Fans"))
	c := newClient(t, d, everything)
	c.connect(t, 1)
	say := func(texts ...string) {
		for _, s := range texts {
			bob.Say(bob.DM(), s)
		}
	}
	hear := func(texts ...string) {
		t.Helper()
		for _, s := range texts {
			check(t, "text", c.next(t, "MESSAGE_CREATE")["content"], any(s))
		}
	}
	d.RepeatNext("MESSAGE_CREATE", 1)
	say("a")
	hear("a", "a")
	d.ReorderNext("MESSAGE_CREATE")
	say("b", "c")
	hear("c", "b")
	d.RewriteNext("MESSAGE_CREATE", func(o map[string]any) { o["content"] = []int{1}; delete(o, "author") })
	say("d")
	e := c.next(t, "MESSAGE_CREATE")
	check(t, "rewritten", fmt.Sprint(e["content"], e["author"]), "[1] <nil>")
	release := d.Hold()
	say("e")
	d.SendFrame(obj{"op": 0, "t": "INVENTED", "s": 99, "d": obj{"x": 1}})
	c.next(t, "INVENTED")
	release()
	release()
	hear("e")
	d.LoseNext("MESSAGE_CREATE", 1)
	say("f", "g")
	hear("g")
	d.Mute(true)
	say("h")
	d.Drop()
	until(t, d, "drop", func() bool { return d.Open() == 0 })
	reopen(t, c)
	hear("h")
	c.next(t, "RESUMED")
}

// What the world tells: members, channels, threads, reactions, guilds.
func TestEvents(t *testing.T) {
	d := Start(t, Options{})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob := d.AddUser("coolcat")
	bob.Join(g)
	c := newClient(t, d, everything)
	c.connect(t, 1)
	m := bob.Say(general, "hi")
	c.next(t, "MESSAGE_CREATE")
	ann := d.AddUser("ann")
	var other *Guild
	var room, thread *Channel
	steps := []struct {
		do   func()
		want []string
	}{
		{func() { bob.Edit(m.ID, "hi!") }, []string{"MESSAGE_UPDATE"}},
		{func() { d.Unfurl(m.ID) }, []string{"MESSAGE_UPDATE"}},
		{func() { bob.React(m.ID, "👍") }, []string{"MESSAGE_REACTION_ADD"}},
		{func() { bob.Unreact(m.ID, "👍") }, []string{"MESSAGE_REACTION_REMOVE"}},
		{func() { bob.Type(general) }, []string{"TYPING_START"}},
		{func() { bob.Status("dnd") }, []string{"PRESENCE_UPDATE"}},
		{func() { bob.Rename("kitten") }, []string{"GUILD_MEMBER_UPDATE", "PRESENCE_UPDATE"}},
		{func() { bob.SetNick(g, "Bobby") }, []string{"GUILD_MEMBER_UPDATE"}},
		{func() { general.Rename("main") }, []string{"CHANNEL_UPDATE"}},
		{func() { general.AddWebhook("other") }, []string{"WEBHOOKS_UPDATE"}},
		{func() { bob.Delete(m.ID) }, []string{"MESSAGE_DELETE"}},
		{func() { bob.Leave(g) }, []string{"GUILD_MEMBER_REMOVE"}},
		{func() { general.SetOverwrites(Overwrite{ID: g.ID, Deny: ViewChannel}) }, []string{"CHANNEL_DELETE"}},
		{func() { g.BotRole().SetPermissions(0) }, []string{"GUILD_ROLE_UPDATE"}},
		{func() { general.Rename("hidden") }, nil},
		{func() { g.Rename("WebTV") }, []string{"GUILD_UPDATE"}},
		{func() { g.Outage(true) }, []string{"GUILD_DELETE"}},
		{func() { g.Outage(false) }, []string{"GUILD_CREATE"}},
		{func() { g.KickBot() }, []string{"GUILD_DELETE"}},
		{func() { g.InviteBot() }, []string{"GUILD_CREATE"}},
		{func() { d.AddGuild("second") }, []string{"GUILD_CREATE"}},
		{func() { d.AddGuild("third").AddChannel("a").Delete() }, []string{"GUILD_CREATE", "CHANNEL_CREATE", "CHANNEL_DELETE"}},
		{func() { other = d.AddGuild("fourth"); room = other.AddChannel("a"); ann.Join(other) }, []string{"GUILD_CREATE", "CHANNEL_CREATE", "GUILD_MEMBER_ADD"}},
		{func() { thread = ann.StartThread(room, "trip") }, []string{"THREAD_CREATE", "MESSAGE_CREATE"}},
		{func() { ann.Say(thread, "x"); thread.AddMember(d.Bot()) }, []string{"MESSAGE_CREATE", "THREAD_MEMBERS_UPDATE"}},
		{func() { thread.RemoveMember(d.Bot()); thread.Delete() }, []string{"THREAD_MEMBERS_UPDATE", "THREAD_DELETE"}},
		{func() { other.Owner().Say(room, "x") }, []string{"MESSAGE_CREATE"}},
	}
	for i, s := range steps {
		s.do()
		for _, want := range s.want {
			c.next(t, want)
		}
		c.quiet(t, d)
		if t.Failed() {
			t.Fatalf("at step %d", i)
		}
	}
}

func TestSessionLimit(t *testing.T) {
	d := Start(t, Options{Identifies: 2})
	for range 2 {
		c := newClient(t, d, everything)
		c.connect(t, 0)
		d.Drop()
	}
	gw, err := newClient(t, d, everything).GatewayBot()
	if err != nil {
		t.Fatal(err)
	}
	check(t, "remaining", gw.SessionStartLimit.Remaining, 0)
	c := newClient(t, d, everything)
	check(t, "over", websocket.IsCloseError(c.Open(), closeToken), true)
	_, err = c.User("@me")
	status, _ := code(t, err)
	check(t, "the token is gone", status, 401)
	check(t, "violations", len(d.TakeViolations()), 1)
}

func TestInvalidateToken(t *testing.T) {
	d := Start(t, Options{})
	c := newClient(t, d, everything)
	c.connect(t, 0)
	d.InvalidateToken()
	until(t, d, "end", func() bool { return d.Open() == 0 })
	_, err := c.User("@me")
	status, _ := code(t, err)
	check(t, "status", status, 401)
	check(t, "sessions", d.Connected(), 0)
}

func TestCloseEndsEverything(t *testing.T) {
	d := New(Options{Heartbeat: 10 * time.Millisecond})
	var clients []*client
	for range 5 {
		c := newClient(t, d, everything)
		c.connect(t, 0)
		clients = append(clients, c)
	}
	d.Close()
	d.Close()
	check(t, "connections", len(d.gw.conns), 0)
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, f := range []string{").reader(", ").writer(", ").serveAPI("} {
		check(t, "goroutines in "+f, strings.Count(string(stacks), "discordtest."+"(*conn"+f)+strings.Count(string(stacks), "discordtest.(*Server"+f), 0)
	}
	if slices.ContainsFunc(clients, func(c *client) bool { _, err := c.Gateway(); return err == nil }) {
		t.Error("it answers after Close")
	}
}
