// Package publicnet makes HTTP clients for addresses that strangers name: they
// reach public hosts only. What a name means is judged when the connection is
// made, so a name that changes its meaning, or a redirect, gets no further than
// the address itself would.
//
// The package has no state.
package publicnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrPrivate refuses an address that is not public.
var ErrPrivate = errors.New("publicnet: not a public address")

const (
	// dialTimeout bounds one connection; the client's own timeout bounds the rest.
	dialTimeout = 10 * time.Second
	// maxRedirects is how often a request may be sent elsewhere.
	maxRedirects = 3
	// maxHead bounds an answer's head, in bytes.
	maxHead = 64 << 10
)

// special are the networks beyond those that net/netip knows, in which nobody
// public lives (IANA's special-purpose registries).
var special = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10", "::/96")

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, p := range all {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

// Public tells whether an address belongs to nobody's own network: not to this
// machine, its link, its owner's or provider's net, nor to a way around that.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// NewClient makes a client that reaches public hosts only, over http and https,
// through no proxy and with no cookies. Timeout bounds a whole request, its body
// included.
func NewClient(timeout time.Duration) *http.Client { return newClient(timeout, Public) }

func newClient(timeout time.Duration, allowed func(netip.Addr) bool) *http.Client {
	d := &net.Dialer{Timeout: dialTimeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		if ap, err := netip.ParseAddrPort(address); err != nil || !allowed(ap.Addr()) {
			return ErrPrivate // the address is not named: it would tell what is there
		}
		return nil
	}}
	t := &http.Transport{DialContext: d.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTimeout,
		ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: maxHead, IdleConnTimeout: time.Minute, MaxIdleConns: 16}
	return &http.Client{Timeout: timeout, Transport: t, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("publicnet: more than %d redirects", maxRedirects)
		}
		return nil
	}}
}
