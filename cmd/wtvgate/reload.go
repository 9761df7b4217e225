package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"syscall"

	"wtvgate/bridge/config"
)

// hangUps gives a SIGHUP each time one comes; those that come at once are one.
func hangUps(ctx context.Context) <-chan os.Signal {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGHUP)
	context.AfterFunc(ctx, func() { signal.Stop(ch) })
	return ch
}

// reloadOn reads the configuration again at each signal, until ctx ends.
func (g *gateway) reloadOn(ctx context.Context, signals <-chan os.Signal, level *slog.LevelVar, load func() (config.Config, error)) {
	was := g.cfg
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			was = g.reload(was, level, load)
		}
	}
}

// reload puts in force what can be changed while the gateway runs: the log's
// level, wtvp.allowed_networks and matrix.invites. It gives the configuration in
// force; one with faults changes nothing.
func (g *gateway) reload(was config.Config, level *slog.LevelVar, load func() (config.Config, error)) config.Config {
	now, err := load()
	if err != nil {
		g.log.Error("configuration not reloaded; the one before stays in force", "err", err)
		return was
	}
	level.Set(now.Log.Level)
	g.wtvp.SetAllowed(now.WTVP.AllowedNetworks)
	if g.matrix != nil {
		g.matrix.SetInvites(texts(now.Matrix.Invites.Allow), texts(now.Matrix.Invites.Deny))
	}
	was.Log.Level, was.WTVP.AllowedNetworks, was.Matrix.Invites = now.Log.Level, now.WTVP.AllowedNetworks, now.Matrix.Invites
	g.log.Info("configuration reloaded", "level", now.Log.Level.String(), "allowed_networks", len(now.WTVP.AllowedNetworks),
		"invites_allow", len(now.Matrix.Invites.Allow), "invites_deny", len(now.Matrix.Invites.Deny))
	if !reflect.DeepEqual(was, now) {
		g.log.Warn("some changes of the configuration wait for a restart: only log.level, wtvp.allowed_networks and matrix.invites are reloaded")
	}
	return was
}
