package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/wire"
)

// TestTicketsOfAnotherForm: with Tickets set, InitialKey opens nothing; a ticket that names its box is good for that one alone; and
// who is refused is told where to go.
func TestTicketsOfAnotherForm(t *testing.T) {
	var keys sec.Keys
	copy(keys.Session1[:], "client to server")
	copy(keys.Session2[:], "server to client")
	var asked *Session
	o := Options{
		Tickets: func(ticket string) (Opened, error) {
			name, ok := strings.CutPrefix(ticket, "good-")
			if !ok {
				return Opened{}, errors.New("ticket is none of ours")
			}
			return Opened{Keys: keys, SSID: name, UserID: 4}, nil
		},
		SignOnAgain: func(s *Session) wire.Header {
			asked = s
			return wire.Header{{Name: "wtv-visit", Value: "wtv-1800:/preregister"}}
		},
	}
	h := start(t, o, func(s *Server) {
		s.Handle("wtv-who", HandlerFunc(func(_ context.Context, r *Request) *Response {
			s := r.Session
			return &Response{Status: 200, Text: "OK", Body: fmt.Appendf(nil, "%s named=%v user=%d keys=%v signing=%v local=%v", s.SSID, s.Named, s.UserID,
				s.Keys == keys, s.SigningKey != sec.Key{}, s.Local)}
		}))
	})
	box := func(ssid, ticket string) (*client.Response, error) {
		id := client.NewBox(ssid)
		id.Ticket, id.Keys = ticket, keys
		c, err := client.Dial(t.Context(), h.addr, id)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.Get(t.Context(), "wtv-who:/")
	}
	for _, ssid := range []string{"8100B002", "8100b002", ""} { // a head without a number: the ticket says it
		if resp, err := box(ssid, "good-8100b002"); err != nil || string(resp.Body) != "8100b002 named=true user=4 keys=true signing=false local="+h.addr {
			t.Errorf("%q: %q, %v", ssid, resp.Body, err)
		}
	}
	foreign, _ := ticketFor(t, testKey, `{}`)
	for ticket, reason := range map[string]string{"good-8100b003": "the ticket of another box, 8100b003", foreign: "none of ours", "": "without a wtv-ticket"} {
		asked = nil
		resp, err := box("8100b002", ticket)
		if err != nil || resp.Status != 500 || resp.Text != TextSignOn || resp.Header.Value("wtv-visit") != "wtv-1800:/preregister" ||
			resp.Header.Value("Connection") != "close" {
			t.Errorf("%s: %+v, %v", reason, resp, err)
		}
		if asked == nil || asked.SSID != "8100b002" || asked.Local.String() != h.addr || h.log.count(reason) != 1 {
			t.Errorf("%s: asked for %+v; log:\n%s", reason, asked, h.log)
		}
	}
	c, err := client.DialPlain(t.Context(), h.addr, client.NewBox("8100b002"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if resp, err := c.Get(t.Context(), "wtv-who:/"); err != nil || string(resp.Body) != "8100b002 named=false user=0 keys=false signing=false local="+h.addr {
		t.Errorf("plain: %q, %v", resp.Body, err)
	}
}
