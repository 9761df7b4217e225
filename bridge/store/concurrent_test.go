package store

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

func TestConcurrentUpdates(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	const writers, each = 8, 25
	var wg sync.WaitGroup
	var mu sync.Mutex
	fresh := make(map[int]int)
	for range writers {
		wg.Go(func() {
			for i := range each { // all receive the same events: one of them may store it
				err := s.Update(t.Context(), func(tx *Tx) error {
					ok, err := tx.Seen("matrix", id.Event(strconv.Itoa(i)))
					if err != nil || !ok {
						return err
					}
					mu.Lock()
					fresh[i]++
					mu.Unlock()
					_, err = tx.AddIncoming(Incoming{Account: alice, Peer: bob, Body: []byte(strconv.Itoa(i))})
					return err
				})
				if err != nil {
					t.Error(err)
				}
				if _, err := s.PendingIncoming(t.Context(), alice, 0, 10); err != nil {
					t.Error(err)
				}
				if _, err := s.Roster(t.Context(), carol); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	all, err := s.PendingIncoming(t.Context(), alice, 0, 10*each)
	if err != nil || len(all) != each {
		t.Fatalf("%d messages, %v; want %d", len(all), err, each)
	}
	for i := range each {
		if fresh[i] != 1 {
			t.Errorf("event %d was fresh %d times", i, fresh[i])
		}
	}
}

// TestCancelledContextsDoNotWedge is the stress of matrix.md 6: callers that go
// away at any moment leave a database that works.
func TestCancelledContextsDoNotWedge(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 20 {
				ctx, cancel := context.WithCancel(context.Background())
				if (g+i)%2 == 0 {
					go cancel()
				} else {
					ctx, cancel = context.WithTimeout(context.Background(), time.Duration(i*g)*10*time.Microsecond)
				}
				_ = s.Update(ctx, func(tx *Tx) error {
					_, err := tx.AddIncoming(Incoming{Account: alice, Peer: bob, Body: []byte("x")})
					return err
				})
				_, _ = s.PendingIncoming(ctx, alice, 0, 5)
				// A network's own query, with the raw context:
				_, _ = s.DB().ExecContext(ctx, `UPDATE accounts SET name = 'Carol' WHERE address = ?`, carol)
				cancel()
			}
		})
	}
	wg.Wait()
	for i := range 50 {
		addOut(t, s, alice, bob, strconv.Itoa(i))
	}
	if all, err := s.Accounts(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("accounts: %v, %v", all, err)
	}
}

// endless is a statement that only its deadline ends.
const endless = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n`

func TestDeadlineEndsAStatement(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	for _, query := range []string{endless, `UPDATE accounts SET version = (` + endless + `)`} {
		err := s.Update(t.Context(), func(tx *Tx) error {
			if deadline, ok := tx.ctx.Deadline(); !ok || time.Until(deadline) > queryTimeout {
				t.Errorf("a transaction ends at %v", deadline)
			}
			if err := tx.CreateAccount(NewAccount{Address: "dave@webtv.local"}); err != nil {
				t.Error(err)
			}
			ctx, done := context.WithTimeout(tx.ctx, 20*time.Millisecond)
			defer done()
			tx.ctx = ctx
			_, err := tx.exec(query)
			return err
		})
		if err == nil {
			t.Fatalf("%s: ended without an error", query)
		}
		// Whether SQLite rolled back by itself or we did: it is undone, and the
		// next transaction works.
		if all, err := s.Accounts(t.Context()); err != nil || len(all) != 2 {
			t.Errorf("%s: %d accounts, %v", query, len(all), err)
		}
		addOut(t, s, alice, bob, "x")
	}
	q, done, err := s.reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if deadline, ok := q.ctx.Deadline(); !ok || time.Until(deadline) > queryTimeout {
		t.Errorf("a read ends at %v", deadline)
	}
}

func TestNameOfAnErrorIsKept(t *testing.T) {
	s, _ := open(t)
	err := s.Update(t.Context(), func(tx *Tx) error { _, err := tx.exec(`no SQL`); return err })
	if err == nil || sqliteCode(err) != 1 {
		t.Errorf("error %v has code %d, want SQLite's own", err, sqliteCode(err))
	}
}

// TestRosterIsOfOneVersion: the lists are read in two queries, and what changes
// between them must not come under the version of before: a box would be told a
// phone number with a version that does not have it.
func TestRosterIsOfOneVersion(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	update(t, s, func(tx *Tx) error {
		_, err := tx.PutContact(alice, Contact{Address: carol.Address(), Lists: 1})
		return err
	})
	first, err := s.Roster(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	const changes = 300
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range changes {
			update(t, s, func(tx *Tx) error {
				_, _, err := tx.SetPhone(carol, "PHM", strconv.Itoa(i+1))
				return err
			})
		}
	})
	for done := false; !done; {
		r, err := s.Roster(t.Context(), alice)
		if err != nil {
			t.Fatal(err)
		}
		number := 0
		if len(r.Buddies) == 1 {
			number, _ = strconv.Atoi(r.Buddies[0].Value)
		}
		if uint32(number) != r.Version-first.Version {
			t.Fatalf("version %d after %d has %+v", r.Version, first.Version, r.Buddies)
		}
		done = number == changes
	}
	wg.Wait()
}
