package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
	"time"
)

// migrate.go: the schema is the sum of migrations/NNNN_name.sql. The number of
// the last one that was applied is SQLite's user_version. A file that was
// shipped is never changed; a change is a new file.

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationTimeout bounds one migration: it may rewrite every row of a table
// with millions of them on a slow disk.
const migrationTimeout = 10 * time.Minute

// errBadConn makes database/sql close a connection instead of keeping it.
var errBadConn = driver.ErrBadConn

func migrations() fs.FS {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil { // the embedded folder is part of this program
		panic(err)
	}
	return sub
}

type migration struct {
	version int
	name    string
	sql     string
}

// readMigrations gives the files in order and insists on 1, 2, 3...
func readMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("store: listing migrations: %w", err)
	}
	sort.Strings(names)
	all := make([]migration, 0, len(names))
	for i, name := range names {
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.Atoi(number)
		if err != nil || len(number) != 4 || version != i+1 {
			return nil, fmt.Errorf("store: migration %s: its number should be %04d", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("store: reading migration %s: %w", name, err)
		}
		all = append(all, migration{version: version, name: name, sql: string(text)})
	}
	return all, nil
}

// migrate brings the database to the newest schema, each step in a transaction
// of its own together with the new user_version.
func migrate(ctx context.Context, db *sql.DB, files fs.FS) error {
	all, err := readMigrations(files)
	if err != nil {
		return err
	}
	var have int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return fmt.Errorf("store: reading the database's version: %w", err)
	}
	if have > len(all) {
		return sentencef(ErrNewerSchema, "store: the database has schema %d and this wtvgate knows only up to %d; "+
			"run the newer wtvgate that wrote it, or put back a backup from before the upgrade", have, len(all))
	}
	for _, m := range all[have:] {
		if err := m.apply(ctx, db); err != nil {
			return fmt.Errorf("store: migration %s: %w", m.name, err)
		}
	}
	return nil
}

func (m migration) apply(ctx context.Context, db *sql.DB) error {
	ctx, done := context.WithTimeout(ctx, migrationTimeout)
	defer done()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, m.sql); err != nil {
		return err
	}
	// A pragma takes no parameters; the number is an int of ours.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", m.version)); err != nil {
		return err
	}
	return tx.Commit()
}
