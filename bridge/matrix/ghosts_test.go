package matrix

import (
	"slices"
	"testing"

	"wtvgate/bridge"
)

func names(calls []call) (all []string) {
	for _, c := range calls {
		all = append(all, c.body["displayname"].(string))
	}
	return all
}

func TestGhostIsRegistered(t *testing.T) {
	w := newWorld(t)
	w.hs.fail(fault{match: "POST /register", times: 2, status: 502})
	w.hs.fail(fault{match: "PUT /profile/", times: 2, lose: true})
	w.start()
	c := w.hs.wait("PUT /profile/", 3)[2]
	if c.path != "/v3/profile/@webtv_alice:hs.test/displayname" || c.user != ghostA || c.body["displayname"] != "Alice (WebTV)" {
		t.Errorf("call %+v", c)
	}
	r := w.hs.find("POST /register")
	if len(r) != 3 || r[2].body["username"] != "webtv_alice" || r[2].body["type"] != "m.login.application_service" || r[2].body["inhibit_login"] != true {
		t.Errorf("calls %+v", r)
	}
	w.eventually("the ghost's name", `SELECT name = 'Alice (WebTV)' FROM matrix_ghosts`)
	w.joined() // registered and named: no need to do it again
	w.restart()
	w.n.AccountChanged(alice)
	w.n.AccountChanged(bridge.Account{Address: "bert@webtv.test", Name: "Bert"})
	w.hs.wait("PUT /profile/", 4)
	if got := names(w.hs.find("PUT /profile/"))[3:]; !slices.Equal(got, []string{"Bert (WebTV)"}) {
		t.Errorf("names set: %q", got)
	}
}

// A user that is there already is our ghost, made before the database was lost.
func TestGhostIsThere(t *testing.T) {
	w := newWorld(t)
	w.hs.users[ghostA] = "old"
	w.start()
	w.hs.wait("PUT /profile/", 1)
	w.joined()
}

func TestGhostIsRenamed(t *testing.T) {
	w := up(t)
	for _, name := range []string{"Alicia", "Ally", "Al"} {
		w.n.AccountChanged(bridge.Account{Address: alice.Address, Name: name})
	}
	w.hs.wait("PUT /profile/", 2)
	w.n.AccountChanged(bridge.Account{Address: "z@webtv.test", Name: "Z"})
	w.hs.wait("PUT /profile/", 3)
	if got := names(w.hs.find("PUT /profile/")); !slices.Equal(got, []string{"Alice (WebTV)", "Al (WebTV)", "Z (WebTV)"}) {
		t.Errorf("names set: %q", got)
	}
}

func TestGhostRefused(t *testing.T) {
	w := newWorld(t)
	w.hs.fail(fault{match: "POST /register", times: -1, status: 400, body: `{"errcode":"M_EXCLUSIVE"}`})
	w.start()
	w.hs.wait("POST /register", 1)
	err := w.n.Invite(t.Context(), out("1", ""))
	if !permanent(err) {
		t.Errorf("Invite: %v", err)
	}
	w.n.AccountChanged(bridge.Account{Address: "z@webtv.test", Name: "Z"})
	w.hs.wait("POST /register", 3)
}

func TestAccountRemoved(t *testing.T) {
	w := up(t)
	rid := w.joined()
	w.hs.fail(fault{match: "POST /leave", times: 2, status: 503})
	w.n.AccountRemoved(alice.Address)
	c := w.hs.wait("POST /leave", 3)[2]
	if c.user != ghostA || c.body["reason"] != "This WebTV account is gone." {
		t.Errorf("call %+v", c)
	}
	w.eventually("the rooms to be forgotten", `SELECT count(*) = 0 FROM matrix_rooms`)
	w.push("t", textEv(rid, "$1", bobID, "still there?")) // nobody's room any more
	// an account that went away while we were down
	w.n.AccountChanged(bridge.Account{Address: "dora@webtv.test", Name: "Dora"})
	w.hs.wait("PUT /profile/@webtv_dora", 1)
	dora := bridge.Outbound{ID: "d", From: bridge.Account{Address: "dora@webtv.test", Name: "Dora"}, To: bobID}
	if err := w.n.Invite(t.Context(), dora); err != nil {
		t.Fatal(err)
	}
	w.restart() // the core lists Alice alone
	if c := w.hs.wait("POST /leave", 4)[3]; c.user != "@webtv_dora:hs.test" {
		t.Errorf("call %+v", c)
	}
	if len(of[bridge.MessageEvent](w.core)) != 0 {
		t.Error("a message for an account that is gone")
	}
}

// An account that the core has not told us of is found when it is invited.
func TestNewAccountIsFound(t *testing.T) {
	w := up(t)
	w.core.change(func() {
		w.core.accounts = append(w.core.accounts, bridge.Account{Address: "new@webtv.test", Name: "New"})
	})
	w.push("t", memberEv(roomR, "$1", bobID, "@webtv_new:hs.test", "invite", m{"is_direct": true}))
	if r := await[bridge.RequestEvent](t, w.core, 1)[0]; r.Account != "new@webtv.test" || r.From != bobID || r.Event != "$1" {
		t.Errorf("request %+v", r)
	}
}
