package bridge

import (
	"fmt"
	"log/slog"
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
func benchHub(b *testing.B) (*Hub, *fakeNet) {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(b.Context(), b.TempDir(), store.Options{Log: log})
	if err != nil {
		b.Fatal(err)
	}
	n := newFake()
	n.calls = make(chan fakeCall, 1<<20)
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
			h.maxPending = 1 << 30
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

// BenchmarkReceive is a friend's message until its network may forget it.
func BenchmarkReceive(b *testing.B) {
	h, n := benchHub(b)
	h.maxWaiting = 1 << 30
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e := MessageEvent{Event: id.Event(fmt.Sprint("$", i)), Account: alice, From: "bob", Name: "Bob", Text: text.Content{Body: "hello"}, Time: time.Now()}
		if err := n.in.Receive(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
}
