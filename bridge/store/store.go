// Package store keeps everything the gateway must not forget: accounts and
// their boxes, contact lists, what waits to be sent and what waits for a box,
// and which events of the networks were handled already. It is one SQLite file
// in the data directory, guarded by a lock file and, for secrets, a key file.
//
// Who owns what: Store is safe from any goroutine. Reads run beside each other
// on a pool of connections and see what was committed. Writes all go through
// Update, one after another, on one connection of their own; whoever is in the
// function passed to Update holds the only turn, must not call Update again and
// must not do network I/O. A Tx belongs to that function's goroutine and dies
// with it. The file lock is held from Open to Close and is given back by the
// kernel if the process is killed.
package store

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wtvgate/bridge/id"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// What a caller may decide on; every error of this package that has one of
// these causes wraps it.
var (
	// ErrNotFound: no such account, box, message or contact.
	ErrNotFound = errors.New("store: not found")
	// ErrExists: the account is there already.
	ErrExists = errors.New("store: exists already")
	// ErrLocked: another process runs on this data directory.
	ErrLocked = errors.New("store: the data directory is in use")
	// ErrNewerSchema: a later version of the program wrote this database.
	ErrNewerSchema = errors.New("store: the database is from a newer version")
	// ErrBoxTaken: the box is linked to another account.
	ErrBoxTaken = errors.New("store: the box is linked to another account")
	// ErrTooLong: a body is longer than MaxBody.
	ErrTooLong = errors.New("store: too long")
	// ErrInvalid: an argument that could never be right, such as a list mode
	// that does not exist or a password against the policy.
	ErrInvalid = errors.New("store: not valid")
	// ErrKey: the key file is missing, wrong or open to others.
	ErrKey = errors.New("store: key file")
)

const (
	// queryTimeout bounds one read, and the statements of one Update together. A
	// query of ours takes well under a millisecond; one that takes seconds is a
	// fault of the disk, and its caller should hear of it before a client gives up
	// (style.md 3.18).
	queryTimeout = 5 * time.Second
	// busyTimeout is how long SQLite itself waits for another writer of the same
	// file: only the networks' own tables, through DB, can be that (matrix.md 6).
	busyTimeout = 10 * time.Second
	// turnTimeout bounds the wait for the turn to write: it is longer than the one
	// before may take, so it ends only a call of Update inside Update or a
	// database that is stuck.
	turnTimeout = busyTimeout + 2*queryTimeout
	// maxConns is the size of the readers' pool. One would deadlock a reader who
	// runs a statement while iterating rows (matrix.md 6); eight is more than two
	// cores can use.
	maxConns = 8
	// idleTime is when a reader that a crowd needed is closed again: each costs
	// about half a megabyte, and a quiet gateway needs one or two. It is longer than
	// what is done every half minute, because a fresh reader costs the first that
	// asks it a quarter of a millisecond.
	idleTime = time.Minute
	// cacheSize is what one connection keeps of the file, in KiB. SQLite's default
	// of 2,000 times nine connections is more than the 1,000 boxes of a large
	// community cost in all; what is not kept is in the system's cache.
	cacheSize = 256
	// saltBytes make 16 hexadecimal digits: enough that two databases never make
	// the same message id, short enough for a Discord nonce together with a number
	// (25 characters are cut off there, so networks hash the whole id).
	saltBytes = 8
	// databaseName is the database's file inside the data directory.
	databaseName = "gateway.db"
)

// MaxBody is the longest body of a message in bytes. A Matrix event has at most
// 65,536 bytes and no escaping of ours makes a byte longer than six.
const MaxBody = 512 << 10

// MaxName is the longest screen name in bytes. Clients take 387 bytes with
// every byte escaped (msnp.md 15); what is longer is cut, not refused, since
// names come from strangers and must not make an event that can never be stored.
const MaxName = 1024

// Options of Open. The zero value works.
type Options struct {
	Log *slog.Logger     // nil: nothing is logged
	Now func() time.Time // nil: time.Now
}

// Store is an open data directory. Close it.
type Store struct {
	log    *slog.Logger
	now    func() time.Time
	lock   *dirLock
	db     *sql.DB // readers, and the networks' own tables
	w      *writer // the only way to write
	aead   cipher.AEAD
	salt   string
	hashes chan struct{} // turns for argon2, see password.go
	dummy  string        // a hash no password has, to spend the same time on

	commits, rollbacks atomic.Uint64

	mu    sync.Mutex // guards stmts; held while a statement is prepared
	stmts map[string]*sql.Stmt

	close    sync.Once
	closeErr error
}

// sentence is an error made to be read by an operator, with the sentinel a
// caller decides on inside.
type sentence struct {
	text string
	kind error
}

func (e *sentence) Error() string { return e.text }
func (e *sentence) Unwrap() error { return e.kind }

func sentencef(kind error, format string, args ...any) error {
	return &sentence{text: fmt.Sprintf(format, args...), kind: kind}
}

