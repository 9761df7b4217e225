package discordtest

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Bounds of a Server: far above what a test needs, so that a client that runs
// wild ends as a failed test and not as a full memory.
const (
	maxRequests   = 50_000 // recorded; later ones are answered and not recorded
	maxViolations = 1_000
	maxMessages   = 20_000 // in the whole world; after that the oldest go
	maxSessions   = 1_000  // that can be resumed; the oldest go
	maxReplay     = 10_000 // dispatches kept for a session; one that falls behind is forgotten
	maxQueue      = 20_000 // frames waiting for one connection; over it the connection is dropped
	maxConns      = 1_000  // at once
	maxBody       = 26 << 20
	shutdownWait  = 5 * time.Second
)

// epoch of Discord's snowflakes, the first second of 2015, in ms (reference 8.1).
const epoch = 1420070400000

// defaultHeartbeat is the interval Discord tells (reference 8.4).
const defaultHeartbeat = 41250 * time.Millisecond

// EchoOrder says when a bot's own message comes back as MESSAGE_CREATE.
type EchoOrder int

// The three orders of reference 4.1: either one settles a send.
const (
	EchoAny    EchoOrder = iota // dispatched before the answer is written; either may arrive first
	EchoBefore                  // on the wire before the answer is written
	EchoAfter                   // dispatched when the answer has been written
)

// Options of a Server. The zero value is a Discord with everything switched on.
type Options struct {
	Token         string           // of the bot, without "Bot "; default "T0"
	Now           func() time.Time // the clock of ids, limits and deadlines; default time.Now
	Heartbeat     time.Duration    // told in HELLO; default 41.25 s
	Grace         time.Duration    // a client that says nothing for two intervals and this is closed (4009); default 5 s
	Intents       int              // privileged intents that are switched on; default all three
	NoPrivileged  bool             // none of them
	Limits        map[string]Limit // by route; default DefaultLimits
	Echo          EchoOrder        // when a bot's own message comes back
	Identifies    int              // session_start_limit.total; default 1,000
	IdentifyEvery time.Duration    // an IDENTIFY sooner than that gets op 9 (Discord: 5 s); default: not kept
	MaxSessionAge time.Duration    // a RESUME of an older session gets 4009; default: never
	AnswerWithin  time.Duration    // how long a command may wait for its answer, then 10062; default 3 s
	MaxThreads    int              // active threads per guild, then 160006; default 1,000
}

// Server is a Discord. Make one with Start or New.
type Server struct {
	o     Options
	http  *httptest.Server
	table []*route
	done  chan struct{}
	wg    sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	changed  chan struct{} // closed and made anew at every change
	lastID   uint64
	token    string
	intents  int // privileged ones that are on
	left     int // IDENTIFYs
	lastIdfy time.Time

	bot      *user
	users    map[string]*user
	guilds   []*guild
	channels map[string]*channel
	messages map[string]*message
	order    []string // of messages, for the bound
	webhooks map[string]*webhook
	inter    map[string]*interaction
	tokens   map[string]*interaction
	commands []obj
	nonces   map[string]nonceUse
	refuse   int // code for opening new DMs

	requests   []*Request
	violations []string
	faults     []*Armed
	buckets    map[string]*bucket
	global     bucket
	invalid    bucket
	banned     time.Time
	sink       *[]event // set while a REST handler runs: events wait there

	gw gatewayState
}

// TB is the part of testing.TB that Start needs.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
}

// Start makes a Server for one test: it is closed when the test ends, and every
// violation left by then fails the test.
func Start(t TB, o Options) *Server {
	t.Helper()
	s := New(o)
	t.Cleanup(func() {
		s.Close()
		for _, v := range s.Violations() {
			t.Errorf("discordtest: violation: %s", v)
		}
	})
	return s
}

// New starts a Server on a free port of 127.0.0.1. The caller closes it.
func New(o Options) *Server {
	o = withDefaults(o)
	s := &Server{
		o: o, table: routes(), done: make(chan struct{}), changed: make(chan struct{}), token: o.Token, intents: o.Intents, left: o.Identifies,
		users: make(map[string]*user), channels: make(map[string]*channel), messages: make(map[string]*message),
		webhooks: make(map[string]*webhook), inter: make(map[string]*interaction), tokens: make(map[string]*interaction),
		nonces: make(map[string]nonceUse), buckets: make(map[string]*bucket),
	}
	s.gw.sessions = make(map[string]*session)
	s.gw.conns = make(map[*conn]bool)
	s.bot = s.newUser("WebTV", true)
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.http.Config.ReadHeaderTimeout = shutdownWait
	s.http.Start()
	return s
}

