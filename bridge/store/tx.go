package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
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
	changed func() // told of a statement that changed something; nil: nobody is
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
	if err == nil && q.changed != nil {
		if n, err := res.RowsAffected(); err == nil && n > 0 {
			q.changed()
		}
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
