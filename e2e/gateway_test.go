package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/e2e/harness"
	"wtvgate/msnp/wire"
)

// gateway_test.go: the real program between a real homeserver, with a friend on
// it, and a simulated box.

const bobAddress = "bob@" + harness.Domain

// parts is all that runs in a test.
type parts struct {
	hs  *harness.Homeserver
	g   *harness.Gateway
	box *harness.Box // Alice's
	bob *harness.Friend
}

// newParts starts everything; the box is not signed in yet.
func newParts(t *testing.T) *parts {
	t.Helper()
	return newPartsWith(t, func(*harness.Homeserver) {})
}

// newPartsWith changes the homeserver before it starts.
func newPartsWith(t *testing.T, change func(*harness.Homeserver)) *parts {
	t.Helper()
	p := &parts{hs: harness.PrepareHomeserver(t)}
	change(p.hs)
	p.g = harness.NewGateway(t, p.hs)
	p.hs.Configure(p.g.Registration)
	p.hs.Start()
	p.bob = p.hs.NewFriend("bob")
	p.box = p.g.AddAccount("alice", "Alice")
	p.g.Start()
	return p
}

// friends has the box add Bob and Bob join; it gives the room.
func (p *parts) friends() mid.RoomID {
	p.box.SignIn(wire.MSNP8)
	p.box.Add(wire.Allow, bobAddress, bobAddress)
	p.box.Add(wire.Forward, bobAddress, bobAddress)
	room, _ := p.bob.WaitInvite(harness.Ghost("alice"))
	p.bob.Join(room)
	p.box.WaitPresence(bobAddress, wire.Online)
	return room
}

func TestBoxAddsFriend(t *testing.T) {
	p := newParts(t)
	p.box.SignIn(wire.MSNP8)
	p.box.Add(wire.Allow, bobAddress, bobAddress)
	p.box.Add(wire.Forward, bobAddress, bobAddress)
	room, direct := p.bob.WaitInvite(harness.Ghost("alice"))
	if !direct {
		t.Error("the invitation is not direct")
	}
	p.bob.Join(room)
	p.box.WaitPresence(bobAddress, wire.Online)
	if name := p.bob.WaitMember(room, harness.Ghost("alice"), event.MembershipJoin); name != "Alice (WebTV)" {
		t.Errorf("the friend sees %q", name)
	}
}

func TestChatBothWays(t *testing.T) {
	for _, d := range []wire.Dialect{wire.MSNP6, wire.MSNP8} {
		t.Run(d.String(), func(t *testing.T) {
			p := newParts(t)
			p.g.Run("contact", "add", p.box.Address, bobAddress, "--name", "Bob")
			room, _ := p.bob.WaitInvite(harness.Ghost("alice"))
			p.bob.Join(room)
			p.box.SignIn(d)
			p.box.WaitPresence(bobAddress, wire.Online)

			p.box.Say(bobAddress, "hello Bob")
			p.bob.WaitText(room, harness.Ghost("alice"), "hello Bob")
			ev := p.bob.Send(room, "hi Alice")
			if got := p.box.WaitHeard(bobAddress, 1); !slices.Equal(got, []string{"hi Alice"}) {
				t.Errorf("the box has %q", got)
			}
			p.bob.WaitRead(harness.Ghost("alice"), ev)
			p.box.Typing(bobAddress)
			p.bob.WaitTyping(room, harness.Ghost("alice"), true)

			p.box.Hang(bobAddress)
			p.bob.Send(room, "still there?") // rings
			p.box.WaitHeard(bobAddress, 2)
			p.box.Say(bobAddress, "yes")
			p.bob.WaitText(room, harness.Ghost("alice"), "yes")
			if got := p.bob.Texts(room, harness.Ghost("alice")); !slices.Equal(got, []string{"hello Bob", "yes"}) {
				t.Errorf("the room has %q", got)
			}
			p.g.Stop()
		})
	}
}

func TestFriendAddsBox(t *testing.T) {
	p := newParts(t)
	p.bob.SetName("Bob")
	p.box.SignIn(wire.MSNP8)
	room := p.bob.InviteDirect(harness.Ghost("alice"))
	p.bob.Send(room, "hi, it is me") // before anybody joined
	if name := p.box.WaitAdded(bobAddress); name != "Bob" {
		t.Errorf("added by %q", name)
	}
	p.box.Add(wire.Allow, bobAddress, bobAddress)
	p.box.Add(wire.Forward, bobAddress, bobAddress)
	p.bob.WaitMember(room, harness.Ghost("alice"), event.MembershipJoin)
	p.bob.Send(room, "and again")
	if got := untimed(p.box.WaitHeard(bobAddress, 2)); !slices.Equal(got, []string{"hi, it is me", "and again"}) {
		t.Errorf("the box has %q", got)
	}
	p.box.WaitPresence(bobAddress, wire.Online)
	p.box.Say(bobAddress, "hello")
	p.bob.WaitText(room, harness.Ghost("alice"), "hello")
	if l := p.box.Lists(bobAddress); !l.Has(wire.Forward) || !l.Has(wire.Allow) || !l.Has(wire.Reverse) {
		t.Errorf("lists %b", l)
	}
}

