package config

import (
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	// minConnections and maxConnections bound messenger.max_connections. One
	// process has at most about a million file descriptors; the design is for ten
	// thousand boxes (design.md 8).
	minConnections = 1
	maxConnections = 1_000_000
	// sharedKeySize is the size of a WebTV server's initial key (wtvp.md 7.1).
	sharedKeySize = 8
	// maxTokenFile bounds what is read of discord.token_file: tokens have about 72
	// characters.
	maxTokenFile = 4096
	// maxLocalpart bounds ghost_prefix and bot, so that prefix, account and server
	// name stay below the 255 characters of a Matrix user id.
	maxLocalpart = 64
	// minCacheMB and maxCacheMB bound pictures.cache_mb: at least some twenty
	// pictures, at most what a disk of a small machine can spare.
	minCacheMB = 1
	maxCacheMB = 100_000
	// maxRoomMembers bounds matrix.rooms.max_members: the state of such a room still
	// fits an answer of the homeserver that is read (16 MiB).
	maxRoomMembers = 10000
	// maxPattern is the length of a Matrix user id; a longer pattern matches none.
	maxPattern = 255
)

// publishedKeys are the initial keys that stand in the source of the two public
// WebTV servers (wtvp.md 7.1): with them anyone can forge a box's ticket.
func publishedKeys() []string { return []string{"bWluaXNydiE=", "CC5rWmRUE0o="} }

// checker turns raw values into checked ones and collects the faults.
type checker struct {
	src    sources
	faults []Fault
}

func (c *checker) fault(key, problem, allowed string) {
	c.faults = append(c.faults, Fault{Key: key, Problem: problem, Allowed: allowed, Where: c.src.where(key)})
}

// check makes a Config of raw values. It reads the files of secrets.
func check(r raw, src sources) (Config, []Fault) {
	c := &checker{src: src}
	var out Config
	if out.DataDir = r.DataDir; r.DataDir == "" {
		c.fault("data_dir", "is empty", "the path of a directory")
	}
	out.Log.Level = c.level("log.level", r.Log.Level)
	out.Log.Format = oneOf(c, "log.format", r.Log.Format, LogText, LogJSON)
	out.Admin = c.admin(r.Admin, r.adminToken)
	out.Accounts = Accounts{
		Domain:       c.domain("accounts.domain", r.Accounts.Domain),
		Registration: oneOf(c, "accounts.registration", r.Accounts.Registration, Closed, FirstBox),
		MD5Passwords: r.Accounts.MD5Passwords,
	}
	out.Messenger = c.messenger(r)
	out.Passport = c.passport(r)
	out.Pictures = c.pictures(r)
	out.WTVP = c.wtvp(r.WTVP)
	out.Matrix = c.matrix(r.Matrix)
	out.Discord = c.discord(r.Discord, r.discordToken)
	c.domains(out)
	c.listeners(out)
	return out, c.faults
}

func (c *checker) messenger(r raw) Messenger {
	m := r.Messenger
	if n := m.MaxConnections; n < minConnections || n > maxConnections {
		c.fault("messenger.max_connections", strconv.Itoa(n)+" is out of range",
			strconv.Itoa(minConnections)+" to "+strconv.Itoa(maxConnections))
	}
	return Messenger{
		Listen:         c.listen("messenger.listen", m.Listen),
		Advertise:      c.advertise("messenger.advertise", m.Advertise),
		Dialects:       c.dialects("messenger.dialects", m.Dialects),
		MaxConnections: m.MaxConnections,
		Challenge:      m.Challenge,
		FlattenPresence: oneOf(c, "messenger.flatten_presence", m.FlattenPresence,
			FlattenFirstGeneration, FlattenEveryone, FlattenNobody),
	}
}

func (c *checker) passport(r raw) Passport {
	p := Passport{Listen: c.listen("passport.listen", r.Passport.Listen), TLSCert: r.Passport.TLSCert, TLSKey: r.Passport.TLSKey,
		PublicURL: strings.TrimSuffix(c.url("passport.public_url", r.Passport.PublicURL), "/")}
	switch {
	case p.TLSCert == "" && p.TLSKey != "":
		c.fault("passport.tls_cert", "is empty while passport.tls_key is not", "both or neither")
	case p.TLSCert != "" && p.TLSKey == "":
		c.fault("passport.tls_key", "is empty while passport.tls_cert is not", "both or neither")
	case p.TLSCert != "":
		c.readable("passport.tls_cert", p.TLSCert)
		c.readable("passport.tls_key", p.TLSKey)
	}
	return p
}

