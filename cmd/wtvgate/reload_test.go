package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"

	"wtvgate/bridge/config"
	"wtvgate/bridge/loopback"
	msnp "wtvgate/msnp/client"
	"wtvgate/wtvp/sec"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestReload(t *testing.T) {
	var log lines
	level := new(slog.LevelVar)
	cfg := demoConfig(t.TempDir(), sec.Key{1})
	g, err := openGateway(t.Context(), cfg, newLogger(&log, config.LogText, level), loopback.New(demoDomain, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		g.closePorts()
		if err := errors.Join(g.control.Close(t.Context()), g.close()); err != nil {
			t.Error(err)
		}
	}()
	next := cfg
	next.Log.Level, next.WTVP.AllowedNetworks = slog.LevelDebug, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	now := g.reload(cfg, level, func() (config.Config, error) { return next, nil })
	if s := log.String(); level.Level() != slog.LevelDebug || !strings.Contains(s, "level=DEBUG allowed_networks=1") || strings.Contains(s, "restart") {
		t.Errorf("level %v: %s", level.Level(), s)
	}
	next.Accounts.Domain = "other.example"
	now = g.reload(now, level, func() (config.Config, error) { return next, nil })
	if s := log.String(); !strings.Contains(s, "wait for a restart") || now.Accounts.Domain != cfg.Accounts.Domain {
		t.Errorf("a domain was reloaded: %s", s)
	}
	next.Log.Level = slog.LevelError
	if got := g.reload(now, level, func() (config.Config, error) { return next, errors.New("log.level: odd") }); level.Level() != slog.LevelDebug ||
		got.Log.Level != slog.LevelDebug || !strings.Contains(log.String(), `err="log.level: odd"`) {
		t.Errorf("a fault changed something: %s", log.String())
	}
}

// TestLogToGrep: a sign-in, a sign-out, a failure each are one line with the
// account in it, and no secret.
func TestLogToGrep(t *testing.T) {
	t.Chdir(t.TempDir())
	var log lines
	key := sec.Key{1, 2, 3, 4, 5, 6, 7, 8}
	g, stop := serveOn(t, demoConfig("data", key), slog.New(slog.NewTextHandler(&log, nil)))
	play(t, []step{
		{"account add alice@webtv.local", "", 0, "added"},
		{"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"},
	})
	wrong := func() error {
		_, err := msnp.SignIn(t.Context(), g.messengerPort.Addr().String(), msnp.Options{Address: "alice@webtv.local", CVR: msnp.BoxCVR(),
			Credential: msnp.Ticket("t=nonsense&p=")})
		return err
	}
	if err := wrong(); err == nil {
		t.Error("a wrong ticket signed in")
	}
	b := &demoBox{out: io.Discard, messenger: g.messengerPort.Addr().String(), passport: g.wtvpPorts.passport.Addr().String(), key: key}
	if err := b.signIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.ns.Close()
	stop()
	for what, line := range map[string]string{
		"sign-in":  `(?m)^.*msg="signed in" .*account=alice@webtv\.local .*dialect=MSNP8 `,
		"sign-out": `(?m)^.*msg="signed out" .*account=alice@webtv\.local `,
		"failure":  `(?m)^.*sign-in of \\"alice@webtv\.local\\" refused: wrong answer`,
	} {
		if n := len(regexp.MustCompile(line).FindAllString(log.String(), -1)); n != 1 {
			t.Errorf("%s: %d lines\n%s", what, n, log.String())
		}
	}
	if strings.Contains(log.String(), "nonsense") {
		t.Error("a ticket stands in the log")
	}
}

// serveOn runs a gateway; stop ends it and waits.
func serveOn(t *testing.T, cfg config.Config, log *slog.Logger) (g *gateway, stop func()) {
	t.Helper()
	g, err := openGateway(t.Context(), cfg, log, loopback.New(demoDomain, nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.run(ctx) }()
	return g, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stopping: %v", err)
		}
	}
}
