// Command wtvgate gives WebTV and MSN TV boxes their Messenger back and joins it
// to Matrix and other networks. Each verb has a file of its own here; what they
// do is in the packages beside this folder.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"wtvgate/bridge/config"
)

// Exit codes (design, section 6).
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program with its streams as arguments, for tests.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := rootCommand()
	c.SetArgs(args)
	c.SetIn(stdin)
	c.SetOut(stdout)
	c.SetErr(stderr)
	err := c.ExecuteContext(context.Background())
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "wtvgate: %v\nTry `wtvgate --help`.\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "wtvgate: %v\n", err)
	return exitError
}

// usageError is a call of the program that is wrong in itself.
type usageError struct{ error }

// rootCommand is the program without a verb.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "wtvgate",
		Short:         "Messenger for WebTV and MSN TV boxes, joined to Matrix and other networks",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("there is no verb %q", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.PersistentFlags().String("config", "", "configuration file (default: config.yaml here if there is one, else built-in defaults)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(serveCommand(), demoCommand(), boxCommand(), accountCommand(), contactCommand(), matrixCommand(), versionCommand(),
		initCommand(), doctorCommand(), sessionCommand(), noticeCommand(), traceCommand(), backupCommand(),
		recordCommand(), replayCommand())
	return root
}

// verb is a command's words without the program's name.
func verb(c *cobra.Command) string {
	return strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
}

// exactly wants n arguments and says which.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageError{fmt.Errorf("%s: %s is missing", verb(c), names[len(args)])}
		case len(args) > len(names):
			return usageError{fmt.Errorf("%s: %q is too much", verb(c), args[len(names)])}
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError{fmt.Errorf("%s: a verb is missing", verb(c))}
		}
		return usageError{fmt.Errorf("%s: there is no verb %q", verb(c), args[0])}
	}, RunE: func(*cobra.Command, []string) error { return nil }}
	c.AddCommand(verbs...)
	return c
}

// configured loads the configuration that --config names.
func configured(c *cobra.Command) (config.Config, error) {
	path, err := c.Flags().GetString("config")
	if err != nil {
		return config.Config{}, err
	}
	return config.Load(path, os.Environ())
}
