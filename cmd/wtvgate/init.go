package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"wtvgate/bridge/config"
	"wtvgate/bridge/matrix"
	"wtvgate/bridge/setup"
)

func initCommand() *cobra.Command {
	c := &cobra.Command{Use: "init", Short: "make a configuration, the data directory and the registration", Args: exactly(),
		Long: `Make config.yaml with all its comments and your answers in it, the data directory
with its key, and the registration if Matrix is chosen, and say what comes next. It
asks a few questions; any flag but --dir answers them all, with defaults for the
rest. Nothing that is there is overwritten.`}
	a := setup.Defaults()
	f := c.Flags()
	dir := f.String("dir", ".", "directory to write into")
	yes := f.Bool("yes", false, "ask nothing, take the defaults")
	stdin := f.Bool("shared-key-stdin", false, "read the WebTV server's initial_shared_key from standard input (default: a new one)")
	f.StringVar(&a.Domain, "domain", a.Domain, "what addresses of your accounts end in")
	f.StringVar(&a.Registration, "registration", a.Registration, "closed: you add accounts; first-box: a new box takes a free address")
	f.StringVar(&a.Mode, "wtvp-mode", a.Mode, "companion: beside a WebTV server; standalone: alone; off: no boxes")
	f.StringVar(&a.Advertise, "advertise", a.Advertise, "address boxes reach this machine at, dotted; auto if no router is between")
	f.StringVar(&a.Homeserver, "matrix-url", "", "where the gateway reaches your Matrix homeserver (default: no Matrix)")
	f.StringVar(&a.ServerName, "matrix-domain", "", "the homeserver's name, as in @bob:NAME")
	f.StringVar(&a.Appservice, "appservice-url", "", "where the homeserver reaches the gateway, if it is on another machine")
	f.StringVar(&a.TokenFile, "discord-token-file", "", "a file that holds the token of your Discord bot and nothing else (default: no Discord)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if (a.Homeserver == "") != (a.ServerName == "") {
			return usageError{errors.New("init: --matrix-url and --matrix-domain go together")}
		}
		var err error
		switch {
		case *stdin:
			a.SharedKey, err = readPassword(c.InOrStdin())
		case !*yes && c.Flags().NFlag() == flagsOf(c, "dir", "config"):
			a, err = setup.Ask(c.InOrStdin(), c.OutOrStdout(), a)
		}
		if err != nil {
			return fmt.Errorf("init: %w", err)
		}
		return initialize(c, *dir, a)
	}
	return c
}

// flagsOf counts which of some flags were given.
func flagsOf(c *cobra.Command, names ...string) (n int) {
	for _, name := range names {
		if c.Flags().Changed(name) {
			n++
		}
	}
	return n
}

func initialize(c *cobra.Command, dir string, a setup.Answers) error {
	m, err := setup.Write(c.Context(), dir, a)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	fmt.Fprintf(out, "wrote %s\nwrote %s\n", m.File, m.Config.DataDir)
	registration := m.Config.Matrix.Appservice.Registration
	if m.Config.Matrix.Enabled {
		if err := matrix.WriteRegistration(matrixOptions(m.Config), registration); err != nil {
			return err
		}
		fmt.Fprintf(out, "wrote %s\n", registration)
	}
	return nextSteps(out, m)
}

// nextSteps says what is left to do, in the order in which it works.
func nextSteps(w io.Writer, m setup.Made) error {
	flag := ""
	if m.File != config.DefaultFile {
		flag = " --config " + m.File
	}
	n := 0
	step := func(format string, args ...any) {
		n++
		fmt.Fprintf(w, "%2d. %s\n", n, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w, "next:")
	if m.NewKey {
		step("give your WebTV server the key that stands at wtvp.initial_shared_key, as its initial_shared_key")
	}
	if m.Config.Matrix.Enabled {
		full, err := filepath.Abs(m.Config.Matrix.Appservice.Registration)
		if err != nil {
			return err
		}
		step("name %s in the homeserver's configuration and restart it:\n"+
			"      Synapse   app_service_config_files: [%s]\n      Dendrite  app_service_api: {config_files: [%s]}", full, full, full)
	}
	if m.Config.Discord.Enabled {
		step("invite the bot into your Discord server: docs/discord.md has the link")
	}
	domain := m.Config.Accounts.Domain
	if m.Config.Accounts.Registration == config.Closed {
		step("wtvgate account add alice@%s%s", domain, flag)
		if m.Config.WTVP.Mode != config.WTVPOff {
			step("wtvgate account link-box alice@%s --ssid SSID%s", domain, flag)
		}
	}
	step("wtvgate doctor%s", flag)
	step("wtvgate serve%s", flag)
	return nil
}
