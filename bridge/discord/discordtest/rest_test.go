package discordtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
)

func TestMessagesAndNonce(t *testing.T) {
	d := Start(t, Options{})
	bob := d.AddUser("coolcat")
	bob.Join(d.AddGuild("WebTV Fans"))
	c := newClient(t, d, everything)
	c.connect(t, 1)
	ch, err := c.UserChannelCreate(bob.ID)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "DM", ch.ID, bob.DM().ID)
	first, err := c.send(ch.ID, " hello ", "n1")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "text", first["content"], any("hello"))
	check(t, "echo", c.next(t, "MESSAGE_CREATE")["nonce"], any("n1"))
	again, err := c.send(ch.ID, "hello", "n1")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "id", again["id"], first["id"])
	c.quiet(t, d)
	check(t, "sent", len(d.Sent(bob.DM())), 1)
	if _, err := c.ChannelMessageEdit(ch.ID, fmt.Sprint(first["id"]), "*hello"); err != nil {
		t.Fatal(err)
	}
	c.next(t, "MESSAGE_UPDATE")
	if err := c.MessageReactionAdd(ch.ID, fmt.Sprint(first["id"]), "📺"); err != nil {
		t.Fatal(err)
	}
	c.next(t, "MESSAGE_REACTION_ADD")
	m, _ := d.Message(fmt.Sprint(first["id"]))
	check(t, "message", fmt.Sprint(m.Content, m.Nonce, m.Edited, m.Reactions), "*hellon1true map[📺:["+d.Bot().ID+"]]")
	if err := c.ChannelMessageDelete(ch.ID, m.ID); err != nil {
		t.Fatal(err)
	}
	c.next(t, "MESSAGE_DELETE")
	check(t, "sent", len(d.Sent(bob.DM())), 0)
	check(t, "discordgo's edit has no allowed_mentions", len(d.TakeViolations()), 1)
}

// The echo comes before or behind the answer, as asked.
func TestEchoOrder(t *testing.T) {
	for order, want := range map[EchoOrder]int{EchoBefore: 0, EchoAny: 0, EchoAfter: 200} {
		d := Start(t, Options{Echo: order})
		bob := d.AddUser("coolcat")
		bob.Join(d.AddGuild("WebTV Fans"))
		c := newClient(t, d, everything)
		c.connect(t, 1)
		answered := make(chan int, 1)
		d.RewriteNext("MESSAGE_CREATE", func(map[string]any) { answered <- d.requests[len(d.requests)-1].Status })
		if _, err := c.send(bob.DM().ID, "x", "n"); err != nil {
			t.Fatal(err)
		}
		if order == EchoBefore {
			d.mu.Lock()
			for conn := range d.gw.conns {
				check(t, "written", len(conn.out), 0)
			}
			d.mu.Unlock()
		}
		check(t, "status at the echo", <-answered, want)
		c.next(t, "MESSAGE_CREATE")
	}
}

