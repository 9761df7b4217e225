//go:build !linux

package server

import (
	"errors"
	"net"
	"time"
)

// unsent is what only Linux can tell: elsewhere a message counts as the client's
// when it was written to the socket.
type unsent struct{}

func newUnsent(net.Conn) *unsent { return nil }

func (*unsent) bytes() (int, error) { return 0, errors.ErrUnsupported }

// limitSilence is the kernel's own limit here, and the write deadline.
func limitSilence(net.Conn, time.Duration) error { return errors.ErrUnsupported }
