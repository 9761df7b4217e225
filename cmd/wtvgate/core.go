package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"wtvgate/bridge"
	"wtvgate/bridge/admin"
	"wtvgate/bridge/config"
	"wtvgate/bridge/discord"
	"wtvgate/bridge/matrix"
	"wtvgate/bridge/store"
	"wtvgate/puppets"
)

// core is the part of the gateway that commands and the running gateway share:
// the store, the hub and the networks, none of them at work yet.
type core struct {
	cfg    config.Config
	log    *slog.Logger
	st     *store.Store
	hub    *bridge.Hub
	matrix *matrix.Network // nil when switched off
	// console answers operators on a network; nil until a gateway runs.
	console func(ctx context.Context, who, line string) string
}

// openCore opens the data and registers the networks. More networks (the demo's)
// come before those of the configuration.
func openCore(ctx context.Context, cfg config.Config, log *slog.Logger, more ...bridge.Network) (*core, error) {
	st, err := store.Open(ctx, cfg.DataDir, store.Options{Log: log})
	if err != nil {
		return nil, err
	}
	c := &core{cfg: cfg, log: log, st: st}
	c.hub = bridge.NewHub(st, puppets.NewDirectory(cfg.Accounts.Domain), log, nil)
	networks := more
	if cfg.Discord.Enabled {
		o := discordOptions(cfg)
		o.Seal, o.Unseal, o.DB, o.Log = st.Seal, st.Unseal, st.DB(), log
		d, err := discord.New(o)
		if err != nil {
			return nil, errors.Join(err, st.Close())
		}
		networks = append(networks, d)
	}
	if cfg.Matrix.Enabled {
		o := matrixOptions(cfg)
		o.DB, o.Vault, o.Log = st.DB(), st, log
		if len(cfg.Matrix.Operators) > 0 {
			o.Console = func(ctx context.Context, who, line string) string { return c.console(ctx, who, line) }
		}
		if c.matrix, err = matrix.New(o); err != nil {
			return nil, errors.Join(err, st.Close())
		}
		networks = append(networks, c.matrix) // last: it serves any domain
	}
	networks = append(networks, newHelper(cfg, c.hub))
	for _, n := range networks {
		if err := c.hub.Add(n); err != nil {
			return nil, errors.Join(err, st.Close())
		}
	}
	return c, nil
}

func (c *core) operator() *admin.Operator {
	return &admin.Operator{Hub: c.hub, KeepPasswords: c.cfg.Accounts.MD5Passwords}
}

func (c *core) close() error { return c.st.Close() }

// matrixOptions is the configuration in the network's terms.
func matrixOptions(cfg config.Config) matrix.Options {
	m := cfg.Matrix
	return matrix.Options{
		HomeserverURL: m.Homeserver.URL, Domain: m.Homeserver.Domain, Listen: m.Appservice.Listen, URL: m.Appservice.URL,
		Registration: m.Appservice.Registration, GhostPrefix: m.GhostPrefix, GhostName: m.GhostName.Name("{{.Name}}"),
		Bot: m.Bot, Encryption: string(m.Encryption), ShowPresence: m.Presence, TellWaiting: m.TellWaiting != config.TellNothing,
		InviteAllow: texts(m.Invites.Allow), InviteDeny: texts(m.Invites.Deny), Operators: m.Operators,
		RoomMembers: m.RoomMembers, OtherBridges: m.OtherBridges, Owners: m.Owners, Avatars: filepath.Join(cfg.DataDir, "avatars"),
	}
}

// discordOptions is the configuration in the network's terms.
func discordOptions(cfg config.Config) discord.Options {
	d := cfg.Discord
	return discord.Options{Token: string(d.Token), APIURL: d.APIURL, AddressDomain: d.AddressDomain, AccountDomain: cfg.Accounts.Domain,
		Guilds: d.Guilds, AskInChannel: d.AskInChannel,
		WaitingReaction: d.TellWaiting == config.TellBoth || d.TellWaiting == config.TellReaction,
		WaitingLine:     d.TellWaiting == config.TellBoth || d.TellWaiting == config.TellLine, Version: release}
}

func texts[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, t := range all {
		out[i] = string(t)
	}
	return out
}
