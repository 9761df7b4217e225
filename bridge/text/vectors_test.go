package text

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the vectors' zones, also where the system has none
)

// vectors is testdata/discord.json: message fragments of Discord and what a
// first-generation box must show of them, and the way back.
type vectors struct {
	Defaults struct {
		Context, Input json.RawMessage
	}
	ToBox []struct {
		Name, Event    string
		Input, Context json.RawMessage
		Expect         *string
	} `json:"to_box"`
	ToDiscord []struct {
		Name, Input string
		Expect      *string
	} `json:"to_discord"`
}

// vectorContext is the context that a case runs in.
type vectorContext struct {
	Bot struct {
		ID, Name      string
		ApplicationID string   `json:"application_id"`
		WebhookIDs    []string `json:"webhook_ids"`
	}
	BoxAccount string `json:"box_account"`
	TZ         string
	RelayBots  bool `json:"relay_bots"`
	Shown      bool
	Previous   string
	Users      map[string]string
	Roles      map[string]string
	Channels   map[string]string
	Own        map[string]DiscordOwned `json:"own_messages"`
}

func loadVectors(t testing.TB) vectors {
	data, err := os.ReadFile("testdata/discord.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unpack(t testing.TB, into any, parts ...json.RawMessage) {
	t.Helper()
	for _, p := range parts {
		if len(p) > 0 {
			if err := json.Unmarshal(p, into); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (c *vectorContext) discord() DiscordContext {
	return DiscordContext{Bot: DiscordNamed{ID: c.Bot.ID, Name: c.Bot.Name}, ApplicationID: c.Bot.ApplicationID, Webhooks: c.Bot.WebhookIDs,
		Account: c.BoxAccount, RelayBots: c.RelayBots, Users: c.Users, Roles: c.Roles, Channels: c.Channels, Own: c.Own}
}

// show converts one event as the Discord network will.
func show(t testing.TB, event string, m DiscordMessage, input json.RawMessage, c *vectorContext) Content {
	x := c.discord()
	switch event {
	case "MESSAGE_UPDATE":
		return DiscordEdited(m, c.Previous, c.Shown, x)
	case "MESSAGE_DELETE":
		if !c.Shown {
			return Content{}
		}
		return Deleted(c.Previous)
	case "MESSAGE_REACTION_ADD":
		var r struct {
			UserID    string `json:"user_id"`
			MessageID string `json:"message_id"`
			Emoji     DiscordEmoji
		}
		unpack(t, &r, input)
		return DiscordReacted(r.UserID, r.MessageID, r.Emoji, x)
	}
	return FromDiscord(m, x)
}

func TestVectorsToBox(t *testing.T) {
	v := loadVectors(t)
	if len(v.ToBox) != 176 {
		t.Fatalf("%d cases, want 176", len(v.ToBox))
	}
	for _, c := range v.ToBox {
		t.Run(c.Name, func(t *testing.T) {
			var ctx vectorContext
			unpack(t, &ctx, v.Defaults.Context, c.Context)
			var m DiscordMessage
			// The default and the case as one object: a null there is not a default here.
			var fields map[string]json.RawMessage
			unpack(t, &fields, v.Defaults.Input, c.Input)
			all, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			unpack(t, &m, all)
			zone, err := time.LoadLocation(ctx.TZ)
			if err != nil {
				t.Fatal(err)
			}
			content := show(t, c.Event, m, c.Input, &ctx)
			stored, err := json.Marshal(content) // what is shown comes from the store
			if err != nil {
				t.Fatal(err)
			}
			var back Content
			unpack(t, &back, stored)
			got := strings.Join(ToMSN(back, Options{Zone: zone, Lines: -1}), "|")
			want := ""
			if c.Expect != nil {
				want = strings.ReplaceAll(*c.Expect, "\n", "\r\n")
			}
			if got != want {
				t.Errorf("%s\n got %q\nwant %q\nfrom %s", c.Input, got, want, stored)
			}
			if content.Empty() != (c.Expect == nil) {
				t.Errorf("empty: %v", content.Empty())
			}
		})
	}
}

func TestVectorsToDiscord(t *testing.T) {
	v := loadVectors(t)
	if len(v.ToDiscord) != 24 {
		t.Fatalf("%d cases, want 24", len(v.ToDiscord))
	}
	for _, c := range v.ToDiscord {
		t.Run(c.Name, func(t *testing.T) {
			got := ToDiscord(FromMSN(c.Input, ""))
			switch {
			case c.Expect == nil && len(got) != 0:
				t.Errorf("got %q, want nothing", got)
			case c.Expect != nil && (len(got) != 1 || got[0] != *c.Expect):
				t.Errorf("got %q, want %q", got, *c.Expect)
			}
		})
	}
}
