package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/e2e/harness"
	"wtvgate/msnp/wire"
)

// around_test.go: what is around messages: acceptance checks 8, 9 and 10.

const (
	// soon is how long a change of presence may take, and gone a box that signs out
	// (acceptance check 8).
	soon = 2 * time.Second
	gone = 5 * time.Second
	// heldLong is how long presence has to hold as the check has it; heldShort is
	// longer than a request of the gateway stays open, which is when it could end.
	heldLong  = 5 * time.Minute
	heldShort = 25 * time.Second
	// paced is longer than the gateway lets pass between two changes of a friend on
	// the TV, unhurried between two changes of how a box is shown.
	paced     = 4 * time.Second
	unhurried = 12 * time.Second
)

// soaking tells whether the long forms of the tests are wanted.
func soaking() bool { return os.Getenv("WTVGATE_SOAK") != "" }

// within checks how long something takes.
func within(t *testing.T, limit time.Duration, what string, happens func()) {
	t.Helper()
	begin := time.Now()
	happens()
	took := time.Since(begin)
	if took > limit {
		t.Errorf("%s took %v, more than %v", what, took, limit)
	}
	t.Logf("%s: %v", what, took.Round(time.Millisecond))
}

// Check 8: how the box is shown to the friend, and the friend to the box.
func TestAccept08Presence(t *testing.T) {
	p := newPartsWith(t, func(hs *harness.Homeserver) { hs.Presence = true })
	fritz := p.hs.NewJSFriend("fritz")
	talk(p, fritz)
	p.box.Add(wire.Forward, fritzAddress, fritzAddress)
	p.box.WaitPresence(fritzAddress, wire.Online)
	fritz.WaitPresence(aliceUser, "online")

	is := func(presence string) func() { return func() { t.Helper(); fritz.WaitPresence(aliceUser, presence) } }
	p.box.SetStatus(wire.Away)
	within(t, soon, "the box is away", is("unavailable"))
	fritz.KeepsPresence(aliceUser, "unavailable", unhurried)
	p.box.SetStatus(wire.Online)
	within(t, soon, "the box is back", is("online"))
	held := heldShort
	if soaking() {
		held = heldLong
	}
	fritz.KeepsPresence(aliceUser, "online", held)
	p.box.SignOut()
	within(t, gone, "the box signs out", is("offline"))
	p.box.SignIn(wire.MSNP8)
	within(t, soon, "the box signs in", is("online"))

	for _, c := range []struct {
		presence string
		status   wire.Status
	}{{"unavailable", wire.Away}, {"online", wire.Online}, {"offline", wire.Offline}, {"online", wire.Online}} {
		fritz.KeepsPresence(aliceUser, "online", paced)
		fritz.SetPresence(c.presence)
		within(t, soon, "the friend is "+c.presence, func() { p.box.WaitPresence(fritzAddress, c.status) })
	}

	p.g.Kill() // it cannot say goodbye for the box
	p.box.Drop()
	p.g.Start()
	within(t, gone, "after a restart the box is off", is("offline"))
	fritz.KeepsPresence(aliceUser, "offline", paced)
}

// Check 9: typing both ways, the read receipt, names both ways, a reply, an edit,
// a reaction, a message taken back, and a picture, all in an encrypted chat.
func TestAccept09AroundMessages(t *testing.T) {
	p, fritz := newSealed(t)
	room := talk(p, fritz)
	p.box.Add(wire.Forward, fritzAddress, fritzAddress)
	want := []string{"hello Alice"}
	shown := func(line string) {
		t.Helper()
		want = append(want, line)
		p.heard(want...)
	}
	ev := fritz.Send(room, "I live in Bon")
	shown("I live in Bon")
	fritz.See("the receipt", func(s harness.Seen) bool { return s.Saw == "receipt" && s.User == aliceUser && s.ID == ev })
	fritz.Typing(room, true)
	p.box.WaitTyping(fritzAddress)
	p.box.Typing(fritzAddress)
	fritz.See("typing", func(s harness.Seen) bool { return s.Saw == "typing" && s.User == aliceUser && s.On })

	fritz.SendEvent(room, "m.room.message", map[string]any{"msgtype": "m.text", "body": "* I live in Bonn",
		"m.new_content": map[string]any{"msgtype": "m.text", "body": "I live in Bonn"},
		"m.relates_to":  map[string]any{"rel_type": "m.replace", "event_id": ev}})
	shown("(edited) I live in Bonn")
	fritz.SendEvent(room, "m.room.message", map[string]any{"msgtype": "m.text", "body": "> <@x:y> where?\n\nthere",
		"m.relates_to": map[string]any{"m.in_reply_to": map[string]any{"event_id": ev}}})
	shown(`(re fritz: "I live in Bonn") there`) // what the gateway knows, not what the reply says

	own := fritz.WaitText(room, aliceUser, "hello Fritz")
	fritz.SendEvent(room, "m.reaction", map[string]any{
		"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": own.ID, "key": "\U0001f44d"}})
	shown(`(fritz reacted :thumbsup: to "hello Fritz")`)
	fritz.Redact(room, ev)
	shown(`(deleted: "I live in Bonn")`)

	fritz.SetName("Friedrich")
	fritz.See("the own name", func(s harness.Seen) bool { return s.Saw == "name" && s.User == fritz.ID && s.Name == "Friedrich" })
	fritz.Send(room, "call me so")
	shown("call me so")
	if name := p.box.LastName(fritzAddress); name != "Friedrich" {
		t.Errorf("the friend is called %q", name)
	}
	p.box.SetName("Alice Cooper")
	fritz.See("the new name", func(s harness.Seen) bool {
		return s.Saw == "name" && s.User == aliceUser && s.Name == "Alice Cooper (WebTV)"
	})

	data := animation(t)
	fritz.SendImage(room, "cat.gif", "image/gif", data)
	got := untimed(p.box.WaitHeard(fritzAddress, len(want)+1))[len(want)]
	link := regexp.MustCompile(`^\[picture: cat\.gif (http://\S+)\]$`).FindStringSubmatch(got)
	if link == nil {
		t.Fatalf("the box reads %q", got)
	}
	if kind, body := p.box.Fetch(link[1]); kind != "image/gif" || !bytes.Equal(body, data) {
		t.Errorf("the picture is %s of %d bytes, sent were %d", kind, len(body), len(data))
	}
}

