package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"wtvgate/bridge"
	"wtvgate/bridge/config"
	"wtvgate/bridge/id"
	"wtvgate/bridge/loopback"
	"wtvgate/bridge/store"
	"wtvgate/wtvp/sec"
)

// The demo's people. The SSID is a valid one of nobody's.
const (
	demoAccount = id.Account("alice@webtv.local")
	demoDomain  = "friends.demo"
	demoFriend  = loopback.Echo + "@" + demoDomain
	demoHelper  = bridge.HelperName + "@webtv.local"
	demoSSID    = "8100000000b0024d"
)

func demoCommand() *cobra.Command {
	c := &cobra.Command{Use: "demo", Short: "a whole gateway in a temporary folder, with a simulated box and a friend to talk to", Args: exactly()}
	script := c.Flags().Bool("script", false, "run a fixed conversation and end")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, cancel := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer cancel()
		return demo(ctx, cancel, *script, c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
	}
	return c
}

// demo runs a gateway on free loopback ports and a box against it. The gateway
// is the same as that of serve; the box reaches it by TCP alone.
func demo(ctx context.Context, cancel func(), script bool, in io.Reader, out, warnings io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "wtvgate-demo-")
	if err != nil {
		return fmt.Errorf("making a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	key, err := sec.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(warnings, &slog.HandlerOptions{Level: slog.LevelWarn}))
	g, err := openGateway(ctx, demoConfig(dir, key), log, loopback.New(demoDomain, nil))
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- g.run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-done)
	}()
	if err := demoAccounts(ctx, g.hub); err != nil {
		return err
	}
	b := &demoBox{out: out, messenger: g.messengerPort.Addr().String(), passport: g.wtvpPorts.passport.Addr().String(), key: key}
	fmt.Fprintf(out, "A gateway runs on this machine: Messenger on %s, wtv-passport on %s.\n"+
		"%s has a box there, and a friend, %s, who repeats what she writes.\n\n", b.messenger, b.passport, demoAccount, demoFriend)
	if script {
		return demoScript(ctx, b, g.hub.Newest)
	}
	return demoTalk(ctx, cancel, b, in)
}

// demoConfig is the built-in configuration on free ports.
func demoConfig(dir string, key sec.Key) config.Config {
	cfg := config.Default()
	cfg.DataDir = dir
	const free = "127.0.0.1:0"
	cfg.Messenger.Listen, cfg.Passport.Listen, cfg.Admin.Listen, cfg.WTVP.Passport.Listen, cfg.Pictures.Listen = free, free, free, free, free
	cfg.WTVP.InitialSharedKey = key[:]
	return cfg
}

// demoAccounts makes the account and links the simulated box to it.
func demoAccounts(ctx context.Context, h *bridge.Hub) error {
	return h.CreateAccount(ctx, bridge.NewAccount{Address: demoAccount, Name: "Alice", Box: &store.Box{SSID: demoSSID}})
}
