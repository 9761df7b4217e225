package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// exampleFile is the one operators copy.
const exampleFile = "../../config.example.yaml"

// load reads a text as a file.
func load(t testing.TB, text string, environ ...string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, environ)
	if err == nil && c.Path != path {
		t.Errorf("Path is %q, want %q", c.Path, path)
	}
	c.Path = ""
	return c, err
}

func TestDefaultsAreTheContract(t *testing.T) {
	c, faults := check(defaults(), sources{})
	if len(faults) > 0 {
		t.Fatalf("the defaults have faults: %v", faults)
	}
	want := Config{
		DataDir:  "data",
		Log:      Log{slog.LevelInfo, LogText},
		Admin:    Admin{Listen: "127.0.0.1:8463"},
		Accounts: Accounts{"webtv.local", Closed, false},
		Messenger: Messenger{":1863", "", []string{"MSNP8", "MSNP7", "MSNP6", "MSNP5", "MSNP4", "MSNP3", "MSNP2"},
			FlattenFirstGeneration, 20000, false},
		Passport: Passport{"127.0.0.1:8464", "http://127.0.0.1:8464", "", ""},
		Pictures: Pictures{":8465", "", 64},
		WTVP: WTVP{Mode: Companion, Passport: Listener{":1654"}, Preregister: Listener{":1615"},
			HeadWaiter: Listener{":1601"}},
		Matrix: Matrix{
			Homeserver:  Homeserver{"http://127.0.0.1:8008", "example.org"},
			Appservice:  Appservice{"127.0.0.1:29350", "http://127.0.0.1:29350", "data/registration.yaml"},
			GhostPrefix: "webtv_", GhostName: NameTemplate{[]string{"", " (WebTV)"}}, Bot: "webtvbot",
			Encryption: EncryptionAllow, TellWaiting: TellNotice, Invites: Invites{Allow: []Pattern{"*"}}, Operators: []string{}, RoomMembers: 500,
		},
		Discord: Discord{APIURL: "https://discord.com/", AddressDomain: "discord.com", Guilds: []string{}, TellWaiting: TellBoth},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("defaults\n got %+v\nwant %+v", c, want)
	}
	if !reflect.DeepEqual(Default(), want) {
		t.Error("Default differs")
	}
}