// Whom a message would ping, and what the body must look like.
func TestValidation(t *testing.T) {
	d := Start(t, Options{Limits: Loose()})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob := d.AddUser("coolcat")
	bob.Join(g)
	c := newClient(t, d, everything)
	post := func(body string) error {
		_, err := c.RequestWithBucketID("POST", discordgo.EndpointChannelMessages(general.ID), json.RawMessage(body), "x")
		return err
	}
	for body, want := range map[string]int{
		`{"content":"","allowed_mentions":{"parse":[]}}`:                                                          50006,
		`{"content":"  ","allowed_mentions":{"parse":[]}}`:                                                        50006,
		`{"content":"` + strings.Repeat("é", 2001) + `"}`:                                                         50035,
		`{"content":"x","nonce":{}}`:                                                                              50035,
		`{"content":"x","nonce":7,"allowed_mentions":{"parse":[]}}`:                                               0,
		`{"content":"x","flags":"a"}`:                                                                             50035,
		`{"content":"x","poll":1}`:                                                                                50035,
		`{"content":"x","allowed_mentions":1}`:                                                                    50035,
		`{"content":"x","embeds":{}}`:                                                                             50035,
		`{"content":5}`:                                                                                           50035,
		`{"content":"x","allowed_mentions":{"parse":null}}`:                                                       50035,
		`{"content":"x","allowed_mentions":{"parse":["users"],"users":["1"]}}`:                                    50035,
		`{"content":"x","allowed_mentions":{"parse":["all"]}}`:                                                    50035,
		`{"content":"x","nonce":"12345678901234567890123456"}`:                                                    50035,
		`{"embeds":[{"title":"` + strings.Repeat("x", 257) + `"}]}`:                                               50035,
		`{"components":[{"type":1,"components":[]}]}`:                                                             50035,
		`{"content":"x","components":[{"type":1,"components":[{"type":2,"style":1,"label":"a"}]}]}`:               50035,
		`{"content":"x","message_reference":{"message_id":"1"},"allowed_mentions":{"parse":[]}}`:                  50035,
		`{"content":"x","message_reference":{"message_id":"1","fail_if_not_exists":false},"allowed_mentions":{}}`: 0,
		`{"content":"` + strings.Repeat("é", 2000) + `","allowed_mentions":{"parse":[]},"unknown":{"a":1}}`:       0,
	} {
		err := post(body)
		if want == 0 {
			if err != nil {
				t.Errorf("%.80s: %v", body, err)
			}
			continue
		}
		if status, got := code(t, err); status != 400 || got != want {
			t.Errorf("%.80s: %d %d, want %d", body, status, got, want)
		}
	}
	check(t, "violations", len(d.TakeViolations()), 16)

	g.BotRole().SetPermissions(InvitePermissions | MentionEveryone)
	text := fmt.Sprintf("@everyone @here <@%s> <@&%s>", bob.ID, g.BotRole().ID)
	for allowed, want := range map[string]string{
		`{"parse":[]}`: "[]", `{"parse":["users"]}`: "[" + bob.ID + "]", `{"parse":["everyone"]}`: "[everyone here]",
		`{"parse":[],"users":["` + bob.ID + `"]}`: "[" + bob.ID + "]", `{"parse":["roles"]}`: "[role " + g.BotRole().ID + "]",
	} {
		if err := post(fmt.Sprintf(`{"content":%q,"allowed_mentions":%s}`, text, allowed)); err != nil {
			t.Fatal(err)
		}
		all := d.Sent(general)
		check(t, allowed, fmt.Sprint(all[len(all)-1].Pings), want)
	}
	if err := post(fmt.Sprintf(`{"content":%q}`, text)); err != nil {
		t.Fatal(err)
	}
	all := d.Sent(general)
	check(t, "without it all ping", len(all[len(all)-1].Pings), 4)
	check(t, "violations", len(d.TakeViolations()), 1)
}

func TestHistory(t *testing.T) {
	d := Start(t, Options{Limits: Loose()})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob := d.AddUser("coolcat")
	bob.Join(g)
	var ids []string
	for i := range 250 {
		ids = append(ids, bob.Say(general, fmt.Sprint(i)).ID)
	}
	c := newClient(t, d, everything)
	for _, q := range []struct {
		limit                 int
		before, after, around string
		want                  string // newest, oldest, how many
	}{
		{0, "", "", "", "249 200 50"},
		{100, "", ids[9], "", "109 10 100"},
		{100, "", ids[209], "", "249 210 40"},
		{10, ids[5], "", "", "4 0 5"},
		{10, "", "", ids[100], "104 95 10"},
		{100, "", ids[249], "", "0"},
	} {
		got, err := c.ChannelMessages(general.ID, q.limit, q.before, q.after, q.around)
		if err != nil {
			t.Fatal(err)
		}
		s := fmt.Sprint(len(got))
		if len(got) > 0 {
			s = got[0].Content + " " + got[len(got)-1].Content + " " + s
		}
		check(t, fmt.Sprint(q), s, q.want)
	}
}

