package picture

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// http.go: what boxes ask.

// path is where all pictures are.
const path = "/p/"

const (
	// headTimeout bounds sending a request's head: a modem needs a second.
	headTimeout = 15 * time.Second
	// writeTimeout bounds an answer, the making of the picture included: the largest
	// animation takes a minute on a modem of 14,400 bits.
	writeTimeout = 3 * time.Minute
	// idleTimeout ends kept connections; boxes open a new one for each page.
	idleTimeout = 30 * time.Second
	// maxHead bounds a request's head, in bytes: boxes send about 600.
	maxHead = 8 << 10
)

// newServer bounds what a caller can make us wait for.
func (g *Gallery) newServer() *http.Server {
	return &http.Server{Handler: g, ReadHeaderTimeout: headTimeout, ReadTimeout: headTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHead, ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return g.ctx }}
}

// ServeHTTP answers one request: a picture, or a line of plain text.
func (g *Gallery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			g.log.Error("a request for a picture panicked", "panic", p, "stack", string(debug.Stack()))
			panic(http.ErrAbortHandler) // the connection ends without another line
		}
	}()
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		say(w, r, &refusal{http.StatusMethodNotAllowed, "Only GET is served here."})
		return
	}
	from := caller(r.RemoteAddr)
	if !g.visit.admit(from) {
		h.Set("Retry-After", "60")
		say(w, r, &refusal{http.StatusTooManyRequests, "Too many requests. Please try again in a minute."})
		return
	}
	token, ok := strings.CutPrefix(r.URL.Path, path)
	if !ok {
		g.visit.miss(from)
		say(w, r, errGone)
		return
	}
	p, err := g.get(r.Context(), token)
	if err != nil {
		g.fail(w, r, from, err)
		return
	}
	h.Set("Content-Type", p.Type)
	h.Set("Content-Length", strconv.Itoa(len(p.Data)))
	h.Set("Cache-Control", "private, max-age=86400")
	if r.Method == http.MethodGet {
		_, _ = w.Write(p.Data) // a box that hangs up has hung up
	}
}

// get is the picture behind a token.
func (g *Gallery) get(ctx context.Context, token string) (Picture, error) {
	l, err := g.find(ctx, token)
	if err != nil {
		return Picture{}, err
	}
	return g.picture(ctx, l)
}

// fail answers what cannot be had.
func (g *Gallery) fail(w http.ResponseWriter, r *http.Request, from netip.Prefix, err error) {
	var no *refusal
	switch {
	case errors.As(err, &no):
	case r.Context().Err() != nil:
		no = errBusy // the box has gone, or we are stopping
	default:
		g.log.Error("a picture's link cannot be read", "err", err)
		no = &refusal{http.StatusInternalServerError, "Something went wrong here. Please try again later."}
	}
	if no == errGone {
		g.visit.miss(from)
	}
	if no.status >= http.StatusInternalServerError {
		w.Header().Set("Retry-After", "30")
	}
	say(w, r, no)
}

// say answers with one line of text.
func say(w http.ResponseWriter, r *http.Request, no *refusal) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=iso-8859-1")
	h.Set("Content-Length", strconv.Itoa(len(no.text)+2))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(no.status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, no.text+"\r\n")
	}
}

const (
	// ticketsPerMinute is what one address may ask in a minute: a page of pictures
	// and all of them again.
	ticketsPerMinute = 120
	// missCost is what a link that leads nowhere costs beyond the request: links are
	// not to be guessed.
	missCost = 9
	// maxVisitors is how many addresses are counted; beyond it counting begins anew.
	maxVisitors = 10_000
)

// visits counts requests by address, minute by minute.
type visits struct {
	now func() time.Time

	mu    sync.Mutex
	since time.Time
	used  map[netip.Prefix]int
}

// admit tells whether an address may ask.
func (v *visits) admit(from netip.Prefix) bool { return v.spend(from, 1) <= ticketsPerMinute }

// miss notes that what was asked for is not there.
func (v *visits) miss(from netip.Prefix) { v.spend(from, missCost) }

func (v *visits) spend(from netip.Prefix, cost int) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if now := v.now(); v.used == nil || now.Sub(v.since) >= time.Minute || len(v.used) >= maxVisitors {
		v.used, v.since = make(map[netip.Prefix]int), now
	}
	v.used[from] += cost
	return v.used[from]
}

// caller is who asks: an address, or the network that one household has in IPv6.
func caller(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	a := ap.Addr().Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // both are within their address's length
	return p
}
