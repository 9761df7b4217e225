package bridge

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
)

// ghostNet is the fake network with every companion.
type ghostNet struct {
	*fakeNet
	told     chan string
	presence Presence
	err      error
}

func (g *ghostNet) AccountChanged(a Account)    { g.told <- "changed " + string(a.Address) + " " + a.Name }
func (g *ghostNet) AccountRemoved(a id.Account) { g.told <- "removed " + string(a) }
func (g *ghostNet) Presence(id.Account, id.Remote) (Presence, error) {
	return g.presence, g.err
}

// withGhosts is a rig whose network has every companion.
func withGhosts(t *testing.T) (*rig, *ghostNet) {
	t.Helper()
	r := newRig(t)
	g := &ghostNet{fakeNet: newFake(), told: make(chan string, 10), presence: PresenceAway}
	r.hub.links = []*link{newLink(g)}
	return r, g
}

func TestAccountsLife(t *testing.T) {
	r, g := withGhosts(t)
	ctx := t.Context()
	told := func(want string) {
		t.Helper()
		if got := <-g.told; got != want {
			t.Errorf("networks were told %q, want %q", got, want)
		}
	}
	dora := id.Account("dora@webtv.local")
	var changed []id.Account
	r.hub.OnCredentials(func(a id.Account) { changed = append(changed, a) })
	if err := r.hub.CreateAccount(ctx, NewAccount{Address: dora, Password: "x\ny"}); err == nil {
		t.Error("a password with a line end")
	}
	if err := r.hub.CreateAccount(ctx, NewAccount{Address: "helper@webtv.local"}); !errors.Is(err, ErrReserved) {
		t.Errorf("an account that speaks for the gateway: %v", err)
	}
	if err := r.hub.CreateAccount(ctx, NewAccount{Address: dora, Password: "hunter22", KeepPassword: true, Box: &store.Box{SSID: "8100000000b0024d"}}); err != nil {
		t.Fatal(err)
	}
	told("changed dora@webtv.local Dora")
	if a, err := r.hub.Secrets().AccountOfBox(ctx, "8100000000B0024D", 0); err != nil || a != dora {
		t.Errorf("the box is %q's, %v", a, err)
	}
	if p, kept, err := r.hub.Secrets().KeptPassword(ctx, dora); p != "hunter22" || !kept || err != nil {
		t.Errorf("kept %q, %v, %v", p, kept, err)
	}
	for password, want := range map[string]bool{"hunter22": true, "hunter2": false, "": false} {
		if ok, err := r.hub.Secrets().CheckPassword(ctx, dora, password); ok != want || err != nil {
			t.Errorf("password %q: %v, %v", password, ok, err)
		}
	}
	if ok, err := r.hub.Secrets().CheckPassword(ctx, "nobody@webtv.local", "hunter22"); ok || err != nil {
		t.Errorf("password of nobody: %v, %v", ok, err)
	}
	if s, err := r.hub.Secrets().BoxSecret(ctx, dora); len(s) != 32 || err != nil {
		t.Errorf("secret of %d digits, %v", len(s), err)
	}
	if err := r.hub.SetPassword(ctx, dora, "", false); err != nil {
		t.Fatal(err)
	}
	if info, err := r.hub.AccountInfo(ctx, dora); err != nil || info.HasPassword {
		t.Errorf("after taking the password away: %+v, %v", info, err)
	}
	if fmt.Sprint(changed) != "[dora@webtv.local]" {
		t.Errorf("credentials changed of %v", changed)
	}
	before, _ := r.hub.Roster(ctx, dora)
	if v, err := r.hub.Rename(ctx, dora, " Dora\x00 D. "); err != nil || v <= before.Version {
		t.Errorf("version %d after %d, %v", v, before.Version, err)
	}
	told("changed dora@webtv.local Dora D.")
	if n, _, err := r.hub.UnlinkBoxes(ctx, dora); n != 1 || err != nil {
		t.Errorf("%d boxes unlinked, %v", n, err)
	}
	seat := newSeat()
	r.hub.Sit(dora, seat)
	if err := r.hub.RemoveAccount(ctx, dora); err != nil {
		t.Fatal(err)
	}
	told("removed dora@webtv.local")
	if fmt.Sprint(changed) != "[dora@webtv.local dora@webtv.local]" {
		t.Errorf("credentials changed of %v", changed)
	}
	if err := r.hub.RemoveAccount(ctx, dora); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	if all, err := r.hub.AccountInfos(ctx); err != nil || len(all) != 2 {
		t.Errorf("%d accounts left, %v", len(all), err)
	}
}

