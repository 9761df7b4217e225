package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

// Names of the services of a sign-in without another WebTV server.
const (
	PreregisterName = "wtv-1800"
	HeadWaiterName  = "wtv-head-waiter"
	HomeName        = "wtv-home"
)

const (
	// TicketLife is how long a ticket is good. It is renewed at every sign-in and relogin, and a box that is left on signs in
	// again by itself at every boot.
	TicketLife = 30 * 24 * time.Hour

	preregisterURL = PreregisterName + ":/preregister?scriptless-visit-reason=999"
	loginURL       = HeadWaiterName + ":/login?"
	validateURL    = HeadWaiterName + ":/validate-login?"
	chooseUserURL  = HeadWaiterName + ":/choose-user?"
	stageTwoURL    = HeadWaiterName + ":/login-stage-two?"
	reloginURL     = HeadWaiterName + ":/relogin?relogin=true"
	reconnectURL   = HeadWaiterName + ":/reconnect?reconnect=true"
	// HomeURL is the page a box shows after its sign-in.
	HomeURL = HomeName + ":/home?"

	// messengerPort is the port that boxes use when wtv-messenger-server names none (section 9.2).
	messengerPort = 1863
	// Timeouts of Messenger on the box, in seconds as far as is known: what WebTV Redialed sends today (section 9.2). A box may
	// have to dial out first, and none of them costs anything.
	messengerTimeout = "480"
	messengerRetry   = "40"
	// Timeouts of the sign-in, in seconds: those of the public servers (section 9.3).
	loginTimeout = "7200"
)

// Texts for users.
const (
	// TextNoSerial is the answer to a box without a usable serial number.
	TextNoSerial = "This service could not read the serial number of your WebTV."
	// TextWrongAnswer is the answer to a wrong response to the challenge.
	TextWrongAnswer = "This service could not verify your WebTV. Please disconnect and connect again."
	// TextSignOff is the answer to somebody who has to sign on first.
	TextSignOff = "Your connection to the service has ended. Please connect again."
)

// Subscriber is who a box is to Messenger.
type Subscriber struct {
	User, Domain string // of the address; User is "" if the box has no account
	Name         string // for the screen
	Number       int64  // of the account, 0 if there is none
	MayRegister  bool   // without an account: the box may choose an address
}

// Address is the subscriber's Messenger address, "" without an account.
func (s Subscriber) Address() string {
	if s.User == "" {
		return ""
	}
	return s.User + "@" + s.Domain
}

// Subscribers knows the accounts of boxes. Errors that are a *Refusal say what to tell the user; any other is TextUnavailable.
type Subscribers interface {
	// Subscriber returns who a box is. A box without an account is no error.
	Subscriber(ctx context.Context, box Box) (Subscriber, error)
	// Register makes an account for a box, named by what its user typed as the part before the @.
	Register(ctx context.Context, box Box, name string) (Subscriber, error)
	// Users returns which users of a box have accounts, whoever of them asks, by their numbers.
	Users(ctx context.Context, box Box) ([]User, error)
}

// User is one user of a box.
type User struct {
	ID      int
	Address string
}

// Link is a line of the home page that leads to another page.
type Link struct{ Title, URL string }

// Options are what a sign-in needs to know of the rest.
type Options struct {
	Sealer      *sec.Sealer
	Subscribers Subscribers
	// Host is the address that boxes are told for the services; invalid: the one each box reached.
	Host netip.Addr
	// Services are all that boxes are told of, in their order.
	Services []Listed
	// MessengerHost is the host of the MSN server as boxes reach it, "" for that of the services. MessengerPort is its port.
	MessengerHost string
	MessengerPort uint16
	// Login are further headers of the last answer of a sign-in, for services that have something to say there
	// (wtv-settings-url, wtv-addresses-url).
	Login wire.Header
	// Links stand on the home page.
	Links []Link
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // of sign-ins; nil discards
}

// Standalone is a sign-in of our own: wtv-1800, wtv-head-waiter and a home page. It keeps no state: what it must know of a sign-in
// that has begun, the box sends back (sec.Sealer).
type Standalone struct{ o Options }

// NewStandalone makes the services of a sign-in.
func NewStandalone(o Options) *Standalone {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Standalone{o}
}

