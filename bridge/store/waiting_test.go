package store

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"wtvgate/bridge/id"
)

func TestWaiting(t *testing.T) {
	s, _ := open(t)
	ctx := t.Context()
	withAccounts(t, s)
	if got, err := s.WaitingPeers(ctx, alice); err != nil || got != nil {
		t.Errorf("at first: %v, %v", got, err)
	}
	one := addIn(t, s, alice, dora, "one")
	two := addIn(t, s, alice, bob, "two")
	three := addIn(t, s, alice, dora, "three")
	addIn(t, s, carol, bob, "carol's")
	peers := func(want ...id.Address) {
		t.Helper()
		if got, err := s.WaitingPeers(ctx, alice); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("WaitingPeers = %v, %v; want %v", got, err, want)
		}
	}
	waits := func(peer id.Address, after int64, limit int, want ...int64) {
		t.Helper()
		all, err := s.WaitingIncoming(ctx, id.Conversation{Account: alice, Peer: peer}, after, limit)
		var got []int64
		for _, i := range all {
			if i.Peer != peer || i.Account != alice || len(i.Body) == 0 {
				t.Errorf("%+v", i)
			}
			got = append(got, i.ID)
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("WaitingIncoming(%s, %d, %d) = %v, %v; want %v", peer, after, limit, got, err, want)
		}
	}
	peers(dora, bob)
	waits(dora, 0, 10, one, three)
	waits(dora, one, 10, three)
	waits(dora, 0, 1, one)
	waits(dora, 0, -1)
	waits(bob, 0, 10, two)
	waits("nobody@example.org", 0, 10)
	if err := s.MarkDelivered(ctx, []int64{one}); err != nil {
		t.Fatal(err)
	}
	peers(bob, dora)
	waits(dora, 0, 10, three)
}

func TestView(t *testing.T) {
	s, _ := open(t)
	ctx := t.Context()
	withAccounts(t, s)
	n := addOut(t, s, alice, bob, "x")
	update(t, s, func(tx *Tx) error {
		_, err1 := tx.PutContact(alice, Contact{Address: bob, Lists: ForwardList | BlockList})
		_, err2 := tx.PutContact(alice, Contact{Address: dora, Lists: ForwardList})
		_, err3 := tx.SetPrivacy(alice, "BL")
		return errors.Join(err1, err2, err3)
	})
	err := s.View(ctx, func(tx *Tx) error {
		if o, err := tx.Outgoing(n); err != nil || string(o.Body) != "x" {
			t.Errorf("Outgoing = %+v, %v", o, err)
		}
		_, err := tx.Outgoing(n + 1)
		wantIs(t, err, ErrNotFound)
		if r, err := tx.Modes(alice); err != nil || !reflect.DeepEqual(r, Roster{Privacy: "BL", Prompt: "A"}) {
			t.Errorf("Modes = %+v, %v", r, err)
		}
		_, err = tx.Modes("nobody@webtv.local")
		wantIs(t, err, ErrNotFound)
		for list, want := range map[uint8]int{ForwardList: 2, BlockList: 1, ReverseList: 0} {
			if got, err := tx.CountList(alice, list); err != nil || got != want {
				t.Errorf("CountList(%d) = %d, %v; want %d", list, got, err, want)
			}
		}
		for name, err := range writes(tx, n) {
			if !errors.Is(err, errReadOnly) {
				t.Errorf("%s in a View: %v", name, err)
			}
		}
		return context.DeadlineExceeded // any error of the function's own
	})
	if err != context.DeadlineExceeded {
		t.Errorf("View = %v, want the function's own error", err)
	}
	if o, err := s.Outgoing(ctx, n); err != nil || o.State != Pending {
		t.Errorf("a View changed it: %+v, %v", o, err)
	}
}

// writes calls every writing method and gives the errors.
func writes(tx *Tx, n int64) map[string]error {
	errs := make(map[string]error)
	errs["CreateAccount"] = tx.CreateAccount(NewAccount{Address: "new@webtv.local"})
	errs["RemoveAccount"] = tx.RemoveAccount(alice)
	_, errs["SetName"] = tx.SetName(alice, "new")
	errs["SetPassword"] = tx.SetPassword(alice, Hashed{})
	errs["LinkBox"] = tx.LinkBox(alice, Box{SSID: "8100"})
	_, errs["UnlinkBoxes"] = tx.UnlinkBoxes(alice)
	_, errs["PinKey"] = tx.PinKey("8100", make([]byte, signingKeySize))
	_, errs["ForgetKeys"] = tx.ForgetKeys(alice)
	_, errs["PutContact"] = tx.PutContact(alice, Contact{Address: bob, Lists: 1})
	_, errs["SetPrivacy"] = tx.SetPrivacy(alice, "BL")
	_, errs["SetPrompt"] = tx.SetPrompt(alice, "N")
	_, errs["Seen"] = tx.Seen("matrix", "$e")
	_, errs["AddOutgoing"] = tx.AddOutgoing(Outgoing{Account: alice, Peer: bob})
	_, errs["AddIncoming"] = tx.AddIncoming(Incoming{Account: alice, Peer: bob})
	errs["SetOutgoing"] = tx.SetOutgoing(n, Sent, "$e", "")
	errs["MarkDelivered"] = tx.MarkDelivered([]int64{n})
	_, errs["meta"] = tx.meta("a", "b")
	return errs
}

