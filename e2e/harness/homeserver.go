// Package harness has the parts of the end-to-end tests: a real homeserver, the
// real gateway, a simulated box and a friend. Each belongs to one test, says on
// failure what it logged, and is gone when the test ends.
package harness

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// Homeserver is a Dendrite of its own on a port of its own. Its data outlives
// Stop, Kill and Start.
type Homeserver struct {
	URL string

	// Presence has it tell presence, which is switched off as homeservers come.
	// Set it before Configure, and do not restart it then: see startTries.
	Presence bool

	t    testing.TB
	bin  string
	dir  string
	port int
	proc *process
}

// PrepareHomeserver makes a homeserver that does not run yet; its URL is known.
func PrepareHomeserver(t testing.TB) *Homeserver {
	t.Helper()
	h := &Homeserver{t: t, bin: buildHomeserver(t), dir: t.TempDir(), port: FreePort(t)}
	h.URL = fmt.Sprintf("http://127.0.0.1:%d", h.port)
	keys := exec.Command(filepath.Join(h.bin, "generate-keys"), "-private-key", "matrix_key.pem")
	keys.Dir = h.dir
	if out, err := keys.CombinedOutput(); err != nil {
		t.Fatalf("generate-keys: %v\n%s", err, out)
	}
	return h
}

// Configure has the homeserver know one application service, whose registration
// file is given.
func (h *Homeserver) Configure(registration string) {
	h.t.Helper()
	conf := strings.NewReplacer("DOMAIN", Domain, "REGISTRATION", registration, "SECRET", sharedSecret, "TELLS", fmt.Sprint(h.Presence)).Replace(dendriteYAML)
	if err := os.WriteFile(filepath.Join(h.dir, "dendrite.yaml"), []byte(conf), 0o600); err != nil {
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

// dendriteYAML is one process on SQLite, without federation. The message broker
// is on disk, so that it survives a restart.
const dendriteYAML = `version: 2
global:
  server_name: DOMAIN
  private_key: ./matrix_key.pem
  disable_federation: true
  cache: {max_size_estimated: 64mb, max_age: 1h}
  trusted_third_party_id_servers: []
  presence: {enable_inbound: false, enable_outbound: TELLS}
  jetstream: {storage_path: ./js, in_memory: false}
  report_stats: {enabled: false}
app_service_api:
  config_files: [REGISTRATION]
  database: {connection_string: "file:appservice.db"}
client_api:
  registration_disabled: true
  registration_shared_secret: "SECRET"
  rate_limiting: {enabled: false}
federation_api: {database: {connection_string: "file:federation.db"}, key_perspectives: []}
key_server:  {database: {connection_string: "file:keys.db"}}
media_api:   {base_path: ./media, database: {connection_string: "file:media.db"}}
mscs:        {mscs: [], database: {connection_string: "file:mscs.db"}}
relay_api:   {database: {connection_string: "file:relay.db"}}
room_server: {database: {connection_string: "file:rooms.db"}}
sync_api:    {database: {connection_string: "file:sync.db"}, search: {enabled: false}}
user_api:    {bcrypt_cost: 4, account_database: {connection_string: "file:users.db"}}
logging: [{type: std, level: info}]
`

// startTries is how often Dendrite is started: when it has join events left from
// before, it may fall over a part of its own that is not ready yet (its
// federation side sends presence before it knows whom to ask for members). It
// was seen to do so four times in a row with outbound presence, which these
// tests do not need and have switched off.
const startTries = 20

// Start starts the homeserver and waits until it answers.
func (h *Homeserver) Start() {
	h.t.Helper()
	for range startTries {
		h.proc = start(h.t, "homeserver", h.dir, nil, filepath.Join(h.bin, "dendrite"), "-config", "dendrite.yaml",
			"-http-bind-address", fmt.Sprintf("127.0.0.1:%d", h.port), "-https-bind-address", "127.0.0.1:0")
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

// buildHomeserver builds Dendrite once and keeps it outside the tree, by the
// versions it is made of. With cgo: without, its SQLite wedges (matrix.md 1.1).
func buildHomeserver(t testing.TB) string {
	t.Helper()
	src := filepath.Join(moduleDir(t), "homeserver")
	sum, err := os.ReadFile(filepath.Join(src, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	key := sha256.Sum256(append(sum, runtime.Version()...))
	dir := filepath.Join(cache, "wtvgate-e2e", hex.EncodeToString(key[:8]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock := lockFile(t, filepath.Join(dir, "lock"))
	defer unlock()
	for _, tool := range []string{"generate-keys", "dendrite"} {
		out := filepath.Join(dir, tool)
		if _, err := os.Stat(out); err == nil {
			continue
		}
		t.Logf("building %s, which takes some minutes the first time", tool)
		cmd := exec.Command("go", "build", "-o", out+".new", "github.com/element-hq/dendrite/cmd/"+tool)
		cmd.Dir = src
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "CGO_ENABLED=1")
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("the homeserver cannot be built (it needs a C compiler): %v\n%s", err, msg)
		}
		if err := os.Rename(out+".new", out); err != nil {
			t.Fatal(err)
		}
	}
	return dir
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
