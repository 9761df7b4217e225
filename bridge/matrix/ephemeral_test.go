package matrix

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"wtvgate/bridge"
)

func presenceEv(user, presence string) m {
	return m{"type": "m.presence", "sender": user, "content": m{"presence": presence, "currently_active": true}}
}

// pushed sends ephemeral events under a transaction's key.
func (w *world) pushed(txn string, body m) {
	w.t.Helper()
	if status := w.put("/_matrix/app/v1/transactions/"+txn, "hs-token", body); status != 200 {
		w.t.Fatalf("transaction answered %d", status)
	}
}

// A storm of pushed presence is one change for each friend, and none for strangers.
func TestPushedPresence(t *testing.T) {
	w := up(t)
	w.joined()
	before := len(of[bridge.PresenceEvent](w.core))
	var storm []m
	for i := range 500 {
		storm = append(storm, presenceEv(fmt.Sprintf("@s%d:hs.test", i), "online"), presenceEv(bobID, []string{"unavailable", "offline"}[i%2]))
	}
	w.pushed("p1", m{"events": []m{}, "ephemeral": storm, "de.sorunome.msc2409.ephemeral": storm})
	if e := await[bridge.PresenceEvent](t, w.core, before+1)[before]; e.Presence != bridge.PresenceOffline || e.From != bobID || e.Account != alice.Address {
		t.Errorf("event %+v", e)
	}
	w.pushed("p2", m{"events": []m{}, "ephemeral": []any{presenceEv(bobID, "offline"), "nonsense", m{"type": 1}, m{"type": "m.presence"}, presenceEv(ghostA, "online")}})
	w.pushed("p3", m{"events": []m{}, "de.sorunome.msc2409.ephemeral": []m{presenceEv(bobID, "online")}}) // before it was in the specification
	got := await[bridge.PresenceEvent](t, w.core, before+2)
	if e := got[before+1]; len(got) != before+2 || e.Presence != bridge.PresenceOnline {
		t.Errorf("events %+v", got[before:])
	}
	if n := w.count(`SELECT count(*) FROM matrix_presence`); n != 1 {
		t.Errorf("%d rows: strangers are kept", n)
	}
}

// Pushed typing reaches a box that is signed in; a sync that says the same adds
// nothing.
func TestPushedTyping(t *testing.T) {
	w := up(t)
	rid := w.joined()
	typing := func(users ...string) m {
		return m{"type": "m.typing", "room_id": rid, "content": m{"user_ids": append([]string{}, users...)}}
	}
	w.pushed("t0", m{"ephemeral": []m{typing(bobID), typing()}}) // nobody looks
	w.n.Attending(alice.Address, true, bridge.PresenceOnline)
	w.hs.wait("GET /v3/sync", 1)
	w.n.pace.typing = testWait
	w.pushed("t1", m{"ephemeral": []m{typing(bobID)}})
	if e := await[bridge.TypingEvent](t, w.core, 1)[0]; !e.On || e.From != bobID || e.Account != alice.Address {
		t.Errorf("event %+v", e)
	}
	w.pushed("t2", m{"ephemeral": []m{typing()}})
	if got := await[bridge.TypingEvent](t, w.core, 2); got[1].On || len(got) != 2 {
		t.Errorf("events %+v", got)
	}
}

// What waits is bounded; what is known already is still brought up to date.
func TestPushedIsBounded(t *testing.T) {
	p := newEphemera(nil)
	for i := range maxPushed + 10 {
		data, err := json.Marshal(presenceEv(fmt.Sprintf("@s%d:hs.test", i), "online"))
		if err != nil {
			t.Fatal(err)
		}
		p.take([]json.RawMessage{data})
	}
	last, err := json.Marshal(presenceEv("@s0:hs.test", "offline"))
	if err != nil {
		t.Fatal(err)
	}
	p.take([]json.RawMessage{last})
	if e := p.presence["@s0:hs.test"]; len(p.presence) != maxPushed || !strings.Contains(string(e.Content.VeryRaw), "offline") {
		t.Errorf("%d wait", len(p.presence))
	}
}

// An operator's wish for ephemeral pushes outlives a new registration; by itself
// the gateway does not ask.
func TestRegistrationKeepsEphemeral(t *testing.T) {
	w := newWorld(t)
	read := func() string {
		data, err := os.ReadFile(w.o.Registration)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if strings.Contains(read(), "receive_ephemeral: true") {
		t.Error("it asks by itself")
	}
	if err := os.WriteFile(w.o.Registration, []byte(read()+"\nreceive_ephemeral: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteRegistration(w.o, w.o.Registration); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(read(), "receive_ephemeral: true") {
		t.Errorf("the wish is gone:\n%s", read())
	}
}
