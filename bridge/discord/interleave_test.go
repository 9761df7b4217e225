package discord

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/discord/discordtest"
	"wtvgate/bridge/id"
)

// TestCheck9Interleavings: three boxes and one friend say what they like in any
// order, the friend by address, as an answer, after /webtv to or to nobody in
// particular, and time goes on. No line comes to another box than the one it is for,
// and every line comes to that one. WTVGATE_SOAK makes it a thousand steps.
func TestCheck9Interleavings(t *testing.T) {
	t.Parallel()
	steps := 80
	if soak() > 0 {
		steps = 1000
	}
	off := &clockShift{}
	r, g := newRig(t, func(o *rigOptions) {
		o.double.Now = off.now
		o.change = func(n *Options) { n.Now = off.now }
	})
	boxes := []id.Account{alice, carol, dora}
	bob := r.friend("coolcat", g, boxes...)
	dm := bob.DM()
	rnd := rand.New(rand.NewPCG(9, uint64(steps)))
	lines := make(map[id.Account]string) // the last line of each box, on Discord
	active := make(map[id.Account]time.Time)
	for _, a := range boxes {
		active[a] = off.now() // the ask counts for nobody; see the first move below
	}
	off.move(takesPart)
	asked, forBox := 0, make(map[id.Account]int)
	for i := range steps {
		if rnd.IntN(4) == 0 {
			off.move(time.Duration(rnd.IntN(400)) * time.Second)
		}
		a := boxes[rnd.IntN(len(boxes))]
		words := fmt.Sprintf("line %d", i)
		sayTo := func(m discordtest.Message, to id.Account, want string) {
			t.Helper()
			r.gets(to, want)
			r.until("it is handled", func() bool { // the inbox has it a moment before
				known, err := r.n.knows(t.Context(), kindDM, m.ID)
				return err == nil && known
			})
			active[to] = off.now()
			forBox[to]++
			for _, o := range boxes {
				if got := r.inbox(o); len(got) != 0 {
					t.Fatalf("step %d: %q was for %s, but %s has %q", i, want, to, o, got)
				}
			}
		}
		switch rnd.IntN(5) {
		case 0:
			n, began := len(r.sent(dm)), off.now().Truncate(time.Millisecond)
			r.say(a, bobAddress, words)
			r.until("the line", func() bool { // and that the box has spoken is noted
				p, _, err := r.n.pairOf(t.Context(), a, bob.ID)
				return err == nil && len(r.sent(dm)) == n+1 && r.idle() && !p.spoke.Before(began)
			})
			if got := r.d.Sent(dm)[n]; got.Content != "**"+r.n.nameOf(a)+"**: "+words {
				t.Fatalf("step %d: %q", i, got.Content)
			} else {
				lines[a] = got.ID
			}
			active[a] = off.now()
		case 1:
			if lines[a] == "" {
				continue
			}
			m := bob.Reply(lines[a], words)
			r.until("the answer", func() bool { return len(r.inbox(a)) > 0 })
			if got := r.inbox(a); len(got) != 1 || !strings.HasSuffix(got[0], ") "+words) {
				t.Fatalf("step %d: %s has %q", i, a, got)
			}
			sayTo(m, a, r.inbox(a)[0])
		case 2:
			form := []string{"%s: %s", "@%s %s", "%s, %s"}[rnd.IntN(3)]
			sayTo(bob.Say(dm, fmt.Sprintf(form, a.Local(), words)), a, "coolcat: "+words)
		case 3:
			r.webtv(bob, dm, "to", discordtest.Arg("name", a.Local()))
			for _, o := range boxes { // they count as not lately
				active[o] = off.now().Add(-takesPart)
			}
			sayTo(bob.Say(dm, words), a, "coolcat: "+words)
		case 4:
			var live []id.Account
			near := false // to the end of somebody's ten minutes: either is right
			for _, o := range boxes {
				left := takesPart - off.now().Sub(active[o])
				if left > 0 {
					live = append(live, o)
				}
				near = near || left.Abs() < time.Second
			}
			if near {
				continue
			}
			n := len(r.sent(dm))
			held := bob.Say(dm, words)
			if len(live) == 1 {
				sayTo(held, live[0], "coolcat: "+words)
				continue
			}
			r.until("the question", func() bool { return len(r.sent(dm)) == n+1 })
			asked++
			r.answer(bob.Press(r.d.Sent(dm)[n].ID, pressTo+held.ID+":"+a.Local()))
			for _, o := range boxes {
				active[o] = off.now().Add(-takesPart)
			}
			sayTo(held, a, "coolcat: "+words)
		}
	}
	for _, a := range boxes {
		if forBox[a] == 0 {
			t.Errorf("%s got nothing: the test shows nothing", a)
		}
	}
	if asked == 0 {
		t.Error("the friend was never asked: the test shows nothing")
	}
	t.Logf("%d steps, asked %d times, lines for each box: %v", steps, asked, forBox)
}
