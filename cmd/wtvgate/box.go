package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"wtvgate/bridge/config"
	"wtvgate/bridge/id"
	"wtvgate/cmd/wtvgate/simbox"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
	"wtvgate/wtvp/sec"
	wtvpserver "wtvgate/wtvp/server"
)

// boxFlags are what the verb box is told.
type boxFlags struct {
	account, as, firmware, dialect          string
	server, mode, messenger, wtvp, passport string
	ssid, keyFile                           string
	user                                    int
	password, trace                         bool
}

func boxCommand() *cobra.Command {
	c := &cobra.Command{Use: "box --account ADDRESS", Short: "a simulated box at this terminal, against a running gateway", Args: exactly()}
	c.Long = `A simulated box at this terminal: it signs in to a running gateway as firmware
does, shows friends and messages, and lets you type. /help shows what you can type.

On the gateway's own machine, with its configuration, --account is all it needs.
Elsewhere say --server, and --mode if that is not the configuration's.`
	var f boxFlags
	flags := c.Flags()
	flags.StringVar(&f.account, "account", "", "address to sign in as, such as alice@webtv.local")
	flags.StringVar(&f.as, "as", "box", "box, or pc: a PC client, which has a password")
	flags.StringVar(&f.firmware, "firmware", "8", "of the box: viewer (MSNP3), 2.8 (MSNP6) or 8 (the last, MSNP8)")
	flags.StringVar(&f.dialect, "dialect", "", "another dialect than the firmware's: MSNP2 to MSNP8")
	flags.StringVar(&f.server, "server", "127.0.0.1", "host of the gateway")
	flags.StringVar(&f.mode, "mode", "", "companion or standalone (default: wtvp.mode of the configuration)")
	flags.StringVar(&f.messenger, "messenger", "", "host:port of Messenger (default: the server, with the port of the configuration)")
	flags.StringVar(&f.wtvp, "wtvp", "", "host:port of wtv-passport, standalone: of wtv-1800 (default: likewise)")
	flags.StringVar(&f.passport, "passport-url", "", "URL of the Passport server, for --as pc (default: passport.public_url)")
	flags.StringVar(&f.ssid, "ssid", "", "serial number of the box (default: one that is made up and stays the same)")
	flags.IntVar(&f.user, "user-id", 0, "number of the user on that box; 0 is the subscriber")
	flags.StringVar(&f.keyFile, "key-file", "", "file with the initial shared key in base64 (default: wtvp.initial_shared_key)")
	flags.BoolVar(&f.password, "password-stdin", false, "read the password from the first line of standard input; implies --as pc")
	flags.BoolVar(&f.trace, "trace", false, "show the lines of the protocols from the start")
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := configured(c)
		if err != nil {
			return err
		}
		ctx, cancel := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer cancel()
		return f.run(ctx, cancel, c, cfg)
	}
	return c
}

// run is the verb.
func (f *boxFlags) run(ctx context.Context, cancel func(), c *cobra.Command, cfg config.Config) error {
	firmware, err := f.check()
	if err != nil {
		return usageError{fmt.Errorf("box: %w", err)}
	}
	screen, err := simbox.OpenScreen(c.InOrStdin(), c.OutOrStdout())
	if err != nil {
		return err
	}
	defer screen.Close()
	trace := simbox.NewTracer(screen, f.trace)
	way, err := f.way(cfg, screen, trace.WTVP)
	if err != nil {
		return err
	}
	b := simbox.New(simbox.Options{Account: f.account, Firmware: firmware, Way: way, Screen: screen, Interrupted: cancel}, trace)
	return f.advise(c, b.Run(ctx))
}

// check reads the flags that are words.
func (f *boxFlags) check() (simbox.Firmware, error) {
	var fw simbox.Firmware
	if f.account == "" {
		return fw, errors.New("--account is missing")
	}
	a, err := id.ParseAddress(f.account)
	if err != nil {
		return fw, fmt.Errorf("--account: %w", err)
	}
	f.account = string(a)
	if f.password {
		f.as = "pc"
	}
	switch f.as {
	case "box", "pc":
		fw.PC = f.as == "pc"
	default:
		return fw, fmt.Errorf("--as is %q; it can be box or pc", f.as)
	}
	switch f.firmware {
	case "viewer":
		fw.Dialect = wire.MSNP3
	case "2.8":
		fw.Dialect, fw.CVR = wire.MSNP6, msnp.BoxCVR()
	case "8":
		fw.Dialect, fw.CVR = wire.MSNP8, msnp.BoxCVR()
	default:
		return fw, fmt.Errorf("--firmware is %q; it can be viewer, 2.8 or 8", f.firmware)
	}
	if fw.PC {
		fw.CVR = &msnp.CVR{LCID: "0x0409", OS: "winnt", OSVersion: "5.1", Arch: "i386", Library: "MSNMSGR", Version: "5.0.0540", Client: "MSMSGS"}
	}
	if f.dialect != "" {
		d, ok := wire.ParseDialect(f.dialect)
		if !ok {
			return fw, fmt.Errorf("--dialect is %q; it can be MSNP2 to MSNP8", f.dialect)
		}
		fw.Dialect = d
	}
	if f.mode != "" && f.mode != string(config.Companion) && f.mode != string(config.Standalone) {
		return fw, fmt.Errorf("--mode is %q; it can be companion or standalone", f.mode)
	}
	return fw, nil
}

