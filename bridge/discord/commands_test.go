package discord

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/discord/discordtest"
	"wtvgate/bridge/text"
)

// webtv says /webtv and gives the answer.
func (r *rig) webtv(p *discordtest.Person, c *discordtest.Channel, verb string, args ...discordtest.Option) string {
	r.t.Helper()
	return r.answer(p.Command(c, "webtv", discordtest.Sub(verb, args...)))
}

// scans tells whether s is of a form, and reads what varies in it.
func scans(s, form string, into ...any) bool {
	n, err := fmt.Sscanf(s, form, into...)
	return err == nil && n == len(into)
}

func TestCommands(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	general := g.AddChannel("general")
	bob := r.friend("coolcat", g, alice)
	name := discordtest.Arg("name", "alice")
	for _, c := range []struct{ verb, want string }{
		{"who", "Alice (alice): off; what you write is kept"},
		{"status", "Direct messages work.\nChannels and rooms work.\nAlice: you chat"},
	} {
		if got := r.webtv(bob, general, c.verb); got != c.want {
			t.Errorf("%s: %q", c.verb, got)
		}
	}
	s := newSeat()
	r.hub.Sit(alice, s)
	var at int64
	if got := r.webtv(bob, general, "who"); !scans(got, "Alice (alice): on since <t:%d:f>", &at) || time.Since(time.Unix(at, 0)) > patience {
		t.Errorf("who: %q", got)
	}
	r.hub.Stand(alice, s)
	if got := r.webtv(bob, general, "say", name, discordtest.Arg("text", "from **afar**")); got != "Sent to Alice." {
		t.Errorf("say: %q", got)
	}
	r.gets(alice, "coolcat: from afar")
	if got := r.webtv(bob, general, "say", discordtest.Arg("name", "carol"), discordtest.Arg("text", "x")); got != notThere {
		t.Errorf("say to a stranger: %q", got)
	}
	if got := r.webtv(bob, general, "block", name); got != "Blocked." {
		t.Errorf("block: %q", got)
	}
	if got := r.webtv(bob, general, "unblock", name); got != "No longer blocked. `/webtv add alice` asks again." {
		t.Errorf("unblock: %q", got)
	}
	if got := r.webtv(bob, general, "leave"); !strings.HasPrefix(got, "All chats") {
		t.Errorf("leave: %q", got)
	}
	r.add(carol, bobAddress) // hidden: the same answer as for nobody
	r.gets(carol, "coolcat@discord.com: (The invitation could not be sent: "+textNotFound+".)")
	r.add(carol, "nobody@discord.com")
	r.gets(carol, "nobody@discord.com: (The invitation could not be sent: "+textNotFound+".)")
	if got := len(r.d.Requests("PUT /applications/{application}/commands")); got != 1 {
		t.Errorf("%d registrations", got)
	}
	r.restart()
	bob.Say(bob.DM(), "x")
	if got := len(r.d.Requests("PUT /applications/{application}/commands")); got != 1 {
		t.Errorf("%d registrations after a restart", got)
	}
}

// TestAskInChannel: a mention in the WebTV channel instead of a new chat; it
// notifies that one person.
func TestAskInChannel(t *testing.T) {
	t.Parallel()
	r, g := newRig(t, func(o *rigOptions) { o.change = func(n *Options) { n.AskInChannel = true } })
	home := g.AddChannel("webtv")
	mod := r.d.AddUser("mod")
	mod.Join(g, g.AddRole("mods", permManageChannels))
	bob := r.d.AddUser("coolcat")
	bob.Join(g)
	r.until("home", func() bool { _, ok := r.n.guilds.channel(home.ID); return ok })
	r.webtv(mod, home, "home")
	r.add(alice, bobAddress)
	r.until("the ask", func() bool { return len(r.sent(home)) == 1 })
	ask := r.d.Sent(home)[0]
	if len(ask.Pings) != 1 || ask.Pings[0] != bob.ID || len(r.d.Requests("POST /users/@me/channels")) != 0 {
		t.Errorf("%+v", ask)
	}
	r.answer(bob.Press(ask.ID, pressYes+"alice"))
	r.gets(alice, "coolcat@discord.com: (They said yes.)")
	r.say(alice, bobAddress, "hi") // the friend said yes: a chat may be opened
	r.until("the line", func() bool { return len(r.sent(bob.DM())) == 1 })
}

// TestLookBeforeResend: when Discord may have forgotten the nonce, a line whose
// answer was lost is looked for.
func TestLookBeforeResend(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	n := len(r.sent(bob.DM()))
	release := r.d.Hold() // the echo does not come either
	defer release()
	armed := r.d.Fail(routeSend, discordtest.Lost())
	before := len(r.d.Requests("GET /channels/{channel}/messages"))
	r.say(alice, bobAddress, "once")
	r.until("it is lost", func() bool { return armed.Hits() == 1 })
	r.off.move(nonceMemory + time.Second)
	r.until("done with", func() bool {
		left, err := r.st.PendingConversations(t.Context())
		return err == nil && len(left) == 0
	})
	if got := r.said(bob.DM(), n); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	if got := len(r.d.Requests("GET /channels/{channel}/messages")); got == before {
		t.Error("nobody looked")
	}
}

// TestCheck18Vectors: our tolerant decoder reads every message of the vectors as the
// strict one does, also when a field that it does not need is wrong. What the box
// shows of them is tested in package text.
func TestCheck18Vectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../text/testdata/discord.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		ToBox []struct {
			Name  string
			Input map[string]json.RawMessage
		} `json:"to_box"`
	}
	if err := json.Unmarshal(data, &v); err != nil || len(v.ToBox) != 176 {
		t.Fatalf("%d cases, %v", len(v.ToBox), err)
	}
	for _, c := range v.ToBox {
		raw, err := json.Marshal(c.Input)
		if err != nil {
			t.Fatal(err)
		}
		var want text.DiscordMessage
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		if c.Input["sticker_items"] == nil {
			c.Input["sticker_items"] = json.RawMessage(`"wrong"`)
			if raw, err = json.Marshal(c.Input); err != nil {
				t.Fatal(err)
			}
		}
		if got := content(raw); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.Name, got, want)
		}
	}
}

// TestOptions: what cannot work is refused with the key's name.
func TestOptions(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"discord.token_file":  {Token: "", APIURL: "https://discord.com/"},
		"a person's token":    {Token: "mfa.abc", APIURL: "https://discord.com/"},
		"discord.api_url":     {Token: "a.b.c", APIURL: "ftp://x/"},
		"discord: no databas": {Token: "a.b.c", APIURL: "https://discord.com/"},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestGuildsOption: a guild that is not named is not served.
func TestGuildsOption(t *testing.T) {
	t.Parallel()
	r, g := newRig(t, func(o *rigOptions) { o.change = func(n *Options) { n.Guilds = []string{"1"} } })
	general := g.AddChannel("general")
	r.d.AddUser("coolcat").Join(g)
	mod := r.d.AddUser("mod")
	mod.Join(g, g.AddRole("mods", permManageWebhooks))
	if got := r.webtv(mod, general, "bridge"); !strings.Contains(got, "channel of a server only") {
		t.Errorf("bridge: %q", got)
	}
	r.add(alice, bobAddress)
	r.gets(alice, "coolcat@discord.com: (The invitation could not be sent: "+textNotFound+".)")
}

func TestPortrait(t *testing.T) {
	n := &Network{}
	if got := n.Portrait(bridge.Account{Address: "alice@webtv.local", Name: "Alice \n B."}); got != "Alice B. (/webtv add alice)" {
		t.Errorf("got %q", got)
	}
}
