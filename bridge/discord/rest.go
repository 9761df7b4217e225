package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"wtvgate/bridge"
)

// rest.go: requests. discordgo makes them, with our own bodies, since its structs
// lack the nonce and send a null where Discord wants a list (discord.md 6.3).

// rest makes requests for everybody. Its session never opens a connection.
type rest struct {
	n         *Network
	session   *discordgo.Session
	transport *transport
	limits    *limits
	landings  landings
}

// apiPath is where the library's constants and ours meet.
const apiPath = "https://discord.com/api/v9"

func newRest(n *Network) (*rest, error) {
	base, err := url.Parse(n.o.APIURL)
	if err != nil {
		return nil, fmt.Errorf("discord.api_url: %w", err)
	}
	l := newLimits(n.now)
	version := n.o.Version
	if version == "" {
		version = "dev"
	}
	inner := http.DefaultTransport.(*http.Transport).Clone()
	inner.Proxy = http.ProxyFromEnvironment
	t := &transport{base: base, inner: inner, limits: l, now: n.now,
		agent: "DiscordBot (https://github.com/wtvgate/wtvgate, " + version + ")"}
	r := &rest{n: n, transport: t, limits: l}
	r.session, err = r.newSession()
	return r, err
}

// newSession makes a discordgo session with the settings of discord.md 6.1.
func (r *rest) newSession() (*discordgo.Session, error) {
	s, err := discordgo.New("Bot " + r.n.o.Token)
	if err != nil {
		return nil, fmt.Errorf("discord: %w", err)
	}
	s.SyncEvents = true // otherwise events overtake each other
	s.ShouldReconnectOnError = false
	s.ShouldReconnectVoiceOnSessionError = false
	s.ShouldRetryOnRateLimit = false
	s.MaxRestRetries = 0
	s.StateEnabled = false
	s.LogLevel = discordgo.LogError - 1 // it logs through a package variable, and message texts with it
	s.Client = &http.Client{Transport: r.transport, Timeout: requestTimeout}
	s.UserAgent = r.transport.agent
	return s, nil
}

// request is one call.
type request struct {
	method string
	route  string // template, such as /channels/{}/messages; {} are filled from args
	args   []string
	query  url.Values
	body   any
	free   bool // does not count into the global limit
}

// path fills the template; major is the top-level id, which limits are kept by.
func (q *request) path() (path, major string) {
	rest := q.route
	var b strings.Builder
	for _, a := range q.args {
		before, after, _ := strings.Cut(rest, "{}")
		b.WriteString(before + url.PathEscape(a))
		rest = after
	}
	b.WriteString(rest)
	if len(q.args) > 0 {
		major = q.args[0]
		if strings.HasPrefix(q.route, "/webhooks/") || strings.HasPrefix(q.route, "/interactions/") {
			major = strings.Join(q.args[:min(2, len(q.args))], "/")
		}
	}
	if len(q.query) > 0 {
		b.WriteString("?" + q.query.Encode())
	}
	return b.String(), major
}

// do makes a request and reads the answer into into, unless that is nil. Its
// error is an *apiError.
func (r *rest) do(ctx context.Context, q request, into any) error {
	if p := r.n.refused.Load(); p != nil {
		return &apiError{certain: true, status: http.StatusUnauthorized, err: *p}
	}
	path, major := q.path()
	route := q.method + " " + q.route
	if err := r.limits.take(ctx, route, major, q.free); err != nil {
		var l errLimited
		if errors.As(err, &l) {
			return &apiError{certain: true, status: http.StatusTooManyRequests, after: l.after, err: err}
		}
		return &apiError{certain: true, err: err}
	}
	var body []byte
	if q.body != nil {
		var err error
		if body, err = json.Marshal(q.body); err != nil {
			return &apiError{certain: true, status: http.StatusBadRequest, err: err}
		}
	}
	var a answer
	// A limiter of its own: the library's sleeps, and never forgets (discord.md 6.1).
	free := discordgo.NewRatelimiter().LockBucket("")
	data, err := r.session.RequestWithLockedBucket(q.method, apiPath+path, "application/json", body, free, 0,
		discordgo.WithContext(withAnswer(ctx, &a)))
	r.limits.learn(route, major, &a)
	if err != nil {
		e := newAPIError(&a, err)
		e.route = route
		if e.status == http.StatusUnauthorized && !q.free && e.code != codeWebhookToken {
			r.n.refuse(textToken)
		}
		return e
	}
	if into == nil || len(data) == 0 {
		return nil
	}
	if !loose(data, into) {
		return &apiError{route: route, err: errors.New("discord: the answer cannot be read")}
	}
	return nil
}

// refuse ends all requests: the token is wrong.
func (n *Network) refuse(why string) {
	err := errors.New(why)
	if n.refused.CompareAndSwap(nil, &err) {
		if l := n.live.Load(); l != nil {
			l.in.State(false, why)
		}
	}
}

// apiError is a request that did not succeed.
type apiError struct {
	route   string
	status  int  // 0: no answer
	code    int  // Discord's own
	certain bool // it had no effect
	after   time.Duration
	err     error
}

// Error names the route by its template: the path may hold a token.
func (e *apiError) Error() string {
	s := e.route
	if e.status != 0 {
		s += fmt.Sprintf(": HTTP %d", e.status)
	}
	if e.code != 0 {
		s += fmt.Sprintf(", code %d", e.code)
	}
	if e.err != nil {
		s += ": " + e.err.Error()
	}
	return s
}

func (e *apiError) Unwrap() error { return e.err }

// newAPIError reads what the library makes of a failure. Its own texts hold the
// URL, and so perhaps a webhook's token: they are not kept.
func newAPIError(a *answer, err error) *apiError {
	e := &apiError{status: a.status, after: a.after}
	var re *discordgo.RESTError
	switch {
	case errors.As(err, &re):
		if re.Message != nil {
			e.code, e.err = re.Message.Code, errors.New(re.Message.Message)
		}
	case a.status == 0:
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the URL
		}
		e.err, e.certain = err, unheard(err)
	case a.status < 300:
		e.status, e.err = 0, errors.New("the answer was cut off")
	}
	if a.status >= 400 && a.status < 500 {
		e.certain = true
	}
	return e
}

// code is Discord's number for why a request failed; 0 if it is none of those.
func code(err error) int {
	var e *apiError
	if errors.As(err, &e) {
		return e.code
	}
	return 0
}

var errNotRunning = &bridge.SendError{Certain: true, Text: textUnreachable, Err: errors.New("discord: not running")}

// theirs is a moment of ours by Discord's clock.
func (n *Network) theirs(at time.Time) time.Time { return n.rest.transport.theirs(at) }
