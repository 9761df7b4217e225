// Package doctor looks at an installation from outside, as the gateway, a box, a
// homeserver or Discord would meet it, and says of each thing whether it is well
// and else what to do. It changes nothing that lasts. Each check is a value with
// what it needs; none keeps state or takes a lock, and each ends in the time its
// own constants allow.
package doctor

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Level is how bad a finding is.
type Level string

// The levels. Only Fail makes the command fail.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "FAIL"
)

// Finding is one thing that was looked at.
type Finding struct {
	Level  Level
	What   string // what was looked at: a few words or a key
	Detail string // how it is
	Mend   string // what to do, a command or a key; empty for OK
}

// Check looks at one part of an installation.
type Check interface {
	Run(ctx context.Context) []Finding
}

// netTime bounds one check that talks to somebody: a homeserver that is dead
// costs no more, and one that needs longer has trouble of its own.
const netTime = 10 * time.Second

func good(what, format string, args ...any) Finding {
	return Finding{Level: OK, What: what, Detail: fmt.Sprintf(format, args...)}
}

func warn(what, mend, format string, args ...any) Finding {
	return Finding{Level: Warn, What: what, Mend: mend, Detail: fmt.Sprintf(format, args...)}
}

func fail(what, mend, format string, args ...any) Finding {
	return Finding{Level: Fail, What: what, Mend: mend, Detail: fmt.Sprintf(format, args...)}
}

// Examine runs the first check alone and then all others beside each other, and
// gives their findings in the order of the checks. The first is for ports, which
// the others may need.
func Examine(ctx context.Context, first Check, rest ...Check) []Finding {
	results := make([][]Finding, 1+len(rest))
	results[0] = first.Run(ctx)
	var wg sync.WaitGroup
	for i, c := range rest {
		wg.Go(func() { results[i+1] = c.Run(ctx) })
	}
	wg.Wait()
	var all []Finding
	for _, r := range results {
		all = append(all, r...)
	}
	return all
}

// Report writes findings, two lines for what is not well, and tells whether none
// failed.
func Report(w io.Writer, all []Finding) (bool, error) {
	count := map[Level]int{}
	for _, f := range all {
		count[f.Level]++
		if _, err := fmt.Fprintf(w, "%-4s  %s: %s\n", f.Level, f.What, line(f.Detail)); err != nil {
			return false, fmt.Errorf("doctor: writing the report: %w", err)
		}
		if f.Level != OK {
			fmt.Fprintf(w, "      %s\n", line(f.Mend)) // the next line finds a broken stream
		}
	}
	_, err := fmt.Fprintf(w, "%d ok, %d to look at, %d to mend\n", count[OK], count[Warn], count[Fail])
	if err != nil {
		return false, fmt.Errorf("doctor: writing the report: %w", err)
	}
	return count[Fail] == 0, nil
}

// maxLine bounds a line of the report: servers write what they like.
const maxLine = 400

// line makes one printable line of a text.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + "..."
	}
	return s
}
