package discordtest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
)

var noPings = &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}}

func TestWebhooks(t *testing.T) {
	d := Start(t, Options{Limits: Loose()})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob := d.AddUser("coolcat")
	bob.Join(g)
	c := newClient(t, d, everything)
	c.connect(t, 1)
	w, err := c.WebhookCreate(general.ID, "wtvgate", "")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "application", w.ApplicationID, d.ApplicationID())
	c.next(t, "WEBHOOKS_UPDATE")
	m, err := c.WebhookExecute(w.ID, w.Token, true, &discordgo.WebhookParams{Content: "hi @everyone <@" + bob.ID + ">", Username: "Alice (WebTV)", AllowedMentions: noPings})
	if err != nil {
		t.Fatal(err)
	}
	e := c.next(t, "MESSAGE_CREATE")
	check(t, "name", e["author"].(obj)["username"], any("Alice (WebTV)"))
	check(t, "webhook", e["webhook_id"], any(w.ID))
	check(t, "application", e["application_id"], any(d.ApplicationID()))
	check(t, "pings", len(d.Sent(general)[0].Pings), 0)
	text := "hi!"
	if _, err := c.WebhookMessageEdit(w.ID, w.Token, m.ID, &discordgo.WebhookEdit{Content: &text, AllowedMentions: noPings}); err != nil {
		t.Fatal(err)
	}
	c.next(t, "MESSAGE_UPDATE")
	if err := c.WebhookMessageDelete(w.ID, w.Token, m.ID); err != nil {
		t.Fatal(err)
	}
	c.next(t, "MESSAGE_DELETE")

	// A private thread of the channel, archived: a post wakes it.
	th, err := c.ThreadStartComplex(general.ID, &discordgo.ThreadStart{Name: "Alice and Bob", Type: discordgo.ChannelTypeGuildPrivateThread, AutoArchiveDuration: 10080})
	if err != nil {
		t.Fatal(err)
	}
	c.next(t, "THREAD_CREATE")
	if err := c.ThreadMemberAdd(th.ID, bob.ID); err != nil {
		t.Fatal(err)
	}
	c.next(t, "THREAD_MEMBERS_UPDATE")
	thread := d.Channel(th.ID)
	check(t, "members", fmt.Sprint(thread.Members()), fmt.Sprint([]string{d.Bot().ID, bob.ID}))
	thread.Archive()
	c.next(t, "THREAD_UPDATE")
	_, err = c.send(th.ID, "x", "")
	if status, got := code(t, err); status != 400 || got != 50083 {
		t.Errorf("archived: %d %d", status, got)
	}
	if _, err := c.WebhookThreadExecute(w.ID, w.Token, true, th.ID, &discordgo.WebhookParams{Content: "hello", AllowedMentions: noPings}); err != nil {
		t.Fatal(err)
	}
	c.next(t, "THREAD_UPDATE")
	check(t, "in the thread", c.next(t, "MESSAGE_CREATE")["channel_id"], any(th.ID))
	bob.Say(thread, "yes")
	check(t, "said", c.next(t, "MESSAGE_CREATE")["content"], any("yes"))

	// Out of a private thread the bot hears nothing, until somebody brings it back.
	thread.RemoveMember(d.Bot())
	c.next(t, "THREAD_MEMBERS_UPDATE")
	bob.Say(thread, "are you there?")
	c.quiet(t, d)
	_, err = c.send(th.ID, "x", "")
	refused(t, "outside", err, 403, 50001)
	thread.AddMember(d.Bot())
	c.next(t, "THREAD_CREATE")
	c.next(t, "THREAD_MEMBERS_UPDATE")

	foreign := general.AddWebhook("other")
	c.next(t, "WEBHOOKS_UPDATE")
	general.PostAs(foreign, "WebTV", "spam")
	check(t, "application", c.next(t, "MESSAGE_CREATE")["application_id"], nil)
	check(t, "ours", len(d.Sent(general)), 0)

	_, err = c.WebhookExecute(w.ID, "wrong", true, &discordgo.WebhookParams{Content: "x", AllowedMentions: noPings})
	if status, got := code(t, err); status != 401 || got != 50027 {
		t.Errorf("token: %d %d", status, got)
	}
	general.DeleteWebhooks()
	_, err = c.WebhookExecute(w.ID, w.Token, true, &discordgo.WebhookParams{Content: "x", AllowedMentions: noPings})
	if status, got := code(t, err); status != 404 || got != 10015 {
		t.Errorf("deleted: %d %d", status, got)
	}
	check(t, "violations", len(d.Violations()), 0)
	for range 15 {
		general.AddWebhook("x")
	}
	_, err = c.WebhookCreate(general.ID, "wtvgate", "")
	if status, got := code(t, err); status != 400 || got != 30007 {
		t.Errorf("full: %d %d", status, got)
	}
	for _, name := range []string{"Discord Dave", "CLYDE", "", strings.Repeat("x", 81)} {
		_, err = c.WebhookCreate(general.ID, name, "")
		if status, got := code(t, err); status != 400 || got != 50035 {
			t.Errorf("%q: %d %d", name, status, got)
		}
	}
	check(t, "violations", len(d.TakeViolations()), 4)
}

