package store

import (
	"database/sql"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"wtvgate/bridge/id"
)

func readTestdata(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rawDB opens a database of the directory without the store.
func rawDB(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(filepath.Join(dir, databaseName)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func mustExec(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatalf("%.60s: %v", query, err)
	}
}

// TestFirstSchemaEverShipped opens a database as the first release left it, with
// rows in every table, and reads it all through today's methods.
func TestFirstSchemaEverShipped(t *testing.T) {
	dir := t.TempDir()
	db := rawDB(t, dir)
	mustExec(t, db, readTestdata(t, "schema0001.sql"))
	mustExec(t, db, `PRAGMA user_version = 1`)
	mustExec(t, db, readTestdata(t, "data0001.sql"))
	key, err := makeKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := newAEAD(key)
	if err != nil {
		t.Fatal(err)
	}
	old := &Store{aead: aead}
	secret, err := old.Seal([]byte("00112233445566778899aabbccddeeff"), secretContext(alice))
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, `UPDATE accounts SET secret = ?`, secret)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, at := t.Context(), func(ms int64) time.Time { return time.UnixMilli(946684800000 + ms).UTC() }
	s := openAt(t, dir, newClock())
	if got := s.MessageID(41); got != "wtvgate-0123456789abcdef-41" {
		t.Errorf("message id %q", got)
	}
	wantAccount := Account{Address: alice, Name: "Alice", Number: 7, Created: at(123), Boxes: []Box{{"8100b0000000affe", 3, at(124)}}}
	if got, err := s.Account(ctx, alice); err != nil || !reflect.DeepEqual(got, wantAccount) {
		t.Errorf("Account = %+v, %v", got, err)
	}
	if got, err := s.Secret(ctx, alice); err != nil || got != "00112233445566778899aabbccddeeff" {
		t.Errorf("Secret = %q, %v", got, err)
	}
	wantRoster := Roster{Version: 4294967295, Privacy: "BL", Prompt: "N", Contacts: []Contact{{bob, "Bob", 11, at(125), 1}},
		Groups: []Group{{0, "Other Contacts"}}}
	if got, err := s.Roster(ctx, alice); err != nil || !reflect.DeepEqual(got, wantRoster) {
		t.Errorf("Roster = %+v, %v", got, err)
	}
	wantOut := Outgoing{41, alice, bob, "matrix", "message", []byte("hi"), at(126), Pending, "", ""}
	if got, err := s.NextOutgoing(ctx, id.Conversation{Account: alice, Peer: bob}); err != nil || !reflect.DeepEqual(got, wantOut) {
		t.Errorf("NextOutgoing = %+v, %v", got, err)
	}
	wantIn := []Incoming{{51, alice, bob, "matrix", "$e", "message", "Bob", []byte("yo"), at(128), at(129), Pending, 0}}
	if got, err := s.PendingIncoming(ctx, alice, 0, 10); err != nil || !reflect.DeepEqual(got, wantIn) {
		t.Errorf("PendingIncoming = %+v, %v", got, err)
	}
	update(t, s, func(tx *Tx) error {
		if fresh, err := tx.Seen("matrix", "$e"); err != nil || fresh {
			t.Errorf("the old event is fresh: %v, %v", fresh, err)
		}
		return nil
	})
	if n := addOut(t, s, alice, bob, "next"); n != 42 {
		t.Errorf("number %d follows 41", n)
	}
}

// TestShippedMigrationsAreFrozen: a database out there has run it as it was.
func TestShippedMigrationsAreFrozen(t *testing.T) {
	for shipped, name := range map[string]string{"schema0001.sql": "0001_first.sql", "schema0002.sql": "0002_groups.sql",
		"schema0003.sql": "0003_box_keys.sql", "schema0004.sql": "0004_settings.sql", "schema0005.sql": "0005_helper.sql",
		"schema0006.sql": "0006_flow.sql"} {
		now, err := os.ReadFile(filepath.Join("migrations", name))
		if err != nil || string(now) != readTestdata(t, shipped) {
			t.Errorf("migrations/%s differs from what was shipped (%v); make a new file instead", name, err)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, newClock())
	withAccounts(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := rawDB(t, dir)
	mustExec(t, db, `PRAGMA user_version = 7`)
	_, err := Open(t.Context(), dir, Options{})
	wantIs(t, err, ErrNewerSchema)
	want := "store: the database has schema 7 and this wtvgate knows only up to 6; run the newer wtvgate that wrote it, " +
		"or put back a backup from before the upgrade"
	if err.Error() != want {
		t.Errorf("refusal %q, want %q", err, want)
	}
	if locked, err := Locked(dir); err != nil || locked {
		t.Errorf("the failed Open kept the lock: %v, %v", locked, err)
	}
	mustExec(t, db, `PRAGMA user_version = 6`)
	if all, err := openAt(t, dir, newClock()).Accounts(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("after going back: %v, %v", all, err)
	}
}

func TestMigrateStepByStep(t *testing.T) {
	dir := t.TempDir()
	db := rawDB(t, dir)
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	files := fstest.MapFS{"0001_a.sql": file(`CREATE TABLE a (x TEXT NOT NULL); INSERT INTO a VALUES ('kept');`)}
	version := func(want int) {
		t.Helper()
		var got int
		if err := db.QueryRow(`PRAGMA user_version`).Scan(&got); err != nil || got != want {
			t.Errorf("version %d, %v; want %d", got, err, want)
		}
	}
	for range 2 {
		if err := migrate(t.Context(), db, files); err != nil {
			t.Fatal(err)
		}
		version(1)
	}
	// The second fails in its last statement: nothing of it stays.
	files["0002_b.sql"] = file(`ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 5; CREATE TABLE b (z); INSERT INTO nowhere VALUES (1);`)
	err := migrate(t.Context(), db, files)
	if err == nil || !strings.HasPrefix(err.Error(), "store: migration 0002_b.sql: ") {
		t.Fatalf("a bad migration: %v", err)
	}
	version(1)
	files["0002_b.sql"] = file(`ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 5; CREATE TABLE b (z);`)
	files["0003_c.sql"] = file(`UPDATE a SET y = 6;`)
	if err := migrate(t.Context(), db, files); err != nil {
		t.Fatal(err)
	}
	version(3)
	var x string
	var y int
	if err := db.QueryRow(`SELECT x, y FROM a`).Scan(&x, &y); err != nil || x != "kept" || y != 6 {
		t.Errorf("row %q %d, %v", x, y, err)
	}
}

func TestMigrationNumbers(t *testing.T) {
	for _, bad := range []string{"0000_a.sql", "0002_a.sql", "1_a.sql", "a.sql", "00001_a.sql"} {
		if _, err := readMigrations(fstest.MapFS{bad: &fstest.MapFile{}}); err == nil {
			t.Errorf("%s alone was accepted", bad)
		}
	}
	all, err := readMigrations(migrations())
	if err != nil || len(all) == 0 {
		t.Fatalf("our own: %v, %v", all, err)
	}
}
