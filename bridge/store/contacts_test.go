package store

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

func TestRosterOfANewAccount(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	want := Roster{Version: 1, Privacy: "AL", Prompt: "A", Groups: []Group{{0, "Other Contacts"}}}
	if got, err := s.Roster(t.Context(), alice); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Roster = %+v, %v; want %+v", got, err, want)
	}
}

func TestPutContact(t *testing.T) {
	s, c := open(t)
	withAccounts(t, s)
	start := c.Now().Add(time.Minute) // of the step that adds her
	when := time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)
	for i, step := range []struct {
		put     Contact
		version uint32
		want    []Contact
	}{
		{Contact{Address: dora, Lists: 0}, 1, nil}, // nothing to remove
		{Contact{Address: dora, Name: "Dora", Lists: ForwardList | AllowList}, 2,
			[]Contact{{dora, "Dora", 3, start, 1}}},
		{Contact{Address: dora, Name: "Dora", Lists: ForwardList | AllowList}, 2,
			[]Contact{{dora, "Dora", 3, start, 1}}},
		{Contact{Address: bob, Lists: ReverseList, Added: when}, 3,
			[]Contact{{bob, "", 8, when, 0}, {dora, "Dora", 3, start, 1}}},
		{Contact{Address: bob, Name: "Bob", Lists: ReverseList}, 4,
			[]Contact{{bob, "Bob", 8, when, 0}, {dora, "Dora", 3, start, 1}}},
		{Contact{Address: bob, Name: "Bob", Lists: ReverseList | BlockList}, 5,
			[]Contact{{bob, "Bob", 12, when, 0}, {dora, "Dora", 3, start, 1}}},
		{Contact{Address: dora, Name: "whatever", Lists: 0}, 6,
			[]Contact{{bob, "Bob", 12, when, 0}}},
		{Contact{Address: dora, Lists: 0}, 6,
			[]Contact{{bob, "Bob", 12, when, 0}}},
	} {
		update(t, s, func(tx *Tx) error {
			v, err := tx.PutContact(alice, step.put)
			if err != nil || v != step.version {
				t.Errorf("step %d: version %d, %v; want %d", i, v, err, step.version)
			}
			r, err := tx.Roster(alice)
			if want := (Roster{Version: step.version, Privacy: "AL", Prompt: "A", Contacts: step.want, Groups: []Group{{0, "Other Contacts"}}}); err != nil || !reflect.DeepEqual(r, want) {
				t.Errorf("step %d: roster %+v, %v; want %+v", i, r, err, want)
			}
			return nil
		})
		c.add(time.Minute)
	}
	if r, err := s.Roster(t.Context(), carol); err != nil || r.Version != 1 || r.Contacts != nil {
		t.Errorf("carol's lists changed too: %+v, %v", r, err)
	}
}

func TestContact(t *testing.T) {
	s, c := open(t)
	withAccounts(t, s)
	want := Contact{Address: bob, Name: "Bob", Lists: 5, Added: c.Now(), Groups: 1}
	update(t, s, func(tx *Tx) error {
		if got, ok, err := tx.Contact(alice, bob); err != nil || ok {
			t.Errorf("at first: %+v, %v, %v", got, ok, err)
		}
		if _, err := tx.PutContact(alice, want); err != nil {
			return err
		}
		if got, ok, err := tx.Contact(alice, bob); err != nil || !ok || got != want {
			t.Errorf("in the transaction: %+v, %v, %v; want %+v", got, ok, err, want)
		}
		return nil
	})
	if got, ok, err := s.Contact(t.Context(), alice, bob); err != nil || !ok || got != want {
		t.Errorf("after it: %+v, %v, %v; want %+v", got, ok, err, want)
	}
	if _, ok, err := s.Contact(t.Context(), carol, bob); err != nil || ok {
		t.Errorf("carol has it too: %v, %v", ok, err)
	}
}

