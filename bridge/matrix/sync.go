package matrix

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// sync.go: what a ghost asks the homeserver for, because it is not pushed:
// keys, typing, presence and, on Dendrite, redactions (matrix.md 5.3). While its
// box is signed in a ghost asks all the time, else now and then.

const (
	// pollTime is how long the homeserver may keep a request when there is
	// nothing: within requestTimeout, with room for an answer.
	pollTime = 20 * time.Second
	// maxOnce bounds the requests of one look: Synapse gives 100 keys each.
	maxOnce = 20
	// maintenance is how often a ghost looks whose box is signed out: its one-time
	// keys are used up meanwhile (matrix.md 5.3).
	maintenance = 6 * time.Hour
	// maintenanceRetry is the wait after a look that failed.
	maintenanceRetry = time.Minute
	// idleSweep is how often is looked for work that nobody announced.
	idleSweep = time.Minute
	// typingRepeat is how often a friend's typing is told again while it lasts, as
	// clients show it for some seconds only; maxTypingRepeats ends it when no word
	// comes (matrix.md 10).
	typingRepeat     = 5 * time.Second
	maxTypingRepeats = 12
)

// syncFilter asks for what is not pushed and for nothing else.
const syncFilter = `{"account_data":{"types":[]},"presence":{"types":["m.presence"]},"room":{"account_data":{"types":[]},` +
	`"state":{"types":[]},"ephemeral":{"types":["m.typing"]},"timeline":{"types":["m.room.redaction"],"limit":20}}}`

// feeds has the ghosts that ask all the time, and the work of those that do not.
type feeds struct {
	n    *Network
	poll *http.Client
	wake chan struct{}

	mu   sync.Mutex
	want map[id.Account]event.Presence // whose box is signed in, and how it is shown
	live map[id.Account]*feed
	ctx  context.Context // of run; nil before and after
	wg   sync.WaitGroup
}

// feed is one ghost that asks all the time.
type feed struct {
	n       *Network
	account id.Account
	cancel  context.CancelFunc
	up      atomic.Bool // it has asked once: nothing from before is missing
	shown   shown
	since   string // without encryption; a device has its own

	mu     sync.Mutex
	typing map[string]*typist // friends who write, by room
}

func newFeeds(n *Network) *feeds {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: maxPolls, IdleConnTimeout: time.Minute}
	return &feeds{n: n, wake: make(chan struct{}, 1), want: make(map[id.Account]event.Presence), live: make(map[id.Account]*feed),
		poll: &http.Client{Timeout: pollTime + requestTimeout, Transport: t, CheckRedirect: n.client.CheckRedirect}}
}

// maxPolls is how many idle connections to the homeserver are kept for asking:
// one for each box that may be signed in on a busy gateway.
const maxPolls = 1024

// Attending implements bridge.Attendant.
func (n *Network) Attending(a id.Account, signedIn bool, p bridge.Presence) {
	n.feeds.set(a, signedIn, n.presenceOf(p))
}

// set notes whether an account's box is signed in, and how it is shown.
func (f *feeds) set(a id.Account, on bool, p event.Presence) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !on {
		delete(f.want, a)
		if one := f.live[a]; one != nil {
			one.cancel()
			delete(f.live, a)
		}
		return
	}
	f.want[a] = p
	f.start(a)
	if one := f.live[a]; one != nil {
		one.shown.set(p, f.n.pace.presence)
	}
}

// start begins a feed if it is wanted and none is there. The caller holds mu.
func (f *feeds) start(a id.Account) {
	if f.ctx == nil || f.live[a] != nil {
		return
	}
	ctx, cancel := context.WithCancel(f.ctx)
	one := &feed{n: f.n, account: a, cancel: cancel, typing: make(map[string]*typist)}
	one.shown.now = f.want[a]
	f.live[a] = one
	f.wg.Go(func() { one.run(ctx) })
}

// running tells whether a ghost's feed has what was there when it began.
func (f *feeds) running(a id.Account) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.live[a]
	return one != nil && one.up.Load()
}

