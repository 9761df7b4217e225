package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"maunium.net/go/mautrix/event"

	"wtvgate/e2e/harness"
)

// screens_test.go: the picture of a conversation. Both ends are real programs: the
// box is `wtvgate box` at a terminal, the friend's client is Hydrogen in a browser.

// A terminal of this size fills its half of the picture.
const screenCols, screenRows = 57, 22

// TestConversationScreens has a box and a friend talk and takes the picture, if
// CONVERSATION_SCREENS names the folder in which docs/screens/conversation/shoot.sh has
// put the pages and what they need.
func TestConversationScreens(t *testing.T) {
	dir := os.Getenv("CONVERSATION_SCREENS")
	if dir == "" {
		t.Skip("CONVERSATION_SCREENS is not set; make screens takes the picture")
	}
	p := newParts(t)
	p.bob.SetName("Bob")
	p.g.Run("contact", "add", p.box.Address, bobAddress, "--name", "Bob")
	room, _ := p.bob.WaitInvite(harness.Ghost("alice"))
	p.bob.Join(room)
	p.bob.WaitMember(room, harness.Ghost("alice"), event.MembershipJoin)

	client := openPages(t, dir)
	client.do("open", p.hs.URL, "bob", "password", room)
	box := p.g.Terminal(p.box, screenCols, screenRows)
	box.Wait("signed in")

	box.Type("/list")
	box.Wait("(" + bobAddress + "): ")
	box.Type("/open 1")
	box.Wait("what you type goes there")
	alice := func(text string) {
		t.Helper()
		box.Type(text)
		box.Wait("You: " + text + "  (sent)")
		client.do("see", text)
	}
	bob := func(text, onTV string) {
		t.Helper()
		client.do("say", text)
		box.Wait("Bob: " + onTV)
	}
	const first, page, last = "Hi Bob! I am writing this on my TV.", "Then this is for you: https://example.org/tv", "Tea at five?"
	alice(first)
	bob("Alice! On the old WebTV? 😃", "Alice! On the old WebTV? :D")
	const old = "Is that thing still alive?"
	bob(old, old)
	alice("It is! From the sofa :)")
	p.bob.Typing(room, true) // Hydrogen does not tell it
	box.Wait("Bob is typing")
	bob(page, page)
	alice(last)
	client.do("react", last, "👍")
	box.Wait(`:thumbsup: to "` + last + `")`)
	client.do("shoot", filepath.Join(dir, "conversation.png"), first, box.Wrote(), box.Cols, box.Rows)
}

// pages is the program that drives the browser.
type pages struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Scanner
}

func openPages(t *testing.T, dir string) *pages {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*harness.Wait) // it starts a browser, and all is done in it
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "node", filepath.Join(dir, "shoot.mjs"))
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // it ends with its input
		if err := cmd.Wait(); err != nil {
			t.Errorf("shoot.mjs: %v", err)
		}
	})
	return &pages{t, in, bufio.NewScanner(out)}
}

// do has a request done, which the comment of shoot.mjs explains.
func (p *pages) do(request ...any) {
	p.t.Helper()
	if err := json.NewEncoder(p.in).Encode(request); err != nil {
		p.t.Fatal(err)
	}
	var answer struct{ Error string }
	if !p.out.Scan() {
		p.t.Fatalf("%v: shoot.mjs has ended: %v", request[0], p.out.Err())
	}
	if err := json.Unmarshal(p.out.Bytes(), &answer); err != nil || answer.Error != "" {
		p.t.Fatalf("%v: %s%v", request[0], answer.Error, err)
	}
}
