package harness

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	// envSynapse has the command that starts the Python which Synapse is installed
	// for. Where it is set, all homeservers are Synapse.
	envSynapse = "WTVGATE_SYNAPSE"
	// envSynapseRoot is the folder that this command takes for the whole file system,
	// where it does.
	envSynapseRoot = "WTVGATE_SYNAPSE_ROOT"
)

// synapse is a homeserver that is installed.
type synapse struct{ root string }

func (s *synapse) prepare(t testing.TB) string {
	t.Helper()
	if s.root = os.Getenv(envSynapseRoot); s.root == "" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(filepath.Join(s.root, "tmp"), "e2e")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// inside is how Synapse calls a file.
func (s *synapse) inside(path string) string { return strings.TrimPrefix(path, s.root) }

func (s *synapse) configure(h *Homeserver, registration string) error {
	reg, err := os.ReadFile(registration)
	if err != nil {
		return err
	}
	own := filepath.Join(h.dir, "registration.yaml")
	if err := os.WriteFile(own, reg, 0o600); err != nil {
		return err
	}
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	conf := strings.NewReplacer("DOMAIN", Domain, "REGISTRATION", s.inside(own), "SECRET", sharedSecret,
		"TELLS", fmt.Sprint(h.Presence), "PORT", fmt.Sprint(h.port), "DIR", s.inside(h.dir),
		"SEED", base64.RawStdEncoding.EncodeToString(seed[:])).Replace(synapseYAML)
	if !h.Limits {
		conf += synapseUnlimited
	}
	return os.WriteFile(filepath.Join(h.dir, "homeserver.yaml"), []byte(conf), 0o600)
}

func (s *synapse) command(h *Homeserver) []string {
	return append(strings.Fields(os.Getenv(envSynapse)), "-m", "synapse.app.homeserver", "-c", s.inside(filepath.Join(h.dir, "homeserver.yaml")))
}

// synapseYAML is one process on SQLite, without federation. The process stays in
// the folder that it is started in, so all paths are whole.
const synapseYAML = `server_name: DOMAIN
listeners:
  - {port: PORT, type: http, bind_addresses: ["127.0.0.1"], resources: [{names: [client], compress: false}]}
database: {name: sqlite3, args: {database: "DIR/homeserver.db"}}
media_store_path: DIR/media
pid_file: DIR/homeserver.pid
signing_key: "ed25519 a_test SEED"
macaroon_secret_key: "SECRET"
form_secret: "SECRET"
registration_shared_secret: "SECRET"
app_service_config_files: [REGISTRATION]
trusted_key_servers: []
federation_domain_whitelist: []
presence: {enabled: TELLS}
bcrypt_rounds: 4
report_stats: false
`

// synapseUnlimited lets the friends do as much as they like. The ghosts do not
// depend on it.
const synapseUnlimited = `rc_message: {per_second: 10000, burst_count: 10000}
rc_registration: {per_second: 10000, burst_count: 10000}
rc_login:
  address: {per_second: 10000, burst_count: 10000}
  account: {per_second: 10000, burst_count: 10000}
  failed_attempts: {per_second: 10000, burst_count: 10000}
rc_admin_redaction: {per_second: 10000, burst_count: 10000}
rc_joins:
  local: {per_second: 10000, burst_count: 10000}
  remote: {per_second: 10000, burst_count: 10000}
rc_joins_per_room: {per_second: 10000, burst_count: 10000}
rc_invites:
  per_room: {per_second: 10000, burst_count: 10000}
  per_user: {per_second: 10000, burst_count: 10000}
  per_issuer: {per_second: 10000, burst_count: 10000}
rc_presence:
  per_user: {per_second: 10000, burst_count: 10000}
rc_media_create: {per_second: 10000, burst_count: 10000}
rc_room_creation: {per_second: 10000, burst_count: 10000}
`
