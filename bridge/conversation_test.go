package bridge

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// settled waits until a conversation has nothing pending, by its own end.
func (r *rig) settled() {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	for len(r.hub.convs) > 0 {
		r.hub.mu.Unlock()
		synctest.Wait()
		<-time.After(time.Second) // of the bubble's clock
		r.hub.mu.Lock()
	}
}

func TestOrderIsKeptThroughFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var tries atomic.Int64
		r.net.script = func(_ string, m Outbound) (Receipt, error) {
			if tries.Add(1)%3 != 0 {
				return Receipt{}, errors.New("connection refused")
			}
			return Receipt{Event: id.Event(m.ID)}, nil
		}
		r.run()
		for i := range 10 {
			r.say(fmt.Sprint(i))
		}
		r.settled()
		r.stop()
		close(r.net.calls)
		var last id.Message
		var sent []string
		for c := range r.net.calls {
			if c.m.Retry != (c.m.ID == last) {
				t.Errorf("message %s: Retry = %v", c.m.Text.Body, c.m.Retry)
			}
			if c.m.ID != last {
				sent = append(sent, c.m.Text.Body)
			}
			last = c.m.ID
		}
		equal(t, sent, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})
		if n := tries.Load(); n != 30 {
			t.Errorf("%d tries, want 30", n)
		}
	})
}

func TestPermanentFailureIsToldAndPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.net.script = func(_ string, m Outbound) (Receipt, error) {
			if m.Text.Body == "poison" {
				return Receipt{}, Permanent("Bob left", errors.New("403"))
			}
			return Receipt{}, nil
		}
		r.run()
		r.say("poison")
		r.say("fine")
		r.settled()
		r.stop()
		r.next(kindMessage)
		if m := r.next(kindMessage); m.Text.Body != "fine" {
			t.Errorf("after the poison came %q", m.Text.Body)
		}
		equal(t, r.inbox(alice), []string{`bob@fake.example: (Not delivered: "poison": Bob left.)`})
		if o, err := r.st.Outgoing(t.Context(), 1); err != nil || o.State != store.FailedCertain {
			t.Errorf("the poison is %q, %v", o.State, err)
		}
	})
}

func TestWriterIsToldOfDelayOnceAndOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.net.script = func(string, Outbound) (Receipt, error) { return Receipt{}, errors.New("no route") }
		r.net.calls = make(chan fakeCall, 100000)
		r.run()
		r.say("hello")
		r.settled()
		r.stop()
		equal(t, r.inbox(alice), []string{
			"bob@fake.example: (Not delivered yet: their server cannot be reached. It will be tried again.)",
			`bob@fake.example: (Not delivered: "hello": their server cannot be reached.)`,
		})
		if o, err := r.st.Outgoing(t.Context(), 1); err != nil || o.State != store.FailedMaybe {
			t.Errorf("the message is %q, %v; it may have arrived", o.State, err)
		}
		if n := len(r.net.calls); n < 24*60*2*9/10 || n > 24*60*2*11/10 {
			t.Errorf("%d tries in a day; the ceiling is one in 30 s", n)
		}
	})
}

// TestLateReceiptIsNotALateMessage: the network goes away just after a box took
// a friend's message. Nothing of the owner's is late, and nothing may say so.
func TestLateReceiptIsNotALateMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.net.script = func(string, Outbound) (Receipt, error) { return Receipt{}, errors.New("no route") }
		r.net.calls = make(chan fakeCall, 100000)
		r.run()
		r.receive(message("$1", "hi"))
		rows, err := r.hub.WaitingFrom(t.Context(), aliceBob, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.hub.Delivered(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		r.settled()
		r.stop()
		if len(r.net.calls) == 0 {
			t.Error("the receipt was not tried")
		}
		equal(t, r.inbox(alice), nil)
	})
}

func TestServersWaitIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		start := time.Now()
		var second time.Duration
		r.net.script = func(_ string, m Outbound) (Receipt, error) {
			if second = time.Since(start); second == 0 {
				return Receipt{}, &SendError{Certain: true, After: 20 * time.Second}
			}
			if m.Retry {
				t.Error("a certain failure was retried as uncertain")
			}
			return Receipt{}, nil
		}
		r.run()
		r.say("x")
		r.settled()
		if second < 17*time.Second {
			t.Errorf("second try after %v, the server asked for 20 s", second)
		}
	})
}

func TestReturningNetworkIsTriedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var up atomic.Bool
		r.net.script = func(string, Outbound) (Receipt, error) {
			if !up.Load() {
				return Receipt{}, errors.New("down")
			}
			return Receipt{}, nil
		}
		r.run()
		r.net.in.State(false, "cannot reach it")
		r.say("x")
		<-time.After(10 * time.Minute) // of the bubble's clock
		synctest.Wait()
		before := len(r.net.calls)
		up.Store(true)
		r.net.in.State(true, "")
		synctest.Wait()
		if got := len(r.net.calls) - before; got != 1 {
			t.Errorf("%d tries when the network came up, want 1", got)
		}
		r.settled()
	})
}

func TestPanicInANetworkIsItsOwnFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		first := true
		r.net.script = func(string, Outbound) (Receipt, error) {
			if first {
				first = false
				panic("boom")
			}
			return Receipt{}, nil
		}
		r.run()
		r.say("x")
		r.settled()
		r.stop()
		if o, _ := r.st.Outgoing(t.Context(), 1); o.State != store.Sent {
			t.Errorf("after the panic the message is %q", o.State)
		}
		if !strings.Contains(r.log.String(), "boom") {
			t.Error("the panic is not in the log")
		}
	})
}

// TestKillBetweenSendAndStore: the network has the message, but the gateway
// dies before it can note that. The next start offers the same id as a retry.
func TestKillBetweenSendAndStore(t *testing.T) {
	r := newRig(t)
	r.run()
	r.net.script = func(string, Outbound) (Receipt, error) {
		r.kill() // nothing the dying hub does after this counts
		return Receipt{Event: "$there"}, nil
	}
	r.say("only once")
	first := r.next(kindMessage)
	r.stop()
	if err := r.st.Close(); err != nil {
		t.Fatal(err)
	}
	dir := r.dir
	r2 := openRig(t, dir, newFake())
	r2.run()
	again := r2.next(kindMessage)
	if again.ID != first.ID || !again.Retry || again.Text.Body != "only once" {
		t.Errorf("first %+v, after the restart %+v", first, again)
	}
	// A new message after it is no retry.
	r2.say("next")
	if m := r2.next(kindMessage); m.Retry || m.ID == first.ID {
		t.Errorf("the next message: %+v", m)
	}
}

func TestSlowConversationHoldsNobody(t *testing.T) {
	r := newRig(t)
	hold := make(chan struct{})
	r.net.script = func(_ string, m Outbound) (Receipt, error) {
		if m.To == "slow" {
			<-hold
		}
		return Receipt{}, nil
	}
	r.run()
	slow := id.Conversation{Account: alice, Peer: "slow@fake.example"}
	if err := r.hub.Say(t.Context(), slow, text.Content{Body: "x"}); err != nil {
		t.Fatal(err)
	}
	r.next(kindMessage)
	for i := range 20 {
		r.say(fmt.Sprint(i))
		if m := r.next(kindMessage); m.Text.Body != fmt.Sprint(i) {
			t.Fatalf("got %q, want %d", m.Text.Body, i)
		}
	}
	close(hold)
}

func TestQueueHasALimit(t *testing.T) {
	r := newRig(t)
	r.hub.maxPending = 3 // not running: everything waits
	for range 3 {
		r.say("x")
	}
	if err := r.hub.Say(t.Context(), aliceBob, text.Content{Body: "x"}); !errors.Is(err, ErrQueueFull) {
		t.Errorf("got %v, want ErrQueueFull", err)
	}
}

func TestRowsOfAnUnknownNetworkWait(t *testing.T) {
	r := newRig(t)
	if err := r.st.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.AddOutgoing(store.Outgoing{Account: alice, Peer: "x@other.example", Network: "other", Kind: kindMessage, Body: []byte("{}")})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	r.run()
	r.say("x")
	r.next(kindMessage)
	r.stop()
	if o, err := r.st.Outgoing(t.Context(), 1); err != nil || o.State != store.Pending {
		t.Errorf("the row is %q, %v", o.State, err)
	}
}
