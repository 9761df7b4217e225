package box

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/helper"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// away_test.go: a box that is off for a while, or for a moment.

const helperAddr = bridge.HelperName + "@webtv.local"

// withHelper gives a rig the gateway's own contact.
func withHelper(t *testing.T) func(*Options) {
	return func(o *Options) {
		if err := o.Hub.Add(helper.New(helper.Options{Core: o.Hub, Domain: "webtv.local"})); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHelperOnTheBox: it is on the lists that SYN brings, rings once with its
// greeting, and its answers come like anybody's.
func TestHelperOnTheBox(t *testing.T) {
	for _, d := range []wire.Dialect{wire.MSNP3, wire.MSNP6, wire.MSNP8} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			r := newRig(t, withHelper(t))
			r.gw.greetAfter = 0
			b := r.signIn("alice", d)
			if c, ok := b.roster.Find(helperAddr); !ok || c.Name != "Helper" || c.Lists != wire.Lists(wire.Forward|wire.Allow|wire.Reverse) {
				t.Errorf("the helper is %+v", c)
			}
			b.status(wire.Online)
			talk := b.answer(helperAddr)
			talk.reads("Hello Alice! I am the gateway you are signed in\nto. Type help to see what I can do.")
			talk.say("whoami")
			talk.reads("You are Alice here: alice@webtv.local")
			talk.say("add " + bob)
			talk.reads(bob + " is on your list now. You can\nwrite at once.")
			if a := next[msnp.Added](t, b.Events()); a.Address != bob {
				t.Errorf("told of %+v", a)
			}
			r.asked("invite bob")
			before := b.roster.Version
			if err := b.SignOut(t.Context()); err != nil {
				t.Fatal(err)
			}
			b = r.online("alice", d)
			none[msnp.Ringing](b)
			if b.roster.Version <= before {
				t.Errorf("version %d follows %d", b.roster.Version, before)
			}
		})
	}
}

// TestLongBacklogIsFolded: of sixty lines the box shows the first, the last and what
// lies between as a number, which the helper brings back.
func TestLongBacklogIsFolded(t *testing.T) {
	r := newRig(t, withHelper(t))
	r.gw.greetAfter = 0
	for i := range 60 {
		r.writes("alice", fmt.Sprint("line ", i))
	}
	b := r.online("alice", wire.MSNP8)
	from := map[string]*board{}
	for range 2 {
		ring := next[msnp.Ringing](t, b.Events())
		c, err := b.Answer(t.Context(), ring)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		from[ring.From.Address] = &board{t, c}
	}
	talk, help := from[bob], from[helperAddr]
	if talk == nil || help == nil {
		t.Fatalf("rung by %v", from)
	}
	lines := func(first, last int, late bool) {
		t.Helper()
		for i := first; i <= last; i++ {
			want := fmt.Sprint("line ", i)
			got := next[msnp.Message](t, talk.Events()).Text()
			if late && (!strings.HasPrefix(got, "(") || !strings.HasSuffix(got, ") "+want)) || !late && got != want {
				t.Fatalf("read %q, want %q", got, want)
			}
		}
	}
	lines(0, 2, true)
	talk.reads("(47 messages more. To read them, tell Helper: more\nbob)")
	lines(50, 59, true)
	help.say("more bob")
	lines(3, 22, false)
	help.say("more bob")
	lines(23, 42, false)
	help.say("more bob")
	lines(43, 49, false)
	r.writes("alice", "are you there?")
	talk.reads("are you there?")
	// Nothing comes a second time.
	if err := b.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.writes("alice", "last")
	talk = r.online("alice", wire.MSNP8).answer(bob)
	if got := next[msnp.Message](t, talk.Events()).Text(); !strings.HasSuffix(got, ") last") {
		t.Errorf("read %q", got)
	}
}

