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

// talk is one conversation of the soak: what either side has said so far.
type talk struct {
	account id.Account
	peer    id.Address
	friend  *discordtest.Person  // nil: a channel, in which boxes alone write
	place   *discordtest.Channel // where the box's lines appear
	before  int                  // lines there at the beginning
	name    string               // what may stand before the box's lines there
	in, out []string
}

// soaker is what goes wrong on the way.
type soaker struct {
	r     *rig
	rnd   *rand.Rand
	kinds []discordtest.Fault
	armed []*discordtest.Armed

	drops, op7s, resumables, forgets int
}

// trouble ends connections; sessions are forgotten as often as the fuse allows.
func (s *soaker) trouble() {
	switch s.rnd.IntN(4) {
	case 0:
		s.op7s++
		s.r.d.Op7()
	case 1:
		s.resumables++
		s.r.d.InvalidSession(true)
	case 2:
		if s.forgets < maxIdentifies-5 {
			s.forgets++
			s.r.d.ForgetSessions()
		}
		fallthrough
	default:
		s.drops++
		s.r.d.Drop()
	}
}

// fail has the next message fail: limits of all kinds, failures of theirs, answers
// that are lost before or after the effect.
func (s *soaker) fail() {
	route := routeSend
	if s.rnd.IntN(3) == 0 {
		route = routeHook
	}
	s.armed = append(s.armed, s.r.d.Fail(route, s.kinds[s.rnd.IntN(len(s.kinds))]))
}

// TestSoak: messages of three boxes both ways, while connections are lost, sessions
// resumed or forgotten, and requests limited, failed or answered to nobody: in each
// conversation every line comes once and in order. With WTVGATE_SOAK it is 3,000
// messages.
func TestSoak(t *testing.T) {
	t.Parallel()
	total, every := 240, 25
	if n := soak(); n > 0 {
		total = n
	}
	r, g := newRig(t)
	general, _ := r.bridged(g, "general")
	r.join(dora, "general.webtv-fans")
	bob, ann := r.friend("coolcat", g, alice), r.friend("annlee", g, carol)
	talks := []*talk{
		{account: alice, peer: bobAddress, friend: bob, place: bob.DM(), name: "**Alice**: "},
		{account: carol, peer: "annlee@discord.com", friend: ann, place: ann.DM(), name: "**Carol**: "},
		{account: dora, peer: "#general.webtv-fans@discord.com", place: general},
	}
	for _, x := range talks {
		x.before = len(r.sent(x.place))
	}
	s := &soaker{r: r, rnd: rand.New(rand.NewPCG(7, uint64(total))), kinds: []discordtest.Fault{
		discordtest.RateLimited(300*time.Millisecond, "user"), discordtest.RateLimited(300*time.Millisecond, "shared"),
		discordtest.RateLimited(200*time.Millisecond, "global"), discordtest.EdgeBan(200 * time.Millisecond), discordtest.Error(500, 0),
		discordtest.Error(502, 0), discordtest.Lost(), discordtest.Reset(),
	}}
	began := time.Now()
	for i := 1; i <= total; i++ {
		x := talks[s.rnd.IntN(len(talks))]
		if x.friend != nil && s.rnd.IntN(2) == 0 {
			words := fmt.Sprintf("in %d", i)
			x.in = append(x.in, x.friend.Username()+": "+words)
			x.friend.Say(x.place, words)
		} else {
			x.out = append(x.out, fmt.Sprintf("out %d", i))
			r.say(x.account, x.peer, x.out[len(x.out)-1])
		}
		if s.rnd.IntN(every) == 0 {
			s.trouble()
		}
		if s.rnd.IntN(every) == 0 {
			s.fail()
		}
		if i%100 == 0 { // queues are bounded
			r.until("half-way", func() bool {
				for _, x := range talks {
					if r.count(x.account) < len(x.in)-50 || len(r.sent(x.place)) < x.before+len(x.out)-50 {
						return false
					}
				}
				return true
			})
		}
	}
	for _, x := range talks {
		r.until("all in", func() bool { return r.count(x.account) >= len(x.in) })
		r.until("all out", func() bool { return len(r.sent(x.place)) >= x.before+len(x.out) && r.idle() })
		got := r.inbox(x.account)
		if strings.Join(got, "\n") != strings.Join(x.in, "\n") {
			t.Errorf("%s in: %d lines, want %d; first difference %s", x.account, len(got), len(x.in), difference(got, x.in))
		}
		got = nil
		for _, line := range r.said(x.place, x.before) {
			got = append(got, strings.TrimPrefix(line, x.name))
		}
		if strings.Join(got, "\n") != strings.Join(x.out, "\n") {
			t.Errorf("%s out: %d lines, want %d; first difference %s", x.account, len(got), len(x.out), difference(got, x.out))
		}
	}
	hits := 0
	for _, a := range s.armed {
		hits += a.Hits()
	}
	if s.drops+s.op7s+s.resumables == 0 || hits == 0 {
		t.Error("nothing went wrong: the test shows nothing")
	}
	t.Logf("%d messages in %v; connections ended: %d dropped, %d by op 7, %d by op 9, sessions forgotten: %d; %d resumes, %d identifies; %d requests failed",
		total, time.Since(began).Round(time.Millisecond), s.drops, s.op7s, s.resumables, s.forgets, r.d.Resumes(), r.d.Identifies(), hits)
}