// pictures checks where pictures are served; nowhere is allowed.
func (c *checker) pictures(r raw) Pictures {
	p := Pictures{CacheMB: r.Pictures.CacheMB}
	if r.Pictures.Listen != "" {
		p.Listen = c.listen("pictures.listen", r.Pictures.Listen)
	}
	if u := r.Pictures.PublicURL; u != auto {
		p.PublicURL = strings.TrimSuffix(c.url("pictures.public_url", u), "/")
	}
	if n := p.CacheMB; n < minCacheMB || n > maxCacheMB {
		c.fault("pictures.cache_mb", strconv.Itoa(n)+" is out of range", strconv.Itoa(minCacheMB)+" to "+strconv.Itoa(maxCacheMB))
	}
	return p
}

func (c *checker) wtvp(r rawWTVP) WTVP {
	return WTVP{
		Mode:             oneOf(c, "wtvp.mode", r.Mode, WTVPOff, Companion, Standalone),
		InitialSharedKey: c.sharedKey("wtvp.initial_shared_key", r.InitialSharedKey, r.AllowPublicKey),
		AllowPublicKey:   r.AllowPublicKey,
		AllowedNetworks:  c.networks("wtvp.allowed_networks", r.AllowedNetworks),
		Advertise:        c.advertiseHost("wtvp.advertise", r.Advertise),
		Passport:         Listener{c.listen("wtvp.passport.listen", r.Passport.Listen)},
		Preregister:      Listener{c.listen("wtvp.preregister.listen", r.Preregister.Listen)},
		HeadWaiter:       Listener{c.listen("wtvp.head_waiter.listen", r.HeadWaiter.Listen)},
	}
}

// matrix checks addresses only if the network is enabled: who does not use it
// need not fill it in. Choices are checked always.
func (c *checker) matrix(r rawMatrix) Matrix {
	m := Matrix{
		Enabled:     r.Enabled,
		Homeserver:  Homeserver{URL: r.Homeserver.URL, Domain: strings.ToLower(r.Homeserver.Domain)},
		Appservice:  Appservice{Listen: r.Appservice.Listen, URL: r.Appservice.URL, Registration: r.Appservice.Registration},
		GhostPrefix: r.GhostPrefix,
		Bot:         r.Bot,
		Encryption:  oneOf(c, "matrix.encryption", r.Encryption, EncryptionOff, EncryptionAllow, EncryptionRequire),
		Presence:    r.Presence,
		TellWaiting: oneOf(c, "matrix.tell_waiting", r.TellWaiting, TellNotice, TellNothing),
		Invites:     Invites{c.patterns("matrix.invites.allow", r.Invites.Allow), c.patterns("matrix.invites.deny", r.Invites.Deny)},
		Operators:   c.users("matrix.operators", r.Operators),

		RoomMembers:  r.Rooms.MaxMembers,
		OtherBridges: r.OtherBridges,
		Owners:       r.Owners,
	}
	if m.RoomMembers < 0 || m.RoomMembers > maxRoomMembers {
		c.fault("matrix.rooms.max_members", strconv.Itoa(m.RoomMembers)+" is out of range", "0 (no rooms) to "+strconv.Itoa(maxRoomMembers))
	}
	var err error
	if m.GhostName, err = parseName(r.GhostName); err != nil {
		c.fault("matrix.ghost_name", quote(r.GhostName)+" "+err.Error(), `text with {{.Name}} in it, such as "{{.Name}} (WebTV)"`)
	}
	if !r.Enabled {
		return m
	}
	m.Homeserver.URL = strings.TrimSuffix(c.url("matrix.homeserver.url", r.Homeserver.URL), "/")
	if !isServerName(m.Homeserver.Domain) {
		c.fault("matrix.homeserver.domain", quote(r.Homeserver.Domain)+" is no server name", "what stands behind the colon of its user ids, such as example.org")
	}
	m.Appservice.Listen = c.listen("matrix.appservice.listen", r.Appservice.Listen)
	m.Appservice.URL = strings.TrimSuffix(c.url("matrix.appservice.url", r.Appservice.URL), "/")
	if r.Appservice.Registration == "" {
		c.fault("matrix.appservice.registration", "is empty", "the path of the registration file")
	}
	prefix, bot := c.localpart("matrix.ghost_prefix", r.GhostPrefix), c.localpart("matrix.bot", r.Bot)
	if prefix && bot && strings.HasPrefix(r.Bot, r.GhostPrefix) {
		c.fault("matrix.bot", quote(r.Bot)+" would be a ghost, since it begins with matrix.ghost_prefix", "a name that does not begin with "+quote(r.GhostPrefix))
	}
	return m
}

