package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"time"

	"wtvgate/bridge/config"
)

// soonExpires is when a certificate should have been renewed: those of today
// live 90 days and are renewed at 60.
const soonExpires = 14 * 24 * time.Hour

// Passport looks at the sign-in of PC clients.
type Passport struct {
	Config config.Passport
	Now    func() time.Time
}

// Run implements Check.
func (p Passport) Run(context.Context) []Finding {
	u, err := url.Parse(p.Config.PublicURL)
	host, _, splitErr := net.SplitHostPort(p.Config.Listen)
	if err != nil || splitErr != nil {
		return []Finding{fail("passport", "correct passport.listen and passport.public_url", "cannot be read")}
	}
	all := []Finding{p.reach(u, host)}
	if p.Config.TLSCert == "" {
		return all
	}
	return append(all, p.certificate(u)...)
}

func (p Passport) reach(u *url.URL, host string) Finding {
	const key = "passport.public_url"
	switch {
	case isLocal(host) && isLocal(u.Hostname()):
		return good(key, "%s: only this machine signs in with a password", p.Config.PublicURL)
	case isLocal(u.Hostname()):
		return warn(key, "set it to https://HOST as clients reach it, or passport.listen to 127.0.0.1", "%s is this machine itself for whoever is told it", p.Config.PublicURL)
	case u.Scheme != "https":
		return warn(key, "set it to https://HOST, with passport.tls_cert and tls_key or a proxy in front", "clients use HTTPS only, and it is %s", p.Config.PublicURL)
	case p.Config.TLSCert == "" && !isLocal(host):
		return warn(key, "set passport.tls_cert and tls_key, or put a proxy in front and passport.listen on 127.0.0.1",
			"clients are sent to %s, and %s answers without TLS", p.Config.PublicURL, p.Config.Listen)
	case p.Config.TLSCert == "":
		return good(key, "%s, by a proxy on this machine", p.Config.PublicURL)
	}
	return good(key, "%s", p.Config.PublicURL)
}

func (p Passport) certificate(u *url.URL) []Finding {
	const key = "passport.tls_cert"
	pair, err := tls.LoadX509KeyPair(p.Config.TLSCert, p.Config.TLSKey)
	if err != nil {
		return []Finding{fail(key, "give passport.tls_cert and passport.tls_key the PEM files of one certificate", "%v", err)}
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return []Finding{fail(key, "have the certificate made anew", "%v", err)}
	}
	var all []Finding
	now, until := p.Now(), leaf.NotAfter.UTC().Format("2006-01-02 15:04 MST")
	switch {
	case now.After(leaf.NotAfter):
		all = append(all, fail(key, "renew it and restart the gateway", "has expired on %s", until))
	case now.Before(leaf.NotBefore):
		all = append(all, fail(key, "look at this machine's clock", "is valid from %s only", leaf.NotBefore.UTC().Format("2006-01-02 15:04 MST")))
	case now.Add(soonExpires).After(leaf.NotAfter):
		all = append(all, warn(key, "renew it and restart the gateway", "expires on %s", until))
	default:
		all = append(all, good(key, "is valid until %s", until))
	}
	if err := leaf.VerifyHostname(u.Hostname()); err != nil {
		return append(all, fail(key, "have it made for "+u.Hostname()+", or correct passport.public_url", "is for another name: %v", err))
	}
	return append(all, good(key, "is for %s", u.Hostname()))
}
