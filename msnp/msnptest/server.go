package msnptest

import (
	"context"
	"net"
	"sync"
	"testing"

	"wtvgate/msnp"
	"wtvgate/msnp/sb"
	"wtvgate/msnp/server"
)

// Server is a Messenger server on a port of its own with a Backend.
type Server struct {
	*server.Server
	Addr    string
	Backend *Backend
	Boards  *sb.Exchange
}

// Unlimited has no rate limits: transcripts are faster than people.
var Unlimited = server.Limits{
	Commands: server.Rate{Burst: -1}, Messages: server.Rate{Burst: -1},
	Errors: server.Rate{Burst: -1}, Renames: server.Rate{Burst: -1},
}

// Start runs a server until the test ends. Backend, Boards and Services of o are
// filled in; zero limits mean Unlimited.
func Start(t testing.TB, o server.Options) *Server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return StartOn(t, o, ln)
}

// StartOn is Start on a listener of the test's.
func StartOn(t testing.TB, o server.Options, ln net.Listener) *Server {
	t.Helper()
	b := NewBackend()
	if o.Backend == nil {
		o.Backend = b
	}
	if o.Limits == (server.Limits{}) {
		o.Limits = Unlimited
	}
	srv, x := msnp.New(o)
	s := &Server{Server: srv, Addr: ln.Addr().String(), Backend: b, Boards: x}
	b.Boards = x
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(context.Background(), ln); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stepTime)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		wg.Wait()
	})
	return s
}

// Runner plays transcripts against the server.
func (s *Server) Runner(t testing.TB) *Runner {
	return NewRunner(t, s.Addr)
}
