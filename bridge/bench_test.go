package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
	"wtvgate/puppets"
)

// benchHub is a running hub on a real store.
func benchHub(b *testing.B, change ...func(*fakeNet)) (*Hub, *fakeNet) {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(b.Context(), b.TempDir(), store.Options{Log: log})
	if err != nil {
		b.Fatal(err)
	}
	n := newFake()
	n.calls = make(chan fakeCall, 1<<20)
	for _, c := range change {
		c(n)
	}
	h := NewHub(st, puppets.NewDirectory("webtv.local"), log, nil)
	if err := h.Add(n); err != nil {
		b.Fatal(err)
	}
	if err := h.CreateAccount(b.Context(), NewAccount{Address: alice}); err != nil {
		b.Fatal(err)
	}
	r := &rig{t: nil, hub: h, net: n, st: st}
	r.run()
	b.Cleanup(func() {
		r.kill()
		h.wg.Wait()
		st.Close()
	})
	return h, n
}

// BenchmarkSay is a box's message until its ACK, and then on to the network:
// durable messages. Each conversation writes its next message when it has the ACK of
// the last, as a box does.
func BenchmarkSay(b *testing.B) {
	for _, convs := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(convs), func(b *testing.B) {
			h, n := benchHub(b)
			h.maxPending, h.maxPendingAll = 1<<30, 1<<30
			var next atomic.Int64
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for i := range convs {
				key := id.Conversation{Account: alice, Peer: id.Address(fmt.Sprintf("friend%d@fake.example", i))}
				wg.Go(func() {
					for next.Add(1) <= int64(b.N) {
						if err := h.Say(b.Context(), key, text.Content{Body: "hello"}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acked/s")
			for range b.N { // until the network has all
				<-n.calls
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sent/s")
		})
	}
}

// BenchmarkReceive is a friend's message until its network may forget it, while
// nothing waits for the account, and while a flood of others does.
func BenchmarkReceive(b *testing.B) {
	for _, waiting := range []int{0, 25000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			h, n := benchHub(b)
			h.maxWaiting = 1 << 30
			err := h.st.Update(b.Context(), func(tx *store.Tx) (err error) {
				for i := range waiting {
					if _, err = tx.AddIncoming(store.Incoming{Account: alice, Peer: id.Address(fmt.Sprintf("friend%d@fake.example", i%5)), Kind: kindMessage}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				e := MessageEvent{Event: id.Event(fmt.Sprint("$", i)), Account: alice, From: "bob", Name: "Bob", Text: text.Content{Body: "hello"}, Time: time.Now()}
				if err := n.in.Receive(b.Context(), e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// stallWarmUp is how many messages go before those that are measured: the first some
// hundred make the database's files grow, which is slow once.
const stallWarmUp = 1000

// BenchmarkStall is the time from a box's message to its network, the slowest of a
// hundred, while another conversation's network takes nothing (stuck), and while
// another conversation gets a hundred lines a second (hot) or a thousand (flood),
// compared with none of it. Each line is a commit on the same disk.
func BenchmarkStall(b *testing.B) {
	for _, kind := range []string{"none", "stuck", "hot", "flood"} {
		b.Run(kind, func(b *testing.B) {
			stuck, gone := make(chan struct{}), make(chan struct{})
			h, n := benchHub(b, func(n *fakeNet) {
				n.script = func(_ string, m Outbound) (Receipt, error) {
					if m.To == "stuck" {
						<-stuck
					}
					return Receipt{Event: id.Event("$" + string(m.ID))}, nil
				}
			})
			h.maxPending, h.maxPendingAll, h.maxWaiting = 1<<30, 1<<30, 1<<30
			var wg sync.WaitGroup
			defer wg.Wait()
			defer close(gone)
			defer close(stuck)
			switch kind {
			case "stuck":
				for range 20 {
					if err := h.Say(b.Context(), id.Conversation{Account: alice, Peer: "stuck@fake.example"}, text.Content{Body: "hello"}); err != nil {
						b.Fatal(err)
					}
				}
			case "hot", "flood":
				gap := map[string]time.Duration{"hot": 10 * time.Millisecond, "flood": time.Millisecond}[kind]
				wg.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-gone:
							return
						case <-time.After(gap):
						}
						_ = n.in.Receive(context.Background(), MessageEvent{Event: id.Event(fmt.Sprint("$hot", i)), Account: alice, From: "hot", Text: text.Content{Body: "hello"}})
					}
				})
			}
			took := make([]time.Duration, 0, b.N)
			for i := -stallWarmUp; i < b.N; i++ {
				if i == 0 {
					took = took[:0]
					b.ResetTimer()
				}
				begun := time.Now()
				key := id.Conversation{Account: alice, Peer: id.Address(fmt.Sprintf("friend%d@fake.example", (i+stallWarmUp)%20))}
				if err := h.Say(b.Context(), key, text.Content{Body: "hello"}); err != nil {
					b.Fatal(err)
				}
				for c := range n.calls {
					if c.m.To != "stuck" {
						break
					}
				}
				took = append(took, time.Since(begun))
			}
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
		})
	}
}
