package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/wire"
)

// ErrClosed is what Serve returns after Shutdown or Close.
var ErrClosed = errors.New("server: closed")

// Options are the settings of a Server. The zero value serves plain requests only.
type Options struct {
	// InitialKey opens tickets: the initial shared key of the WebTV server that hands them out. Without one every SECURE ON
	// is refused. Whether a published key will do is for the caller to decide (sec.Key.Public).
	InitialKey *sec.Key
	// Tickets opens tickets of another form; InitialKey is not used then.
	Tickets func(ticket string) (Opened, error)
	// SignOnAgain gives the headers that send a box back to where it gets a ticket, when the one it has does not open. Nil:
	// its user is asked to connect again.
	SignOnAgain func(*Session) wire.Header
	// Allowed are the networks that boxes may come from; empty allows any.
	Allowed []netip.Prefix
	// Log receives one line for each refused request. Nil discards.
	Log *slog.Logger

	// Zero values of the following mean the defaults of this package.
	MaxConnections int
	MaxPerAddress  int
	FirstTimeout   time.Duration
	IdleTimeout    time.Duration
	HeadTimeout    time.Duration
	BodyTimeout    time.Duration
	WriteTimeout   time.Duration
}

// Opened is what a ticket says of its box.
type Opened struct {
	Keys       sec.Keys
	UserID     int
	SSID       string  // "" if tickets of this form do not name their box
	SigningKey sec.Key // if they do not
	Store      []byte
}

// openForeign opens a ticket of minisrv or Redialed.
func openForeign(ticket string, initial sec.Key) (Opened, error) {
	t, err := sec.DecodeTicket(ticket, initial)
	if err != nil {
		return Opened{}, err
	}
	return Opened{Keys: t.Keys, UserID: t.UserID, SigningKey: t.SigningKey, Store: t.Store}, nil
}

func (o *Options) setDefaults() {
	if o.InitialKey != nil {
		key := *o.InitialKey
		o.InitialKey = &key // the caller's variable may change
		if o.Tickets == nil {
			o.Tickets = func(ticket string) (Opened, error) { return openForeign(ticket, key) }
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for _, n := range []struct {
		v   *int
		def int
	}{{&o.MaxConnections, DefaultMaxConnections}, {&o.MaxPerAddress, DefaultMaxPerAddress}} {
		if *n.v <= 0 {
			*n.v = n.def
		}
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&o.FirstTimeout, DefaultFirstTimeout}, {&o.IdleTimeout, DefaultIdleTimeout}, {&o.HeadTimeout, DefaultHeadTimeout},
		{&o.BodyTimeout, DefaultBodyTimeout}, {&o.WriteTimeout, DefaultWriteTimeout},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
}

// Server serves WTVP on any number of listeners. Make one with New, give it its services with Handle, then call Serve.
type Server struct {
	opts     Options
	services map[string]Handler // not changed once serving
	large    chan struct{}      // a token for each large request

	mu        sync.Mutex
	closing   bool
	listeners map[net.Listener]struct{}
	cancels   []context.CancelFunc // of the roots of handler contexts, one for each Serve
	conns     map[*conn]struct{}
	perAddr   map[netip.Addr]int
	lastID    uint64
	turned    notice
	answered  map[Answered]uint64

	wg sync.WaitGroup // connections
}

// New returns a Server without services.
func New(o Options) *Server {
	o.setDefaults()
	return &Server{
		opts:      o,
		services:  make(map[string]Handler),
		large:     make(chan struct{}, maxLarge),
		listeners: make(map[net.Listener]struct{}),
		conns:     make(map[*conn]struct{}),
		perAddr:   make(map[netip.Addr]int),
	}
}

// Handle gives a service, named in lower case as in its URLs ("wtv-passport"), to a handler. Call it before Serve.
func (s *Server) Handle(service string, h Handler) { s.services[service] = h }

// Serve accepts connections until Shutdown, Close, or the end of ctx, which also ends the handlers. The listener answers for
// the services named, for all if none is named, and is closed at the end. The error is never nil: ErrClosed after a stop that
// was asked for, and a fault of the listener otherwise.
func (s *Server) Serve(ctx context.Context, l net.Listener, services ...string) error {
	defer l.Close()
	only, err := s.selection(services)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	if !s.addListener(l, cancel) {
		cancel()
		return ErrClosed
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	defer s.removeListener(l)
	delay := time.Duration(0)
	for {
		nc, err := l.Accept()
		if err == nil {
			delay = 0
			s.admit(ctx, nc, only)
			continue
		}
		if ctx.Err() != nil || s.isClosing() {
			return ErrClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("server: listener: %w", err)
		}
		// Out of files, or a client gone before it was accepted: nothing that ends the service, but no reason to spin.
		delay = min(max(2*delay, acceptMinDelay), acceptMaxDelay)
		s.opts.Log.Warn("wtvp: accepting a connection failed", "err", err, "pause", delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ErrClosed
		}
	}
}

// selection makes the set of services a listener answers for; nil is all.
func (s *Server) selection(services []string) (map[string]Handler, error) {
	if len(services) == 0 {
		return s.services, nil
	}
	only := make(map[string]Handler, len(services))
	for _, name := range services {
		h := s.services[name]
		if h == nil {
			return nil, fmt.Errorf("server: no handler for service %q", name)
		}
		only[name] = h
	}
	return only, nil
}

// Shutdown stops accepting, ends connections that are at rest or have sent only a part of a request, lets the others finish
// what they are at, and waits for them. When ctx ends first, the rest is closed as by Close and ctx's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, c := range s.stopAccepting() {
		c.stop()
	}
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		s.cancelAll()
		return nil
	case <-ctx.Done():
		s.Close()
		return ctx.Err()
	}
}

// Close stops at once: listeners, connections and the contexts of handlers. It returns when all goroutines of the connections
// have ended.
func (s *Server) Close() {
	conns := s.stopAccepting()
	s.cancelAll()
	for _, c := range conns {
		_ = c.nc.Close()
	}
	s.wg.Wait()
}

// stopAccepting closes the listeners and returns the connections there are; there will be no more.
func (s *Server) stopAccepting() []*conn {
	s.mu.Lock()
	s.closing = true
	ls := make([]net.Listener, 0, len(s.listeners))
	for l := range s.listeners {
		ls = append(ls, l)
	}
	cs := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		cs = append(cs, c)
	}
	s.mu.Unlock()
	for _, l := range ls {
		_ = l.Close()
	}
	return cs
}

func (s *Server) cancelAll() {
	s.mu.Lock()
	cancels := s.cancels
	s.cancels = nil
	s.mu.Unlock()
	for _, cancel := range cancels {
		cancel()
	}
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) addListener(l net.Listener, cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.listeners[l] = struct{}{}
	s.cancels = append(s.cancels, cancel)
	return true
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}
