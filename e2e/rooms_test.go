package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/matrix"
	"wtvgate/bridge/text"
	"wtvgate/e2e/harness"
	"wtvgate/msnp/wire"
)

// rooms_test.go: rooms for several people.

// openRoom has a friend make a room that anybody may come into.
func openRoom(f *harness.Friend, alias string) mid.RoomID {
	return f.InviteDirect("", func(r *mautrix.ReqCreateRoom) {
		r.Preset, r.IsDirect, r.Invite, r.Name, r.RoomAliasName = "public_chat", false, nil, "Retro fans", alias
	})
}

// A box adds a room by its alias and talks in it; off its list is out of it.
func TestRoomOnBox(t *testing.T) {
	const address = "#retro@" + harness.Domain
	p := newParts(t)
	carol := p.g.AddAccount("carol", "Carol")
	room := openRoom(p.bob, "retro")
	for _, b := range []*harness.Box{p.box, carol} {
		b.SignIn(wire.MSNP8)
		b.Add(wire.Forward, address, address)
		b.Add(wire.Allow, address, address)
		b.WaitPresence(address, wire.Online)
	}
	p.bob.Send(room, "hello all")
	p.box.WaitHeard(address, 1)
	carol.WaitHeard(address, 1)
	p.box.Say(address, "hello from a TV")
	p.bob.WaitText(room, harness.Ghost("alice"), "hello from a TV")
	if got := carol.WaitHeard(address, 2); !slices.Equal(got, []string{"hello all", "hello from a TV"}) {
		t.Errorf("Carol has %q", got)
	}
	if got := p.box.WaitHeard(address, 1); !slices.Equal(got, []string{"hello all"}) {
		t.Errorf("Alice has %q", got)
	}
	p.box.Remove(wire.Forward, address)
	p.bob.WaitMember(room, harness.Ghost("alice"), "leave")
	p.bob.Send(room, "without Alice")
	carol.WaitHeard(address, 3)
	if got := p.box.WaitHeard(address, 1); len(got) != 1 {
		t.Errorf("Alice has %q", got)
	}
}

// An encrypted room by invitation, with two ghosts, and a friend whose client is
// another implementation.
func TestRoomEncryptedOnBox(t *testing.T) {
	p, fritz := newSealed(t)
	carol := p.g.AddAccount("carol", "Carol")
	p.box.SignIn(wire.MSNP8)
	carol.SignIn(wire.MSNP8)
	room := p.bob.InviteDirect(aliceUser, func(r *mautrix.ReqCreateRoom) {
		r.IsDirect, r.Name, r.Invite = false, "WebTV fans", append(r.Invite, harness.Ghost("carol"), fritz.ID)
		r.InitialState = []*event.Event{{Type: event.StateEncryption, Content: event.Content{Raw: map[string]any{"algorithm": "m.megolm.v1.aes-sha2"}}}}
	})
	fritz.Room("join", room)
	local := string(room[1 : len(room)-len(":"+harness.Domain)])
	address := "#" + id.EscapeLocal("!"+local) + "@" + harness.Domain
	for _, b := range []*harness.Box{p.box, carol} {
		b.WaitAdded(address)
		b.Add(wire.Allow, address, address)
		b.Add(wire.Forward, address, address)
		b.WaitPresence(address, wire.Online)
	}
	fritz.WaitMember(room, aliceUser, "join")
	fritz.WaitMember(room, harness.Ghost("carol"), "join")
	fritz.Send(room, "to all of you")
	p.box.WaitHeard(address, 1)
	carol.WaitHeard(address, 1)
	p.box.Say(address, "alice speaks")
	if s := fritz.WaitText(room, aliceUser, "alice speaks"); !s.Encrypted || fritz.Shield(s) != "none" {
		t.Errorf("encrypted %v, shield %s", s.Encrypted, fritz.Shield(s))
	}
	carol.WaitHeard(address, 2)
	carol.Say(address, "carol too")
	fritz.WaitText(room, harness.Ghost("carol"), "carol too")
	if got := p.box.WaitHeard(address, 2); !slices.Equal(got, []string{"to all of you", "carol too"}) {
		t.Errorf("Alice has %q", got)
	}
}

