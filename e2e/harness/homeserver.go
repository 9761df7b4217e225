// Package harness has the parts of the end-to-end tests: a real homeserver, the
// real gateway, a simulated box and a friend. Each belongs to one test, says on
// failure what it logged, and is gone when the test ends.
package harness

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Domain is the homeserver's name.
const Domain = "hs.test"

// Wait is how long the tests wait for anything that should happen: far longer
// than it takes on a busy machine.
const Wait = 60 * time.Second

const sharedSecret = "test-only"

// Homeserver is a homeserver of its own on a port of its own: Dendrite, or
// Synapse where the environment names it. Its data outlives Stop, Kill and Start.
type Homeserver struct {
	URL string

	// Presence has it tell presence, which Dendrite has switched off as it comes.
	// Set it before Configure; for restarts of Dendrite see startTries.
	Presence bool
	// Limits has it limit how much users may do, as it comes. Without, tests do not
	// wait. Set it before Configure.
	Limits bool

	t    testing.TB
	kind kind
	dir  string
	port int
	proc *process
}

// kind is what the homeservers differ in.
type kind interface {
	// prepare makes the folder that all of the homeserver is kept in.
	prepare(t testing.TB) (dir string)
	// configure writes the configuration into the folder.
	configure(h *Homeserver, registration string) error
	// command starts it.
	command(h *Homeserver) []string
}

// Synapse tells whether the homeservers are Synapse.
func Synapse() bool { return os.Getenv(envSynapse) != "" }

// PrepareHomeserver makes a homeserver that does not run yet; its URL is known.
func PrepareHomeserver(t testing.TB) *Homeserver {
	t.Helper()
	h := &Homeserver{t: t, kind: &dendrite{}, port: FreePort(t)}
	if Synapse() {
		h.kind = &synapse{}
	}
	h.dir = h.kind.prepare(t)
	h.URL = fmt.Sprintf("http://127.0.0.1:%d", h.port)
	return h
}

// Configure has the homeserver know one application service, whose registration
// file is given.
func (h *Homeserver) Configure(registration string) {
	h.t.Helper()
	if err := h.kind.configure(h, registration); err != nil {
		h.t.Fatal(err)
	}
}

// NewHomeserver makes and starts a homeserver.
func NewHomeserver(t testing.TB, registration string) *Homeserver {
	t.Helper()
	h := PrepareHomeserver(t)
	h.Configure(registration)
	h.Start()
	return h
}

// Start starts the homeserver and waits until it answers.
func (h *Homeserver) Start() {
	h.t.Helper()
	for range startTries {
		cmd := h.kind.command(h)
		h.proc = start(h.t, "homeserver", h.dir, nil, cmd[0], cmd[1:]...)
		if h.proc.waitHTTP(h.URL + "/_matrix/client/versions") {
			return
		}
		h.t.Logf("the homeserver ended while it started (%v); it is started again", h.proc.err)
	}
	h.t.Fatal("the homeserver does not start")
}

// Stop ends the homeserver in order.
func (h *Homeserver) Stop() { h.t.Helper(); _ = h.proc.end(syscall.SIGTERM) }

// Kill ends it at once.
func (h *Homeserver) Kill() { h.t.Helper(); _ = h.proc.end(syscall.SIGKILL) }

// Usage is what the running homeserver has used.
func (h *Homeserver) Usage() Usage { h.t.Helper(); return h.proc.usage() }

// Pause freezes the homeserver: connections are taken and nothing answers.
func (h *Homeserver) Pause() { h.t.Helper(); h.proc.signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (h *Homeserver) Resume() { h.t.Helper(); h.proc.signal(syscall.SIGCONT) }

// register makes a user and gives an access token.
func (h *Homeserver) register(user string) string {
	h.t.Helper()
	url := h.URL + "/_synapse/admin/v1/register"
	var nonce struct{ Nonce string }
	h.call(http.MethodGet, url, nil, &nonce)
	mac := hmac.New(sha1.New, []byte(sharedSecret))
	fmt.Fprintf(mac, "%s\x00%s\x00%s\x00notadmin", nonce.Nonce, user, "password")
	var token struct {
		Token string `json:"access_token"`
	}
	h.call(http.MethodPost, url, map[string]any{"nonce": nonce.Nonce, "username": user, "password": "password",
		"admin": false, "mac": hex.EncodeToString(mac.Sum(nil))}, &token)
	if token.Token == "" {
		h.t.Fatalf("no access token for %s", user)
	}
	return token.Token
}

func (h *Homeserver) call(method, url string, body, into any) {
	h.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	req, err := http.NewRequest(method, url, bytes.NewReader(data))
	if err != nil {
		h.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		h.t.Fatalf("%s %s: %s %s %v", method, url, resp.Status, answer, err)
	}
}

// Ports that FreePort gives lie below those that the system takes for outgoing
// connections, one of which could else have a port before its program does.
const (
	firstPort = 20000
	lastPort  = 32000
)

// given are the ports that FreePort gave: a port is nobody's until its program
// listens, and must not be given twice.
var given sync.Map

// FreePort finds a TCP port that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	for range lastPort - firstPort {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatal("no port is free")
	return 0
}

// lockFile makes test processes that build the same thing wait for each other.
func lockFile(t testing.TB, path string) (unlock func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}

// moduleDir is the folder of this module: tests run in it or below.
func moduleDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err == nil {
		dir, err = moduleAbove(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func moduleAbove(dir string) (string, error) {
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(data), "module wtvgate/e2e\n") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("the test does not run inside the module wtvgate/e2e")
		}
		dir = up
	}
}

// poll tries until it works or Wait is over.
func poll(t testing.TB, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Wait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-tick.C:
		}
	}
}

// Holds tells whether any file of the homeserver has a text in it.
func (h *Homeserver) Holds(text string) bool {
	h.t.Helper()
	found := false
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		found = found || bytes.Contains(data, []byte(text))
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return found
}
