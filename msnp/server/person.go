package server

import (
	"net/netip"
	"strings"

	"wtvgate/msnp/wire"
)

// MaxAddress is the longest address in bytes (msnp.md 15).
const MaxAddress = 129

// ParseAddress is an address as it is stored and compared: lower case, and
// decoded where the client escaped its @ (msnp.md 2.3, 4.4). False: it is none,
// having no local part, no domain, another @, or too many bytes. Whether its
// domain is one that is served is not known here.
func ParseAddress(a string) (string, bool) {
	if strings.Contains(a, "%40") {
		a = wire.Unescape(a)
	}
	a = strings.ToLower(strings.Clone(a))
	local, domain, ok := strings.Cut(a, "@")
	if !ok || local == "" || domain == "" || strings.ContainsRune(domain, '@') || len(a) > MaxAddress {
		return a, false
	}
	for i := range len(a) {
		if a[i] <= ' ' || a[i] == 0x7F {
			return a, false
		}
	}
	return a, true
}

// Shown is the name as a parameter: escaped, and the address in place of an
// empty one, which would shift the columns behind it (msnp.md 2.3).
func (p Person) Shown() string {
	if p.Name == "" {
		return p.Address
	}
	return wire.Escape(p.Name)
}

// sourceBits of an IPv6 address are one source: a subscriber has a /64 and as many
// addresses in it as they like.
const sourceBits = 64

// Source is what counts as one place that connections come from: an IPv4 address, or
// the network that one subscriber has in IPv6.
func Source(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(sourceBits); err == nil && a.Is6() && !a.IsLoopback() {
		return p.Addr()
	}
	return a
}
