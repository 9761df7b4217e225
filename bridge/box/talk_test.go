package box

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

func TestConversationOpenedByTheBox(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	b.add(wire.Forward, bob)
	r.asked("invite bob")
	talk := b.open(bob)
	if j := next[msnp.Joined](t, talk.Events()); j.Address != bob {
		t.Errorf("joined: %+v", j)
	}
	talk.say("hello Bob")
	r.asked("send bob hello Bob")
	r.writes("alice", "hello Alice")
	m := talk.reads("hello Alice")
	if m.From.Address != bob || m.From.Name != "Bob" {
		t.Errorf("from %+v", m.From)
	}
	if f := m.Header("X-MMS-IM-Format"); f != "" {
		t.Errorf("a box got the format %q", f)
	}
	r.asked("read $1")
}

func TestFriendWritesFirst(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP6)
	r.writes("alice", "are you there?")
	if a := next[msnp.Added](t, b.Events()); a.Address != bob || a.Name != "Bob" {
		t.Errorf("the notice: %+v", a)
	}
	talk := b.answer(bob)
	if j := next[msnp.Joined](t, talk.Events()); j.Address != bob || !j.Initial {
		t.Errorf("inside: %+v", j)
	}
	talk.reads("are you there?")
	r.asked("read $1")
	r.writes("alice", "good")
	talk.reads("good")
	r.asked("read $2")
	talk.say("yes")
	r.asked("send bob yes")
}

func TestMessagesWaitForABoxThatIsOff(t *testing.T) {
	r := newRig(t)
	for i := range 5 {
		r.writes("alice", fmt.Sprint("line ", i))
	}
	b := r.signIn("alice", wire.MSNP8)
	if c, ok := b.roster.Find(bob); !ok || c.Lists != wire.Lists(wire.Reverse) {
		t.Errorf("bob is on %v", c.Lists)
	}
	none[msnp.Ringing](b) // not before the first CHG
	b.status(wire.Online)
	talk := b.answer(bob)
	for i := range 5 {
		m := next[msnp.Message](t, talk.Events())
		if got := m.Text(); !strings.HasPrefix(got, "(") || !strings.HasSuffix(got, fmt.Sprint(") line ", i)) {
			t.Errorf("read %q, want line %d with its time", got, i)
		}
	}
	for got := ""; got != "read $5"; { // in one step or several
		if got = <-r.net.calls; !strings.HasPrefix(got, "read $") {
			t.Fatalf("the network was asked to %q", got)
		}
	}
}

