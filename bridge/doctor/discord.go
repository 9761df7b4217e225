package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"wtvgate/bridge/config"
)

// Discord looks at the bot as Discord knows it.
type Discord struct {
	Config config.Discord
	HTTP   *http.Client
}

// Flags of an application: which privileged intents it may ask for, in full or
// in the limited form (discord.md 2).
const (
	flagsPresence = 1<<12 | 1<<13
	flagsMembers  = 1<<14 | 1<<15
	flagsContent  = 1<<18 | 1<<19
)

// fewStarts is where the supervisor would stop connecting (discord.md 6.4).
const fewStarts = 50

// permissions are those of the invitation link (discord.md 2.1), by bit.
var permissions = []struct {
	bit  uint
	name string
}{
	{10, "View Channels"}, {11, "Send Messages"}, {14, "Embed Links"}, {15, "Attach Files"}, {16, "Read Message History"},
	{6, "Add Reactions"}, {29, "Manage Webhooks"}, {36, "Create Private Threads"}, {38, "Send Messages in Threads"},
}

const (
	// invitePermissions is the sum of permissions.
	invitePermissions = 344134372416
	administrator     = 1 << 3
	mentionEveryone   = 1 << 17
	// discordAPI is the version of the interface that the library speaks.
	discordAPI = "api/v9"
)

// Run implements Check.
func (d Discord) Run(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, netTime)
	defer cancel()
	c := caller{client: d.HTTP, authorize: "Bot " + string(d.Config.Token), agent: "DiscordBot (wtvgate, 1)"}
	base := d.Config.APIURL + discordAPI
	var me struct {
		ID       string `json:"id"`
		Username string `json:"username"`
		Bot      bool   `json:"bot"`
	}
	r, err := c.call(ctx, http.MethodGet, base+"/users/@me", nil, &me)
	switch {
	case err != nil:
		return []Finding{fail("discord", "look at this machine's way to the internet, or correct discord.api_url", "%s: %v", d.Config.APIURL, err)}
	case r.Status == http.StatusUnauthorized:
		return []Finding{fail("discord token", "in the developer portal, Bot, Reset Token; write it into discord.token_file", "Discord does not know the token")}
	case r.Status != http.StatusOK:
		return []Finding{fail("discord", "try again later", "%s answers with status %d", d.Config.APIURL, r.Status)}
	case !me.Bot:
		return []Finding{fail("discord token", "make an application with a bot in the developer portal and use its token", "it is a person's, not a bot's")}
	}
	all := []Finding{good("discord token", "the bot is %s", me.Username)}
	all = append(all, d.starts(ctx, c, base)...)
	all = append(all, d.intents(ctx, c, base)...)
	return append(all, d.guilds(ctx, c, base, me.ID)...)
}

func (d Discord) starts(ctx context.Context, c caller, base string) []Finding {
	var g struct {
		Limit struct {
			Total     int `json:"total"`
			Remaining int `json:"remaining"`
			Reset     int `json:"reset_after"`
		} `json:"session_start_limit"`
	}
	r, err := c.call(ctx, http.MethodGet, base+"/gateway/bot", nil, &g)
	switch {
	case err != nil || r.Status != http.StatusOK:
		return []Finding{warn("discord gateway", "try again later", "cannot be asked for: %s", or(errText(err), "status "+strconv.Itoa(r.Status)))}
	case g.Limit.Remaining < fewStarts:
		return []Finding{fail("discord gateway", "find out what connects all the time before Discord resets the token; the limit is renewed in "+
			strconv.Itoa(g.Limit.Reset/3_600_000+1)+" h", "%d of %d connects are left today", g.Limit.Remaining, g.Limit.Total)}
	}
	return []Finding{good("discord gateway", "%d of %d connects are left today", g.Limit.Remaining, g.Limit.Total)}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (d Discord) intents(ctx context.Context, c caller, base string) []Finding {
	var app struct {
		Flags int64 `json:"flags"`
	}
	r, err := c.call(ctx, http.MethodGet, base+"/oauth2/applications/@me", nil, &app)
	if err != nil || r.Status != http.StatusOK {
		return []Finding{warn("discord intents", "try again later", "cannot be read: %s", or(errText(err), "status "+strconv.Itoa(r.Status)))}
	}
	var all []Finding
	for _, i := range []struct {
		flags        int64
		name, effect string
	}{
		{flagsContent, "Message Content Intent", "rooms and channels stay closed; direct messages work"},
		{flagsPresence, "Presence Intent", "friends show as online for some minutes after they wrote"},
		{flagsMembers, "Server Members Intent", "joins and renames are noticed late"},
	} {
		if app.Flags&i.flags == 0 {
			all = append(all, warn("discord intents", "in the developer portal, Bot, switch on "+i.name, "%s is off: %s", i.name, i.effect))
		}
	}
	if all == nil {
		all = append(all, good("discord intents", "presence, members and message content are on"))
	}
	return all
}

// guild is one that the bot is in.
type guild struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Permissions string `json:"permissions"`
}

func (d Discord) guilds(ctx context.Context, c caller, base, bot string) []Finding {
	invite := d.Config.APIURL + "oauth2/authorize?client_id=" + bot + "&scope=bot+applications.commands&permissions=" + strconv.FormatInt(invitePermissions, 10)
	var in []guild
	r, err := c.call(ctx, http.MethodGet, base+"/users/@me/guilds", nil, &in)
	if err != nil || r.Status != http.StatusOK {
		return []Finding{warn("discord guilds", "try again later", "cannot be read: %s", or(errText(err), "status "+strconv.Itoa(r.Status)))}
	}
	served := map[string]bool{}
	for _, g := range d.Config.Guilds {
		served[g] = true
	}
	var all []Finding
	for _, g := range in {
		if len(served) == 0 || served[g.ID] {
			all = append(all, judge(g, invite))
		}
		delete(served, g.ID)
	}
	for _, g := range d.Config.Guilds {
		if served[g] {
			all = append(all, fail("discord guilds", "open "+invite+" and choose it, or take it out of discord.guilds", "the bot is not in guild %s", g))
		}
	}
	if len(all) == 0 {
		return []Finding{warn("discord guilds", "open "+invite+" and choose a guild", "the bot is in none, so it can reach nobody")}
	}
	return all
}

// judge compares what the bot may do in a guild with what it needs.
func judge(g guild, invite string) Finding {
	what := fmt.Sprintf("discord guild %s", g.Name)
	has, err := strconv.ParseUint(g.Permissions, 10, 64)
	if err != nil {
		return warn(what, "open "+invite+" again", "its permissions cannot be read")
	}
	if has&administrator != 0 {
		return warn(what, "take Administrator from the bot's role: it needs less", "the bot may do everything")
	}
	var missing []string
	for _, p := range permissions {
		if has&(1<<p.bit) == 0 {
			missing = append(missing, p.name)
		}
	}
	switch {
	case len(missing) > 0:
		return warn(what, "open "+invite+" again, or give the bot's role these permissions", "not permitted: %s", strings.Join(missing, ", "))
	case has&mentionEveryone != 0:
		return warn(what, "take Mention Everyone from the bot's role: then even a fault cannot ping a guild", "the bot may mention everyone")
	}
	return good(what, "has all permissions it needs")
}
