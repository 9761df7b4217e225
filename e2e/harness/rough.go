package harness

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"
)

// rough.go: parts for tests in which anything may fail at any time: what fails is
// an error, not the end of the test.

// Between is what NewRoughGateway connects to, or is reached through.
type Between struct {
	Homeserver string // URL at which the gateway finds the homeserver
	Appservice string // URL at which the homeserver finds the gateway
	Discord    string // URL of the server that speaks Discord's protocol
	Token      string // of its bot
}

// NewRoughGateway writes a configuration with both networks, for boxes that make
// their account with their first sign-in. Nothing runs yet.
func NewRoughGateway(t testing.TB, b Between) *Gateway {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(b.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	matrix := strings.NewReplacer(`"http://APPSERVICE"`, `"`+b.Appservice+`"`, "encryption: allow", "encryption: off").Replace(matrixYAML)
	g := newGateway(t, matrix+discordYAML, "HOMESERVER", b.Homeserver, "DOMAIN", Domain, "API", b.Discord, "TOKEN", file,
		"registration: closed", "registration: first-box", "level: debug", "level: info")
	g.Run("matrix", "registration")
	return g
}

// NewBox makes a box of an account that its first sign-in makes.
func (g *Gateway) NewBox(name string) *Box {
	g.t.Helper()
	return newBox(g, name+"@"+AccountsDomain)
}

// Log is the end of what the running gateway said.
func (g *Gateway) Log() string { return g.proc.log.String() }

// AnHourPasses makes the gateway, which must not run, forget how often it began a
// session with Discord: a test that kills it every few seconds would else blow the
// fuse that is made for an hour.
func (g *Gateway) AnHourPasses() {
	g.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(g.dir, "data", "gateway.db")+"?_pragma=busy_timeout(10000)")
	if err == nil {
		_, err = db.Exec(`DELETE FROM discord_times WHERE kind = 'identify'`)
		if err := db.Close(); err != nil {
			g.t.Fatal(err)
		}
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// TrySend writes a text. An error says nothing of whether it is there.
func (f *Friend) TrySend(ctx context.Context, room mid.RoomID, text string) error {
	_, err := f.c.SendMessageEvent(ctx, room, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgText, Body: text})
	if err != nil {
		return fmt.Errorf("%s writes: %w", f.ID, err)
	}
	return nil
}

// All lists what a user wrote in a room from its beginning, in order, as the
// homeserver has it.
func (f *Friend) All(ctx context.Context, room mid.RoomID, from mid.UserID) (texts []string, err error) {
	have := make(map[mid.EventID]bool) // pages overlap
	for at := ""; ; {
		resp, err := f.c.Messages(ctx, room, at, "", mautrix.DirectionBackward, nil, 500)
		if err != nil {
			return nil, fmt.Errorf("%s lists messages: %w", f.ID, err)
		}
		for _, e := range resp.Chunk {
			if body, ok := e.Content.Raw["body"].(string); ok && e.Sender == from && !have[e.ID] {
				have[e.ID] = true
				texts = append(texts, body)
			}
		}
		if len(resp.Chunk) == 0 || resp.End == "" || resp.End == at {
			slices.Reverse(texts)
			return texts, nil
		}
		at = resp.End
	}
}
