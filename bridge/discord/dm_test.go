package discord

import (
	"testing"
)

// TestCheck5And9DM: consent, then a chat of two boxes with one friend.
func TestDMBothWays(t *testing.T) {
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	dm := bob.DM()
	n := len(r.sent(dm))
	r.say(alice, bobAddress, "hello *there*")
	r.until("the line", func() bool { return len(r.sent(dm)) == n+1 })
	if got := r.said(dm, n)[0]; got != `**Alice**: hello \*there\*` {
		t.Errorf("got %q", got)
	}
	bob.Say(dm, "hi **Alice**")
	r.gets(alice, "coolcat: hi Alice")
	r.say(alice, bobAddress, "again")
	r.until("the line", func() bool { return len(r.sent(dm)) == n+2 })
	if got := r.said(dm, n)[1]; got != "again" {
		t.Errorf("got %q", got)
	}
}
