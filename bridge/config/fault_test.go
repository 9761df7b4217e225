package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// faults loads a text that must be refused and gives its lines, with FILE for
// the file's path.
func faults(t testing.TB, text string, environ ...string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path, environ)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%q: %v, want an *Error", text, err)
	}
	lines := strings.Split(e.Error(), "\n")
	if len(lines) != len(e.Faults) {
		t.Errorf("%d faults on %d lines", len(e.Faults), len(lines))
	}
	for i, f := range e.Faults {
		if f.Problem == "" || lines[i] != f.String() {
			t.Errorf("line %q for %+v", lines[i], f)
		}
		lines[i] = strings.ReplaceAll(lines[i], path, "FILE")
	}
	return lines
}

func TestOneFault(t *testing.T) {
	const networks, listens = "allowed: networks such as 192.168.0.0/16", `allowed: ":1234" for every interface, "127.0.0.1:1234" for this machine only`
	for _, step := range []struct{ text, want string }{
		// The file's form.
		{"\n\na: b: c", "not YAML: mapping values are not allowed in this context (FILE near line 3)"},
		{"a: b: c", "not YAML: mapping values are not allowed in this context (FILE)"},
		{"log:\n\tlevel: info\n", "the line begins with a tab; YAML is indented with spaces only (FILE line 2)"},
		{"log:\n  level: info\n \tformat: text\n", "the line begins with a tab; YAML is indented with spaces only (FILE line 3)"},
		{"log: {level: info\n", "not YAML: did not find expected ',' or '}' (FILE near line 1)"},
		{"data_dir: a\n---\ndata_dir: b\n", "not YAML: a second document begins here; one is allowed (FILE near line 2)"},
		{"- a\n", "the file should hold keys and values, such as `data_dir: data`; allowed: data_dir, log, admin, accounts, messenger, passport, pictures, wtvp, matrix, discord (FILE line 1)"},
		{"\x00", "not YAML: control characters are not allowed (FILE)"},
		{"data_dir: a\nlog: {level: info}\ndata_dir: b\n", "data_dir: stands in the file twice, first in line 1 (FILE line 3)"},
		{"log:\n  level: info\n  level: debug\n", "log.level: stands in the file twice, first in line 2 (FILE line 3)"},
		{"log:\n  [a]: b\n", "log: a key should be a word (FILE line 2)"},
		{"<<: {data_dir: x}\n", "<<: is not a known key; allowed: data_dir, log, admin, accounts, messenger, passport, pictures, wtvp, matrix, discord (FILE line 1)"},
		// Unknown keys.
		{"matrix:\n  enabld: true\n", "matrix.enabld: is not a known key; did you mean enabled?; allowed: enabled, homeserver, appservice, ghost_prefix, ghost_name, bot, encryption, show_presence, tell_waiting, invites, operators, rooms, other_bridges, owners (FILE line 2)"},
		{"Log: {level: info}\n", "Log: is not a known key; did you mean log?; allowed: data_dir, log, admin, accounts, messenger, passport, pictures, wtvp, matrix, discord (FILE line 1)"},
		{"matrix: {homeserver: {ulr: x}}\n", "matrix.homeserver.ulr: is not a known key; did you mean url?; allowed: url, domain (FILE line 1)"},
		{"discord: {token: abc}\n", "discord.token: is not a known key; allowed: enabled, token_file, api_url, address_domain, guilds, ask_in_channel, tell_waiting (FILE line 1)"},
		{"flatten_presence: nobody\n", "flatten_presence: is not a known key; did you mean messenger.flatten_presence?; allowed: data_dir, log, admin, accounts, messenger, passport, pictures, wtvp, matrix, discord (FILE line 1)"},
		{"matrix.enabled: true\n", "matrix.enabled: is not a known key; a section's keys are indented below it: matrix: {enabled: ...}; allowed: data_dir, log, admin, accounts, messenger, passport, pictures, wtvp, matrix, discord (FILE line 1)"},
		// Types.
		{"matrix: true\n", "matrix: should be a section with keys of its own; allowed: enabled, homeserver, appservice, ghost_prefix, ghost_name, bot, encryption, show_presence, tell_waiting, invites, operators, rooms, other_bridges, owners (FILE line 1)"},
		{"admin: [a]\n", "admin: should be a section with keys of its own; allowed: listen, token_file (FILE line 1)"},
		{"matrix: {enabled: yes}\n", "matrix.enabled: should be true or false; allowed: true, false (FILE line 1)"},
		{"matrix:\n  enabled: 1\n", "matrix.enabled: should be true or false; allowed: true, false (FILE line 2)"},
		{"messenger:\n  max_connections: many\n", "messenger.max_connections: should be a whole number; allowed: digits (FILE line 2)"},
		{"messenger:\n  max_connections: 1.5\n", "messenger.max_connections: should be a whole number; allowed: digits (FILE line 2)"},
		{"messenger:\n  max_connections: 99999999999999999999\n", "messenger.max_connections: should be a whole number; allowed: digits (FILE line 2)"},
		{"messenger:\n  dialects: MSNP8\n", "messenger.dialects: should be a list; allowed: [first, second], or [] for none (FILE line 2)"},
		{"messenger:\n  dialects: [MSNP8, [MSNP7]]\n", "messenger.dialects: every item should be a text; allowed: text, in quotes if it has a meaning of its own in YAML (FILE line 2)"},
		{"data_dir: {a: b}\n", "data_dir: should be a text; allowed: text, in quotes if it has a meaning of its own in YAML (FILE line 1)"},
		{"data_dir: true\n", "data_dir: should be a text; allowed: text, in quotes if it has a meaning of its own in YAML (FILE line 1)"},
		{"data_dir: 1e3\n", "data_dir: should be a text; allowed: text, in quotes if it has a meaning of its own in YAML (FILE line 1)"},
		{"data_dir: 0x10\n", "data_dir: should be a text; allowed: text, in quotes if it has a meaning of its own in YAML (FILE line 1)"},
		{"data_dir: 010\n", "data_dir: should be a text; allowed: text, in quotes if it has a meaning of its own in YAML (FILE line 1)"},
		{"data_dir: !!int \"\"\n", "data_dir: should be a text; allowed: text, in quotes if it has a meaning of its own in YAML (FILE line 1)"},
		// Values.
		{"data_dir: ''\n", "data_dir: is empty; allowed: the path of a directory (FILE line 1)"},
		{"log: {level: trace}\n", `log.level: "trace" is not known; allowed: info, debug, warn, error (FILE line 1)`},
		{"log: {format: jsn}\n", `log.format: "jsn" is not known; did you mean json?; allowed: text, json (FILE line 1)`},
		{"admin: {listen: '8463'}\n", `admin.listen: "8463" is no address to listen on; did you mean ":8463"?; ` + listens + ` (FILE line 1)`},
		{"admin: {listen: 'localhost'}\n", `admin.listen: "localhost" is no address to listen on; ` + listens + ` (FILE line 1)`},
		{"admin: {listen: ''}\n", `admin.listen: "" is no address to listen on; ` + listens + ` (FILE line 1)`},
		{"admin: {listen: ':http'}\n", `admin.listen: ":http" is no address to listen on; ` + listens + ` (FILE line 1)`},
		{"admin: {listen: ':65536'}\n", `admin.listen: ":65536" is no address to listen on; ` + listens + ` (FILE line 1)`},
		{"admin: {listen: ':080'}\n", `admin.listen: ":080" is no address to listen on; ` + listens + ` (FILE line 1)`},
		{"admin: {listen: '::1:80'}\n", `admin.listen: "::1:80" is no address to listen on; ` + listens + ` (FILE line 1)`},
		{"admin: {listen: 'a b:80'}\n", `admin.listen: "a b:80" is no address to listen on; ` + listens + ` (FILE line 1)`},
		{"admin: {listen: 'http://x:80'}\n", `admin.listen: "http://x:80" is no address to listen on; ` + listens + ` (FILE line 1)`},
		{"admin: {listen: '127.0.0.1:1863'}\n", `messenger.listen: ":1863" is taken by admin.listen (127.0.0.1:1863); allowed: a port of its own`},
		{"wtvp: {passport: {listen: '127.0.0.1:8464'}}\n", `wtvp.passport.listen: "127.0.0.1:8464" is taken by passport.listen (127.0.0.1:8464); allowed: a port of its own (FILE line 1)`},
		{"wtvp: {mode: standalone, head_waiter: {listen: '0.0.0.0:1615'}}\n", `wtvp.head_waiter.listen: "0.0.0.0:1615" is taken by wtvp.preregister.listen (:1615); allowed: a port of its own (FILE line 1)`},
		{"pictures: {listen: ':1654'}\n", `wtvp.passport.listen: ":1654" is taken by pictures.listen (:1654); allowed: a port of its own`},
		{"pictures: {listen: '8465'}\n", `pictures.listen: "8465" is no address to listen on; did you mean ":8465"?; allowed: ":1234" for every interface, "127.0.0.1:1234" for this machine only (FILE line 1)`},
		{"pictures: {public_url: 'ftp://x'}\n", `pictures.public_url: "ftp://x" does not begin with http:// or https://; allowed: http://host:port or https://host (FILE line 1)`},
		{"matrix: {rooms: {max_members: -1}}\n", `matrix.rooms.max_members: -1 is out of range; allowed: 0 (no rooms) to 10000 (FILE line 1)`},
		{"pictures: {cache_mb: 0}\n", `pictures.cache_mb: 0 is out of range; allowed: 1 to 100000 (FILE line 1)`},
		{"matrix: {enabled: true, appservice: {listen: ':8463'}}\n", `matrix.appservice.listen: ":8463" is taken by admin.listen (127.0.0.1:8463); allowed: a port of its own (FILE line 1)`},
		{"accounts: {domain: 'web tv'}\n", `accounts.domain: "web tv" is no domain; allowed: a name such as webtv.local (FILE line 1)`},
		{"accounts: {domain: 'a@b'}\n", `accounts.domain: "a@b" is no domain; allowed: a name such as webtv.local (FILE line 1)`},
		{"accounts: {domain: 'webtv.local:80'}\n", `accounts.domain: "webtv.local:80" is no domain; allowed: a name such as webtv.local (FILE line 1)`},
		{"accounts: {domain: '[::1]'}\n", `accounts.domain: "[::1]" is no domain; allowed: a name such as webtv.local (FILE line 1)`},
		{"accounts: {domain: Discord.com}\n", `accounts.domain: "discord.com" is discord.address_domain too; allowed: a domain of its own, such as webtv.local (FILE line 1)`},
		{"discord: {address_domain: WEBTV.local}\n", `accounts.domain: "webtv.local" is discord.address_domain too; allowed: a domain of its own, such as webtv.local`},
		{"accounts: {domain: Example.org}\nmatrix: {enabled: true}\n", `accounts.domain: "example.org" is matrix.homeserver.domain too, whose users could not be reached; allowed: a domain of its own, such as webtv.local (FILE line 1)`},
		{"discord: {address_domain: Example.org}\nmatrix: {enabled: true}\n", `discord.address_domain: "example.org" is matrix.homeserver.domain too, whose users could not be reached; allowed: a domain of its own, such as discord.com (FILE line 1)`},
		{"accounts: {registration: first_box}\n", `accounts.registration: "first_box" is not known; did you mean first-box?; allowed: closed, first-box (FILE line 1)`},
		{"messenger: {advertise: chat.example.org}\n", `messenger.advertise: "chat.example.org" has no port; did you mean "chat.example.org:1863"?; allowed: auto, or host:port such as 192.0.2.1:1863 (FILE line 1)`},
		{"messenger: {advertise: '192.0.2.1:0'}\n", `messenger.advertise: "192.0.2.1:0" is not host:port; allowed: auto, or host:port such as 192.0.2.1:1863 (FILE line 1)`},
		{"messenger: {advertise: ''}\n", `messenger.advertise: "" is not host:port; allowed: auto, or host:port such as 192.0.2.1:1863 (FILE line 1)`},
		{"messenger: {advertise: ':1863'}\n", `messenger.advertise: ":1863" has no valid host; allowed: auto, or host:port such as 192.0.2.1:1863 (FILE line 1)`},
		{"messenger: {advertise: '[::1]:1863'}\n", `messenger.advertise: "[::1]:1863" is IPv6, which boxes do not speak; allowed: auto, or host:port such as 192.0.2.1:1863 (FILE line 1)`},
		{"messenger: {advertise: '0.0.0.0:1863'}\n", `messenger.advertise: "0.0.0.0:1863" is nowhere a box could connect to; allowed: auto, or host:port such as 192.0.2.1:1863 (FILE line 1)`},
		{"wtvp: {advertise: '192.0.2.1:1601'}\n", `wtvp.advertise: "192.0.2.1:1601" has a port; every service is told with its own; allowed: auto, or a dotted address such as 192.0.2.1 (FILE line 1)`},
		{"wtvp: {advertise: tv.example.org}\n", `wtvp.advertise: "tv.example.org" is a name, which boxes do not look up in a service list; allowed: auto, or a dotted address such as 192.0.2.1 (FILE line 1)`},
		{"wtvp: {advertise: '::1'}\n", `wtvp.advertise: "::1" is IPv6, which boxes do not speak; allowed: auto, or a dotted address such as 192.0.2.1 (FILE line 1)`},
		{"wtvp: {advertise: '0.0.0.0'}\n", `wtvp.advertise: "0.0.0.0" is nowhere a box could connect to; allowed: auto, or a dotted address such as 192.0.2.1 (FILE line 1)`},
		{"wtvp: {advertise: '224.0.0.1'}\n", `wtvp.advertise: "224.0.0.1" is nowhere a box could connect to; allowed: auto, or a dotted address such as 192.0.2.1 (FILE line 1)`},
		{"wtvp: {advertise: '255.255.255.255'}\n", `wtvp.advertise: "255.255.255.255" is nowhere a box could connect to; allowed: auto, or a dotted address such as 192.0.2.1 (FILE line 1)`},
		{"wtvp: {advertise: 'a b'}\n", `wtvp.advertise: "a b" is no address; allowed: auto, or a dotted address such as 192.0.2.1 (FILE line 1)`},
		{"messenger: {dialects: []}\n", `messenger.dialects: is empty; allowed: MSNP8, MSNP7, MSNP6, MSNP5, MSNP4, MSNP3, MSNP2 (FILE line 1)`},
		{"messenger: {dialects: [MSNP8, msnp7]}\n", `messenger.dialects: "msnp7" is not known; did you mean MSNP7?; allowed: MSNP8, MSNP7, MSNP6, MSNP5, MSNP4, MSNP3, MSNP2 (FILE line 1)`},
		{"messenger: {dialects: [MSNP8, MSNP8]}\n", `messenger.dialects: "MSNP8" stands there twice; allowed: each once (FILE line 1)`},
		{"matrix: {tell_waiting: line}\n", `matrix.tell_waiting: "line" is not known; allowed: notice, off (FILE line 1)`},
		{"discord: {tell_waiting: notice}\n", `discord.tell_waiting: "notice" is not known; allowed: both, reaction, line, off (FILE line 1)`},
		{"messenger: {flatten_presence: first}\n", `messenger.flatten_presence: "first" is not known; allowed: first-generation, everyone, nobody (FILE line 1)`},
		{"messenger: {max_connections: 0}\n", `messenger.max_connections: 0 is out of range; allowed: 1 to 1000000 (FILE line 1)`},
		{"messenger: {max_connections: 1000001}\n", `messenger.max_connections: 1000001 is out of range; allowed: 1 to 1000000 (FILE line 1)`},
		{"passport: {public_url: 'gw.example:8464'}\n", `passport.public_url: "gw.example:8464" does not begin with http:// or https://; allowed: http://host:port or https://host (FILE line 1)`},
		{"passport: {public_url: 'ftp://x'}\n", `passport.public_url: "ftp://x" does not begin with http:// or https://; allowed: http://host:port or https://host (FILE line 1)`},
		{"passport: {public_url: 'http://'}\n", `passport.public_url: "http://" has no valid host; allowed: http://host:port or https://host (FILE line 1)`},
		{"passport: {public_url: 'http://x:'}\n", `passport.public_url: "http://x:" has no valid host; allowed: http://host:port or https://host (FILE line 1)`},
		{"passport: {public_url: 'http://x:99999'}\n", `passport.public_url: "http://x:99999" has no valid host; allowed: http://host:port or https://host (FILE line 1)`},
		{"passport: {public_url: 'http://x/?a'}\n", `passport.public_url: "http://x/?a" has a ? or # in it; allowed: http://host:port or https://host (FILE line 1)`},
		{"passport: {public_url: 'http://u:pw@x'}\n", `passport.public_url: has a user or password in it; allowed: http://host:port or https://host (FILE line 1)`},
		{"passport: {public_url: 'http://u:p%zw@x'}\n", `passport.public_url: is no URL; allowed: http://host:port or https://host (FILE line 1)`},
		{"passport: {tls_cert: a.pem}\n", `passport.tls_key: is empty while passport.tls_cert is not; allowed: both or neither`},
		{"passport: {tls_key: a.pem}\n", `passport.tls_cert: is empty while passport.tls_key is not; allowed: both or neither`},
		{"wtvp: {mode: alone}\n", `wtvp.mode: "alone" is not known; allowed: off, companion, standalone (FILE line 1)`},
		{"wtvp: {initial_shared_key: c2VjcmV0}\n", "wtvp.initial_shared_key: is not base64 of 8 bytes; allowed: 12 characters, the last of them =, as `head -c8 /dev/urandom | base64` makes them (FILE line 1)"},
		{"wtvp: {initial_shared_key: '?secret?????'}\n", "wtvp.initial_shared_key: is not base64 of 8 bytes; allowed: 12 characters, the last of them =, as `head -c8 /dev/urandom | base64` makes them (FILE line 1)"},
		{"wtvp: {initial_shared_key: bWluaXNydiE=}\n", "wtvp.initial_shared_key: is a key that is published in a WebTV server's source, so anyone could sign in as any box; allowed: a key of your own, set on both servers; or wtvp.allow_public_key: true (FILE line 1)"},
		{"wtvp: {initial_shared_key: bGhvaHJzdyA=}\n", "wtvp.initial_shared_key: is a key that is published in a WebTV server's source, so anyone could sign in as any box; allowed: a key of your own, set on both servers; or wtvp.allow_public_key: true (FILE line 1)"}, // other parity
		{"wtvp: {initial_shared_key: bWluaXNydiF=}\n", "wtvp.initial_shared_key: is a key that is published in a WebTV server's source, so anyone could sign in as any box; allowed: a key of your own, set on both servers; or wtvp.allow_public_key: true (FILE line 1)"},
		{"wtvp: {mode: off, initial_shared_key: CC5rWmRUE0o=}\n", "wtvp.initial_shared_key: is a key that is published in a WebTV server's source, so anyone could sign in as any box; allowed: a key of your own, set on both servers; or wtvp.allow_public_key: true (FILE line 1)"},
		{"wtvp: {allowed_networks: [10.0.0.5/8]}\n", `wtvp.allowed_networks: "10.0.0.5/8" has more bits than its length says; did you mean 10.0.0.0/8?; ` + networks + ` (FILE line 1)`},
		{"wtvp: {allowed_networks: [10.0.0.5]}\n", `wtvp.allowed_networks: "10.0.0.5" is an address; did you mean 10.0.0.5/32?; ` + networks + ` (FILE line 1)`},
		{"wtvp: {allowed_networks: [lan]}\n", `wtvp.allowed_networks: "lan" is no network; ` + networks + ` (FILE line 1)`},
		{"matrix: {enabled: true, homeserver: {url: ''}}\n", `matrix.homeserver.url: "" does not begin with http:// or https://; allowed: http://host:port or https://host (FILE line 1)`},
		{"matrix: {enabled: true, homeserver: {domain: 'http://x'}}\n", `matrix.homeserver.domain: "http://x" is no server name; allowed: what stands behind the colon of its user ids, such as example.org (FILE line 1)`},
		{"matrix: {enabled: true, appservice: {url: x}}\n", `matrix.appservice.url: "x" does not begin with http:// or https://; allowed: http://host:port or https://host (FILE line 1)`},
		{"matrix: {enabled: true, appservice: {registration: ''}}\n", `matrix.appservice.registration: is empty; allowed: the path of the registration file (FILE line 1)`},
		{"matrix: {enabled: true, ghost_prefix: WebTV_}\n", `matrix.ghost_prefix: "WebTV_" cannot stand in a Matrix user id; allowed: 1 to 64 of a-z 0-9 . _ = / + - (FILE line 1)`},
		{"matrix: {enabled: true, ghost_prefix: ''}\n", `matrix.ghost_prefix: "" cannot stand in a Matrix user id; allowed: 1 to 64 of a-z 0-9 . _ = / + - (FILE line 1)`},
		{"matrix: {enabled: true, bot: '@bot:x'}\n", `matrix.bot: "@bot:x" cannot stand in a Matrix user id; allowed: 1 to 64 of a-z 0-9 . _ = / + - (FILE line 1)`},
		{"matrix: {enabled: true, bot: webtv_bot}\n", `matrix.bot: "webtv_bot" would be a ghost, since it begins with matrix.ghost_prefix; allowed: a name that does not begin with "webtv_" (FILE line 1)`},
		{"matrix: {encryption: on}\n", `matrix.encryption: "on" is not known; allowed: off, allow, require (FILE line 1)`},
		{"matrix: {invites: {allow: [example.org]}}\n", `matrix.invites.allow: "example.org" matches no Matrix user; allowed: user ids with * and ?, such as @bob:example.org or *:example.org (FILE line 1)`},
		{"matrix: {invites: {deny: ['']}}\n", `matrix.invites.deny: "" matches no Matrix user; allowed: user ids with * and ?, such as @bob:example.org or *:example.org (FILE line 1)`},
		{"matrix: {operators: ['*:example.org']}\n", `matrix.operators: "*:example.org" is no user id; allowed: whole user ids, such as @op:example.org (FILE line 1)`},
		{"matrix: {operators: ['']}\n", `matrix.operators: "" is no user id; allowed: whole user ids, such as @op:example.org (FILE line 1)`},
		{"matrix: {operators: ['@op']}\n", `matrix.operators: "@op" is no user id; allowed: whole user ids, such as @op:example.org (FILE line 1)`},
		{"discord: {enabled: true}\n", `discord.token_file: is empty, and Discord is enabled; allowed: a file that holds the bot's token alone, or the token itself in WTVGATE_DISCORD_TOKEN`},
		{"discord: {enabled: true, token_file: no/such}\n", `discord.token_file: open no/such: no such file or directory; allowed: a file that holds the bot's token alone, or the token itself in WTVGATE_DISCORD_TOKEN (FILE line 1)`},
		{"discord: {guilds: [general]}\n", `discord.guilds: "general" is no guild's id; allowed: numbers such as 613425648685547541; [] for every guild (FILE line 1)`},
		{"discord: {guilds: [1, 1]}\n", `discord.guilds: "1" stands there twice; allowed: each once (FILE line 1)`},
		{"discord: {address_domain: ''}\n", `discord.address_domain: "" is no domain; allowed: a name such as webtv.local (FILE line 1)`},
		{"log: {level: '" + strings.Repeat("x", 100) + "'}\n", `log.level: "` + strings.Repeat("x", 80) + `..." is not known; allowed: info, debug, warn, error (FILE line 1)`},
	} {
		if got := faults(t, step.text); len(got) != 1 || got[0] != step.want {
			t.Errorf("%q:\n got %s\nwant %s", step.text, strings.Join(got, "\n     "), step.want)
		}
	}
}