// Handlers returns the services by their names.
func (s *Standalone) Handlers() map[string]server.Handler {
	return map[string]server.Handler{
		PreregisterName: server.Paths{"/preregister": server.HandlerFunc(s.preregister)},
		HeadWaiterName: server.Paths{
			"/login":           server.HandlerFunc(s.login),
			"/validate-login":  server.HandlerFunc(s.validate),
			"/login-stage-two": server.HandlerFunc(s.stageTwo),
			"/choose-user":     server.HandlerFunc(s.chooseUser),
			"/relogin":         server.HandlerFunc(s.stageTwo),
			"/reconnect":       server.HandlerFunc(s.stageTwo),
		},
		HomeName: server.Paths{
			"/home":   server.HandlerFunc(s.home),
			"/splash": server.HandlerFunc(s.home),
			namePath:  server.HandlerFunc(s.chooseName),
		},
	}
}

// OpenTicket opens a ticket that Standalone gave out, for server.Options.Tickets.
func (s *Standalone) OpenTicket(ticket string) (server.Opened, error) {
	t, err := s.o.Sealer.Open(ticket, s.o.Now())
	if err != nil {
		return server.Opened{}, err
	}
	return server.Opened{Keys: t.Keys, SSID: t.SSID, UserID: t.UserID}, nil
}

// SignOnAgain sends a box back to its first step (section 2.2), for server.Options.SignOnAgain.
func (s *Standalone) SignOnAgain(sess *server.Session) wire.Header {
	p, ok := s.places(sess)
	if !ok {
		return nil
	}
	var h wire.Header
	p.addList(&h, PreregisterName)
	h.Add("wtv-visit", preregisterURL)
	return h
}

func (s *Standalone) places(sess *server.Session) (places, bool) {
	host, ok := Host(s.o.Host, sess)
	return places{host: host, all: s.o.Services}, ok
}

// known finds the box that asks: by its secured connection, or by the ticket in the head of a plain request, as the simulator of
// minisrv sends it until its sign-in is complete (section 4).
func (s *Standalone) known(r *server.Request) (sec.Sealed, error) {
	if sess := r.Session; sess.Secured {
		return sec.Sealed{SSID: sess.SSID, UserID: sess.UserID, Keys: sess.Keys}, nil
	}
	ticket, ok := r.Header.Lookup("wtv-ticket")
	if !ok {
		return sec.Sealed{}, errors.New("no ticket")
	}
	t, err := s.o.Sealer.Open(ticket, s.o.Now())
	if err != nil {
		return sec.Sealed{}, err
	}
	if t.SSID != r.Session.SSID {
		return sec.Sealed{}, fmt.Errorf("ticket of another box, %s", t.SSID)
	}
	return t, nil
}

// lost answers a box that has to sign on first.
func (s *Standalone) lost(r *server.Request, err error) *server.Response {
	resp := server.Refuse(500, TextSignOff, "not signed on: "+err.Error())
	resp.Header = s.SignOnAgain(r.Session)
	return resp
}

// usableSSID tells whether a ticket can name the box.
func usableSSID(ssid string) bool { return ssid != "" && len(ssid) <= sec.MaxSealedSSID }

func noSerial() *server.Response {
	return server.Refuse(500, TextNoSerial, "no serial number, or one that is too long")
}

func nowhere() *server.Response {
	return server.Refuse(500, server.TextNotSetUp, "the box reached no IPv4 address that it could be told: set wtvp.advertise")
}

// preregister is a box's first question: where everything is, and the key of its first challenge.
func (s *Standalone) preregister(_ context.Context, r *server.Request) *server.Response {
	p, ok := s.places(r.Session)
	switch {
	case !ok:
		return nowhere()
	case !usableSSID(r.Session.SSID):
		return noSerial()
	}
	var h wire.Header
	h.Add("wtv-initial-key", s.o.Sealer.InitialKey(r.Session.SSID).Base64())
	p.addList(&h, PreregisterName, HeadWaiterName, AnyService)
	h.Add("wtv-boot-url", reloginURL)
	h.Add("wtv-visit", loginURL)
	s.addClock(&h)
	return page(h)
}

func (s *Standalone) addClock(h *wire.Header) {
	h.Add("wtv-country", "US")
	h.Add("wtv-language-header", "en-US,en")
	h.Add("wtv-client-time-zone", "GMT -0000")
	h.Add("wtv-client-time-dst-rule", "GMT")
	h.Add("wtv-client-date", s.o.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05")+" GMT")
}

// page is an answer that has all it says in its headers.
func page(h wire.Header) *server.Response {
	return &server.Response{Status: 200, Text: "OK", Header: h, ContentType: "text/html"}
}
