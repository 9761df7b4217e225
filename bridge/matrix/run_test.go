package matrix

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge"
)

// A homeserver that is not there is waited for, and that is said once; what it
// pushes is taken all the same.
func TestHomeserverAway(t *testing.T) {
	w := newWorld(t)
	w.hs.fail(fault{match: "GET /account/whoami", times: -1, status: 502, body: "<html>"})
	w.start()
	w.hs.wait("GET /account/whoami", 5)
	w.push("t", textEv(roomR, "$1", bobID, "x"))
	w.hs.mend()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) == 2 })
	want := "false the homeserver at " + w.hs.srv.URL + " answers 502 Bad Gateway; trying again"
	if w.core.states[0] != want || w.core.states[1] != "true " {
		t.Errorf("states %q", w.core.states)
	}
}

// A failing call makes us look at once, and not only at the next round.
func TestHomeserverGoesAway(t *testing.T) {
	w := up(t)
	w.joined()
	w.hs.fail(fault{match: "PUT /send/", times: -1, lose: true})
	w.hs.fail(fault{match: "GET /account/whoami", times: -1, lose: true})
	if _, err := w.n.Send(t.Context(), out("1", "x")); err == nil {
		t.Fatal("sent")
	}
	w.core.wait(t, "disconnection", func() bool {
		return strings.Contains(w.core.states[len(w.core.states)-1], "cannot be reached: EOF; trying again")
	})
	w.hs.mend()
	w.core.wait(t, "connection", func() bool { return w.core.states[len(w.core.states)-1] == "true " })
	if c := w.hs.wait("POST /v1/appservice/wtvgate/ping", 2); c[1].user != "@webtvbot:hs.test" {
		t.Errorf("call %+v", c[1])
	}
	w.hs.srv.Close()
	var err error
	var se *bridge.SendError
	for range 5 { // the first may take a connection that is kept and closed: EOF
		if _, err = w.n.Send(t.Context(), out("2", "x")); errors.As(err, &se) && se.Certain {
			break
		}
	}
	if se == nil || !se.Certain || se.Permanent {
		t.Errorf("Send to nobody: %+v", err)
	}
}

func TestHomeserverDoesNotKnowUs(t *testing.T) {
	for body, want := range map[string]string{
		`{"errcode":"M_UNKNOWN_TOKEN"}`: "false the homeserver does not know our registration: add PATH to app_service_api.config_files (Dendrite) or app_service_config_files (Synapse) and restart it",
		`{"errcode":"M_FORBIDDEN"}`:     "false the homeserver has another version of our registration: give it PATH as it is now and restart it",
	} {
		w := newWorld(t)
		w.hs.fail(fault{match: "GET /account/whoami", times: 3, status: 401, body: body})
		w.start()
		w.core.wait(t, "connection", func() bool { return len(w.core.states) == 2 })
		if got := strings.ReplaceAll(w.core.states[0], w.o.Registration, "PATH"); got != want {
			t.Errorf("state %q, want %q", got, want)
		}
	}
	w := newWorld(t)
	w.hs.fail(fault{match: "GET /account/whoami", times: 1, status: 200, body: `{"user_id":"@webtvbot:other.test"}`})
	w.start()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) == 2 })
	if !strings.Contains(w.core.states[0], "the homeserver's name is other.test, but matrix.homeserver.domain says hs.test") {
		t.Errorf("state %q", w.core.states[0])
	}
}

// Run ends although a push is under way and a call hangs.
func TestRunEnds(t *testing.T) {
	w := up(t)
	hang := make(chan struct{})
	defer close(hang)
	w.hs.fail(fault{match: "PUT /profile/", times: -1, wait: hang})
	w.n.AccountChanged(bridge.Account{Address: "carol@webtv.test", Name: "Carol"})
	w.hs.wait("POST /register", 2)
	done := make(chan struct{})
	go func() { w.stop(); close(done) }()
	select {
	case <-done:
	case <-time.After(testWait):
		t.Fatal("Run does not end")
	}
	if resp, err := http.Get("http://" + w.n.Addr().String()); err == nil {
		resp.Body.Close()
		t.Error("the port is still open")
	}
}

func TestCallsBeforeRun(t *testing.T) {
	n := newNetwork(t)
	if err := n.Invite(t.Context(), out("1", "")); err != error(errNotRunning) {
		t.Errorf("Invite: %v", err)
	}
	n.SetTyping(t.Context(), alice, bobID, true)
	if p, err := n.Presence(alice.Address, bobID); p != bridge.PresenceOffline || err != nil {
		t.Errorf("Presence: %q, %v", p, err)
	}
}

func TestBackoff(t *testing.T) {
	low, high := time.Second, time.Minute
	for tries, want := range map[int]time.Duration{0: low, 3: 8 * time.Second, 6: high, 70: high} {
		for range 100 {
			if d := backoff(low, high, tries); d < want || d > want+want/4 {
				t.Fatalf("after %d failures %v", tries, d)
			}
		}
	}
}

func TestLibraryLog(t *testing.T) {
	w := up(t)
	w.joined()
	if _, err := w.n.Send(t.Context(), out("1", "top secret")); err != nil {
		t.Fatal(err)
	}
	log := w.log.String()
	if !strings.Contains(log, "level=DEBUG msg=\"library: Request completed\"") {
		t.Error("the library does not write to our log")
	}
	for _, bad := range []string{"top secret", "as-token", "hs-token", "level=INFO msg=\"library"} {
		if strings.Contains(log, bad) {
			t.Errorf("the log holds %q", bad)
		}
	}
}
