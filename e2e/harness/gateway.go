package harness

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	mid "maunium.net/go/mautrix/id"
	_ "modernc.org/sqlite" // the driver

	"wtvgate/wtvp/sec"
)

// AccountsDomain is the domain of the gateway's own accounts.
const AccountsDomain = "webtv.test"

// Gateway is the real program with a folder of its own. Its data outlives Kill
// and Start.
type Gateway struct {
	Registration string // file for the homeserver
	Messenger    string // address of the notification server
	Passport     string // address of wtv-passport

	t     testing.TB
	bin   string
	dir   string
	admin string
	key   sec.Key
	proc  *process
}

// NewGateway writes a configuration and the registration. Nothing runs yet.
func NewGateway(t testing.TB, hs *Homeserver) *Gateway {
	t.Helper()
	g := newGateway(t, matrixYAML, "HOMESERVER", hs.URL, "DOMAIN", Domain)
	g.Run("matrix", "registration")
	return g
}

// NewDiscordGateway writes a configuration for a server that speaks Discord's
// protocol. Nothing runs yet.
func NewDiscordGateway(t testing.TB, apiURL, token string) *Gateway {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return newGateway(t, discordYAML, "API", apiURL, "TOKEN", file)
}

// newGateway writes a configuration with a network's section, in which words are
// replaced by values.
func newGateway(t testing.TB, network string, values ...string) *Gateway {
	t.Helper()
	bin, err := buildGateway()
	if err != nil {
		t.Fatal(err)
	}
	g := &Gateway{t: t, bin: bin, dir: t.TempDir()}
	if g.key, err = sec.NewKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	address := func() string { return fmt.Sprintf("127.0.0.1:%d", FreePort(t)) }
	g.Registration = filepath.Join(g.dir, "registration.yaml")
	g.Messenger, g.Passport, g.admin = address(), address(), address()
	conf := strings.NewReplacer(append(values, "DATA", filepath.Join(g.dir, "data"), "ADMIN", g.admin, "ACCOUNTS", AccountsDomain,
		"MESSENGER", g.Messenger, "NEXUS", address(), "PASSPORT", g.Passport, "KEY", base64.StdEncoding.EncodeToString(g.key[:]),
		"APPSERVICE", address(), "REGISTRATION", g.Registration)...).Replace(gatewayYAML + network)
	if err := os.WriteFile(filepath.Join(g.dir, "config.yaml"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return g
}

const gatewayYAML = `data_dir: DATA
log: {level: debug, format: text}
admin: {listen: "ADMIN"}
accounts: {domain: ACCOUNTS, registration: closed}
messenger: {listen: "MESSENGER", advertise: auto}
passport: {listen: "NEXUS", public_url: "http://NEXUS"}
pictures: {listen: "127.0.0.1:0"}
wtvp:
  mode: companion
  initial_shared_key: "KEY"
  advertise: auto
  passport: {listen: "PASSPORT"}
`

const matrixYAML = `matrix:
  enabled: true
  homeserver: {url: "HOMESERVER", domain: DOMAIN}
  appservice: {listen: "APPSERVICE", url: "http://APPSERVICE", registration: REGISTRATION}
  ghost_prefix: webtv_
  ghost_name: "{{.Name}} (WebTV)"
  bot: webtvbot
  encryption: allow
  show_presence: true
  invites: {allow: ["*"], deny: []}
`

const discordYAML = `discord:
  enabled: true
  token_file: TOKEN
  api_url: "API"
  address_domain: discord.com
`

// Run runs a verb of the program and gives what it wrote.
func (g *Gateway) Run(args ...string) string {
	g.t.Helper()
	cmd := exec.Command(g.bin, append([]string{"--config", "config.yaml"}, args...)...)
	cmd.Dir = g.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("wtvgate %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Start starts serve and waits until it is ready, with the homeserver.
func (g *Gateway) Start() { g.t.Helper(); g.start("/readyz") }

// StartAlone starts serve and waits until it works, with or without the
// homeserver.
func (g *Gateway) StartAlone() { g.t.Helper(); g.start("/healthz") }

func (g *Gateway) start(until string) {
	g.t.Helper()
	g.proc = start(g.t, "gateway", g.dir, nil, g.bin, "--config", "config.yaml", "serve")
	if !g.proc.waitHTTP("http://" + g.admin + until) {
		g.t.Fatalf("the gateway ended: %v", g.proc.err)
	}
}

// WaitTaken waits until the gateway is done with a friend's events: they are in
// the box's inbox.
func (g *Gateway) WaitTaken(events ...mid.EventID) {
	g.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(g.dir, "data", "gateway.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		g.t.Fatal(err)
	}
	defer db.Close()
	for _, e := range events {
		poll(g.t, "an event is not taken", func(ctx context.Context) error {
			var state int
			if err := db.QueryRowContext(ctx, `SELECT state FROM matrix_inbox WHERE event = ?`, e).Scan(&state); err != nil {
				return err
			}
			if state != 1 {
				return fmt.Errorf("event %s is in state %d", e, state)
			}
			return nil
		})
	}
}

// WaitDevice waits until the gateway has learned of a friend's device.
func (g *Gateway) WaitDevice(user mid.UserID, device mid.DeviceID) {
	g.t.Helper()
	poll(g.t, "a device is not known", func(ctx context.Context) error {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(g.dir, "data", "gateway.db")+"?mode=ro&_pragma=busy_timeout(10000)")
		if err != nil {
			return err
		}
		defer db.Close()
		return db.QueryRowContext(ctx, `SELECT 1 FROM crypto_device WHERE user_id = ? AND device_id = ?`, user, device).Scan(new(int))
	})
}

// Kill ends the gateway at once.
func (g *Gateway) Kill() { g.t.Helper(); _ = g.proc.end(syscall.SIGKILL) }

// Stop ends the gateway in order, which must succeed.
func (g *Gateway) Stop() {
	g.t.Helper()
	if err := g.proc.end(syscall.SIGTERM); err != nil {
		g.t.Errorf("the gateway did not end cleanly: %v", err)
	}
}

// AddAccount makes an account with a box of its own.
func (g *Gateway) AddAccount(name, display string) *Box {
	g.t.Helper()
	b := newBox(g, name+"@"+AccountsDomain)
	g.Run("account", "add", b.Address, "--name", display)
	g.Run("account", "link-box", b.Address, "--ssid", b.ssid)
	return b
}

// Ghost is the Matrix user of an account.
func Ghost(name string) mid.UserID { return mid.NewUserID("webtv_"+name, Domain) }

// buildGateway builds the program once for a test process.
var buildGateway = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	root, err := moduleAbove(wd)
	if err != nil {
		return "", err
	}
	bin := filepath.Join(cache, "wtvgate-e2e", "wtvgate")
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-tags", "goolm", "-o", bin, "./cmd/wtvgate")
	cmd.Dir = filepath.Dir(root)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the gateway cannot be built: %w\n%s", err, out)
	}
	return bin, nil
})
