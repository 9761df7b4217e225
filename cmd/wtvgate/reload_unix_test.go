//go:build unix

package main

import (
	"os"
	"syscall"
	"testing"
)

// TestHangUp sends this very process the signal.
func TestHangUp(t *testing.T) {
	ch := hangUps(t.Context())
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if s := <-ch; s != syscall.SIGHUP {
		t.Errorf("got %v", s)
	}
}
