package e2e

import (
	"slices"
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
