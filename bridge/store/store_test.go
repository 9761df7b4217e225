package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

// clock is the time of tests: it stands still unless moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

const (
	alice id.Account = "alice@webtv.local"
	carol id.Account = "carol@webtv.local"
	bob   id.Address = "bob@example.org"
	dora  id.Address = "dora@example.org"
)

func openAt(t testing.TB, dir string, c *clock) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// open gives an empty store and its clock.
func open(t testing.TB) (*Store, *clock) {
	t.Helper()
	c := newClock()
	return openAt(t, filepath.Join(t.TempDir(), "data"), c), c
}

// update runs a transaction that must succeed.
func update(t testing.TB, s *Store, fn func(tx *Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// withAccounts makes alice and carol.
func withAccounts(t testing.TB, s *Store) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.CreateAccount(NewAccount{Address: alice, Name: "Alice"}), tx.CreateAccount(NewAccount{Address: carol}))
	})
}

func wantIs(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want one that is %v", err, want)
	}
}

func TestOpenMakesEverythingPrivate(t *testing.T) {
	s, _ := open(t)
	dir := filepath.Dir(s.lock.f.Name())
	withAccounts(t, s) // so that the WAL is there
	for name, want := range map[string]os.FileMode{"": 0o700, "gateway.db": 0o600, "gateway.db-wal": 0o600, "secret.key": 0o600, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want && runtime.GOOS != "windows" {
			t.Errorf("mode of %q is %04o, want %04o", name, got, want)
		}
	}
}

func TestPragmas(t *testing.T) {
	s, _ := open(t)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "foreign_keys": "1", "synchronous": "2", "busy_timeout": "10000", "user_version": "6",
	} {
		var got string
		if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
		}
		if err := s.w.pool.Stats(); err.MaxOpenConnections != 1 {
			t.Fatalf("the writer has %d connections", err.MaxOpenConnections)
		}
		update(t, s, func(tx *Tx) error {
			if err := tx.row("PRAGMA "+pragma, nil, &got); err != nil || got != want {
				t.Errorf("writer: %s = %q, %v; want %q", pragma, got, err, want)
			}
			return nil
		})
	}
}

func TestOddDirectoryNames(t *testing.T) {
	for _, name := range []string{"with space", "100%41", "q?mark", "ha#sh", "ümlaut", "a&b=c;d", "per/haps/deep"} {
		if runtime.GOOS == "windows" && strings.ContainsAny(name, "?") {
			continue
		}
		dir := filepath.Join(t.TempDir(), filepath.FromSlash(name))
		withAccounts(t, openAt(t, dir, newClock()))
		if _, err := os.Stat(filepath.Join(dir, databaseName)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRelativeDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	withAccounts(t, openAt(t, "data", newClock()))
	if _, err := os.Stat(filepath.Join("data", databaseName)); err != nil {
		t.Error(err)
	}
}

func TestOpenDirectoryWarnsAndRefuses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes there")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	s, err := Open(t.Context(), dir, Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !strings.Contains(out.String(), "can be entered by other users") {
		t.Errorf("no warning in %q", out.String())
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), filepath.Join(file, "data"), Options{}); err == nil {
		s.Close()
		t.Error("a data directory below a file was accepted")
	}
}

