package store

import (
	"bytes"
	"errors"
	"reflect"
	"strconv"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

func addOut(t testing.TB, s *Store, a id.Account, peer id.Address, body string) (n int64) {
	t.Helper()
	update(t, s, func(tx *Tx) (err error) {
		n, err = tx.AddOutgoing(Outgoing{Account: a, Peer: peer, Network: "loopback", Kind: "message", Body: []byte(body)})
		return err
	})
	return n
}

func addIn(t testing.TB, s *Store, a id.Account, peer id.Address, body string) (n int64) {
	t.Helper()
	update(t, s, func(tx *Tx) (err error) {
		n, err = tx.AddIncoming(Incoming{Account: a, Peer: peer, Network: "loopback", Kind: "message", Body: []byte(body)})
		return err
	})
	return n
}

func TestOutgoingOrder(t *testing.T) {
	s, c := open(t)
	ctx := t.Context()
	withAccounts(t, s)
	withBob := id.Conversation{Account: alice, Peer: bob}
	_, err := s.NextOutgoing(ctx, withBob)
	wantIs(t, err, ErrNotFound)
	first := addOut(t, s, alice, bob, "one")
	other := addOut(t, s, alice, dora, "to dora")
	theirs := addOut(t, s, carol, bob, "from carol")
	second := addOut(t, s, alice, bob, "two")
	if !(0 < first && first < other && other < theirs && theirs < second) {
		t.Fatalf("numbers %d %d %d %d do not rise", first, other, theirs, second)
	}
	want := Outgoing{ID: first, Account: alice, Peer: bob, Network: "loopback", Kind: "message", Body: []byte("one"),
		Created: c.Now(), State: Pending}
	for range 2 { // reading takes nothing away
		if got, err := s.NextOutgoing(ctx, withBob); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("NextOutgoing = %+v, %v; want %+v", got, err, want)
		}
	}
	conversations := []id.Conversation{{Account: alice, Peer: bob}, {Account: alice, Peer: dora}, {Account: carol, Peer: bob}}
	if got, err := s.PendingConversations(ctx); err != nil || !reflect.DeepEqual(got, conversations) {
		t.Errorf("PendingConversations = %v, %v", got, err)
	}
	update(t, s, func(tx *Tx) error {
		if n, err := tx.CountPending(alice, bob); err != nil || n != 2 {
			t.Errorf("CountPending = %d, %v; want 2", n, err)
		}
		return tx.SetOutgoing(first, Sent, "$one", "")
	})
	if got, err := s.NextOutgoing(ctx, withBob); err != nil || got.ID != second {
		t.Errorf("then comes %d, %v; want %d", got.ID, err, second)
	}
	want.State, want.Event = Sent, "$one"
	if got, err := s.Outgoing(ctx, first); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Outgoing = %+v, %v; want %+v", got, err, want)
	}
	update(t, s, func(tx *Tx) error { return tx.SetOutgoing(second, FailedMaybe, "", "Bob's server cannot be reached") })
	_, err = s.NextOutgoing(ctx, withBob)
	wantIs(t, err, ErrNotFound)
	if got, err := s.Outgoing(ctx, second); err != nil || got.State != FailedMaybe || got.Reason != "Bob's server cannot be reached" {
		t.Errorf("the failed one is %+v, %v", got, err)
	}
	if got, err := s.PendingConversations(ctx); err != nil || !reflect.DeepEqual(got, conversations[1:]) {
		t.Errorf("PendingConversations = %v, %v", got, err)
	}
	_, err = s.Outgoing(ctx, 999)
	wantIs(t, err, ErrNotFound)
	wantIs(t, s.Update(ctx, func(tx *Tx) error { return tx.SetOutgoing(999, Sent, "$x", "") }), ErrNotFound)
}

