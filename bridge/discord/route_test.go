package discord

import (
	"math/rand/v2"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

const (
	alice = id.Account("alice@webtv.local")
	carol = id.Account("carol@webtv.local")
	dora  = id.Account("dora@webtv.local")
)

// TestRoute is the table of discord.md 3.2, every row.
func TestRoute(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	both := []target{{alice, "Alice", now.Add(-time.Minute)}, {carol, "Carol B.", now.Add(-2 * time.Minute)}}
	onlyCarol := []target{{alice, "Alice", now.Add(-takesPart)}, {carol, "Carol B.", now.Add(-2 * time.Minute)}}
	twins := []target{{alice, "Sam", now}, {carol, "Sam", now.Add(-time.Hour)}}
	toCarol := reply{ours: true, account: carol}
	for _, c := range []struct {
		name, text string
		r          reply
		targets    []target
		want       decision
	}{
		{"1 reply", "ok", toCarol, both, decision{toBox, carol, "ok"}},
		{"1 reply wins over an address", "alice: ok", toCarol, both, decision{toBox, carol, "alice: ok"}},
		{"reply to an ended pair, not rule 3", "ok", reply{ours: true, account: dora}, both[:1], decision{verdict: toEnded, text: "ok"}},
		{"2 account", "alice: ok", reply{}, both, decision{toBox, alice, "ok"}},
		{"2 with a comma", "Alice, ok", reply{}, both, decision{toBox, alice, "ok"}},
		{"2 with an at", "@alice ok", reply{}, both, decision{toBox, alice, "ok"}},
		{"2 case and accents", "\u00c1LICE: ok", reply{}, both, decision{toBox, alice, "ok"}},
		{"2 screen name with a blank", "carol b.: ok", reply{}, both, decision{toBox, carol, "ok"}},
		{"2 for an idle box", "alice: ok", reply{}, onlyCarol, decision{toBox, alice, "ok"}},
		{"2 nothing else", "alice:", reply{}, both, decision{toBox, alice, ""}},
		{"a word that begins like it", "carolina: hi", reply{}, both, decision{verdict: toAsk, text: "carolina: hi"}},
		{"a name without a colon", "alice ok", reply{}, both, decision{verdict: toAsk, text: "alice ok"}},
		{"an address with a port", "alice:80 is open", reply{}, both, decision{verdict: toAsk, text: "alice:80 is open"}},
		{"two of one name", "sam: hi", reply{}, twins, decision{verdict: toAsk, text: "sam: hi"}},
		{"3 the only pair", "ok", reply{}, both[:1], decision{toBox, alice, "ok"}},
		{"4 the only active", "ok", reply{}, onlyCarol, decision{toBox, carol, "ok"}},
		{"5 both active", "ok", reply{}, both, decision{verdict: toAsk, text: "ok"}},
		{"5 nobody active", "ok", reply{}, []target{{alice, "A", time.Time{}}, {carol, "C", time.Time{}}}, decision{verdict: toAsk, text: "ok"}},
		{"no pair", "ok", reply{}, nil, decision{verdict: toNone, text: "ok"}},
	} {
		if got := route(c.text, c.r, c.targets, now); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestCheck9NeverMisrouted: with a thousand random interleavings a line reaches
// the box it is for, or nobody.
func TestCheck9NeverMisrouted(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	targets := []target{{alice, "Alice", time.Time{}}, {carol, "Carol", time.Time{}}, {dora, "Dora", time.Time{}}}
	asked := 0
	for range 1000 {
		now = now.Add(time.Duration(r.IntN(300)) * time.Second)
		who := r.IntN(len(targets))
		switch r.IntN(4) {
		case 0: // a box speaks
			targets[who].active = now
			continue
		case 1:
			if d := route("hi", reply{true, targets[who].account}, targets, now); d.account != targets[who].account {
				t.Fatalf("a reply to %s went to %s", targets[who].account, d.account)
			}
		case 2:
			if d := route(targets[who].name+": hi", reply{}, targets, now); d.account != targets[who].account || d.text != "hi" {
				t.Fatalf("a line for %s: %+v", targets[who].account, d)
			}
		default:
			var live []id.Account
			for _, x := range targets {
				if now.Sub(x.active) < takesPart {
					live = append(live, x.account)
				}
			}
			d := route("hi", reply{}, targets, now)
			if len(live) == 1 && (d.verdict != toBox || d.account != live[0]) || len(live) != 1 && d.verdict != toAsk {
				t.Fatalf("live %v: %+v", live, d)
			}
			if d.verdict == toAsk {
				asked++
				continue
			}
			who = 0
			for i := range targets {
				if targets[i].account == d.account {
					who = i
				}
			}
		}
		targets[who].active = now
	}
	if asked == 0 {
		t.Error("nobody was ever asked: the test shows nothing")
	}
}

func FuzzAddressed(f *testing.F) {
	f.Add("alice: hi")
	f.Add("@Alice x")
	f.Add("\u0301alice,")
	targets := []target{{account: alice, name: "Alice"}, {account: carol, name: "\u00c9mile le grand"}}
	f.Fuzz(func(t *testing.T, s string) {
		a, rest, found := addressed(s, targets)
		if found == 1 && (!has(targets, a) || len(rest) > len(s)) || found > 1 {
			t.Fatalf("%q: %q %q %d", s, a, rest, found)
		}
	})
}
