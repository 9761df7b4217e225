package store

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// lineUp holds the turn, has steps wait for it in their order, and lets go. It gives
// what each Update returned, and "panic" for one that panicked.
func lineUp(t *testing.T, s *Store, steps ...func(*Tx) error) []any {
	t.Helper()
	free, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	var once sync.Once // it may run again
	wg.Go(func() {
		wantIs(t, s.Update(t.Context(), func(*Tx) error { once.Do(func() { close(held) }); <-free; return nil }), nil)
	})
	<-held
	results := make([]any, len(steps))
	for i, step := range steps {
		wg.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					results[i] = "panic"
				}
			}()
			if err := s.Update(t.Context(), step); err != nil {
				results[i] = err
			}
		})
		for s.waiting() != i+1 {
			runtime.Gosched()
		}
	}
	close(free)
	wg.Wait()
	return results
}

func (s *Store) waiting() int {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return len(s.w.queue)
}

// saying stores a message and then ends as told.
func saying(body string, then func(*Tx) error) func(*Tx) error {
	return func(tx *Tx) error {
		if _, err := tx.AddIncoming(Incoming{Account: alice, Peer: bob, Body: []byte(body)}); err != nil {
			return err
		}
		return then(tx)
	}
}

func bodiesOf(t *testing.T, s *Store) (all []string) {
	t.Helper()
	rows, err := s.PendingIncoming(t.Context(), alice, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		all = append(all, string(r.Body))
	}
	return all
}

func fine(*Tx) error { return nil }

// TestWaitersShareACommit: who waits for the turn joins the transaction, in order; a
// unit that fails or panics takes back what it did and nothing else.
func TestWaitersShareACommit(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	mine := errors.New("mine")
	commits, rollbacks := s.Transactions()
	groups := s.groups.Load()
	got := lineUp(t, s, saying("one", fine), saying("refused", func(*Tx) error { return mine }), saying("two", fine),
		saying("panic", func(*Tx) error { panic("mine") }), saying("three", fine))
	if want := []any{nil, mine, nil, "panic", nil}; !slices.Equal(got, want) {
		t.Errorf("results %v, want %v", got, want)
	}
	if got := bodiesOf(t, s); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("stored %q", got)
	}
	c, r := s.Transactions()
	if n := s.groups.Load() - groups; n != 1 || c-commits != 4 || r-rollbacks != 2 {
		t.Errorf("%d transactions for %d changes and %d failures; want 1 for 4 and 2", n, c-commits, r-rollbacks)
	}
}

// TestABrokenGroupComesAgain: a unit in which SQLite rolls everything back, as it
// does when the disk is full or a statement is interrupted, fails alone: the others
// run again, each by itself, in their order.
func TestABrokenGroupComesAgain(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	groups := s.groups.Load()
	broken := errors.New("broken")
	got := lineUp(t, s, saying("one", fine), saying("two", fine), func(tx *Tx) error {
		if _, err := tx.exec("ROLLBACK"); err != nil {
			t.Error(err)
		}
		return broken
	}, saying("three", fine))
	if want := []any{nil, nil, broken, nil}; !slices.Equal(got, want) {
		t.Errorf("results %v, want %v", got, want)
	}
	if got := bodiesOf(t, s); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("stored %q", got)
	}
	// The one that held the turn, two, and each of them by itself; three.
	if n := s.groups.Load() - groups; n != 4 {
		t.Errorf("%d transactions, want 4", n)
	}
}

// TestAGroupIsBounded: the first does not wait for all who come.
func TestAGroupIsBounded(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	groups := s.groups.Load()
	var steps []func(*Tx) error
	var want []string
	for i := range 2 * maxUnits {
		want = append(want, strconv.Itoa(i))
		steps = append(steps, saying(want[i], fine))
	}
	lineUp(t, s, steps...)
	if got := bodiesOf(t, s); !slices.Equal(got, want) {
		t.Errorf("stored %q", got)
	}
	if n := s.groups.Load() - groups; n != 3 { // with the one that held the turn
		t.Errorf("%d transactions, want 3", n)
	}
}

// TestAWaiterLeaves: who goes away while waiting does nothing, and holds nobody.
func TestAWaiterLeaves(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	err := s.Update(t.Context(), saying("one", func(*Tx) error {
		go func() { left <- s.Update(ctx, saying("two", fine)) }()
		for s.waiting() != 1 {
			runtime.Gosched()
		}
		cancel()
		return <-left
	}))
	wantIs(t, err, context.Canceled)
	update(t, s, saying("three", fine))
	if got := bodiesOf(t, s); !slices.Equal(got, []string{"three"}) {
		t.Errorf("stored %q", got)
	}
}
