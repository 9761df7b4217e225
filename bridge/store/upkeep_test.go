package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"wtvgate/bridge/id"
)

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Update(t.Context(), func(tx *Tx) error { return tx.CreateAccount(NewAccount{Address: "alice@webtv.local", Name: "Alice"}) })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.QuickCheck(t.Context()); err != nil {
		t.Error(err)
	}
	restored := t.TempDir()
	file := filepath.Join(restored, databaseName)
	if err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if all, err := os.ReadDir(restored); err != nil || len(all) != 1 {
		t.Errorf("beside the backup there is %v, %v", all, err)
	}
	if err := s.Backup(t.Context(), file); !errors.Is(err, ErrExists) {
		t.Errorf("again: %v", err)
	}
	// With its key it is the same database, down to the secrets.
	key, err := os.ReadFile(filepath.Join(dir, keyName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(restored, keyName), key, 0o600); err != nil {
		t.Fatal(err)
	}
	copied, err := Open(t.Context(), restored, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	want, err1 := s.Secret(t.Context(), "alice@webtv.local")
	got, err2 := copied.Secret(t.Context(), id.Account("alice@webtv.local"))
	if err1 != nil || err2 != nil || got != want || got == "" {
		t.Errorf("the secret is another: %v, %v", err1, err2)
	}
}

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	if err := Inspect(t.Context(), dir); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing there: %v", err)
	}
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Inspect(t.Context(), dir); !errors.Is(err, ErrLocked) {
		t.Errorf("in use: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Inspect(t.Context(), dir); err != nil {
		t.Errorf("at rest: %v", err)
	}
	file := filepath.Join(dir, databaseName)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < 2*4096 && i < len(b); i++ { // the second page
		b[i] = 0xff
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Inspect(t.Context(), dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
}
