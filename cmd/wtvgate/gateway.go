package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/admin"
	"wtvgate/bridge/box"
	"wtvgate/bridge/config"
	"wtvgate/bridge/metrics"
	"wtvgate/bridge/picture"
	"wtvgate/msnp"
	"wtvgate/msnp/passport"
	"wtvgate/msnp/record"
	"wtvgate/msnp/sb"
	msnpserver "wtvgate/msnp/server"
	"wtvgate/msnp/wire"
	wtvpserver "wtvgate/wtvp/server"
)

// The command line promises that a clean stop takes no more than 10 s. Each half has
// its own time, so that a box that takes nothing in, or half a request, does not
// leave the networks none.
const (
	serversTime  = 4 * time.Second // what serves boxes and operators, all at once
	networksTime = 4 * time.Second // the networks and what is still to be noted
	// stopTime is what both take, with what is closed and written between.
	stopTime = serversTime + networksTime + time.Second
	// surfaceTime bounds one request to admin.listen.
	surfaceTime = 5 * time.Second
)

// gateway is the whole program, wired: everything is open and nothing runs.
type gateway struct {
	*core
	boxes     *box.Gateway
	boards    *sb.Exchange
	messenger *msnpserver.Server
	wtvp      *wtvpserver.Server
	tickets   *passport.Tickets
	nexus     *passport.Server
	pictures  *picture.Gallery // nil: pictures.listen is empty
	control   *admin.Control
	admin     *http.Server
	metrics   *metrics.Metrics
	records   *record.Recorder

	messengerPort, nexusPort, adminPort net.Listener
	wtvpPorts                           wtvpPorts
	picturesPort                        net.Listener // nil: pictures.listen is empty
}

// openGateway opens the data and every port. An error leaves nothing open.
func openGateway(ctx context.Context, cfg config.Config, log *slog.Logger, more ...bridge.Network) (*gateway, error) {
	counted := metrics.New(release + revision())
	core, err := openCore(ctx, cfg, slog.New(counted.Log(log.Handler())), more...)
	if err != nil {
		return nil, err
	}
	g := &gateway{core: core, tickets: passport.NewTickets(nil), metrics: counted}
	g.hub.Watch(counted)
	if err = g.wirePictures(); err == nil {
		g.wire()
		err = g.wirePassport()
	}
	if err == nil && g.matrix != nil {
		err = g.matrix.Check() // before any port is open
	}
	if err == nil {
		err = g.openPorts()
	}
	if err == nil {
		err = g.wireWTVP(ctx, g.pages())
	}
	if err == nil {
		o := g.runningOperator()
		g.console = admin.Console{Operator: o, Log: log}.Answer
		g.control, err = admin.OpenControl(cfg.DataDir, o, log)
	}
	if err != nil {
		g.closePorts()
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// wire builds the servers.
func (g *gateway) wire() {
	cfg, log := g.cfg, g.log
	g.boxes = box.NewGateway(box.Options{Hub: g.hub, Log: log, Flatten: box.Flatten(cfg.Messenger.FlattenPresence),
		FirstBox: cfg.Accounts.Registration == config.FirstBox, Tickets: g.tickets, Pictures: g.linker(), OnSignIn: g.metrics.SignIn})
	g.messenger, g.boards = msnp.New(msnpserver.Options{Backend: g.boxes, Logger: log, Dialects: dialects(cfg.Messenger.Dialects),
		Advertise: cfg.Messenger.Advertise, Challenge: cfg.Messenger.Challenge, Limits: msnpserver.Limits{Connections: cfg.Messenger.MaxConnections}})
	g.records = record.New(filepath.Join(cfg.DataDir, "wire"), log)
	g.admin = &http.Server{Handler: g.surface(), ReadTimeout: surfaceTime, WriteTimeout: surfaceTime, MaxHeaderBytes: 8 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}

// dialects reads names that the configuration has checked.
func dialects(names []string) []wire.Dialect {
	var all []wire.Dialect
	for _, n := range names {
		if d, ok := wire.ParseDialect(n); ok {
			all = append(all, d)
		}
	}
	return all
}

// openPorts opens every port, so that none is found in use later.
func (g *gateway) openPorts() (err error) {
	if g.messengerPort, err = listen("messenger.listen", g.cfg.Messenger.Listen); err != nil {
		return err
	}
	if g.nexusPort, err = listen("passport.listen", g.cfg.Passport.Listen); err != nil {
		return err
	}
	if err = g.wtvpPorts.open(g.cfg.WTVP); err != nil {
		return err
	}
	if g.adminPort, err = listen("admin.listen", g.cfg.Admin.Listen); err != nil {
		return err
	}
	if g.matrix != nil {
		return g.matrix.Listen()
	}
	return nil
}

// listen opens one port and says in the operator's words why it cannot.
func listen(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program listens on %s already; stop it or choose another address", key, address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: this user may not listen on %s; choose a port above 1023", key, address)
	}
	return nil, fmt.Errorf("%s: cannot listen on %s: %w", key, address, err)
}

func (g *gateway) closePorts() {
	for _, l := range append(g.wtvpPorts.all(), g.messengerPort, g.nexusPort, g.adminPort, g.picturesPort) {
		if l != nil {
			l.Close()
		}
	}
}

// run serves until ctx ends or a part fails for good, and then stops cleanly.
func (g *gateway) run(ctx context.Context) error {
	root, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	g.boxes.Start(root, g.boards)
	failed := make(chan error, 9)
	start := func(part func() error) {
		go func() { failed <- part() }()
	}
	hubDone := make(chan error, 1)
	go func() { hubDone <- g.hub.Run(root) }()
	start(func() error { return g.messenger.Serve(root, g.records.Listener(g.messengerPort)) })
	start(func() error { return g.nexus.Serve(g.nexusPort) })
	start(g.control.Serve)
	start(func() error { return g.admin.Serve(g.adminPort) })
	for _, l := range g.wtvpPorts.all() {
		start(func() error { return g.wtvp.Serve(root, l) })
	}
	if g.pictures != nil {
		start(func() error { return g.pictures.Serve(g.picturesPort) })
	}
	g.log.Info("serving", "messenger", g.messengerPort.Addr().String(), "passport", g.nexusPort.Addr().String(),
		"wtvp", string(g.cfg.WTVP.Mode), "wtv_passport", address(g.wtvpPorts.passport), "pictures", address(g.picturesPort),
		"admin", address(g.adminPort))
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-hubDone:
		hubDone <- nil
	}
	g.log.Info("stopping")
	return errors.Join(err, g.stop(cancel, hubDone))
}

