package bridge

import (
	"context"
	"fmt"
	"os"
	"runtime"
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
	before, most := heap(), uint64(0)
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
			t.Logf("heap %d KiB; %d lines came, %d were taken, %d refused", now>>10, came, said, refused)
			mu.Unlock()
		case <-ctx.Done():
			tick.Stop()
		}
	}
	wg.Wait()
	if most > before+maxFloodGrowth {
		t.Errorf("the heap grew from %d to %d KiB", before>>10, most>>10)
	}
	waiting := 0
	err = r.st.View(context.Background(), func(tx *store.Tx) (err error) {
		waiting, err = tx.CountPendingIncoming(alice, "")
		return err
	})
	if err != nil || waiting == 0 || waiting > 100*(maxWaiting+1) {
		t.Errorf("%d lines wait, %v", waiting, err)
	}
}
