package store

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

func TestAccounts(t *testing.T) {
	s, c := open(t)
	ctx := t.Context()
	if all, err := s.Accounts(ctx); err != nil || len(all) != 0 {
		t.Fatalf("accounts at first: %v, %v", all, err)
	}
	withAccounts(t, s)
	wantIs(t, s.Update(ctx, func(tx *Tx) error { return tx.CreateAccount(NewAccount{Address: alice}) }), ErrExists)
	want := Account{Address: alice, Name: "Alice", Number: 1, Created: c.Now()}
	if got, err := s.Account(ctx, alice); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("Account = %+v, %v; want %+v", got, err, want)
	}
	second := Account{Address: carol, Name: "carol", Number: 2, Created: c.Now()}
	if got, err := s.Accounts(ctx); err != nil || !reflect.DeepEqual(got, []Account{want, second}) {
		t.Fatalf("Accounts = %+v, %v", got, err)
	}
	_, err := s.Account(ctx, "nobody@webtv.local")
	wantIs(t, err, ErrNotFound)
}

func TestCreateAccountRefuses(t *testing.T) {
	s, _ := open(t)
	for _, bad := range []id.Account{"", "alice", "Alice@webtv.local", "a b@webtv.local", "@x", "a@b@c"} {
		wantIs(t, s.Update(t.Context(), func(tx *Tx) error { return tx.CreateAccount(NewAccount{Address: bad}) }), ErrInvalid)
	}
}

func TestAccountNumbersAreNeverUsedAgain(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.RemoveAccount(carol), tx.CreateAccount(NewAccount{Address: carol}))
	})
	if a, err := s.Account(t.Context(), carol); err != nil || a.Number != 3 {
		t.Errorf("the second carol has number %d, %v; want 3", a.Number, err)
	}
}

func TestSecret(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := openAt(t, dir, newClock())
	withAccounts(t, s)
	a, err := s.Secret(t.Context(), alice)
	if err != nil || len(a) != 32 || strings.Trim(a, "0123456789abcdef") != "" {
		t.Fatalf("Secret = %q, %v; want 32 hexadecimal digits in lower case", a, err)
	}
	if b, err := s.Secret(t.Context(), carol); err != nil || b == a {
		t.Fatalf("the other account's secret is %q, %v", b, err)
	}
	_, err = s.Secret(t.Context(), "nobody@webtv.local")
	wantIs(t, err, ErrNotFound)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range readAll(t, dir) {
		if strings.Contains(text, a) {
			t.Errorf("%s holds the secret in the clear", name)
		}
	}
	if again, err := openAt(t, dir, newClock()).Secret(t.Context(), alice); err != nil || again != a {
		t.Errorf("after a restart the secret is %q, %v; was %q", again, err, a)
	}
}

func TestSecretCannotBeMoved(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	if _, err := s.DB().Exec(`UPDATE accounts SET secret = (SELECT secret FROM accounts WHERE address = ?)`, alice); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Secret(t.Context(), carol); err == nil {
		t.Errorf("carol's account took alice's secret %q", got)
	}
}

func TestSetName(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	update(t, s, func(tx *Tx) error {
		for _, step := range []struct {
			name    string
			version uint32
			want    string
		}{{"Alice", 1, "Alice"}, {"Alice B", 2, "Alice B"}, {"Alice B", 2, "Alice B"}, {"", 3, "alice"}, {"Ä " + strings.Repeat("ä", 600), 4, ""}} {
			v, err := tx.SetName(alice, step.name)
			if err != nil || v != step.version {
				t.Errorf("SetName(%.20q) = %d, %v; want %d", step.name, v, err, step.version)
			}
			a, err := tx.Account(alice)
			if step.want == "" {
				step.want = "Ä " + strings.Repeat("ä", 510) // 3 + 1020 of 1024 bytes, no half letter
			}
			if err != nil || a.Name != step.want {
				t.Errorf("after SetName(%.20q) the name is %q, %v", step.name, a.Name, err)
			}
		}
		_, err := tx.SetName("nobody@webtv.local", "x")
		wantIs(t, err, ErrNotFound)
		return nil
	})
}

