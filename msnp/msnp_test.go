package msnp_test

import (
	"context"
	"net"
	"testing"

	"wtvgate/msnp"
	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
)

// One listener is notification server and switchboard: the first command
// decides (msnp.md 1).
func TestNew(t *testing.T) {
	b := msnptest.NewBackend()
	b.Add("alice@example.net", "Alice", "hunter22")
	s, x := msnp.New(server.Options{Backend: b})
	b.Boards = x
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), ln) }()
	r := msnptest.NewRunner(t, ln.Addr().String())
	r.SignIn("A", "MSNP8", "alice@example.net", "hunter22")
	r.Board("a", "A", "alice@example.net")
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	r.Do("SA> OUT SSD\nSA> [closed]\nSa> [closed]")
	if err := <-served; err != nil {
		t.Error(err)
	}
}
