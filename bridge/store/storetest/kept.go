package storetest

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Tables is the content of a database: of each table its columns and its rows.
type Tables map[string]Table

// Table is one table as text; its rows are sorted.
type Table struct {
	Columns []string
	Rows    []string
}

// ReadTables reads all tables whose names begin with prefix.
func ReadTables(t testing.TB, db *sql.DB, prefix string) Tables {
	t.Helper()
	names, err := db.Query(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND substr(name, 1, ?) = ?`, len(prefix), prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer names.Close()
	all := make(Tables)
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			t.Fatal(err)
		}
		all[name] = Table{}
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
	for name := range all {
		all[name] = readTable(t, db, name, []string{"*"})
	}
	return all
}

// readTable reads columns of a table; the names are the schema's.
func readTable(t testing.TB, db *sql.DB, name string, columns []string) (out Table) {
	t.Helper()
	rows, err := db.Query(fmt.Sprintf(`SELECT %s FROM %s`, strings.Join(columns, ", "), name))
	if err != nil {
		t.Errorf("table %s: %v", name, err)
		return out
	}
	defer rows.Close()
	if out.Columns, err = rows.Columns(); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(out.Columns)), make([]any, len(out.Columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		out.Rows = append(out.Rows, fmt.Sprintf("%v", values))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out.Rows)
	return out
}

// Kept wants every table of before in db with the rows that it had, as far as the
// columns of then go, each table with one row at least, and a database that is whole.
// The tables named in grown may have more beside.
func (before Tables) Kept(t testing.TB, db *sql.DB, grown ...string) {
	t.Helper()
	for name, was := range before {
		if len(was.Rows) == 0 {
			t.Errorf("the old table %s has no row: nothing is shown by it", name)
		}
		is := readTable(t, db, name, was.Columns)
		if slices.Contains(grown, name) {
			is.Rows = slices.DeleteFunc(is.Rows, func(row string) bool { return !slices.Contains(was.Rows, row) })
		}
		if !slices.Equal(is.Rows, was.Rows) {
			t.Errorf("table %s had %q, has %q", name, was.Rows, is.Rows)
		}
	}
	var check string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity: %s, %v", check, err)
	}
}