func TestBoxes(t *testing.T) {
	s, c := open(t)
	ctx := t.Context()
	withAccounts(t, s)
	when := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	update(t, s, func(tx *Tx) error {
		return errors.Join(
			tx.LinkBox(alice, Box{SSID: "8100B0000000AFFE", Linked: when}),
			tx.LinkBox(alice, Box{SSID: "8100b0000000affe", UserID: 1}),
			tx.LinkBox(alice, Box{SSID: "8100b0000000AFFE", UserID: 0}), // again
			tx.LinkBox(carol, Box{SSID: "8100b0000000affe", UserID: 99}),
		)
	})
	a, err := s.Account(ctx, alice)
	want := []Box{{SSID: "8100b0000000affe", Linked: when}, {SSID: "8100b0000000affe", UserID: 1, Linked: c.Now()}}
	if err != nil || !reflect.DeepEqual(a.Boxes, want) {
		t.Fatalf("alice's boxes: %+v, %v; want %+v", a.Boxes, err, want)
	}
	for user, want := range map[int]id.Account{0: alice, 1: alice, 99: carol} {
		if got, err := s.AccountOfBox(ctx, "8100B0000000affe", user); err != nil || got != want {
			t.Errorf("box user %d is of %q, %v; want %q", user, got, err, want)
		}
	}
	for _, ssid := range []string{"8100b0000000afff", "", "a b", strings.Repeat("8", 33)} {
		_, err := s.AccountOfBox(ctx, ssid, 0)
		wantIs(t, err, ErrNotFound)
	}
	users, err := s.UsersOfBox(ctx, "8100B0000000affe")
	if want := []BoxUser{{0, alice}, {1, alice}, {99, carol}}; err != nil || !reflect.DeepEqual(users, want) {
		t.Errorf("users %v, %v; want %v", users, err, want)
	}
	for _, ssid := range []string{"8100b0000000aff", "", "81 00"} {
		if users, err := s.UsersOfBox(ctx, ssid); err != nil || users != nil {
			t.Errorf("users of %q: %v, %v", ssid, users, err)
		}
	}
	err = s.Update(ctx, func(tx *Tx) error { return tx.LinkBox(carol, Box{SSID: "8100B0000000AFFE"}) })
	wantIs(t, err, ErrBoxTaken)
	if text := "store: box 8100b0000000affe user 0 is linked to alice@webtv.local; `wtvgate account unlink-box alice@webtv.local` takes the boxes off it"; err.Error() != text {
		t.Errorf("refusal %q, want %q", err, text)
	}
	update(t, s, func(tx *Tx) error {
		if n, err := tx.UnlinkBoxes(alice); err != nil || n != 2 {
			t.Errorf("UnlinkBoxes = %d, %v; want 2", n, err)
		}
		return tx.LinkBox(carol, Box{SSID: "8100b0000000affe"})
	})
	if got, err := s.AccountOfBox(ctx, "8100b0000000affe", 0); err != nil || got != carol {
		t.Errorf("the box is now of %q, %v", got, err)
	}
}

func TestLinkBoxRefuses(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	for _, bad := range []Box{{SSID: ""}, {SSID: "81 00"}, {SSID: "81-00"}, {SSID: "81é0"}, {SSID: strings.Repeat("8", 33)},
		{SSID: "8100", UserID: -1}, {SSID: "8100", UserID: 100}} {
		wantIs(t, s.Update(t.Context(), func(tx *Tx) error { return tx.LinkBox(alice, bad) }), ErrInvalid)
	}
	update(t, s, func(tx *Tx) error { return tx.LinkBox(alice, Box{SSID: strings.Repeat("Z", 32)}) })
	wantIs(t, s.Update(t.Context(), func(tx *Tx) error { return tx.LinkBox("nobody@webtv.local", Box{SSID: "1"}) }), ErrNotFound)
}

func TestRemoveAccountTakesEverythingOfIt(t *testing.T) {
	s, _ := open(t)
	ctx := t.Context()
	withAccounts(t, s)
	update(t, s, func(tx *Tx) error {
		for _, a := range []id.Account{alice, carol} {
			_, err1 := tx.PutContact(a, Contact{Address: bob, Lists: ForwardList})
			_, err2 := tx.AddOutgoing(Outgoing{Account: a, Peer: bob, Network: "loopback", Kind: "message", Body: []byte("x")})
			_, err3 := tx.AddIncoming(Incoming{Account: a, Peer: bob, Network: "loopback", Kind: "message", Body: []byte("x")})
			err4 := tx.LinkBox(a, Box{SSID: "8100", UserID: len(a)})
			if a == carol {
				err4 = tx.LinkBox(a, Box{SSID: "8101"})
			}
			if err := errors.Join(err1, err2, err3, err4); err != nil {
				return err
			}
		}
		_, err := tx.PutContact(carol, Contact{Address: alice.Address(), Lists: ForwardList})
		return err
	})
	update(t, s, func(tx *Tx) error { return tx.RemoveAccount(alice) })
	for _, table := range []string{"accounts", "boxes", "contacts", "outbox", "inbox"} {
		column := "account"
		if table == "accounts" {
			column = "address"
		}
		var of, left int
		query := `SELECT count(*) FILTER (WHERE ` + column + ` = ?), count(*) FROM ` + table
		if err := s.DB().QueryRow(query, alice).Scan(&of, &left); err != nil || of != 0 || left == 0 {
			t.Errorf("%s: %d rows of alice, %d in all, %v", table, of, left, err)
		}
	}
	if who, err := s.Watchers(ctx, alice.Address()); err != nil || !reflect.DeepEqual(who, []id.Account{carol}) {
		t.Errorf("carol lost her contact: %v, %v", who, err)
	}
	wantIs(t, s.Update(ctx, func(tx *Tx) error { return tx.RemoveAccount(alice) }), ErrNotFound)
	_, err := s.Roster(ctx, alice)
	wantIs(t, err, ErrNotFound)
}