func TestPutContactRefuses(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	put := func(a id.Account, c Contact) error {
		return s.Update(t.Context(), func(tx *Tx) error { _, err := tx.PutContact(a, c); return err })
	}
	wantIs(t, put(alice, Contact{Address: bob, Lists: 16}), ErrInvalid)
	wantIs(t, put(alice, Contact{Address: "Bob@example.org", Lists: 1}), ErrInvalid)
	wantIs(t, put(alice, Contact{Address: "bob", Lists: 1}), ErrInvalid)
	wantIs(t, put("nobody@webtv.local", Contact{Address: bob, Lists: 1}), ErrNotFound)
	wantIs(t, put("nobody@webtv.local", Contact{Address: bob}), ErrNotFound)
	if err := put(alice, Contact{Address: bob, Lists: 1, Name: strings.Repeat("x", 5000)}); err != nil {
		t.Fatal(err)
	}
	if c, _, err := s.Contact(t.Context(), alice, bob); err != nil || len(c.Name) != MaxName {
		t.Errorf("a name of 5000 bytes became one of %d, %v", len(c.Name), err)
	}
}

func TestModes(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	update(t, s, func(tx *Tx) error {
		for i, step := range []struct {
			set     func(id.Account, string) (uint32, error)
			mode    string
			version uint32
		}{{tx.SetPrivacy, "AL", 1}, {tx.SetPrivacy, "BL", 2}, {tx.SetPrivacy, "BL", 2}, {tx.SetPrompt, "N", 3}, {tx.SetPrompt, "N", 3}} {
			if v, err := step.set(alice, step.mode); err != nil || v != step.version {
				t.Errorf("step %d: %d, %v; want %d", i, v, err, step.version)
			}
		}
		_, err := tx.SetPrivacy(alice, "XX")
		wantIs(t, err, ErrInvalid)
		_, err = tx.SetPrompt(alice, "AL")
		wantIs(t, err, ErrInvalid)
		_, err = tx.SetPrompt("nobody@webtv.local", "A")
		wantIs(t, err, ErrNotFound)
		return nil
	})
	if r, err := s.Roster(t.Context(), alice); err != nil || !reflect.DeepEqual(r, Roster{Version: 3, Privacy: "BL", Prompt: "N", Groups: []Group{{0, "Other Contacts"}}}) {
		t.Errorf("Roster = %+v, %v", r, err)
	}
}

func TestVersionIsNeverZero(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	if _, err := s.DB().Exec(`UPDATE accounts SET version = ?`, uint32(math.MaxUint32)-1); err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint32{math.MaxUint32, 1, 2} {
		update(t, s, func(tx *Tx) error {
			v, err := tx.PutContact(alice, Contact{Address: bob, Lists: uint8(i + 1)})
			if v != want {
				t.Errorf("version %d, want %d", v, want)
			}
			return err
		})
	}
	for i, set := range []func(tx *Tx) (uint32, error){
		func(tx *Tx) (uint32, error) { return tx.SetName(carol, "x") },
		func(tx *Tx) (uint32, error) { return tx.SetPrivacy(carol, "BL") },
		func(tx *Tx) (uint32, error) { return tx.SetPrompt(carol, "N") },
	} {
		if _, err := s.DB().Exec(`UPDATE accounts SET version = ?`, uint32(math.MaxUint32)); err != nil {
			t.Fatal(err)
		}
		update(t, s, func(tx *Tx) error {
			v, err := set(tx)
			if v != 1 {
				t.Errorf("setter %d: version %d after the highest, want 1", i, v)
			}
			return err
		})
	}
}

func TestWatchers(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	put := func(a id.Account, lists uint8) {
		update(t, s, func(tx *Tx) error { _, err := tx.PutContact(a, Contact{Address: bob, Lists: lists}); return err })
	}
	for i, step := range []struct {
		alice, carol uint8
		want         []id.Account
	}{{0, 0, nil}, {AllowList | ReverseList, 0, nil}, {ForwardList, 0, []id.Account{alice}},
		{15, ForwardList | BlockList, []id.Account{alice, carol}}, {14, 1, []id.Account{carol}}} {
		put(alice, step.alice)
		put(carol, step.carol)
		if got, err := s.Watchers(t.Context(), bob); err != nil || !reflect.DeepEqual(got, step.want) {
			t.Errorf("step %d: %v, %v; want %v", i, got, err, step.want)
		}
	}
	if got, err := s.Watchers(t.Context(), dora); err != nil || got != nil {
		t.Errorf("dora: %v, %v", got, err)
	}
}
