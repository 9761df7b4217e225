package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wtvgate/bridge/store"
)

// EverySchema brings a network's own tables of each schema that there ever was up to
// date, with rows in every one: all of them are there afterwards. What was shipped,
// in migrations/, is as it is kept in testdata/, and a schema that is newer is
// refused. The tables' names begin with prefix, as in matrix_.
func EverySchema(t *testing.T, prefix string, upgrade func(context.Context, *sql.DB) error) {
	t.Helper()
	version := prefix + "version"
	now, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(now) == 0 {
		t.Fatalf("%d migrations, %v", len(now), err)
	}
	var made, data []string // of each version
	for i, name := range now {
		read := func(name string) string {
			t.Helper()
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatalf("%v: copy a new migration to testdata, with rows for its tables", err)
			}
			return string(b)
		}
		made = append(made, read(fmt.Sprintf("testdata/schema%02d.sql", i+1)))
		data = append(data, read(fmt.Sprintf("testdata/data%02d.sql", i+1)))
		if b, err := os.ReadFile(name); err != nil || !bytes.Equal(b, []byte(made[i])) {
			t.Errorf("%s differs from what was shipped (%v); make a new file instead", name, err)
		}
	}
	for newest := range now {
		t.Run(fmt.Sprint("schema ", newest+1), func(t *testing.T) {
			st, err := store.Open(t.Context(), Dir(t), store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			do := func(query string) {
				t.Helper()
				if _, err := st.DB().Exec(query); err != nil {
					t.Fatalf("%.60s: %v", query, err)
				}
			}
			for v := range newest + 1 {
				do(made[v])
				do(data[v])
			}
			before := ReadTables(t, st.DB(), prefix)
			do("CREATE TABLE " + version + " (version INTEGER, compat INTEGER)")
			do(fmt.Sprintf("INSERT INTO %s VALUES (%d, %d)", version, newest+1, newest+1))
			for range 2 { // the second finds the tables
				if err := upgrade(t.Context(), st.DB()); err != nil {
					t.Fatal(err)
				}
			}
			before.Kept(t, st.DB())
			after := ReadTables(t, st.DB(), version)
			if got, want := after[version].Rows, fmt.Sprintf("[%d %d]", len(now), len(now)); len(got) != 1 || got[0] != want {
				t.Errorf("the version is %q, want %s", got, want)
			}
			do("UPDATE " + version + " SET version = 99, compat = 99")
			if err := upgrade(t.Context(), st.DB()); err == nil || !strings.Contains(err.Error(), "v99") {
				t.Errorf("a newer schema: %v", err)
			}
			before.Kept(t, st.DB())
		})
	}
}
