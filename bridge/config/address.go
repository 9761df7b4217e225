package config

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"

	"wtvgate/bridge/id"
)

// address.go: everything that names a place.

// isServerName takes what may stand behind an address's @, with or without a
// port.
func isServerName(s string) bool {
	a, err := id.ParseAddress("x@" + s)
	return err == nil && a.Domain() == s
}

// isHost takes a name or a dotted address, without a port.
func isHost(s string) bool {
	return isServerName(strings.ToLower(s)) && !strings.ContainsAny(s, ":[")
}

func (c *checker) domain(key, value string) string {
	if !isHost(value) {
		c.fault(key, quote(value)+" is no domain", "a name such as webtv.local")
		return ""
	}
	return strings.ToLower(value)
}

// port reads a port number, the lowest given.
func port(s string, lowest int) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && int(n) >= lowest && strconv.FormatUint(n, 10) == s
}

func (c *checker) listen(key, value string) string {
	host, p, err := net.SplitHostPort(value)
	_, ipErr := netip.ParseAddr(host)
	if err != nil || !port(p, 0) || host != "" && ipErr != nil && !isHost(host) {
		hint := ""
		if port(value, 1) {
			hint = "; did you mean \":" + value + "\"?"
		}
		c.fault(key, quote(value)+" is no address to listen on"+hint, `":1234" for every interface, "127.0.0.1:1234" for this machine only`)
		return ""
	}
	return value
}

// advertise checks what XFR and RNG tell. They need a port, and one that is not
// written is refused rather than taken from messenger.listen: behind a router
// the two differ, and a wrong guess sends every box to a closed door without a
// line in any log.
func (c *checker) advertise(key, value string) string {
	const allowed = "auto, or host:port such as 192.0.2.1:1863"
	if value == auto {
		return ""
	}
	host, p, err := net.SplitHostPort(value)
	switch {
	case isHost(value):
		c.fault(key, quote(value)+" has no port; did you mean \""+value+":1863\"?", allowed)
	case err != nil || !port(p, 1):
		c.fault(key, quote(value)+" is not host:port", allowed)
	default:
		c.reachable(key, value, host, allowed)
	}
	return value
}

// advertiseHost checks what the service list tells: a dotted address alone, since
// each service goes with the port it listens on, and boxes are not known to
// resolve names there (wtvp.md 9.1).
func (c *checker) advertiseHost(key, value string) string {
	const allowed = "auto, or a dotted address such as 192.0.2.1"
	if value == auto {
		return ""
	}
	a, err := netip.ParseAddr(value)
	_, _, portErr := net.SplitHostPort(value)
	switch {
	case portErr == nil:
		c.fault(key, quote(value)+" has a port; every service is told with its own", allowed)
	case err == nil && a.Is6():
		c.fault(key, quote(value)+" is IPv6, which boxes do not speak", allowed)
	case err == nil && (a.IsUnspecified() || a.IsMulticast() || a == broadcast):
		c.fault(key, quote(value)+" is nowhere a box could connect to", allowed)
	case err != nil && isHost(value):
		c.fault(key, quote(value)+" is a name, which boxes do not look up in a service list", allowed)
	case err != nil:
		c.fault(key, quote(value)+" is no address", allowed)
	}
	return value
}

// broadcast reaches everybody in a network and nobody in particular.
var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// reachable refuses hosts no box can connect to: boxes know IPv4 only.
func (c *checker) reachable(key, value, host, allowed string) {
	a, err := netip.ParseAddr(host)
	switch {
	case err == nil && a.Is6():
		c.fault(key, quote(value)+" is IPv6, which boxes do not speak", allowed)
	case err == nil && a.IsUnspecified():
		c.fault(key, quote(value)+" is nowhere a box could connect to", allowed)
	case !isHost(host):
		c.fault(key, quote(value)+" has no valid host", allowed)
	}
}

func (c *checker) url(key, value string) string {
	const allowed = "http://host:port or https://host"
	u, err := url.Parse(value)
	switch {
	case err != nil:
		c.fault(key, "is no URL", allowed) // it may hold a password: not repeated
	case u.User != nil:
		c.fault(key, "has a user or password in it", allowed)
	case u.Scheme != "http" && u.Scheme != "https":
		c.fault(key, quote(value)+" does not begin with http:// or https://", allowed)
	case u.Hostname() == "" || u.Port() != "" && !port(u.Port(), 1) || strings.HasSuffix(u.Host, ":"):
		c.fault(key, quote(value)+" has no valid host", allowed)
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		c.fault(key, quote(value)+" has a ? or # in it", allowed)
	default:
		return value
	}
	return ""
}

func (c *checker) localpart(key, value string) bool {
	ok := value != "" && len(value) <= maxLocalpart && strings.Trim(value, "abcdefghijklmnopqrstuvwxyz0123456789._=/+-") == ""
	if !ok {
		c.fault(key, quote(value)+" cannot stand in a Matrix user id", "1 to "+strconv.Itoa(maxLocalpart)+" of a-z 0-9 . _ = / + -")
	}
	return ok
}

func (c *checker) readable(key, path string) {
	f, err := os.Open(path)
	if err != nil {
		c.fault(key, err.Error(), "the path of a PEM file")
		return
	}
	_ = f.Close()
}

// listeners finds two that cannot both have their port.
func (c *checker) listeners(out Config) {
	type place struct{ key, listen string }
	open := []place{{"admin.listen", out.Admin.Listen}, {"messenger.listen", out.Messenger.Listen}, {"passport.listen", out.Passport.Listen}}
	if out.Pictures.Listen != "" {
		open = append(open, place{"pictures.listen", out.Pictures.Listen})
	}
	if out.WTVP.Mode != WTVPOff {
		open = append(open, place{"wtvp.passport.listen", out.WTVP.Passport.Listen})
	}
	if out.WTVP.Mode == Standalone {
		open = append(open, place{"wtvp.preregister.listen", out.WTVP.Preregister.Listen},
			place{"wtvp.head_waiter.listen", out.WTVP.HeadWaiter.Listen})
	}
	if out.Matrix.Enabled {
		open = append(open, place{"matrix.appservice.listen", out.Matrix.Appservice.Listen})
	}
	for i, b := range open {
		for _, a := range open[:i] {
			if clash(a.listen, b.listen) {
				c.fault(b.key, quote(b.listen)+" is taken by "+a.key+" ("+a.listen+")", "a port of its own")
				break
			}
		}
	}
}

func clash(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || everywhere(hostA) || everywhere(hostB)
}

func everywhere(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "" || err == nil && a.IsUnspecified()
}
