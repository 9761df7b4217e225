package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"wtvgate/bridge/config"
	"wtvgate/bridge/id"
	"wtvgate/msnp/passport"
)

// wirePassport builds the nexus and sign-in of PC clients and of other WebTV
// servers.
func (g *gateway) wirePassport() error {
	cfg := g.cfg.Passport
	var cert *tls.Certificate
	if cfg.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
		if err != nil {
			return fmt.Errorf("passport.tls_cert, passport.tls_key: %w", err)
		}
		cert = &pair
	}
	if unreachable(cfg) {
		g.log.Warn("passport.public_url is no place that clients elsewhere reach by HTTPS, which all of them use: set it to https://HOST, "+
			"and tls_cert and tls_key or a proxy in front", "url", cfg.PublicURL)
	}
	known := passport.NewVerifier(g.boxes, nil)
	g.hub.OnCredentials(func(a id.Account) {
		known.Forget(string(a))
		g.tickets.Forget(string(a))
	})
	h := passport.NewHandler(passport.Options{Accounts: known, Tickets: g.tickets, PublicURL: cfg.PublicURL, Log: g.log})
	g.nexus = passport.NewServer(h, cert, g.log)
	return nil
}

// unreachable tells of a service that is open to others under a URL that is not.
func unreachable(cfg config.Passport) bool {
	u, err := url.Parse(cfg.PublicURL)
	host, _, splitErr := net.SplitHostPort(cfg.Listen)
	if err != nil || splitErr != nil || isLoopback(host) {
		return false
	}
	return u.Scheme != "https" || isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.IsLoopback()
}
