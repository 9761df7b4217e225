package passport

import (
	"fmt"
	"regexp"
	"testing"
	"time"
)

const alice, bob = "alice@webtv.local", "bob@webtv.local"

func TestTicketsLookAsClientsNeedThem(t *testing.T) {
	tk := NewTickets(nil)
	shape := regexp.MustCompile(`^[A-Za-z0-9*!._-]{22,64}$`)
	seen := map[string]bool{}
	for range 200 {
		s := tk.Issue(alice)
		if !shape.MatchString(s) || seen[s] {
			t.Fatalf("ticket %q", s)
		}
		seen[s] = true
	}
}

func TestTicketOpensOnce(t *testing.T) {
	tk := NewTickets(nil)
	for _, form := range []string{"%s", "t=%s&p=", "t=%s", "%s&p=", "t=%s&p=profile"} {
		s := tk.Issue("Alice@WebTV.local")
		present := fmt.Sprintf(form, s)
		for _, wrong := range []string{"", "t=", "t=&p=", s + "x", s[1:], "T=" + s} {
			if tk.Redeem(alice, wrong) {
				t.Errorf("%q opened", wrong)
			}
		}
		if tk.Redeem(bob, present) {
			t.Error("it opened another account")
		}
		if !tk.Redeem(alice, present) {
			t.Errorf("%q did not open", form)
		}
		if tk.Redeem(alice, present) {
			t.Errorf("%q opened twice", form)
		}
	}
	if len(tk.byKey)+tk.order.Len()+len(tk.count) != 0 {
		t.Error("something is left")
	}
}

func TestTicketExpires(t *testing.T) {
	if TicketLife < 10*time.Minute {
		t.Error("a slow modem needs 10 minutes (msnp.md 4.5)")
	}
	c := newClock()
	tk := NewTickets(c.now)
	old := tk.Issue(alice)
	c.add(TicketLife)
	if !tk.Redeem(alice, old) {
		t.Error("void at the end of its life")
	}
	old = tk.Issue(alice)
	c.add(TicketLife + time.Second)
	if tk.Redeem(alice, old) {
		t.Error("valid after its life")
	}
	if tk.order.Len() != 0 || len(tk.count) != 0 {
		t.Error("an expired ticket is kept")
	}
}

func TestTicketBounds(t *testing.T) {
	tk := NewTickets(nil)
	var mine []string
	for range maxAccountTickets + 2 {
		mine = append(mine, tk.Issue(alice))
	}
	others := tk.Issue(bob)
	for i, s := range mine[:2] {
		if tk.Redeem(alice, s) {
			t.Errorf("ticket %d of %d is still valid", i, len(mine))
		}
	}
	if !tk.Redeem(alice, mine[2]) {
		t.Error("the oldest allowed one is void")
	}
	for i := range maxTickets {
		tk.Issue(fmt.Sprintf("%d@webtv.local", i))
	}
	if n := tk.order.Len(); n != maxTickets || len(tk.byKey) != n || len(tk.count) != n {
		t.Errorf("%d tickets, %d digests, %d accounts", n, len(tk.byKey), len(tk.count))
	}
	if tk.Redeem(bob, others) || tk.Redeem(alice, mine[9]) {
		t.Error("the oldest were not dropped")
	}
}

func TestTicketsForget(t *testing.T) {
	tk := NewTickets(nil)
	a, b, other := tk.Issue(alice), tk.Issue(alice), tk.Issue(bob)
	tk.Forget("ALICE@webtv.local")
	tk.Forget("nobody@webtv.local")
	if tk.Redeem(alice, a) || tk.Redeem(alice, b) || !tk.Redeem(bob, other) {
		t.Error("not exactly alice's were dropped")
	}
}

func BenchmarkTickets(b *testing.B) {
	tk := NewTickets(nil)
	b.ReportAllocs()
	for b.Loop() {
		if !tk.Redeem(alice, tk.Issue(alice)) {
			b.Fatal("refused")
		}
	}
}