func TestExampleIsTheDefaults(t *testing.T) {
	c, err := Load(exampleFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Path != exampleFile {
		t.Errorf("Path is %q", c.Path)
	}
	if c.Path = ""; !reflect.DeepEqual(c, Default()) {
		t.Errorf("the example is\n     %+v\nwant %+v", c, Default())
	}
}

// TestExampleHasEveryKey reads the example without this package: the keys and
// values in it are those of the code, none more, none less, in the same order.
func TestExampleHasEveryKey(t *testing.T) {
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	var keys []string
	values := make(map[string]any)
	var walk func(prefix string, n *yaml.Node)
	walk = func(prefix string, n *yaml.Node) {
		for i := 0; i < len(n.Content); i += 2 {
			key, value := prefix+n.Content[i].Value, n.Content[i+1]
			if value.Kind == yaml.MappingNode {
				walk(key+".", value)
				continue
			}
			keys = append(keys, key)
			var v any
			if err := value.Decode(&v); err != nil {
				t.Fatal(err)
			}
			values[key] = v
		}
	}
	walk("", root.Content[0])
	if !slices.Equal(keys, Keys()) {
		t.Errorf("keys of the example\n%q\nkeys of the code\n%q", keys, Keys())
	}
	for _, f := range schema() {
		if got, want := fmt.Sprint(values[f.key]), fmt.Sprint(f.value); got != want {
			t.Errorf("%s is %s in the example and %s in the code", f.key, got, want)
		}
	}
	for n, line := range strings.Split(string(text), "\n") {
		if len(line) > 110 || strings.TrimRight(line, " \t") != line {
			t.Errorf("line %d is too long or ends in blanks", n+1)
		}
	}
}

func TestKeysAndVariables(t *testing.T) {
	names := []string{EnvConfig, EnvDiscordToken, EnvAdminToken}
	for _, k := range Keys() {
		n := EnvName(k)
		if slices.Contains(names, n) {
			t.Errorf("%s stands for two things", n)
		}
		names = append(names, n)
	}
	if len(names) != 3+54 {
		t.Errorf("%d keys", len(names)-3)
	}
	if n := EnvName("matrix.homeserver.url"); n != "WTVGATE_MATRIX_HOMESERVER_URL" {
		t.Errorf("EnvName = %s", n)
	}
}

// full sets every key to something other than its default.
const full = `
data_dir: /srv/wtv
log: {level: debug, format: json}
admin: {listen: "[::1]:1", token_file: TOKENFILE}
accounts: {domain: TV.Example, registration: first-box, md5_passwords: true}
messenger:
  listen: "0.0.0.0:2"
  advertise: chat.example.org:1863
  dialects: [MSNP3, MSNP8]
  flatten_presence: nobody
  max_connections: 1
  challenge: true
passport: {listen: "localhost:3", public_url: "https://p.example/x/"}
pictures: {listen: ":8", public_url: "http://pics.example:80/", cache_mb: 1}
wtvp:
  mode: standalone
  initial_shared_key: AAECAwQFBgc=
  allow_public_key: true
  allowed_networks: [10.0.0.0/8, "2001:db8::/32"]
  advertise: 192.0.2.1
  passport: {listen: ":4"}
  preregister: {listen: ":5"}
  head_waiter: {listen: ":6"}
matrix:
  enabled: true
  homeserver: {url: "https://hs.example/", domain: "HS.example:8448"}
  appservice: {listen: ":7", url: "http://gw.example:7", registration: r.yaml}
  ghost_prefix: _tv_
  ghost_name: "TV {{ .Name }}!"
  bot: tvbot
  encryption: off
  show_presence: true
  tell_waiting: off
  invites: {allow: ["*:a.example", "@bob:b.example"], deny: ["@evil*"]}
  operators: ["@op:a.example"]
  rooms: {max_members: 7}
  other_bridges: true
  owners: tokens
discord:
  enabled: true
  token_file: TOKENFILE
  api_url: http://127.0.0.1:9/api
  address_domain: DC.example
  guilds: [613425648685547541, "2"]
  ask_in_channel: true
  tell_waiting: line
`

func wantFull(tokenFile string) Config {
	return Config{
		DataDir:   "/srv/wtv",
		Log:       Log{slog.LevelDebug, LogJSON},
		Admin:     Admin{"[::1]:1", tokenFile, "tok.en.of.sixteen"},
		Accounts:  Accounts{"tv.example", FirstBox, true},
		Messenger: Messenger{"0.0.0.0:2", "chat.example.org:1863", []string{"MSNP3", "MSNP8"}, FlattenNobody, 1, true},
		Passport:  Passport{"localhost:3", "https://p.example/x", "", ""},
		Pictures:  Pictures{":8", "http://pics.example:80", 1},
		WTVP: WTVP{Standalone, Key{0, 1, 2, 3, 4, 5, 6, 7}, true,
			[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}, "192.0.2.1",
			Listener{":4"}, Listener{":5"}, Listener{":6"}},
		Matrix: Matrix{true, Homeserver{"https://hs.example", "hs.example:8448"},
			Appservice{":7", "http://gw.example:7", "r.yaml"}, "_tv_", NameTemplate{[]string{"TV ", "!"}}, "tvbot", EncryptionOff, true, TellNothing,
			Invites{[]Pattern{"*:a.example", "@bob:b.example"}, []Pattern{"@evil*"}}, []string{"@op:a.example"}, 7, true, "tokens"},
		Discord: Discord{true, "tok.en.of.sixteen", tokenFile, "http://127.0.0.1:9/api/", "dc.example", []string{"613425648685547541", "2"}, true, TellLine},
	}
}

func tokenFile(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEveryKeyFromTheFile(t *testing.T) {
	file := tokenFile(t, "tok.en.of.sixteen\n")
	c, err := load(t, strings.ReplaceAll(full, "TOKENFILE", file))
	if want := wantFull(file); err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("Load: %v\n got %+v\nwant %+v", err, c, want)
	}
}

func TestEveryKeyFromTheEnvironment(t *testing.T) {
	file := tokenFile(t, "tok.en.of.sixteen")
	var root map[string]any
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(full, "TOKENFILE", file)), &root); err != nil {
		t.Fatal(err)
	}
	var environ []string
	var walk func(prefix string, m map[string]any)
	walk = func(prefix string, m map[string]any) {
		for k, v := range m {
			switch v := v.(type) {
			case map[string]any:
				walk(prefix+k+".", v)
			case []any:
				environ = append(environ, EnvName(prefix+k)+"="+strings.Join(strings.Fields(strings.Trim(fmt.Sprint(v), "[]")), " , "))
			default:
				environ = append(environ, EnvName(prefix+k)+"="+fmt.Sprint(v))
			}
		}
	}
	walk("", root)
	// tls_cert and tls_key are not in it: their files would have to be there.
	if len(environ) != len(Keys())-2 {
		t.Fatalf("%d of %d keys", len(environ), len(Keys()))
	}
	environ = append(environ, "HOME=/", "WTVGATE=x", "wtvgate_x=y", "WTVGATE_PASSPORT_TLS_CERT=", "WTVGATE_ODD=", "=C:=x", "junk")
	for _, text := range []string{"", "# nothing\n", "---\n", "null\n", "log:\nmatrix:\n  invites:\n  bot:\n", "log: {level: warn}\nmessenger: {dialects: [MSNP5]}"} {
		c, err := load(t, text, environ...)
		if want := wantFull(file); err != nil || !reflect.DeepEqual(c, want) {
			t.Errorf("over %q: %v\n got %+v\nwant %+v", text, err, c, want)
		}
	}
}

func TestEmptySectionsAreDefaults(t *testing.T) {
	for _, text := range []string{"", "# only a comment", "---", "{}", "null", "log:", "log: {}\nmatrix: {homeserver: , invites: {allow: }}\ndiscord: ~"} {
		if c, err := load(t, text); err != nil || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: %v, %+v", text, err, c)
		}
	}
}

