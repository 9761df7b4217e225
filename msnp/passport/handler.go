package passport

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Options are what the Passport service needs.
type Options struct {
	// Accounts checks passwords; a *Verifier makes it fast.
	Accounts Accounts
	// Tickets is where the notification server looks.
	Tickets *Tickets
	// PublicURL is where clients reach this service, such as https://gw.example or
	// http://127.0.0.1:8464, without a slash at the end.
	PublicURL string
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
}

// handler answers the five pages of Passport.
type handler struct {
	accounts Accounts
	tickets  *Tickets
	attempts *attempts
	log      *slog.Logger
	now      func() time.Time
	random   func([]byte)
	wait     func(context.Context, time.Duration) error

	public string // the URL
	place  string // the URL without its scheme: what clients of the time put https:// before
	prefix string // the URL's path in lower case, which a proxy may leave on requests
	pages  map[string]http.HandlerFunc
}

// NewHandler makes the Passport service: /rdr/pprdr.asp and /webtv/pprdr.asp (the
// nexus), /login2.srf and /login.srf (sign-in) and /RST.srf (the SOAP token
// service). It writes its answers itself, since clients of the time look for
// header names in exactly one spelling and for `HTTP/1.1` in front, also when
// they asked by HTTP/1.0 (msnp.md 5.1, 25.7); so a connection is closed after its
// answer, and HTTP/2 must be off: see Server.
func NewHandler(o Options) http.Handler {
	h := &handler{accounts: o.Accounts, tickets: o.Tickets, attempts: newAttempts(), log: o.Log, now: o.Now,
		random: randomBytes, wait: wait, public: strings.TrimSuffix(o.PublicURL, "/")}
	if h.now == nil {
		h.now = time.Now
	}
	_, h.place, _ = strings.Cut(h.public, "://")
	if u, err := url.Parse(h.public); err == nil {
		h.prefix = strings.ToLower(u.Path)
	}
	h.pages = map[string]http.HandlerFunc{
		"/rdr/pprdr.asp":   h.nexus,
		"/webtv/pprdr.asp": h.nexus,
		"/login2.srf":      h.signIn,
		"/login.srf":       h.signIn,
		"/rst.srf":         h.tokens,
	}
	return h
}

// wait sleeps for d, or until the request or the server ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ServeHTTP finds the page, in any case of its letters.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.ToLower(r.URL.Path)
	page, ok := h.pages[path]
	if !ok {
		page, ok = h.pages[strings.TrimPrefix(path, h.prefix)]
	}
	if !ok {
		answer{status: http.StatusNotFound, kind: "text/plain", body: "There is no such page here."}.write(w, r)
		return
	}
	page(w, r)
}

// allow answers 405 to methods that the page does not have.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	answer{status: http.StatusMethodNotAllowed, kind: "text/plain", body: "This page is not asked like that.",
		fields: []field{{"Allow", strings.Join(methods, ", ")}}}.write(w, r)
	return false
}

// outcome is how a sign-in ended.
type outcome int

const (
	refused     outcome = iota // wrong address or password, or too many of them
	unavailable                // not the user's fault
	granted
)

// check finds out whether somebody is who they say, slower for those who guess
// much, and gives a ticket if so.
func (h *handler) check(r *http.Request, l login) (string, outcome) {
	from := source(r)
	log := h.log.With("account", l.address, "remote", from.String())
	try, ok := h.attempts.begin(from, l.address, h.now())
	if !ok {
		log.Info("passport: sign-in refused", "reason", "one of too many attempts at once")
		return "", refused
	}
	if try.late && h.wait(r.Context(), latePause) != nil {
		try.done(false, false)
		return "", unavailable
	}
	right, err := h.anyRight(r.Context(), l)
	try.done(right, err == nil)
	switch {
	case err != nil:
		log.Error("passport: checking a password", "err", err)
		return "", unavailable
	case !right:
		log.Info("passport: sign-in refused", "reason", "wrong address or password")
		return "", refused
	}
	log.Info("passport: ticket issued")
	return h.tickets.Issue(l.address), granted
}

func (h *handler) anyRight(ctx context.Context, l login) (bool, error) {
	for _, p := range l.passwords {
		if right, err := h.accounts.CheckPassword(ctx, l.address, p); right || err != nil {
			return right && err == nil, err
		}
	}
	return false, nil
}

// source is where a request comes from. A proxy on this machine says it in the
// last element of X-Forwarded-For, which is the one that it wrote itself; from
// anybody else that header is a claim and is not read.
func source(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from := peer.Addr().Unmap()
	all := r.Header.Values("X-Forwarded-For")
	if !from.IsLoopback() || len(all) == 0 {
		return from
	}
	last := all[len(all)-1]
	last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	if a, err := netip.ParseAddr(last); err == nil {
		return a.Unmap()
	}
	return from
}

// fromNode tells the requests of minisrv and WebTV Redialed, which use node's
// HTTP client: HTTP/1.1 with the headers Host and Connection, and for a sign-in
// Authorization, and no other (msnp.md 25.5, wtvp.md 10.5).
func fromNode(r *http.Request, also string) bool {
	if !r.ProtoAtLeast(1, 1) || r.Host == "" || r.Header.Get("Connection") == "" {
		return false
	}
	for name := range r.Header {
		if name != "Connection" && name != also {
			return false
		}
	}
	return true
}
