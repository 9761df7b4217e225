package discord

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/discord/discordtest"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/puppets"
)

// patience is how long a test waits for what should happen.
const patience = 60 * time.Second

// quick is the pace of tests.
func quick() Pace {
	return Pace{Open: 10 * time.Second, Silence: time.Minute, RetryMin: 5 * time.Millisecond, RetryMax: 50 * time.Millisecond, Invalid: 5 * time.Millisecond,
		Echo: 100 * time.Millisecond, Clock: time.Hour, Grace: time.Hour, Flap: 50 * time.Millisecond, Absent: 200 * time.Millisecond,
		History: time.Millisecond, Answer: patience, Chore: 250 * time.Millisecond, OpenGap: 0}
}

// rig is a hub on a real store with the network, against the double.
type rig struct {
	t    *testing.T
	dir  string
	d    *discordtest.Server
	st   *store.Store
	hub  *bridge.Hub
	n    *Network
	log  *syncLog
	off  *clockShift
	stop func()
}

// clockShift moves our clock on.
type clockShift struct {
	mu sync.Mutex
	by time.Duration
}

func (c *clockShift) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *clockShift) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

// syncLog is a log that can be read while it is written, and that a test can wait
// for a line of.
type syncLog struct {
	mu   sync.Mutex
	b    strings.Builder
	more chan struct{}
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
	return l.b.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// changed is closed with the next line.
func (l *syncLog) changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more == nil {
		l.more = make(chan struct{})
	}
	return l.more
}

// options of a rig.
type rigOptions struct {
	double discordtest.Options
	change func(*Options)
	idle   bool // do not wait for the connection
}

// newRig starts the double, a guild and a gateway with three accounts.
func newRig(t *testing.T, change ...func(*rigOptions)) (*rig, *discordtest.Guild) {
	t.Helper()
	o := rigOptions{double: discordtest.Options{Limits: discordtest.Loose(), AnswerWithin: patience}}
	for _, c := range change {
		c(&o)
	}
	pprof.SetGoroutineLabels(pprof.WithLabels(t.Context(), pprof.Labels(rigLabel, t.Name())))
	d := discordtest.Start(t, o.double)
	g := d.AddGuild("WebTV Fans")
	r := &rig{t: t, dir: t.TempDir(), d: d, log: &syncLog{}, off: &clockShift{}}
	fresh, err := freshData()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range fresh {
		if err := os.WriteFile(filepath.Join(r.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.open(o)
	r.run(o)
	t.Cleanup(func() {
		r.close()
		r.noSecrets()
		if t.Failed() {
			t.Logf("log:\n%s", r.log)
		}
	})
	return r, g
}

// freshData is the files of a data folder with the tables and three accounts, made once: that
// takes longer than most tests.
var freshData = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "wtvgate-discord-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	st, err := store.Open(ctx, dir, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := upgrade(ctx, st.DB()); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	hub := bridge.NewHub(st, puppets.NewDirectory("webtv.local"), slog.New(slog.DiscardHandler), nil)
	for _, a := range []id.Account{alice, carol, dora} {
		err = errors.Join(err, hub.CreateAccount(ctx, bridge.NewAccount{Address: a}))
	}
	if err := errors.Join(err, st.Close()); err != nil {
		return nil, err
	}
	all := make(map[string][]byte)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if err == nil && e.Type().IsRegular() {
			all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name()))
		}
	}
	return all, err
})

// rigLabel marks the goroutines of a test, which those that they start inherit.
const rigLabel = "rig"

// goroutines counts those of this test: others run beside it.
func (r *rig) goroutines() (count int) {
	r.t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		r.t.Fatal(err)
	}
	for _, block := range strings.Split(b.String(), "\n\n") { // "3 @ 0x...", then its labels, then the stack
		var here int
		if _, err := fmt.Sscanf(strings.TrimSpace(block), "%d @", &here); err == nil && strings.Contains(block, fmt.Sprintf("%q:%q", rigLabel, r.t.Name())) {
			count += here
		}
	}
	if count == 0 {
		r.t.Fatal("no goroutine is found: the count shows nothing")
	}
	return count
}

// open makes a gateway on the data directory.
func (r *rig) open(o rigOptions) {
	r.t.Helper()
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if r.st, err = store.Open(context.Background(), r.dir, store.Options{Log: log}); err != nil {
		r.t.Fatal(err)
	}
	p := quick()
	opts := Options{Token: r.d.Token(), APIURL: r.d.URL(), AddressDomain: "discord.com", AccountDomain: "webtv.local",
		Seal: r.st.Seal, Unseal: r.st.Unseal, DB: r.st.DB(), Log: log, Now: r.off.now, Pace: &p,
		WaitingReaction: true, WaitingLine: true}
	if o.change != nil {
		o.change(&opts)
	}
	if r.n, err = New(opts); err != nil {
		r.t.Fatal(err)
	}
	r.hub = bridge.NewHub(r.st, puppets.NewDirectory("webtv.local"), log, nil)
	if err := r.hub.Add(r.n); err != nil {
		r.t.Fatal(err)
	}
}

// run starts it and waits until Discord has it.
func (r *rig) run(o rigOptions) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.hub.Run(ctx) }()
	r.stop = func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				r.t.Errorf("hub: %v", err)
			}
		case <-time.After(patience):
			r.t.Error("the hub does not stop")
		}
		r.stop = func() {}
	}
	if !o.idle {
		r.until("connected", func() bool { return r.hub.States()[0].Up && r.d.Connected() > 0 && len(r.d.Commands()) > 0 })
	}
}

// noSecrets is check 23, for everything that a test has done.
func (r *rig) noSecrets() {
	r.t.Helper()
	log := r.log.String()
	for _, s := range r.d.Secrets() {
		if strings.Contains(log, s) {
			r.t.Errorf("the log has the token %q", s)
		}
	}
}

// count is how many rows wait for an account.
func (r *rig) count(a id.Account) (c int) {
	if _, err := r.n.row(context.Background(), "count", `SELECT count(*) FROM inbox WHERE account = ? AND state = 'pending'`, []any{a}, &c); err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) close() {
	r.stop()
	if r.st != nil {
		if err := r.st.Close(); err != nil {
			r.t.Errorf("closing the store: %v", err)
		}
		r.st = nil
	}
}

// restart is another process on the same data.
func (r *rig) restart() {
	r.t.Helper()
	r.close()
	r.open(rigOptions{})
	r.run(rigOptions{})
}

// until waits for a condition on either side.
func (r *rig) until(what string, cond func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		more := r.log.changed()
		if cond() {
			return
		}
		step, done := context.WithTimeout(ctx, 20*time.Millisecond)
		select {
		case <-more:
		case <-step.Done():
		}
		done()
		if ctx.Err() != nil {
			r.t.Fatalf("timed out: %s\n%s", what, r.log)
		}
	}
}

// idle tells whether nothing waits to be sent.
func (r *rig) idle() bool {
	left, err := r.st.PendingConversations(context.Background())
	return err == nil && len(left) == 0
}

// soak is how many messages the long forms of tests use, from WTVGATE_SOAK; 0 when
// it is not set. 1 means as many as the reference asks for.
func soak() int {
	switch n, err := strconv.Atoi(os.Getenv("WTVGATE_SOAK")); {
	case err != nil || n <= 0:
		return 0
	case n == 1:
		return 3000
	default:
		return n
	}
}
