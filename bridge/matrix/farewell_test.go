package matrix

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"wtvgate/bridge"
)

// A gateway that was killed has left its boxes as they were: the next one ends
// that, for those that are off.
func TestFarewell(t *testing.T) {
	w := newWorld(t)
	w.o.ShowPresence = true
	bert, carol := bridge.Account{Address: "bert@webtv.test", Name: "Bert"}, bridge.Account{Address: "carol@webtv.test", Name: "Carol"}
	w.core.accounts = append(w.core.accounts, bert, carol)
	w.start()
	w.hs.wait("PUT /profile/", 3)
	w.eventually("all ghosts", `SELECT count(*) = 3 FROM matrix_ghosts WHERE registered = 1 AND name <> ''`)
	w.stop()
	w.hs.mu.Lock()
	w.hs.presence[ghostA], w.hs.presence["@webtv_bert:hs.test"] = "online", "unavailable"
	w.hs.mu.Unlock()
	w.hs.fail(fault{match: "GET /presence/", times: 2, status: 502})
	w.start()
	var told []string
	for _, c := range w.hs.wait("PUT /presence/", 2) {
		told = append(told, fmt.Sprint(c.user, " ", c.body["presence"]))
	}
	slices.Sort(told)
	if want := []string{ghostA + " offline", "@webtv_bert:hs.test offline"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// A box that is on is not said to be gone, whenever it came.
func TestNoFarewell(t *testing.T) {
	w := newWorld(t)
	w.o.ShowPresence = true
	w.start()
	<-w.n.firstUp
	w.n.Attending(alice.Address, true, bridge.PresenceOnline)
	w.hs.wait("PUT /presence/", 1)
	if err := w.n.farewell(t.Context(), alice.Address); err != nil {
		t.Fatal(err)
	}
	w.n.feeds.tellAgain(alice.Address)
	for _, c := range w.hs.wait("PUT /presence/", 2) {
		if c.body["presence"] != "online" {
			t.Errorf("told %v", c.body["presence"])
		}
	}
}

// A name that nobody has becomes a user to say no with, but not as often as
// anybody likes.
func TestUnknownGhostIsMade(t *testing.T) {
	w := up(t)
	for i := range maxUnknown + 1 {
		w.hs.fail(fault{match: "POST /leave", times: 1, status: 403, body: `{"errcode":"M_FORBIDDEN"}`})
		e := w.invite(roomR, fmt.Sprint("$", i), true)
		e["state_key"] = fmt.Sprintf("@webtv_nobody%d:hs.test", i)
		w.push(fmt.Sprint("t", i), e)
		w.hs.wait("POST /leave", 2*i+min(2, 1+maxUnknown-i))
	}
	made := w.hs.find("POST /register")[1:] // the first is Alice
	if len(made) != maxUnknown || made[0].body["username"] != "webtv_nobody0" {
		t.Errorf("%d users were made, want %d", len(made), maxUnknown)
	}
	w.n.ghosts.mu.Lock()
	w.n.ghosts.madeFrom = time.Now().Add(-time.Hour)
	w.n.ghosts.mu.Unlock()
	if !w.n.ghosts.mayMake() {
		t.Error("none an hour later")
	}
}
