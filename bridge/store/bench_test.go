package store

import (
	"strconv"
	"testing"

	"wtvgate/bridge/id"
)

// The benchmarks count what a message costs beyond the disk: run them in a
// memory file system to see it without the fsync of each transaction.

func BenchmarkAddOutgoing(b *testing.B) {
	s, _ := open(b)
	withAccounts(b, s)
	b.ReportAllocs()
	for b.Loop() {
		addOut(b, s, alice, bob, "a line as people write it")
	}
}

func BenchmarkAddIncoming(b *testing.B) {
	s, _ := open(b)
	withAccounts(b, s)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e := id.Event(strconv.Itoa(i))
		update(b, s, func(tx *Tx) error {
			if _, err := tx.Seen("loopback", e); err != nil {
				return err
			}
			_, err := tx.AddIncoming(Incoming{Account: alice, Peer: bob, Event: e, Body: []byte("a line as people write it")})
			return err
		})
	}
}

func BenchmarkNextOutgoing(b *testing.B) {
	s, _ := open(b)
	withAccounts(b, s)
	for range 100 {
		addOut(b, s, alice, bob, "a line as people write it")
	}
	c := id.Conversation{Account: alice, Peer: bob}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.NextOutgoing(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAllocations holds the cost of the message path where it is; the greater
// part is database/sql and the driver.
func TestAllocations(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	c := id.Conversation{Account: alice, Peer: bob}
	for name, step := range map[string]struct {
		most float64
		run  func()
	}{
		"AddOutgoing":  {70, func() { addOut(t, s, alice, bob, "x") }},
		"AddIncoming":  {70, func() { addIn(t, s, alice, bob, "x") }},
		"NextOutgoing": {90, func() { _, _ = s.NextOutgoing(t.Context(), c) }},
	} {
		addOut(t, s, alice, bob, "x")
		if got := testing.AllocsPerRun(50, step.run); got > step.most {
			t.Errorf("%s: %.0f allocations, at most %.0f", name, got, step.most)
		} else {
			t.Logf("%s: %.0f allocations", name, got)
		}
	}
}
