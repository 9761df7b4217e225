package doctor

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// Port is one listener of the configuration.
type Port struct{ Key, Listen string }

// Ports looks whether each listener can have its port.
type Ports struct {
	Want []Port
	// Held are the addresses that our own running gateway has open, by key; nil
	// when none runs.
	Held map[string]string
	PID  int
}

// Run implements Check.
func (p Ports) Run(ctx context.Context) []Finding {
	all := make([]Finding, 0, len(p.Want))
	for _, w := range p.Want {
		all = append(all, p.one(ctx, w))
	}
	return all
}

func (p Ports) one(ctx context.Context, w Port) Finding {
	if _, port, err := net.SplitHostPort(w.Listen); err == nil && port == "0" {
		return warn(w.Key, "give it a number", "%s is a port of the system's choice, another one at each start", w.Listen)
	}
	held := p.Held[w.Key]
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", w.Listen)
	if err == nil {
		ln.Close()
		if p.Held != nil {
			return warn(w.Key, "restart the gateway if the configuration was changed since it started",
				"%s is free, but the running gateway (pid %d) has %s open for it", w.Listen, p.PID, or(held, "nothing"))
		}
		return good(w.Key, "%s is free", w.Listen)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && samePort(held, w.Listen):
		return good(w.Key, "%s is open, by the running gateway (pid %d)", w.Listen, p.PID)
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(w.Listen)
		return fail(w.Key, "stop the other program (`ss -ltnp 'sport = :"+port+"'` names it) or choose another port",
			"another program listens on %s", w.Listen)
	case errors.Is(err, syscall.EACCES):
		return fail(w.Key, "choose a port above 1023, or give the service CAP_NET_BIND_SERVICE", "this user may not listen on %s", w.Listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fail(w.Key, `use an address of this machine, or ":`+portOf(w.Listen)+`" for all of them`, "%s is no address of this machine", w.Listen)
	}
	return fail(w.Key, "correct the address", "cannot listen on %s: %v", w.Listen, err)
}

// samePort compares an open address with the one asked for: a wildcard opens
// under another spelling.
func samePort(open, want string) bool {
	a, err := net.ResolveTCPAddr("tcp", open)
	if err != nil || open == "" {
		return false
	}
	return strconv.Itoa(a.Port) == portOf(want)
}

func portOf(listen string) string {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	return port
}

func or(s, other string) string {
	if strings.TrimSpace(s) == "" {
		return other
	}
	return s
}
