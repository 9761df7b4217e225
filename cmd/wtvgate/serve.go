package main

import (
	"io"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"wtvgate/bridge/config"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{Use: "serve", Short: "run the gateway in the foreground", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := configured(c)
			if err != nil {
				return err
			}
			ctx, cancel := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer cancel()
			go tuneCollector(ctx)
			g, err := openGateway(ctx, cfg, newLogger(c.ErrOrStderr(), cfg.Log))
			if err != nil {
				return err
			}
			return g.run(ctx)
		}}
}

// newLogger makes the program's one logger.
func newLogger(w io.Writer, l config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.Level}
	if l.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
