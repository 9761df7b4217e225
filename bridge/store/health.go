package store

import (
	"context"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// health.go: whether changes can be stored, for operators. A disk that is full or
// read-only ends nothing: each change fails until it is mended, and is asked for
// again by whoever wanted it.

// faults are SQLite's primary result codes that tell of the disk, in an operator's
// words. Others are mistakes of the program or a caller's own.
var faults = map[int]string{
	sqlite3.SQLITE_FULL:     "the disk is full: free some space",
	sqlite3.SQLITE_READONLY: "the database or its disk is read-only: mount it for writing, or give this user the right to write",
	sqlite3.SQLITE_IOERR:    "the disk fails or is full: look into the system's log",
	sqlite3.SQLITE_CANTOPEN: "the database's files cannot be opened: is the disk mounted, and may this user write in the data directory?",
	sqlite3.SQLITE_CORRUPT:  "the database is damaged: stop, and put back a backup",
	sqlite3.SQLITE_NOTADB:   "the database is damaged: stop, and put back a backup",
}

// Trouble is why nothing can be stored. The zero value: all is well.
type Trouble struct {
	Text  string    `json:"text"`
	Since time.Time `json:"since"`
}

// judge notes what an attempt to change something says of the disk; nil is a commit.
func (s *Store) judge(err error) {
	now := s.trouble.Load()
	if err == nil {
		if now != nil && s.trouble.CompareAndSwap(now, nil) {
			s.log.Info("changes can be stored again", "after", s.now().Sub(now.Since).Round(time.Second))
		}
		return
	}
	text, ok := faults[sqliteCode(err)&0xff]
	if !ok || now != nil && now.Text == text {
		return
	}
	t := &Trouble{Text: text, Since: s.now()}
	if now != nil {
		t.Since = now.Since
	}
	if s.trouble.CompareAndSwap(now, t) {
		s.log.Error("nothing can be stored", "why", text, "err", err)
	}
}

// Trouble tells whether changes can be stored. While they could not, it tries.
func (s *Store) Trouble(ctx context.Context) Trouble {
	if s.trouble.Load() != nil {
		_ = s.Update(ctx, func(tx *Tx) error { // judge hears of it
			_, err := tx.exec(`INSERT INTO meta (key, value) VALUES ('tried', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1`, s.now().String())
			return err
		})
	}
	if t := s.trouble.Load(); t != nil {
		return *t
	}
	return Trouble{}
}
