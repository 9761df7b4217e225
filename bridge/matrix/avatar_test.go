package matrix

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wtvgate/bridge"
)

// A ghost has a drawn picture of its own, or the account's; each is set once.
func TestGhostHasPicture(t *testing.T) {
	w := newWorld(t)
	w.o.Avatars = t.TempDir()
	w.hs.fail(fault{match: "POST /_matrix/media", times: 1, status: 502, body: "{}"})
	w.start()
	w.eventually("the drawn picture", `SELECT picture = ? FROM matrix_ghosts`, drawnAvatar)
	set := w.hs.find("PUT /v3/profile/" + ghostA + "/avatar_url")
	if len(set) != 1 || set[0].body["avatar_url"] != "mxc://hs.test/up" || set[0].user != ghostA {
		t.Errorf("set %+v", set)
	}
	w.restart()
	w.joined()
	own, err := drawAvatar("somebody@else")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.o.Avatars, string(alice.Address)+".png")
	if err := os.WriteFile(file, []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.n.AccountChanged(bridge.Account{Address: alice.Address, Name: "Alicia"})
	w.eventually("the new name", `SELECT name = 'Alicia (WebTV)' FROM matrix_ghosts WHERE account = ?`, alice.Address)
	w.n.AccountChanged(bridge.Account{Address: "bert@webtv.test", Name: "Bert"})
	w.eventually("another ghost, after this one's work", `SELECT count(*) = 2 FROM matrix_ghosts WHERE picture = ?`, drawnAvatar)
	if err := os.WriteFile(file, own, 0o600); err != nil {
		t.Fatal(err)
	}
	w.restart() // looks at the folder
	w.eventually("the own picture", `SELECT length(picture) = 64 FROM matrix_ghosts WHERE account = ?`, alice.Address)
	if up := w.hs.find("POST /_matrix/media"); len(up) != 4 { // the failed one, two drawn and the own
		t.Errorf("%d uploads", len(up))
	}
	if !strings.Contains(w.log.String(), "is no PNG") {
		t.Error("nothing is said of a file that is no picture")
	}
}

func TestDrawnPicture(t *testing.T) {
	a, err := drawAvatar("alice@webtv.test")
	if err != nil {
		t.Fatal(err)
	}
	b, err := drawAvatar("bert@webtv.test")
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(a))
	if err != nil || img.Bounds().Dx() != avatarSize || img.Bounds().Dy() != avatarSize || len(a) > 2000 {
		t.Errorf("%v, %d bytes, %v", img.Bounds(), len(a), err)
	}
	if bytes.Equal(a, b) {
		t.Error("two accounts look the same")
	}
	if lines := strings.Fields(tvSet); len(lines) != avatarSize/avatarCell || len(strings.Join(lines, "")) != 256 {
		t.Error("the drawing is not square")
	}
}

// A friend's new name reaches the box, with the one it takes the place of.
func TestFriendsNewName(t *testing.T) {
	w := up(t)
	rid := w.joined()
	before := len(of[bridge.PresenceEvent](w.core))
	w.push("n", memberEv(rid, "$n", bobID, bobID, "join", m{"displayname": "Robert"}))
	e := await[bridge.PresenceEvent](t, w.core, before+1)[before]
	if e.Name != "Robert" || e.Was != "Bob" || e.From != bobID || e.Presence != bridge.PresenceOnline {
		t.Errorf("event %+v", e)
	}
}

// A new name that the core could not take is not forgotten, and the name of one who
// had none until now takes the place of the user name.
func TestFriendsNewNameAgain(t *testing.T) {
	w := up(t)
	rid := w.joined()
	before := len(of[bridge.PresenceEvent](w.core))
	failed := false
	w.core.change(func() {
		w.core.hook = func(_ context.Context, e bridge.Event) error { // called by one worker
			if _, ok := e.(bridge.PresenceEvent); ok && !failed {
				failed = true
				return errors.New("the disk is full")
			}
			return nil
		}
	})
	w.push("n", memberEv(rid, "$n", bobID, bobID, "join", m{"displayname": "Robert"}))
	if e := await[bridge.PresenceEvent](t, w.core, before+1)[before]; e.Name != "Robert" || e.Was != "Bob" {
		t.Errorf("event %+v", e)
	}
	w.eventually("the name", `SELECT name = 'Robert' FROM matrix_rooms WHERE room = ?`, rid)
	w.push("o", memberEv(rid, "$o", bobID, bobID, "join", m{"displayname": ""}))
	w.push("p", memberEv(rid, "$p", bobID, bobID, "join", m{"displayname": "Rob"}))
	w.eventually("the name", `SELECT name = 'Rob' FROM matrix_rooms WHERE room = ?`, rid)
	all := of[bridge.PresenceEvent](w.core)
	if e := all[len(all)-1]; e.Name != "Rob" || e.Was != "bob" {
		t.Errorf("event %+v", e)
	}
}
