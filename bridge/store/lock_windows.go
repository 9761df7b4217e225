package store

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

const (
	lockfileFailImmediately = 1
	lockfileExclusiveLock   = 2
	// errLockViolation is ERROR_LOCK_VIOLATION.
	errLockViolation = syscall.Errno(33)
	// lockOffset is the one byte that is locked, as the high half of its offset:
	// far behind the text, since a lock keeps others from reading what it covers.
	lockOffset = 0x40000000
)

// kernel32 procedures are looked up at each call: a lock is taken once per
// process and the package needs no state for it.
func kernel32(name string) *syscall.LazyProc {
	return syscall.NewLazyDLL("kernel32.dll").NewProc(name)
}

// tryLock takes the exclusive lock on an open file or says false. Windows gives
// it back when the process ends, however it ends.
func tryLock(f *os.File) (bool, error) {
	at := syscall.Overlapped{OffsetHigh: lockOffset}
	ok, _, err := kernel32("LockFileEx").Call(f.Fd(), lockfileExclusiveLock|lockfileFailImmediately, 0, 1, 0,
		uintptr(unsafe.Pointer(&at)))
	switch {
	case ok != 0:
		return true, nil
	case errors.Is(err, errLockViolation), errors.Is(err, syscall.ERROR_IO_PENDING):
		return false, nil
	}
	return false, os.NewSyscallError("LockFileEx", err)
}

// unlock gives the lock back before the file is closed.
func unlock(f *os.File) error {
	at := syscall.Overlapped{OffsetHigh: lockOffset}
	ok, _, err := kernel32("UnlockFileEx").Call(f.Fd(), 0, 1, 0, uintptr(unsafe.Pointer(&at)))
	if ok == 0 {
		return os.NewSyscallError("UnlockFileEx", err)
	}
	return nil
}

// openToOthers says no: Windows' mode bits do not tell, and a user's folders
// are closed to others there by inheritance.
func openToOthers(string) (bool, os.FileMode) { return false, 0 }

// syncDir does nothing: directories cannot be flushed there.
func syncDir(string) error { return nil }
