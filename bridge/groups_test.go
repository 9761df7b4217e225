package bridge

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

func groupsOf(t *testing.T, r *rig, a id.Account) string {
	t.Helper()
	roster, err := r.hub.Roster(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(roster.Groups)
}

func member(t *testing.T, r *rig, a id.Account, peer id.Address) uint32 {
	t.Helper()
	roster, err := r.hub.Roster(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range roster.Contacts {
		if c.Address == peer {
			return c.Groups
		}
	}
	return 0
}

func TestGroupNumbersAreUsedAgain(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	for i, name := range []string{"Friends", "Family", "Work"} {
		g, v, err := r.hub.AddGroup(ctx, alice, name)
		if err != nil || g.ID != i+1 || g.Name != name || v != uint32(i+2) {
			t.Errorf("AddGroup %s: %+v, version %d, %v", name, g, v, err)
		}
	}
	if _, _, err := r.hub.AddGroup(ctx, alice, "Work"); !errors.Is(err, ErrGroupExists) {
		t.Errorf("a second Work: %v", err)
	}
	if v, err := r.hub.RemoveGroup(ctx, alice, 2); err != nil || v != 5 {
		t.Errorf("RemoveGroup: version %d, %v", v, err)
	}
	if g, v, err := r.hub.AddGroup(ctx, alice, "Club"); err != nil || g.ID != 2 || v != 6 {
		t.Errorf("the freed number: %+v, version %d, %v", g, v, err)
	}
	if g, v, err := r.hub.RenameGroup(ctx, alice, 0, "Rest"); err != nil || g.Name != "Rest" || v != 7 {
		t.Errorf("RenameGroup 0: %+v, version %d, %v", g, v, err)
	}
	if _, v, err := r.hub.RenameGroup(ctx, alice, 0, "Rest"); err != nil || v != 7 {
		t.Errorf("the same name again: version %d, %v", v, err)
	}
	if _, _, err := r.hub.RenameGroup(ctx, alice, 1, "Rest"); !errors.Is(err, ErrGroupExists) {
		t.Errorf("a name in use: %v", err)
	}
	if _, _, err := r.hub.RenameGroup(ctx, alice, 9, "x"); !errors.Is(err, ErrNoSuchGroup) {
		t.Errorf("renaming no group: %v", err)
	}
	if _, err := r.hub.RemoveGroup(ctx, alice, 9); !errors.Is(err, ErrNoSuchGroup) {
		t.Errorf("removing no group: %v", err)
	}
	if _, err := r.hub.RemoveGroup(ctx, alice, 0); !errors.Is(err, ErrGroupStays) {
		t.Errorf("removing group 0: %v", err)
	}
	if got, want := groupsOf(t, r, alice), "[{0 Rest} {1 Friends} {2 Club} {3 Work}]"; got != want {
		t.Errorf("groups %s, want %s", got, want)
	}
	for i := 4; i < MaxGroups; i++ {
		if g, _, err := r.hub.AddGroup(ctx, alice, fmt.Sprint("g", i)); err != nil || g.ID != i {
			t.Fatalf("group %d: %+v, %v", i, g, err)
		}
	}
	if _, _, err := r.hub.AddGroup(ctx, alice, "one more"); !errors.Is(err, ErrTooManyGroups) {
		t.Errorf("group 31: %v", err)
	}
}

func TestGroupMembers(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	if _, _, err := r.hub.AddGroup(ctx, alice, "Friends"); err != nil {
		t.Fatal(err)
	}
	add := func(peer id.Address, group int, want error) {
		t.Helper()
		if _, _, err := r.hub.AddToGroup(ctx, alice, peer, "x", group, nil); !errors.Is(err, want) {
			t.Errorf("into group %d: %v, want %v", group, err, want)
		}
	}
	remove := func(peer id.Address, group int, want error) {
		t.Helper()
		if _, _, err := r.hub.RemoveFromGroup(ctx, alice, peer, group, nil); !errors.Is(err, want) {
			t.Errorf("out of group %d: %v, want %v", group, err, want)
		}
	}
	groups := func(want uint32) {
		t.Helper()
		if got := member(t, r, alice, carol.Address()); got != want {
			t.Errorf("groups %b, want %b", got, want)
		}
	}
	watched := func(want bool) {
		t.Helper()
		if got := r.lists(carol, alice.Address())&listReverse != 0; got != want {
			t.Errorf("alice on carol's reverse list: %v, want %v", got, want)
		}
	}
	remove(carol.Address(), 0, ErrNotListed)
	add(carol.Address(), 5, ErrNoSuchGroup)
	add("ghost@webtv.local", 5, ErrNoSuchPerson)
	add(alice.Address(), 5, ErrSelf)
	add(carol.Address(), 1, nil)
	groups(2)
	watched(true)
	add(carol.Address(), 1, ErrListed)
	add(carol.Address(), 0, nil)
	groups(3)
	remove(carol.Address(), 5, ErrNoSuchGroup)
	remove(carol.Address(), 0, nil)
	groups(2)
	watched(true)
	remove(carol.Address(), 0, ErrNotInGroup)
	remove(carol.Address(), 1, nil)
	groups(0)
	watched(false)
	// Without a group: the first; and off the list with all of them.
	if c, _, err := r.hub.AddContact(ctx, alice, carol.Address(), "Carol", listForward|listAllow, nil); err != nil || c.Lists != 3 {
		t.Fatalf("%+v, %v", c, err)
	}
	groups(1)
	add(carol.Address(), 1, nil)
	if _, _, err := r.hub.RemoveContact(ctx, alice, carol.Address(), listForward, nil); err != nil {
		t.Fatal(err)
	}
	groups(0)
	watched(false)
	// A removed group takes its members off the list, and their seats are told.
	add(carol.Address(), 1, nil)
	seat := newSeat()
	r.hub.Sit(carol, seat)
	before, err := r.hub.Roster(ctx, carol)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.hub.RemoveGroup(ctx, alice, 1); err != nil {
		t.Fatal(err)
	}
	<-seat.lists
	groups(0)
	watched(false)
	if after, err := r.hub.Roster(ctx, carol); err != nil || after.Version != before.Version+1 {
		t.Errorf("carol's lists went from version %d to %d, %v", before.Version, after.Version, err)
	}
	if r.lists(alice, carol.Address()) != listAllow {
		t.Error("the allow list changed too")
	}
}

func TestPhones(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	if _, _, err := r.hub.AddContact(ctx, alice, carol.Address(), "", listForward, nil); err != nil {
		t.Fatal(err)
	}
	seat := newSeat()
	r.hub.Sit(alice, seat)
	if v, err := r.hub.SetPhone(ctx, carol, "MOB", "Y"); !errors.Is(err, ErrNoMobile) || v != 2 {
		t.Errorf("MOB without MBE: version %d, %v", v, err)
	}
	for i, p := range [][2]string{{"MBE", "Y"}, {"MOB", "Y"}, {"PHH", "555"}} {
		if v, err := r.hub.SetPhone(ctx, carol, p[0], p[1]); err != nil || v != uint32(i+3) {
			t.Errorf("%v: version %d, %v", p, v, err)
		}
		<-seat.lists
	}
	if v, err := r.hub.SetPhone(ctx, carol, "PHH", "555"); err != nil || v != 5 {
		t.Errorf("the same again: version %d, %v", v, err)
	}
	roster, err := r.hub.Roster(ctx, alice)
	want := []store.Phone{{Account: carol, Kind: "MBE", Value: "Y"}, {Account: carol, Kind: "MOB", Value: "Y"}, {Account: carol, Kind: "PHH", Value: "555"}}
	if err != nil || !slices.Equal(roster.Buddies, want) {
		t.Errorf("alice sees %v, %v", roster.Buddies, err)
	}
}

// TestReverseListHasALimit: people of other networks may write in any number.
func TestReverseListHasALimit(t *testing.T) {
	r := newRig(t)
	r.hub.maxReverse = 2
	r.run()
	for i, want := range []uint8{listReverse, listReverse, 0} {
		who := id.Remote(fmt.Sprint("stranger", i))
		r.receive(RequestEvent{Event: id.Event(fmt.Sprint("$r", i)), Account: alice, From: who})
		if got := r.lists(alice, id.Address(who)+"@fake.example"); got != want {
			t.Errorf("%s is on %d, want %d", who, got, want)
		}
	}
	r.receive(MessageEvent{Event: "$m", Account: alice, From: "stranger2", Text: text.Content{Body: "still heard"}})
	if got := r.inbox(alice); len(got) != 1 || got[0] != "stranger2@fake.example: still heard" {
		t.Errorf("the inbox has %q", got)
	}
}
