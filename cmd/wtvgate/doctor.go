package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"wtvgate/bridge/admin"
	"wtvgate/bridge/config"
	"wtvgate/bridge/doctor"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{Use: "doctor", Short: "check the installation; say what to fix", Args: exactly(),
		Long: `Check the configuration, data, clock, ports, the addresses that boxes are told, the
WebTV server's key, the homeserver in both directions, Discord and the certificate,
while serve runs or not. Every finding is a line that begins with ok, warn or FAIL;
what is not ok has a second line that says what to do. Exit 1 if something FAILs.`,
		RunE: func(c *cobra.Command, _ []string) error {
			var all []doctor.Finding
			if cfg, err := configured(c); err != nil {
				all = doctor.Broken(err)
			} else {
				all = examine(c.Context(), cfg)
			}
			if well, err := doctor.Report(c.OutOrStdout(), all); err != nil {
				return err
			} else if !well {
				return errors.New("doctor: something has to be mended")
			}
			return nil
		}}
}

// examine wires the checks.
func examine(ctx context.Context, cfg config.Config) []doctor.Finding {
	web := doctor.NewClient()
	ports := doctor.Ports{Want: listeners(cfg)}
	data := doctor.Data{Dir: cfg.DataDir}
	settings := doctor.Settings{Config: cfg}
	if r, err := admin.AskRunning(ctx, cfg.DataDir); err == nil {
		settings.Running = fmt.Sprintf("runs (pid %d, version %s, since %s)", r.PID, r.Version, r.Since.Local().Format("2006-01-02 15:04"))
		ports.Held, ports.PID = r.Ports, r.PID
		data.Check = func(ctx context.Context) error {
			_, err := admin.Call(ctx, cfg.DataDir, admin.Request{Verb: admin.Check})
			return err
		}
	}
	checks := []doctor.Check{settings, data, clock(cfg, web),
		doctor.Advertise{Key: "messenger.advertise", Value: cfg.Messenger.Advertise, Listen: cfg.Messenger.Listen, HasPort: true}}
	if cfg.WTVP.Mode != config.WTVPOff {
		checks = append(checks, doctor.Advertise{Key: "wtvp.advertise", Value: cfg.WTVP.Advertise, Listen: cfg.WTVP.Passport.Listen})
	}
	checks = append(checks, doctor.BoxKey{WTVP: cfg.WTVP}, doctor.Passport{Config: cfg.Passport, Now: time.Now})
	if cfg.Matrix.Enabled {
		checks = append(checks, doctor.Matrix{Options: matrixOptions(cfg), HTTP: web, Serving: ports.Held["matrix.appservice.listen"] != ""})
	}
	if cfg.Discord.Enabled {
		checks = append(checks, doctor.Discord{Config: cfg.Discord, HTTP: web})
	}
	return doctor.Examine(ctx, ports, checks...)
}

// clock compares ours with the servers the gateway talks with.
func clock(cfg config.Config, web *http.Client) doctor.Clock {
	c := doctor.Clock{HTTP: web, Now: time.Now}
	if cfg.Matrix.Enabled {
		c.URLs = append(c.URLs, cfg.Matrix.Homeserver.URL+"/_matrix/client/versions")
	}
	if cfg.Discord.Enabled {
		c.URLs = append(c.URLs, cfg.Discord.APIURL)
	}
	return c
}

// listeners are the ports that serve opens.
func listeners(cfg config.Config) []doctor.Port {
	all := []doctor.Port{{Key: "messenger.listen", Listen: cfg.Messenger.Listen}, {Key: "passport.listen", Listen: cfg.Passport.Listen},
		{Key: "admin.listen", Listen: cfg.Admin.Listen}}
	if cfg.Pictures.Listen != "" {
		all = append(all, doctor.Port{Key: "pictures.listen", Listen: cfg.Pictures.Listen})
	}
	if cfg.WTVP.Mode != config.WTVPOff {
		all = append(all, doctor.Port{Key: "wtvp.passport.listen", Listen: cfg.WTVP.Passport.Listen})
	}
	if cfg.WTVP.Mode == config.Standalone {
		all = append(all, doctor.Port{Key: "wtvp.preregister.listen", Listen: cfg.WTVP.Preregister.Listen},
			doctor.Port{Key: "wtvp.head_waiter.listen", Listen: cfg.WTVP.HeadWaiter.Listen})
	}
	if cfg.Matrix.Enabled {
		all = append(all, doctor.Port{Key: "matrix.appservice.listen", Listen: cfg.Matrix.Appservice.Listen})
	}
	return all
}