func TestBoxIsOff(t *testing.T) {
	p := newParts(t)
	room := p.friends()
	p.box.Drop()
	want := []string{"one", "two", "three"}
	for _, text := range want {
		p.g.WaitTaken(p.bob.Send(room, text))
	}
	p.box.SignIn(wire.MSNP6)
	p.box.WaitHeard(bobAddress, 3)
	p.box.SignOut()
	p.g.WaitTaken(p.bob.Send(room, "four"))
	p.box.SignIn(wire.MSNP8)
	heard := p.box.WaitHeard(bobAddress, 4)
	if got := untimed(heard); !slices.Equal(got, append(want, "four")) {
		t.Errorf("the box has %q", got)
	}
	for _, h := range heard {
		if !timed.MatchString(h) {
			t.Errorf("%q does not say when it was written", h)
		}
	}
}

// timed is the time before a text that waited for the box.
var timed = regexp.MustCompile(`^\(\d\d:\d\d\) `)

// untimed leaves the times out.
func untimed(texts []string) []string {
	var all []string
	for _, t := range texts {
		all = append(all, timed.ReplaceAllString(t, ""))
	}
	return all
}

func TestHomeserverIsAway(t *testing.T) {
	p := newParts(t)
	room := p.friends()
	p.box.Say(bobAddress, "before")
	p.bob.WaitText(room, harness.Ghost("alice"), "before")
	p.hs.Stop()
	want := []string{"before"}
	for i := range 3 {
		text := fmt.Sprint("while away ", i)
		p.box.Say(bobAddress, text) // acknowledged: it is stored
		want = append(want, text)
	}
	p.hs.Start()
	p.bob.WaitText(room, harness.Ghost("alice"), want[3])
	p.box.Say(bobAddress, "after")
	p.bob.WaitText(room, harness.Ghost("alice"), "after")
	if got := p.bob.Texts(room, harness.Ghost("alice")); !slices.Equal(got, append(want, "after")) {
		t.Errorf("the room has %q", got)
	}
}

// A homeserver that takes the request and answers only later: the try is given
// up and made again, and the message is there once.
func TestHomeserverHangs(t *testing.T) {
	p := newParts(t)
	room := p.friends()
	p.hs.Pause()
	p.box.Say(bobAddress, "once")
	p.g.Kill() // the request is under way; its outcome will never be known
	p.hs.Resume()
	p.g.Start()
	p.box.Drop()
	p.box.SignIn(wire.MSNP8)
	p.box.Say(bobAddress, "twice")
	p.bob.WaitText(room, harness.Ghost("alice"), "twice")
	if got := p.bob.Texts(room, harness.Ghost("alice")); !slices.Equal(got, []string{"once", "twice"}) {
		t.Errorf("the room has %q", got)
	}
}

func TestGatewayKilledWithMessagesForFriend(t *testing.T) {
	p := newParts(t)
	room := p.friends()
	p.hs.Stop()
	p.box.Say(bobAddress, "one")
	p.box.Say(bobAddress, "two")
	p.g.Kill()
	p.g.StartAlone()
	p.g.Kill() // and once more, before the homeserver is back
	p.hs.Start()
	p.g.Start()
	p.box.Drop()
	p.box.SignIn(wire.MSNP8)
	p.box.Say(bobAddress, "three")
	p.bob.WaitText(room, harness.Ghost("alice"), "three")
	if got := p.bob.Texts(room, harness.Ghost("alice")); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("the room has %q", got)
	}
}

func TestGatewayKilledWithMessagesForBox(t *testing.T) {
	p := newParts(t)
	room := p.friends()
	p.bob.Send(room, "0")
	p.box.WaitHeard(bobAddress, 1)
	p.box.Drop()
	want := []string{"0"}
	for i := range 3 { // three times: with messages just taken, waiting, and missed
		for j := range 4 {
			text := fmt.Sprintf("%d.%d", i, j)
			p.bob.Send(room, text)
			want = append(want, text)
			if j == 1 {
				p.g.Kill()
			}
		}
		p.g.Start()
	}
	p.box.SignIn(wire.MSNP8)
	p.box.WaitHeard(bobAddress, len(want))
	p.bob.Send(room, "last")
	if got := untimed(p.box.WaitHeard(bobAddress, len(want)+1)); !slices.Equal(got, append(want, "last")) {
		t.Errorf("the box has %q, want %q", got, append(want, "last"))
	}
}

// Blocking somebody who asks is a no; blocking a friend is silent, and ends with
// the block.
func TestBlocks(t *testing.T) {
	p := newParts(t)
	carl := p.hs.NewFriend("carl")
	room := p.friends()
	asked := carl.InviteDirect(harness.Ghost("alice"))
	p.box.WaitAdded("carl@" + harness.Domain)
	p.box.Add(wire.Block, "carl@"+harness.Domain, "carl@"+harness.Domain)
	carl.WaitMember(asked, harness.Ghost("alice"), event.MembershipLeave)

	p.box.Remove(wire.Allow, bobAddress)
	p.box.Add(wire.Block, bobAddress, bobAddress)
	p.bob.Send(room, "unheard")
	p.box.Say(bobAddress, "are you there?") // an answer in the same room: what was sent before is handled
	p.bob.WaitText(room, harness.Ghost("alice"), "are you there?")
	p.box.Remove(wire.Block, bobAddress)
	p.box.Add(wire.Allow, bobAddress, bobAddress)
	p.bob.Send(room, "heard")
	if got := p.box.WaitHeard(bobAddress, 1); !slices.Equal(got, []string{"heard"}) {
		t.Errorf("the box has %q", got)
	}
	p.bob.WaitMember(room, harness.Ghost("alice"), event.MembershipJoin)
}
