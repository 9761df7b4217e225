package store

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"wtvgate/bridge/id"
)

// folding is a conversation with lines in it.
type folding struct {
	t *testing.T
	s *Store
	c *clock
}

var aliceDora = id.Conversation{Account: alice, Peer: dora}

func newFolding(t *testing.T, lines int) folding {
	s, c := open(t)
	withAccounts(t, s)
	for i := range lines {
		addIn(t, s, alice, dora, fmt.Sprint(i))
	}
	return folding{t, s, c}
}

func (f folding) fold(first, last, most int) (n int) {
	f.t.Helper()
	update(f.t, f.s, func(tx *Tx) (err error) {
		n, err = tx.Fold(aliceDora, first, last, most, func(n int) Incoming {
			return Incoming{Network: "local", Kind: "folded", Name: "gate", Body: fmt.Appendf(nil, "(%d)", n)}
		})
		return err
	})
	return n
}

// takes gives what waits and marks it as delivered.
func (f folding) takes() (lines []string) {
	f.t.Helper()
	all, err := f.s.WaitingIncoming(f.t.Context(), aliceDora, 0, 10000)
	if err != nil {
		f.t.Fatal(err)
	}
	var ids []int64
	for _, i := range all {
		lines, ids = append(lines, string(i.Body)), append(ids, i.ID)
	}
	if err := f.s.MarkDelivered(f.t.Context(), ids); err != nil {
		f.t.Fatal(err)
	}
	return lines
}

func (f folding) wants(want ...string) {
	f.t.Helper()
	if got := f.takes(); !slices.Equal(got, want) {
		f.t.Errorf("waiting: %q, want %q", got, want)
	}
}

func (f folding) unfold(limit, moved, left int) {
	f.t.Helper()
	update(f.t, f.s, func(tx *Tx) error {
		m, l, err := tx.Unfold(aliceDora, limit)
		if m != moved || l != left {
			f.t.Errorf("Unfold(%d) = %d, %d; want %d, %d", limit, m, l, moved, left)
		}
		return err
	})
}

func TestFold(t *testing.T) {
	f := newFolding(t, 10)
	other := addIn(t, f.s, alice, bob, "bob's")
	if got, err := f.s.Crowded(t.Context(), alice, 9); err != nil || !reflect.DeepEqual(got, []Backlog{{dora, 10}}) {
		t.Errorf("Crowded = %v, %v", got, err)
	}
	if got, err := f.s.Crowded(t.Context(), alice, 10); err != nil || got != nil {
		t.Errorf("Crowded = %v, %v", got, err)
	}
	if n := f.fold(2, 3, 100); n != 5 {
		t.Errorf("folded %d", n)
	}
	if got, err := f.s.Kept(t.Context(), alice); err != nil || !reflect.DeepEqual(got, []Backlog{{dora, 5}}) {
		t.Errorf("Kept = %v, %v", got, err)
	}
	f.wants("0", "1", "(5)", "7", "8", "9")
	for i := 10; i < 16; i++ {
		addIn(t, f.s, alice, dora, fmt.Sprint(i))
	}
	if n := f.fold(1, 1, 100); n != 4 { // another time off
		t.Errorf("folded %d", n)
	}
	f.wants("10", "(4)", "15")
	f.c.add(100 * Retention) // what is kept is kept
	if _, err := f.s.Prune(t.Context(), f.c.Now().Add(-Retention)); err != nil {
		t.Fatal(err)
	}
	f.unfold(3, 3, 6)
	f.wants("2", "3", "4")
	f.unfold(-1, 0, 6)
	f.unfold(100, 6, 0)
	f.wants("5", "6", "11", "12", "13", "14")
	f.unfold(100, 0, 0)
	if all, err := f.s.PendingIncoming(t.Context(), alice, 0, 10); err != nil || len(all) != 1 || all[0].ID != other {
		t.Errorf("bob's: %+v, %v", all, err)
	}
}

// TestFoldKeepsWhatItIs: what is unfolded has new numbers, its time and no event.
func TestFoldKeepsWhatItIs(t *testing.T) {
	f := newFolding(t, 2)
	update(t, f.s, func(tx *Tx) error {
		for i := range 3 {
			if _, err := tx.AddIncoming(Incoming{Account: alice, Peer: dora, Network: "matrix", Event: id.Event(fmt.Sprint("$", i)),
				Kind: "message", Name: "Dora", Body: []byte{byte('a' + i)}, Sent: f.c.Now().Add(-Retention)}); err != nil {
				return err
			}
		}
		return nil
	})
	newest, err := f.s.LastIncoming(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.fold(2, 1, 100)
	all, err := f.s.WaitingIncoming(t.Context(), aliceDora, 0, 10)
	if err != nil || len(all) != 4 {
		t.Fatalf("%+v, %v", all, err)
	}
	if g := all[2]; g.Kind != "folded" || g.Name != "gate" || g.Network != "local" || g.Event != "" || g.ID != newest-1 {
		t.Errorf("the line is %+v", g)
	}
	f.takes()
	f.unfold(5, 2, 0)
	all, err = f.s.WaitingIncoming(t.Context(), aliceDora, newest, 10)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	for i, g := range all {
		if string(g.Body) != string(rune('a'+i)) || g.Event != "" || g.Name != "Dora" || g.Network != "matrix" || !g.Sent.Equal(f.c.Now().Add(-Retention)) {
			t.Errorf("unfolded: %+v", g)
		}
	}
}

// TestFoldNothing: nothing is folded for the sake of one line.
func TestFoldNothing(t *testing.T) {
	for lines := range 7 {
		f := newFolding(t, lines)
		want := 0
		if lines == 6 {
			want = 2
		}
		if n := f.fold(2, 2, 100); n != want {
			t.Errorf("of %d lines %d were folded", lines, n)
		}
	}
}

// TestFoldHasALimit: of a flood the newest are kept.
func TestFoldHasALimit(t *testing.T) {
	f := newFolding(t, 10)
	if n := f.fold(1, 1, 3); n != 8 {
		t.Errorf("folded %d", n)
	}
	f.wants("0", "(8)", "9")
	f.unfold(10, 3, 0)
	f.wants("6", "7", "8")
}

// TestFoldIsOneStep: what fails leaves everything as it was.
func TestFoldIsOneStep(t *testing.T) {
	f := newFolding(t, 5)
	boom := errors.New("boom")
	err := f.s.Update(t.Context(), func(tx *Tx) error {
		if _, err := tx.Fold(aliceDora, 1, 1, 9, func(int) Incoming { return Incoming{} }); err != nil {
			return err
		}
		return boom
	})
	wantIs(t, err, boom)
	f.wants("0", "1", "2", "3", "4")
}

func TestGreeted(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	for i := range 3 {
		if done, err := s.Greeted(t.Context(), alice); err != nil || done != (i > 0) {
			t.Errorf("round %d: %v, %v", i, done, err)
		}
		update(t, s, func(tx *Tx) error {
			if fresh, err := tx.SetGreeted(alice); err != nil || fresh != (i == 0) {
				t.Errorf("round %d: %v, %v", i, fresh, err)
			}
			return nil
		})
	}
	_, err := s.Greeted(t.Context(), "nobody@webtv.local")
	wantIs(t, err, ErrNotFound)
}
