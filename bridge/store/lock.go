package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lock.go: one process at a time on a data directory. The lock is the
// operating system's, on the open file; its text is only for people (L6).

const (
	lockName = "lock"
	// lockWait is how long Open waits for the lock: a verb of the command line may
	// hold it for a moment, and a service manager may start the new process while
	// the old one is going.
	lockWait = time.Second
	// lockTry is the pause between tries.
	lockTry = 25 * time.Millisecond
	// maxLockText bounds what is read of the other's text.
	maxLockText = 256
)

type dirLock struct{ f *os.File }

// lockDir takes the directory's lock and writes into it who has it.
func lockDir(ctx context.Context, dir string, now time.Time) (*dirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: opening the lock: %w", err)
	}
	ok, err := waitLock(ctx, f)
	if err == nil && !ok {
		err = sentencef(ErrLocked, "store: another wtvgate (%s) runs on this data; stop it first", holder(f))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	text := fmt.Sprintf("pid %d, since %s\n", os.Getpid(), now.UTC().Format("2006-01-02 15:04:05 UTC"))
	if err := f.Truncate(0); err == nil {
		// The text is a courtesy: a disk that is full is found out by the database.
		_, _ = f.WriteAt([]byte(text), 0)
	}
	return &dirLock{f: f}, nil
}

func waitLock(ctx context.Context, f *os.File) (bool, error) {
	end := time.NewTimer(lockWait)
	defer end.Stop()
	again := time.NewTicker(lockTry)
	defer again.Stop()
	for {
		ok, err := tryLock(f)
		if ok || err != nil {
			if err != nil {
				err = fmt.Errorf("store: locking: %w", err)
			}
			return ok, err
		}
		select {
		case <-again.C:
		case <-end.C:
			return false, nil
		case <-ctx.Done():
			return false, fmt.Errorf("store: locking: %w", ctx.Err())
		}
	}
}

// holder is what the lock's text says, made fit for a message.
func holder(f *os.File) string {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxLockText))
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, string(b))
	if err != nil || text == "" {
		return "pid unknown"
	}
	return text
}

// Release gives the lock back. The file stays: removing it would let two
// processes lock two files of the same name.
func (l *dirLock) Release() error {
	if l == nil || l.f == nil {
		return nil
	}
	err := errors.Join(l.f.Truncate(0), unlock(l.f), l.f.Close())
	l.f = nil
	return err
}

// Locked tells whether a running process holds the data directory. It takes the
// lock for an instant to find out, which Open of another process outlasts.
func Locked(dir string) (bool, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store: opening the lock: %w", err)
	}
	ok, err := tryLock(f)
	if err != nil {
		err = fmt.Errorf("store: locking: %w", err)
	}
	return !ok && err == nil, errors.Join(err, f.Close())
}
