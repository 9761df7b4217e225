package client

import (
	"context"
	"errors"
	"net"
	"time"

	"wtvgate/msnp/passport"
	"wtvgate/msnp/wire"
)

const (
	// writeTimeout is how long one write may take. A server that does not read
	// for so long is gone; its own deadline is 60 s (msnp.md 16).
	writeTimeout = 60 * time.Second
	// leaveTimeout is how long OUT waits for the server to close.
	leaveTimeout = 5 * time.Second
	// maxRedirects bounds the XFR NS a sign-in follows (msnp.md 4.7): one from
	// dispatch, and some for servers that move.
	maxRedirects = 3
	// clientEvents and boardEvents are how many events wait. The largest burst is
	// the ILN after the first CHG: up to 600 contacts (msnp.md 15).
	clientEvents = 1024
	boardEvents  = 128
	// maxRoster bounds a contact list: FL, AL, BL and RL at their limits have
	// 600 + 3 * 1000 entries (msnp.md 15).
	maxRoster = 4000
	// defaultPort is meant where XFR and RNG name none (msnp.md 1).
	defaultPort = "1863"
)

// Errors that a caller decides on. A refusal with a number is a *wire.Error.
var (
	// ErrClosed: the connection was closed on this side.
	ErrClosed = errors.New("client: closed")
	// ErrNotDelivered: the switchboard answered NAK.
	ErrNotDelivered = errors.New("client: not delivered")
	// ErrNoDialect: the server speaks none of the offered dialects.
	ErrNoDialect = errors.New("client: no dialect in common")
	// ErrTooLong: the text makes a payload over wire.MaxPayload.
	ErrTooLong = errors.New("client: message too long")
)

// Credential answers the sign-in challenge: with 32 hex digits for MD5, with a
// ticket for TWN (MSNP8). A box fetches the answer by WTVP. What it returns is
// sent as it is, several words as several parameters, as a box does with
// whatever its service said (msnp.md 17.1).
type Credential func(ctx context.Context, challenge string) (response string, err error)

// Password answers MD5 challenges, MSNP2 to MSNP7.
func Password(password string) Credential {
	return func(_ context.Context, challenge string) (string, error) {
		return passport.MD5Response(challenge, password), nil
	}
}

// Ticket answers every challenge with the same ticket.
func Ticket(ticket string) Credential {
	return func(context.Context, string) (string, error) { return ticket, nil }
}

// CVR is what a client says of itself (msnp.md 4.3). MSNP2-3 leave the last
// field out, MSNP8 adds the account's address.
type CVR struct {
	LCID, OS, OSVersion, Arch, Library, Version, Client string
}

// BoxCVR is what MSN TV firmware 2.8 sends. WebTV Viewer 2.5 sends none.
func BoxCVR() *CVR {
	return &CVR{LCID: "0x0409", OS: "webtv", OSVersion: "2.8", Arch: "MIPS",
		Library: "msntvim", Version: "2.8", Client: "msntv"}
}

// Options say who signs in, and how.
type Options struct {
	// Address is the account, such as alice@webtv.local.
	Address string
	// Dialects is what VER offers, in this order; CVR0 is added. Empty: MSNP8
	// alone, as the last first-generation firmware.
	Dialects []wire.Dialect
	// CVR is sent before USR in MSNP8 and after sign-in below, as clients of the
	// time did (msnp.md 4.3); nil: never.
	CVR *CVR
	// Credential answers the challenge. It must be set.
	Credential Credential
	// Dial connects; nil: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// BoardAddress is where switchboards are reached, whatever XFR and RNG say:
	// for tests and for servers behind a translated address. Empty: as told.
	BoardAddress string
	// Trace gets every line without its end, dir 'C' for sent and 'S' for
	// received. Payloads are left out. It is called from several goroutines, must
	// return quickly and must not call this package. Lines hold secrets: see
	// wire.RedactLine.
	Trace func(dir byte, line string)
}

func (o *Options) dial(ctx context.Context, address string) (net.Conn, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(address, defaultPort)
	}
	if o.Dial != nil {
		return o.Dial(ctx, "tcp", address)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

func (o *Options) dialects() []wire.Dialect {
	if len(o.Dialects) == 0 {
		return []wire.Dialect{wire.MSNP8}
	}
	return o.Dialects
}
