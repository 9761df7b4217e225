package main

import (
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
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
			collectEarly()
			ctx, cancel := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer cancel()
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

// collectAt is how much garbage the collector lets grow, in percent of what is in
// use. Go's 100 doubles what each of ten thousand idle boxes costs; at 50 a busy
// gateway's processor time per message is the same within what can be measured,
// because the message path makes little garbage.
const collectAt = 50

// collectEarly applies it, unless the operator has set GOGC.
func collectEarly() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
}

// newLogger makes the program's one logger.
func newLogger(w io.Writer, format config.LogFormat, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
