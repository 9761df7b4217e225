package doctor

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"wtvgate/bridge/config"
)

// discord serves what a bot sees of itself; a path that is not there is 404.
func discord(t *testing.T, answers map[string]any) Discord {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[strings.TrimPrefix(r.URL.Path, "/api/v9")]
		switch {
		case r.Header.Get("Authorization") != "Bot s3cret" || !strings.HasPrefix(r.UserAgent(), "DiscordBot ("):
			w.WriteHeader(http.StatusUnauthorized)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		default:
			if err := json.NewEncoder(w).Encode(body); err != nil {
				t.Error(err)
			}
		}
	}))
	t.Cleanup(s.Close)
	return Discord{Config: config.Discord{Token: "s3cret", APIURL: s.URL + "/"}, HTTP: NewClient()}
}

func TestDiscord(t *testing.T) {
	type m = map[string]any
	me := m{"id": "999", "username": "WebTV", "bot": true}
	starts := func(n int) m {
		return m{"session_start_limit": m{"total": 1000, "remaining": n, "reset_after": 7_200_000}}
	}
	fans := func(permissions int) []m {
		return []m{{"id": "201", "name": "WebTV Fans", "permissions": strconv.Itoa(permissions)}}
	}
	const all = 1<<13 | 1<<15 | 1<<19
	const bot, left, on = "ok discord token|WebTV", "ok discord gateway|900 of 1000", "ok discord intents|are on"
	for name, c := range map[string]struct {
		starts int
		flags  int
		guilds []m
		want   []string // after the token's
		only   []string // discord.guilds
	}{
		"well":               {900, all, fans(invitePermissions), []string{left, on, "ok discord guild WebTV Fans|all permissions"}, nil},
		"nearly at the fuse": {9, all, fans(invitePermissions), []string{"FAIL discord gateway|9 of 1000", on, "ok discord guild WebTV Fans"}, nil},
		"no intents": {900, 0, fans(invitePermissions), []string{left, "warn discord intents|Message Content", "warn discord intents|Presence",
			"warn discord intents|Members", "ok discord guild WebTV Fans"}, nil},
		"full intents":     {900, 1<<12 | 1<<14 | 1<<18, fans(invitePermissions), []string{left, on, "ok discord guild WebTV Fans"}, nil},
		"no webhooks":      {900, all, fans(invitePermissions &^ (1 << 29)), []string{left, on, "warn discord guild WebTV Fans|Manage Webhooks"}, nil},
		"administrator":    {900, all, fans(1 << 3), []string{left, on, "warn discord guild WebTV Fans|everything"}, nil},
		"may ping all":     {900, all, fans(invitePermissions | 1<<17), []string{left, on, "warn discord guild WebTV Fans|mention everyone"}, nil},
		"in no guild":      {900, all, []m{}, []string{left, on, "warn discord guilds|in none"}, nil},
		"not in the guild": {900, all, fans(0), []string{left, on, "FAIL discord guilds|guild 7"}, []string{"7"}},
	} {
		d := discord(t, m{"/users/@me": me, "/gateway/bot": starts(c.starts), "/oauth2/applications/@me": m{"flags": c.flags}, "/users/@me/guilds": c.guilds})
		d.Config.Guilds = c.only
		got := d.Run(t.Context())
		look(t, name, got, append([]string{bot}, c.want...)...)
		for _, f := range got {
			if strings.Contains(f.Detail+f.Mend, "s3cret") {
				t.Errorf("%s shows the token", name)
			}
		}
	}
	d := discord(t, m{"/users/@me": me})
	look(t, "half a server", d.Run(t.Context()), bot, "warn discord gateway|status 404", "warn discord intents|status 404", "warn discord guilds|status 404")
	d.Config.Token = "another"
	look(t, "wrong token", d.Run(t.Context()), "FAIL discord token|does not know")
	look(t, "a person", discord(t, m{"/users/@me": m{"id": "1", "username": "ann"}}).Run(t.Context()), "FAIL discord token|person's")
	look(t, "nothing there", discord(t, nil).Run(t.Context()), "FAIL discord|status 404")
	d.Config.APIURL = "http://127.0.0.1:1/"
	look(t, "nobody there", d.Run(t.Context()), "FAIL discord|refused")
	sum := 0
	for _, p := range permissions {
		sum += 1 << p.bit
	}
	if sum != invitePermissions {
		t.Errorf("the link asks for %d, the check for %d", invitePermissions, sum)
	}
}
