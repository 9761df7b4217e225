package doctor

import (
	"context"
	"net/http"
	"time"
)

const (
	// clockWarn is a difference that shows: messages carry wrong times.
	clockWarn = 30 * time.Second
	// clockFail is one that breaks things: certificates, and challenges that live
	// ten minutes (msnp.md 17.1).
	clockFail = 10 * time.Minute
)

// oldest is before any version of this program.
var oldest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Clock compares this machine's clock with those of servers we talk with.
type Clock struct {
	URLs []string // asked in order, until one says its time
	HTTP *http.Client
	Now  func() time.Time
}

// Run implements Check.
func (c Clock) Run(ctx context.Context) []Finding {
	const mend = "let the system keep time: `timedatectl set-ntp true`"
	ctx, cancel := context.WithTimeout(ctx, netTime)
	defer cancel()
	if now := c.Now(); now.Before(oldest) {
		return []Finding{fail("clock", mend, "it says %s", now.UTC().Format(time.RFC1123))}
	}
	for _, u := range c.URLs {
		begun := c.Now()
		r, err := caller{client: c.HTTP}.call(ctx, http.MethodGet, u, nil, nil)
		if err != nil || r.Date.IsZero() {
			continue
		}
		// Their second began up to one second before, somewhere on the way.
		off := begun.Add(c.Now().Sub(begun) / 2).Sub(r.Date.Add(time.Second / 2)).Round(time.Second)
		switch {
		case off.Abs() >= clockFail:
			return []Finding{fail("clock", mend, "%s off that of %s", off, host(u))}
		case off.Abs() >= clockWarn:
			return []Finding{warn("clock", mend, "%s off that of %s", off, host(u))}
		}
		return []Finding{good("clock", "agrees with that of %s", host(u))}
	}
	return []Finding{good("clock", "says %s; there is no server to compare it with", c.Now().UTC().Format(time.RFC1123))}
}
