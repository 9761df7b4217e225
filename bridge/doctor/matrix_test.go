package doctor

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/matrix"
)

// homeserver is one that can be told to misbehave.
type homeserver struct {
	*httptest.Server
	ping     string // "": by the rules; none: no such call; wrong: with an old token; elsewhere: reaches nobody
	unknown  bool   // does not know the registration
	silent   bool   // answers nothing
	name     string // of the server, in whoami
	presence string // what it remembers
	deaf     bool   // forgets presence
	reg      matrix.Registered
	late     time.Duration // its clock
}

func newHomeserver(t *testing.T) *homeserver {
	h := &homeserver{name: "example.org", presence: "offline"}
	mux := http.NewServeMux()
	say := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Date", time.Now().Add(h.late).UTC().Format(http.TimeFormat))
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	type m = map[string]any
	mux.HandleFunc("GET /_matrix/client/versions", func(w http.ResponseWriter, r *http.Request) {
		if h.silent {
			<-r.Context().Done()
			return
		}
		say(w, 200, m{"versions": []string{"v1.1", "v1.11"}})
	})
	mux.HandleFunc("GET /_matrix/client/v3/account/whoami", func(w http.ResponseWriter, r *http.Request) {
		if h.unknown || r.Header.Get("Authorization") != "Bearer "+h.reg.AppToken {
			say(w, 401, m{"errcode": "M_UNKNOWN_TOKEN"})
			return
		}
		say(w, 200, m{"user_id": "@webtvbot:" + h.name})
	})
	mux.HandleFunc("POST /_matrix/client/v1/appservice/wtvgate/ping", func(w http.ResponseWriter, r *http.Request) {
		switch h.ping {
		case "none":
			say(w, 404, m{"errcode": "M_UNRECOGNIZED"})
		case "elsewhere":
			say(w, 502, m{"errcode": "M_CONNECTION_FAILED", "error": "connection refused"})
		default:
			status := h.ask(t, http.MethodPost, "/_matrix/app/v1/ping")
			if status != 200 {
				say(w, 502, m{"errcode": "M_BAD_STATUS", "status": status})
				return
			}
			say(w, 200, m{"duration_ms": 1})
		}
	})
	mux.HandleFunc("GET /_matrix/client/v3/profile/{user}", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.PathValue("user"), "@webtv_doctor-") {
			t.Errorf("asked for %s", r.PathValue("user"))
		}
		h.ask(t, http.MethodGet, "/_matrix/app/v1/users/"+r.PathValue("user"))
		say(w, 404, m{"errcode": "M_NOT_FOUND"})
	})
	mux.HandleFunc("PUT /_matrix/client/v3/presence/{user}/status", func(w http.ResponseWriter, r *http.Request) {
		var p struct{ Presence string }
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			t.Error(err)
		}
		if !h.deaf {
			h.presence = p.Presence
		}
		say(w, 200, m{})
	})
	mux.HandleFunc("GET /_matrix/client/v3/presence/{user}/status", func(w http.ResponseWriter, r *http.Request) {
		say(w, 200, m{"presence": h.presence})
	})
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.CloseClientConnections)
	t.Cleanup(h.Close)
	return h
}

