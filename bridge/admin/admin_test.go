package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/store"
	"wtvgate/puppets"
)

// open makes an operator on an empty store and a control door for it.
func open(t *testing.T) (dir string, h handle, log *bytes.Buffer) {
	t.Helper()
	dir = t.TempDir()
	st, err := store.Open(t.Context(), dir, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	log = &bytes.Buffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	o := &Operator{Hub: bridge.NewHub(st, puppets.NewDirectory("webtv.local"), logger, nil)}
	c, err := OpenControl(dir, o, logger)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Serve() }()
	t.Cleanup(func() {
		if err := errors.Join(c.Close(t.Context()), <-done, st.Close()); err != nil && !errors.Is(err, t.Context().Err()) {
			t.Error(err)
		}
	})
	b, err := os.ReadFile(filepath.Join(dir, controlFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &h); err != nil {
		t.Fatal(err)
	}
	return dir, h, log
}

func TestControlFileIsItsOwnersAlone(t *testing.T) {
	dir, h, _ := open(t)
	info, err := os.Stat(filepath.Join(dir, controlFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	host, _, err := net.SplitHostPort(h.Address)
	if err != nil || host != "127.0.0.1" || len(h.Token) != 64 {
		t.Errorf("handle %+v, %v", h, err)
	}
}

func TestCall(t *testing.T) {
	dir, h, log := open(t)
	text, err := Call(t.Context(), dir, Request{Verb: AccountAdd, Account: "alice@webtv.local", Password: "hunter22"})
	if err != nil || !strings.HasPrefix(text, "added alice@webtv.local") {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Call(t.Context(), dir, Request{Verb: AccountAdd, Account: "alice@webtv.local"}); err == nil || err.Error() != "the account alice@webtv.local exists already" {
		t.Errorf("again: %v", err)
	}
	if _, err := Call(t.Context(), dir, Request{Verb: "account.fly", Account: "alice@webtv.local"}); err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("an unknown verb: %v", err)
	}
	if strings.Contains(log.String(), "hunter22") || strings.Contains(log.String(), h.Token) {
		t.Errorf("a secret stands in the log: %s", log)
	}
	if !strings.Contains(log.String(), "verb=account.add") {
		t.Errorf("the log does not say what the operator did: %s", log)
	}
}

func TestControlRefusesStrangers(t *testing.T) {
	_, h, _ := open(t)
	post := func(token, body string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.Address+"/v1/do", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	list := `{"verb":"account.list"}`
	for name, c := range map[string]struct {
		token, body string
		want        int
	}{
		"right":    {"Bearer " + h.Token, list, 200},
		"none":     {"", list, 401},
		"wrong":    {"Bearer " + strings.Repeat("0", 64), list, 401},
		"garbage":  {"Bearer " + h.Token, "{", 400},
		"unknown":  {"Bearer " + h.Token, `{"verb":"account.list","colour":"red"}`, 400},
		"too long": {"Bearer " + h.Token, `{"name":"` + strings.Repeat("x", maxRequest) + `"}`, 400},
	} {
		if got := post(c.token, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestNoGateway(t *testing.T) {
	dir := t.TempDir()
	if _, err := Call(t.Context(), dir, Request{Verb: AccountList}); !errors.Is(err, ErrNoGateway) {
		t.Errorf("no file: %v", err)
	}
	// A gateway that was killed leaves its file; the port is nobody's, or
	// somebody else's.
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := writeHandle(filepath.Join(dir, controlFile), handle{Address: dead.Addr().String(), Token: "x"}); err != nil {
		t.Fatal(err)
	}
	dead.Close()
	if _, err := Call(t.Context(), dir, Request{Verb: AccountList}); !errors.Is(err, ErrNoGateway) {
		t.Errorf("a dead port: %v", err)
	}
	if err := writeHandle(filepath.Join(dir, controlFile), handle{Address: "192.0.2.1:80", Token: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Call(t.Context(), dir, Request{Verb: AccountList}); err == nil || !strings.Contains(err.Error(), "not this machine") {
		t.Errorf("a foreign address: %v", err)
	}
}

// TestTraceOfWhatWasSetAside: it was not written to the box, and the operator is told
// where it is.
func TestTraceOfWhatWasSetAside(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.Local)
	var b strings.Builder
	writeStep(&b, nil, bridge.Step{Number: 7, Account: "alice@webtv.local", Peer: "bob@echo.example", Network: "loopback", Kind: "message",
		Event: "$1", State: store.Folded, Sent: at, Stored: at.Add(time.Second), Changed: at.Add(time.Minute)})
	want := "in-7  message  bob@echo.example to alice@webtv.local from loopback\n" +
		"  2026-05-01 12:00:00.000  written by the friend  $1\n" +
		"  2026-05-01 12:00:01.000  stored                 after 1s\n" +
		"  2026-05-01 12:01:00.000  set aside              after 59s, until the owner asks the helper for more\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
