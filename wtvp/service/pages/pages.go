package pages

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/service"
	"wtvgate/wtvp/wire"
)

// Options are the settings of the service.
type Options struct {
	Backend Backend
	// InitialKey opens the wtv-ticket of a plain request. Nil: only SECURE'd connections say who asks.
	InitialKey *sec.Key
	// Latin writes a text with letters of Latin-1; nil: ? for what has none.
	Latin func(string) string
	// MessengerServer is the host:port that boxes are told as wtv-messenger-server when Messenger is switched on; "" tells them
	// nothing, and they keep what their WebTV server said.
	MessengerServer string
	// DiscordDomain is what stands behind the @ of Discord users.
	DiscordDomain string
}

// pages is the service.
type pages struct {
	o      Options
	r      *renderer
	secret [32]byte // of the tokens
}

// page answers one path for a visitor who has an account.
type page func(v *visit) (*server.Response, error)

// shown are the pages, changes the targets of forms.
var (
	shown = map[string]page{
		"/": (*visit).home, "/home": (*visit).home, "/contacts": (*visit).contacts, "/contact": (*visit).contact,
		"/add": (*visit).add, "/settings": (*visit).settings, "/networks": (*visit).networks, "/log": (*visit).log,
		"/addresslist": (*visit).addressList,
	}
	changes = map[string]page{
		"/edit": (*visit).edit, "/privacy": (*visit).privacy, "/switch": (*visit).onOff, "/rename": (*visit).rename,
	}
)

// New returns the service.
func New(o Options) server.Handler {
	r, err := newRenderer(o.Latin)
	if err != nil {
		panic(err) // the templates are part of the program: every test sees it
	}
	p := &pages{o: o, r: r}
	rand.Read(p.secret[:])
	return p
}

// ServeWTVP answers one request.
func (p *pages) ServeWTVP(ctx context.Context, r *server.Request) *server.Response {
	ctx, cancel := context.WithTimeout(ctx, backendTimeout)
	defer cancel()
	resp, err := p.answer(ctx, r)
	if err != nil {
		return server.Refuse(500, server.TextTrouble, err.Error())
	}
	return resp
}

func (p *pages) answer(ctx context.Context, r *server.Request) (*server.Response, error) {
	if r.URL.Path == "/help" { // knows nobody
		return p.help(r)
	}
	show, change := shown[r.URL.Path], changes[r.URL.Path]
	if show == nil && change == nil {
		return server.Refuse(404, server.TextNotFound, "no such page"), nil
	}
	v, resp, err := p.visitor(ctx, r)
	if v == nil {
		if r.URL.Path == "/addresslist" && err == nil {
			return addresses(nil), nil // fetched in the background: no page to show, and no alert
		}
		return resp, err
	}
	if show != nil {
		return show(v)
	}
	if f, ok := readForm(r); ok && hmac.Equal([]byte(f["token"]), []byte(v.token)) {
		v.form = f
		return change(v)
	}
	resp, err = v.show("problem.html", view{Title: "Nothing was changed"})
	if err == nil {
		resp.Reason = "a change without the token of this sign-on"
	}
	return resp, err
}

// visit is one request of somebody who has an account.
type visit struct {
	*pages
	ctx   context.Context
	r     *server.Request
	acct  Account
	me    Overview
	token string
	form  form // of a change
}

// visitor finds out who asks. Without a visit there is an answer that says why.
func (p *pages) visitor(ctx context.Context, r *server.Request) (*visit, *server.Response, error) {
	box, ok := p.box(r)
	if !ok {
		resp, err := p.send("nobody.html", view{Title: "Please connect again"})
		if err == nil {
			resp.Reason = "neither SECURE ON nor a ticket that opens"
		}
		return nil, resp, err
	}
	acct, err := p.o.Backend.Account(ctx, box)
	var unlinked *Unlinked
	if errors.As(err, &unlinked) {
		resp, err := p.send("unlinked.html", view{Title: "No Messenger yet", Box: box, SelfService: unlinked.SelfService})
		if err == nil {
			resp.Reason = "the box is linked to no account"
		}
		return nil, resp, err
	}
	var refusal *service.Refusal
	if errors.As(err, &refusal) { // another box's ticket
		resp, err := p.send("nobody.html", view{Title: "Please connect again"})
		if err == nil {
			resp.Reason = refusal.Reason
		}
		return nil, resp, err
	}
	if err != nil {
		return nil, nil, err
	}
	me, err := acct.Overview(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &visit{pages: p, ctx: ctx, r: r, acct: acct, me: me, token: p.tokenOf(box, me.Address)}, nil, nil
}

// box says who asks: by the connection's ticket, or by that of a plain request. What a plain request says without one is not
// believed (section 10.4).
func (p *pages) box(r *server.Request) (service.Box, bool) {
	s := r.Session
	b := service.BoxOf(s)
	if b.SSID == "" || s.Secured {
		return b, b.SSID != ""
	}
	ticket, ok := r.Header.Lookup("wtv-ticket")
	if !ok || p.o.InitialKey == nil {
		return b, false
	}
	t, err := sec.DecodeTicket(ticket, *p.o.InitialKey)
	if err != nil {
		return b, false
	}
	b.UserID, b.SigningKey = t.UserID, t.SigningKey.Canonical()
	return b, true
}

// tokenOf is what the forms of one sign-on carry: a ticket's signing key is made anew at every sign-on (section 6.4). A page of
// somebody else cannot know it, so it cannot have a box send a form.
func (p *pages) tokenOf(b service.Box, address string) string {
	m := hmac.New(sha256.New, p.secret[:])
	m.Write([]byte(b.SSID + "\x00" + strconv.Itoa(b.UserID) + "\x00" + address + "\x00"))
	m.Write(b.SigningKey[:])
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16])
}

// view is what the templates show.
type view struct {
	Title         string
	Note, Problem string // what came of a form
	Token         string
	Me            Overview

	Contacts   []Contact
	Asking     int // contacts that wait to be allowed
	Contact    Contact
	Page, Last int // of the contacts, from 1
	Typed      form
	Script     script
	ByService  bool // forms go past Blim
	On         string
	Discord    string // domain of its users

	Box         service.Box
	SelfService bool
}

// Previous and Next are the numbers of the neighbouring pages; 0: none.
func (v view) Previous() int { return v.Page - 1 }

// Next is the number of the following page; 0: none.
func (v view) Next() int {
	if v.Page >= v.Last {
		return 0
	}
	return v.Page + 1
}

// send answers with a page.
func (p *pages) send(name string, v view, more ...wire.Field) (*server.Response, error) {
	b, err := p.r.page(name, v)
	if err != nil {
		return nil, err
	}
	return &server.Response{Status: 200, Text: "OK", Header: append(wire.Header{{Name: "Expires", Value: noCache}}, more...),
		ContentType: "text/html", Body: b}, nil
}

// show is send with what every page of an account has.
func (v *visit) show(name string, w view, more ...wire.Field) (*server.Response, error) {
	w.Me, w.Token = v.me, v.token
	w.Discord = v.o.DiscordDomain
	return v.send(name, w, more...)
}

// changed is show after a change: other pages in the box's cache are old now.
func (v *visit) changed(name string, w view, more ...wire.Field) (*server.Response, error) {
	return v.show(name, w, append(more, wire.Field{Name: "wtv-expire-all", Value: sameAgain})...)
}
