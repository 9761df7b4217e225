package discord

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// transport.go: what stands between discordgo and the network. It sends requests
// to the configured server, keeps what the library hides (status, limits, why),
// and counts what would get the address banned (discord.md 6.2).

const (
	// requestTimeout bounds one request (discord.md 6.1).
	requestTimeout = 20 * time.Second
	// maxAnswer is the most that is read of an answer: a page of 100 messages with
	// all their embeds stays below.
	maxAnswer = 16 << 20
	// invalidWindow and maxInvalid: Discord bans an address after 10,000 invalid
	// answers in 10 minutes; we stop far before (discord.md 5, 6.2).
	invalidWindow = 10 * time.Minute
	maxInvalid    = 2000
	// edgeBan is how long to wait after an HTML 429 that does not say.
	edgeBan = time.Minute
	// maxHold is the longest that one answer holds requests; if it is to be longer the
	// next answer says so again.
	maxHold = time.Hour
)

// holdFor is a time in seconds that an answer names, within what makes sense: what is
// no number, or negative, is 0.
func holdFor(s float64) time.Duration {
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, maxHold.Seconds()) * float64(time.Second))
}

// answer is what a request came to, beside the body.
type answer struct {
	status int // 0: nothing came
	after  time.Duration
	header http.Header
}

type answerKey struct{}

// withAnswer has the transport note the outcome of a request.
func withAnswer(ctx context.Context, a *answer) context.Context {
	return context.WithValue(ctx, answerKey{}, a)
}

// transport is the RoundTripper of one network's sessions.
type transport struct {
	base   *url.URL
	inner  *http.Transport
	limits *limits
	agent  string

	mu      sync.Mutex
	since   time.Time // of the window
	invalid int
	now     func() time.Time

	apart atomic.Int64 // how far Discord's clock is before ours, as its last answer said
}

// theirs is a moment of ours by Discord's clock, which is the one that ids have. It
// may be a second off; a machine of ours without a clock of its own may be days off.
func (t *transport) theirs(at time.Time) time.Time { return at.Add(time.Duration(t.apart.Load())) }

// compare notes Discord's clock.
func (t *transport) compare(h http.Header) {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		t.apart.Store(int64(at.Sub(t.now()).Round(time.Second)))
	}
}

// errTooManyInvalid is the fuse before an edge ban.
var errTooManyInvalid = errors.New("discord: too many refused requests; waiting before Discord bans this address")

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.blown() {
		return nil, errTooManyInvalid
	}
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.Host = t.base.Scheme, t.base.Host, t.base.Host
	if prefix := strings.TrimSuffix(t.base.Path, "/"); prefix != "" {
		out.URL.Path = prefix + out.URL.Path
		out.URL.RawPath = ""
	}
	out.Header.Set("User-Agent", t.agent)
	resp, err := t.inner.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	t.compare(resp.Header)
	a, _ := r.Context().Value(answerKey{}).(*answer)
	if a == nil {
		a = &answer{}
	}
	a.status, a.header = resp.StatusCode, resp.Header.Clone()
	if resp.StatusCode == http.StatusTooManyRequests {
		if err := t.limited(resp, a); err != nil {
			return nil, err
		}
	}
	if c := resp.StatusCode; c == 401 || c == 403 || c == 429 && resp.Header.Get("X-RateLimit-Scope") != "shared" {
		t.count()
	}
	for h := range resp.Header { // the library's limiter must not see them: it sleeps without a context
		if strings.HasPrefix(h, "X-Ratelimit-") {
			resp.Header.Del(h)
		}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

// CloseIdleConnections is what http.Client looks for to let connections go.
func (t *transport) CloseIdleConnections() { t.inner.CloseIdleConnections() }

// limited reads how long a 429 asks to wait. A page instead of JSON is an edge
// ban, which the library cannot read: it gets JSON.
func (t *transport) limited(resp *http.Response, a *answer) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	resp.Body.Close()
	if err != nil {
		return err
	}
	var said struct {
		After  float64 `json:"retry_after"`
		Global bool    `json:"global"`
	}
	isJSON := loose(body, &said)
	a.after = holdFor(said.After)
	if a.after <= 0 {
		s, _ := strconv.ParseFloat(resp.Header.Get("Retry-After"), 64)
		a.after = holdFor(s)
	}
	if a.after <= 0 {
		a.after = edgeBan
	}
	if !isJSON || said.Global || resp.Header.Get("X-RateLimit-Global") != "" {
		t.limits.stop(a.after)
	}
	if !isJSON {
		body = []byte(`{"message":"You are being rate limited.","retry_after":` + strconv.FormatFloat(a.after.Seconds(), 'f', 3, 64) + `,"global":true}`)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return nil
}

// count notes an invalid answer.
func (t *transport) count() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.now(); now.Sub(t.since) > invalidWindow {
		t.since, t.invalid = now, 0
	}
	t.invalid++
}

// blown tells whether the fuse has gone, until its window has passed.
func (t *transport) blown() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.invalid >= maxInvalid && t.now().Sub(t.since) <= invalidWindow
}
