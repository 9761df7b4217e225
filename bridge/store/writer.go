package store

import (
	"context"
	"database/sql"
	"slices"
	"sync"
)

// writer is the connection all our writing goes through. It is a connection of
// its own with BEGIN and COMMIT as statements, and not a database/sql
// transaction, so that its prepared statements live on from one transaction to
// the next and nothing can cancel a COMMIT half way.
type writer struct {
	pool *sql.DB

	mu    sync.Mutex // guards busy and queue; held for moments
	busy  bool       // somebody has the turn
	queue []*waiter  // who waits for it, first come first served

	// The rest belongs to whoever has the turn.
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	group *group // the transaction that is open
	ended bool
}

// waiter is a place in the queue.
type waiter struct {
	turn   chan struct{} // closed when the turn is theirs
	handed bool          // guarded by writer.mu: turn is closed
	alone  bool          // wants a transaction of its own
}

func newWaiter(alone bool) *waiter { return &waiter{turn: make(chan struct{}), alone: alone} }

func newWriter(pool *sql.DB) *writer {
	pool.SetMaxOpenConns(1)
	return &writer{pool: pool}
}

// take waits for the turn. After an error it is somebody else's.
func (w *writer) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	if !w.busy {
		w.busy = true
		w.mu.Unlock()
		return nil
	}
	me := newWaiter(false)
	w.queue = append(w.queue, me)
	w.mu.Unlock()
	ctx, done := context.WithTimeout(ctx, turnTimeout)
	defer done()
	select {
	case <-me.turn:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if me.handed { // at this very moment: it has to be used, or passed on
		return nil
	}
	w.queue = slices.DeleteFunc(w.queue, func(o *waiter) bool { return o == me })
	return ctx.Err()
}

// begin begins a transaction. The caller has the turn, and drops the connection
// after an error.
func (w *writer) begin(ctx context.Context) (err error) {
	if w.ended {
		return sql.ErrConnDone
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), busyTimeout+queryTimeout)
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
	if w.conn == nil {
		return nil, sql.ErrConnDone
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
func (w *writer) Close(s *Store) error {
	ctx, done := context.WithTimeout(context.Background(), turnTimeout)
	defer done()
	if w.take(ctx) == nil {
		if w.group != nil {
			w.settle(s)
		}
		w.drop()
		w.ended = true
		w.pass(s)
	}
	return w.pool.Close()
}
