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
			level := new(slog.LevelVar)
			level.Set(cfg.Log.Level)
			g, err := openGateway(ctx, cfg, newLogger(c.ErrOrStderr(), cfg.Log.Format, level))
			if err != nil {
				return err
			}
			go g.reloadOn(ctx, hangUps(ctx), level, func() (config.Config, error) { return configured(c) })
			return g.run(ctx)
		}}
}

// newLogger makes the program's one logger.
func newLogger(w io.Writer, format config.LogFormat, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
