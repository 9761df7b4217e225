package harness

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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

// Sent is what the gateway has noted of a message of a box's: how it ended, and as
// which event.
func (g *Gateway) Sent(part string) (state, event string, err error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(g.dir, "data", "gateway.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return "", "", err
	}
	defer db.Close()
	err = db.QueryRow(`SELECT state, event FROM outbox WHERE instr(CAST(body AS TEXT), ?) > 0`, part).Scan(&state, &event)
	return state, event, err
}

// HasEvent asks the homeserver for one event.
func (f *Friend) HasEvent(ctx context.Context, room mid.RoomID, ev mid.EventID) error {
	_, err := f.c.GetEvent(ctx, room, ev)
	return err
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
	first := make(map[string]*event.Event)
	for at := ""; ; {
		resp, err := f.c.Messages(ctx, room, at, "", mautrix.DirectionBackward, nil, 500)
		if err != nil {
			return nil, fmt.Errorf("%s lists messages: %w", f.ID, err)
		}
		for _, e := range resp.Chunk {
			if body, ok := e.Content.Raw["body"].(string); ok && e.Sender == from && !have[e.ID] {
				have[e.ID] = true
				texts = append(texts, body)
				if o := first[body]; o == nil {
					first[body] = e
				} else if _, told := f.told.LoadOrStore(e.ID, true); !told {
					f.t.Logf("%s has %.12q as %s of %d and as %s of %d", f.ID, body, o.ID, o.Timestamp, e.ID, e.Timestamp)
				}
			}
		}
		if len(resp.Chunk) == 0 || resp.End == "" || resp.End == at {
			slices.Reverse(texts)
			return texts, nil
		}
		at = resp.End
	}
}

// SmallDisk puts the data folder, which must not be there yet, on a disk of its own
// of so many bytes. It skips the test where that is not allowed.
func (g *Gateway) SmallDisk(size int) *Disk {
	g.t.Helper()
	d := &Disk{t: g.t, dir: filepath.Join(g.dir, "data")}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		g.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", size)); err != nil {
		g.t.Skipf("a disk cannot be mounted here: %v", err)
	}
	g.t.Cleanup(func() {
		if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
			g.t.Error(err)
		}
	})
	return d
}

// Disk is a small one.
type Disk struct {
	t   testing.TB
	dir string
}

func (d *Disk) filler() string { return filepath.Join(d.dir, "filler") }

// Fill leaves no room.
func (d *Disk) Fill() {
	d.t.Helper()
	f, err := os.Create(d.filler())
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatal(err)
	}
}

// Free undoes Fill.
func (d *Disk) Free() {
	d.t.Helper()
	if err := os.Remove(d.filler()); err != nil {
		d.t.Fatal(err)
	}
}

// WaitReady waits until the gateway's state is so and says a text.
func (g *Gateway) WaitReady(ready bool, text string) {
	g.t.Helper()
	g.waitReadyz("the gateway's state", "/readyz", func(status int, said string) bool {
		return (status == http.StatusOK) == ready && strings.Contains(said, text)
	})
}