var webtvCommand = []*discordgo.ApplicationCommand{{Name: "webtv", Description: "boxes", Options: []*discordgo.ApplicationCommandOption{
	{Type: discordgo.ApplicationCommandOptionSubCommand, Name: "add", Description: "a box", Options: []*discordgo.ApplicationCommandOption{
		{Type: discordgo.ApplicationCommandOptionString, Name: "name", Description: "its name", Required: true}}}}}}

func TestInteractions(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixNano())
	d := Start(t, Options{Now: func() time.Time { return time.Unix(0, now.Load()) }, Limits: Loose()})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob := d.AddUser("coolcat")
	bob.Join(g)
	c := newClient(t, d, everything)
	c.connect(t, 1)
	cmds, err := c.ApplicationCommandBulkOverwrite(d.ApplicationID(), "", webtvCommand)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.ApplicationCommandBulkOverwrite(d.ApplicationID(), "", webtvCommand)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "id", again[0].ID, cmds[0].ID)

	use := func(ch *Channel) (*Interaction, *discordgo.Interaction) {
		t.Helper()
		in := bob.Command(ch, "webtv", Sub("add", Arg("name", "alice")))
		e := c.next(t, "INTERACTION_CREATE")
		data := e["data"].(obj)
		check(t, "command", data["id"], any(cmds[0].ID))
		check(t, "options", fmt.Sprint(data["options"]), "[map[name:add options:[map[name:name type:3 value:alice]] type:1]]")
		if ch.GuildID == "" {
			check(t, "user", e["user"].(obj)["id"], any(bob.ID))
		} else {
			check(t, "member", e["member"].(obj)["user"].(obj)["id"], any(bob.ID))
		}
		return in, &discordgo.Interaction{ID: in.ID, Token: in.Token, AppID: d.ApplicationID()}
	}
	button := []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.Button{Label: "Accept", CustomID: "accept:1"}}}}
	answer := func(i *discordgo.Interaction, kind discordgo.InteractionResponseType, text string, flags discordgo.MessageFlags, comps []discordgo.MessageComponent) error {
		return c.InteractionRespond(i, &discordgo.InteractionResponse{Type: kind, Data: &discordgo.InteractionResponseData{Content: text, Flags: flags, AllowedMentions: noPings, Components: comps}})
	}

	in, di := use(general)
	if err := answer(di, 4, "added", 64, button); err != nil {
		t.Fatal(err)
	}
	a, err := in.Wait(wait(t))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "answer", fmt.Sprint(a.Type, a.Content, a.Flags), "4added64")
	c.quiet(t, d) // ephemeral: no event
	_, got := code(t, answer(di, 4, "added", 64, nil))
	check(t, "twice", got, 40060)
	check(t, "violations", len(d.TakeViolations()), 1)

	press := bob.Press(a.Message.ID, "accept:1")
	e := c.next(t, "INTERACTION_CREATE")
	check(t, "pressed", e["data"].(obj)["custom_id"], any("accept:1"))
	check(t, "on", e["message"].(obj)["id"], any(a.Message.ID))
	if err := answer(&discordgo.Interaction{ID: press.ID, Token: press.Token}, 7, "yes", 0, []discordgo.MessageComponent{}); err != nil {
		t.Fatal(err)
	}
	a, err = press.Wait(wait(t))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "updated", fmt.Sprint(a.Type, a.Content, len(a.Message.Components)), "7yes0")

	in, di = use(bob.DM())
	if err := answer(di, 5, "", 0, nil); err != nil {
		t.Fatal(err)
	}
	check(t, "loading", c.next(t, "MESSAGE_CREATE")["flags"], any(128.0))
	text := "done"
	if _, err := c.InteractionResponseEdit(di, &discordgo.WebhookEdit{Content: &text, AllowedMentions: noPings}); err != nil {
		t.Fatal(err)
	}
	c.next(t, "MESSAGE_UPDATE")
	if _, err := c.FollowupMessageCreate(di, true, &discordgo.WebhookParams{Content: "more", AllowedMentions: noPings}); err != nil {
		t.Fatal(err)
	}
	a, err = in.Wait(wait(t))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "deferred", a.Content, "done")
	check(t, "follow-ups", in.Followups()[0].Content, "more")
	c.next(t, "MESSAGE_CREATE")

	_, di = use(general)
	now.Add(int64(answerWithin) + 1)
	_, got = code(t, answer(di, 4, "late", 64, nil))
	check(t, "late", got, 10062)

	bob.Command(general, "other")
	check(t, "not registered", len(d.TakeViolations()), 1)
}