// unread notes that a message waits for its key.
func (f *feeds) unread() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run keeps the feeds and does the work of the ghosts that have none, until ctx
// ends.
func (f *feeds) run(ctx context.Context) {
	f.mu.Lock()
	f.ctx = ctx
	for a := range f.want {
		f.start(a)
	}
	f.mu.Unlock()
	if f.n.encrypts() {
		f.work(ctx)
	}
	<-ctx.Done()
	f.mu.Lock()
	f.ctx = nil
	clear(f.live) // their context is over
	f.mu.Unlock()
	f.wg.Wait()
}

// work looks after messages without keys and ghosts without feeds.
func (f *feeds) work(ctx context.Context) {
	if err := f.n.exec(ctx, "plan the first look", `UPDATE matrix_devices SET next_sync = 0`); err != nil {
		f.n.log.Error("ghosts look for keys later than they should", "err", err)
	}
	for ctx.Err() == nil {
		wait, err := f.n.sweepUnread(ctx)
		if err == nil {
			err = f.maintain(ctx)
		}
		if err != nil && ctx.Err() == nil {
			f.n.log.Warn("upkeep of encryption has to wait", "err", err)
		}
		if wait <= 0 || wait > f.n.pace.sweep {
			wait = f.n.pace.sweep
		}
		select {
		case <-ctx.Done():
		case <-f.wake:
		case <-time.After(wait):
		}
	}
}

