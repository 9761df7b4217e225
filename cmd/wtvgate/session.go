package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"wtvgate/bridge/admin"
)

func sessionCommand() *cobra.Command {
	return group("session", "who is signed in",
		operation("list", "list who is signed in, with what and since when", admin.SessionList),
		operation("kick ADDRESS", "end an account's session; its box may sign in again", admin.SessionKick, "ADDRESS"))
}

func noticeCommand() *cobra.Command {
	return &cobra.Command{Use: "notice TEXT", Short: "say something to everyone who is signed in", Args: cobra.ArbitraryArgs,
		Long: "Say something to everyone who is signed in, as a message from the gateway's own address.",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("notice: TEXT is missing")}
			}
			return operate(c, admin.Request{Verb: admin.Notice, Text: strings.Join(args, " ")})
		}}
}

func traceCommand() *cobra.Command {
	return &cobra.Command{Use: "trace ID", Short: "follow a message: its hops and their times", Args: exactly("ID"),
		Long: `Follow a message: its hops and their times, never its text. ID is what the log
calls it (wtvgate-...), the network's own id, or out-N or in-N as this command
prints them; an account's address shows its newest messages.`,
		RunE: func(c *cobra.Command, args []string) error {
			return operate(c, admin.Request{Verb: admin.Trace, ID: args[0]})
		}}
}

func backupCommand() *cobra.Command {
	return &cobra.Command{Use: "backup FILE", Short: "write a checked copy of the database", Args: exactly("FILE"),
		Long: `Write a copy of the database as it is at this moment and check it, while serve
runs or not. Keep secret.key of the data directory with it.`,
		RunE: func(c *cobra.Command, args []string) error {
			file, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			return operate(c, admin.Request{Verb: admin.Backup, File: file})
		}}
}

// runningOperator is the operator inside of serve.
func (g *gateway) runningOperator() *admin.Operator {
	o := g.operator()
	r := admin.Running{PID: os.Getpid(), Version: release + revision(), Since: time.Now(), Ports: g.ports()}
	o.Running, o.Recorder = func() admin.Running { return r }, recorder{g.records}
	return o
}

// ports are the addresses that are open, by the keys that name them.
func (g *gateway) ports() map[string]string {
	open := map[string]string{"messenger.listen": address(g.messengerPort), "passport.listen": address(g.nexusPort),
		"admin.listen": address(g.adminPort)}
	for key, l := range map[string]net.Listener{"wtvp.passport.listen": g.wtvpPorts.passport, "wtvp.preregister.listen": g.wtvpPorts.preregister,
		"wtvp.head_waiter.listen": g.wtvpPorts.headWaiter, "pictures.listen": g.picturesPort} {
		if l != nil {
			open[key] = address(l)
		}
	}
	if g.matrix != nil {
		open["matrix.appservice.listen"] = g.matrix.Addr().String()
	}
	return open
}