// TestLostLineIsNotSeen: contacts see nothing of a line that is back within the
// grace, and all of one that is not.
func TestLostLineIsNotSeen(t *testing.T) {
	friends := func(s *stage) (a, c *actor) {
		a, c = s.enter("alice", pcClient, false), s.enter("carol", pcClient, false)
		c.edit("ADD FL " + aliceAddr)
		a.status(wire.Busy)
		c.status(wire.Online)
		c.told()
		return a, c
	}
	for name, after := range map[string]struct {
		f    func(s *stage)
		want []string
	}{
		"back":                   {func(s *stage) { s.visible("alice", wire.Busy) }, nil},
		"back and away for good": {func(s *stage) { s.visible("alice", wire.Busy).Done() }, []string{"FLN " + aliceAddr}},
		"back hidden":            {func(s *stage) { s.visible("alice", wire.Hidden) }, []string{"FLN " + aliceAddr}},
		"not back":               {func(s *stage) {}, []string{"FLN " + aliceAddr}},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, FlattenNobody, func(s *stage) {
				a, c := friends(s)
				a.Dropped()
				c.tells()
				<-time.After(bridge.WaitGrace - time.Second)
				c.tells()
				after.f(s)
				<-time.After(time.Minute)
				c.tells(after.want...)
			})
		})
	}
	t.Run("OUT is seen at once", func(t *testing.T) {
		onStage(t, FlattenNobody, func(s *stage) {
			a, c := friends(s)
			a.Done()
			c.tells("FLN " + aliceAddr)
		})
	})
	t.Run("removed meanwhile", func(t *testing.T) {
		onStage(t, FlattenNobody, func(s *stage) {
			a, c := friends(s)
			a.Dropped()
			if err := s.hub.RemoveAccount(s.t.Context(), acct("alice")); err != nil {
				t.Fatal(err)
			}
			c.tells("FLN " + aliceAddr)
		})
	})
	t.Run("called meanwhile", func(t *testing.T) {
		onStage(t, FlattenNobody, func(s *stage) {
			a, c := friends(s)
			a.Dropped()
			callee, err := c.Call(s.t.Context(), aliceAddr)
			if err != nil || callee.Guest == nil || callee.Ring != nil {
				t.Errorf("the call gets %+v, %v; want the mailbox", callee, err)
			}
		})
	})
}

// TestLostLineOverTCP: a client that goes without OUT is one that lost its line.
func TestLostLineOverTCP(t *testing.T) {
	r := newRig(t)
	a, c := r.online("alice", wire.MSNP8), r.online("carol", wire.MSNP8)
	c.add(wire.Forward, aliceAddr)
	next[msnp.Presence](t, c.Events())
	a.Close()
	r.log.says(t, "signed out")
	none[msnp.Presence](c)
	again := r.online("alice", wire.MSNP8)
	none[msnp.Presence](c)
	if err := again.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := next[msnp.Presence](t, c.Events()); p.Status != wire.Offline {
		t.Errorf("told %+v", p)
	}
}

// bells are switchboards of which a test knows the guests that ring.
type bells struct {
	mu     sync.Mutex
	guests []server.Guest
}

func (b *bells) Invite(g server.Guest, _ server.Principal) (server.Ring, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.guests = append(b.guests, g)
	return server.Ring{From: g.Person()}, nil
}

// expire ends all rings unanswered.
func (b *bells) expire() {
	b.mu.Lock()
	guests := b.guests
	b.guests = nil
	b.mu.Unlock()
	for _, g := range guests {
		g.Closed(nil)
	}
}

// TestUnansweredRing: a box that does not answer is rung again, and the message is
// not lost.
func TestUnansweredRing(t *testing.T) {
	onStage(t, FlattenNobody, func(s *stage) {
		b := &bells{}
		s.gw.boards = b
		a := s.visible("alice", wire.Online)
		s.receive(bridge.MessageEvent{Event: "$1", Account: acct("alice"), From: "bob", Name: "Bob", Text: text.Content{Body: "hi"}, Time: time.Now()})
		if got := a.told(); !slices.Contains(got, "RNG "+bob) {
			t.Fatalf("told %q", got)
		}
		for round := range 5 {
			b.expire()
			<-time.After(ringAgain - time.Second)
			if got := a.told(); len(got) != 0 {
				t.Errorf("round %d: too soon: %q", round, got)
			}
			<-time.After(2 * time.Second)
			a.tells("RNG " + bob)
		}
		a.Done()
		again := s.visible("alice", wire.Online)
		if got := again.told(); !slices.Equal(got, []string{"RNG " + bob}) {
			t.Errorf("at the next sign-in: %q", got)
		}
		rows, err := s.hub.WaitingFrom(s.t.Context(), id.Conversation{Account: acct("alice"), Peer: bob}, 0, 10)
		if err != nil || len(rows) != 1 {
			t.Errorf("%d rows wait, %v", len(rows), err)
		}
	})
}