// animation is a small moving picture as the gateway leaves it.
func animation(t *testing.T) []byte {
	t.Helper()
	g := &gif.GIF{Config: image.Config{Width: 8, Height: 8}}
	for i := range 2 {
		m := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.Black, color.White})
		m.SetColorIndex(i, i, 1)
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 20)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Check 10, in encrypted chats: the friend leaves and asks again, and the
// box asks the friend back. What becomes of an invitation to a room for several is in
// rooms_test.go.
func TestAccept10LeaveAndInviteAgain(t *testing.T) {
	p, fritz := newSealed(t)
	room := talk(p, fritz)
	fritz.Room("leave", room) // it was the friend's: the ghost leaves it too
	p.heard("hello Alice", "(fritz has left the chat.)")
	second := fritz.InviteDirect(aliceUser, nil)
	fritz.Send(second, "back again")
	p.heard("hello Alice", "(fritz has left the chat.)", "back again")

	fritz.Room("leave", second)
	p.heard("hello Alice", "(fritz has left the chat.)", "back again", "(fritz has left the chat.)")
	p.box.Say(fritzAddress, "do not go") // in a chat of the box's own
	third, _ := fritz.WaitInvite(aliceUser, room, second)
	fritz.Room("join", third)
	if s := fritz.WaitText(third, aliceUser, "do not go"); !s.Encrypted || fritz.Shield(s) != "none" {
		t.Errorf("encrypted %v, shield %s", s.Encrypted, fritz.Shield(s))
	}
}

// Check 10, the answers to an invitation: yes, no, and none by a ghost that
// nobody has.
func TestAccept10Answers(t *testing.T) {
	p, fritz := newSealed(t)
	p.box.SignIn(wire.MSNP8)
	room := fritz.InviteDirect(aliceUser, nil)
	fritz.Send(room, "may I?")
	if name := p.box.WaitAdded(fritzAddress); name != "fritz" {
		t.Errorf("added by %q", name)
	}
	p.box.Add(wire.Block, fritzAddress, fritzAddress)
	fritz.WaitMember(room, aliceUser, "leave")

	p.box.Remove(wire.Block, fritzAddress)
	second := fritz.InviteDirect(aliceUser, nil)
	fritz.Send(second, "please")
	p.box.Add(wire.Allow, fritzAddress, fritzAddress)
	fritz.WaitMember(second, aliceUser, "join")
	p.heard("please") // and not what was said in the chat that was turned down
	p.box.Say(fritzAddress, "very well")
	if s := fritz.WaitText(second, aliceUser, "very well"); !s.Encrypted || fritz.Shield(s) != "none" {
		t.Errorf("encrypted %v, shield %s", s.Encrypted, fritz.Shield(s))
	}

	unknown := mid.UserID("@webtv_nobody:" + harness.Domain)
	nobody := fritz.InviteDirect(unknown, nil)
	fritz.WaitMember(nobody, unknown, "leave")
	fritz.Send(second, "still here?") // the chat with the other ghost goes on
	p.heard("please", "still here?")
}

// Check 10, a ghost that is thrown out and asked back in: what is said then is
// encrypted, and the ghost does not come back by itself.
func TestAccept10ThrownOut(t *testing.T) {
	p, fritz := newSealed(t)
	allow(p.box)
	room := fritz.InviteLoose(aliceUser)
	fritz.WaitMember(room, aliceUser, "join")
	fritz.Send(room, "hello Alice")
	p.heard("hello Alice")
	fritz.Kick(room, aliceUser)
	p.heard("hello Alice", "(fritz has ended the chat.)")
	fritz.Send(room, "nobody hears this")
	fritz.InviteAgain(room, aliceUser)
	fritz.WaitMember(room, aliceUser, "join", "join")
	fritz.Send(room, "welcome back")
	p.heard("hello Alice", "(fritz has ended the chat.)", "welcome back")
	p.box.Say(fritzAddress, "thank you")
	if s := fritz.WaitText(room, aliceUser, "thank you"); !s.Encrypted || fritz.Shield(s) != "none" {
		t.Errorf("encrypted %v, shield %s", s.Encrypted, fritz.Shield(s))
	}
	if got := fritz.Texts(room, aliceUser); !slices.Equal(got, []string{"thank you"}) {
		t.Errorf("the friend has %q", got)
	}
}