func TestAnchors(t *testing.T) {
	c, err := load(t, "data_dir: &d gw\nlog: &l {level: warn}\nmatrix:\n  bot: *d\n")
	if err != nil || c.DataDir != "gw" || c.Matrix.Bot != "gw" || c.Log.Level != slog.LevelWarn {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWhichFile(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, dir string) {
		if err := os.WriteFile(name, []byte("data_dir: "+dir+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	is := func(path, env, wantPath, wantDir string) {
		t.Helper()
		c, err := Load(path, []string{EnvConfig + "=" + env})
		if err != nil || c.Path != wantPath || c.DataDir != wantDir {
			t.Errorf("Load(%q) with %q: %q %q, %v; want %q %q", path, env, c.Path, c.DataDir, err, wantPath, wantDir)
		}
	}
	is("", "", "", "data")
	write("config.yaml", "one")
	write("two.yaml", "two")
	write("three.yaml", "three")
	is("", "", "config.yaml", "one")
	is("", "two.yaml", "two.yaml", "two")
	is("three.yaml", "two.yaml", "three.yaml", "three")
	for _, step := range [][2]string{{"none.yaml", ""}, {"", "none.yaml"}} {
		_, err := Load(step[0], []string{EnvConfig + "=" + step[1]})
		if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") || strings.Contains(err.Error(), "\n") {
			t.Errorf("a named file that is missing: %v", err)
		}
	}
	if _, err := Load(".", nil); err == nil {
		t.Error("a directory was read")
	}
	if err := os.WriteFile("big.yaml", bytes.Repeat([]byte("#"), maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load("big.yaml", nil); err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Errorf("a file too big: %v", err)
	}
}

func TestSecretsAreHidden(t *testing.T) {
	c, err := load(t, "discord: {enabled: true}\nwtvp: {initial_shared_key: c2VjcmV0ISE=}", EnvDiscordToken+"=s3cr3t.token")
	if err != nil || string(c.Discord.Token) != "s3cr3t.token" || string(c.WTVP.InitialSharedKey) != "secret!!" {
		t.Fatalf("%v", err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("c", "token", c.Discord.Token, "key", c.WTVP.InitialSharedKey, "all", c, "discord", c.Discord)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("c", "all", c)
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	text := out.String() + string(b) + fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c.Discord.Token, c.WTVP.InitialSharedKey)
	for _, bad := range []string{"s3cr3t", "secret!!", "c2VjcmV0ISE", "115 101 99", "0x73, 0x65"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q shows in %s", bad, text)
		}
	}
	if strings.Count(text, hidden) < 8 {
		t.Errorf("nothing hidden in %s", text)
	}
}

func TestAllows(t *testing.T) {
	from := netip.MustParseAddr
	if !(WTVP{}).Allows(from("203.0.113.9")) {
		t.Error("an empty list refuses")
	}
	w := WTVP{AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/10")}}
	for addr, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "11.0.0.1": false, "::1": false, "fe80::1%eth0": true} {
		if got := w.Allows(from(addr)); got != want {
			t.Errorf("Allows(%s) = %v", addr, got)
		}
	}
	if w.Allows(netip.Addr{}) {
		t.Error("no address is allowed")
	}
}

func TestPermits(t *testing.T) {
	i := Invites{Allow: []Pattern{"*:a.example", "@bob:b.example", "@t?m:*"}, Deny: []Pattern{"@evil*:*"}}
	for user, want := range map[string]bool{"@x:a.example": true, "@x:aa.example": false, "@x:a.example.org": false, "@bob:b.example": true,
		"@bob:b.example:1": false, "@tim:z": true, "@tm:z": false, "@evil:a.example": false, "@evil2:a.example": false, "": false} {
		if got := i.Permits(user); got != want {
			t.Errorf("Permits(%q) = %v", user, got)
		}
	}
	if (Invites{}).Permits("@x:y") {
		t.Error("an empty list permits")
	}
	for _, m := range []struct {
		p, s string
		want bool
	}{{"*", "", true}, {"*", "x", true}, {"**a**", "bab", true}, {"a*b*c", "axxbyybzc", true}, {"a*b*c", "axxbyybz", false}, {"?", "", false}, {"*?", "x", true}, {"@*:*.org", "@a:b.org", true}} {
		if got := Pattern(m.p).Match(m.s); got != m.want {
			t.Errorf("%q matches %q: %v", m.p, m.s, got)
		}
	}
}

func TestGhostName(t *testing.T) {
	for text, want := range map[string]string{"{{.Name}} (WebTV)": "Al (WebTV)", "{{.Name}}": "Al", "a {{- .Name -}} b": "aAlb",
		"{{/* c */}}{{.Name}}": "", "{{.Name}}+{{ .Name }}": "Al+Al"} {
		n, err := parseName(text)
		if want == "" {
			if err == nil && n.Name("Al") != "Al" {
				t.Errorf("parseName(%q) makes %q", text, n.Name("Al"))
			}
			continue
		}
		if err != nil || n.Name("Al") != want {
			t.Errorf("parseName(%q) makes %q, %v; want %q", text, n.Name("Al"), err, want)
		}
	}
}
