// Package client is a small WTVP client that speaks as a box does: SECURE ON with a ticket, then many requests on one
// connection. The simulated box, the demo and the tests use it.
//
// A Conn may be used from several goroutines; its mutex keeps one request on the line at a time. An Identity may be shared by
// many connections. A Box has a mutex too, held for the length of a page with all that it leads to; it alone changes its
// Identity.
package client

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"sync/atomic"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/wire"
)

// Identity is what a box knows about itself after it has signed on to its WebTV server.
type Identity struct {
	SSID   string   // serial number, 16 hex digits on a real box
	UserID int      // as in the ticket
	Keys   sec.Keys // of the last challenge
	Ticket string   // as the WebTV server handed it out

	ROMType       string
	SystemVersion string
	Capabilities  string
	UserAgent     string

	incarnation atomic.Uint32 // number of the last connection
}

// NewIdentity makes an Identity with the ticket that a WebTV server with this initial shared key would have handed out. It
// describes itself as an LC2 box of build 7181, the kind that has Messenger with MSNP3.
func NewIdentity(initial sec.Key, ssid string, userID int) (*Identity, error) {
	signing, err := sec.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	c, err := sec.NewChallenge(signing, rand.Reader)
	if err != nil {
		return nil, err
	}
	t, err := sec.NewTicket(signing, c, []byte(`{"user_id":`+strconv.Itoa(userID)+`}`))
	if err != nil {
		return nil, fmt.Errorf("client: making a ticket: %w", err)
	}
	id := NewBox(ssid)
	id.UserID, id.Keys, id.Ticket = userID, c.Keys, t.Encode(initial)
	return id, nil
}

// NewBox makes an Identity as it is in a box out of its carton: without a ticket. SignOn gets it one. It describes itself like
// that of NewIdentity.
func NewBox(ssid string) *Identity {
	return &Identity{
		SSID: ssid, ROMType: "US-LC2-disk-0MB-8MB", SystemVersion: "7181", Capabilities: "10935ffc8f",
		UserAgent: "Mozilla/4.0 WebTV/2.2.6.1 (compatible; MSIE 4.0)",
	}
}

// Incarnation returns the number of the last connection; 0 if there was none.
func (id *Identity) Incarnation() uint32 { return id.incarnation.Load() }

// next counts a new connection. Every one that a box opens has a number one higher than the last (reference wtvp.md section 3).
func (id *Identity) next() uint32 { return id.incarnation.Add(1) }

// header is what a box tells about itself in a plain head, in its order.
func (id *Identity) header(ticket bool) wire.Header {
	h := wire.Header{{Name: "Accept-Language", Value: "en-US,en"}}
	add := func(name, value string) {
		if value != "" {
			h.Add(name, value)
		}
	}
	if ticket {
		add("wtv-ticket", id.Ticket)
	}
	add("wtv-client-serial-number", id.SSID)
	add("wtv-system-version", id.SystemVersion)
	add("wtv-capability-flags", id.Capabilities)
	add("wtv-client-rom-type", id.ROMType)
	add("User-Agent", id.UserAgent)
	add("wtv-encryption", "true")
	return h
}
