package admin

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"wtvgate/bridge/store"
)

// maxConsole bounds an answer, in bytes: it has to fit one message, and to be read.
const maxConsole = 6000

// Console answers operators who write to the gateway from where they are, such
// as a Matrix room. Whoever calls it has made sure that they are operators and
// that nobody else reads along.
type Console struct {
	Operator *Operator
	Log      *slog.Logger
}

// consoleHelp is what there is to say.
const consoleHelp = `status          how the networks are, and what waits
who             who is signed in
trace ID        a message's hops; an account's address shows its newest
kick ADDRESS    end a session; the box may sign in again
notice TEXT     say something to everyone who is signed in
help            this
`

// Answer carries out one line and gives the lines that answer it. who is for the log.
func (c Console) Answer(ctx context.Context, who, line string) string {
	verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	r := Request{}
	switch verb = strings.ToLower(strings.TrimLeft(verb, "!/")); verb {
	case "status":
		return c.status(ctx)
	case "who", "sessions":
		r.Verb = SessionList
	case "trace":
		r.Verb, r.ID = Trace, rest
	case "kick":
		r.Verb, r.Account = SessionKick, rest
	case "notice":
		r.Verb, r.Text = Notice, rest
	case "help", "hello", "hi":
		return consoleHelp
	default:
		return "I know these:\n" + consoleHelp
	}
	if rest == "" && r.Verb != SessionList {
		return verb + " needs a word more:\n" + consoleHelp
	}
	text, err := c.Operator.Do(ctx, r)
	if err != nil {
		return err.Error() + "\n"
	}
	if !looks(r.Verb) {
		c.Log.Info("operator", "verb", string(r.Verb), "account", r.Account, "by", who)
	}
	return shortened(text)
}

// shortened leaves out lines at the end that are too many.
func shortened(text string) string {
	if len(text) <= maxConsole {
		return text
	}
	end := strings.LastIndexByte(text[:maxConsole], '\n') + 1
	if end == 0 {
		end = maxConsole
	}
	return strings.ToValidUTF8(text[:end], "") + fmt.Sprintf("and %d lines more\n", strings.Count(text[end:], "\n"))
}

// status is what an operator asks first.
func (c Console) status(ctx context.Context) string {
	o := c.Operator
	if o.Running == nil {
		return errNotRunning.Error() + "\n"
	}
	run := o.Running()
	var b strings.Builder
	fmt.Fprintf(&b, "wtvgate %s, since %s; %d signed in\n", run.Version, clock(run.Since), o.Hub.SignedIn())
	for _, n := range o.Hub.States() {
		fmt.Fprintf(&b, "%s is %s since %s", n.Name, map[bool]string{true: "up", false: "DOWN"}[n.Up], clock(n.Since))
		if n.Text != "" {
			fmt.Fprintf(&b, ": %s", n.Text)
		}
		b.WriteByte('\n')
	}
	out, in, err := o.Hub.Queues(ctx)
	if err != nil {
		return b.String() + "the queues cannot be read: " + err.Error() + "\n"
	}
	now := time.Now()
	waits := func(all []store.Queue, what string) {
		for _, q := range all {
			if q.Depth > 0 {
				fmt.Fprintf(&b, "%d wait %s on %s, the oldest for %s\n", q.Depth, what, q.Network, now.Sub(q.Oldest).Round(time.Second))
			}
		}
	}
	waits(out, "for friends")
	waits(in, "for boxes")
	return b.String()
}
