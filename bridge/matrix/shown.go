package matrix

import (
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// shown.go: how friends see the ghosts. It is told with each request of a feed,
// which the homeserver takes for a sign of life, and ends with it (matrix.md 9).

const (
	// presenceGap is the least time between two changes of how a ghost is shown: a
	// change goes to everybody who knows the ghost (lessons L28).
	presenceGap = 10 * time.Second
	// goodbyeTime bounds telling the homeserver that a box is gone: serve stops in 10 s.
	goodbyeTime = 2 * time.Second
)

// presenceOf is how a box is shown on Matrix. Whoever does not want it is never
// there.
func (n *Network) presenceOf(p bridge.Presence) event.Presence {
	if !n.o.ShowPresence {
		return event.PresenceOffline
	}
	switch p {
	case bridge.PresenceOnline:
		return event.PresenceOnline
	case bridge.PresenceIdle, bridge.PresenceAway, bridge.PresenceBusy:
		return event.PresenceUnavailable
	}
	return event.PresenceOffline
}

// shown is how one ghost is shown, and the request that says so.
type shown struct {
	mu      sync.Mutex
	now     event.Presence
	told    event.Presence // what was said outside of a request
	changed time.Time
	cut     context.CancelFunc // of the request that is under way
	timer   *time.Timer
}

// set changes it. A request that is under way is cut short, but not more often
// than every gap.
func (s *shown) set(p event.Presence, gap time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == p {
		return
	}
	s.now = p
	if s.timer == nil {
		s.timer = time.AfterFunc(max(0, gap-time.Since(s.changed)), s.tell)
	}
}

// tell cuts the request that is under way, so that the next one says it.
func (s *shown) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer, s.changed = nil, time.Now()
	if s.cut != nil {
		s.cut()
	}
}

// ask gives the context of a request.
func (s *shown) ask(ctx context.Context) (context.Context, context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, s.cut = context.WithCancel(ctx)
	return ctx, s.cut
}

// presence is how the feed's ghost is shown; one without feed is offline.
func (f *feed) presence() event.Presence {
	if f == nil {
		return event.PresenceOffline
	}
	f.shown.mu.Lock()
	defer f.shown.mu.Unlock()
	return f.shown.now
}

// presence is how an account's ghost is shown.
func (f *feeds) presence(a id.Account) event.Presence {
	f.mu.Lock()
	one := f.live[a]
	f.mu.Unlock()
	return one.presence()
}

// signedOut tells that the ghost is gone: Dendrite would show it as online for
// ever.
func (f *feed) signedOut(ctx context.Context) {
	was := f.presence()
	f.shown.mu.Lock()
	if f.shown.timer != nil {
		f.shown.timer.Stop()
	}
	f.shown.mu.Unlock()
	if was == event.PresenceOffline {
		return
	}
	f.put(context.WithoutCancel(ctx), event.PresenceOffline)
}

// tellShown says a change at once: a request alone shows it late on Synapse, and
// on Dendrite not when the last word was said otherwise [run].
func (f *feed) tellShown(ctx context.Context) {
	f.shown.mu.Lock()
	p := f.shown.now
	same := p == f.shown.told || p == event.PresenceOffline && f.shown.told == ""
	f.shown.told = p
	f.shown.mu.Unlock()
	if !same {
		f.put(ctx, p)
	}
}

func (f *feed) put(ctx context.Context, p event.Presence) {
	ctx, cancel := context.WithTimeout(ctx, goodbyeTime)
	defer cancel()
	c, err := f.client(ctx)
	if err == nil {
		err = c.SetPresence(ctx, mautrix.ReqPresence{Presence: p})
	}
	if err != nil {
		f.n.log.Debug("presence of a ghost not told", "account", f.account, "err", err)
	}
}

// client acts as the ghost, and as its device if it has one: a homeserver that
// merges devices would else believe the other one.
func (f *feed) client(ctx context.Context) (*mautrix.Client, error) {
	if f.n.encrypts() {
		if d, err := f.n.devices.of(ctx, f.account); err == nil {
			return d.client, nil
		}
	}
	_, c, err := f.n.ghost(f.account)
	return c, err
}