// TestHeldMessages: hidden, or with invitations off, a box is not rung.
func TestHeldMessages(t *testing.T) {
	r := newRig(t)
	b := r.signIn("alice", wire.MSNP8)
	b.status(wire.Hidden)
	r.writes("alice", "one")
	none[msnp.Ringing](b)
	if err := b.SetInvitations(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	b.status(wire.Online)
	r.writes("alice", "two")
	none[msnp.Ringing](b)
	if _, err := b.OpenBoard(t.Context()); err == nil {
		t.Error("XFR SB with invitations off")
	} else {
		refused(t, err, wire.ErrHidden)
	}
	if err := b.SetInvitations(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	talk := b.answer(bob)
	talk.reads("one")
	talk.reads("two")
}

// TestOpenConversationGoesOnWhileHidden: hiding keeps new callers out, not the
// one who is talking.
func TestOpenConversationGoesOnWhileHidden(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	talk := b.open(bob)
	b.status(wire.Hidden)
	r.writes("alice", "still here?")
	talk.reads("still here?")
}

// TestBoardThatEndsLosesNothing: what was not written when the box hung up
// comes with the next ring.
func TestBoardThatEndsLosesNothing(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	r.writes("alice", "one")
	talk := b.answer(bob)
	talk.reads("one")
	if err := talk.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.writes("alice", "two")
	talk = b.open(bob) // the box calls before the next ring is due
	talk.reads("two")
}

func TestLongMessageComesInPieces(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	talk := b.open(bob)
	long := strings.TrimSpace(strings.Repeat("fourteen chars ", 300))
	r.writes("alice", long)
	var got strings.Builder
	for got.Len() < len(long) {
		m := next[msnp.Message](t, talk.Events())
		if len(m.Raw) > 1250 {
			t.Errorf("a payload of %d bytes", len(m.Raw))
		}
		got.WriteString(strings.TrimSuffix(m.Text(), text.Continued) + " ")
	}
	if strings.TrimSpace(got.String()) != long {
		t.Errorf("came as %q", got.String())
	}
	r.asked("read $1")
}

func TestTypingBothWays(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	talk := b.open(bob)
	if err := talk.Typing(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.asked("typing bob true")
	r.receive(bridge.TypingEvent{Account: acct("alice"), From: "bob", On: true})
	m := next[msnp.Message](t, talk.Events())
	if m.Kind() != wire.KindTyping || m.Header("TypingUser") != bob {
		t.Errorf("got %q", m.Raw)
	}
	talk.say("done")
	got := []string{<-r.net.calls, <-r.net.calls} // each on a goroutine of its own
	slices.Sort(got)
	if got[0] != "send bob done" || got[1] != "typing bob false" {
		t.Errorf("the network was asked to %q", got)
	}
}

func TestFileTransferIsDeclined(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	talk := b.open(bob)
	invite := "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgsinvite; charset=UTF-8\r\n\r\n" +
		"Application-Name: File Transfer\r\nInvitation-Command: INVITE\r\nInvitation-Cookie: 33267\r\n\r\n"
	if err := talk.SendRaw(t.Context(), []byte(invite), 'A'); err != nil {
		t.Fatal(err)
	}
	no := next[msnp.Message](t, talk.Events())
	if !strings.Contains(string(no.Body), "Invitation-Command: CANCEL\r\nInvitation-Cookie: 33267\r\nCancel-Code: REJECT\r\n") {
		t.Errorf("got %q", no.Raw)
	}
	talk.reads("(bob@test.example can only get text here.)")
}

func TestCalls(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	c, err := b.OpenBoard(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for callee, code := range map[string]int{
		"hello": wire.ErrBadAddress, "@@a": wire.ErrBadAddress, "ghost@webtv.local": wire.ErrNotOnline,
		"x@nowhere.example": wire.ErrNotOnline, "nobody@test.example": wire.ErrNotOnline, "alice@webtv.local": wire.ErrAlreadyThere,
	} {
		_, err := c.Call(t.Context(), callee)
		if err == nil {
			t.Errorf("%s came", callee)
			continue
		}
		refused(t, err, code)
	}
}

func TestTwoBoxesTalk(t *testing.T) {
	r := newRig(t)
	a, c := r.online("alice", wire.MSNP6), r.online("carol", wire.MSNP8)
	one := a.open("carol@webtv.local")
	two := c.answer("alice@webtv.local")
	next[msnp.Joined](t, one.Events())
	one.say("hello from a box")
	two.reads("hello from a box")
	two.say("and back")
	one.reads("and back")
	if n, err := r.st.PendingIncoming(t.Context(), acct("carol"), 0, 10); err != nil || len(n) != 0 {
		t.Errorf("a live conversation left %d rows, %v", len(n), err)
	}
}

func TestBoxThatIsOffGetsItLater(t *testing.T) {
	r := newRig(t)
	a := r.online("alice", wire.MSNP8)
	one := a.open("carol@webtv.local")
	one.say("first")
	one.reads("(Carol's TV is off; they get this when they sign in.)")
	one.say("second")
	c := r.online("carol", wire.MSNP8)
	two := c.answer("alice@webtv.local")
	for _, want := range []string{") first", ") second"} {
		if m := next[msnp.Message](t, two.Events()); !strings.HasSuffix(m.Text(), want) {
			t.Errorf("read %q, want ...%q", m.Text(), want)
		}
	}
	two.say("now I am here")
	one.reads("now I am here")
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestBlockedCaller(t *testing.T) {
	r := newRig(t)
	a, c := r.online("alice", wire.MSNP8), r.online("carol", wire.MSNP8)
	c.add(wire.Block, "alice@webtv.local")
	board, err := a.OpenBoard(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer board.Close()
	if _, err := board.Call(t.Context(), "carol@webtv.local"); err == nil {
		t.Error("a blocked caller got through")
	} else {
		refused(t, err, wire.ErrNotOnline)
	}
}

func TestWhatIsNotStoredIsNAK(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	talk := b.open(bob)
	// The store refuses: the account is gone under the session's feet.
	if err := r.st.Update(t.Context(), func(tx *store.Tx) error { return tx.RemoveAccount(acct("alice")) }); err != nil {
		t.Fatal(err)
	}
	if err := talk.Say(t.Context(), "lost?", 'A'); err != msnp.ErrNotDelivered {
		t.Errorf("got %v, want a NAK", err)
	}
	talk.reads("(Not sent: the message could not be stored. Please try again.)")
}

func TestRemovedAccountIsSignedOut(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	if err := r.hub.RemoveAccount(t.Context(), acct("alice")); err != nil {
		t.Fatal(err)
	}
	next[msnp.Closed](t, b.Events())
}

// TestRingingHasALimit: a box is rung by a few contacts at once, and by the next
// when one was answered.
func TestRingingHasALimit(t *testing.T) {
	r := newRig(t)
	for i := range maxRinging + 2 {
		r.receive(bridge.MessageEvent{Event: id.Event(fmt.Sprint("$r", i)), Account: acct("alice"), From: id.Remote(fmt.Sprint("friend", i)),
			Text: text.Content{Body: "hi"}, Time: time.Now()})
	}
	b := r.online("alice", wire.MSNP8)
	for range maxRinging {
		next[msnp.Ringing](t, b.Events())
	}
	none[msnp.Ringing](b)
}

// TestTextByKindOfClient: a box reads letters it has, a PC client reads what was
// written, with the Messenger's emoticons and the looks that all of it has.
func TestTextByKindOfClient(t *testing.T) {
	r := newRig(t)
	rich := text.FromMatrix(text.MatrixMessage{Type: "m.text", HTML: "<b>Łódź 👍 – ok</b>"})
	if err := r.hub.SetPassword(t.Context(), acct("carol"), "hunter22", true); err != nil {
		t.Fatal(err)
	}
	pc := r.signInAs(msnp.Options{Address: "carol@webtv.local", Dialects: []wire.Dialect{wire.MSNP7}, Credential: msnp.Password("hunter22")})
	pc.status(wire.Online)
	for _, c := range []struct {
		account, text, format string
		b                     *box
	}{
		{"alice", "Lódz :thumbsup: - ok", "", r.online("alice", wire.MSNP6)},
		{"carol", "Łódź (Y) – ok", "FN=Arial; EF=B; CO=0; CS=0; PF=0", pc},
	} {
		r.receive(bridge.MessageEvent{Event: id.Event("$kind-" + c.account), Account: acct(c.account), From: "bob", Name: "Bob",
			Text: rich, Time: time.Now()})
		m := next[msnp.Message](t, c.b.answer(bob).Events())
		if m.Text() != c.text || m.Header("X-MMS-IM-Format") != c.format {
			t.Errorf("%s reads %q in %q, want %q in %q", c.account, m.Text(), m.Header("X-MMS-IM-Format"), c.text, c.format)
		}
	}
}
