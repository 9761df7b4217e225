package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/e2e/harness"
	"wtvgate/msnp/wire"
)

// crypto_test.go: encrypted chats, with a friend whose client is another
// implementation: matrix-js-sdk. The numbers are those of the fifteen acceptance
// checks (docs/matrix.md says where each is).

const (
	fritzAddress = "fritz@" + harness.Domain
	aliceUser    = mid.UserID("@webtv_alice:" + harness.Domain)
)

// newSealed starts everything, with a friend who encrypts.
func newSealed(t *testing.T, o ...harness.JSOption) (*parts, *harness.JSFriend) {
	t.Helper()
	p := newParts(t)
	return p, p.hs.NewJSFriend("fritz", o...)
}

// allow has a box take what Fritz writes without being asked.
func allow(box *harness.Box) {
	box.SignIn(wire.MSNP8)
	box.Add(wire.Allow, fritzAddress, fritzAddress)
}

// talk makes an encrypted chat that both have written in.
func talk(p *parts, fritz *harness.JSFriend) mid.RoomID {
	allow(p.box)
	room := fritz.InviteDirect(aliceUser, nil)
	fritz.Send(room, "hello Alice")
	p.heard("hello Alice")
	p.box.Say(fritzAddress, "hello Fritz")
	fritz.WaitText(room, aliceUser, "hello Fritz")
	return room
}

// heard waits until the box has exactly these texts of Fritz.
func (p *parts) heard(want ...string) {
	p.box.T().Helper()
	if got := untimed(p.box.WaitHeard(fritzAddress, len(want))); !slices.Equal(got, want) {
		p.box.T().Errorf("the box has %q, want %q", got, want)
	}
}

// Check 1: an encrypted chat by the friend, written into at once. Check 2: the
// answer is encrypted, and the friend's client shows no warning at it. Check 15:
// the homeserver has none of it.
func TestAccept01And02And15FriendBeginsEncrypted(t *testing.T) {
	p, fritz := newSealed(t)
	allow(p.box)
	room := fritz.InviteDirect(aliceUser, nil)
	fritz.Send(room, "first-of-two")
	fritz.Send(room, "second-of-two")
	p.heard("first-of-two", "second-of-two")
	p.box.Say(fritzAddress, "hello-fritz")
	if s := fritz.WaitText(room, aliceUser, "hello-fritz"); !s.Encrypted || fritz.Shield(s) != "none" {
		t.Errorf("the answer: encrypted %v, shield %s", s.Encrypted, fritz.Shield(s))
	}
	p.hs.Stop() // what is in its memory is on disk
	for _, text := range []string{"first-of-two", "second-of-two", "hello-fritz"} {
		if p.hs.Holds(text) {
			t.Errorf("the homeserver has %q in clear", text)
		}
	}
	if !p.hs.Holds("m.room.encrypted") {
		t.Error("the homeserver's files are not where they were looked for")
	}
}

// Check 2, of a client that takes part only with devices that their owners have
// signed.
func TestAccept02StrictFriend(t *testing.T) {
	p, fritz := newSealed(t, harness.Strict, harness.Recoverable)
	room := talk(p, fritz)
	if s := fritz.WaitText(room, aliceUser, "hello Fritz"); !s.Encrypted || fritz.Shield(s) != "none" {
		t.Errorf("the answer: encrypted %v, shield %s", s.Encrypted, fritz.Shield(s))
	}
}

// Check 3: a chat that the box begins is encrypted if the friend can read that,
// and what is written before the friend has accepted can be read after it.
func TestAccept03BoxBeginsEncrypted(t *testing.T) {
	p, fritz := newSealed(t)
	p.box.SignIn(wire.MSNP8)
	p.box.Add(wire.Allow, fritzAddress, fritzAddress)
	p.box.Add(wire.Forward, fritzAddress, fritzAddress)
	room, direct := fritz.WaitInvite(aliceUser)
	if !direct {
		t.Error("the invitation is not direct")
	}
	p.box.Say(fritzAddress, "are you there?")
	fritz.Room("join", room)
	if s := fritz.WaitText(room, aliceUser, "are you there?"); !s.Encrypted || fritz.Shield(s) != "none" {
		t.Errorf("encrypted %v, shield %s", s.Encrypted, fritz.Shield(s))
	}
	fritz.Send(room, "now I am")
	p.heard("now I am")
}

// Check 4: the friend's further device, signed in in the middle of the talk,
// reads the next message of each of two ghosts. All ghosts share one table of
// the friend's devices, and the first to see the new one must not be the only
// one that changes its keys.
func TestAccept04SecondDeviceTwoGhosts(t *testing.T) {
	p, fritz := newSealed(t)
	room := talk(p, fritz)
	carol := p.g.AddAccount("carol", "Carol")
	allow(carol)
	other := fritz.InviteDirect(harness.Ghost("carol"), nil)
	fritz.Send(other, "hello Carol")
	carol.WaitHeard(fritzAddress, 1)
	carol.Say(fritzAddress, "hello from Carol")
	fritz.WaitText(other, harness.Ghost("carol"), "hello from Carol")
	for i := range 2 {
		again := fritz.Another()
		p.g.WaitDevice(fritz.ID, again.Device)
		text := fmt.Sprint("seen by device ", i)
		p.box.Say(fritzAddress, text)
		carol.Say(fritzAddress, text)
		again.WaitText(room, aliceUser, text)
		again.WaitText(other, harness.Ghost("carol"), text)
	}
}

