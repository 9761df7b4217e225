package admin

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"wtvgate/bridge/id"
)

// record.go: recordings of what an account's client and the gateway say to each
// other, for reports of faults.

// Recorder makes them; package record of the Messenger server has one.
type Recorder interface {
	// Start begins a recording for so long and gives its file. The error is a sentence.
	Start(a id.Account, length time.Duration, texts bool) (file string, err error)
	// Stop ends one and gives its file. The error is a sentence.
	Stop(a id.Account) (file string, err error)
	// Recordings are those that go on.
	Recordings() []Recording
}

// Recording is one that goes on.
type Recording struct {
	Account id.Account
	File    string
	Until   time.Time
	Bytes   int64
}

func (o *Operator) recordStart(ctx context.Context, a id.Account, r Request) (string, error) {
	if o.Recorder == nil {
		return "", errNotRunning
	}
	if _, err := o.Hub.AccountInfo(ctx, a); err != nil {
		return "", err
	}
	file, err := o.Recorder.Start(a, time.Duration(r.Seconds)*time.Second, r.Texts)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("recording what %s and the gateway say to each other in %s\n", a, file)
	if o.Hub.Seat(a) != nil {
		text += fmt.Sprintf("it is signed in already: `wtvgate session kick %s` has it begin anew\n", a)
	}
	return text, nil
}

func (o *Operator) recordStop(_ context.Context, a id.Account, _ Request) (string, error) {
	if o.Recorder == nil {
		return "", errNotRunning
	}
	file, err := o.Recorder.Stop(a)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("recorded in %s\nnext: `wtvgate replay %s` makes a transcript without people of it\n", file, file), nil
}

func (o *Operator) recordings(context.Context, Request) (string, error) {
	if o.Recorder == nil {
		return "", errNotRunning
	}
	all := o.Recorder.Recordings()
	if len(all) == 0 {
		return "nothing is being recorded\n", nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ADDRESS\tUNTIL\tBYTES\tFILE")
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", r.Account, clock(r.Until), r.Bytes, r.File)
	}
	w.Flush()
	return b.String(), nil
}