func TestSetOutgoingMarksItsEcho(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	n := addOut(t, s, alice, bob, "one")
	update(t, s, func(tx *Tx) error { return tx.SetOutgoing(n, Sent, "$e", "") })
	update(t, s, func(tx *Tx) error { return tx.SetOutgoing(n, Sent, "$e", "") }) // the echo and the answer both tell
	update(t, s, func(tx *Tx) error {
		if fresh, err := tx.Seen("loopback", "$e"); err != nil || fresh {
			t.Errorf("the echo is fresh: %v, %v", fresh, err)
		}
		if fresh, err := tx.Seen("matrix", "$e"); err != nil || !fresh {
			t.Errorf("the same id of another network is not: %v, %v", fresh, err)
		}
		return nil
	})
}

func TestMessagesKeepWhatTheyAreGiven(t *testing.T) {
	s, c := open(t)
	withAccounts(t, s)
	when := time.Date(1998, 7, 6, 5, 4, 3, 21_000_000, time.UTC)
	body := []byte{0, 1, 0xff, '\'', '\n'}
	out := Outgoing{Account: alice, Peer: bob, Network: "loopback", Kind: "read", Body: body, Created: when, State: FailedCertain,
		Event: "$e", Reason: "r"}
	in := Incoming{Account: alice, Peer: bob, Network: "loopback", Event: "$i", Kind: "notice", Name: "Bób", Body: body, Sent: when}
	empty := Incoming{Account: alice, Peer: bob}
	update(t, s, func(tx *Tx) (err error) {
		var err2, err3 error
		out.ID, err = tx.AddOutgoing(out)
		in.ID, err2 = tx.AddIncoming(in)
		empty.ID, err3 = tx.AddIncoming(empty)
		return errors.Join(err, err2, err3)
	})
	in.Stored, in.State = c.Now(), Pending
	empty.Stored, empty.Sent, empty.State, empty.Body = c.Now(), c.Now(), Pending, nil
	if got, err := s.Outgoing(t.Context(), out.ID); err != nil || !reflect.DeepEqual(got, out) {
		t.Errorf("Outgoing = %+v, %v; want %+v", got, err, out)
	}
	if got, err := s.PendingIncoming(t.Context(), alice, 0, 10); err != nil || !reflect.DeepEqual(got, []Incoming{in, empty}) {
		t.Errorf("PendingIncoming = %+v, %v; want %+v", got, err, []Incoming{in, empty})
	}
}

func TestMessagesRefused(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	big := bytes.Repeat([]byte("x"), MaxBody+1)
	for _, step := range []struct {
		account id.Account
		body    []byte
		want    error
	}{{alice, big[:MaxBody], nil}, {alice, big, ErrTooLong}, {"nobody@webtv.local", nil, ErrNotFound}} {
		wantIs(t, s.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.AddOutgoing(Outgoing{Account: step.account, Peer: bob, Body: step.body})
			return err
		}), step.want)
		wantIs(t, s.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.AddIncoming(Incoming{Account: step.account, Peer: bob, Body: step.body})
			return err
		}), step.want)
	}
}