func withDefaults(o Options) Options {
	if o.Token == "" {
		o.Token = "T0"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = defaultHeartbeat
	}
	if o.Grace == 0 {
		o.Grace = shutdownWait
	}
	if o.Intents == 0 && !o.NoPrivileged {
		o.Intents = privileged
	}
	if o.Limits == nil {
		o.Limits = DefaultLimits()
	}
	if o.Identifies == 0 {
		o.Identifies = 1000
	}
	if o.AnswerWithin == 0 {
		o.AnswerWithin = answerWithin
	}
	if o.MaxThreads == 0 {
		o.MaxThreads = 1000
	}
	return o
}

// Close ends every connection and request and waits for their goroutines. It may
// be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	close(s.done)
	for c := range s.gw.conns {
		c.kill()
	}
	s.notify()
	s.mu.Unlock()
	s.http.CloseClientConnections()
	s.http.Close()
	s.wg.Wait()
}

// URL is the root, http://127.0.0.1:port/, as in discord.api_url; the API is
// below api/v9/.
func (s *Server) URL() string { return s.http.URL + "/" }

// GatewayURL is what GET /gateway tells: ws://127.0.0.1:port/.
func (s *Server) GatewayURL() string { return "ws" + s.http.URL[len("http"):] + "/" }

// Token is the bot's token at present, without "Bot ".
func (s *Server) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// RoundTripper swaps scheme and host of every request for this server's: for
// Session.Client of discordgo (reference 6.2).
func (s *Server) RoundTripper() http.RoundTripper {
	u, _ := url.Parse(s.http.URL) // httptest made it
	return &swap{host: u.Host, next: &http.Transport{DialContext: (&net.Dialer{Timeout: shutdownWait}).DialContext}}
}

type swap struct {
	host string
	next *http.Transport
}

// RoundTrip is http.RoundTripper's.
func (w *swap) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = "http", w.host, w.host
	return w.next.RoundTrip(r)
}

// CloseIdleConnections is called by http.Client.CloseIdleConnections.
func (w *swap) CloseIdleConnections() { w.next.CloseIdleConnections() }

// Until waits until cond holds. It is called at first and after every change,
// without a lock held, so it may call any method. The error is that of ctx, or
// says that the server was closed.
func (s *Server) Until(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("discordtest: waiting: %w", ctx.Err())
		case <-s.done:
			return fmt.Errorf("discordtest: waiting: %w", net.ErrClosed)
		}
	}
}

// notify wakes whoever waits in Until. mu is held.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Bot is the bot's own account.
func (s *Server) Bot() *Person { return &Person{ID: s.bot.id, s: s} }

// ApplicationID is the id of the bot's application, the same as its user id.
func (s *Server) ApplicationID() string { return s.bot.id }

// newID makes the next snowflake: the milliseconds since the epoch and a number,
// larger than all before it. mu is held, or nobody else knows s yet.
func (s *Server) newID() string {
	next := uint64(max(s.o.Now().UnixMilli()-epoch, 1)) << 22
	s.lastID = max(s.lastID+1, next)
	return strconv.FormatUint(s.lastID, 10)
}

// violation records what a well-made client never does. mu is held.
func (s *Server) violation(format string, args ...any) {
	if len(s.violations) < maxViolations {
		s.violations = append(s.violations, fmt.Sprintf(format, args...))
	}
	s.notify()
}

// Violations is what the client did wrong so far, oldest first.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// TakeViolations is Violations and forgets them, for tests that provoke some.
func (s *Server) TakeViolations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.violations
	s.violations = nil
	return v
}

// SetToken gives the bot another token; the old one is worth nothing. Open
// connections stay: see InvalidateToken.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
	s.notify()
}

// SetIntents switches privileged intents on and off, as in the developer portal.
func (s *Server) SetIntents(on int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intents = on & privileged
}

// RefuseOpens makes the bot unable to open DMs with new people: code 40003 (too
// fast) or 20026 (quarantined, which also refuses the first message to somebody).
// 0 ends it.
func (s *Server) RefuseOpens(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = code
}

// Commands is what the application registered, as it was sent, with ids.
func (s *Server) Commands() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []map[string]any
	for _, c := range s.commands {
		all = append(all, maps.Clone(c))
	}
	return all
}