// ask calls the gateway as the registration says.
func (h *homeserver) ask(t *testing.T, method, path string) int {
	req, err := http.NewRequest(method, h.reg.URL+path, strings.NewReader("{}"))
	if err != nil {
		t.Error(err)
		return 0
	}
	token := h.reg.ServerToken
	if h.ping == "wrong" {
		token = "old"
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// registered makes the gateway's half: options and a registration file.
func registered(t *testing.T, h *homeserver) Matrix {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	free.Close()
	o := matrix.Options{HomeserverURL: h.URL, Domain: "example.org", Listen: listen, URL: "http://" + listen,
		Registration: filepath.Join(t.TempDir(), "registration.yaml"), GhostPrefix: "webtv_", GhostName: "{{.Name}}", Bot: "webtvbot", Encryption: "allow"}
	if err := matrix.WriteRegistration(o, o.Registration); err != nil {
		t.Fatal(err)
	}
	if h.reg, err = matrix.Inspect(o); err != nil {
		t.Fatal(err)
	}
	return Matrix{Options: o, HTTP: NewClient()}
}

const (
	fits      = "ok registration|fits"
	exclusive = "ok ghosts|alone"
	answers   = "ok homeserver|up to v1.11"
	known     = "ok token|@webtvbot:example.org"
	reached   = "ok way back|reaches the gateway"
	encrypted = "ok encryption|allow"
	tells     = "ok presence|tells"
)

func TestMatrix(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*homeserver, *Matrix)
		want   []string
	}{
		"well":           {func(*homeserver, *Matrix) {}, []string{fits, exclusive, answers, known, reached, encrypted, tells}},
		"no ping":        {func(h *homeserver, _ *Matrix) { h.ping = "none" }, []string{fits, exclusive, answers, known, reached, encrypted, tells}},
		"old token":      {func(h *homeserver, _ *Matrix) { h.ping = "wrong" }, []string{fits, exclusive, answers, known, "FAIL way back|another token", encrypted, tells}},
		"no way":         {func(h *homeserver, _ *Matrix) { h.ping = "elsewhere" }, []string{fits, exclusive, answers, known, "FAIL way back|M_CONNECTION_FAILED", encrypted, tells}},
		"no presence":    {func(h *homeserver, _ *Matrix) { h.deaf = true }, []string{fits, exclusive, answers, known, reached, encrypted, "warn presence|switched off"}},
		"not registered": {func(h *homeserver, _ *Matrix) { h.unknown = true }, []string{fits, exclusive, answers, "FAIL token|M_UNKNOWN_TOKEN"}},
		"another name":   {func(h *homeserver, _ *Matrix) { h.name = "matrix.example.org" }, []string{fits, exclusive, answers, "FAIL token|@webtvbot:matrix.example.org"}},
		"gone":           {func(h *homeserver, _ *Matrix) { h.Close() }, []string{fits, exclusive, "FAIL homeserver|refused"}},
		"no homeserver": {func(_ *homeserver, m *Matrix) {
			s := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(s.Close)
			m.Options.HomeserverURL = s.URL
		}, []string{fits, exclusive, "FAIL homeserver|status 404"}},
		"no file":     {func(_ *homeserver, m *Matrix) { m.Options.Registration += ".none" }, []string{"FAIL registration|there is no", answers}},
		"another bot": {func(_ *homeserver, m *Matrix) { m.Options.Bot = "tvbot" }, []string{"FAIL registration|matrix.bot", answers}},
		"moved": {func(_ *homeserver, m *Matrix) { m.Options.URL = "http://192.0.2.1:1" },
			[]string{fits, "FAIL registration|http://192.0.2.1:1", exclusive, answers, known, reached, encrypted, tells}},
		"readable": {func(_ *homeserver, m *Matrix) {
			if err := os.Chmod(m.Options.Registration, 0o644); err != nil {
				t.Error(err)
			}
		}, []string{"warn registration|0644", exclusive, answers, known, reached, encrypted, tells}},
		"shared names": {func(_ *homeserver, m *Matrix) {
			b, err := os.ReadFile(m.Options.Registration)
			if err == nil {
				err = os.WriteFile(m.Options.Registration, []byte(strings.Replace(string(b), "exclusive: true", "exclusive: false", 1)), 0o600)
			}
			if err != nil {
				t.Error(err)
			}
		}, []string{fits, "warn ghosts|others", answers, known, reached, encrypted, tells}},
	} {
		h := newHomeserver(t)
		m := registered(t, h)
		c.change(h, &m)
		got := m.Run(t.Context())
		look(t, name, got, c.want...)
		for _, f := range got {
			if all := f.Detail + f.Mend; strings.Contains(all, h.reg.AppToken) || strings.Contains(all, h.reg.ServerToken) {
				t.Errorf("%s: a token is shown: %s", name, all)
			}
		}
		if h.presence != "offline" {
			t.Errorf("%s: the bot was left %s", name, h.presence)
		}
	}
}

// TestMatrixWhileServing: the running gateway is called, and no port is opened.
func TestMatrixWhileServing(t *testing.T) {
	h := newHomeserver(t)
	m := registered(t, h)
	called := make(chan string, 1)
	gateway := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called <- r.Header.Get("Authorization")
		w.Write([]byte("{}"))
	}))
	ln, err := net.Listen("tcp", m.Options.Listen)
	if err != nil {
		t.Fatal(err)
	}
	gateway.Listener.Close()
	gateway.Listener = ln
	gateway.Start()
	defer gateway.Close()
	look(t, "taken", m.Run(t.Context()), fits, exclusive, answers, known, "FAIL way back|cannot listen", encrypted, tells)
	m.Serving = true
	look(t, "serving", m.Run(t.Context()), fits, exclusive, answers, known, reached, encrypted, tells)
	if got := <-called; got != "Bearer "+h.reg.ServerToken {
		t.Error("the homeserver called with something else")
	}
	h.ping = "none"
	look(t, "no ping", m.Run(t.Context()), fits, exclusive, answers, known, "warn way back|while the gateway runs", encrypted, tells)
}

// TestDoorKeepsNothing: what the homeserver brings meanwhile it brings again.
func TestDoorKeepsNothing(t *testing.T) {
	d, err := openDoor(t.Context(), "127.0.0.1:0", "token")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if _, err := openDoor(t.Context(), "192.0.2.199:1", "token"); err == nil {
		t.Error("a listener on a foreign address")
	}
	for path, want := range map[string]int{"/_matrix/app/v1/transactions/1": 503, "/users/@webtv_a:x": 404} {
		method := http.MethodPut
		if want == 404 {
			method = http.MethodGet
		}
		req, err := http.NewRequest(method, "http://"+d.address+path+"?access_token=token", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

// TestDeadHomeserver: one that takes connections and says nothing ends with the
// caller's patience.
func TestDeadHomeserver(t *testing.T) {
	h := newHomeserver(t)
	h.silent = true
	m := registered(t, h)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	look(t, "dead", m.Run(ctx), fits, exclusive, "FAIL homeserver|no answer in time")
	if callTime >= netTime || netTime > 10*time.Second {
		t.Errorf("a dead homeserver costs %v", netTime)
	}
}

func TestClock(t *testing.T) {
	h := newHomeserver(t)
	clock := Clock{URLs: []string{"http://127.0.0.1:1/", h.URL + "/_matrix/client/versions"}, HTTP: NewClient(), Now: time.Now}
	look(t, "right", clock.Run(t.Context()), "ok clock|agrees with that of "+host(h.URL))
	h.late = time.Minute
	look(t, "late", clock.Run(t.Context()), "warn clock|-1m0s off")
	h.late = -time.Hour
	look(t, "early", clock.Run(t.Context()), "FAIL clock|1h0m0s off")
	clock.URLs = nil
	look(t, "alone", clock.Run(t.Context()), "ok clock|no server")
	clock.Now = func() time.Time { return time.Unix(0, 0) }
	look(t, "no battery", clock.Run(t.Context()), "FAIL clock|1970")
}
