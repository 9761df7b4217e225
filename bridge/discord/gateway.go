package discord

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"
)

// gateway.go: the connection, under a supervisor: the library deadlocks and loops
// where it is left to reconnect by itself (discord.md 6.3, 6.4).

const (
	// maxIdentifies is the fuse: so many in an hour mean that something is wrong,
	// and 1,000 in a day cost the token (discord.md 6.4, lessons L9).
	maxIdentifies = 20
	fuseWindow    = time.Hour
	// minStarts is how many of a day's session starts are left for the operator.
	minStarts = 50
	// abandonAfter is how long the library may take to let go of a connection that
	// is closed (it sleeps a second first); then its session is left behind.
	abandonAfter = 3 * time.Second
	// leaveTimeout bounds saying goodbye (discord.md 6.4).
	leaveTimeout = 2 * time.Second
	kindIdentify = "identify"
)

// codeCloseToken is the close code for a wrong token.
const codeCloseToken = 4004

// stopSentences are the close codes after which connecting again is pointless,
// and what to do (discord.md 5).
var stopSentences = map[int]string{
	codeCloseToken: textToken,
	4010:           "Discord refuses the connection (invalid shard); this version of wtvgate is too old",
	4011:           "Discord wants this bot split into shards, since it is in too many servers; set discord.guilds and leave the others",
	4012:           "Discord no longer speaks this version of its gateway; a newer wtvgate is needed",
	4013:           "Discord refuses the intents; this version of wtvgate is too old",
	4014:           "Discord refuses an intent: switch on Presence, Server Members and Message Content under Bot in the developer portal, or switch them off and restart",
}

// outcome is how a connection ended.
type outcome struct {
	ending
	was       bool // READY or RESUMED had come
	abandoned bool // the session is stuck in the library
	err       error
}

// link is a session's life: what its handlers tell.
type link struct {
	n       *Network
	session *discordgo.Session
	wire    atomic.Pointer[wire]
	up      chan struct{} // READY or RESUMED; buffered
	seq     atomic.Int64  // of the last event
	left    chan struct{} // the library has let go; buffered
	ever    bool          // it was up once, so it can resume
}

// newLink makes a session for the gateway.
func (n *Network) newLink() (*link, error) {
	s, err := n.rest.newSession()
	if err != nil {
		return nil, err
	}
	l := &link{n: n, session: s, up: make(chan struct{}, 1), left: make(chan struct{}, 1)}
	s.Compress = false // the connection reads it itself
	s.Identify.Compress = false
	s.Identify.Intents = discordgo.Intent(n.intents.Load())
	s.Identify.LargeThreshold = 250 // members and presences of guilds up to that come complete
	s.Identify.Properties.Browser, s.Identify.Properties.Device = "wtvgate", "wtvgate"
	s.Identify.Presence = discordgo.GatewayStatusUpdate{Status: "online"}
	dial := func(secure bool) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, network, addr string) (net.Conn, error) {
			if !secure && n.rest.transport.base.Scheme == "https" {
				return nil, errors.New("discord: the gateway's address is not encrypted, but discord.api_url is")
			}
			c, err := dialWire(ctx, network, addr, secure)
			if err != nil {
				return nil, err
			}
			w := newWire(c, n.pace.Silence, &l.seq, l.event)
			l.wire.Store(w)
			return w, nil
		}
	}
	s.Dialer = &websocket.Dialer{NetDialContext: dial(false), NetDialTLSContext: dial(true), HandshakeTimeout: dialTimeout}
	s.AddHandler(func(*discordgo.Session, *discordgo.Disconnect) { signal(l.left) })
	return l, nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// event takes an event from the connection, which the library reads and perhaps
// under its lock: nothing here may block or call it.
func (l *link) event(kind string, raw []byte) {
	defer l.n.recovered("event", kind)
	l.n.take(kind, raw)
	if kind == "READY" || kind == "RESUMED" {
		signal(l.up)
	}
}

