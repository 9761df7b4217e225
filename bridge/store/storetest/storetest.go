// Package storetest gives tests a data directory whose database has the newest
// schema already. Making the schema is most of what opening a new store costs,
// and with the race detector a third of what the tests of an account's goroutine
// did. The migrations have tests of their own, in package store.
package storetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"wtvgate/bridge/store"
)

// template is what a new store leaves in its directory, by the files' names.
var template = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "storetest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	st, err := store.Open(context.Background(), dir, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
})

// Dir is a directory of the test's for store.Open, as a store that was opened
// and closed again left it. The key in it is the same for all tests of a process.
func Dir(t testing.TB) string {
	t.Helper()
	files, err := template()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil { // as Open makes it; else it warns
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
