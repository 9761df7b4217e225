package matrix

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/appservice"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// requestTimeout bounds one call to the homeserver. A join over federation may
// take long; an answer after that long helps nobody who waits.
const requestTimeout = 30 * time.Second

// maxResponse bounds an answer: the state of a room with some thousand members.
const maxResponse = 16 << 20

// pace has the waits, which tests shorten.
type pace struct {
	retryMin, retryMax time.Duration // between looks at a homeserver that is not there
	health             time.Duration // between looks at one that is
	roomMin, roomMax   time.Duration // rest of a room after a failure
	ghostDelay         time.Duration // from a new name to telling the homeserver
	settle             time.Duration // for the homeserver to show what it has taken
	reload             time.Duration // between two looks at all accounts for a ghost that is not known
	late               time.Duration // from the start, in which events come that were pushed before in vain
	key                time.Duration // for a message's key to come behind it
	unread             time.Duration // from a message without key to telling of it
	sweep              time.Duration // between looks at messages without keys and ghosts without feeds
	maintenance        time.Duration // between looks of a ghost without feed
	pushed             time.Duration // in which pushed presence is gathered
	presence           time.Duration // between two changes of how a ghost is shown
	typing             time.Duration // between two words of a friend who goes on writing
}

// defaultPace is what runs. A homeserver that restarts is back after some
// seconds, so the first looks come quickly; a minute is what a person waits at
// most for one that was away long. A changed name becomes an event in each room,
// hence the delay in which further changes are gathered (matrix.md 10). Strangers
// choose the ghosts they invite, so they must not make us list all accounts at
// will; reload is no longer than roomMin, so that the next try may look. Dendrite
// answers a join or a message before it shows it, by some tens of milliseconds
// [run]; settle is enough for a busy machine. Keys come before their messages
// [run], so a message waits for its key only when something is wrong: key is for
// a slow federation, and unread for a friend's client that sends it again.
func defaultPace() pace {
	return pace{
		retryMin: time.Second, retryMax: time.Minute, health: time.Minute,
		roomMin: time.Second, roomMax: time.Minute, ghostDelay: 10 * time.Second, settle: 500 * time.Millisecond, reload: time.Second,
		late: latePhase, key: 3 * time.Second, unread: 30 * time.Second, sweep: idleSweep, maintenance: maintenance, typing: typingRepeat, presence: presenceGap, pushed: gatherPushed,
	}
}

// backoff is the wait after so many failures: doubled from low to high, and up
// to a quarter more so that not all come at once.
func backoff(low, high time.Duration, tries int) time.Duration {
	d := high
	if tries < 16 {
		d = min(low<<tries, high)
	}
	return d + rand.N(d/4+1)
}

func (p pace) roomBackoff(tries int) time.Duration { return backoff(p.roomMin, p.roomMax, tries) }

// newHTTPClient is what calls go through. It never follows a homeserver
// elsewhere: the token would go along.
func newHTTPClient() *http.Client {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute}
	return &http.Client{Timeout: requestTimeout, Transport: t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// live is what calls need once Run has begun. It does not change.
type live struct {
	in  bridge.Receiver
	reg *appservice.Registration
	as  *appservice.AppService
}

// user acts as one of our users.
func (l *live) user(user mid.UserID) *mautrix.Client {
	c := l.as.NewMautrixClient(user)
	c.StateStore = nil // what we need of rooms is in our own tables
	c.ResponseSizeLimit = maxResponse
	return c
}

// ghost acts as an account's ghost.
func (n *Network) ghost(a id.Account) (*live, *mautrix.Client, error) {
	l := n.live.Load()
	if l == nil {
		return nil, nil, errNotRunning
	}
	user, err := n.ghostID(a)
	if err != nil {
		return nil, nil, bridge.Permanent(textAddress, err)
	}
	return l, l.user(user), nil
}

// Run serves until ctx ends. What the homeserver pushes is taken from the start;
// the homeserver itself may come later.
func (n *Network) Run(ctx context.Context, in bridge.Receiver) error {
	reg, err := n.loadRegistration()
	if err != nil {
		return err
	}
	if err := n.Listen(); err != nil {
		return err
	}
	l, err := n.newLive(reg, in)
	if err != nil {
		return err
	}
	if err := n.ghosts.load(ctx, in); err != nil {
		return err
	}
	if n.encrypts() {
		if err := n.retryKeyless(ctx); err != nil {
			return err
		}
	}
	n.live.Store(l)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	srv := newServer(n.handler(l), n.log)
	var wg sync.WaitGroup
	part := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				cancel(err)
			}
		})
	}
	part(func(context.Context) error { return serve(srv, n) })
	part(n.inbox.run)
	part(func(ctx context.Context) error { n.ghosts.run(ctx); return nil })
	part(func(ctx context.Context) error { n.supervise(ctx, l); return nil })
	part(func(ctx context.Context) error { n.pruneLoop(ctx); return nil })
	part(func(ctx context.Context) error { n.feeds.run(ctx); return nil })
	part(func(ctx context.Context) error { n.ephemera.run(ctx); return nil })
	part(func(ctx context.Context) error { n.repair(ctx); return nil })
	part(func(ctx context.Context) error { n.farewells(ctx); return nil })
	<-ctx.Done()
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer done()
	if srv.Shutdown(stop) != nil {
		_ = srv.Close() // running pushes are repeated by the homeserver
	}
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// serve takes requests until the server is shut down.
func serve(srv *http.Server, n *Network) error {
	if err := srv.Serve(n.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("matrix.appservice.listen: %w", err)
	}
	return nil
}