// supervise keeps a connection until ctx ends. What only a person can mend ends
// the tries and stands in the network's state.
func (n *Network) supervise(ctx context.Context, l *live) {
	var s *link
	for tries := 0; ctx.Err() == nil; tries++ {
		stop, err := "", error(nil)
		if s == nil {
			if stop, err = n.prepare(ctx); stop == "" && err == nil {
				s, err = n.newLink()
			}
		}
		if p := n.refused.Load(); p != nil {
			stop = (*p).Error()
		}
		if stop != "" {
			l.in.State(false, stop)
			<-ctx.Done()
			return
		}
		wait := n.pace.backoff(tries)
		if err == nil {
			o := n.connect(ctx, s, l)
			if ctx.Err() != nil {
				return
			}
			if stop := stopSentences[o.code]; stop != "" {
				if o.code == codeCloseToken {
					n.refuse(stop) // requests would fail too, and count
				}
				l.in.State(false, stop)
				<-ctx.Done()
				return
			}
			s.ever = s.ever || o.was
			if o.was {
				tries, wait = 0, n.pace.backoff(0)
			}
			if o.reconnect && o.was {
				wait = 0
			}
			if o.invalid {
				wait = max(wait, n.pace.Invalid+rand.N(n.pace.Invalid+1))
			}
			if o.abandoned || o.code == 4007 || o.code == 4009 || o.invalid && !o.resumable || !s.ever {
				s = nil // the next one identifies
			}
			err = o.err
			n.log.Info("connection ended", "code", o.code, "reconnect", o.reconnect, "invalid", o.invalid, "abandoned", o.abandoned, "err", err)
		}
		l.in.State(false, whyDown(err))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// whyDown is what an operator reads while it is tried again.
func whyDown(err error) string {
	if err == nil {
		return "the connection to Discord is lost; trying again"
	}
	return "no connection to Discord: " + err.Error() + "; trying again"
}

// prepare looks whether a new session may be started, and counts it. Stop is why
// a person has to act.
func (n *Network) prepare(ctx context.Context) (stop string, err error) {
	if err := n.know(ctx); err != nil {
		return "", err
	}
	count, _, err := n.countSince(ctx, kindIdentify, fuseWindow)
	if err != nil {
		return "", err
	}
	if count >= maxIdentifies {
		return fmt.Sprintf("stopped after %d new sessions within an hour, before Discord takes the token away: look into the log for why connections end, wait an hour and restart", count), nil
	}
	var bot struct {
		Limit struct {
			Remaining *int `json:"remaining"`
			After     int  `json:"reset_after"`
		} `json:"session_start_limit"`
	}
	if err := n.rest.do(ctx, request{method: http.MethodGet, route: "/gateway/bot"}, &bot); err != nil {
		return "", err
	}
	if r := bot.Limit.Remaining; r != nil && *r < minStarts {
		return fmt.Sprintf("Discord allows this bot only %d more sessions today: find out who else uses its token, or restart tomorrow", *r), nil
	}
	return "", n.happened(ctx, kindIdentify)
}

// Bits of an application's flags that tell which privileged intents it has, the
// full and the limited form of each (discord.md 2).
const (
	flagPresences = 1<<12 | 1<<13
	flagMembers   = 1<<14 | 1<<15
	flagContent   = 1<<18 | 1<<19
)

// Intents (discord.md 2.1).
const (
	intentMembers   = 1 << 1
	intentPresences = 1 << 8
	intentContent   = 1 << 15
	intentsPlain    = 1<<0 | 1<<5 | 1<<9 | 1<<10 | 1<<11 | 1<<12 | 1<<13 | 1<<14
)

// intentsFor is what to ask for: a privileged intent that is off would end the
// connection.
func intentsFor(flags int64) int64 {
	all := int64(intentsPlain)
	for _, p := range []struct{ flag, intent int64 }{
		{flagPresences, intentPresences}, {flagMembers, intentMembers}, {flagContent, intentContent},
	} {
		if flags&p.flag != 0 {
			all |= p.intent
		}
	}
	return all
}

// know asks who we are, and what the portal has switched on.
func (n *Network) know(ctx context.Context) error {
	var app struct {
		ID    string `json:"id"`
		Flags int64  `json:"flags"`
	}
	if err := n.rest.do(ctx, request{method: http.MethodGet, route: "/oauth2/applications/@me"}, &app); err != nil {
		return err
	}
	me := n.me.Load()
	if me == nil {
		var u author
		if err := n.rest.do(ctx, request{method: http.MethodGet, route: "/users/@me"}, &u); err != nil {
			return err
		}
		if u.ID == "" {
			return errors.New("discord: the answer does not say who the bot is")
		}
		me = &self{user: u.ID}
	}
	n.me.Store(&self{user: me.user, application: app.ID, flags: app.Flags})
	n.intents.Store(intentsFor(app.Flags))
	return nil
}

// connect opens the session and stays until it ends.
func (n *Network) connect(ctx context.Context, s *link, l *live) (o outcome) {
	for _, c := range []chan struct{}{s.up, s.left} { // of the connection before
		select {
		case <-c:
		default:
		}
	}
	s.wire.Store(nil)
	opened := make(chan error, 1)
	go func() { // may never return: see abandoned
		defer func() {
			if p := recover(); p != nil {
				n.log.Error("panic", "in", "opening", "panic", p, "stack", string(debug.Stack()))
				opened <- errors.New("discord: the library panicked")
			}
		}()
		opened <- s.session.Open()
	}()
	patience := time.NewTimer(n.pace.Open)
	defer patience.Stop()
	select {
	case o.err = <-opened:
	case <-patience.C:
		o.err, o.abandoned = s.giveUp(opened)
	case <-ctx.Done():
		o.err, o.abandoned = s.giveUp(opened)
		return o
	}
	w := s.wire.Load()
	if o.err == nil && w != nil {
		o.was = s.stay(ctx, w, patience.C, l)
		if ctx.Err() != nil {
			s.leave(w)
			return o
		}
		w.Close()
		select {
		case <-s.left:
		case <-time.After(abandonAfter):
			o.abandoned = true
		}
	}
	if w != nil {
		w.Close()
		o.ending = w.ended()
	}
	var ce *websocket.CloseError
	if errors.As(o.err, &ce) && o.code == 0 && ce.Code != websocket.CloseAbnormalClosure {
		o.code = ce.Code
	}
	return o
}

// giveUp closes a connection that does not get anywhere. Abandoned: the library
// does not even let go then.
func (s *link) giveUp(opened chan error) (err error, abandoned bool) {
	if w := s.wire.Load(); w != nil {
		w.Close()
	}
	select {
	case err := <-opened:
		if err == nil {
			err = errors.New("discord: opened too late")
		}
		return err, true // it may have begun to listen: not worth telling apart
	case <-time.After(time.Second):
		return errors.New("discord: no answer"), true
	}
}

// stay waits for the connection's end, and tells whether it ever was up.
func (s *link) stay(ctx context.Context, w *wire, patience <-chan time.Time, l *live) (was bool) {
	select {
	case <-s.up:
		was = true
		l.gateway.Store(s)
		l.in.State(true, "")
	case <-w.gone:
	case <-patience: // neither READY nor RESUMED
		return false
	case <-ctx.Done():
		return false
	}
	for {
		select {
		case <-ctx.Done():
			return was
		case <-w.gone:
			l.gateway.CompareAndSwap(s, nil)
			return was
		case <-s.up: // op 9 and READY on the same connection
		}
	}
}

// leave says goodbye, and waits for the answer a moment. The library would hang on
// it, and sleep a second in any case.
func (s *link) leave(w *wire) {
	w.tell(frameClose, binary.BigEndian.AppendUint16(nil, websocket.CloseNormalClosure))
	select {
	case <-w.closing:
	case <-w.gone:
	case <-time.After(leaveTimeout):
	}
	w.Close()
}

// send writes a packet to the gateway. It must not be called from a handler.
func (n *Network) send(packet any) error {
	l := n.live.Load()
	if l == nil {
		return errNotRunning
	}
	s := l.gateway.Load()
	if s == nil {
		return errNotRunning
	}
	return s.session.GatewayWriteStruct(packet)
}
