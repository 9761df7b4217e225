package matrix

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	"go.mau.fi/util/dbutil"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable keeps our schema's number: the gateway's own tables in the same
// file have theirs elsewhere.
const versionTable = "matrix_version"

// upgrade brings our tables to the version this code knows. It refuses a newer
// one.
func upgrade(ctx context.Context, db *sql.DB) error {
	wrapped, err := dbutil.NewWithDB(db, "sqlite")
	if err != nil {
		return fmt.Errorf("matrix: database: %w", err)
	}
	wrapped.VersionTable = versionTable
	var table dbutil.UpgradeTable
	table.RegisterFSPath(migrations, "migrations")
	wrapped.UpgradeTable = table
	if err := wrapped.Upgrade(ctx); err != nil {
		return fmt.Errorf("matrix: bring the tables up to date: %w", err)
	}
	return nil
}