func TestParseAccount(t *testing.T) {
	r := newRig(t)
	for in, want := range map[string]string{"Alice@WebTV.local": "", "alice": "must look like", "alice@example.org": "must end in @webtv.local"} {
		if _, err := r.hub.ParseAccount(in); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestAppearance(t *testing.T) {
	r, g := withGhosts(t)
	r.hub.dir.Add("fake", g.Serves)
	seat := newSeat()
	seat.look = Appearance{Presence: PresenceBusy, Name: "Carol", Callable: true}
	for _, c := range []struct {
		peer id.Address
		want Presence
	}{
		{bob, PresenceAway}, {"nobody@fake.example", PresenceOffline}, {"x@nowhere.example", PresenceOffline},
		{carol.Address(), PresenceOffline}, {"ghost@webtv.local", PresenceOffline},
	} {
		if got := r.hub.Appearance(alice, c.peer); got.Presence != c.want {
			t.Errorf("%s: %+v, want %s", c.peer, got, c.want)
		}
	}
	r.hub.Sit(carol, seat)
	if got := r.hub.Appearance(alice, carol.Address()); got != seat.look {
		t.Errorf("a seat's own word: %+v", got)
	}
	if got := r.hub.Watchers([]id.Address{bob, carol.Address(), alice.Address()}); len(got) != 1 {
		t.Errorf("%d watchers", len(got))
	}
	r.hub.Stand(carol, newSeat()) // another seat's farewell
	if r.hub.Seat(carol) != Seat(seat) || len(r.hub.Seats()) != 1 {
		t.Error("the wrong seat stood up")
	}
	r.hub.Stand(carol, seat)
	if r.hub.Seat(carol) != nil {
		t.Error("the seat is still there")
	}
	g.err = errors.New("broken")
	if got := r.hub.Appearance(alice, bob); got.Presence != PresenceOffline {
		t.Errorf("a network that cannot tell: %+v", got)
	}
	r.hub.links[0].presencer = nil
	if got := r.hub.Appearance(alice, bob); got.Presence != PresenceOnline || !got.Callable {
		t.Errorf("a network without presence: %+v", got)
	}
}

func TestKnownNames(t *testing.T) {
	r := newRig(t)
	if _, _, err := r.hub.AddContact(t.Context(), alice, bob, "Bobby", listForward, nil); err != nil {
		t.Fatal(err)
	}
	for peer, want := range map[id.Address]string{bob: "Bobby", carol.Address(): "Carol", "x@fake.example": "", "ghost@webtv.local": ""} {
		if got, ok := r.hub.Known(t.Context(), alice, peer); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", peer, got, ok)
		}
	}
}

func TestListLimits(t *testing.T) {
	for list, limit := range map[uint8]int{listForward: 600, listAllow: 1000, listBlock: 1000} {
		r := newRig(t)
		if err := r.st.Update(t.Context(), func(tx *store.Tx) error {
			for i := range limit - 1 {
				peer := id.Address("f" + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + "@fake.example")
				if _, err := tx.PutContact(alice, Contact{Address: peer, Name: "f", Lists: list}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := r.hub.AddContact(t.Context(), alice, carol.Address(), "", list, nil); err != nil {
			t.Errorf("list %d, entry %d: %v", list, limit, err)
		}
		if _, _, err := r.hub.AddContact(t.Context(), alice, bob, "", list, nil); !errors.Is(err, ErrFull) {
			t.Errorf("list %d, entry %d: %v", list, limit+1, err)
		}
		other := listForward
		if list == listForward {
			other = listAllow
		}
		if _, _, err := r.hub.AddContact(t.Context(), alice, bob, "", other, nil); err != nil {
			t.Errorf("list %d is full, and %d refuses too: %v", list, other, err)
		}
	}
}

func TestModesAndCalls(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	may := func(want bool) {
		t.Helper()
		if ok, err := r.hub.MayCall(ctx, alice, bob); ok != want || err != nil {
			t.Errorf("may call: %v, %v", ok, err)
		}
	}
	may(true)
	if v, err := r.hub.SetPrivacy(ctx, alice, "BL"); v != 2 || err != nil {
		t.Errorf("version %d, %v", v, err)
	}
	may(false)
	if _, _, err := r.hub.AddContact(ctx, alice, bob, "", listAllow, nil); err != nil {
		t.Fatal(err)
	}
	may(true)
	if v, err := r.hub.SetPrompt(ctx, alice, "N"); v != 4 || err != nil {
		t.Errorf("version %d, %v", v, err)
	}
}

func TestWrongNetworksAreRefused(t *testing.T) {
	r := newRig(t)
	if err := r.hub.Add(newFake()); err == nil {
		t.Error("the same network twice")
	}
}

func TestNetworkThatNeedsAPersonEndsTheRun(t *testing.T) {
	r := newRig(t)
	r.hub.links = []*link{newLink(failing{newFake()})}
	if err := r.hub.Run(t.Context()); err == nil || err.Error() != "fake: the token is wrong: make a new one" {
		t.Errorf("got %v", err)
	}
}

func TestNetworkStates(t *testing.T) {
	r := newRig(t)
	in := receiver{r.hub, r.hub.links[0]}
	if s := r.hub.States(); len(s) != 1 || s[0].Up || s[0].Text != "starting" {
		t.Errorf("%+v", s)
	}
	in.State(false, "no route")
	in.State(false, "no route")
	in.State(true, "")
	if s := r.hub.States(); !s[0].Up || s[0].Since.IsZero() {
		t.Errorf("%+v", s)
	}
	if n := strings.Count(r.log.String(), "no route"); n != 1 {
		t.Errorf("the reason stands in the log %d times, want once", n)
	}
}