// way is how it signs in.
func (f *boxFlags) way(cfg config.Config, screen *simbox.Screen, trace simbox.Trace) (simbox.Way, error) {
	mode := cfg.WTVP.Mode
	if f.mode != "" {
		mode = config.WTVPMode(f.mode)
	}
	messenger := f.place(f.messenger, cfg.Messenger.Listen)
	if f.as == "pc" {
		password, err := screen.Password("Password of " + f.account + ": ")
		if err != nil {
			return nil, err
		}
		url := cfg.Passport.PublicURL
		if f.passport != "" {
			url = strings.TrimSuffix(f.passport, "/")
		}
		return &simbox.PC{Messenger: messenger, Account: f.account, Password: password, Passport: url}, nil
	}
	if mode == config.WTVPOff {
		return nil, errors.New("wtvp.mode is off, so no box can sign in; --as pc signs in with a password")
	}
	serial, err := f.serial()
	if err != nil {
		return nil, err
	}
	if mode == config.Standalone {
		return &simbox.Standalone{Serial: serial, Preregister: f.place(f.wtvp, cfg.WTVP.Preregister.Listen), Account: f.account, Trace: trace}, nil
	}
	key, err := f.key(cfg)
	if err != nil {
		return nil, err
	}
	return &simbox.Companion{Serial: serial, Messenger: messenger, Passport: f.place(f.wtvp, cfg.WTVP.Passport.Listen), Key: key, Trace: trace}, nil
}

// place is what a flag says, or the server with the port that the gateway listens
// on; the configuration's host if it is one and the server is this machine.
func (f *boxFlags) place(flag, listen string) string {
	if flag != "" {
		return flag
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); f.server != "127.0.0.1" || host == "" || ip != nil && ip.IsUnspecified() {
		host = f.server
	}
	return net.JoinHostPort(host, port)
}

// serial is the box that is played.
func (f *boxFlags) serial() (simbox.Serial, error) {
	s := simbox.Serial{SSID: f.ssid, UserID: f.user}
	if s.SSID != "" {
		return s, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return s, fmt.Errorf("there is no place to keep a serial number in (%w); say one with --ssid", err)
	}
	s.SSID, err = simbox.SSID(filepath.Join(dir, "wtvgate"), f.account)
	return s, err
}

// key is the initial shared key that the box's tickets are sealed with.
func (f *boxFlags) key(cfg config.Config) (sec.Key, error) {
	if f.keyFile != "" {
		text, err := os.ReadFile(f.keyFile)
		if err != nil {
			return sec.Key{}, fmt.Errorf("--key-file: %w", err)
		}
		key, err := sec.ParseKey(strings.TrimSpace(string(text)))
		if err != nil {
			return key, fmt.Errorf("--key-file: %w", err)
		}
		return key, nil
	}
	if cfg.WTVP.InitialSharedKey == nil {
		return sec.Key{}, errors.New("wtvp.initial_shared_key is empty, so no box can sign in: set it, or wtvp.mode: standalone, " +
			"or say --key-file; --as pc signs in with a password")
	}
	return sec.Key(cfg.WTVP.InitialSharedKey), nil
}

// advise adds to an error what the person can do.
func (f *boxFlags) advise(c *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	var unlinked *simbox.UnlinkedError
	text := simbox.Explain(err)
	switch {
	case errors.As(err, &unlinked) && unlinked.Text == wtvpserver.TextSignOn:
		return fmt.Errorf("%s Is the initial shared key (wtvp.initial_shared_key, --key-file) the running gateway's?", text)
	case errors.As(err, &unlinked):
		more := ""
		if unlinked.UserID != 0 {
			more = fmt.Sprintf(" --user-id %d", unlinked.UserID)
		}
		if file := c.Flag("config").Value.String(); file != "" {
			more += " --config " + file
		}
		return fmt.Errorf("%s If it is not this simulated box's account yet: `wtvgate account link-box %s --ssid %s%s` "+
			"(and `wtvgate account add %s` before, if there is none)", text, f.account, unlinked.SSID, more, f.account)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s. Does `wtvgate serve` run there?", text)
	}
	return fmt.Errorf("signing in: %s", text)
}
