package service

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

// Flags of a service in the service list (section 9.1).
const (
	// FlagPlain tells boxes not to secure requests to the service.
	FlagPlain = 0x01
	// FlagHTTP tells them to speak HTTP to it.
	FlagHTTP = 0x02
	// FlagOpen lets pages of elsewhere link to it.
	FlagOpen = 0x04
)

// AnyService is the name that stands for every service not listed.
const AnyService = "wtv-*"

// Listed is a line of the service list: where boxes find a service.
type Listed struct {
	Name  string // as in its URLs, or AnyService
	Port  uint16
	Flags uint32
	// Connections is how many a box may open to it; 0 leaves it to the box.
	Connections int
}

// line is the value of wtv-service: single spaces, host dotted (section 9.1).
func (l Listed) line(host netip.Addr) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name=%s host=%s port=%d", l.Name, host, l.Port)
	if l.Flags != 0 {
		fmt.Fprintf(&b, " flags=0x%08x", l.Flags)
	}
	if l.Connections != 0 {
		b.WriteString(" connections=" + strconv.Itoa(l.Connections))
	}
	return b.String()
}

// places is where boxes are sent.
type places struct {
	host netip.Addr
	all  []Listed
}

// addList appends the lines of services; without names, those of all. reset comes first: it empties the list that the box has.
func (p places) addList(h *wire.Header, names ...string) {
	h.Add("wtv-service", "reset")
	for _, l := range p.all {
		wanted := len(names) == 0
		for _, n := range names {
			wanted = wanted || n == l.Name
		}
		if wanted {
			h.Add("wtv-service", l.line(p.host))
		}
	}
}

// Host returns the address that a box is told for services: the one given, or if that is invalid, the one the box reached. It is
// an IPv4 address, since boxes know no other; false if there is none.
func Host(advertise netip.Addr, s *server.Session) (netip.Addr, bool) {
	a := advertise
	if !a.IsValid() {
		a = s.Local.Addr()
	}
	a = a.Unmap()
	return a, a.Is4()
}