func TestGhostNameFaults(t *testing.T) {
	for name, want := range map[string]string{
		"":                       "is empty",
		"WebTV":                  "does not hold {{.Name}}, so all would have the same name",
		"{{.Nam}}":               "holds something other than {{.Name}}",
		"{{.Name.X}}":            "holds something other than {{.Name}}",
		"{{.Name | printf}}":     "holds something other than {{.Name}}",
		"{{if .Name}}x{{end}}":   "holds something other than {{.Name}}",
		"{{$x := .Name}}":        "holds something other than {{.Name}}",
		"{{.Name}}{{print 1}}":   "holds something other than {{.Name}}",
		"{{.}}":                  "holds something other than {{.Name}}",
		strings.Repeat("x", 201): "is too long",
	} {
		got := faults(t, "matrix: {ghost_name: '"+name+"'}")
		if len(got) != 1 || !strings.HasPrefix(got[0], "matrix.ghost_name: ") || !strings.Contains(got[0], want) {
			t.Errorf("%q: %q, want %q in it", name, got, want)
		}
	}
	if got := faults(t, "matrix: {ghost_name: '{{.Name'}"); len(got) != 1 || !strings.Contains(got[0], "is not a template") {
		t.Errorf("an open template: %q", got)
	}
}

func TestEnvironmentFaults(t *testing.T) {
	for _, step := range []struct{ env, want string }{
		{"WTVGATE_MATRIX_HOMESERVER_ULR=x", "WTVGATE_MATRIX_HOMESERVER_ULR: is not a known variable; did you mean WTVGATE_MATRIX_HOMESERVER_URL?; allowed: WTVGATE_SECTION_KEY for a key of the configuration (environment)"},
		{"WTVGATE_ZZZ=x", "WTVGATE_ZZZ: is not a known variable; allowed: WTVGATE_SECTION_KEY for a key of the configuration (environment)"},
		{"WTVGATE_MATRIX_ENABLED=yes", "matrix.enabled: should be true or false; allowed: true, false (WTVGATE_MATRIX_ENABLED)"},
		{"WTVGATE_MESSENGER_MAX_CONNECTIONS=lots", "messenger.max_connections: should be a whole number; allowed: digits (WTVGATE_MESSENGER_MAX_CONNECTIONS)"},
		{"WTVGATE_MESSENGER_MAX_CONNECTIONS=-1", "messenger.max_connections: -1 is out of range; allowed: 1 to 1000000 (WTVGATE_MESSENGER_MAX_CONNECTIONS)"},
		{"WTVGATE_WTVP_ALLOWED_NETWORKS=10.0.0.0/8, x", `wtvp.allowed_networks: "x" is no network; allowed: networks such as 192.168.0.0/16 (WTVGATE_WTVP_ALLOWED_NETWORKS)`},
		{"WTVGATE_MESSENGER_DIALECTS= , ", "messenger.dialects: is empty; allowed: MSNP8, MSNP7, MSNP6, MSNP5, MSNP4, MSNP3, MSNP2 (WTVGATE_MESSENGER_DIALECTS)"},
	} {
		if got := faults(t, "", step.env); len(got) != 1 || got[0] != step.want {
			t.Errorf("%s:\n got %s\nwant %s", step.env, strings.Join(got, "\n     "), step.want)
		}
	}
}