func address(l net.Listener) string {
	if l == nil {
		return "off"
	}
	return l.Addr().String()
}

// stop ends all parts: first what comes in from boxes, then the networks, then
// the store.
func (g *gateway) stop(cancel context.CancelFunc, hubDone chan error) error {
	errs := append(g.stopServers(), g.records.Close())
	cancel()
	ctx, done := context.WithTimeout(context.Background(), networksTime)
	defer done()
	noted := make(chan struct{})
	go func() { g.boxes.Wait(); close(noted) }()
	select {
	case err := <-hubDone:
		errs = append(errs, err)
	case <-ctx.Done():
		errs = append(errs, errors.New("the networks did not stop in time"))
	}
	select {
	case <-noted:
	case <-ctx.Done():
		errs = append(errs, errors.New("what boxes were shown was not noted in time; they are shown it again"))
	}
	return errors.Join(append(errs, g.close())...)
}

// stopServers ends what boxes and operators are connected to, all at once. What does
// not end by itself is cut, which is no fault of ours and loses nothing.
func (g *gateway) stopServers() []error {
	ctx, done := context.WithTimeout(context.Background(), serversTime)
	defer done()
	parts := map[string]func(context.Context) error{"messenger": g.messenger.Shutdown, "wtvp": g.wtvp.Shutdown, "passport": g.nexus.Shutdown,
		"control": g.control.Close, "pictures": g.stopPictures, "admin": func(ctx context.Context) error {
			if g.admin.Shutdown(ctx) == nil {
				return nil
			}
			return g.admin.Close()
		}}
	ended := make(chan error, len(parts))
	for name, stop := range parts {
		go func() {
			err := stop(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				g.log.Info("connections were cut", "part", name)
				err = nil
			}
			ended <- err
		}()
	}
	errs := make([]error, len(parts))
	for i := range errs {
		errs[i] = <-ended
	}
	return errs
}