// reads calls every reading method of a transaction and gives the errors.
func reads(tx *Tx, n int64) map[string]error {
	errs := make(map[string]error)
	_, errs["Account"] = tx.Account(alice)
	_, errs["Roster"] = tx.Roster(alice)
	_, _, errs["Contact"] = tx.Contact(alice, bob)
	_, errs["Version"] = tx.Version(alice)
	_, errs["CountPendingOf"] = tx.CountPendingOf(alice)
	_, errs["CountPending"] = tx.CountPending(alice, bob)
	_, errs["CountPendingIncoming"] = tx.CountPendingIncoming(alice, bob)
	_, errs["Outgoing"] = tx.Outgoing(n)
	_, errs["Modes"] = tx.Modes(alice)
	_, errs["CountList"] = tx.CountList(alice, ForwardList)
	return errs
}

// queries calls every reading method of the store and gives the errors.
func queries(ctx context.Context, s *Store) map[string]error {
	errs := make(map[string]error)
	_, errs["Account"] = s.Account(ctx, alice)
	_, errs["Accounts"] = s.Accounts(ctx)
	_, errs["Secret"] = s.Secret(ctx, alice)
	_, errs["CheckPassword"] = s.CheckPassword(ctx, alice, "x")
	_, _, errs["RecoverablePassword"] = s.RecoverablePassword(ctx, alice)
	_, errs["AccountOfBox"] = s.AccountOfBox(ctx, "8100", 0)
	_, errs["UsersOfBox"] = s.UsersOfBox(ctx, "8100")
	errs["CheckKey"] = s.CheckKey(ctx, "8100", make([]byte, signingKeySize))
	_, errs["WTVPKey"] = s.WTVPKey(ctx)
	_, errs["Roster"] = s.Roster(ctx, alice)
	_, _, errs["Contact"] = s.Contact(ctx, alice, bob)
	_, errs["Watchers"] = s.Watchers(ctx, bob)
	_, errs["NextOutgoing"] = s.NextOutgoing(ctx, id.Conversation{Account: alice, Peer: bob})
	_, errs["Outgoing"] = s.Outgoing(ctx, 1)
	_, errs["PendingConversations"] = s.PendingConversations(ctx)
	_, errs["PendingIncoming"] = s.PendingIncoming(ctx, alice, 0, 1)
	_, errs["WaitingPeers"] = s.WaitingPeers(ctx, alice)
	_, errs["WaitingIncoming"] = s.WaitingIncoming(ctx, id.Conversation{Account: alice, Peer: bob}, 0, 1)
	errs["View"] = s.View(ctx, func(*Tx) error { return nil })
	errs["MarkDelivered"] = s.MarkDelivered(ctx, []int64{1})
	_, errs["Prune"] = s.Prune(ctx, s.now())
	return errs
}

// TestNoFailureIsSilent: with a database that fails, every method says so, and
// no failure looks like "not found", on which callers decide.
func TestNoFailureIsSilent(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	n := addOut(t, s, alice, bob, "x")
	bad := func(where string, errs map[string]error, want error) {
		t.Helper()
		for name, err := range errs {
			if err == nil || want != nil && !errors.Is(err, want) || errors.Is(err, ErrNotFound) || !strings.HasPrefix(err.Error(), "store: ") {
				t.Errorf("%s: %s = %v", where, name, err)
			}
		}
	}
	err := s.Update(t.Context(), func(tx *Tx) error {
		ctx, cancel := context.WithCancel(tx.ctx)
		cancel()
		tx.ctx = ctx
		bad("deadline in a transaction", writes(tx, n), context.Canceled)
		bad("deadline in a transaction", reads(tx, n), context.Canceled)
		return ctx.Err()
	})
	wantIs(t, err, context.Canceled)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	bad("caller gone", queries(ctx, s), context.Canceled)
	for _, table := range []string{"inbox", "outbox", "boxes", "contacts", "box_keys", "seen", "accounts", "meta"} {
		if _, err := s.DB().Exec(`DROP TABLE ` + table); err != nil {
			t.Fatal(err)
		}
	}
	all := queries(t.Context(), s)
	delete(all, "View") // it read nothing
	bad("no tables", all, nil)
	update(t, s, func(tx *Tx) error {
		bad("no tables", writes(tx, n), nil)
		bad("no tables", reads(tx, n), nil)
		return nil
	})
}
