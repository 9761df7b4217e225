package bridge

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// maxFloodGrowth is how much the heap may grow in a flood of any length: what waits
// is rows.
const maxFloodGrowth = 32 << 20

// maxFloodResident is how much memory the process may have in all then, in KiB: what
// SQLite and Go keep for themselves has limits too.
const maxFloodResident = 256 << 10

// occupied is the memory of the process as the system counts it, in KiB; 0 where it
// does not tell.
func occupied() (kib int) {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	_, _ = fmt.Sscan(rest, &kib)
	return kib
}

// TestSoakFlood has a hundred friends write to boxes that are off, and a network that
// takes nothing, as fast as the store goes, for WTVGATE_SOAK (10m). What is beyond the
// limits is refused with a word, and memory stays where it was.
func TestSoakFlood(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("WTVGATE_SOAK"))
	if err != nil {
		t.Skip("set WTVGATE_SOAK to a time, such as 10m")
	}
	r := newRig(t)
	r.net.calls = make(chan fakeCall, 1)
	r.net.script = func(string, Outbound) (Receipt, error) { return Receipt{}, &SendError{Certain: true} }
	r.run()
	go func() {
		for range r.net.calls {
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most, begun := heap(), uint64(0), time.Now()
	var came, said, refused int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				e := MessageEvent{Event: id.Event(fmt.Sprintf("$%d-%d", i, n)), Account: alice, From: id.Remote(fmt.Sprint("friend", i)),
					Text: text.Content{Body: "a line as people write it"}, Time: time.Now()}
				if err := r.net.in.Receive(context.Background(), e); err != nil {
					t.Error(err)
				}
				key := id.Conversation{Account: alice, Peer: id.Address(fmt.Sprintf("friend%d@fake.example", i))}
				err := r.hub.Say(context.Background(), key, text.Content{Body: "an answer"})
				mu.Lock()
				came++
				if err == nil {
					said++
				} else {
					refused++
				}
				mu.Unlock()
			}
		})
	}
	for tick := time.NewTicker(min(length/10, 10*time.Second)); ctx.Err() == nil; {
		select {
		case <-tick.C:
			now := heap()
			most = max(most, now)
			mu.Lock()
			t.Logf("%v: heap %d KiB, resident %d KiB; %d lines came, %d were taken, %d refused", time.Since(begun).Round(time.Second), now>>10, occupied(), came, said, refused)
			mu.Unlock()
			if r := occupied(); r > maxFloodResident {
				t.Errorf("%d KiB are resident", r)
			}
		case <-ctx.Done():
			tick.Stop()
		}
	}
	wg.Wait()
	if most > before+maxFloodGrowth {
		t.Errorf("the heap grew from %d to %d KiB", before>>10, most>>10)
	}
	r.checkFlood(said)
}

// checkFlood: what the boxes were promised is there, to the last message, and of what
// friends wrote the first, in order, up to the line that says that there was more.
func (r *rig) checkFlood(said int) {
	r.t.Helper()
	ctx := context.Background()
	sent := 0
	for i := range 100 {
		key := id.Conversation{Account: alice, Peer: id.Address(fmt.Sprintf("friend%d@fake.example", i))}
		err := r.st.View(ctx, func(tx *store.Tx) error {
			n, err := tx.CountPending(key.Account, key.Peer)
			sent += n
			return err
		})
		if err != nil {
			r.t.Fatal(err)
		}
		rows, err := r.st.WaitingIncoming(ctx, key, 0, maxWaiting+2)
		if err != nil || len(rows) == 0 || len(rows) > maxWaiting+1 {
			r.t.Errorf("%d lines wait in %s, %v", len(rows), key, err)
		}
		n := 0
		for _, row := range rows {
			if row.Kind == kindNotice { // that more came, or that an answer is late
				continue
			}
			if want := id.Event(fmt.Sprintf("$%d-%d", i, n)); row.Event != want {
				r.t.Fatalf("line %d of %s is %s", n, key, row.Event)
			}
			n++
		}
	}
	if sent < said || sent > said+100 { // and the word that it waits
		r.t.Errorf("of %d messages that were taken %d wait to be sent", said, sent)
	}
}
