package doctor

import (
	"context"
	"net"
	"net/netip"
	"strings"
)

// Advertise looks at an address that boxes are told to connect to, as a box
// would.
type Advertise struct {
	Key     string // messenger.advertise, wtvp.advertise
	Value   string // a host, or host:port; "" is auto
	Listen  string // the listener that it leads to
	HasPort bool   // Value is host:port
	// Own are this machine's addresses; nil: asked of the system.
	Own func() ([]netip.Addr, error)
}

// Run implements Check.
func (a Advertise) Run(context.Context) []Finding {
	host, _, err := net.SplitHostPort(a.Listen)
	if err != nil {
		return []Finding{fail(a.Key, "correct the listener", "%s: %v", a.Listen, err)}
	}
	localOnly := isLocal(host)
	if a.Value == "" {
		return []Finding{a.auto(localOnly)}
	}
	told, port := a.Value, ""
	if a.HasPort {
		if told, port, err = net.SplitHostPort(a.Value); err != nil {
			return []Finding{fail(a.Key, "host:port such as 192.0.2.1:1863", "%s: %v", a.Value, err)}
		}
	}
	all := []Finding{a.address(told, localOnly)}
	if open := portOf(a.Listen); port != "" && port != open && open != "0" {
		all = append(all, warn(a.Key, "have the router send port "+port+" to port "+open+" here, or advertise port "+open,
			"boxes are told port %s, and the gateway listens on %s", port, open))
	}
	return all
}

// auto is right unless a router stands between; the operator is shown what boxes
// of this network would be told.
func (a Advertise) auto(localOnly bool) Finding {
	if localOnly {
		return good(a.Key, "auto: only clients on this machine reach %s", a.Listen)
	}
	own := a.Own
	if own == nil {
		own = ownAddresses
	}
	addrs, err := own()
	if err != nil {
		return warn(a.Key, "set it to the address boxes reach", "auto, and this machine's addresses cannot be read: %v", err)
	}
	var public, private []string
	for _, x := range addrs {
		switch x = x.Unmap(); {
		case !x.Is4() || x.IsLoopback() || x.IsLinkLocalUnicast():
		case x.IsPrivate():
			private = append(private, x.String())
		default:
			public = append(public, x.String())
		}
	}
	switch {
	case len(public) > 0:
		return good(a.Key, "auto: boxes are told the address they reached, such as %s", strings.Join(public, ", "))
	case len(private) > 0:
		return good(a.Key, "auto: boxes are told the address they reached, such as %s (private: boxes beyond a router need the router's address here)",
			strings.Join(private, ", "))
	}
	return warn(a.Key, "boxes know IPv4 only: give this machine an IPv4 address, or set the key to the router's", "auto, and this machine has no IPv4 address but loopback")
}

// address judges a host that boxes are told.
func (a Advertise) address(host string, localOnly bool) Finding {
	const dotted = "set it to the dotted address boxes reach, such as 192.0.2.1"
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return warn(a.Key, dotted, "%s is a name: boxes ask their WebTV service's name server for it, and old ones take dotted addresses only", host)
	case !ip.Is4():
		return fail(a.Key, dotted, "%s is IPv6, which boxes do not speak", host)
	case ip.IsUnspecified():
		return fail(a.Key, dotted, "%s is nowhere a box could connect to", host)
	case ip.IsLoopback() && localOnly:
		return good(a.Key, "%s: only clients on this machine", host)
	case ip.IsLoopback():
		return fail(a.Key, dotted+", or to auto", "%s is this machine itself: a box that is told it calls itself", host)
	case ip.IsPrivate():
		return warn(a.Key, "right for boxes in this network; for boxes on the internet set the router's public address", "%s is a private address", host)
	}
	return good(a.Key, "%s is a public address", host)
}

func isLocal(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

func ownAddresses() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for _, x := range list {
		if p, err := netip.ParsePrefix(x.String()); err == nil {
			all = append(all, p.Addr())
		}
	}
	return all, nil
}