func TestAllFaultsTogether(t *testing.T) {
	got := faults(t, `lgo: {level: info}
log:
  level: loud
  format: 5.5
matrix:
  enabled: maybe
  encryption: of
wtvp: {mode: stand-alone}
`, "WTVGATE_ACCOUNTS_DOMAIN=discord.com", "WTVGATE_NOPE=1")
	want := []string{
		"lgo: is not a known key; did you mean log?; allowed: data_dir, log, admin, accounts, messenger, passport, pictures, wtvp, matrix, discord (FILE line 1)",
		"log.format: should be a text; allowed: text, in quotes if it has a meaning of its own in YAML (FILE line 4)",
		"matrix.enabled: should be true or false; allowed: true, false (FILE line 6)",
		"WTVGATE_NOPE: is not a known variable; allowed: WTVGATE_SECTION_KEY for a key of the configuration (environment)",
		`log.level: "loud" is not known; allowed: info, debug, warn, error (FILE line 3)`,
		`wtvp.mode: "stand-alone" is not known; did you mean standalone?; allowed: off, companion, standalone (FILE line 8)`,
		`matrix.encryption: "of" is not known; did you mean off?; allowed: off, allow, require (FILE line 7)`,
		`accounts.domain: "discord.com" is discord.address_domain too; allowed: a domain of its own, such as webtv.local (WTVGATE_ACCOUNTS_DOMAIN)`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDiscordToken(t *testing.T) {
	for text, want := range map[string]Secret{"abc.def-_\n": "abc.def-_", "Bot abc\r\n": "abc", "  abc ": "abc"} {
		c, err := load(t, "discord: {enabled: true, token_file: "+tokenFile(t, text)+"}")
		if err != nil || c.Discord.Token != want {
			t.Errorf("file %q: %v", text, err)
		}
		c, err = load(t, "discord: {enabled: true, token_file: no/such}", EnvDiscordToken+"="+text)
		if err != nil || c.Discord.Token != want {
			t.Errorf("variable %q: %v", text, err)
		}
	}
	for _, bad := range []string{"", "\n", "two words", "Bot ", "t\xc3\xb6ken", strings.Repeat("x", maxTokenFile+1)} {
		file := tokenFile(t, bad)
		got := faults(t, "discord: {enabled: true, token_file: "+file+"}")
		if len(got) != 1 || !strings.HasPrefix(got[0], "discord.token_file: "+file+" ") || bad == "two words" && strings.Contains(got[0], bad) {
			t.Errorf("file with %.20q: %q", bad, got)
		}
	}
	if got := faults(t, "discord: {enabled: true}", EnvDiscordToken+"=a b"); len(got) != 1 || strings.Contains(got[0], "a b") {
		t.Errorf("bad variable: %q", got)
	}
	// Not read, and not missed, while Discord is off.
	if _, err := load(t, "discord: {token_file: no/such}"); err != nil {
		t.Error(err)
	}
}

func TestPublicKeyInsistedOn(t *testing.T) {
	for _, key := range publishedKeys() {
		c, err := load(t, "wtvp: {initial_shared_key: "+key+", allow_public_key: true}")
		if err != nil || len(c.WTVP.InitialSharedKey) != sharedKeySize {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestTLSFiles(t *testing.T) {
	cert, key := tokenFile(t, "x"), tokenFile(t, "y")
	c, err := load(t, "passport: {tls_cert: "+cert+", tls_key: "+key+"}")
	if err != nil || c.Passport.TLSCert != cert || c.Passport.TLSKey != key {
		t.Errorf("%+v, %v", c.Passport, err)
	}
	got := faults(t, "passport: {tls_cert: "+cert+", tls_key: no/such}")
	if len(got) != 1 || got[0] != "passport.tls_key: open no/such: no such file or directory; allowed: the path of a PEM file (FILE line 1)" {
		t.Errorf("%q", got)
	}
}

func TestUnusedNetworksAreNotChecked(t *testing.T) {
	text := "matrix: {homeserver: {url: x, domain: ''}, appservice: {listen: x, url: '', registration: ''}, ghost_prefix: '', bot: X}\n" +
		"discord: {api_url: ''}\nwtvp: {mode: off, passport: {listen: ':1863'}, head_waiter: {listen: ':1863'}}\n"
	if _, err := load(t, text); err != nil {
		t.Error(err)
	}
}

func TestPortsTheSystemChooses(t *testing.T) {
	if _, err := load(t, "admin: {listen: '127.0.0.1:0'}\nmessenger: {listen: '127.0.0.1:0'}\n"); err != nil {
		t.Error(err)
	}
}

func TestDistance(t *testing.T) {
	for _, step := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abcd", 1}, {"kitten", "sitting", 3},
		{"ulr", "url", 1}, {"abcd", "badc", 2}, {strings.Repeat("x", 101), "x", maxDistance}} {
		if got := distance(step.a, step.b); got != step.want {
			t.Errorf("distance(%q, %q) = %d, want %d", step.a, step.b, got, step.want)
		}
		if got := distance(step.b, step.a); got != step.want {
			t.Errorf("distance(%q, %q) = %d, want %d", step.b, step.a, got, step.want)
		}
	}
}

// FuzzLoad holds that any file is either taken or refused in whole lines
// without control characters, and that what is taken passes a second time.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte(full))
	for _, s := range []string{"", "a: b: c", "\tx", "log: [", "&a [*a]", "log: &a\n  level: *a", "data_dir: !!int ''", "? {a: b}\n: c", "---\n---\n",
		"matrix: {ghost_name: '{{.Name}}{{', invites: {allow: ['*', '@']}}", "\xff\xfe", "admin: {listen: '[::1%eth0]:80'}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		src := func() sources {
			return sources{file: "f", lines: make(map[string]int), env: make(map[string]bool)}
		}
		fields := schema()
		values, found := parseYAML(text, fields, src())
		r, err := merge(fields, values, nil)
		if err != nil {
			t.Fatalf("what the walk took could not be decoded: %v", err)
		}
		r.Discord.Enabled, r.Passport.TLSCert = false, "" // read no files
		_, more := check(r, src())
		for _, fault := range append(found, more...) {
			if s := fault.String(); s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
				t.Errorf("fault %q", s)
			}
		}
	})
}