// What the network hands on of a room: who speaks, who is thrown out, where the
// room goes.
func TestRoomOfNetwork(t *testing.T) {
	const contact = id.Remote("#retro:" + harness.Domain)
	s := newScene(t, func(o *matrix.Options) { o.RoomMembers = 50 })
	room := openRoom(s.bob, "retro")
	s.bob.SetName("Bob")
	to := bridge.Outbound{ID: "m1", From: alice, To: contact, Text: text.Content{Body: "hi @bob"}}
	if err := s.n.Invite(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	s.bob.Send(room, "hello")
	e := await(s.core, "a line", func(e bridge.MessageEvent) bool { return e.Text.Body == "hello" })
	if e.From != contact || e.Speaker != "Bob" || e.Name != "Retro fans" {
		t.Errorf("line %+v", e)
	}
	if _, err := s.n.Send(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	s.bob.WaitText(room, aliceGhost, "hi @bob")
	await(s.core, "the echo", func(e bridge.EchoEvent) bool { return e.ID == "m1" })
	if err := s.n.MarkRead(t.Context(), to, e.Event); err != nil {
		t.Fatal(err)
	}
	s.bob.WaitRead(aliceGhost, mid.EventID(string(e.Event)[:len(e.Event)-len(" "+alice.Address)]))
}

// signIn is another client of a friend's account, for what a Friend does not do.
func signIn(t *testing.T, hs *harness.Homeserver, f *harness.Friend) *mautrix.Client {
	t.Helper()
	c, err := mautrix.NewClient(hs.URL, "", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Login(t.Context(), &mautrix.ReqLogin{Type: mautrix.AuthTypePassword, Password: "password", StoreCredentials: true,
		Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: f.ID.Localpart()}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A room is upgraded: the contact goes on in the new one. The ghost is thrown out:
// the box is told, and it stays out.
func TestRoomMovesAndThrowsOut(t *testing.T) {
	const contact = id.Remote("#retro:" + harness.Domain)
	s := newScene(t, func(o *matrix.Options) { o.RoomMembers = 50 })
	room := openRoom(s.bob, "retro")
	bob := signIn(t, s.hs, s.bob)
	to := bridge.Outbound{ID: "m1", From: alice, To: contact, Text: text.Content{Body: "in the new room"}}
	if err := s.n.Invite(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	var made struct {
		Room mid.RoomID `json:"replacement_room"`
	}
	_, err := bob.MakeRequest(t.Context(), http.MethodPost, bob.BuildClientURL("v3", "rooms", room, "upgrade"), map[string]string{"new_version": "11"}, &made)
	if err != nil {
		t.Fatal(err)
	}
	s.bob.WaitMember(made.Room, aliceGhost, event.MembershipJoin)
	s.bob.WaitMember(room, aliceGhost, event.MembershipLeave)
	s.bob.Send(made.Room, "hello again")
	e := await(s.core, "a line", func(e bridge.MessageEvent) bool { return e.Text.Body == "hello again" })
	if e.From != contact || e.Speaker != "bob" {
		t.Errorf("line %+v", e)
	}
	if _, err := s.n.Send(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	s.bob.WaitText(made.Room, aliceGhost, "in the new room")
	if _, err := bob.KickUser(t.Context(), made.Room, &mautrix.ReqKickUser{UserID: aliceGhost}); err != nil {
		t.Fatal(err)
	}
	await(s.core, "a word", func(e bridge.NoticeEvent) bool { return e.From == contact && strings.Contains(e.Text, "removed you") })
	to.ID = "m2"
	if _, err := s.n.Send(t.Context(), to); err == nil || !strings.Contains(err.Error(), "add it again") {
		t.Errorf("sent after being thrown out: %v", err)
	}
}

// An owner who has a Matrix account speaks as themselves, and the ghost has a
// picture.
func TestOwnerAndPicture(t *testing.T) {
	const contact = id.Remote("#retro:" + harness.Domain)
	owners := t.TempDir()
	s := newScene(t, func(o *matrix.Options) { o.RoomMembers, o.Owners, o.Avatars = 50, owners, t.TempDir() })
	room := openRoom(s.bob, "retro")
	dora := s.hs.NewFriend("dora")
	dora.Join(room)
	token := signIn(t, s.hs, dora).AccessToken
	if err := os.WriteFile(filepath.Join(owners, string(alice.Address)), []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	to := bridge.Outbound{ID: "m1", From: alice, To: contact, Text: text.Content{Body: "it is me"}}
	if err := s.n.Invite(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if _, err := s.n.Send(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	s.bob.WaitText(room, dora.ID, "it is me")
	await(s.core, "the echo", func(e bridge.EchoEvent) bool { return e.ID == "m1" })
	dora.Send(room, "from my phone")
	e := await(s.core, "a line", func(e bridge.MessageEvent) bool { return true })
	if e.Text.Body != "from my phone" || e.Speaker != "dora" {
		t.Errorf("line %+v", e)
	}
	bob := signIn(t, s.hs, s.bob)
	p, err := bob.GetProfile(t.Context(), aliceGhost)
	if err != nil || p.AvatarURL.IsEmpty() {
		t.Fatalf("profile %+v, %v", p, err)
	}
	data, err := bob.DownloadBytes(t.Context(), p.AvatarURL)
	if err != nil || http.DetectContentType(data) != "image/png" {
		t.Errorf("picture of %d bytes, %v", len(data), err)
	}
}

// doctor finds the way to the homeserver and back, also on a homeserver without ping
// (Dendrite), and says what to do where it cannot look.
func TestDoctorBothWays(t *testing.T) {
	p := newParts(t)
	running := "has no ping, so it cannot be tried while the gateway runs"
	if harness.Synapse() {
		running = "the homeserver reaches the gateway at"
	}
	if out := p.g.Run("doctor"); !strings.Contains(out, running) {
		t.Errorf("while it runs:\n%s", out)
	}
	p.g.Stop()
	if out := p.g.Run("doctor"); !strings.Contains(out, "the homeserver reaches the gateway at") {
		t.Errorf("while it does not run:\n%s", out)
	}
}
