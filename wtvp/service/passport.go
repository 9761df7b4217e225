// Package service holds the services that a WebTV server offers to boxes, as handlers for wtvp/server.
//
// A service keeps no state of its own; it may be called from many goroutines at once. Section numbers in comments are those of
// the project's WTVP reference.
package service

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

const (
	// PassportName is the name of the service in URLs and service lists.
	PassportName = "wtv-passport"
	// LoginPath is the page that turns a challenge of the MSN server into what the box must answer.
	LoginPath = "/messengerlogin"
	// MaxChallenge is the longest challenge taken, in bytes (section 10.4). The longest of an original server had about 300.
	MaxChallenge = 2 << 10
	// MaxAnswer is the longest answer sent, in bytes. Passport tickets had about 350; it must fit a line of MSNP.
	MaxAnswer = 1536
	// CredentialsTimeout is how long Credentials may take. The box itself waits for minutes, a user does not.
	CredentialsTimeout = 30 * time.Second

	// noCache is the customary date that keeps an answer out of the box's cache (section 2.2).
	noCache = "Wed, 09 Oct 1991 22:00:00 GMT"
)

// Texts for users.
const (
	// TextUnavailable is the answer when it is not the user's fault, or not known to be.
	TextUnavailable = "MSN Messenger sign-in is not available. Please try again."
	// TextNotSecured is the answer to a box that asks without SECURE ON.
	TextNotSecured = "MSN Messenger needs a secure connection. Please disconnect, connect again and try once more."
	// TextBadChallenge is the answer to a request without a usable challenge.
	TextBadChallenge = "MSN Messenger sign-in ran into a technical problem. Please try again."
)

// Credentials says what a box must send to the MSN server for a challenge.
type Credentials interface {
	// MessengerLogin returns the box's next parameter of USR: the MD5 in hex for MSNP2 to 7, the Passport ticket for MSNP8
	// (see WantsTicket), or whatever else the MSN server that made the challenge will take. It has no spaces, control or
	// non-ASCII characters and at most MaxAnswer bytes. An error that is a *Refusal says what to tell the user; any other
	// is TextUnavailable. The context ends after CredentialsTimeout.
	MessengerLogin(ctx context.Context, box Box, challenge string) (answer string, err error)
}

// Box is who asks. UserID and SigningKey come out of a ticket that opened under the initial shared key; the rest is the client's
// word (section 7.2): tie a SigningKey to the SSID that showed it first.
type Box struct {
	SSID          string // in lower case, letters and digits only, never empty
	Named         bool   // the ticket names the SSID, so it is no claim; there is no SigningKey then
	UserID        int    // number of the user within the box's account, 0 is the subscriber
	Remote        netip.AddrPort
	SigningKey    sec.Key // in its canonical form
	ROMType       string  // the model
	SystemVersion string  // the build number
	Capabilities  string  // hexadecimal bits; a hint, never a gate
}

// BoxOf is who asks on a secured connection. What else is served to boxes finds out by it for whom.
func BoxOf(s *server.Session) Box {
	return Box{
		SSID: s.SSID, Named: s.Named, UserID: s.UserID, Remote: s.Remote, SigningKey: s.SigningKey,
		ROMType: s.ROMType, SystemVersion: s.SystemVersion, Capabilities: s.Capabilities,
	}
}

// Refusal is an error of Credentials with words for the user.
type Refusal struct {
	Text   string // shown on the TV; "" is TextUnavailable
	Reason string // for the log
	Status int    // 400 to 599; anything else is 500
}

// Error gives the reason, for a log.
func (r *Refusal) Error() string { return "service: refused: " + r.Reason }

// WantsTicket tells the two kinds of challenge apart: true for that of MSNP8, which wants a Passport ticket, false for that of
// MSNP2 to 7, which wants an MD5 (section 10.3).
func WantsTicket(challenge string) bool {
	return strings.HasPrefix(challenge, "ct=") || strings.HasPrefix(challenge, "lc=") ||
		strings.Contains(challenge, ",ct=") || strings.Contains(challenge, ",tpf=")
}

// Passport returns the wtv-passport service.
func Passport(c Credentials) server.Handler {
	return server.Paths{LoginPath: &messengerLogin{c}}
}

type messengerLogin struct{ creds Credentials }

func (m *messengerLogin) ServeWTVP(ctx context.Context, r *server.Request) *server.Response {
	if refusal := check(r); refusal != nil {
		return refusal
	}
	ctx, cancel := context.WithTimeout(ctx, CredentialsTimeout)
	defer cancel()
	answer, err := m.creds.MessengerLogin(ctx, BoxOf(r.Session), r.URL.Query)
	if err != nil {
		return refusalOf(err)
	}
	if why := unsendable(answer, MaxAnswer); why != "" {
		return server.Refuse(500, TextUnavailable, "credentials gave an answer that cannot be sent: "+why)
	}
	return &server.Response{
		Status:      200,
		Text:        "OK",
		Header:      wire.Header{{Name: "Expires", Value: noCache}},
		ContentType: "text/plain",
		Body:        []byte(answer),
	}
}

// check refuses what no box has a reason to send. A wtv-ticket in the head of a plain request changes nothing: the answer is the
// user's Messenger credential and would cross the line in clear (section 10.4).
func check(r *server.Request) *server.Response {
	switch {
	case !r.Session.Secured:
		return server.Refuse(500, TextNotSecured, "messengerlogin without SECURE ON (is the flag 0x01 set for wtv-passport "+
			"in the service list of the WebTV server?)")
	case r.Session.SSID == "":
		return server.Refuse(500, server.TextSignOn, "SECURE ON without a serial number")
	case r.Method != wire.MethodGet && r.Method != wire.MethodPost:
		return server.Refuse(400, TextBadChallenge, "messengerlogin with method "+r.Method)
	case !r.URL.HasQuery:
		return server.Refuse(400, TextBadChallenge, "messengerlogin without a question mark")
	}
	if why := unsendable(r.URL.Query, MaxChallenge); why != "" {
		return server.Refuse(400, TextBadChallenge, "messengerlogin challenge: "+why)
	}
	return nil
}

// unsendable says why a text cannot be a parameter of an MSNP command, "" if it can.
func unsendable(s string, limit int) string {
	if s == "" {
		return "empty"
	}
	if len(s) > limit {
		return fmt.Sprintf("longer than %d bytes", limit)
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return "has a space, line end or character that is not printable ASCII"
		}
	}
	return ""
}

func refusalOf(err error) *server.Response {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return server.Refuse(500, TextUnavailable, "credentials: "+err.Error())
	}
	text, status := refusal.Text, refusal.Status
	if text == "" {
		text = TextUnavailable
	}
	if status < 400 || status > 599 {
		status = 500
	}
	return server.Refuse(status, text, refusal.Reason)
}
