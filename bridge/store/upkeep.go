package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// upkeep.go: what an operator does to the database as a whole.

const (
	// checkTimeout bounds reading the whole file once: a gigabyte from a slow disk.
	checkTimeout = 20 * time.Second
	// backupTimeout bounds writing a second one. Nobody waits for it but the
	// operator: it reads beside the writers.
	backupTimeout = 5 * time.Minute
)

// ErrDamaged: the database's file is not as SQLite wrote it.
var ErrDamaged = errors.New("store: the database is damaged")

// QuickCheck reads the whole database and compares what belongs together.
// ErrDamaged comes with what SQLite found first.
func (s *Store) QuickCheck(ctx context.Context) error { return quickCheck(ctx, s.db) }

func quickCheck(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var said string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, said)
	}
	return nil
}

// Inspect is QuickCheck for a data directory that no process has open: it takes
// its lock meanwhile and changes nothing. ErrLocked; ErrNotFound: there is no
// database yet.
func Inspect(ctx context.Context, dir string) error {
	file := filepath.Join(dir, databaseName)
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("store: there is no %s: %w", file, ErrNotFound)
	}
	lock, err := lockDir(ctx, dir, time.Now())
	if err != nil {
		return err
	}
	err = checkFile(ctx, file)
	return errors.Join(err, lock.Release())
}

func checkFile(ctx context.Context, file string) error {
	db, err := sql.Open("sqlite", dsn(file))
	if err != nil {
		return fmt.Errorf("store: opening the database: %w", err)
	}
	err = quickCheck(ctx, db)
	return errors.Join(err, db.Close())
}

// Backup writes a copy of the database as it is at one moment to a file that is
// not there yet, readable by its owner alone, and checks the copy. Secrets in it
// are sealed with the data directory's key file, which is not part of it.
// ErrExists: there is a file of that name. After an error there is none.
func (s *Store) Backup(ctx context.Context, file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return sentencef(ErrExists, "store: %s is there already; choose another name", file)
	}
	if err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, backupTimeout)
	defer cancel()
	_, err = s.db.ExecContext(ctx, `VACUUM INTO ?`, file)
	if err == nil {
		err = checkFile(ctx, file)
	}
	if err != nil {
		return fmt.Errorf("store: backup: %w", errors.Join(err, os.Remove(file)))
	}
	// The check opened the copy as a database with a write-ahead log; SQLite takes
	// its companions away when it closes the file.
	return nil
}

// Transactions counts those of Update since Open: what was committed, and what
// was rolled back because its function refused or the disk did.
func (s *Store) Transactions() (commits, rollbacks uint64) {
	return s.commits.Load(), s.rollbacks.Load()
}
