package box

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/loopback"
	"wtvgate/bridge/store"
	"wtvgate/bridge/store/storetest"
	"wtvgate/bridge/text"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/ns"
	"wtvgate/msnp/sb"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
	"wtvgate/puppets"
	wtvp "wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	wtvpserver "wtvgate/wtvp/server"
	"wtvgate/wtvp/service"
	"wtvgate/wtvp/service/pages"
)

// rig is a whole gateway on real TCP and a real store, with the loopback
// network and one the test speaks for.
type rig struct {
	t      *testing.T
	st     *store.Store
	hub    *bridge.Hub
	gw     *Gateway
	net    *testNet
	log    *syncLog
	key    sec.Key
	msnp   string // addresses
	wtvp   string
	boards *sb.Exchange
	cancel context.CancelFunc
}

// syncLog is a log that a test can wait for a line of.
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

// says waits for a text in the log.
func (l *syncLog) says(t *testing.T, want string) {
	t.Helper()
	for timeout := time.After(patience); ; {
		l.mu.Lock()
		found := strings.Contains(l.b.String(), want)
		if l.more == nil {
			l.more = make(chan struct{})
		}
		more := l.more
		l.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("the log does not say %q:\n%s", want, l)
		}
	}
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	echo = "echo@loopback.example"
	bob  = "bob@test.example"
)

// newRig starts a gateway with the accounts alice, carol and dora, each with a
// box whose SSID ends in the account's first letter.
func newRig(t *testing.T, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, log: &syncLog{}, net: newTestNet()}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if r.st, err = store.Open(t.Context(), storetest.Dir(t), store.Options{Log: log}); err != nil {
		t.Fatal(err)
	}
	r.hub = bridge.NewHub(r.st, puppets.NewDirectory("webtv.local"), log, nil)
	for _, n := range []bridge.Network{loopback.New("loopback.example", nil), r.net} {
		if err := r.hub.Add(n); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Hub: r.hub, Log: log, Flatten: FlattenFirstGeneration}
	for _, c := range change {
		c(&o)
	}
	r.gw = NewGateway(o)
	r.boards = sb.NewExchange(sb.Options{Logger: log})
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.gw.Start(ctx, r.boards)
	ms := server.New(server.Options{Backend: r.gw, Boards: r.boards, Services: []server.Service{ns.Service(), r.boards.Service()}, Logger: log})
	if r.key, err = sec.ParseKey("c2VjcmV0IT0="); err != nil {
		r.key = sec.Key{1, 2, 3, 4, 5, 6, 7, 8}
	}
	ws := wtvpserver.New(wtvpserver.Options{InitialKey: &r.key, Log: log})
	ws.Handle("wtv-passport", service.Passport(r.gw))
	ws.Handle(pages.Name, pages.New(pages.Options{Backend: r.gw.Pages(), InitialKey: &r.key, Latin: Latin}))
	var wg sync.WaitGroup
	r.msnp = r.listen(&wg, func(l net.Listener) error { return ms.Serve(ctx, l) })
	r.wtvp = r.listen(&wg, func(l net.Listener) error {
		if err := ws.Serve(ctx, l); !errors.Is(err, wtvpserver.ErrClosed) {
			return err
		}
		return nil
	})
	wg.Go(func() {
		if err := r.hub.Run(ctx); err != nil {
			t.Errorf("hub: %v", err)
		}
	})
	<-r.net.up
	t.Cleanup(func() {
		last, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := ms.Shutdown(last); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		cancel()
		wg.Wait()
		r.gw.Wait()
		if err := r.st.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
		if t.Failed() {
			t.Log(r.log.String())
		}
	})
	for _, name := range []string{"alice", "carol", "dora"} {
		if err := r.hub.CreateAccount(t.Context(), bridge.NewAccount{Address: acct(name), Box: &store.Box{SSID: ssid(name)}}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func acct(name string) id.Account { return id.Account(name + "@webtv.local") }
func ssid(name string) string     { return fmt.Sprintf("8100000000b002%02x", name[0]) }

func (r *rig) listen(wg *sync.WaitGroup, serve func(net.Listener) error) string {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	wg.Go(func() {
		if err := serve(l); err != nil {
			r.t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// credential has a box of that name ask messengerlogin.
func (r *rig) credential(name string) msnp.Credential {
	return func(ctx context.Context, challenge string) (string, error) {
		ident, err := wtvp.NewIdentity(r.key, ssid(name), 0)
		if err != nil {
			return "", err
		}
		c, err := wtvp.Dial(ctx, r.wtvp, ident)
		if err != nil {
			return "", err
		}
		defer c.Close()
		return c.MessengerLogin(ctx, challenge)
	}
}

// patience is when a test gives up waiting: far more than anything takes.
const patience = 20 * time.Second

// next is the next event of a kind; others are passed over.
func next[E msnp.Event](t *testing.T, events <-chan msnp.Event) E {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatalf("the connection ended while waiting for %T", *new(E))
			}
			if want, ok := e.(E); ok {
				return want
			}
		case <-timeout:
			t.Fatalf("no %T came", *new(E))
		}
	}
}

// becomes changes a friend's presence.
func (r *rig) becomes(who string, p bridge.Presence) {
	r.t.Helper()
	r.net.mu.Lock()
	r.net.seen[id.Remote(who)] = p
	r.net.mu.Unlock()
	r.receive(bridge.PresenceEvent{From: id.Remote(who), Presence: p})
}

func (r *rig) receive(e bridge.Event) {
	r.t.Helper()
	if err := r.net.in.Receive(r.t.Context(), e); err != nil {
		r.t.Fatal(err)
	}
}

// writes has bob write to an account.
func (r *rig) writes(to, body string) {
	r.t.Helper()
	r.net.mu.Lock()
	r.net.n++
	n := r.net.n
	r.net.mu.Unlock()
	r.receive(bridge.MessageEvent{Event: id.Event(fmt.Sprint("$", n)), Account: acct(to), From: "bob", Name: "Bob",
		Text: text.Content{Body: body}, Time: time.Now()})
}

// asked waits for the network's next call.
func (r *rig) asked(want ...string) {
	r.t.Helper()
	for _, w := range want {
		select {
		case got := <-r.net.calls:
			if got != w {
				r.t.Fatalf("the network was asked to %q, want %q", got, w)
			}
		case <-time.After(patience):
			r.t.Fatalf("the network was not asked to %q", w)
		}
	}
}

// refused wants an error of the protocol.
func refused(t *testing.T, err error, codes ...int) {
	t.Helper()
	var we *wire.Error
	if !errors.As(err, &we) || !slices.Contains(codes, we.Code) {
		t.Fatalf("got %v, want error %v", err, codes)
	}
}
