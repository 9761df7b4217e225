package service

import (
	"context"
	"crypto/rand"
	"net"
	"strconv"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

// login gives a challenge, or sends a box that still has a ticket on (section 4).
func (s *Standalone) login(_ context.Context, r *server.Request) *server.Response {
	if !usableSSID(r.Session.SSID) {
		return noSerial()
	}
	if _, err := s.known(r); err == nil {
		return page(wire.Header{{Name: "Expires", Value: noCache}, {Name: "wtv-visit", Value: stageTwoURL}})
	}
	c, err := s.o.Sealer.Challenge(r.Session.SSID, s.o.Now(), rand.Reader)
	if err != nil {
		return server.Refuse(500, server.TextTrouble, err.Error())
	}
	h := wire.Header{{Name: "Expires", Value: noCache}, {Name: "wtv-expire-all", Value: HeadWaiterName + ":"}}
	h.Add("wtv-challenge", c.Base64())
	addURLs(&h)
	h.Add("wtv-visit", validateURL)
	return page(h)
}

// validate checks the answer to the challenge and gives the ticket. The connection began without one and would stay plain, so
// it is closed (section 4).
func (s *Standalone) validate(_ context.Context, r *server.Request) *server.Response {
	t, refusal := s.answered(r)
	if refusal != nil {
		return refusal
	}
	h, err := s.ticket(nil, r.Session, t)
	if err != nil {
		return server.Refuse(500, server.TextTrouble, err.Error())
	}
	h.Add("wtv-visit", stageTwoURL)
	resp := page(h)
	resp.Close = freshTicket(r)
	return resp
}

// freshTicket tells whether a request earns a box its first ticket on a connection that began without one.
func freshTicket(r *server.Request) bool {
	_, answers := r.Header.Lookup("wtv-challenge-response")
	return answers && !r.Session.Secured
}

// answered is who the answer to a challenge, or else the ticket, says that the box is.
func (s *Standalone) answered(r *server.Request) (sec.Sealed, *server.Response) {
	answer, ok := r.Header.Lookup("wtv-challenge-response")
	if !ok || r.Session.Secured {
		t, err := s.known(r)
		if err != nil {
			return t, s.lost(r, err)
		}
		return t, nil
	}
	if !usableSSID(r.Session.SSID) {
		return sec.Sealed{}, noSerial()
	}
	c, err := s.o.Sealer.CheckResponse(r.Session.SSID, answer, s.o.Now())
	if err != nil {
		return sec.Sealed{}, server.Refuse(500, TextWrongAnswer, err.Error())
	}
	return sec.Sealed{SSID: r.Session.SSID, Keys: c.Keys}, nil
}

// ticket appends a fresh ticket for the box to headers. wtv-encrypted on a plain answer without a body is what boxes get in this
// phase (section 4); a secured connection has it anyway.
func (s *Standalone) ticket(h wire.Header, sess *server.Session, t sec.Sealed) (wire.Header, error) {
	t.Expires = s.o.Now().Add(TicketLife)
	text, err := s.o.Sealer.Seal(t)
	if err != nil {
		return nil, err
	}
	if !sess.Secured {
		h.Add("wtv-encrypted", "true")
	}
	h.Add("wtv-ticket", text)
	return h, nil
}

// stageTwo completes a sign-in, also that of a box which comes back (relogin, reconnect): a ticket, all services, everything about
// Messenger, and the page to show. A box that only reconnects goes on with what it was at.
func (s *Standalone) stageTwo(ctx context.Context, r *server.Request) *server.Response {
	p, ok := s.places(r.Session)
	if !ok {
		return nowhere()
	}
	t, refusal := s.answered(r)
	if refusal != nil {
		return refusal
	}
	many, err := s.whichUser(ctx, r, &t)
	if err != nil {
		return refusalOf(err)
	}
	sub, err := s.o.Subscribers.Subscriber(ctx, s.box(r, t))
	if err != nil {
		return refusalOf(err)
	}
	h, err := s.ticket(wire.Header{{Name: "Expires", Value: noCache}, {Name: "wtv-expire-all", Value: HeadWaiterName + ":"}}, r.Session, t)
	if err != nil {
		return server.Refuse(500, server.TextTrouble, err.Error())
	}
	if many {
		h.Add("wtv-visit", chooseUserURL)
		resp := page(h)
		resp.Close = freshTicket(r)
		return resp
	}
	h.Add("wtv-noback-all", "wtv-")
	s.addClock(&h)
	p.addList(&h)
	s.addMessenger(&h, p, sub)
	h.Add("wtv-login-timeout", loginTimeout)
	addURLs(&h)
	h = append(h, s.o.Login...)
	h.Add("user-id", strconv.FormatInt(max(sub.Number, 1), 10))
	if r.URL.Path != "/reconnect" {
		h.Add("wtv-visit", HomeURL)
	}
	// The serial number is the box's word: the operator can see whence it is given.
	s.o.Log.Info("wtvp: a box signs on", "ssid", t.SSID, "account", sub.Address(), "conn", r.Session.Conn, "remote", r.Session.Remote,
		"step", r.URL.Path)
	resp := page(h)
	resp.Close = freshTicket(r)
	return resp
}

// box is who asks, in the words of Subscribers. Its ticket names it, whether it came with the connection or the request.
func (s *Standalone) box(r *server.Request, t sec.Sealed) Box {
	b := BoxOf(r.Session)
	b.SSID, b.UserID, b.Named = t.SSID, t.UserID, true
	return b
}

// addMessenger appends everything a box must know of Messenger (section 9.2).
func (s *Standalone) addMessenger(h *wire.Header, p places, sub Subscriber) {
	if sub.User == "" {
		h.Add("wtv-messenger-authorized", "0")
		h.Add("wtv-messenger-enable", "0")
		return
	}
	host := s.o.MessengerHost
	if host == "" {
		host = p.host.String()
	}
	if s.o.MessengerPort != messengerPort {
		host = net.JoinHostPort(host, strconv.Itoa(int(s.o.MessengerPort)))
	}
	*h = append(*h, wire.Header{
		{Name: "wtv-messenger-authorized", Value: "1"},
		{Name: "wtv-messenger-enable", Value: "1"},
		{Name: "wtv-messenger-server", Value: host},
		{Name: "wtv-messenger-login-url", Value: PassportName + ":" + LoginPath},
		{Name: "wtv-user-name", Value: sub.User},
		{Name: "wtv-domain", Value: sub.Domain},
		{Name: "passport-domain", Value: sub.Domain},
		{Name: "wtv-messenger-connect-timeout", Value: messengerTimeout},
		{Name: "wtv-messenger-retry-interval", Value: messengerRetry},
		{Name: "wtv-messenger-passportd-timeout", Value: messengerTimeout},
		{Name: "wtv-messenger-open-conversation-timeout", Value: messengerTimeout},
		{Name: "wtv-human-name", Value: wire.StatusText(sub.Name)},
		{Name: "wtv-user-nick", Value: sub.User},
	}...)
}

// addURLs appends where a box finds what it looks for by itself.
func addURLs(h *wire.Header) {
	h.Add("wtv-relogin-url", reloginURL)
	h.Add("wtv-reconnect-url", reconnectURL)
	h.Add("wtv-boot-url", reloginURL)
	h.Add("wtv-home-url", HomeURL)
}
