package chaos

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestLedgerFindsEveryFault: the ledger must be able to fail.
func TestLedgerFindsEveryFault(t *testing.T) {
	l := &Ledger{}
	f := l.NewFlow("a", "b", true)
	to := l.NewFlow("b", "friend", false)
	write := func(f *Flow, what fate) string {
		n, text, ok := f.Write()
		if !ok {
			t.Fatal("the window is full")
		}
		f.Settle(n, what)
		return text
	}
	good, first, second := write(f, accepted), write(f, accepted), write(f, accepted)
	l.Shown("b", "(12:30) "+good, 0)
	l.Shown("b", second, 0)
	l.Shown("b", first, 0) // out of order
	twice := write(f, accepted)
	l.Shown("b", twice, 0)
	l.Shown("b", twice, 0) // doubled
	again := write(f, accepted)
	l.Shown("b", again, 0)
	l.Killed()
	l.Shown("b", again, 1) // shown again after a kill
	write(f, accepted)     // lost
	write(f, refused)
	l.Shown("b", write(f, unknown), 1) // may be there
	l.Cut([]byte(write(f, accepted)))
	cut := write(f, accepted)
	l.Shown("b", cut, 1)
	l.Cut([]byte(cut + cut)) // on the screen, but nobody knew when the line was cut
	l.Shown("b", cut, 1)     // shown again after it
	more := write(f, accepted)
	l.Cut([]byte(more))
	l.Shown("b", more, 1)
	l.Shown("b", more, 1)
	l.Shown("b", more, 1) // one line was cut, and it came three times: doubled
	l.Shown("b", `Not delivered: "`+write(f, accepted)+`": no.`, 1)
	long := write(f, accepted)
	l.Shown("b", long[:len(long)-1], 1)         // damaged: cut off
	l.Shown("elsewhere", write(f, accepted), 1) // strange, and lost
	l.Shown("b", "hello", 1)
	sent := write(to, accepted)
	l.Shown("friend", sent, 0)
	l.Killed()
	l.Shown("friend", sent, 1)                             // for a friend a kill is no excuse
	l.Cut([]byte(failed + write(to, accepted) + `": no.`)) // its writer's line was cut with the news inside
	l.Cut([]byte(write(to, accepted)))                     // no excuse: lost
	want := Sum{Written: 17, Accepted: 15, Delivered: 9, Reported: 1, Refused: 1, Unknown: 1, Again: 1, Repeated: 2, Cut: 2,
		Lost: 3, Doubled: 3, Disorder: 1, Damaged: 1, Strange: 1, Notices: 1}
	sum, faults := l.Sum()
	if sum != want || sum.Clean() || len(faults) == 0 {
		t.Errorf("%+v, want %+v\n%s", sum, want, strings.Join(faults, "\n"))
	}
}

// TestPhone: what is inside a line that is cut is known; what is inside one that is
// hung up arrives.
func TestPhone(t *testing.T) {
	for name, step := range map[string]struct {
		end  func(*Phone)
		want string
		cut  int
	}{"hung up": {(*Phone).HangUp, "f1n1 la  end1", 0}, "cut": {(*Phone).Cut, "", 1}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			l := &Ledger{}
			f := l.NewFlow("a", "b", true)
			n, text, _ := f.Write()
			f.Settle(n, accepted)
			p := NewPhone(l)
			box, err := p.Dial(ctx, "tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer box.Close()
			gateway, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			p.Stall(time.Hour)
			if _, err := io.WriteString(gateway, text); err != nil {
				t.Fatal(err)
			}
			step.end(p)
			p.Stall(0)
			_, _ = io.Copy(io.Discard, gateway) // until the box's end is seen
			gateway.Close()
			got, _ := io.ReadAll(box) // a line that was cut ends with an error
			box.Close()
			if err := p.Wait(ctx); err != nil {
				t.Fatal(err)
			}
			if sum, _ := l.Sum(); !strings.HasPrefix(string(got), step.want) || sum.Cut != step.cut {
				t.Errorf("the box has %q, cut %d", got, sum.Cut)
			}
		})
	}
}
