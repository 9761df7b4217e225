package server

import (
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unsent tells how many bytes that were written to a socket the other end's TCP
// has not acknowledged, the end of the stream counted as one. It is made once per
// connection, so that asking costs no allocation.
type unsent struct {
	raw syscall.RawConn
	ask func(fd uintptr)

	mu  sync.Mutex // guards what ask leaves
	n   uint32
	err error
}

// newUnsent gives nil for a connection that has no socket to ask.
func newUnsent(nc net.Conn) *unsent {
	raw, err := socket(nc)
	if err != nil {
		return nil
	}
	u := &unsent{raw: raw}
	u.ask = func(fd uintptr) { u.n, u.err = unix.IoctlGetUint32(int(fd), unix.SIOCOUTQ) }
	return u
}

// bytes fails when the socket is closed. After a reset the kernel still knows.
func (u *unsent) bytes() (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.raw.Control(u.ask); err != nil {
		return 0, err
	}
	return int(u.n), u.err
}

// limitSilence ends the connection when the other end has not acknowledged what
// was written to it for d.
func limitSilence(nc net.Conn, d time.Duration) error {
	raw, err := socket(nc)
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d/time.Millisecond))
	})
	if err != nil {
		return err
	}
	return failed
}

func socket(nc net.Conn) (syscall.RawConn, error) {
	s, ok := nc.(syscall.Conn)
	if !ok {
		return nil, syscall.ENOTSUP
	}
	return s.SyscallConn()
}
