package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
)

// gateway.go: what an operator asks of the gateway as a whole.

// The operations on the gateway.
const (
	// Status is for commands, not for people: its text is a Running in JSON.
	Status      Verb = "status"
	Check       Verb = "check"
	SessionList Verb = "session.list"
	SessionKick Verb = "session.kick"
	Notice      Verb = "notice"
	Trace       Verb = "trace"
	Backup      Verb = "backup"
	RecordStart Verb = "record.start"
	RecordStop  Verb = "record.stop"
	RecordList  Verb = "record.list"
)

// Running describes the gateway that answers.
type Running struct {
	PID      int                   `json:"pid"`
	Version  string                `json:"version"`
	Since    time.Time             `json:"since"`
	Ports    map[string]string     `json:"ports"` // the key of each open port, and the address it has
	Networks []bridge.NetworkState `json:"networks"`
	SignedIn int                   `json:"signed_in"`
}

// errNotRunning refuses what only a running gateway can do.
var errNotRunning = errors.New("no gateway is running: start `wtvgate serve`")

// general finds the operation of a verb that is about no account.
func (o *Operator) general(v Verb) func(context.Context, Request) (string, error) {
	return map[Verb]func(context.Context, Request) (string, error){
		AccountList: func(ctx context.Context, _ Request) (string, error) { return o.list(ctx) },
		Status:      o.status, Check: o.check, SessionList: o.sessions, Notice: o.notice, Trace: o.trace, Backup: o.backup,
		RecordList: o.recordings,
	}[v]
}

// looks tells that a verb changes nothing, so that the log need not name it.
func looks(v Verb) bool {
	switch v {
	case AccountList, AccountShow, ContactList, Status, Check, SessionList, Trace, RecordList:
		return true
	}
	return false
}

// AskRunning asks the gateway that runs on dir what it is. ErrNoGateway.
func AskRunning(ctx context.Context, dir string) (Running, error) {
	text, err := Call(ctx, dir, Request{Verb: Status})
	if err != nil {
		return Running{}, err
	}
	var r Running
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Running{}, fmt.Errorf("the running gateway's answer cannot be read; is it another version? %w", err)
	}
	return r, nil
}

func (o *Operator) status(context.Context, Request) (string, error) {
	if o.Running == nil {
		return "", errNotRunning
	}
	r := o.Running()
	r.Networks, r.SignedIn = o.Hub.States(), o.Hub.SignedIn()
	b, err := json.Marshal(r)
	return string(b), err
}

func (o *Operator) check(ctx context.Context, _ Request) (string, error) {
	if err := o.Hub.QuickCheck(ctx); err != nil {
		return "", err
	}
	return "the database is whole\n", nil
}

func (o *Operator) sessions(context.Context, Request) (string, error) {
	if o.Running == nil {
		return "", errNotRunning
	}
	all := o.Hub.Sessions()
	if len(all) == 0 {
		return "nobody is signed in\n", nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ADDRESS\tCLIENT\tDIALECT\tSTATUS\tTALKS\tSINCE\tFROM\tCONN")
	for _, s := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%d\n", s.Account, s.Client, s.Dialect, s.Status, s.Talks, clock(s.Since), s.Remote, s.Conn)
	}
	w.Flush()
	return b.String(), nil
}

// clock is a time as operators read it: their own zone, to the second.
func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

func (o *Operator) kick(_ context.Context, a id.Account, _ Request) (string, error) {
	if o.Running == nil {
		return "", errNotRunning
	}
	if err := o.Hub.Kick(a); errors.Is(err, bridge.ErrNoSession) {
		return "", fmt.Errorf("%s is not signed in; `wtvgate session list` shows who is", a)
	} else if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is signed out; its box may sign in again\n", a), nil
}

func (o *Operator) notice(ctx context.Context, r Request) (string, error) {
	if o.Running == nil {
		return "", errNotRunning
	}
	n, err := o.Hub.Broadcast(ctx, r.Text)
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "nobody is signed in; nobody was told\n", nil
	}
	return fmt.Sprintf("told %d signed in\n", n), nil
}

func (o *Operator) trace(ctx context.Context, r Request) (string, error) {
	steps, err := o.Hub.Steps(ctx, r.ID)
	if err != nil {
		return "", err
	}
	if len(steps) == 0 {
		return "", fmt.Errorf("no message is known as %q: give an id from the log (wtvgate-...), out-N or in-N, the network's own id, or an account's address for its newest; messages are kept %d days",
			clip(r.ID), int(store.Retention.Hours()/24))
	}
	var b strings.Builder
	for _, s := range steps {
		writeStep(&b, o.Hub, s)
	}
	return b.String(), nil
}

// maxClip bounds what is repeated of an argument.
const maxClip = 80

func clip(s string) string { return s[:min(len(s), maxClip)] }

// writeStep shows a message's hops with their times. It never shows its text.
func writeStep(b *strings.Builder, h *bridge.Hub, s bridge.Step) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	if s.Out {
		fmt.Fprintf(b, "out-%d  %s  %s to %s on %s\n", s.Number, s.Kind, s.Account, s.Peer, s.Network)
		fmt.Fprintf(w, "  %s\tstored, and acknowledged to the box\t%s\n", stamp(s.Stored), h.MessageID(s.Number))
	} else {
		fmt.Fprintf(b, "in-%d  %s  %s to %s from %s\n", s.Number, s.Kind, s.Peer, s.Account, s.Network)
		if s.Event != "" { // else the gateway itself or another box wrote it, as it was stored
			fmt.Fprintf(w, "  %s\twritten by the friend\t%s\n", stamp(s.Sent), s.Event)
		}
		fmt.Fprintf(w, "  %s\tstored\tafter %s\n", stamp(s.Stored), s.Stored.Sub(s.Sent))
	}
	after := s.Changed.Sub(s.Stored)
	switch s.State {
	case store.Pending:
		fmt.Fprintf(w, "  now\twaits\tfor %s\n", map[bool]string{true: "its network", false: "the box"}[s.Out])
	case store.Sent:
		fmt.Fprintf(w, "  %s\ttaken by the network\tafter %s %s\n", stamp(s.Changed), after, s.Event)
	case store.Folded:
		fmt.Fprintf(w, "  %s\tset aside\tafter %s, until the owner asks the helper for more\n", stamp(s.Changed), after)
	case store.Delivered:
		fmt.Fprintf(w, "  %s\twritten to the box\tafter %s\n", stamp(s.Changed), after)
	default:
		fmt.Fprintf(w, "  %s\t%s\tafter %s: %s\n", stamp(s.Changed), s.State, after, s.Reason)
	}
	w.Flush()
}

// stamp is a time of a hop: to the millisecond, which is what is stored.
func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05.000") }

func (o *Operator) backup(ctx context.Context, r Request) (string, error) {
	if !filepath.IsAbs(r.File) { // the command makes it so: its directory is not ours
		return "", errors.New("backup: the name of the file must be absolute")
	}
	if err := o.Hub.Backup(ctx, r.File); err != nil {
		return "", err
	}
	return fmt.Sprintf("wrote and checked %s\nkeep secret.key of the data directory with it, and the registration if there is one: without the key its secrets are lost\n", r.File), nil
}
