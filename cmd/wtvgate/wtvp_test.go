package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"wtvgate/bridge/config"
	"wtvgate/bridge/loopback"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
	wtvp "wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	wtvpserver "wtvgate/wtvp/server"
	"wtvgate/wtvp/service"
)

// sharedLog is a log that the gateway writes while a test reads it.
type sharedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *sharedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *sharedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startWith runs a gateway with a changed configuration, in the test's folder.
func startWith(t *testing.T, change func(*config.Config)) (*gateway, *sharedLog) {
	t.Helper()
	cfg, log := demoConfig("data", sec.Key{1, 2, 3, 4, 5, 6, 7, 8}), new(sharedLog)
	change(&cfg)
	g, err := openGateway(t.Context(), cfg, slog.New(slog.NewTextHandler(log, nil)), loopback.New(demoDomain, nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return g, log
}

// standalone is wtvp.mode: standalone on free ports.
func standalone(cfg *config.Config) {
	cfg.WTVP.Mode, cfg.WTVP.InitialSharedKey = config.Standalone, nil
	const free = "127.0.0.1:0"
	cfg.WTVP.Preregister.Listen, cfg.WTVP.HeadWaiter.Listen = free, free
}

// powerOn signs a box on, from the only address that it knows.
func powerOn(t *testing.T, g *gateway, ssid string, o wtvp.Options) *wtvp.Box {
	t.Helper()
	b, err := wtvp.SignOn(t.Context(), g.wtvpPorts.preregister.Addr().String(), wtvp.NewBox(ssid), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// chat has a signed-on box talk with the friend who repeats what she hears.
func chat(t *testing.T, b *wtvp.Box, address, said string) {
	t.Helper()
	at, as, ok := b.Messenger()
	if !ok || as != address {
		t.Fatalf("the service says %s, %s, %v; want %s", at, as, ok, address)
	}
	talkTo(t, at, address, b.MessengerLogin, said)
}

// talkTo signs in to Messenger and talks.
func talkTo(t *testing.T, at, address string, credential msnp.Credential, said string) {
	t.Helper()
	ns, err := msnp.SignIn(t.Context(), at, msnp.Options{Address: address, CVR: msnp.BoxCVR(), Dialects: []wire.Dialect{wire.MSNP6}, Credential: credential})
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	d := &demoBox{out: io.Discard, ns: ns}
	if err := ns.SetStatus(t.Context(), wire.Online); err != nil {
		t.Fatal(err)
	}
	for _, l := range []wire.List{wire.Forward, wire.Allow} {
		var refused *wire.Error
		if _, err := ns.Add(t.Context(), l, demoFriend, demoFriend, -1); err != nil && !errors.As(err, &refused) { // 215 the second time
			t.Fatal(err)
		}
	}
	talk, err := d.open(t.Context(), demoFriend)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.exchange(t.Context(), talk, said); err != nil {
		t.Fatal(err)
	}
}

// TestStandalone is the whole way of a box that knows nothing but 10.0.0.1:1615:
// preregister, head waiter, SECURE ON, home page, messengerlogin, a conversation;
// then relogin, reconnect, and the same once more with the ticket it has.
func TestStandalone(t *testing.T) {
	for name, o := range map[string]wtvp.Options{"box": {}, "simulator": {Late: true}} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			g, log := startWith(t, standalone)
			play(t, []step{
				{"account add alice@webtv.local", "", 0, "added"},
				{"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"},
			})
			var secured int
			o.Trace = func(_ byte, line string) {
				if strings.HasPrefix(line, "SECURE ON") {
					secured++
				}
			}
			b := powerOn(t, g, demoSSID, o)
			if want := 2; !o.Late && secured != want { // head waiter and home
				t.Errorf("%d secured connections, want %d", secured, want)
			}
			for name, want := range map[string]string{"wtv-messenger-authorized": "1", "wtv-messenger-enable": "1", "wtv-user-name": "alice",
				"wtv-domain": "webtv.local", "passport-domain": "webtv.local", "wtv-messenger-login-url": "wtv-passport:/messengerlogin",
				"wtv-messenger-connect-timeout": "480", "wtv-messenger-retry-interval": "40", "wtv-messenger-passportd-timeout": "480",
				"wtv-messenger-open-conversation-timeout": "480", "wtv-human-name": "Alice", "user-id": "1", "wtv-home-url": "wtv-home:/home?"} {
				if got := b.Value(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			chat(t, b, "alice@webtv.local", "Hello from my TV!")
			ticket := b.Value("wtv-ticket")
			if err := b.Relogin(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := b.Reconnect(t.Context()); err != nil {
				t.Fatal(err)
			}
			if now := b.Value("wtv-ticket"); now == ticket || now == "" {
				t.Error("the ticket was not renewed")
			}
			chat(t, b, "alice@webtv.local", "Here I am again.")
			for _, secret := range []string{ticket, b.Value("wtv-challenge"), b.Value("wtv-initial-key")} {
				if secret == "" || strings.Contains(log.String(), secret) {
					t.Errorf("%q stands in the log, or there is none", secret)
				}
			}
		})
	}
}

// TestStandaloneAfterARestart: a box that was left on needs nobody's memory but
// its own ticket.
func TestStandaloneAfterARestart(t *testing.T) {
	t.Chdir(t.TempDir())
	places := map[string]string{}
	var mu sync.Mutex
	o := wtvp.Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if now := places[addr]; now != "" {
			addr = now
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	var b *wtvp.Box
	var before wtvpPorts
	t.Run("before", func(t *testing.T) {
		g, _ := startWith(t, standalone)
		play(t, []step{{"account add alice@webtv.local", "", 0, "added"},
			{"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"}})
		var err error
		b, err = wtvp.SignOn(t.Context(), g.wtvpPorts.preregister.Addr().String(), wtvp.NewBox(demoSSID), o)
		if err != nil {
			t.Fatal(err)
		}
		before = g.wtvpPorts
	})
	defer b.Close()
	g, _ := startWith(t, standalone)
	mu.Lock()
	for i, l := range before.all() {
		places[l.Addr().String()] = g.wtvpPorts.all()[i].Addr().String()
	}
	mu.Unlock()
	if err := b.Relogin(t.Context()); err != nil {
		t.Fatal(err)
	}
	chat(t, b, "alice@webtv.local", "Back.")
}

// TestStandaloneUsers: two users of one box have an account each, and neither gets
// the other's credential.
func TestStandaloneUsers(t *testing.T) {
	t.Chdir(t.TempDir())
	g, _ := startWith(t, standalone)
	play(t, []step{
		{"account add mum@webtv.local", "", 0, "added"}, {"account link-box mum@webtv.local --ssid " + demoSSID, "", 0, "signs in"},
		{"account add son@webtv.local", "", 0, "added"}, {"account link-box son@webtv.local --ssid " + demoSSID + " --user-id 1", "", 0, "signs in"},
	})
	_, err := wtvp.SignOn(t.Context(), g.wtvpPorts.preregister.Addr().String(), wtvp.NewBox(demoSSID), wtvp.Options{})
	if !errors.Is(err, wtvp.ErrNotSignedOn) {
		t.Fatalf("a box whose user did not choose: %v", err)
	}
	for i, name := range []string{"mum@webtv.local", "son@webtv.local"} {
		b := powerOn(t, g, demoSSID, wtvp.Options{Choose: func(page string) string {
			if !strings.Contains(page, name) {
				t.Errorf("%s is not on the page:\n%s", name, page)
			}
			return fmt.Sprintf("wtv-head-waiter:/login-stage-two?user=%d", i)
		}})
		chat(t, b, name, "It is "+name)
		other := []string{"son@webtv.local", "mum@webtv.local"}[i]
		if _, err := msnp.SignIn(t.Context(), g.messengerPort.Addr().String(), msnp.Options{Address: other, Credential: b.MessengerLogin}); err == nil {
			t.Errorf("%s signed in as %s", name, other)
		}
	}
}

// dribble is a connection that sends what it is given in pieces of all sizes.
type dribble struct {
	net.Conn
	next int
}

func (d *dribble) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		d.next = d.next*5%97 + 1
		var m int
		m, err = d.Conn.Write(p[:min(d.next, len(p))])
		n, p = n+m, p[m:]
	}
	return n, err
}

// TestStandaloneInPieces: no step of a sign-in depends on how TCP cuts it.
func TestStandaloneInPieces(t *testing.T) {
	t.Chdir(t.TempDir())
	g, _ := startWith(t, standalone)
	play(t, []step{{"account add alice@webtv.local", "", 0, "added"}, {"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"}})
	for seed := range 5 {
		b := powerOn(t, g, demoSSID, wtvp.Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &dribble{Conn: c, next: seed}, err
		}})
		chat(t, b, "alice@webtv.local", fmt.Sprint("Piece by piece ", seed))
	}
}

// TestStandaloneFirstBox: a box that nobody knows chooses its address on the home
// page, and no other gets it.
func TestStandaloneFirstBox(t *testing.T) {
	t.Chdir(t.TempDir())
	g, _ := startWith(t, func(cfg *config.Config) {
		standalone(cfg)
		cfg.Accounts.Registration = config.FirstBox
	})
	b := powerOn(t, g, demoSSID, wtvp.Options{})
	if _, _, ok := b.Messenger(); ok {
		t.Error("Messenger is on before there is an address")
	}
	home := func(b *wtvp.Box) string {
		t.Helper()
		resp, err := b.Get(t.Context(), service.HomeURL)
		if err != nil || !resp.Encrypted {
			t.Fatalf("%v", err)
		}
		return string(resp.Body)
	}
	if body := home(b); !strings.Contains(body, `action="wtv-home:/choose-name"`) || !strings.Contains(body, "@webtv.local") {
		t.Errorf("the home page has no form:\n%s", body)
	}
	refused := func(b *wtvp.Box, form, text string) {
		t.Helper()
		var se *wtvp.StatusError
		if _, err := b.Post(t.Context(), "wtv-home:/choose-name", []byte(form)); !errors.As(err, &se) || se.Status != 400 || se.Text != text {
			t.Errorf("%q: got %v, want 400 %s", form, err, text)
		}
	}
	for _, bad := range []string{"", "name=", "name=%zz", "x=alice", "name=" + strings.Repeat("a", 33),
		"x=" + strings.Repeat("a", 1<<10) + "&name=alice"} { // what is beyond 1 KiB of a form is not read

		refused(b, bad, service.TextBadName)
	}
	for _, bad := range []string{"name=a%20b", "name=<b>", "name=a@b", "name=.a", "name=caf%C3%A9"} {
		refused(b, bad, "This cannot be a Messenger address. Please choose letters and digits.")
	}
	if resp, err := b.Post(t.Context(), "wtv-home:/choose-name", []byte("name=+Alice")); err != nil || !strings.Contains(string(resp.Body), "<b>alice@webtv.local</b>") {
		t.Fatalf("choosing: %v", err)
	}
	chat(t, b, "alice@webtv.local", "I have an address.")
	if resp, err := b.Post(t.Context(), "wtv-home:/choose-name", []byte("name=bob")); err != nil || !strings.Contains(string(resp.Body), "alice@webtv.local") {
		t.Errorf("choosing twice: %v", err)
	}
	other := powerOn(t, g, "8100000000b0024e", wtvp.Options{})
	refused(other, "name=alice", "Somebody has this address already. Please choose another one.")
	if _, err := msnp.SignIn(t.Context(), g.messengerPort.Addr().String(), msnp.Options{Address: "alice@webtv.local", Credential: other.MessengerLogin}); err == nil {
		t.Error("another box signed in as alice")
	}
	if body := home(other); !strings.Contains(body, "choose-name") {
		t.Error("the other box has got an account")
	}
}

// TestStandaloneClosed: a box without an account is told its number, and that is
// what the operator needs.
func TestStandaloneClosed(t *testing.T) {
	t.Chdir(t.TempDir())
	g, _ := startWith(t, standalone)
	b := powerOn(t, g, demoSSID, wtvp.Options{})
	resp, err := b.Get(t.Context(), service.HomeURL)
	if err != nil || !strings.Contains(string(resp.Body), "<b>"+demoSSID+"</b>") || strings.Contains(string(resp.Body), "choose-name") {
		t.Errorf("%v\n%s", err, resp.Body)
	}
	if b.Value("wtv-messenger-authorized") != "0" || b.Value("wtv-messenger-enable") != "0" {
		t.Error("Messenger is on")
	}
	var se *wtvp.StatusError
	if _, err := b.Post(t.Context(), "wtv-home:/choose-name", []byte("name=alice")); !errors.As(err, &se) || se.Status != 500 {
		t.Errorf("choosing a name: %v", err)
	}
	play(t, []step{{"account add alice@webtv.local", "", 0, "added"}, {"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"}})
	if err := b.Relogin(t.Context()); err != nil {
		t.Fatal(err)
	}
	chat(t, b, "alice@webtv.local", "Linked.")
}

// TestStandaloneNamesItsBoxes: a ticket of our own opens for its box alone.
func TestStandaloneNamesItsBoxes(t *testing.T) {
	t.Chdir(t.TempDir())
	g, log := startWith(t, standalone)
	ident := wtvp.NewBox("8100000000b0024e")
	b, err := wtvp.SignOn(t.Context(), g.wtvpPorts.preregister.Addr().String(), ident, wtvp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	ident.SSID = demoSSID
	c, err := wtvp.Dial(t.Context(), g.wtvpPorts.passport.Addr().String(), ident)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	resp, err := c.Get(t.Context(), wtvp.LoginURL+"?1.1")
	if err != nil || resp.Status != 500 || resp.Text != wtvpserver.TextSignOn || resp.Header.Value("wtv-visit") == "" {
		t.Errorf("%+v, %v", resp, err)
	}
	if want := "the ticket of another box, 8100000000b0024e"; !strings.Contains(log.String(), want) {
		t.Errorf("the log does not say %q", want)
	}
}

func TestServiceList(t *testing.T) {
	t.Chdir(t.TempDir())
	g, _ := startWith(t, standalone)
	b := powerOn(t, g, demoSSID, wtvp.Options{})
	for name, l := range map[string]net.Listener{"wtv-1800": g.wtvpPorts.preregister, "wtv-head-waiter": g.wtvpPorts.headWaiter,
		"wtv-home": g.wtvpPorts.headWaiter, "wtv-passport": g.wtvpPorts.passport, "wtv-mail": g.wtvpPorts.headWaiter} {
		if p, ok := b.Place(name); !ok || p.Addr != l.Addr().String() {
			t.Errorf("%s is at %v, %v; want %s", name, p, ok, l.Addr())
		}
	}
	var se *wtvp.StatusError
	if _, err := b.Get(t.Context(), "wtv-mail:/listmail"); !errors.As(err, &se) || se.Text != wtvpserver.TextElsewhere {
		t.Errorf("a service that is not there: %v", err)
	}
	list := serviceList(g.wtvpPorts, []boxService{{name: "wtv-setup", flags: 0x10, connections: 3}})
	if got := list[len(list)-1]; got != (service.Listed{Name: "wtv-setup", Port: portOf(g.wtvpPorts.headWaiter), Flags: 0x10, Connections: 3}) {
		t.Errorf("one more service is listed as %+v", got)
	}
}
