package discord

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"wtvgate/bridge/discord/discordtest"
)

// marks_test.go: what a friend sees of a line that waits.

// TestMarks: a line that waits gets the clock, and the television when the box has
// it; one sentence tells that the TV is off.
func TestMarks(t *testing.T) {
	t.Parallel()
	r, g := newRig(t, func(o *rigOptions) { o.change = func(n *Options) { n.Pace.Clock = 20 * time.Millisecond } })
	bob := r.friend("coolcat", g, alice)
	dm := bob.DM()
	n := len(r.sent(dm))
	m1 := bob.Say(dm, "one")
	r.until("the note", func() bool { return len(r.sent(dm)) == n+1 })
	m2 := bob.Say(dm, "two")
	has := func(m discordtest.Message, emoji string) bool {
		now, _ := r.d.Message(m.ID)
		return len(now.Reactions[emoji]) == 1 && len(now.Reactions) == 1
	}
	r.until("both clocks", func() bool { return has(m1, emojiClock) && has(m2, emojiClock) })
	if got := r.said(dm, n); len(got) != 1 || got[0] != "Alice's TV is off, I keep this." {
		t.Errorf("got %q", got)
	}
	r.gets(alice, "coolcat: one", "coolcat: two")
	r.until("both televisions", func() bool { return has(m1, emojiTV) && has(m2, emojiTV) })
	m3 := bob.Say(dm, "three")
	r.gets(alice, "coolcat: three")
	r.until("read", func() bool {
		l, err := r.n.linesOf(t.Context(), m3.ID)
		return err == nil && len(l) == 1 && l[0].clock == clockDone
	})
}

// TestMarksAsWanted: what a friend is shown of a line that waits is the operator's
// choice.
func TestMarksAsWanted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ reaction, line bool }{"reaction": {true, false}, "line": {false, true}, "off": {false, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, g := newRig(t, func(o *rigOptions) {
				o.change = func(n *Options) {
					n.Pace.Clock, n.WaitingReaction, n.WaitingLine = 20*time.Millisecond, c.reaction, c.line
				}
			})
			bob := r.friend("coolcat", g, alice)
			dm := bob.DM()
			n := len(r.sent(dm))
			clocks := func(m discordtest.Message) int {
				now, _ := r.d.Message(m.ID)
				return len(now.Reactions[emojiClock])
			}
			var all []discordtest.Message
			for i := range 3 {
				m := bob.Say(dm, fmt.Sprint("line ", i))
				all = append(all, m)
				r.until("the line is stored", func() bool { return r.count(alice) == i+1 })
				if c.reaction {
					r.until("the clock", func() bool { return clocks(m) == 1 })
				}
				if c.line {
					r.until("the note", func() bool { return len(r.sent(dm)) == n+1 })
				}
			}
			r.n.clocks.mu.Lock()
			left := len(r.n.clocks.all)
			r.n.clocks.mu.Unlock()
			if !c.reaction && !c.line && left != 0 {
				t.Errorf("%d lines are watched", left)
			}
			var want []string
			if c.line {
				want = []string{"Alice's TV is off, I keep this."}
			}
			if got := r.said(dm, n); !slices.Equal(got, want) {
				t.Errorf("the friend reads %q", got)
			}
			r.gets(alice, "coolcat: line 0", "coolcat: line 1", "coolcat: line 2")
			for _, m := range all {
				r.until("read", func() bool {
					l, err := r.n.linesOf(t.Context(), m.ID)
					return err == nil && len(l) == 1 && l[0].clock == clockDone
				})
				now, _ := r.d.Message(m.ID)
				if tv := len(now.Reactions[emojiTV]); tv != map[bool]int{true: 1}[c.reaction] || len(now.Reactions) != tv {
					t.Errorf("reactions %v", now.Reactions)
				}
			}
		})
	}
}

// TestMarksOfALostLine: a box that looks on for a moment more gets its line when it
// no longer does, and one that has taken the message gets none.
func TestMarksOfALostLine(t *testing.T) {
	t.Parallel()
	r, g := newRig(t, func(o *rigOptions) {
		o.change = func(n *Options) { n.Pace.Clock, n.Pace.Grace = 20*time.Millisecond, time.Hour }
	})
	bob := r.friend("coolcat", g, alice)
	dm := bob.DM()
	n := len(r.sent(dm))
	s := newSeat()
	r.hub.Sit(alice, s)
	m := bob.Say(dm, "are you there?")
	again := func() (x clock, ok bool) {
		r.n.clocks.mu.Lock()
		defer r.n.clocks.mu.Unlock()
		for _, x := range r.n.clocks.all {
			if x.msg == m.ID && x.again {
				return x, true
			}
		}
		return x, false
	}
	r.until("it is to be looked at again", func() bool { _, ok := again(); return ok })
	now, _ := r.d.Message(m.ID)
	if len(now.Reactions[emojiClock]) != 1 || len(r.sent(dm)) != n {
		t.Errorf("reactions %v, %d lines", now.Reactions, len(r.sent(dm))-n)
	}
	x, _ := again()
	if err := r.n.late(t.Context(), x); err != nil { // still on: nothing more
		t.Fatal(err)
	}
	r.hub.Stand(alice, s)
	for range 2 {
		if err := r.n.late(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.said(dm, n); !slices.Equal(got, []string{"Alice's TV is off, I keep this."}) {
		t.Errorf("the friend reads %q", got)
	}
	r.gets(alice, "coolcat: are you there?")
	r.until("read", func() bool {
		l, err := r.n.linesOf(t.Context(), m.ID)
		return err == nil && len(l) == 1 && l[0].clock == clockDone
	})
	if err := r.n.late(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if got := r.said(dm, n); len(got) != 1 {
		t.Errorf("the friend reads %q", got)
	}
}

// TestClocksInOrder: what is due sooner comes sooner, whenever it was put in.
func TestClocksInOrder(t *testing.T) {
	c := clocks{wake: make(chan struct{}, 1)}
	now := time.Now()
	for _, x := range []struct {
		msg string
		due time.Duration
	}{{"b", -2 * time.Hour}, {"d", time.Hour}, {"a", -3 * time.Hour}, {"c", -2 * time.Hour}} {
		c.put(clock{msg: x.msg, due: now.Add(x.due)})
	}
	for _, want := range []string{"a", "b", "c"} {
		if x, wait, ok := c.take(); !ok || wait != 0 || x.msg != want {
			t.Errorf("%q, %v, %v; want %s", x.msg, wait, ok, want)
		}
	}
	if x, wait, ok := c.take(); !ok || wait <= 0 || x.msg != "" {
		t.Errorf("%q, %v, %v", x.msg, wait, ok)
	}
	for range 2 * maxClocks {
		c.put(clock{due: now})
	}
	if len(c.all) != maxClocks {
		t.Errorf("%d are watched", len(c.all))
	}
}
