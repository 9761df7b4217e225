package store

import (
	"bytes"
	"testing"
)

// TestFullDisk: when the disk is full, changes fail, nothing that was stored is
// touched, it is said, and when there is room again all goes on.
func TestFullDisk(t *testing.T) {
	s, c := open(t)
	ctx := t.Context()
	withAccounts(t, s)
	kept := addIn(t, s, alice, bob, "before")
	pages := func(sql string) (n int) { // of the writer's connection
		t.Helper()
		update(t, s, func(tx *Tx) error { return tx.row(sql, nil, &n) })
		return n
	}
	pages("PRAGMA max_page_count = 1") // as many as there are
	big := bytes.Repeat([]byte("x"), 100<<10)
	fill := func() error {
		return s.Update(ctx, func(tx *Tx) error {
			_, err := tx.AddIncoming(Incoming{Account: alice, Peer: bob, Body: big})
			return err
		})
	}
	if got := s.Trouble(ctx); got != (Trouble{}) {
		t.Errorf("before: %+v", got)
	}
	if err := fill(); err == nil {
		t.Fatal("there is room on a full disk")
	}
	if got, want := s.trouble.Load(), (Trouble{"the disk is full: free some space", c.Now()}); got == nil || *got != want {
		t.Errorf("full: %+v, want %+v", got, want)
	}
	wantIs(t, s.Update(ctx, func(*Tx) error { return ErrNotFound }), ErrNotFound) // says nothing of the disk
	update(t, s, func(tx *Tx) error { _, err := tx.CountPending(alice, bob); return err })
	if s.trouble.Load() == nil {
		t.Error("a refusal or a look ended the trouble")
	}
	if _, err := s.w.conn.ExecContext(ctx, "PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	if got := s.Trouble(ctx); got != (Trouble{}) { // it tried
		t.Errorf("after: %+v", got)
	}
	if err := fill(); err != nil {
		t.Fatal(err)
	}
	if all, err := s.PendingIncoming(ctx, alice, 0, 10); err != nil || len(all) != 2 || all[0].ID != kept {
		t.Errorf("stored: %d, %v", len(all), err)
	}
}

// TestReadOnlyDisk: the same for a disk that became read-only, as one does that fails.
func TestReadOnlyDisk(t *testing.T) {
	s, _ := open(t)
	ctx := t.Context()
	withAccounts(t, s)
	if _, err := s.w.conn.ExecContext(ctx, "PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	say := func() error {
		return s.Update(ctx, func(tx *Tx) error {
			_, err := tx.AddOutgoing(Outgoing{Account: alice, Peer: bob, Network: "loopback", Kind: "message"})
			return err
		})
	}
	if err := say(); err == nil {
		t.Fatal("stored on a read-only disk")
	}
	if got := s.trouble.Load(); got == nil || got.Text != faults[8] { // SQLITE_READONLY
		t.Errorf("read-only: %+v", got)
	}
	// A connection that cannot begin is made anew, and this one may write.
	if got := s.Trouble(ctx); got != (Trouble{}) {
		t.Errorf("after: %+v", got)
	}
	if err := say(); err != nil {
		t.Error(err)
	}
}
