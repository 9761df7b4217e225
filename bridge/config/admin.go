package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// minAdminToken is the shortest token of the admin surface, in characters: what
// can be guessed over a network must not be a word.
const minAdminToken = 16

// admin checks the operator's surface. Whoever reaches it can end sessions and
// read who talks to whom, so that beyond this machine it needs a token.
func (c *checker) admin(r rawAdmin, token string) Admin {
	const allowed = "a file that holds a token alone, such as `head -c24 /dev/urandom | base64` makes, or the token itself in " + EnvAdminToken
	a := Admin{Listen: c.listen("admin.listen", r.Listen), TokenFile: r.TokenFile}
	name := EnvAdminToken
	if token == "" && r.TokenFile != "" {
		text, err := readSecret(r.TokenFile)
		if err != nil {
			c.fault("admin.token_file", err.Error(), allowed)
			return a
		}
		token, name = text, r.TokenFile
	}
	if name == EnvAdminToken && token == "" {
		if a.Listen != "" && !local(a.Listen) {
			c.fault("admin.listen", quote(a.Listen)+" can be reached from elsewhere, and there is no token",
				`"127.0.0.1:8463" for this machine only; or admin.token_file: `+allowed)
		}
		return a
	}
	token = strings.TrimSpace(token)
	if len(token) < minAdminToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		c.fault("admin.token_file", name+" holds no token of at least "+strconv.Itoa(minAdminToken)+" characters", allowed)
		return a
	}
	a.Token = Secret(token)
	return a
}

// local tells whether only this machine reaches an address to listen on.
func local(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