// The answers that depend on the world; none of them is the client's fault.
func TestRefusals(t *testing.T) {
	d := Start(t, Options{Limits: Loose()})
	g := d.AddGuild("WebTV Fans")
	general, hidden := g.AddChannel("general"), g.AddChannel("hidden", Overwrite{ID: g.ID, Deny: ViewChannel})
	bob, ann, eve, joe := d.AddUser("coolcat"), d.AddUser("ann"), d.AddUser("eve"), d.AddUser("joe")
	for _, p := range []*Person{bob, ann, joe} {
		p.Join(g)
	}
	m := bob.Say(general, "hi")
	c := newClient(t, d, everything)
	send := func(ch *Channel) func() error {
		return func() error { _, err := c.send(ch.ID, "x", ""); return err }
	}
	open := func(p *Person) func() error {
		return func() error { _, err := c.UserChannelCreate(p.ID); return err }
	}
	steps := []struct {
		before func()
		do     func() error
		status int
		code   int
	}{
		{bob.Block, send(bob.DM()), 403, 50007},
		{bob.Unblock, send(bob.DM()), 0, 0},
		{bob.CloseDMs, send(bob.DM()), 403, 50007},
		{bob.OpenDMs, send(bob.DM()), 0, 0},
		{nil, send(eve.DM()), 403, 50278},
		{func() { d.RefuseOpens(40003) }, open(joe), 403, 40003},
		{nil, open(bob), 0, 0},
		{func() { d.RefuseOpens(20026) }, open(joe), 403, 20026},
		{nil, send(ann.DM()), 403, 20026},
		{nil, send(bob.DM()), 0, 0},
		{nil, send(hidden), 403, 50001},
		{nil, func() error { _, err := c.send("77", "x", ""); return err }, 404, 10003},
		{nil, func() error { return c.ChannelMessageDelete(general.ID, "77") }, 404, 10008},
		{nil, func() error { return c.ChannelMessageDelete(general.ID, m.ID) }, 403, 50013},
		{nil, func() error { _, err := c.ChannelMessageEdit(general.ID, m.ID, "x"); return err }, 403, 50005},
		{nil, func() error { _, err := c.User("77"); return err }, 404, 10013},
		{nil, func() error { _, err := c.GuildMember(g.ID, eve.ID); return err }, 404, 10007},
		{func() { g.BotRole().SetPermissions(ViewChannel); g.Everyone().SetPermissions(ViewChannel) }, send(general), 403, 50013},
		{g.KickBot, send(general), 404, 10003},
	}
	for i, s := range steps {
		if s.before != nil {
			s.before()
		}
		err := s.do()
		if s.status == 0 {
			if err != nil {
				t.Errorf("step %d: %v", i, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("step %d: no error", i)
			continue
		}
		if status, got := code(t, err); status != s.status || got != s.code {
			t.Errorf("step %d: %d %d, want %d %d", i, status, got, s.status, s.code)
		}
	}
}

func TestMisuse(t *testing.T) {
	d := Start(t, Options{})
	for _, c := range []struct {
		method, path, auth, agent, body string
		want                            int
	}{
		{"GET", "api/v9/users/@me", "Bot T0", "DiscordBot (https://x.example, 1)", "", 200},
		{"GET", "api/v10/users/@me", "Bot T0", "DiscordBot (https://x.example, 1)", "", 200},
		{"GET", "api/v9/users/@me", "", "DiscordBot (https://x.example, 1)", "", 401},
		{"GET", "api/v9/users/@me", "Bot T0", "curl", "", 403},
		{"GET", "api/v9/invented", "Bot T0", "DiscordBot (https://x.example, 1)", "", 404},
		{"POST", "api/v9/users/@me/channels", "Bot T0", "DiscordBot (https://x.example, 1)", "{", 400},
	} {
		r, err := http.NewRequest(c.method, d.URL()+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", c.agent)
		if c.auth != "" {
			r.Header.Set("Authorization", c.auth)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		check(t, c.path, resp.StatusCode, c.want)
		v := d.TakeViolations()
		check(t, fmt.Sprint(c.path, v), len(v) == 1, c.want != 200)
	}
	http.DefaultClient.CloseIdleConnections()
}

// Limits by an injected clock: the bucket of one channel, the headers, the 429.
func TestLimits(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixNano())
	d := Start(t, Options{Now: func() time.Time { return time.Unix(0, now.Load()) }})
	g := d.AddGuild("WebTV Fans")
	general, other := g.AddChannel("general"), g.AddChannel("other")
	post := func(c *Channel) *http.Response {
		r, err := http.NewRequest("POST", d.URL()+"api/v9/channels/"+c.ID+"/messages", strings.NewReader(`{"content":"x","allowed_mentions":{"parse":[]}}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"User-Agent": {"DiscordBot (x, 1)"}, "Authorization": {"Bot T0"}, "Content-Type": {"application/json"}}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	for i := range 5 {
		r := post(general)
		check(t, "status", r.StatusCode, 200)
		check(t, "remaining", r.Header.Get("X-RateLimit-Remaining"), fmt.Sprint(4-i))
		check(t, "reset after", r.Header.Get("X-RateLimit-Reset-After"), "5.000")
	}
	now.Add(int64(3500 * time.Millisecond))
	r := post(general)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "status", r.StatusCode, 429)
	check(t, "body", string(body), `{"global":false,"message":"You are being rate limited.","retry_after":1.5}`)
	check(t, "headers", r.Header.Get("Retry-After")+r.Header.Get("X-RateLimit-Scope")+r.Header.Get("X-RateLimit-Reset-After"), "2user1.500")
	check(t, "another channel", post(other).StatusCode, 200)
	now.Add(int64(1500*time.Millisecond - limitSlack - 1))
	check(t, "too early", post(general).StatusCode, 429)
	now.Add(1)
	check(t, "later", post(general).StatusCode, 200)
	http.DefaultClient.CloseIdleConnections()
}

// discordgo waits for the bucket by the headers: no 429 comes.
func TestDiscordgoKeepsLimits(t *testing.T) {
	d := Start(t, Options{Limits: map[string]Limit{"": {50, time.Second}, "POST /channels/{channel}/messages": {2, 200 * time.Millisecond}}})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	c := newClient(t, d, everything)
	for i := range 5 {
		if _, err := c.send(general.ID, "x", fmt.Sprint("n", i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range d.Requests("POST /channels/{channel}/messages") {
		check(t, "status", r.Status, 200)
	}
}
