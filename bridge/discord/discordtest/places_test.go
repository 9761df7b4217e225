package discordtest

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/bwmarrin/discordgo"
)

// refused checks Discord's answer.
func refused(t *testing.T, what string, err error, status, want int) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: no error", what)
	}
	if s, got := code(t, err); s != status || got != want {
		t.Fatalf("%s: %d %d, want %d %d", what, s, got, status, want)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestPlaces(t *testing.T) {
	d := Start(t, Options{Limits: Loose(), NoPrivileged: true, MaxThreads: 2})
	g := d.AddGuild("WebTV Fans")
	mods := g.AddRole("mods", ManageWebhooks)
	general := g.AddChannel("general")
	hidden := g.AddChannel("hidden", Overwrite{ID: g.Everyone().ID, Deny: ViewChannel}, Overwrite{ID: g.BotRole().ID, Allow: ViewChannel})
	personal := g.AddChannel("personal", Overwrite{ID: g.ID, Deny: ViewChannel}, Overwrite{ID: d.Bot().ID, Type: 1, Allow: ViewChannel})
	g.AddChannelType("talk", GuildVoice)
	bob, ann, eve := d.AddUser("coolcat"), d.AddUser("coolann"), d.AddUser("eve")
	bob.Join(g, mods)
	ann.Join(g)
	ann.SetNick(g, "Annie")
	c := newClient(t, d, 0)

	app := must[*discordgo.Application](t)(c.Application("@me"))
	check(t, "flags", app.Flags, 0)
	d.SetIntents(MessageContent)
	check(t, "flags", must[*discordgo.Application](t)(c.Application("@me")).Flags, 1<<19)
	check(t, "guild", must[*discordgo.Guild](t)(c.Guild(g.ID)).Name, "WebTV Fans")
	check(t, "roles", len(must[[]*discordgo.Role](t)(c.GuildRoles(g.ID))), 3)
	check(t, "channels", len(must[[]*discordgo.Channel](t)(c.GuildChannels(g.ID))), 4)
	for _, ch := range []*Channel{general, hidden, personal} {
		check(t, "channel", must[*discordgo.Channel](t)(c.Channel(ch.ID)).Name, ch.Name())
	}
	found := must[[]*discordgo.Member](t)(c.GuildMembersSearch(g.ID, "COOL", 10))
	check(t, "search", len(found), 2)
	check(t, "by nick", must[[]*discordgo.Member](t)(c.GuildMembersSearch(g.ID, "annie", 10))[0].User.ID, ann.ID)
	_, err := c.GuildMembersSearch(g.ID, "", 10)
	refused(t, "no query", err, 400, 50035)
	_, err = c.GuildMembersSearch(g.ID, "x", 1001)
	refused(t, "limit", err, 400, 50035)
	check(t, "member", must[*discordgo.Member](t)(c.GuildMember(g.ID, bob.ID)).Roles[0], mods.ID)
	_, err = c.Guild("77")
	refused(t, "guild", err, 404, 10004)
	check(t, "violations", len(d.TakeViolations()), 2)

	// Threads: two are allowed here.
	th := must[*discordgo.Channel](t)(c.ThreadStart(general.ID, "one", discordgo.ChannelTypeGuildPrivateThread, 60))
	check(t, "kind", int(th.Type), PrivateThread)
	must[*discordgo.Channel](t)(c.ThreadStart(general.ID, "two", discordgo.ChannelTypeGuildPrivateThread, 60))
	_, err = c.ThreadStart(general.ID, "three", discordgo.ChannelTypeGuildPrivateThread, 60)
	refused(t, "too many", err, 400, 160006)
	check(t, "threads", len(g.Threads()), 2)
	check(t, "active", len(must[*discordgo.ThreadsList](t)(c.GuildThreadsActive(g.ID)).Threads), 2)
	if err := c.ThreadMemberAdd(th.ID, bob.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, "stranger", c.ThreadMemberAdd(th.ID, eve.ID), 404, 10007)
	refused(t, "no thread", c.ThreadMemberAdd(general.ID, bob.ID), 400, 50024)
	if err := c.ThreadMemberRemove(th.ID, bob.ID); err != nil {
		t.Fatal(err)
	}
	check(t, "members", fmt.Sprint(d.Channel(th.ID).Members()), fmt.Sprint([]string{d.Bot().ID}))
	yes := true
	check(t, "archived", must[*discordgo.Channel](t)(c.ChannelEdit(th.ID, &discordgo.ChannelEdit{Name: "uno", Archived: &yes})).ThreadMetadata.Archived, true)
	refused(t, "archived", c.ThreadMemberAdd(th.ID, bob.ID), 400, 50083)
	_, err = c.ChannelEdit(general.ID, &discordgo.ChannelEdit{Topic: "x"})
	refused(t, "edit", err, 403, 50013)
	for _, bad := range []*discordgo.ThreadStart{{Name: "", Type: 12}, {Name: "x", Type: 3}, {Name: "x", Type: 12, AutoArchiveDuration: 7}} {
		_, err = c.ThreadStartComplex(general.ID, bad)
		refused(t, fmt.Sprint(*bad), err, 400, 50035)
	}
	check(t, "violations", len(d.TakeViolations()), 4)
	d.Channel(th.ID).Delete()
	check(t, "gone", d.Channel(th.ID) == nil, true)

	// Webhooks as lists.
	w := must[*discordgo.Webhook](t)(c.WebhookCreate(general.ID, "wtvgate", ""))
	check(t, "of the channel", must[[]*discordgo.Webhook](t)(c.ChannelWebhooks(general.ID))[0].Token, w.Token)
	check(t, "of the guild", len(must[[]*discordgo.Webhook](t)(c.GuildWebhooks(g.ID))), 1)
	check(t, "handle", general.Webhooks()[0], Webhook{w.ID, w.Token, "wtvgate", general.ID, d.ApplicationID()})
	if err := c.WebhookDelete(w.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, "twice", c.WebhookDelete(w.ID), 404, 10015)
	g.BotRole().SetPermissions(0)
	_, err = c.ChannelWebhooks(general.ID)
	refused(t, "no right", err, 403, 50013)
	check(t, "who may", d.guild(g.ID).permissions(bob.ID, nil)&ManageWebhooks != 0, true)
	check(t, "who may not", d.guild(g.ID).permissions(ann.ID, nil)&ManageWebhooks, 0)
}

func TestReactionsTypingAndStatus(t *testing.T) {
	d := Start(t, Options{})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob, robot := d.AddUser("coolcat"), d.AddBot("robot")
	bob.Join(g)
	robot.Join(g)
	check(t, "DM", bob.HasDM(), false)
	c := newClient(t, d, everything)
	c.connect(t, 1)
	m := robot.Say(general, "beep")
	check(t, "bot", c.next(t, "MESSAGE_CREATE")["author"].(obj)["bot"], any(true))
	for _, emoji := range []string{"📺", "mmLol:216154654256398347"} {
		if err := c.MessageReactionAdd(general.ID, m.ID, emoji); err != nil {
			t.Fatal(err)
		}
		c.next(t, "MESSAGE_REACTION_ADD")
		got := must[*discordgo.Message](t)(c.ChannelMessage(general.ID, m.ID))
		check(t, emoji, fmt.Sprint(got.Reactions[0].Emoji.APIName(), got.Reactions[0].Count, got.Reactions[0].Me), emoji+"1 true")
		if err := c.MessageReactionRemove(general.ID, m.ID, emoji, "@me"); err != nil {
			t.Fatal(err)
		}
		c.next(t, "MESSAGE_REACTION_REMOVE")
	}
	refused(t, "no emoji", c.MessageReactionAdd(general.ID, m.ID, "word"), 400, 10014)
	check(t, "violations", len(d.TakeViolations()), 1)
	if err := c.ChannelTyping(general.ID); err != nil {
		t.Fatal(err)
	}
	check(t, "typing", c.next(t, "TYPING_START")["user_id"], any(d.Bot().ID))
	check(t, "requests", len(d.Requests("POST /channels/{channel}/typing")), 1)

	bob.Status("online")
	c.next(t, "PRESENCE_UPDATE")
	bob.StatusText("on holiday")
	a := c.next(t, "PRESENCE_UPDATE")["activities"].([]any)[0].(obj)
	check(t, "status", fmt.Sprint(a["type"], a["state"]), "4on holiday")
	check(t, "name", bob.Username(), "coolcat")
	if err := c.UpdateCustomStatus("3 on TV"); err != nil {
		t.Fatal(err)
	}
	until(t, d, "status", func() bool { return d.BotStatus() != nil })
	check(t, "own status", d.BotStatus()["activities"].([]any)[0].(obj)["state"], any("3 on TV"))

	d.SetIdentifiesLeft(49)
	check(t, "left", must[*discordgo.GatewayBotResponse](t)(c.GatewayBot()).SessionStartLimit.Remaining, 49)
	d.SetToken("T1")
	_, err := c.User("@me")
	refused(t, "old token", err, 401, 0)
	c.Token = "Bot T1"
	check(t, "new token", must[*discordgo.User](t)(c.User("@me")).ID, d.Bot().ID)
}

func TestCommandOptions(t *testing.T) {
	d := Start(t, Options{Limits: Loose()})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob := d.AddUser("coolcat")
	bob.Join(g)
	c := newClient(t, d, everything)
	c.connect(t, 1)
	put := func(cmds ...*discordgo.ApplicationCommand) error {
		_, err := c.ApplicationCommandBulkOverwrite(d.ApplicationID(), "", cmds)
		return err
	}
	if err := put(&discordgo.ApplicationCommand{Name: "webtv", Description: "boxes"}); err != nil {
		t.Fatal(err)
	}
	check(t, "registered", d.Commands()[0]["name"], any("webtv"))
	check(t, "listed", len(must[[]*discordgo.ApplicationCommand](t)(c.ApplicationCommands(d.ApplicationID(), ""))), 1)
	option := func(required bool) *discordgo.ApplicationCommandOption {
		return &discordgo.ApplicationCommandOption{Name: fmt.Sprint(required), Description: "x", Type: 3, Required: required}
	}
	for what, bad := range map[string]*discordgo.ApplicationCommand{
		"name": {Name: "Upper", Description: "x"}, "text": {Name: "x"},
		"order": {Name: "x", Description: "x", Options: []*discordgo.ApplicationCommandOption{option(false), option(true)}},
		"many":  {Name: "x", Description: "x", Options: make([]*discordgo.ApplicationCommandOption, 26)},
	} {
		refused(t, what, put(bad), 400, 50035)
	}
	_, err := c.ApplicationCommandBulkOverwrite("77", "", []*discordgo.ApplicationCommand{})
	refused(t, "application", err, 403, 20012)
	check(t, "violations", len(d.TakeViolations()), 5)

	in := bob.Command(general, "webtv", Arg("n", 5), Arg("b", true), Arg("f", 1.5), Arg("who", bob), Arg("where", general))
	data := c.next(t, "INTERACTION_CREATE")["data"].(obj)
	check(t, "options", fmt.Sprint(data["options"]), fmt.Sprintf("[map[name:n type:4 value:5] map[name:b type:5 value:true] map[name:f type:10 value:1.5] map[name:who type:6 value:%s] map[name:where type:7 value:%s]]", bob.ID, general.ID))
	check(t, "resolved", data["resolved"].(obj)["users"].(obj)[bob.ID].(obj)["username"], any("coolcat"))
	check(t, "answered", in.Answered(), 0)
	i := &discordgo.Interaction{ID: in.ID, Token: in.Token, AppID: d.ApplicationID()}
	_, err = c.InteractionResponse(i)
	refused(t, "not answered yet", err, 404, 10015)
	if err := c.InteractionRespond(i, &discordgo.InteractionResponse{Type: 4, Data: &discordgo.InteractionResponseData{Content: "hi", AllowedMentions: noPings}}); err != nil {
		t.Fatal(err)
	}
	m := c.next(t, "MESSAGE_CREATE")
	check(t, "type", m["type"], any(20.0))
	check(t, "of", m["interaction_metadata"].(obj)["user"].(obj)["id"], any(bob.ID))
	check(t, "original", must[*discordgo.Message](t)(c.InteractionResponse(i)).Content, "hi")
	if err := c.InteractionResponseDelete(i); err != nil {
		t.Fatal(err)
	}
	c.next(t, "MESSAGE_DELETE")
	_, err = c.InteractionResponse(i)
	refused(t, "deleted", err, 404, 10008)
}

// Paths are matched with their parts unescaped, and @me before an id.
func TestMatch(t *testing.T) {
	table := routes()
	for path, want := range map[string]string{
		"GET /users/@me": "GET /users/@me", "GET /users/5": "GET /users/{user}", "GET /users/": "", "PUT /users/5": "",
		"PUT /channels/1/messages/2/reactions/" + url.PathEscape("📺") + "/@me": "PUT /channels/{channel}/messages/{message}/reactions/{emoji}/@me",
		"POST /webhooks/1/a%2Fb": "POST /webhooks/{webhook}/{token}",
	} {
		method, p := path[:3], path[4:]
		if path[:4] == "POST" {
			method, p = "POST", path[5:]
		}
		rt, param := match(table, method, p)
		name := ""
		if rt != nil {
			name = rt.name
		}
		check(t, path, name, want)
		if e, ok := param["emoji"]; ok {
			check(t, "emoji", e, "📺")
		}
		if e, ok := param["token"]; ok {
			check(t, "token", e, "a/b")
		}
	}
}
