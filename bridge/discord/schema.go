package discord

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.mau.fi/util/dbutil"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable keeps our schema's number: the gateway's own tables in the same
// file have theirs elsewhere.
const versionTable = "discord_version"

// dbTimeout bounds one statement of ours. It takes well under a millisecond; one
// that takes seconds waits for another writer or is a fault of the disk.
const dbTimeout = 15 * time.Second

// upgrade brings our tables to the version this code knows. It refuses a newer
// one.
func upgrade(ctx context.Context, db *sql.DB) error {
	wrapped, err := dbutil.NewWithDB(db, "sqlite")
	if err != nil {
		return fmt.Errorf("discord: database: %w", err)
	}
	wrapped.VersionTable = versionTable
	var table dbutil.UpgradeTable
	table.RegisterFSPath(migrations, "migrations")
	wrapped.UpgradeTable = table
	if err := wrapped.Upgrade(ctx); err != nil {
		return fmt.Errorf("discord: bring the tables up to date: %w", err)
	}
	return nil
}

func dbContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, dbTimeout)
}

// prepared gives a statement that SQLite has read once: reading it anew takes
// longer than running it. There are as many as the code has queries.
func (n *Network) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	n.stmtMu.Lock()
	defer n.stmtMu.Unlock()
	if s := n.stmts[query]; s != nil {
		return s, nil
	}
	s, err := n.db.PrepareContext(ctx, query)
	if err == nil {
		n.stmts[query] = s
	}
	return s, err
}

// exec runs one statement.
func (n *Network) exec(ctx context.Context, what, query string, args ...any) error {
	_, err := n.execCount(ctx, what, query, args...)
	return err
}

// execCount runs one statement and counts the rows it changed.
func (n *Network) execCount(ctx context.Context, what, query string, args ...any) (int64, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	var r sql.Result
	stmt, err := n.prepared(ctx, query)
	if err == nil {
		r, err = stmt.ExecContext(ctx, args...)
	}
	if err != nil {
		return 0, fmt.Errorf("discord: %s: %w", what, err)
	}
	return r.RowsAffected()
}

// row reads one row; false if there is none.
func (n *Network) row(ctx context.Context, what, query string, args []any, into ...any) (bool, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	stmt, err := n.prepared(ctx, query)
	if err == nil {
		err = stmt.QueryRowContext(ctx, args...).Scan(into...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("discord: %s: %w", what, err)
	}
	return true, nil
}

// rowsOf reads all rows of a query with scan.
func rowsOf[T any](ctx context.Context, n *Network, what, query string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	var rows *sql.Rows
	stmt, err := n.prepared(ctx, query)
	if err == nil {
		rows, err = stmt.QueryContext(ctx, args...)
	}
	if err != nil {
		return nil, fmt.Errorf("discord: %s: %w", what, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("discord: %s: %w", what, err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("discord: %s: %w", what, err)
	}
	return all, nil
}

// texts reads rows of one text each.
func (n *Network) texts(ctx context.Context, what, query string, args ...any) ([]string, error) {
	return rowsOf(ctx, n, what, query, args, func(r *sql.Rows) (s string, err error) { return s, r.Scan(&s) })
}

// value reads a single value, "" if it was never set.
func (n *Network) value(ctx context.Context, key string) (v string, err error) {
	_, err = n.row(ctx, "read "+key, `SELECT value FROM discord_values WHERE key = ?`, []any{key}, &v)
	return v, err
}

func (n *Network) setValue(ctx context.Context, key, v string) error {
	return n.exec(ctx, "store "+key, `INSERT INTO discord_values (key, value) VALUES (?, ?)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, v)
}

// setTime and timeOf keep a moment as a value.
func (n *Network) setTime(ctx context.Context, key string, t time.Time) error {
	return n.setValue(ctx, key, strconv.FormatInt(t.UnixMilli(), 10))
}

func (n *Network) timeOf(ctx context.Context, key string) (time.Time, error) {
	v, err := n.value(ctx, key)
	if err != nil || v == "" {
		return time.Time{}, err
	}
	ms, _ := strconv.ParseInt(v, 10, 64) // what is not a number is long ago
	return time.UnixMilli(ms), nil
}

// happened notes something that is counted over time.
func (n *Network) happened(ctx context.Context, kind string) error {
	return n.exec(ctx, "note "+kind, `INSERT INTO discord_times (kind, at) VALUES (?, ?)`, kind, n.now().UnixMilli())
}

// countSince tells how often it happened within a time, and when last.
func (n *Network) countSince(ctx context.Context, kind string, within time.Duration) (count int, last time.Time, err error) {
	var ms int64
	_, err = n.row(ctx, "count "+kind, `SELECT count(*), coalesce(max(at), 0) FROM discord_times WHERE kind = ? AND at > ?`,
		[]any{kind, n.now().Add(-within).UnixMilli()}, &count, &ms)
	return count, time.UnixMilli(ms), err
}

// How long rows stay that are not needed for their own sake.
const (
	keepLines = 60 * 24 * time.Hour // as long as the core knows a repeat
	// keepBodies is how long texts stay: as long as the core keeps them.
	keepBodies = 7 * 24 * time.Hour
	keepOut    = 7 * 24 * time.Hour
	keepTimes  = 48 * time.Hour
	// pruneEvery is how often old rows are removed.
	pruneEvery = time.Hour
)

// prune forgets what is older than that.
func (n *Network) prune(ctx context.Context) error {
	now := n.now()
	for _, p := range []struct {
		query string
		keep  time.Duration
	}{
		{`DELETE FROM discord_lines WHERE at < ?`, keepLines},
		{`UPDATE discord_lines SET body = '' WHERE at < ? AND body <> ''`, keepBodies},
		{`DELETE FROM discord_out WHERE tried < ?`, keepOut},
		{`DELETE FROM discord_times WHERE at < ?`, keepTimes},
	} {
		if err := n.exec(ctx, "prune", p.query, now.Add(-p.keep).UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}
