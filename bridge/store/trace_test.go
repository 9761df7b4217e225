package store

import (
	"reflect"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

func TestStepsAndQueues(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000).UTC()
	s, err := Open(t.Context(), t.TempDir(), Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const alice, bob = id.Account("alice@webtv.local"), id.Address("bob@example.org")
	written := now.Add(-time.Minute)
	var out, waits, in int64
	err = s.Update(t.Context(), func(tx *Tx) (err error) {
		if err := tx.CreateAccount(NewAccount{Address: alice, Name: "Alice"}); err != nil {
			return err
		}
		if out, err = tx.AddOutgoing(Outgoing{Account: alice, Peer: bob, Network: "matrix", Kind: "message", Body: []byte("secret")}); err != nil {
			return err
		}
		if waits, err = tx.AddOutgoing(Outgoing{Account: alice, Peer: bob, Network: "matrix", Kind: "message"}); err != nil {
			return err
		}
		in, err = tx.AddIncoming(Incoming{Account: alice, Peer: bob, Network: "matrix", Event: "$in", Kind: "message", Sent: written})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	stored := now
	now = now.Add(2 * time.Second)
	err = s.Update(t.Context(), func(tx *Tx) error { return tx.SetOutgoing(out, Sent, "$out", "") })
	if err != nil {
		t.Fatal(err)
	}
	sent := Step{Out: true, Number: out, Account: alice, Peer: bob, Network: "matrix", Kind: "message", Event: "$out", State: Sent, Stored: stored, Changed: now}
	waiting := Step{Out: true, Number: waits, Account: alice, Peer: bob, Network: "matrix", Kind: "message", State: Pending, Stored: stored, Changed: stored}
	came := Step{Number: in, Account: alice, Peer: bob, Network: "matrix", Kind: "message", Event: "$in", State: Pending, Sent: written, Stored: stored, Changed: stored}
	for name, c := range map[string]struct {
		got  func() ([]Step, error)
		want []Step
	}{
		"outgoing":     {func() ([]Step, error) { return s.OutgoingStep(t.Context(), out) }, []Step{sent}},
		"incoming":     {func() ([]Step, error) { return s.IncomingStep(t.Context(), in) }, []Step{came}},
		"no such":      {func() ([]Step, error) { return s.IncomingStep(t.Context(), in+1) }, nil},
		"its event":    {func() ([]Step, error) { return s.EventSteps(t.Context(), "$out") }, []Step{sent}},
		"their event":  {func() ([]Step, error) { return s.EventSteps(t.Context(), "$in") }, []Step{came}},
		"no event":     {func() ([]Step, error) { return s.EventSteps(t.Context(), "") }, nil},
		"account":      {func() ([]Step, error) { return s.AccountSteps(t.Context(), alice, 9) }, []Step{waiting, sent, came}},
		"one of it":    {func() ([]Step, error) { return s.AccountSteps(t.Context(), alice, 1) }, []Step{waiting}},
		"someone else": {func() ([]Step, error) { return s.AccountSteps(t.Context(), "x@webtv.local", 9) }, nil},
	} {
		if got, err := c.got(); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, c.want)
		}
	}
	o, i, err := s.Queues(t.Context())
	one := []Queue{{"matrix", 1, stored}}
	if err != nil || !reflect.DeepEqual(o, one) || !reflect.DeepEqual(i, one) {
		t.Errorf("queues %v, %v, %v", o, i, err)
	}
}