func TestPosts(t *testing.T) {
	d := Start(t, Options{})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob, ann := d.AddUser("coolcat"), d.AddUser("ann")
	bob.Join(g)
	ann.Join(g)
	c := newClient(t, d, everything)
	c.connect(t, 1)
	first := ann.Say(general, "see you at 8")
	c.next(t, "MESSAGE_CREATE")
	bob.Reply(first.ID, "Yes!")
	e := c.next(t, "MESSAGE_CREATE")
	check(t, "type", e["type"], any(19.0))
	check(t, "to", e["referenced_message"].(obj)["content"], any("see you at 8"))
	check(t, "pings", e["mentions"].([]any)[0].(obj)["id"], any(ann.ID))
	bob.Post(general, Post{Forward: first.ID})
	e = c.next(t, "MESSAGE_CREATE")
	check(t, "forwarded", e["message_snapshots"].([]any)[0].(obj)["message"].(obj)["content"], any("see you at 8"))
	ann.Delete(first.ID)
	c.next(t, "MESSAGE_DELETE")
	bob.Post(general, Post{Content: "what?", ReplyTo: first.ID, Stickers: []Sticker{{ID: "5", Name: "Wave", Format: 1}},
		Poll: map[string]any{"question": map[string]any{"text": "Tea?"}}, Extra: map[string]any{"flags": "odd", "components": []any{map[string]any{"type": 99}}}})
	e = c.next(t, "MESSAGE_CREATE")
	check(t, "deleted", e["referenced_message"], nil)
	check(t, "sticker", e["sticker_items"].([]any)[0].(obj)["name"], any("Wave"))
	check(t, "any shape", e["flags"], any("odd"))
	d.BulkDelete(general, e["id"].(string))
	c.next(t, "MESSAGE_DELETE_BULK")
	check(t, "left", len(d.Messages(general)), 2)
}

// A test that asks for what cannot be done is told so.
func TestMistakesPanic(t *testing.T) {
	d := Start(t, Options{})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob, eve := d.AddUser("coolcat"), d.AddUser("eve")
	bob.Join(g)
	m := bob.Say(general, "hi")
	for name, do := range map[string]func(){
		"say": func() { eve.Say(general, "x") }, "dm": func() { eve.Say(bob.DM(), "x") },
		"press": func() { bob.Press(m.ID, "x") }, "edit": func() { eve.Edit(m.ID, "x") }, "unknown": func() { bob.Reply("1", "x") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			do()
		}()
	}
	check(t, "messages", len(d.Messages(general)), 1) // and the lock is free
}

// fakeTB takes what Start reports.
type fakeTB struct {
	cleanup []func()
	errors  []string
}

func (f *fakeTB) Helper()                   {}
func (f *fakeTB) Cleanup(do func())         { f.cleanup = append(f.cleanup, do) }
func (f *fakeTB) Errorf(s string, a ...any) { f.errors = append(f.errors, fmt.Sprintf(s, a...)) }

func TestStartReports(t *testing.T) {
	tb := &fakeTB{}
	d := Start(tb, Options{})
	c := newClient(t, d, everything)
	if _, err := c.ChannelMessageSend("77", "x"); err == nil {
		t.Error("no error")
	}
	c.Token = ""
	if _, err := c.User("@me"); err == nil {
		t.Error("no error")
	}
	for _, do := range tb.cleanup {
		do()
	}
	check(t, "errors", fmt.Sprint(tb.errors), "[discordtest: violation: GET /users/@me: 401 0 401: Unauthorized map[]]")
}
