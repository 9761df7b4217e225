package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"

	"wtvgate/bridge/config"
	"wtvgate/wtvp/sec"
	wtvpserver "wtvgate/wtvp/server"
	"wtvgate/wtvp/service"
	wtvpwire "wtvgate/wtvp/wire"
)

// wtvpPorts are the ports of the boxes' own protocol. Every one of them answers
// for every service there is: what boxes are told decides where they go.
type wtvpPorts struct {
	passport    net.Listener // nil: wtvp.mode is off
	preregister net.Listener // standalone only, like headWaiter
	headWaiter  net.Listener
}

// open opens the ports that the mode has.
func (p *wtvpPorts) open(cfg config.WTVP) (err error) {
	if cfg.Mode == config.WTVPOff {
		return nil
	}
	if p.passport, err = listen("wtvp.passport.listen", cfg.Passport.Listen); err != nil || cfg.Mode != config.Standalone {
		return err
	}
	if p.preregister, err = listen("wtvp.preregister.listen", cfg.Preregister.Listen); err != nil {
		return err
	}
	p.headWaiter, err = listen("wtvp.head_waiter.listen", cfg.HeadWaiter.Listen)
	return err
}

// all are those that are open.
func (p *wtvpPorts) all() (ls []net.Listener) {
	for _, l := range []net.Listener{p.passport, p.preregister, p.headWaiter} {
		if l != nil {
			ls = append(ls, l)
		}
	}
	return ls
}

// boxService is a service for boxes beside messengerlogin and the sign-in.
type boxService struct {
	name        string
	handler     wtvpserver.Handler
	flags       uint32          // of the service list; 0: secured
	connections int             // that a box may open; 0: as many as it likes
	login       wtvpwire.Header // what it adds to the last answer of a sign-in
	links       []service.Link  // what it adds to the home page
}

// wireWTVP builds the server for boxes; its ports are open. More services are
// served in every mode. In standalone mode boxes are told of them; beside another
// WebTV server its operator does that.
func (g *gateway) wireWTVP(ctx context.Context, more ...boxService) error {
	cfg := g.cfg.WTVP
	o := wtvpserver.Options{Allowed: cfg.AllowedNetworks, Log: g.log}
	handlers := map[string]wtvpserver.Handler{service.PassportName: service.Passport(g.boxes)}
	for _, s := range more {
		handlers[s.name] = s.handler
	}
	switch cfg.Mode {
	case config.Companion:
		if cfg.InitialSharedKey == nil {
			g.log.Warn("wtvp.initial_shared_key is empty: no box can sign in by WTVP; set it to the key of your WebTV server")
			break
		}
		key := sec.Key(cfg.InitialSharedKey)
		if o.InitialKey = &key; key.Public() {
			g.log.Warn("wtvp.initial_shared_key is published, so anyone who reaches wtv-passport can sign in as any box; " +
				"allow_public_key lets it pass")
		}
	case config.Standalone:
		alone, err := g.standalone(ctx, more)
		if err != nil {
			return err
		}
		o.Tickets, o.SignOnAgain = alone.OpenTicket, alone.SignOnAgain
		for name, h := range alone.Handlers() {
			handlers[name] = h
		}
	case config.WTVPOff:
	}
	g.wtvp = wtvpserver.New(o)
	for name, h := range handlers {
		g.wtvp.Handle(name, h)
	}
	return nil
}

// standalone builds the sign-in of our own.
func (g *gateway) standalone(ctx context.Context, more []boxService) (*service.Standalone, error) {
	cfg := g.cfg.WTVP
	if cfg.InitialSharedKey != nil {
		g.log.Info("wtvp.initial_shared_key is not used in standalone mode: tickets are sealed with a key of our own")
	}
	master, err := g.st.WTVPKey(ctx)
	if err != nil {
		return nil, err
	}
	sealer, err := sec.NewSealer(master)
	if err != nil {
		return nil, err
	}
	o := service.Options{Sealer: sealer, Subscribers: g.boxes, Services: serviceList(g.wtvpPorts, more), Log: g.log}
	if cfg.Advertise != "" {
		if o.Host, err = netip.ParseAddr(cfg.Advertise); err != nil {
			return nil, errors.New("wtvp.advertise: " + err.Error())
		}
	}
	o.MessengerHost, o.MessengerPort = messengerPlace(g.cfg.Messenger.Advertise, g.messengerPort)
	if o.MessengerPort != defaultMessengerPort {
		g.log.Warn("boxes are told of a Messenger server on a port other than 1863, which no box is known to understand", "port", o.MessengerPort)
	}
	for _, s := range more {
		o.Login = append(o.Login, s.login...)
		o.Links = append(o.Links, s.links...)
	}
	return service.NewStandalone(o), nil
}

// defaultMessengerPort is the one that boxes know (wtvp.md 9.2).
const defaultMessengerPort = 1863

// serviceList is what boxes are told. Whatever is not listed goes to the head
// waiter's port, where it is answered that there is no such service.
func serviceList(p wtvpPorts, more []boxService) []service.Listed {
	list := []service.Listed{
		{Name: service.PreregisterName, Port: portOf(p.preregister), Flags: service.FlagPlain, Connections: 1},
		{Name: service.HeadWaiterName, Port: portOf(p.headWaiter), Connections: 1},
		{Name: service.AnyService, Port: portOf(p.headWaiter), Flags: service.FlagPlain | service.FlagOpen},
		{Name: service.HomeName, Port: portOf(p.headWaiter), Connections: 1},
		{Name: service.PassportName, Port: portOf(p.passport), Connections: 1},
	}
	for _, s := range more {
		list = append(list, service.Listed{Name: s.name, Port: portOf(p.headWaiter), Flags: s.flags, Connections: s.connections})
	}
	return list
}

// messengerPlace is where boxes find the Messenger server: what messenger.advertise
// says, or the host that they reached and the port we have.
func messengerPlace(advertise string, l net.Listener) (host string, port uint16) {
	host, text, err := net.SplitHostPort(advertise)
	if n, numErr := strconv.ParseUint(text, 10, 16); err == nil && numErr == nil {
		return host, uint16(n)
	}
	return "", portOf(l)
}

// portOf is the port that a listener has, 0 for one that is none of TCP.
func portOf(l net.Listener) uint16 {
	if l == nil {
		return 0
	}
	a, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return 0
	}
	return a.Port()
}
