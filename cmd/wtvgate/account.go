package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"wtvgate/bridge/admin"
)

func accountCommand() *cobra.Command {
	return group("account", "the gateway's accounts and their boxes",
		accountAddCommand(),
		operation("list", "list all accounts", admin.AccountList),
		operation("show ADDRESS", "show one account", admin.AccountShow, "ADDRESS"),
		operation("remove ADDRESS", "remove an account with everything of it", admin.AccountRemove, "ADDRESS"),
		accountPasswordCommand(), accountSetCommand(), linkBoxCommand(),
		operation("unlink-box ADDRESS", "let no box sign in as the account any more", admin.AccountUnlinkBox, "ADDRESS"))
}

// operation is a verb with no flags: its arguments are the account and a contact.
func operation(use, short string, v admin.Verb, names ...string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: exactly(names...),
		RunE: func(c *cobra.Command, args []string) error {
			r := admin.Request{Verb: v}
			if len(args) > 0 {
				r.Account = args[0]
			}
			if len(args) > 1 {
				r.Contact = args[1]
			}
			return operate(c, r)
		}}
}

func accountAddCommand() *cobra.Command {
	c := &cobra.Command{Use: "add ADDRESS", Short: "make an account", Args: exactly("ADDRESS")}
	name := c.Flags().String("name", "", "display name (default: made from the address)")
	stdin := c.Flags().Bool("password-stdin", false, "read a password for PC clients from standard input")
	c.RunE = func(c *cobra.Command, args []string) error {
		r := admin.Request{Verb: admin.AccountAdd, Account: args[0], Name: *name}
		if *stdin {
			var err error
			if r.Password, err = readPassword(c.InOrStdin()); err != nil {
				return err
			}
		}
		return operate(c, r)
	}
	return c
}

func accountPasswordCommand() *cobra.Command {
	c := &cobra.Command{Use: "password ADDRESS --password-stdin", Short: "set the password of PC clients", Args: exactly("ADDRESS")}
	stdin := c.Flags().Bool("password-stdin", false, "read the password from standard input")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !*stdin {
			return usageError{errors.New("account password: --password-stdin is missing: a password on the command line could be seen by others")}
		}
		p, err := readPassword(c.InOrStdin())
		if err != nil {
			return err
		}
		return operate(c, admin.Request{Verb: admin.AccountPassword, Account: args[0], Password: p})
	}
	return c
}

func linkBoxCommand() *cobra.Command {
	c := &cobra.Command{Use: "link-box ADDRESS --ssid SSID", Short: "let a box sign in as the account", Args: exactly("ADDRESS")}
	ssid := c.Flags().String("ssid", "", "the box's serial number, 16 hexadecimal digits")
	user := c.Flags().Int("user-id", 0, "number of the user on that box; 0 is the subscriber")
	c.RunE = func(c *cobra.Command, args []string) error {
		if *ssid == "" {
			return usageError{errors.New("account link-box: --ssid is missing")}
		}
		return operate(c, admin.Request{Verb: admin.AccountLinkBox, Account: args[0], SSID: *ssid, UserID: *user})
	}
	return c
}

// maxPasswordLine bounds what is read for a password; the store's own limit is
// lower and has the better words.
const maxPasswordLine = 4096

// readPassword reads the first line of standard input.
func readPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("no password came on standard input")
	}
	return line, nil
}
