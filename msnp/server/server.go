package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wtvgate/msnp/wire"
)

// DefaultPort is where a client goes that is told a host without a port.
const DefaultPort = "1863"

const (
	// Pauses of the accept loop after an error, doubling: a full file table must
	// not make it spin.
	acceptPause    = 5 * time.Millisecond
	maxAcceptPause = time.Second
	// refusalLog is how often refused connections make a log line.
	refusalLog = 10 * time.Second
	// maxUnknownVerbs bounds the names that are counted.
	maxUnknownVerbs = 128
)

// Options say how a server behaves. Backend and Services must be set.
type Options struct {
	Backend  Backend
	Boards   Boards    // what XFR SB hands out; nil: no switchboard
	Services []Service // who answers which first command
	Logger   *slog.Logger
	// Dialects that are offered; nil: all from MSNP2 to MSNP8.
	Dialects []wire.Dialect
	// Advertise is the host:port clients are told to connect to. "auto" or
	// empty: the address that the client reached.
	Advertise string
	// InfoURL is shown in the answer to CVR; empty: http:// and the host.
	InfoURL string
	// Challenge asks clients of MSNP6 and later once per session to prove that they
	// are official ones (CHL). Nobody has seen a box answer one, so boxes are never
	// asked, and by default nobody is (msnp.md 11.1).
	Challenge bool
	Limits    Limits
	Now       func() time.Time
}

// Server accepts Messenger clients. One listener serves notification and
// switchboard connections alike.
//
// mu guards the maps and is never held over a call out of this package.
type Server struct {
	o        Options
	host     string // "": what the client reached
	services map[string]Service
	batches  sync.Pool
	ctx      context.Context // of all handlers; ends when the server has ended
	cancel   context.CancelFunc

	lastID                                    atomic.Uint64
	accepted, refused, panics, slow, commands atomic.Uint64

	mu        sync.Mutex
	conns     map[*Conn]struct{}
	perAddr   map[netip.Addr]int // by Source
	listeners map[net.Listener]struct{}
	stopping  bool
	empty     chan struct{} // closed when stopping and no connection is left
	unknown   map[string]uint64
	logged    time.Time // last line about a refused connection
	unlogged  int
}

// Stats are counters since the start, and the connections now.
type Stats struct {
	Connections int
	Accepted    uint64
	Refused     uint64 // by a limit of connections
	Panics      uint64
	SlowReaders uint64
	Commands    uint64
	Unknown     map[string]uint64 // unknown commands by name; "*": the rest
}

// New makes a server; Serve starts it.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dialects == nil {
		o.Dialects = []wire.Dialect{wire.MSNP8, wire.MSNP7, wire.MSNP6, wire.MSNP5, wire.MSNP4, wire.MSNP3, wire.MSNP2}
	}
	o.Limits = o.Limits.withDefaults()
	s := &Server{
		o:         o,
		host:      advertised(o.Advertise),
		services:  make(map[string]Service),
		conns:     make(map[*Conn]struct{}),
		perAddr:   make(map[netip.Addr]int),
		listeners: make(map[net.Listener]struct{}),
		unknown:   make(map[string]uint64),
		empty:     make(chan struct{}),
	}
	s.batches.New = func() any { return new(batch) }
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, svc := range o.Services {
		for _, verb := range svc.First {
			s.services[verb] = svc
		}
	}
	return s
}

// advertised adds the port where there is none.
func advertised(a string) string {
	if a == "" || a == "auto" {
		return ""
	}
	if _, _, err := net.SplitHostPort(a); err == nil {
		return a
	}
	return net.JoinHostPort(strings.Trim(a, "[]"), DefaultPort)
}

// Serve accepts connections until ctx ends, the listener fails for good or
// Shutdown is called; then it closes the listener and returns nil, or the
// listener's error. Connections live on until Shutdown.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	s.mu.Lock()
	stopping := s.stopping
	if !stopping {
		s.listeners[ln] = struct{}{}
	}
	s.mu.Unlock()
	if stopping {
		return ln.Close()
	}
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	defer ln.Close()
	pause := acceptPause
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			pause = acceptPause
			s.start(nc)
		case ctx.Err() != nil || s.isStopping():
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			s.o.Logger.Warn("accept failed", "err", err, "pause", pause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			case <-s.ctx.Done():
			}
			pause = min(2*pause, maxAcceptPause)
		}
	}
}

