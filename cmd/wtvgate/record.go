package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"wtvgate/bridge/admin"
	"wtvgate/bridge/id"
	"wtvgate/msnp/record"
)

// recordTime is how long is recorded if nobody says: a sign-in and a talk.
const recordTime = 30 * time.Minute

func recordCommand() *cobra.Command {
	c := group("record", "record what a box and the gateway say to each other, for a report",
		recordStartCommand(),
		operation("stop ADDRESS", "end a recording", admin.RecordStop, "ADDRESS"),
		operation("list", "list the recordings that go on", admin.RecordList))
	c.Long = `Record what a box or PC client and the gateway say to each other over Messenger,
for a report of a fault. Connections that begin while it runs are recorded. Tickets,
challenges, cookies and phone numbers never get into the file, and of messages
only the form unless --texts is given; addresses and screen names do. It lies in
data/wire; "wtvgate replay" makes a transcript without people of it.`
	return c
}

func recordStartCommand() *cobra.Command {
	c := &cobra.Command{Use: "start ADDRESS", Short: "begin a recording", Args: exactly("ADDRESS")}
	length := c.Flags().Duration("for", recordTime, "how long")
	texts := c.Flags().Bool("texts", false, "messages as they were written, too")
	c.RunE = func(c *cobra.Command, args []string) error {
		if *length < time.Second || *length > record.MaxTime {
			return usageError{fmt.Errorf("record start: --for must be from 1s to %s", record.MaxTime)}
		}
		return operate(c, admin.Request{Verb: admin.RecordStart, Account: args[0], Seconds: int(length.Seconds()), Texts: *texts})
	}
	return c
}

func replayCommand() *cobra.Command {
	return &cobra.Command{Use: "replay FILE", Short: "make a test transcript of a recording", Args: exactly("FILE"),
		Long: `Make a transcript of a recording, on standard output, as the tests of the Messenger
server play it. People in it are made up, so that it can be shown to others; texts
that were recorded stay.`,
		RunE: func(c *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			if err := record.Transcript(c.OutOrStdout(), f); errors.Is(err, record.ErrNoRecording) {
				return fmt.Errorf("%s: %w; `wtvgate record start` makes one", args[0], err)
			} else if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return nil
		}}
}

// recorder is the Messenger server's, in the operator's terms.
type recorder struct{ *record.Recorder }

// Start begins a recording.
func (r recorder) Start(a id.Account, length time.Duration, texts bool) (string, error) {
	s, err := r.Recorder.Start(string(a), record.Options{For: length, Texts: texts})
	return s.File, err
}

// Stop ends one.
func (r recorder) Stop(a id.Account) (string, error) {
	s, err := r.Recorder.Stop(string(a))
	return s.File, err
}

// Recordings are those that go on.
func (r recorder) Recordings() []admin.Recording {
	var all []admin.Recording
	for _, s := range r.Recorder.Recordings() {
		all = append(all, admin.Recording{Account: id.Account(s.Address), File: s.File, Until: s.Until, Bytes: s.Bytes})
	}
	return all
}
