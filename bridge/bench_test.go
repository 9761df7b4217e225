package bridge

import (
	"fmt"
	"log/slog"
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

// BenchmarkSay is a box's message until its ACK, and in the background on to the
// network: durable messages.
func BenchmarkSay(b *testing.B) {
	for _, convs := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(convs), func(b *testing.B) {
			h, n := benchHub(b)
			h.maxPending = 1 << 30
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				key := id.Conversation{Account: alice, Peer: id.Address(fmt.Sprintf("friend%d@fake.example", i%convs))}
				if err := h.Say(b.Context(), key, text.Content{Body: "hello"}); err != nil {
					b.Fatal(err)
				}
			}
			for range b.N { // until the network has all
				<-n.calls
			}
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