// Check 5: keys that are sent while the gateway is dead.
func TestAccept05KeysWhileKilled(t *testing.T) {
	p, fritz := newSealed(t)
	room := talk(p, fritz)
	p.g.Kill()
	fritz.Room("discard", room)
	fritz.Send(room, "one")
	fritz.Room("discard", room)
	fritz.Send(room, "two")
	p.g.Start()
	p.box.Drop()
	p.box.SignIn(wire.MSNP8)
	p.heard("hello Alice", "one", "two")
	fritz.Send(room, "three")
	p.heard("hello Alice", "one", "two", "three")
	p.box.Say(fritzAddress, "still here")
	if s := fritz.WaitText(room, aliceUser, "still here"); fritz.Shield(s) != "none" {
		t.Errorf("shield %s after a restart", fritz.Shield(s))
	}
	if got := fritz.Devices(aliceUser); len(got) != 1 {
		t.Errorf("the ghost has the devices %v", got)
	}
}

// Check 7: the homeserver goes away during a send, with the outcome unknown.
func TestAccept07HomeserverRestartsDuringSend(t *testing.T) {
	p, fritz := newSealed(t)
	room := talk(p, fritz)
	p.hs.Pause()
	p.box.Say(fritzAddress, "once") // the request is under way when it goes
	p.hs.Resume()
	p.hs.Kill()
	p.box.Say(fritzAddress, "twice")
	p.hs.Start()
	p.box.Say(fritzAddress, "three times")
	fritz.WaitText(room, aliceUser, "three times")
	if got := fritz.Texts(room, aliceUser); !slices.Equal(got, []string{"hello Fritz", "once", "twice", "three times"}) {
		t.Errorf("the friend has %q", got)
	}
}

// Check 11: a plain chat in which encryption is switched on.
func TestAccept11EncryptionSwitchedOn(t *testing.T) {
	p, fritz := newSealed(t)
	allow(p.box)
	room := fritz.InvitePlain(aliceUser)
	fritz.Send(room, "in clear")
	p.heard("in clear")
	p.box.Say(fritzAddress, "clear too")
	if s := fritz.WaitText(room, aliceUser, "clear too"); s.Encrypted {
		t.Error("a plain chat is encrypted")
	}
	fritz.Room("encrypt", room)
	fritz.Send(room, "sealed")
	p.heard("in clear", "sealed")
	p.box.Say(fritzAddress, "sealed too")
	if s := fritz.WaitText(room, aliceUser, "sealed too"); !s.Encrypted || fritz.Shield(s) != "none" {
		t.Errorf("encrypted %v, shield %s", s.Encrypted, fritz.Shield(s))
	}
}

// Check 14: all one-time keys of a ghost are taken while its box is off. New ones
// come with the next look, and what is written then can be read. (Dendrite has no
// fallback keys, which would answer meanwhile.)
func TestAccept14OneTimeKeysTaken(t *testing.T) {
	p, fritz := newSealed(t)
	room := talk(p, fritz)
	p.box.Drop()
	device := fritz.Devices(aliceUser)[0]
	if kinds := fritz.Claim(aliceUser, device, 55); kinds[54] == "once" {
		t.Errorf("one-time keys are not used up: %v", kinds)
	}
	p.g.Kill()
	p.g.Start() // a start is a look
	fritz.WaitKey(aliceUser, device)
	other := fritz.Another()
	other.Send(room, "from elsewhere") // its client has to take a key to send its own
	p.box.SignIn(wire.MSNP8)
	p.heard("hello Alice", "from elsewhere")
}

// A box that lost its line: its friend is told after half a minute that what they
// write waits, once and encrypted, and the box gets all of it.
func TestWaitingIsToldEncrypted(t *testing.T) {
	const line = "Alice is not at the TV now. What you write waits there and is shown later."
	p, fritz := newSealed(t)
	room := talk(p, fritz)
	ev := fritz.Send(room, "one more")
	fritz.See("the receipt", func(s harness.Seen) bool { return s.Saw == "receipt" && s.User == aliceUser && s.ID == ev })
	p.box.Drop()
	for strings.Contains(p.g.Run("session", "list"), p.box.Address) { // a round trip each: the gateway has to notice
	}
	fritz.Send(room, "are you there?")
	s := fritz.WaitText(room, aliceUser, line)
	if !s.Encrypted || s.MsgType != "m.notice" || fritz.Shield(s) != "none" {
		t.Errorf("encrypted %v, %s, shield %s", s.Encrypted, s.MsgType, fritz.Shield(s))
	}
	fritz.Send(room, "good night")
	p.box.SignIn(wire.MSNP8)
	p.heard("hello Alice", "one more", "are you there?", "good night")
	p.box.Say(fritzAddress, "good morning")
	fritz.WaitText(room, aliceUser, "good morning")
	if got := fritz.Texts(room, aliceUser); !slices.Equal(got, []string{"hello Fritz", line, "good morning"}) {
		t.Errorf("the friend has %q", got)
	}
}