func (c *checker) discord(r rawDiscord, token string) Discord {
	d := Discord{Enabled: r.Enabled, TokenFile: r.TokenFile, APIURL: r.APIURL, Guilds: r.Guilds, AskInChannel: r.AskInChannel,
		AddressDomain: c.domain("discord.address_domain", r.AddressDomain),
		TellWaiting:   oneOf(c, "discord.tell_waiting", r.TellWaiting, TellBoth, TellReaction, TellLine, TellNothing)}
	c.guilds("discord.guilds", r.Guilds)
	if !r.Enabled {
		return d
	}
	if d.APIURL = c.url("discord.api_url", r.APIURL); d.APIURL != "" {
		d.APIURL = strings.TrimSuffix(d.APIURL, "/") + "/"
	}
	d.Token = c.token("discord.token_file", r.TokenFile, token)
	return d
}

// token gives the Discord token: the environment's, else the file's.
func (c *checker) token(key, file, token string) Secret {
	const allowed = "a file that holds the bot's token alone, or the token itself in " + EnvDiscordToken
	name := EnvDiscordToken
	if token == "" {
		if file == "" {
			c.fault(key, "is empty, and Discord is enabled", allowed)
			return ""
		}
		text, err := readSecret(file)
		if err != nil {
			c.fault(key, err.Error(), allowed)
			return ""
		}
		token, name = text, file
	}
	words := strings.Fields(token)
	if len(words) == 2 && words[0] == "Bot" { // as it stands in a request
		words = words[1:]
	}
	if len(words) != 1 || words[0] == "Bot" || strings.ContainsFunc(words[0], func(r rune) bool { return r <= ' ' || r > '~' }) {
		c.fault(key, name+" holds no token", allowed)
		return ""
	}
	return Secret(words[0])
}

func readSecret(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err == nil && len(text) > maxTokenFile {
		err = errors.New(file + " is too long")
	}
	return string(text), err
}

// domains: an address must belong to one side.
func (c *checker) domains(out Config) {
	if d := out.Accounts.Domain; d != "" && d == out.Discord.AddressDomain {
		c.fault("accounts.domain", quote(d)+" is discord.address_domain too", "a domain of its own, such as webtv.local")
	}
	if !out.Matrix.Enabled || out.Matrix.Homeserver.Domain == "" {
		return
	}
	switch out.Matrix.Homeserver.Domain {
	case out.Accounts.Domain:
		c.fault("accounts.domain", quote(out.Accounts.Domain)+" is matrix.homeserver.domain too, whose users could not be reached",
			"a domain of its own, such as webtv.local")
	case out.Discord.AddressDomain:
		c.fault("discord.address_domain", quote(out.Discord.AddressDomain)+" is matrix.homeserver.domain too, whose users could not be reached",
			"a domain of its own, such as discord.com")
	}
}

// oneOf checks a choice.
func oneOf[T ~string](c *checker, key, value string, choices ...T) T {
	if slices.Contains(choices, T(value)) {
		return T(value)
	}
	words := make([]string, len(choices))
	for i, w := range choices {
		words[i] = string(w)
	}
	c.fault(key, quote(value)+" is not known"+didYouMean("", value, words), strings.Join(words, ", "))
	return choices[0]
}

