package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// dendrite is the homeserver that the tests build themselves.
type dendrite struct{ bin string }

func (d *dendrite) prepare(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	d.bin = buildDendrite(t)
	keys := exec.Command(filepath.Join(d.bin, "generate-keys"), "-private-key", "matrix_key.pem")
	keys.Dir = dir
	if out, err := keys.CombinedOutput(); err != nil {
		t.Fatalf("generate-keys: %v\n%s", err, out)
	}
	return dir
}

func (d *dendrite) configure(h *Homeserver, registration string) error {
	conf := strings.NewReplacer("DOMAIN", Domain, "REGISTRATION", registration, "SECRET", sharedSecret,
		"TELLS", fmt.Sprint(h.Presence), "LIMITS", fmt.Sprint(h.Limits)).Replace(dendriteYAML)
	return os.WriteFile(filepath.Join(h.dir, "dendrite.yaml"), []byte(conf), 0o600)
}

func (d *dendrite) command(h *Homeserver) []string {
	return []string{filepath.Join(d.bin, "dendrite"), "-config", "dendrite.yaml",
		"-http-bind-address", fmt.Sprintf("127.0.0.1:%d", h.port), "-https-bind-address", "127.0.0.1:0"}
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
  rate_limiting: {enabled: LIMITS, threshold: 20, cooloff_ms: 500}
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

// buildDendrite builds Dendrite once and keeps it outside the tree, by the
// versions it is made of. With cgo: without, its SQLite wedges (matrix.md 1.1).
func buildDendrite(t testing.TB) string {
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
