package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wtvgate/e2e/harness"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

// TestDiskFull: when nothing can be stored, a box gets NAK, what a friend writes stays
// with the homeserver, /readyz says why; when it can again, all goes on without a
// restart, and nothing that was accepted is missing or double.
func TestDiskFull(t *testing.T) {
	p := &parts{hs: harness.PrepareHomeserver(t)}
	p.g = harness.NewGateway(t, p.hs)
	disk := p.g.SmallDisk(8 << 20)
	p.hs.Configure(p.g.Registration)
	p.hs.Start()
	p.bob = p.hs.NewFriend("bob")
	p.box = p.g.AddAccount("alice", "Alice")
	p.g.Start()
	room := p.friends()
	want := []string{"before"}
	p.box.Say(bobAddress, "before")
	p.bob.WaitText(room, harness.Ghost("alice"), "before")

	disk.Fill()
	long := strings.Repeat("x", 900)
	for i := 0; ; i++ { // what SQLite has of its files already has still room
		text := fmt.Sprintf("line %d %s", i, long)
		if err := p.box.TrySay(bobAddress, text); errors.Is(err, msnp.ErrNotDelivered) {
			break
		} else if err != nil || i > 8000 {
			t.Fatalf("line %d: %v", i, err)
		}
		want = append(want, text)
	}
	p.g.WaitReady(false, "disk")
	p.bob.Send(room, "while nothing could be stored")
	disk.Free()
	p.g.WaitReady(true, "")
	// The first line says that a message was not taken.
	if got := untimed(p.box.WaitHeard(bobAddress, 2)); got[len(got)-1] != "while nothing could be stored" {
		t.Errorf("the box has %q", got)
	}
	p.box.Say(bobAddress, "after")
	p.bob.WaitText(room, harness.Ghost("alice"), "after")
	got, err := p.bob.All(t.Context(), room, harness.Ghost("alice"))
	if want = append(want, "after"); err != nil || !slices.Equal(got, want) {
		t.Errorf("the room has %d texts, want %d; %v", len(got), len(want), err)
	}
	p.box.SignOut()
	p.box.SignIn(wire.MSNP8)
	p.g.Stop()
}