func (c *checker) level(key, value string) slog.Level {
	switch oneOf(c, key, value, "info", "debug", "warn", "error") {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}

func (c *checker) dialects(key string, names []string) []string {
	known := knownDialects()
	if len(names) == 0 {
		c.fault(key, "is empty", strings.Join(known, ", "))
	}
	for i, name := range names {
		if !slices.Contains(known, name) {
			c.fault(key, quote(name)+" is not known"+didYouMean("", name, known), strings.Join(known, ", "))
		} else if slices.Contains(names[:i], name) {
			c.fault(key, quote(name)+" stands there twice", "each once")
		}
	}
	return names
}

func (c *checker) sharedKey(key, value string, public bool) Key {
	if value == "" {
		return nil
	}
	// The value is a secret: faults do not repeat it.
	b, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(b) != sharedKeySize {
		c.fault(key, "is not base64 of "+strconv.Itoa(sharedKeySize)+" bytes", "12 characters, the last of them =, as `head -c8 /dev/urandom | base64` makes them")
		return nil
	}
	if Published(b) && !public {
		c.fault(key, "is a key that is published in a WebTV server's source, so anyone could sign in as any box",
			"a key of your own, set on both servers; or wtvp.allow_public_key: true")
	}
	return b
}

// Published tells whether a key is one that everybody knows.
func Published(k Key) bool {
	for _, p := range publishedKeys() {
		// Compared by what it does: base64 of 8 bytes has two idle bits and DES does
		// not look at the lowest bit of each byte, so there are many ways to write a key.
		if pub, _ := base64.StdEncoding.DecodeString(p); sameKey(pub, k) {
			return true
		}
	}
	return false
}

// sameKey tells whether two DES keys do the same: parity bits do not count.
func sameKey(a, b []byte) bool {
	return slices.EqualFunc(a, b, func(x, y byte) bool { return x&^1 == y&^1 })
}

func (c *checker) networks(key string, values []string) []netip.Prefix {
	var all []netip.Prefix
	for _, v := range values {
		p, err := netip.ParsePrefix(v)
		switch a, addrErr := netip.ParseAddr(v); {
		case err == nil && p == p.Masked():
			all = append(all, p)
		case err == nil:
			c.fault(key, quote(v)+" has more bits than its length says; did you mean "+p.Masked().String()+"?", "networks such as 192.168.0.0/16")
		case addrErr == nil && a.Zone() == "":
			c.fault(key, quote(v)+" is an address; did you mean "+netip.PrefixFrom(a, a.BitLen()).String()+"?", "networks such as 192.168.0.0/16")
		default:
			c.fault(key, quote(v)+" is no network", "networks such as 192.168.0.0/16")
		}
	}
	return all
}

// guilds wants ids: names change, and two guilds may share one.
func (c *checker) guilds(key string, ids []string) {
	for i, g := range ids {
		if n, err := strconv.ParseUint(g, 10, 64); err != nil || n == 0 {
			c.fault(key, quote(g)+" is no guild's id", "numbers such as 613425648685547541; [] for every guild")
		} else if slices.Contains(ids[:i], g) {
			c.fault(key, quote(g)+" stands there twice", "each once")
		}
	}
}

// users reads user ids of Matrix: whole ones, for what they may do is no matter of
// patterns.
func (c *checker) users(key string, values []string) []string {
	for _, v := range values {
		name, server, ok := strings.Cut(strings.TrimPrefix(v, "@"), ":")
		if !ok || v[0] != '@' || name == "" || !isServerName(server) || strings.ContainsAny(v, " *?") {
			c.fault(key, quote(v)+" is no user id", "whole user ids, such as @op:example.org")
		}
	}
	return values
}

func (c *checker) patterns(key string, values []string) []Pattern {
	var all []Pattern
	for _, v := range values {
		if v == "" || len(v) > maxPattern || strings.ContainsAny(v, " \t\r\n") || !strings.ContainsRune("@*?", rune(v[0])) {
			c.fault(key, quote(v)+" matches no Matrix user", "user ids with * and ?, such as @bob:example.org or *:example.org")
			continue
		}
		all = append(all, Pattern(v))
	}
	return all
}
