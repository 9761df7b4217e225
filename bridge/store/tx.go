package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// tx.go: how statements run. Every statement has a deadline of its own that
// does not depend on the caller's context: a caller who is cancelled in the
// middle would interrupt SQLite at a moment of its choosing, for nothing, since
// our statements are short (matrix.md 6). A caller who is cancelled before its
// turn came gets its error and touches nothing.

// errReadOnly is a fault of the program: a write outside Update.
var errReadOnly = errors.New("only Update may write")

// session runs statements under one deadline: those of a reader or those of a
// transaction.
type session struct {
	ctx     context.Context
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
}

// Tx is one transaction. It is valid inside the function given to Update, on
// that goroutine. Its context is in the struct since its life is one call's.
type Tx struct {
	s *Store
	session
}

// reader begins a read. The caller must call done when its rows are closed.
func (s *Store) reader(ctx context.Context) (q session, done context.CancelFunc, err error) {
	if err := ctx.Err(); err != nil {
		return session{}, nil, fmt.Errorf("store: %w", err)
	}
	ctx, done = context.WithTimeout(context.WithoutCancel(ctx), queryTimeout)
	return session{ctx: ctx, prepare: s.prepare}, done, nil
}

// prepare gives a reader's statement for a query, one of this package's
// constants. It refuses to write: a Tx of View has these statements, and what it
// wrote would be in no transaction.
func (s *Store) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.stmts[query]; st != nil {
		return st, nil
	}
	if !strings.HasPrefix(query, "SELECT") {
		return nil, errReadOnly
	}
	st, err := s.db.PrepareContext(ctx, query)
	if err == nil {
		s.stmts[query] = st
	}
	return st, err
}

// row runs a query that has at most one row. No row is ErrNotFound.
func (q session) row(query string, args []any, dest ...any) error {
	st, err := q.prepare(q.ctx, query)
	if err != nil {
		return err
	}
	err = st.QueryRowContext(q.ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// rows runs a query and calls scan for each row.
func (q session) rows(query string, args []any, scan func(*sql.Rows) error) error {
	st, err := q.prepare(q.ctx, query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(q.ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// exec runs a statement and gives the number of rows it changed. A foreign key
// that leads nowhere means that the account is not there.
func (q session) exec(query string, args ...any) (int64, error) {
	res, err := q.result(query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// insert runs an INSERT and gives the new row's number.
func (q session) insert(query string, args ...any) (int64, error) {
	res, err := q.result(query, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

func (q session) result(query string, args ...any) (sql.Result, error) {
	st, err := q.prepare(q.ctx, query)
	if err != nil {
		return nil, err
	}
	res, err := st.ExecContext(q.ctx, args...)
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return nil, ErrNotFound
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return nil, ErrExists
	}
	return res, err
}

// sqliteCode is SQLite's extended result code of an error, or 0.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// writer is the connection all our writing goes through. It is a connection of
// its own with BEGIN and COMMIT as statements, and not a database/sql
// transaction, so that its prepared statements live on from one transaction to
// the next and nothing can cancel a COMMIT half way.
type writer struct {
	pool  *sql.DB
	turn  chan struct{} // holds a token while somebody writes; guards all below
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	ended bool
}

func newWriter(pool *sql.DB) *writer {
	pool.SetMaxOpenConns(1)
	return &writer{pool: pool, turn: make(chan struct{}, 1)}
}

// Update runs fn in one transaction that has the write lock from its start. It
// commits if fn returns nil; an error or a panic of fn rolls all of it back, and
// Update returns that very error or passes the panic on. When Update has
// returned nil, the change is on the disk. Calls take turns; a call whose
// context ends before its turn does nothing.
func (s *Store) Update(ctx context.Context, fn func(tx *Tx) error) error {
	w := s.w
	if err := w.begin(ctx); err != nil {
		return fmt.Errorf("store: beginning: %w", err)
	}
	open := true
	defer func() {
		if open { // fn failed, panicked or called runtime.Goexit
			w.rollback()
			s.rollbacks.Add(1)
		}
		<-w.turn
	}()
	within, done := context.WithTimeout(context.WithoutCancel(ctx), queryTimeout)
	defer done()
	if err := fn(&Tx{s: s, session: session{ctx: within, prepare: w.prepare}}); err != nil {
		return err
	}
	if err := w.commit(); err != nil {
		return fmt.Errorf("store: committing: %w", err)
	}
	open = false
	s.commits.Add(1)
	return nil
}

// begin waits for the turn and begins a transaction. After an error the turn is
// somebody else's.
func (w *writer) begin(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, done := context.WithTimeout(ctx, turnTimeout)
	defer done()
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() {
		if err != nil {
			w.drop()
			<-w.turn
		}
	}()
	if w.ended {
		return sql.ErrConnDone
	}
	ctx, done = context.WithTimeout(context.WithoutCancel(ctx), busyTimeout+queryTimeout)
	defer done()
	if w.conn == nil {
		if w.conn, err = w.pool.Conn(ctx); err != nil {
			return err
		}
		w.stmts = make(map[string]*sql.Stmt)
	}
	return w.exec(ctx, "BEGIN IMMEDIATE")
}

func (w *writer) exec(ctx context.Context, query string) error {
	st, err := w.prepare(ctx, query)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(ctx)
	return err
}

// commit has no deadline: interrupting it would leave the caller without an
// answer to the one question that matters. It waits for the disk alone, since
// the write lock is ours already.
func (w *writer) commit() error {
	return w.exec(context.Background(), "COMMIT")
}

// rollback undoes the transaction and drops the connection if that fails, or
// if SQLite had to roll back by itself: then its state is not known, and the
// next transaction starts on a new one.
func (w *writer) rollback() {
	ctx, done := context.WithTimeout(context.Background(), queryTimeout)
	defer done()
	if err := w.exec(ctx, "ROLLBACK"); err != nil {
		w.drop()
	}
}

func (w *writer) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := w.stmts[query]; st != nil {
		return st, nil
	}
	st, err := w.conn.PrepareContext(ctx, query)
	if err == nil {
		w.stmts[query] = st
	}
	return st, err
}

// drop closes the connection; closing one that is inside a transaction rolls
// it back.
func (w *writer) drop() {
	if w.conn == nil {
		return
	}
	for _, st := range w.stmts {
		_ = st.Close()
	}
	// The pool would keep the connection for the next caller as it is; a bad
	// driver connection is closed instead.
	_ = w.conn.Raw(func(any) error { return errBadConn })
	_ = w.conn.Close()
	w.conn, w.stmts = nil, nil
}

// Close waits for the transaction under way and ends the writer.
func (w *writer) Close() error {
	timer := time.NewTimer(turnTimeout)
	defer timer.Stop()
	select {
	case w.turn <- struct{}{}:
		w.drop()
		w.ended = true
		<-w.turn
	case <-timer.C:
	}
	return w.pool.Close()
}

// meta gives the value of a key of the meta table, after storing the one given
// if there is none.
func (tx *Tx) meta(key, value string) (string, error) {
	if _, err := tx.exec(`INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING`, key, value); err != nil {
		return "", fmt.Errorf("store: writing %s: %w", key, err)
	}
	if err := tx.row(`SELECT value FROM meta WHERE key = ?`, []any{key}, &value); err != nil {
		return "", fmt.Errorf("store: reading %s: %w", key, err)
	}
	return value, nil
}

// cutName bounds a screen name at a rune's edge.
func cutName(name string) string {
	if len(name) <= MaxName {
		return name
	}
	i := MaxName
	for i > 0 && !utf8.RuneStart(name[i]) {
		i--
	}
	return strings.Clone(name[:i])
}
