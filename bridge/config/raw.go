package config

import (
	"reflect"
	"strings"
)

// raw is the configuration as it is written: one field per key, nothing checked
// but its type.
type raw struct {
	DataDir string   `mapstructure:"data_dir"`
	Log     rawLog   `mapstructure:"log"`
	Admin   rawAdmin `mapstructure:"admin"`

	Accounts struct {
		Domain       string `mapstructure:"domain"`
		Registration string `mapstructure:"registration"`
		MD5Passwords bool   `mapstructure:"md5_passwords"`
	} `mapstructure:"accounts"`

	Messenger struct {
		Listen          string   `mapstructure:"listen"`
		Advertise       string   `mapstructure:"advertise"`
		Dialects        []string `mapstructure:"dialects"`
		FlattenPresence string   `mapstructure:"flatten_presence"`
		MaxConnections  int      `mapstructure:"max_connections"`
		Challenge       bool     `mapstructure:"challenge"`
	} `mapstructure:"messenger"`

	Passport struct {
		Listen    string `mapstructure:"listen"`
		PublicURL string `mapstructure:"public_url"`
		TLSCert   string `mapstructure:"tls_cert"`
		TLSKey    string `mapstructure:"tls_key"`
	} `mapstructure:"passport"`

	Pictures struct {
		Listen    string `mapstructure:"listen"`
		PublicURL string `mapstructure:"public_url"`
		CacheMB   int    `mapstructure:"cache_mb"`
	} `mapstructure:"pictures"`

	WTVP    rawWTVP    `mapstructure:"wtvp"`
	Matrix  rawMatrix  `mapstructure:"matrix"`
	Discord rawDiscord `mapstructure:"discord"`

	discordToken, adminToken string // of the environment only
}

type rawLog struct {
	Level  string `mapstructure:"level"`
	Format string `mapstructure:"format"`
}

type rawAdmin struct {
	Listen    string `mapstructure:"listen"`
	TokenFile string `mapstructure:"token_file"`
}

type rawListener struct {
	Listen string `mapstructure:"listen"`
}

type rawWTVP struct {
	Mode             string      `mapstructure:"mode"`
	InitialSharedKey string      `mapstructure:"initial_shared_key"`
	AllowPublicKey   bool        `mapstructure:"allow_public_key"`
	AllowedNetworks  []string    `mapstructure:"allowed_networks"`
	Advertise        string      `mapstructure:"advertise"`
	Passport         rawListener `mapstructure:"passport"`
	Preregister      rawListener `mapstructure:"preregister"`
	HeadWaiter       rawListener `mapstructure:"head_waiter"`
}

type rawMatrix struct {
	Enabled    bool `mapstructure:"enabled"`
	Homeserver struct {
		URL    string `mapstructure:"url"`
		Domain string `mapstructure:"domain"`
	} `mapstructure:"homeserver"`
	Appservice struct {
		Listen       string `mapstructure:"listen"`
		URL          string `mapstructure:"url"`
		Registration string `mapstructure:"registration"`
	} `mapstructure:"appservice"`
	GhostPrefix string `mapstructure:"ghost_prefix"`
	GhostName   string `mapstructure:"ghost_name"`
	Bot         string `mapstructure:"bot"`
	Encryption  string `mapstructure:"encryption"`
	Presence    bool   `mapstructure:"show_presence"`
	TellWaiting string `mapstructure:"tell_waiting"`
	Invites     struct {
		Allow []string `mapstructure:"allow"`
		Deny  []string `mapstructure:"deny"`
	} `mapstructure:"invites"`
	Operators []string `mapstructure:"operators"`
	Rooms     struct {
		MaxMembers int `mapstructure:"max_members"`
	} `mapstructure:"rooms"`
	OtherBridges bool   `mapstructure:"other_bridges"`
	Owners       string `mapstructure:"owners"`
}

type rawDiscord struct {
	Enabled       bool     `mapstructure:"enabled"`
	TokenFile     string   `mapstructure:"token_file"`
	APIURL        string   `mapstructure:"api_url"`
	AddressDomain string   `mapstructure:"address_domain"`
	Guilds        []string `mapstructure:"guilds"`
	AskInChannel  bool     `mapstructure:"ask_in_channel"`
	TellWaiting   string   `mapstructure:"tell_waiting"`
}

// defaults are the values of design.md 7.
func defaults() raw {
	var r raw
	r.DataDir = "data"
	r.Log = rawLog{Level: "info", Format: "text"}
	r.Admin.Listen = "127.0.0.1:8463"

	r.Accounts.Domain = "webtv.local"
	r.Accounts.Registration = string(Closed)

	r.Messenger.Listen = ":1863"
	r.Messenger.Advertise = auto
	r.Messenger.Dialects = knownDialects()
	r.Messenger.FlattenPresence = string(FlattenFirstGeneration)
	r.Messenger.MaxConnections = 20000

	r.Passport.Listen = "127.0.0.1:8464"
	r.Passport.PublicURL = "http://127.0.0.1:8464"

	r.Pictures.Listen = ":8465"
	r.Pictures.PublicURL = auto
	r.Pictures.CacheMB = 64

	r.WTVP.Mode = string(Companion)
	r.WTVP.AllowedNetworks = []string{}
	r.WTVP.Advertise = auto
	r.WTVP.Passport.Listen = ":1654"
	r.WTVP.Preregister.Listen = ":1615"
	r.WTVP.HeadWaiter.Listen = ":1601"

	r.Matrix.Homeserver.URL = "http://127.0.0.1:8008"
	r.Matrix.Homeserver.Domain = "example.org"
	r.Matrix.Appservice.Listen = "127.0.0.1:29350"
	r.Matrix.Appservice.URL = "http://127.0.0.1:29350"
	r.Matrix.Appservice.Registration = "data/registration.yaml"
	r.Matrix.GhostPrefix = "webtv_"
	r.Matrix.GhostName = "{{.Name}} (WebTV)"
	r.Matrix.Bot = "webtvbot"
	r.Matrix.Encryption = string(EncryptionAllow)
	r.Matrix.TellWaiting = string(TellNotice)
	r.Matrix.Invites.Allow = []string{"*"}
	r.Matrix.Invites.Deny = []string{}
	r.Matrix.Operators = []string{}
	r.Matrix.Rooms.MaxMembers = 500

	r.Discord.APIURL = "https://discord.com/"
	r.Discord.AddressDomain = "discord.com"
	r.Discord.Guilds = []string{}
	r.Discord.TellWaiting = string(TellBoth)
	return r
}

// field is one key with a value.
type field struct {
	key   string // such as matrix.homeserver.url
	value any    // the default: string, bool, int or []string
}

// schema lists the fields in the order of the example file.
func schema() []field { return fieldsOf("", reflect.ValueOf(defaults())) }

func fieldsOf(prefix string, v reflect.Value) (all []field) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("mapstructure")
		switch f := v.Field(i); {
		case name == "":
		case f.Kind() == reflect.Struct:
			all = append(all, fieldsOf(prefix+name+".", f)...)
		default:
			all = append(all, field{key: prefix + name, value: f.Interface()})
		}
	}
	return all
}

// Keys lists every key by its full name, in the order of the example file.
func Keys() []string {
	var keys []string
	for _, f := range schema() {
		keys = append(keys, f.key)
	}
	return keys
}

// EnvName is the environment variable of a key: WTVGATE_MATRIX_HOMESERVER_URL
// for matrix.homeserver.url.
func EnvName(key string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}
