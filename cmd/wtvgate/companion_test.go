package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"wtvgate/bridge/config"
	msnp "wtvgate/msnp/client"
	wtvp "wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
)

// foreignTicket is one of testdata/ticket.json, which the public server made.
type foreignTicket struct {
	InitialKey string         `json:"initial_shared_key"`
	Ticket     string         `json:"ticket"`
	Session1   sec.SessionKey `json:"-"`
	Session2   sec.SessionKey `json:"-"`
	Key1       []byte         `json:"session_key1"`
	Key2       []byte         `json:"session_key2"`
	Store      map[string]any `json:"store"`
}

func foreignTickets(t *testing.T) []foreignTicket {
	t.Helper()
	text, err := os.ReadFile("testdata/ticket.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Tickets []foreignTicket }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for i := range file.Tickets {
		f := &file.Tickets[i]
		f.Session1, f.Session2 = sec.SessionKey(f.Key1), sec.SessionKey(f.Key2)
	}
	return file.Tickets
}

// TestCompanion signs boxes in with tickets that the public servers made, under
// the key of minisrv, of WebTV Redialed and of an operator's own.
func TestCompanion(t *testing.T) {
	tickets := foreignTickets(t)
	t.Chdir(t.TempDir())
	seen := map[string]bool{}
	for _, f := range tickets {
		if user, ok := f.Store["user_id"].(float64); seen[f.InitialKey] || !ok || user != 0 {
			continue
		}
		seen[f.InitialKey] = true
		t.Run(f.InitialKey, func(t *testing.T) {
			t.Chdir(t.TempDir())
			key, err := sec.ParseKey(f.InitialKey)
			if err != nil {
				t.Fatal(err)
			}
			g, log := startWith(t, func(cfg *config.Config) {
				cfg.WTVP.InitialSharedKey, cfg.WTVP.AllowPublicKey = key[:], key.Public()
			})
			if warned := strings.Contains(log.String(), "initial_shared_key is published"); warned != key.Public() {
				t.Errorf("a warning: %v, a public key: %v", warned, key.Public())
			}
			play(t, []step{{"account add alice@webtv.local", "", 0, "added"}, {"account link-box alice@webtv.local --ssid 81A7B50070B002BF", "", 0, "signs in"}})
			ident := wtvp.NewBox("81a7b50070b002bf")
			ident.Ticket, ident.Keys.Session1, ident.Keys.Session2 = f.Ticket, f.Session1, f.Session2
			login := func(ctx context.Context, challenge string) (string, error) {
				c, err := wtvp.Dial(ctx, g.wtvpPorts.passport.Addr().String(), ident)
				if err != nil {
					return "", err
				}
				defer c.Close()
				return c.MessengerLogin(ctx, challenge)
			}
			talkTo(t, g.messengerPort.Addr().String(), "alice@webtv.local", login, "Hello from "+f.InitialKey)
			// Another box comes with the same ticket.
			play(t, []step{{"account add carol@webtv.local", "", 0, "added"}, {"account link-box carol@webtv.local --ssid 81a7b50070b002be", "", 0, "signs in"}})
			ident.SSID = "81a7b50070b002be"
			if _, err := msnp.SignIn(t.Context(), g.messengerPort.Addr().String(), msnp.Options{Address: "carol@webtv.local", Credential: login}); err == nil {
				t.Error("a ticket was taken for two boxes")
			}
			if want := "first shown by box 81a7b50070b002bf, now by box 81a7b50070b002be"; !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %q", want)
			}
			play(t, []step{{"account unlink-box alice@webtv.local", "", 0, "(1 unlinked, 1 of their sign-on keys forgotten)"}})
			talkTo(t, g.messengerPort.Addr().String(), "carol@webtv.local", login, "Now it is mine.")
		})
	}
	if len(seen) != 3 {
		t.Errorf("tickets under %d keys were tried, want 3", len(seen))
	}
}
