package loopback

import (
	"context"
	"errors"
	"testing"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// inbox is a core that keeps what it gets.
type inbox struct {
	events []bridge.Event
	err    error
	up     chan struct{}
}

func (i *inbox) Receive(_ context.Context, e bridge.Event) error {
	if i.err == nil {
		i.events = append(i.events, e)
	}
	return i.err
}
func (i *inbox) Accounts(context.Context) ([]bridge.Account, error) { return nil, nil }
func (i *inbox) State(bool, string)                                 { close(i.up) }

func TestEcho(t *testing.T) {
	n := New("friends.demo", nil)
	m := bridge.Outbound{ID: "m-1", From: bridge.Account{Address: "alice@webtv.local"}, To: Echo, Text: text.Content{Body: "hi"}}
	var se *bridge.SendError
	if _, err := n.Send(t.Context(), m); !errors.As(err, &se) || se.Permanent || !se.Certain {
		t.Errorf("before Run: %v", err)
	}
	in := &inbox{up: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, in) }()
	<-in.up
	in.err = errors.New("disk full")
	if _, err := n.Send(t.Context(), m); err == nil {
		t.Error("the echo was lost and nobody was told")
	}
	in.err = nil
	for range 2 { // the second is a retry: the same receipt, no second echo
		r, err := n.Send(t.Context(), m)
		if err != nil || r.Event != "said-m-1" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	n.SetTyping(t.Context(), m.From, Echo, true)
	if len(in.events) != 2 {
		t.Fatalf("%d events", len(in.events))
	}
	if e, ok := in.events[0].(bridge.MessageEvent); !ok || e.Text.Body != "hi" || e.Account != "alice@webtv.local" || e.From != Echo {
		t.Errorf("%+v", in.events[0])
	}
	if e, ok := in.events[1].(bridge.TypingEvent); !ok || !e.On {
		t.Errorf("%+v", in.events[1])
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	n := New("friends.demo", nil)
	if !n.Serves("friends.demo") || n.Serves("example.org") {
		t.Error("serves the wrong domains")
	}
	if r, err := n.Remote("echo@friends.demo"); err != nil || r != Echo {
		t.Errorf("%q, %v", r, err)
	}
	if a, err := n.Address(Echo); err != nil || a != "echo@friends.demo" {
		t.Errorf("%q, %v", a, err)
	}
	if _, err := n.Remote("bob@friends.demo"); err == nil {
		t.Error("bob is a friend")
	}
	if _, err := n.Address("bob"); err == nil {
		t.Error("bob has an address")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	n := New("friends.demo", nil)
	for i := range memory + 10 {
		n.remember(id.Message(rune(i + 256)))
	}
	if len(n.handled) > memory || len(n.order) > memory {
		t.Errorf("%d messages remembered", len(n.handled))
	}
}