// Open opens the data directory, made with mode 0700 if it is not there, locks
// it and brings the database to this version's schema. ErrLocked, ErrKey and
// ErrNewerSchema come with a sentence that tells the operator what to do.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	s := &Store{log: o.Log, now: o.Now, stmts: make(map[string]*sql.Stmt), hashes: make(chan struct{}, maxHashes)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.makeDir(dir); err != nil {
		return nil, err
	}
	var err error
	if s.lock, err = lockDir(ctx, dir, s.now()); err != nil {
		return nil, err
	}
	if err := s.open(ctx, dir); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("store: making the data directory: %w", err)
	}
	if open, mode := openToOthers(dir); open {
		s.log.Warn("the data directory can be entered by other users; chmod 700 closes it", "dir", dir, "mode", mode)
	}
	return nil
}

func (s *Store) open(ctx context.Context, dir string) error {
	file := filepath.Join(dir, databaseName)
	err := createFile(file)
	if err != nil {
		return err
	}
	if s.db, err = sql.Open("sqlite", dsn(file)); err != nil {
		return fmt.Errorf("store: opening the database: %w", err)
	}
	s.db.SetMaxOpenConns(maxConns)
	s.db.SetMaxIdleConns(maxConns)
	s.db.SetConnMaxIdleTime(idleTime)
	if err := migrate(ctx, s.db, migrations()); err != nil {
		return err
	}
	pool, err := sql.Open("sqlite", dsn(file))
	if err != nil {
		return fmt.Errorf("store: opening the database: %w", err)
	}
	s.w = newWriter(pool)
	if s.dummy, err = dummyHash(); err != nil {
		return err
	}
	if err := s.openKey(ctx, dir); err != nil {
		return err
	}
	return s.openSalt(ctx)
}

// createFile makes an empty database file that only we may read; SQLite gives
// its companions (-wal, -shm) the same mode. One that is there stays as it is.
func createFile(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: making the database: %w", err)
	}
	return f.Close()
}

// dsn has the pragmas, which the driver runs on every new connection.
//
// synchronous(FULL) costs one fsync per transaction and is what the promise
// rests on that an acknowledged message survives a power cut: with NORMAL a WAL
// database stays whole but may lose its last transactions. _txlock=immediate
// takes the write lock at BEGIN, so that two writers queue instead of failing
// when both upgrade; _time_format=sqlite is for the networks' libraries, whose
// key expiry silently never happens without it (matrix.md 6). Our own tables
// hold times as integers.
func dsn(file string) string {
	path := filepath.ToSlash(file)
	if filepath.IsAbs(file) && !strings.HasPrefix(path, "/") {
		path = "/" + path // file:/C:/...
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + ")" +
		"&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)" +
		"&_pragma=cache_size(-" + strconv.Itoa(cacheSize) + ")" +
		"&_txlock=immediate&_time_format=sqlite"
}

// openSalt reads the database's salt and makes it at the first start.
func (s *Store) openSalt(ctx context.Context) error {
	var b [saltBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return s.Update(ctx, func(tx *Tx) (err error) {
		s.salt, err = tx.meta("salt", hex.EncodeToString(b[:]))
		return err
	})
}

// Close waits for the transaction under way, closes the database and gives the
// lock back. Calling it again does nothing.
func (s *Store) Close() error {
	s.close.Do(func() {
		var errs []error
		if s.w != nil {
			errs = append(errs, s.w.Close())
		}
		s.mu.Lock()
		for _, st := range s.stmts {
			errs = append(errs, st.Close())
		}
		clear(s.stmts)
		s.mu.Unlock()
		if s.db != nil {
			errs = append(errs, s.db.Close())
		}
		errs = append(errs, s.lock.Release())
		if err := errors.Join(errs...); err != nil {
			s.closeErr = fmt.Errorf("store: closing: %w", err)
		}
	})
	return s.closeErr
}

// DB is the database for the networks' own tables, whose names must begin with
// the network's. The tables of this package are not theirs to touch. Foreign
// keys are on, and a transaction locks for writing from its start.
func (s *Store) DB() *sql.DB { return s.db }

// Salt is 16 hexadecimal digits made at the first start. It is part of every
// message id, so that a new database never repeats an old one's ids.
func (s *Store) Salt() string { return s.salt }

const messagePrefix = "wtvgate-"

// MessageID is the id of an outgoing message, for ever: what networks derive
// their idempotency key from (lessons.md L2).
func (s *Store) MessageID(n int64) id.Message {
	return id.Message(messagePrefix + s.salt + "-" + strconv.FormatInt(n, 10))
}

// ParseMessageID undoes MessageID. It is false for whatever this database did
// not make.
func (s *Store) ParseMessageID(m id.Message) (int64, bool) {
	rest, ok := strings.CutPrefix(string(m), messagePrefix+s.salt+"-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	return n, err == nil && n > 0 && s.MessageID(n) == m
}

// millis is a time as tables hold it: integer milliseconds, UTC.
func millis(t time.Time) int64 { return t.UnixMilli() }

// fromMillis undoes millis.
func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