// start admits a connection and gives it its goroutine.
func (s *Server) start(nc net.Conn) {
	c := s.newConn(s.lastID.Add(1), nc)
	if why := s.admit(c); why != "" {
		s.refuseConn(c, why)
		return
	}
	if t, ok := nc.(interface {
		SetKeepAliveConfig(net.KeepAliveConfig) error
	}); ok {
		// Best effort, as the next: without them a dead line is found when the system
		// gives up what was written to it.
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable: true, Idle: keepAlive, Interval: keepAliveInterval, Count: keepAliveCount,
		})
	}
	_ = limitSilence(nc, s.o.Limits.Silence)
	go c.serve()
}

// admit counts a connection in, or says why not.
func (s *Server) admit(c *Conn) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	addr := Source(c.remote.Addr())
	switch {
	case s.stopping:
		return "shutdown"
	case len(s.conns) >= s.o.Limits.Connections:
		return "too many connections"
	case !addr.IsLoopback() && addr.IsValid() && s.perAddr[addr] >= s.o.Limits.PerAddress:
		return "too many connections from this address"
	}
	s.conns[c] = struct{}{}
	s.perAddr[addr]++
	s.accepted.Add(1)
	return ""
}

// refuseConn closes a connection over the limit; it is told nothing, because at
// that point every byte is work for a crowd.
func (s *Server) refuseConn(c *Conn, why string) {
	c.nc.Close()
	s.refused.Add(1)
	now := s.o.Now()
	s.mu.Lock()
	s.unlogged++
	n := s.unlogged
	due := now.Sub(s.logged) >= refusalLog
	if due {
		s.logged, s.unlogged = now, 0
	}
	s.mu.Unlock()
	if due {
		s.o.Logger.Warn("connection refused", "reason", why, "remote", c.remote, "count", n)
	}
}

func (s *Server) remove(c *Conn) {
	addr := Source(c.remote.Addr())
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.perAddr[addr]--; s.perAddr[addr] <= 0 {
		delete(s.perAddr, addr)
	}
	s.emptyLocked()
}

func (s *Server) emptyLocked() {
	if !s.stopping || len(s.conns) > 0 {
		return
	}
	select {
	case <-s.empty:
	default:
		close(s.empty)
	}
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// Shutdown stops accepting, tells every notification connection OUT SSD, closes
// the boards and waits for the connections to end. When ctx ends first, what is
// left is cut and ctx's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	lns := maps.Clone(s.listeners)
	clear(s.listeners)
	conns := maps.Clone(s.conns)
	s.emptyLocked()
	s.mu.Unlock()
	for ln := range lns {
		ln.Close()
	}
	for c := range conns {
		c.shutdown()
	}
	if s.o.Boards != nil {
		s.o.Boards.Close()
	}
	defer s.cancel()
	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	conns = maps.Clone(s.conns)
	s.mu.Unlock()
	for c := range conns {
		c.out.cut()
	}
	s.cancel()
	t := time.NewTimer(cutTime)
	defer t.Stop()
	select {
	case <-s.empty: // all that was written is told of
	case <-t.C:
	}
	return ctx.Err()
}

func (s *Server) countUnknown(verb string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.unknown[verb]; !known && len(s.unknown) >= maxUnknownVerbs {
		verb = "*"
	}
	s.unknown[verb]++
}

// Stats gives the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	n, unknown := len(s.conns), maps.Clone(s.unknown)
	s.mu.Unlock()
	return Stats{
		Connections: n,
		Accepted:    s.accepted.Load(),
		Refused:     s.refused.Load(),
		Panics:      s.panics.Load(),
		SlowReaders: s.slow.Load(),
		Commands:    s.commands.Load(),
		Unknown:     unknown,
	}
}
