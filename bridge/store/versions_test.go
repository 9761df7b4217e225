package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"wtvgate/bridge/store"
	"wtvgate/bridge/store/storetest"
)

// TestEverySchemaShipped opens a database of each schema that there ever was, with
// rows in every table: all of them are there afterwards, and in a backup of it.
func TestEverySchemaShipped(t *testing.T) {
	shipped, err := filepath.Glob("testdata/schema*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if now, err := filepath.Glob("migrations/*.sql"); err != nil || len(now) != len(shipped) {
		t.Fatalf("%d migrations, %d in testdata: copy a new one there, with rows for its tables; %v", len(now), len(shipped), err)
	}
	for newest := range len(shipped) {
		t.Run(fmt.Sprint("schema ", newest+1), func(t *testing.T) {
			dir := storetest.Dir(t) // for its key
			file := filepath.Join(dir, "gateway.db")
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			old := openSQL(t, file)
			for v := 1; v <= newest+1; v++ {
				for _, kind := range []string{"schema", "data"} {
					text, err := os.ReadFile(fmt.Sprintf("testdata/%s%04d.sql", kind, v))
					if err != nil {
						t.Fatal(err)
					}
					if _, err := old.Exec(string(text)); err != nil {
						t.Fatalf("%s %d: %v", kind, v, err)
					}
				}
				if _, err := old.Exec(fmt.Sprintf("PRAGMA user_version = %d", v)); err != nil {
					t.Fatal(err)
				}
			}
			before := storetest.ReadTables(t, old, "")
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), dir, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			before.Kept(t, s.DB(), "meta") // a proof of the key is added
			copied := filepath.Join(t.TempDir(), "copy.db")
			if err := s.Backup(t.Context(), copied); err != nil {
				t.Fatal(err)
			}
			backup := openSQL(t, copied)
			before.Kept(t, backup, "meta")
			var version int
			if err := backup.QueryRow(`PRAGMA user_version`).Scan(&version); err != nil || version != len(shipped) {
				t.Errorf("the backup has schema %d, %v", version, err)
			}
		})
	}
}

func openSQL(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
