package admin

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/loopback"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
	"wtvgate/puppets"
)

const token = "0123456789abcdef"

// chair is a seat that can be listed and ended.
type chair struct {
	bridge.Seat
	h     *bridge.Hub
	a     id.Account
	ended chan bridge.EndReason
}

func (c *chair) Waiting(id.Address) {}
func (c *chair) End(why bridge.EndReason) {
	c.h.Stand(c.a, c)
	c.ended <- why
}
func (c *chair) Session() (bridge.Session, bool) {
	return bridge.Session{Account: c.a, Client: "msntv 2.8", Dialect: "MSNP6", Status: "NLN", Conn: 7, Since: time.Unix(1_800_000_000, 0).UTC()}, true
}

// surface serves a hub with alice signed in and one message to a friend stored.
func surface(t *testing.T, token string) (*httptest.Server, *bridge.Hub, *chair, *bytes.Buffer) {
	t.Helper()
	st, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := bridge.NewHub(st, puppets.NewDirectory("webtv.local"), slog.New(slog.DiscardHandler), nil)
	if err := h.Add(loopback.New("echo.example", nil)); err != nil {
		t.Fatal(err)
	}
	if err := h.CreateAccount(t.Context(), bridge.NewAccount{Address: "alice@webtv.local"}); err != nil {
		t.Fatal(err)
	}
	c := &chair{h: h, a: "alice@webtv.local", ended: make(chan bridge.EndReason, 1)}
	h.Sit(c.a, c)
	if err := h.Say(t.Context(), id.Conversation{Account: c.a, Peer: "bob@echo.example"}, text.Content{Body: "top secret"}); err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("wtvgate_x 1\n")) })
	s := httptest.NewServer(Surface{Operator: &Operator{Hub: h}, Token: token, Metrics: metrics, Log: slog.New(slog.NewTextHandler(log, nil))}.Handler())
	t.Cleanup(func() {
		s.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, h, c, log
}

// ask makes one request and gives the status and the body.
func ask(t *testing.T, s *httptest.Server, method, path, bearer, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestWhoMayAskWhat holds each path to its guard, with and without a token set.
func TestWhoMayAskWhat(t *testing.T) {
	open, _, _, _ := surface(t, "")
	closed, _, _, _ := surface(t, token)
	for _, c := range []struct {
		method, path        string
		open, stranger, own int
	}{
		{"GET", "/healthz", 200, 200, 200},
		{"GET", "/readyz", 503, 401, 503},
		{"GET", "/metrics", 200, 401, 200},
		{"GET", "/sessions", 403, 401, 200},
		{"DELETE", "/sessions/nobody@webtv.local", 403, 401, 404},
		{"POST", "/notice", 403, 401, 400},
		{"GET", "/trace/out-9", 403, 401, 404},
		{"POST", "/healthz", 405, 405, 405},
		{"GET", "/debug/pprof/", 404, 404, 404},
	} {
		a, _ := ask(t, open, c.method, c.path, "", "")
		b, _ := ask(t, closed, c.method, c.path, "wrong", "")
		none, _ := ask(t, closed, c.method, c.path, "", "")
		d, body := ask(t, closed, c.method, c.path, token, "")
		if a != c.open || b != c.stranger || none != c.stranger || d != c.own {
			t.Errorf("%s %s: %d without a token set, %d and %d for strangers, %d for its holder; want %d %d %d: %s", c.method, c.path, a, b, none, d,
				c.open, c.stranger, c.own, body)
		}
	}
}

func TestReadyz(t *testing.T) {
	s, _, _, _ := surface(t, "")
	if code, body := ask(t, s, "GET", "/readyz?format=text", "", ""); code != 503 || body != "loopback down since 0001-01-01T00:00:00Z starting\n" {
		t.Errorf("%d %q", code, body)
	}
	if code, body := ask(t, s, "GET", "/readyz", "", ""); code != 503 || !strings.HasPrefix(body, `{"ready":false,"networks":[{"name":"loopback","up":false,"text":"starting"`) {
		t.Errorf("%d %q", code, body)
	}
}

func TestSessionsOverHTTP(t *testing.T) {
	s, h, c, log := surface(t, token)
	want := `{"sessions":[{"account":"alice@webtv.local","client":"msntv 2.8","dialect":"MSNP6","status":"NLN","remote":"","conn":7,"since":"2027-01-15T08:00:00Z","talks":0}]}` + "\n"
	if code, body := ask(t, s, "GET", "/sessions", token, ""); code != 200 || body != want {
		t.Errorf("%d\n got %s\nwant %s", code, body, want)
	}
	for body, want := range map[string]string{
		`{"text":"Restart at eight."}`: `200 {"told":1}`,
		`{"text":"  "}`:                `400 {"error":"a notice needs words"}`,
		`{"words":"x"}`:                `400 {"error":"the request is {\"text\": \"...\"}"}`,
		`{`:                            `400 {"error":"the request is {\"text\": \"...\"}"}`,
	} {
		code, got := ask(t, s, "POST", "/notice", token, body)
		if strconv.Itoa(code)+" "+strings.TrimSpace(got) != want {
			t.Errorf("%s: %d %s, want %s", body, code, got, want)
		}
	}
	rows, err := h.WaitingFrom(t.Context(), id.Conversation{Account: c.a, Peer: "helper@webtv.local"}, 0, 9)
	if err != nil || len(rows) != 1 || !strings.Contains(string(rows[0].Body), "(Restart at eight.)") {
		t.Errorf("the notice is stored as %v, %v", rows, err)
	}
	if code, _ := ask(t, s, "DELETE", "/sessions/alice@webtv.local", token, ""); code != 204 {
		t.Errorf("kick: %d", code)
	}
	if why := <-c.ended; why != bridge.EndOperator {
		t.Errorf("ended because %q", why)
	}
	if code, _ := ask(t, s, "DELETE", "/sessions/alice@elsewhere", token, ""); code != 400 {
		t.Errorf("a foreign address: %d", code)
	}
	if code, body := ask(t, s, "GET", "/sessions", token, ""); code != 200 || body != "{\"sessions\":[]}\n" {
		t.Errorf("afterwards: %d %s", code, body)
	}
	if l := log.String(); !strings.Contains(l, "verb=session.kick account=alice@webtv.local") || !strings.Contains(l, "verb=notice told=1") || strings.Contains(l, token) {
		t.Errorf("the log: %s", l)
	}
}

func TestTraceOverHTTP(t *testing.T) {
	s, h, _, _ := surface(t, token)
	mine := string(h.MessageID(1))
	for _, key := range []string{"out-1", mine, "alice@webtv.local"} {
		code, body := ask(t, s, "GET", "/trace/"+key, token, "")
		var got struct{ Hops []hop }
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 || len(got.Hops) != 1 {
			t.Errorf("%s: %d %s %v", key, code, body, err)
			continue
		}
		if x := got.Hops[0]; x.ID != mine || x.Direction != bridge.ToFriend || x.State != "pending" || x.Peer != "bob@echo.example" || x.Stored.IsZero() || x.Sent != nil {
			t.Errorf("%s: %+v", key, x)
		}
		if strings.Contains(body, "secret") {
			t.Errorf("%s: the text is shown: %s", key, body)
		}
	}
}
