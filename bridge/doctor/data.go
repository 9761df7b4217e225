package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"wtvgate/bridge/store"
)

const (
	// leastFree is the free disk below which the gateway soon cannot store what it
	// acknowledges: SQLite's log and a backup of a small database.
	leastFree = 64 << 20
	// lowFree is where an operator should begin to look.
	lowFree = 512 << 20
	// dataTime bounds reading the database: the store's own bound and some more.
	dataTime = 30 * time.Second
)

// Data looks at the data directory and the database in it.
type Data struct {
	Dir string
	// Check asks the gateway that runs on it whether the database is whole; nil
	// when none runs.
	Check func(context.Context) error
}

// Run implements Check.
func (d Data) Run(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, dataTime)
	defer cancel()
	info, err := os.Stat(d.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d.missing()
	case err != nil:
		return []Finding{fail("data_dir", "run this as the gateway's user, or correct data_dir", "%v", err)}
	case !info.IsDir():
		return []Finding{fail("data_dir", "move the file away, or choose another data_dir", "%s is a file", d.Dir)}
	}
	all := []Finding{d.mode(info), d.writable()}
	all = append(all, d.disk(d.Dir)...)
	return append(all, d.key(), d.whole(ctx))
}

// missing is a directory that the first start makes, where it may.
func (d Data) missing() []Finding {
	full, err := filepath.Abs(d.Dir)
	if err != nil {
		return []Finding{fail("data_dir", "correct data_dir", "%v", err)}
	}
	parent := filepath.Dir(full)
	for {
		if _, err := os.Stat(parent); !errors.Is(err, fs.ErrNotExist) || parent == filepath.Dir(parent) {
			break
		}
		parent = filepath.Dir(parent)
	}
	if err := tryWrite(parent); err != nil {
		return []Finding{fail("data_dir", "mkdir "+full+" and give it to the gateway's user, or correct data_dir",
			"%s is not there and cannot be made: %v", d.Dir, err)}
	}
	return append([]Finding{good("data_dir", "%s is not there yet; the first start makes it", full)}, d.disk(parent)...)
}

func (d Data) mode(info fs.FileInfo) Finding {
	if m := info.Mode().Perm(); runtime.GOOS != "windows" && m&0o077 != 0 {
		return warn("data_dir", "chmod 700 "+d.Dir, "%s can be entered by other users (mode %04o)", d.Dir, m)
	}
	return good("data_dir", "%s is its owner's alone", d.Dir)
}

func (d Data) writable() Finding {
	if err := tryWrite(d.Dir); err != nil {
		return fail("data_dir", "run this as the gateway's user, or chown the directory to it", "cannot write into %s: %v", d.Dir, err)
	}
	return good("data_dir", "can be written")
}

// tryWrite makes a file and takes it away.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("x")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

func (d Data) disk(dir string) []Finding {
	free, err := freeBytes(dir)
	switch {
	case err != nil:
		return []Finding{warn("disk", "look with df at "+dir, "cannot tell how much is free: %v", err)}
	case free < leastFree:
		return []Finding{fail("disk", "make room on the disk of "+dir, "%d MB free; messages could not be stored soon", free>>20)}
	case free < lowFree:
		return []Finding{warn("disk", "make room on the disk of "+dir, "%d MB free", free>>20)}
	}
	return []Finding{good("disk", "%d MB free", free>>20)}
}

// key looks at the key file, whose loss is the loss of every secret.
func (d Data) key() Finding {
	file, database := filepath.Join(d.Dir, "secret.key"), filepath.Join(d.Dir, "gateway.db")
	info, err := os.Stat(file)
	_, dbErr := os.Stat(database)
	switch {
	case errors.Is(err, fs.ErrNotExist) && errors.Is(dbErr, fs.ErrNotExist):
		return good("secret.key", "is made with the database at the first start")
	case errors.Is(err, fs.ErrNotExist):
		return fail("secret.key", "put it back from the backup; without it the secrets in the database are lost", "%s is missing", file)
	case err != nil:
		return fail("secret.key", "run this as the gateway's user", "%v", err)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return fail("secret.key", "chmod 600 "+file, "other users can read %s (mode %04o); the gateway refuses it", file, info.Mode().Perm())
	}
	return good("secret.key", "is its owner's alone; back it up with the database")
}

func (d Data) whole(ctx context.Context) Finding {
	const mend = "stop the gateway, keep the damaged folder, and put back the last backup (docs/operating.md)"
	check := d.Check
	if check == nil {
		check = func(ctx context.Context) error { return store.Inspect(ctx, d.Dir) }
	}
	err := check(ctx)
	switch {
	case err == nil:
		return good("database", "is whole")
	case errors.Is(err, store.ErrNotFound):
		return good("database", "is made at the first start")
	case errors.Is(err, store.ErrLocked):
		return warn("database", "wait until the other command or gateway has ended, and run this again", "cannot be read: %v", err)
	}
	return fail("database", mend, "%v", err)
}
