package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"wtvgate/bridge/admin"
	"wtvgate/bridge/config"
	"wtvgate/bridge/store"
)

// Waiting for another command that has the data open.
const (
	operateWait = 5 * time.Second
	operateStep = 50 * time.Millisecond
)

// operate carries out a request: in the running gateway if one answers, else in
// this process.
func operate(c *cobra.Command, r admin.Request) error {
	cfg, err := configured(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), operateWait)
	defer cancel()
	for {
		text, err := admin.Call(c.Context(), cfg.DataDir, r)
		if errors.Is(err, admin.ErrNoGateway) {
			text, err = operateHere(c.Context(), cfg, r)
		}
		// Locked, and nobody answers: another command, or a gateway that is just
		// starting or stopping.
		if errors.Is(err, store.ErrLocked) {
			select {
			case <-ctx.Done():
				return err
			case <-time.After(operateStep):
				continue
			}
		}
		if err != nil {
			return err
		}
		fmt.Fprint(c.OutOrStdout(), text)
		return nil
	}
}

func operateHere(ctx context.Context, cfg config.Config, r admin.Request) (string, error) {
	core, err := openCore(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	text, err := core.operator().Do(ctx, r)
	return text, errors.Join(err, core.close())
}
