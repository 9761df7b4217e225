// Package config reads the gateway's configuration: a YAML file and the
// environment, decoded strictly, then checked into types that need no further
// checking. Every fault is found and reported together, before anything runs.
//
// The package owns no state and takes no locks; a Config is a value that nobody
// changes after Load.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/viper"
)

const (
	// DefaultFile is read from the working directory when no file is named.
	DefaultFile = "config.yaml"
	// EnvPrefix begins the name of every environment variable of ours.
	EnvPrefix = "WTVGATE_"
	// EnvConfig names the file when the command line does not.
	EnvConfig = EnvPrefix + "CONFIG"
	// EnvDiscordToken is the Discord token itself, instead of a file with it.
	EnvDiscordToken = EnvPrefix + "DISCORD_TOKEN"
	// EnvAdminToken is the token of the admin surface itself, instead of a file
	// with it.
	EnvAdminToken = EnvPrefix + "ADMIN_TOKEN"
	// maxFile bounds the configuration file: the example has 5 kB.
	maxFile = 1 << 20
)

// Config is the checked configuration. Paths are as given, so relative ones are
// relative to the working directory.
type Config struct {
	Path string // the file it came from, "" for none

	DataDir   string
	Log       Log
	Admin     Admin
	Accounts  Accounts
	Messenger Messenger
	Passport  Passport
	Pictures  Pictures
	WTVP      WTVP
	Matrix    Matrix
	Discord   Discord
}

// Listener is one address to listen on: host:port, where an empty host is every
// interface and port 0 is one the system chooses.
type Listener struct{ Listen string }

// Admin is the operator's surface over HTTP.
type Admin struct {
	Listen    string
	TokenFile string
	Token     Secret // "": what only looks is open on loopback, and nothing acts
}

// Log says what is logged, and how.
type Log struct {
	Level  slog.Level
	Format LogFormat
}

// Accounts are the rules for the gateway's own accounts.
type Accounts struct {
	Domain       string // lower case
	Registration Registration
	MD5Passwords bool
}

// Messenger is the MSNP side.
type Messenger struct {
	Listen          string
	Advertise       string // host:port, "" for auto: the address the client reached
	Dialects        []string
	FlattenPresence FlattenPresence
	MaxConnections  int
	Challenge       bool // ask PC clients to prove who made them (CHL)
}

// Passport is the nexus and sign-in over HTTP.
type Passport struct {
	Listen    string
	PublicURL string // without a slash at the end
	TLSCert   string // both or neither
	TLSKey    string
}

// Pictures is where boxes fetch friends' pictures.
type Pictures struct {
	Listen    string // "": no links to pictures
	PublicURL string // without a slash at the end, "" for auto: the address the box reached
	CacheMB   int
}

// WTVP is the side that speaks to boxes in their own protocol.
type WTVP struct {
	Mode             WTVPMode
	InitialSharedKey Key // 8 bytes, or nil if none is given
	AllowPublicKey   bool
	AllowedNetworks  []netip.Prefix // empty: any
	Advertise        string         // a host, "" for auto: the address the box reached
	Passport         Listener
	Preregister      Listener
	HeadWaiter       Listener
}

// Allows tells whether a box may come from that address.
func (w WTVP) Allows(from netip.Addr) bool {
	from = from.Unmap().WithZone("")
	for _, p := range w.AllowedNetworks {
		if p.Contains(from) {
			return true
		}
	}
	return len(w.AllowedNetworks) == 0
}

// Matrix is the Matrix side. Without Enabled, addresses in it are unchecked.
type Matrix struct {
	Enabled     bool
	Homeserver  Homeserver
	Appservice  Appservice
	GhostPrefix string
	GhostName   NameTemplate
	Bot         string // localpart
	Encryption  Encryption
	Presence    bool // show_presence: friends see whether boxes are there
	TellWaiting Telling
	Invites     Invites
	Operators   []string // user ids of those who may talk with the bot

	RoomMembers  int  // rooms.max_members: of a room for several people; 0: no such rooms
	OtherBridges bool // users of other bridges are let through

	Owners string // folder of the owners' access tokens; "": none
}

// Homeserver is the one the gateway belongs to.
type Homeserver struct {
	URL    string // without a slash at the end
	Domain string // server name, lower case, perhaps with a port
}

// Appservice is where the homeserver finds us.
type Appservice struct {
	Listen       string
	URL          string // without a slash at the end
	Registration string // path of the registration file
}

// Invites says who may invite the gateway's accounts.
type Invites struct{ Allow, Deny []Pattern }

// Permits tells whether a Matrix user may: some pattern of Allow matches and
// none of Deny does.
func (i Invites) Permits(user string) bool {
	return matchAny(i.Allow, user) && !matchAny(i.Deny, user)
}

// Discord is the Discord side.
type Discord struct {
	Enabled       bool
	Token         Secret
	TokenFile     string
	APIURL        string // with a slash at the end
	AddressDomain string // lower case
	Guilds        []string
	AskInChannel  bool
	TellWaiting   Telling
}

// Default is the configuration without a file and without environment.
func Default() Config {
	c, _ := check(defaults(), sources{}) // a test holds that there is no fault
	return c
}

// Load reads a file and the environment (os.Environ), which wins over the file.
// An empty path stands for the file that WTVGATE_CONFIG names, else for
// config.yaml if it is there, else for none. Faults of the content come
// together as an *Error.
func Load(path string, environ []string) (Config, error) {
	env := ours(environ)
	path, text, err := read(path, env[EnvConfig])
	if err != nil {
		return Config{}, err
	}
	src := sources{file: path, lines: make(map[string]int), env: make(map[string]bool)}
	fields := schema()
	fromFile, faults := parseYAML(text, fields, src)
	fromEnv, tokens, envFaults := parseEnv(env, fields, src)
	faults = append(faults, envFaults...)
	r, err := merge(fields, fromFile, fromEnv)
	if err != nil {
		return Config{}, err
	}
	r.discordToken, r.adminToken = tokens[EnvDiscordToken], tokens[EnvAdminToken]
	c, more := check(r, src)
	if faults = append(faults, more...); len(faults) > 0 {
		return Config{}, &Error{Faults: faults}
	}
	c.Path = path
	return c, nil
}

// read finds and reads the file; no file at all is no error unless one was named.
func read(path, fromEnv string) (string, []byte, error) {
	named := true
	if path == "" {
		if path = fromEnv; path == "" {
			path, named = DefaultFile, false
		}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("config: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", nil, fmt.Errorf("config: %w", err)
	}
	if len(text) > maxFile {
		return "", nil, fmt.Errorf("config: %s has more than %d bytes; is it the right file?", path, maxFile)
	}
	return path, text, nil
}

// merge lays the environment over the file over the defaults. The values have
// their fields' types already.
func merge(fields []field, file, env map[string]any) (raw, error) {
	v := viper.New()
	for _, f := range fields {
		v.SetDefault(f.key, f.value)
	}
	for key, value := range file {
		if err := v.MergeConfigMap(nest(key, value)); err != nil {
			return raw{}, fmt.Errorf("config: %s: %w", key, err)
		}
	}
	for key, value := range env {
		v.Set(key, value)
	}
	var r raw
	if err := v.UnmarshalExact(&r); err != nil {
		return raw{}, fmt.Errorf("config: %w", err)
	}
	return r, nil
}

// nest makes {a: {b: value}} of a.b.
func nest(key string, value any) map[string]any {
	if first, rest, ok := strings.Cut(key, "."); ok {
		return map[string]any{first: nest(rest, value)}
	}
	return map[string]any{key: value}
}