// newLive makes the library's half.
func (n *Network) newLive(reg *appservice.Registration, in bridge.Receiver) (*live, error) {
	as := appservice.Create()
	as.HomeserverDomain = n.o.Domain
	as.Registration = reg
	as.Log = libraryLog(n.log)
	if err := as.SetHomeserverURL(n.o.HomeserverURL); err != nil {
		return nil, fmt.Errorf("matrix.homeserver.url: %w", err)
	}
	as.HTTPClient = n.client
	as.DefaultHTTPRetries = 0 // trying again is for those who keep the order (matrix.md 8)
	return &live{in: in, reg: reg, as: as}, nil
}

// pruneLoop forgets old rows.
func (n *Network) pruneLoop(ctx context.Context) {
	t := time.NewTicker(pruneEvery)
	defer t.Stop()
	for {
		if err := n.inbox.prune(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("old rows stay", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// look asks supervise to look at the homeserver now.
func (n *Network) look() {
	select {
	case n.suspect <- struct{}{}:
	default:
	}
}

// beginAgain is the least time between two beginnings of which the second rests on a
// failed call alone: each costs a look into the history of every room that is at work.
const beginAgain = 10 * time.Second

// supervise watches whether the homeserver is there and knows us, and tells the
// core of changes, which logs them.
func (n *Network) supervise(ctx context.Context, l *live) {
	var up, seen, failed bool // failed: a call did, which is why we look
	var last string
	for tries := 0; ctx.Err() == nil; {
		err := n.probe(ctx, l)
		if ctx.Err() != nil {
			return
		}
		wait, suspect := n.pace.health, n.suspect
		switch {
		case err == nil && !up:
			up, last, tries = true, "", 0
			l.in.State(true, "")
			if !seen {
				close(n.firstUp)
				seen = true
			}
			n.ghosts.kick()
			n.inbox.begins()
			n.inbox.wakeAll()
			n.ping(ctx, l)
		case err == nil && failed && n.inbox.age() >= beginAgain:
			n.inbox.begins() // it may have been away for less than a look
		case err != nil:
			if up {
				n.inbox.begins() // it may push again before we see that it is back
			}
			if up || err.Error() != last {
				l.in.State(false, err.Error())
			}
			up, last = false, err.Error()
			wait, suspect = backoff(n.pace.retryMin, n.pace.retryMax, tries), nil
			tries++
		}
		failed = false
		select {
		case <-ctx.Done():
		case <-suspect:
			failed = true
		case <-time.After(wait):
		}
	}
}

// ping has the homeserver call us, so that it pushes at once what it kept back
// while we were away (Synapse; Dendrite has no such call, matrix.md 12).
func (n *Network) ping(ctx context.Context, l *live) {
	if _, err := l.user(n.bot()).AppservicePing(ctx, l.reg.ID, "wtvgate"); err != nil {
		n.log.Debug("the homeserver cannot be asked to call us", "err", err)
	}
}

func (n *Network) bot() mid.UserID { return mid.NewUserID(n.o.Bot, n.o.Domain) }

// probe looks whether the homeserver answers and knows us. The error's text is
// for the operator.
func (n *Network) probe(ctx context.Context, l *live) error {
	me, err := l.user(n.bot()).Whoami(ctx)
	var he mautrix.HTTPError
	switch {
	case err == nil && me.UserID.Homeserver() != n.o.Domain:
		return fmt.Errorf("the homeserver's name is %s, but matrix.homeserver.domain says %s: correct it, make the registration anew and restart both",
			me.UserID.Homeserver(), n.o.Domain)
	case err == nil:
		return nil
	case errors.Is(err, mautrix.MUnknownToken), errors.Is(err, mautrix.MMissingToken):
		return fmt.Errorf("the homeserver does not know our registration: add %s to app_service_api.config_files (Dendrite) or app_service_config_files (Synapse) and restart it",
			n.o.Registration)
	case errors.Is(err, mautrix.MForbidden), errors.Is(err, mautrix.MExclusive):
		return fmt.Errorf("the homeserver has another version of our registration: give it %s as it is now and restart it", n.o.Registration)
	case errors.As(err, &he) && he.Response != nil:
		return fmt.Errorf("the homeserver at %s answers %s; trying again", n.o.HomeserverURL, he.Response.Status)
	default:
		return fmt.Errorf("the homeserver at %s cannot be reached: %w; trying again", n.o.HomeserverURL, unwrapAll(err))
	}
}

// unwrapAll is the innermost cause: the rest repeats the URL.
func unwrapAll(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
