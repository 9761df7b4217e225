package server

import (
	"context"

	"html"
	"net/netip"
	"strings"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/wire"
)

// Session is who is on a connection. All but Remote is the client's word. On a secured connection that word came with a ticket
// that opens under the initial shared key: somebody who knows the key let this client, some client, in (section 7.2). The SSID
// and the headers are claims even then.
type Session struct {
	// Secured tells whether the connection is. If not, UserID, Store and the keys are empty, and the rest was read from
	// the head of this request.
	Secured bool
	// Named tells whether the ticket names the SSID, so that it is no claim: only tickets of our own do. Store and SigningKey
	// are empty then.
	Named bool
	// SSID is the serial number of the box in lower case, letters and digits only; "" if none was sent.
	SSID string
	// UserID is the number of the user within the box's account, from the ticket; 0 is the subscriber.
	UserID int
	// Store is the ticket store, a JSON object. Do not change it.
	Store []byte
	// SigningKey is the signing key of the ticket in its canonical form, fit for comparing.
	SigningKey sec.Key
	// Keys are those of the ticket.
	Keys sec.Keys
	// Incarnation is wtv-incarnation of the SECURE ON.
	Incarnation uint32

	ROMType       string // wtv-client-rom-type, the model
	SystemVersion string // wtv-system-version, the build number
	Capabilities  string // wtv-capability-flags, a hexadecimal number; a hint, never a gate (section 3.2)

	// Remote is where the connection comes from, invalid if that is no IP address.
	Remote netip.AddrPort
	// Local is the address that the client reached, invalid if that is no IP address.
	Local netip.AddrPort
	// Conn numbers the connections of a Server, as in its log.
	Conn uint64
}

// sessionOf reads the claims in a head.
func sessionOf(h wire.Header, remote, local netip.AddrPort, id uint64) Session {
	clip := func(name string) string {
		v := h.Value(name)
		return v[:min(len(v), maxIdentity)]
	}
	return Session{
		SSID:          FoldSSID(h.Value("wtv-client-serial-number")),
		ROMType:       clip("wtv-client-rom-type"),
		SystemVersion: clip("wtv-system-version"),
		Capabilities:  clip("wtv-capability-flags"),
		Remote:        remote,
		Local:         local,
		Conn:          id,
	}
}

// FoldSSID brings a serial number into the form to compare: lower case, letters and digits only (section 3.1). The check digits
// are not looked at, for emulators do not follow them.
func FoldSSID(s string) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < maxIdentity; i++ {
		switch c := s[i]; {
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Request is one request for a service.
type Request struct {
	Method  string // wire.MethodGet, MethodPost or MethodPut
	URL     wire.URL
	Header  wire.Header
	Body    []byte
	Session *Session
}

// Response is what a handler answers. The server adds Connection and wtv-encrypted before the Header, Content-length after it,
// and enciphers the Body of a secured connection.
type Response struct {
	// Status and Text make the status line. With 1xx, 4xx, 5xx the Text is what a user sees; the Body is ignored
	// (section 2.2).
	Status int
	Text   string
	Header wire.Header
	// ContentType is sent before Content-length; "" sends none.
	ContentType string
	Body        []byte
	// Reason says to the log why the request was refused. It must hold nothing secret.
	Reason string
	// Close ends the connection after the answer.
	Close bool
	// Compress allows LZPF for this Body, where the box is of the kind that wants it (section 8.1).
	Compress bool
}

// Refuse returns an error answer: text for the user, reason for the log. The text is repeated as the body, as the public
// servers do.
func Refuse(status int, text, reason string) *Response {
	return &Response{
		Status:      status,
		Text:        text,
		ContentType: "text/html",
		Body:        []byte(html.EscapeString(wire.StatusText(text))),
		Reason:      reason,
	}
}

// Handler answers requests. The context ends when the server closes or HandlerTimeout has passed; the handler must then return.
// A nil Response, or a panic, is answered with 500.
type Handler interface {
	ServeWTVP(ctx context.Context, r *Request) *Response
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, r *Request) *Response

// ServeWTVP calls f.
func (f HandlerFunc) ServeWTVP(ctx context.Context, r *Request) *Response { return f(ctx, r) }

// Paths is a service made of a handler for each path ("/messengerlogin"). Any other path is answered 404. It is not to be
// changed while it serves.
type Paths map[string]Handler

// ServeWTVP passes the request on by its path.
func (p Paths) ServeWTVP(ctx context.Context, r *Request) *Response {
	if h := p[r.URL.Path]; h != nil {
		return h.ServeWTVP(ctx, r)
	}
	return Refuse(404, TextNotFound, "no such page")
}

// Texts for users, in the words that boxes of the public servers show.
const (
	TextNotFound = "The service could not find the requested page."
	TextTrouble  = "The service ran into a technical problem. Please try again."
	// TextSignOn is shown when a box comes with a ticket that does not open, mostly after the operator changed the key.
	TextSignOn = "This service could not recognize your sign-on. Please disconnect and connect again."
	// TextNotSetUp is shown when the operator has not given the server its key.
	TextNotSetUp = "This service is not set up yet."
	// TextElsewhere is shown for a URL of a service that is not served here.
	TextElsewhere = "This service is not available here."
)
