package store

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

// roster reads lists without the times.
func roster(t *testing.T, s *Store, a id.Account) Roster {
	t.Helper()
	r, err := s.Roster(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Contacts {
		r.Contacts[i].Added = time.Time{}
	}
	return r
}

func TestGroups(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	version := func(want uint32) func(uint32, error) {
		return func(v uint32, err error) {
			t.Helper()
			if err != nil || v != want {
				t.Errorf("version %d, %v; want %d", v, err, want)
			}
		}
	}
	update(t, s, func(tx *Tx) error {
		version(2)(tx.PutGroup(alice, Group{1, "Friends"}))
		version(3)(tx.PutGroup(alice, Group{4, "Work"}))
		version(3)(tx.PutGroup(alice, Group{4, "Work"})) // nothing new
		version(4)(tx.PutGroup(alice, Group{0, "Rest"}))
		version(5)(tx.PutContact(alice, Contact{Address: bob, Name: "Bob", Lists: ForwardList | AllowList, Groups: 1 << 4}))
		version(6)(tx.PutContact(alice, Contact{Address: dora, Name: "Dora", Lists: ForwardList, Groups: 1<<4 | 1}))
		version(7)(tx.PutContact(alice, Contact{Address: "eve@example.org", Name: "Eve", Lists: ForwardList, Groups: 1 << 4}))
		version(8)(tx.PutContact(alice, Contact{Address: "fay@example.org", Name: "Fay", Lists: AllowList, Groups: 1 << 4}))
		version(9)(tx.PutContact(alice, Contact{Address: dora, Name: "Dora", Lists: ForwardList, Groups: 1<<4 | 1<<1}))
		for _, bad := range []Group{{-1, "x"}, {MaxGroups, "x"}, {3, ""}} {
			_, err := tx.PutGroup(alice, bad)
			wantIs(t, err, ErrInvalid)
		}
		_, err := tx.PutGroup("nobody@webtv.local", Group{1, "x"})
		wantIs(t, err, ErrNotFound)
		all, err := tx.Groups(alice)
		if want := []Group{{0, "Rest"}, {1, "Friends"}, {4, "Work"}}; err != nil || !reflect.DeepEqual(all, want) {
			t.Errorf("groups %v, %v; want %v", all, err, want)
		}
		if all, err := tx.Groups(carol); err != nil || !reflect.DeepEqual(all, []Group{{0, "Other Contacts"}}) {
			t.Errorf("carol's groups %v, %v", all, err)
		}
		return nil
	})
	want := Roster{Version: 9, Privacy: "AL", Prompt: "A", Groups: []Group{{0, "Rest"}, {1, "Friends"}, {4, "Work"}}, Contacts: []Contact{
		{Address: bob, Name: "Bob", Lists: 3, Groups: 16}, {Address: dora, Name: "Dora", Lists: 1, Groups: 18},
		{Address: "eve@example.org", Name: "Eve", Lists: 1, Groups: 16}, {Address: "fay@example.org", Name: "Fay", Lists: 2}}}
	if got := roster(t, s, alice); !reflect.DeepEqual(got, want) {
		t.Errorf("Roster = %+v\nwant %+v", got, want)
	}
	update(t, s, func(tx *Tx) error {
		for _, bad := range []int{-1, 0, 2, MaxGroups} {
			_, _, err := tx.RemoveGroup(alice, bad)
			wantIs(t, err, ErrNotFound)
		}
		left, v, err := tx.RemoveGroup(alice, 4)
		version(10)(v, err)
		if len(left) != 2 || left[0].Address != bob || left[0].Lists != 3 || left[1].Address != "eve@example.org" {
			t.Errorf("left %+v", left)
		}
		return nil
	})
	want.Version, want.Groups = 10, want.Groups[:2]
	want.Contacts = []Contact{{Address: bob, Name: "Bob", Lists: 2}, {Address: dora, Name: "Dora", Lists: 1, Groups: 2},
		{Address: "fay@example.org", Name: "Fay", Lists: 2}}
	if got := roster(t, s, alice); !reflect.DeepEqual(got, want) {
		t.Errorf("after RemoveGroup %+v\nwant %+v", got, want)
	}
}

// Phones are read by their owner and by whoever has the owner on the forward
// list and may see them.
func TestPhones(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	set := func(a id.Account, kind, value string, want uint32, wantChanged bool) {
		t.Helper()
		update(t, s, func(tx *Tx) error {
			v, changed, err := tx.SetPhone(a, kind, value)
			if err != nil || v != want || changed != wantChanged {
				t.Errorf("%s %s: version %d, changed %v, %v; want %d, %v", a, kind, v, changed, err, want, wantChanged)
			}
			return nil
		})
	}
	put := func(a id.Account, c Contact) {
		t.Helper()
		update(t, s, func(tx *Tx) error { _, err := tx.PutContact(a, c); return err })
	}
	put(alice, Contact{Address: carol.Address(), Name: "Carol", Lists: ForwardList})
	set(carol, "PHH", "555 1234", 2, true)
	set(carol, "PHH", "555 1234", 2, false)
	set(carol, "MOB", "Y", 3, true)
	set(carol, "PHW", "", 3, false)
	if got, want := roster(t, s, carol).Phones, []Phone{{carol, "MOB", "Y"}, {carol, "PHH", "555 1234"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("carol's own %v, want %v", got, want)
	}
	sees := func(want ...Phone) {
		t.Helper()
		if got := roster(t, s, alice).Buddies; !reflect.DeepEqual(got, want) {
			t.Errorf("alice sees %v, want %v", got, want)
		}
	}
	sees(Phone{carol, "MOB", "Y"}, Phone{carol, "PHH", "555 1234"})
	if v := roster(t, s, alice).Version; v != 4 {
		t.Errorf("alice's lists have version %d, want 4: one contact, two phones", v)
	}
	set(carol, "MOB", "", 4, true)
	sees(Phone{carol, "PHH", "555 1234"})
	put(carol, Contact{Address: alice.Address(), Name: "Alice", Lists: BlockList | ReverseList})
	sees()
	put(carol, Contact{Address: alice.Address(), Name: "Alice", Lists: ReverseList})
	update(t, s, func(tx *Tx) error { _, err := tx.SetPrivacy(carol, "BL"); return err })
	sees()
	put(carol, Contact{Address: alice.Address(), Name: "Alice", Lists: AllowList | ReverseList})
	sees(Phone{carol, "PHH", "555 1234"})
	put(alice, Contact{Address: carol.Address(), Name: "Carol", Lists: AllowList})
	sees()
	update(t, s, func(tx *Tx) error {
		_, _, err := tx.SetPhone(carol, "PHH", strings.Repeat("1", maxPhone+1))
		wantIs(t, err, ErrTooLong)
		_, _, err = tx.SetPhone("nobody@webtv.local", "PHH", "1")
		wantIs(t, err, ErrNotFound)
		return nil
	})
	// They go with the account.
	update(t, s, func(tx *Tx) error { return tx.RemoveAccount(carol) })
	var n int
	if err := s.DB().QueryRow(`SELECT count(*) FROM phones`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d phones left, %v", n, err)
	}
}
