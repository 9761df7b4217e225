package passport

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestVerifierRemembersRightPasswords(t *testing.T) {
	c, b := newClock(), newBook()
	v := NewVerifier(b, c.now)
	check := func(address, password string, want bool, asked int) {
		t.Helper()
		before := b.count()
		got, err := v.CheckPassword(t.Context(), address, password)
		if got != want || err != nil || b.count()-before != asked {
			t.Errorf("%s with %q: %v, %v, asked %d times; want %v, asked %d", address, password, got, err, b.count()-before, want, asked)
		}
	}
	check(alice, "hunter22", true, 1)
	check("ALICE@webtv.local", "hunter22", true, 0)
	check(alice, "hunter2", false, 1) // a wrong one is asked about
	check(alice, "hunter2", false, 1) // each time
	check(alice, "hunter22", true, 0) // and takes nothing away
	check("carol@webtv.local", "hunter22", false, 1)
	c.add(verifiedLife - 1)
	check(alice, "hunter22", true, 0)
	c.add(1)
	check(alice, "hunter22", true, 1)

	b.set(alice, "new")
	v.Forget("Alice@webtv.local")
	check(alice, "hunter22", false, 1)
	check(alice, "new", true, 1)
	check(alice, "new", true, 0)

	b.err = errors.New("no disk")
	check(alice, "new", true, 0)
	if ok, err := v.CheckPassword(t.Context(), alice, "other"); ok || err == nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// TestForgetDuringACheck: what was right before the password changed is not
// remembered after.
func TestForgetDuringACheck(t *testing.T) {
	b := newBook()
	v := NewVerifier(b, nil)
	b.entered, b.gate = make(chan struct{}), make(chan struct{})
	done := make(chan bool)
	go func() {
		ok, _ := v.CheckPassword(context.Background(), alice, "hunter22")
		done <- ok
	}()
	<-b.entered // it has read the old password
	b.set(alice, "new")
	v.Forget(alice)
	b.gate <- struct{}{}
	if !<-done { // and is over, so that gate is nobody's
		t.Fatal("the check itself began before the change")
	}
	b.gate = nil
	if ok, _ := v.CheckPassword(t.Context(), alice, "hunter22"); ok {
		t.Error("the old password was remembered")
	}
}

func TestVerifierIsBounded(t *testing.T) {
	c, b := newClock(), newBook()
	v := NewVerifier(b, c.now)
	fill := func(kind string, n int) {
		for i := range n {
			a := fmt.Sprintf("%s%d@webtv.local", kind, i)
			b.passwords[a] = "x"
			if ok, err := v.CheckPassword(t.Context(), a, "x"); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
	}
	fill("a", maxVerified+3)
	if len(v.known) != maxVerified {
		t.Errorf("%d remembered", len(v.known))
	}
	c.add(verifiedLife)
	fill("b", 1)
	if len(v.known) != 1 {
		t.Errorf("%d remembered after all expired", len(v.known))
	}
}

func BenchmarkVerifier(b *testing.B) {
	v := NewVerifier(newBook(), nil)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := v.CheckPassword(b.Context(), alice, "hunter22"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