func TestIncoming(t *testing.T) {
	s, _ := open(t)
	ctx := t.Context()
	withAccounts(t, s)
	var ids []int64
	for i := range 5 {
		peer := bob
		if i == 3 {
			peer = dora
		}
		ids = append(ids, addIn(t, s, alice, peer, strconv.Itoa(i)))
		addIn(t, s, carol, bob, "carol's")
	}
	page := func(after int64, limit int) (bodies string) {
		t.Helper()
		all, err := s.PendingIncoming(ctx, alice, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range all {
			bodies += string(i.Body)
		}
		return bodies
	}
	for _, step := range []struct {
		after int64
		limit int
		want  string
	}{{0, 10, "01234"}, {0, 2, "01"}, {ids[1], 2, "23"}, {ids[4], 2, ""}, {0, 0, ""}, {0, -1, ""}} {
		if got := page(step.after, step.limit); got != step.want {
			t.Errorf("after %d limit %d: %q, want %q", step.after, step.limit, got, step.want)
		}
	}
	count := func(peer id.Address, want int) {
		t.Helper()
		update(t, s, func(tx *Tx) error {
			n, err := tx.CountPendingIncoming(alice, peer)
			if n != want {
				t.Errorf("%d wait from %q, want %d", n, peer, want)
			}
			return err
		})
	}
	count("", 5)
	count(bob, 4)
	if err := s.MarkDelivered(ctx, []int64{ids[0], ids[2], 999}); err != nil {
		t.Fatal(err)
	}
	if err := s.MarkDelivered(ctx, ids[:1]); err != nil { // again
		t.Fatal(err)
	}
	if err := s.MarkDelivered(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if got := page(0, 10); got != "134" {
		t.Errorf("left: %q, want 134", got)
	}
	count("", 3)
	count(bob, 2)
	count(dora, 1)
}

func TestSeenBelongsToItsTransaction(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	mine := errors.New("the effect failed")
	receive := func(fail error) (fresh bool) {
		err := s.Update(t.Context(), func(tx *Tx) (err error) {
			if fresh, err = tx.Seen("matrix", "$1"); err != nil || !fresh {
				return err
			}
			if _, err := tx.AddIncoming(Incoming{Account: alice, Peer: bob, Body: []byte("x")}); err != nil {
				return err
			}
			return fail
		})
		wantIs(t, err, fail)
		return fresh
	}
	for i, step := range []struct {
		fail  error
		fresh bool
		rows  int
	}{{mine, true, 0}, {nil, true, 1}, {nil, false, 1}, {nil, false, 1}} {
		if fresh := receive(step.fail); fresh != step.fresh {
			t.Errorf("step %d: fresh %v, want %v", i, fresh, step.fresh)
		}
		if all, err := s.PendingIncoming(t.Context(), alice, 0, 10); err != nil || len(all) != step.rows {
			t.Errorf("step %d: %d rows, %v; want %d", i, len(all), err, step.rows)
		}
	}
	wantIs(t, s.Update(t.Context(), func(tx *Tx) error { _, err := tx.Seen("matrix", ""); return err }), ErrInvalid)
}

func TestPrune(t *testing.T) {
	s, c := open(t)
	ctx := t.Context()
	withAccounts(t, s)
	out := []int64{addOut(t, s, alice, bob, "sent"), addOut(t, s, alice, bob, "pending")}
	in := []int64{addIn(t, s, alice, bob, "delivered"), addIn(t, s, alice, bob, "pending")}
	update(t, s, func(tx *Tx) error {
		for i := range pruneRows + 1 { // more than one transaction's worth
			if _, err := tx.Seen("matrix", id.Event("$"+strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	})
	c.add(Retention / 2)
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.SetOutgoing(out[0], Sent, "$sent", ""), tx.MarkDelivered(in[:1]))
	})
	prune := func(want int64) {
		t.Helper()
		if n, err := s.Prune(ctx, c.Now().Add(-Retention)); err != nil || n != want {
			t.Errorf("Prune = %d, %v; want %d", n, err, want)
		}
	}
	c.add(Retention) // counted from the change, not from the message
	prune(0)
	c.add(time.Millisecond)
	prune(2)
	_, err := s.Outgoing(ctx, out[0])
	wantIs(t, err, ErrNotFound)
	c.add(SeenMargin - Retention/2)
	prune(pruneRows + 1) // $sent is younger
	c.add(SeenMargin * 10)
	prune(1)
	if o, err := s.NextOutgoing(ctx, id.Conversation{Account: alice, Peer: bob}); err != nil || o.ID != out[1] {
		t.Errorf("the waiting message is %+v, %v", o, err)
	}
	if all, err := s.PendingIncoming(ctx, alice, 0, 10); err != nil || len(all) != 1 || all[0].ID != in[1] {
		t.Errorf("waiting for the box: %+v, %v", all, err)
	}
}

func TestNumbersAreNeverUsedAgain(t *testing.T) {
	s, c := open(t)
	withAccounts(t, s)
	n := addOut(t, s, alice, bob, "x")
	update(t, s, func(tx *Tx) error { return tx.SetOutgoing(n, Sent, "", "") })
	c.add(2 * Retention)
	if _, err := s.Prune(t.Context(), c.Now()); err != nil {
		t.Fatal(err)
	}
	if m := addOut(t, s, alice, bob, "y"); m != n+1 {
		t.Errorf("number %d follows %d", m, n)
	}
}