// maintain has every ghost look whose time it is.
func (f *feeds) maintain(ctx context.Context) error {
	for ctx.Err() == nil {
		a, err := f.due(ctx)
		if err != nil || a == "" {
			return err
		}
		next := f.n.pace.maintenance + rand.N(f.n.pace.maintenance/4+1)
		if !f.running(a) {
			d, err := f.n.devices.of(ctx, a)
			if err == nil {
				err = d.syncOnce(ctx)
			}
			if err != nil {
				f.n.log.Debug("a ghost could not look for keys", "account", a, "err", err)
				next = maintenanceRetry
			}
		}
		if err := f.n.exec(ctx, "plan the next look", `UPDATE matrix_devices SET next_sync = ? WHERE account = ?`, f.n.now().Add(next).UnixMilli(), a); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// due is the account whose ghost has to look; "" for none.
func (f *feeds) due(ctx context.Context) (a id.Account, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = f.n.db.QueryRowContext(ctx, `SELECT coalesce((SELECT account FROM matrix_devices WHERE ready = 1 AND next_sync <= ? ORDER BY next_sync LIMIT 1), '')`,
		f.n.now().UnixMilli()).Scan(&a)
	if err != nil {
		return "", fmt.Errorf("matrix: find ghosts that have to look: %w", err)
	}
	return a, nil
}

// run asks until ctx ends.
func (f *feed) run(ctx context.Context) {
	defer f.signedOut(ctx)
	defer f.stopTyping()
	for tries := 0; ctx.Err() == nil; {
		wait := pollTime
		if !f.up.Load() {
			wait = 0
		}
		f.tellShown(ctx)
		asking, done := f.shown.ask(ctx)
		err := f.ask(asking, wait)
		cut := asking.Err() != nil && ctx.Err() == nil // to be shown otherwise
		done()
		if cut {
			continue
		}
		if err == nil {
			f.up.Store(true)
			tries = 0
			continue
		}
		if ctx.Err() == nil && tries == 0 {
			f.n.log.Debug("a ghost cannot ask the homeserver", "account", f.account, "err", err)
		}
		if sleep(ctx, backoff(f.n.pace.retryMin, f.n.pace.retryMax, tries)) != nil {
			return
		}
		tries++
	}
}

// ask asks once and gives what came its effect.
func (f *feed) ask(ctx context.Context, wait time.Duration) error {
	if f.n.encrypts() {
		d, err := f.n.devices.of(ctx, f.account)
		if err == nil {
			_, err = d.sync(ctx, wait, f)
		}
		if !errors.Is(err, errNoDevices) {
			return err
		}
	}
	_, c, err := f.n.ghost(f.account)
	if err != nil {
		return err
	}
	resp, err := f.n.feeds.request(ctx, c, wait, f.since, f.presence())
	if err != nil {
		return f.n.askFailed(err, func() error { f.since = ""; return nil })
	}
	f.n.fed(ctx, f, resp)
	f.since = resp.NextBatch
	return nil
}

// request is one sync, which also shows the ghost as p: without that it would be
// online for it (matrix.md 9).
func (f *feeds) request(ctx context.Context, c *mautrix.Client, wait time.Duration, since string, p event.Presence) (*mautrix.RespSync, error) {
	return c.FullSyncRequest(ctx, mautrix.ReqSync{Timeout: int(wait.Milliseconds()), Since: since, FilterID: syncFilter,
		SetPresence: p, Client: f.poll})
}

// askFailed reads the error of a sync. A place in the stream that the homeserver
// does not know is given up.
func (n *Network) askFailed(err error, restart func() error) error {
	verdict := n.judge(err, textRefused)
	if permanent(verdict) && !errors.Is(err, mautrix.MForbidden) {
		return errors.Join(verdict, restart())
	}
	return verdict
}

// syncOnce takes what the homeserver has for the device, without waiting.
func (d *device) syncOnce(ctx context.Context) error {
	for range maxOnce {
		count, err := d.sync(ctx, 0, nil)
		if err != nil {
			return err
		}
		if count == 0 {
			return nil
		}
	}
	return nil // the rest at the next look
}

// sync asks once as the device, and tells how many keys came. Two at a time do
// no harm: what comes twice is recognised, and one of them moves on.
func (d *device) sync(ctx context.Context, wait time.Duration, f *feed) (count int, err error) {
	d.syncing.Lock()
	since := d.row.since
	d.syncing.Unlock()
	resp, err := d.n.feeds.request(ctx, d.client, wait, since, f.presence())
	if errors.Is(err, mautrix.MUnknownToken) {
		d.n.devices.drop(d.account) // the next use asks for another
		return 0, d.n.judge(err, textNoDevices)
	} else if err != nil {
		return 0, d.n.askFailed(err, func() error { return d.moveTo(ctx, since, "") })
	}
	d.syncing.Lock()
	defer d.syncing.Unlock()
	if err := d.take(ctx, resp, since); err != nil {
		return 0, err
	}
	d.n.fed(ctx, f, resp)
	if d.row.since != since {
		return len(resp.ToDevice.Events), nil
	}
	if err := d.setSince(ctx, resp.NextBatch); err != nil {
		return 0, err
	}
	return len(resp.ToDevice.Events), nil
}

// take gives keys and device lists to the library, before the place in the
// stream is stored: after a crash they come again.
func (d *device) take(ctx context.Context, resp *mautrix.RespSync, since string) (err error) {
	defer func() {
		if p := recover(); p != nil { // what strangers send must not end the process
			d.n.log.Error("keys that cannot be read are skipped", "account", d.account, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if err := d.countKeys(ctx, resp); err != nil {
		return err
	}
	d.mach.ProcessSyncResponse(context.WithoutCancel(ctx), resp, since)
	if fallbackUsed(resp) {
		if err := d.offerFallback(ctx, d.mach); err != nil {
			d.n.log.Warn("a ghost has no fallback key", "account", d.account, "err", err)
		}
	}
	return nil
}

// moveTo changes the place in the stream unless another has done so.
func (d *device) moveTo(ctx context.Context, from, to string) error {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	if d.row.since != from {
		return nil
	}
	return d.setSince(ctx, to)
}

// setSince stores the place in the stream. The caller holds syncing.
func (d *device) setSince(ctx context.Context, since string) error {
	if since == d.row.since {
		return nil
	}
	d.row.since = since
	return d.n.exec(ctx, "store place", `UPDATE matrix_devices SET since = ? WHERE account = ?`, since, d.account)
}