func TestSaltAndMessageIDs(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, newClock())
	salt := s.Salt()
	if b, err := hex.DecodeString(salt); err != nil || len(b) != 8 || strings.ToLower(salt) != salt {
		t.Fatalf("salt %q is not 16 hexadecimal digits in lower case", salt)
	}
	m := s.MessageID(42)
	if want := id.Message("wtvgate-" + salt + "-42"); m != want {
		t.Fatalf("MessageID(42) = %q, want %q", m, want)
	}
	if n, ok := s.ParseMessageID(m); n != 42 || !ok {
		t.Errorf("ParseMessageID(%q) = %d, %v", m, n, ok)
	}
	for _, bad := range []id.Message{"", "wtvgate-", "wtvgate-0123456789abcdef-42", m + "x", "x" + m, "wtvgate-" + id.Message(salt) + "-",
		"wtvgate-" + id.Message(salt) + "-042", "wtvgate-" + id.Message(salt) + "-+42", "wtvgate-" + id.Message(salt) + "--42",
		"wtvgate-" + id.Message(salt) + "-0", "wtvgate-" + id.Message(salt) + "-99999999999999999999"} {
		if n, ok := s.ParseMessageID(bad); ok {
			t.Errorf("ParseMessageID(%q) = %d, want a refusal", bad, n)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if again := openAt(t, dir, newClock()); again.Salt() != salt {
		t.Errorf("the salt is now %q, was %q", again.Salt(), salt)
	}
	if other, _ := open(t); other.Salt() == salt {
		t.Error("two databases have the same salt")
	}
}

func TestCloseTwiceAndUseAfter(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Update(t.Context(), func(*Tx) error { return nil }); !errors.Is(err, sql.ErrConnDone) {
		t.Errorf("Update after Close: %v", err)
	}
	if _, err := s.Account(t.Context(), alice); err == nil {
		t.Error("a read after Close succeeded")
	}
}

func TestUpdateRollsBack(t *testing.T) {
	s, _ := open(t)
	mine := errors.New("mine")
	create := func(tx *Tx) error { return tx.CreateAccount(NewAccount{Address: alice}) }
	if err := s.Update(t.Context(), func(tx *Tx) error { return errors.Join(create(tx), mine) }); !errors.Is(err, mine) {
		t.Fatalf("Update = %v, want the function's own error", err)
	}
	func() {
		defer func() {
			if r := recover(); r != "oops" {
				t.Errorf("recovered %v, want the function's own panic", r)
			}
		}()
		_ = s.Update(t.Context(), func(tx *Tx) error { _ = create(tx); panic("oops") })
	}()
	goexit := make(chan struct{})
	go func() {
		defer close(goexit)
		_ = s.Update(context.Background(), func(tx *Tx) error { _ = create(tx); runtime.Goexit(); return nil })
	}()
	<-goexit
	if all, err := s.Accounts(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("accounts after three rollbacks: %v, %v", all, err)
	}
	update(t, s, create) // the writer still works
	if _, err := s.Account(t.Context(), alice); err != nil {
		t.Error(err)
	}
}

func TestUpdateIsUnseenUntilCommitted(t *testing.T) {
	s, _ := open(t)
	update(t, s, func(tx *Tx) error {
		if err := tx.CreateAccount(NewAccount{Address: alice}); err != nil {
			return err
		}
		if _, err := tx.Account(alice); err != nil {
			t.Errorf("the transaction does not see its own account: %v", err)
		}
		if _, err := s.Account(t.Context(), alice); !errors.Is(err, ErrNotFound) { // also: readers do not wait
			t.Errorf("a reader sees it before the commit: %v", err)
		}
		return nil
	})
	if _, err := s.Account(t.Context(), alice); err != nil {
		t.Error(err)
	}
}

func TestNestedUpdateEnds(t *testing.T) {
	s, _ := open(t)
	update(t, s, func(*Tx) error {
		ctx, done := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer done()
		wantIs(t, s.Update(ctx, func(*Tx) error { t.Error("ran inside another"); return nil }), context.DeadlineExceeded)
		return nil
	})
}

func TestCancelledCallerTouchesNothing(t *testing.T) {
	s, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantIs(t, s.Update(ctx, func(*Tx) error { t.Error("ran"); return nil }), context.Canceled)
	_, err := s.Accounts(ctx)
	wantIs(t, err, context.Canceled)
}

func TestCancelledInsideStillCommits(t *testing.T) {
	s, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx *Tx) error {
		cancel()
		return tx.CreateAccount(NewAccount{Address: alice})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Account(t.Context(), alice); err != nil {
		t.Error(err)
	}
}

func TestNetworksShareTheFile(t *testing.T) {
	s, _ := open(t)
	db := s.DB()
	if _, err := db.Exec(`CREATE TABLE loopback_things (n INTEGER)`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				tx, err := db.Begin()
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := tx.Exec(`INSERT INTO loopback_things VALUES (1)`); err != nil {
					t.Error(err)
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 40 {
		update(t, s, func(tx *Tx) error {
			_, err := tx.Seen("loopback", id.Event(rune('A'+i)))
			return err
		})
	}
	wg.Wait()
	var n int
	if err := db.QueryRow(`SELECT count(*) FROM loopback_things`).Scan(&n); err != nil || n != 80 {
		t.Errorf("%d rows, %v; want 80", n, err)
	}
}
