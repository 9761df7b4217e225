package metrics

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"wtvgate/bridge"
	"wtvgate/bridge/box"
	"wtvgate/bridge/loopback"
	"wtvgate/bridge/store"
	msnpserver "wtvgate/msnp/server"
	"wtvgate/msnp/wire"
	"wtvgate/puppets"
	wtvpserver "wtvgate/wtvp/server"
)

// rig has every source, with something in each.
func rig(t *testing.T) *Metrics {
	t.Helper()
	now := time.Unix(1_800_000_000, 0)
	st, err := store.Open(t.Context(), t.TempDir(), store.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	h := bridge.NewHub(st, puppets.NewDirectory("webtv.local"), slog.New(slog.DiscardHandler), nil)
	if err := h.Add(loopback.New("echo.example", nil)); err != nil {
		t.Fatal(err)
	}
	err = st.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.CreateAccount(store.NewAccount{Address: "alice@webtv.local", Name: "Alice"}); err != nil {
			return err
		}
		for range 3 {
			if _, err := tx.AddOutgoing(store.Outgoing{Account: "alice@webtv.local", Peer: "bob@echo.example", Network: "loopback", Kind: "message"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m := New("1.2.3")
	m.Read(Sources{Hub: h, Now: func() time.Time { return now.Add(90 * time.Second) },
		Messenger: func() msnpserver.Stats {
			return msnpserver.Stats{Connections: 4, Accepted: 9, Refused: 1, SlowReaders: 2, Commands: 77, Unknown: map[string]uint64{"ABC": 1, "*": 2}}
		},
		WTVP: func() wtvpserver.Stats {
			return wtvpserver.Stats{Connections: 5, Answers: map[wtvpserver.Answered]uint64{{Service: "wtv-passport", Status: 200}: 6, {Status: 400}: 1}}
		}})
	return m
}

func scrapeText(t *testing.T, m *Metrics) string {
	t.Helper()
	s := httptest.NewServer(m.Handler())
	defer s.Close()
	resp, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v\n%s", resp.Status, err, b)
	}
	return string(b)
}

func TestMetrics(t *testing.T) {
	m := rig(t)
	m.Message(bridge.ToFriend, "matrix", bridge.Stored, 0)
	m.Message(bridge.ToFriend, "matrix", bridge.SentOn, 300*time.Millisecond)
	m.SignIn(wire.MSNP6, box.SignInRefused)
	log := slog.New(m.Log(slog.DiscardHandler)).With("a", 1)
	log.Error("quiet") // DiscardHandler is never enabled
	var text bytes.Buffer
	log = slog.New(m.Log(slog.NewTextHandler(&text, nil))).With("a", 1).WithGroup("g")
	log.Error("panic in connection", "err", "x", "stack", "here")
	log.Warn("w")
	if !strings.Contains(text.String(), `msg="panic in connection" a=1 g.err=x g.stack=here`) {
		t.Errorf("the line is changed: %s", text.String())
	}
	got := scrapeText(t, m)
	for _, line := range []string{
		`wtvgate_build_info{version="1.2.3"} 1`,
		`wtvgate_messages_total{direction="to_friend",network="matrix",outcome="sent"} 1`,
		`wtvgate_messages_total{direction="to_friend",network="matrix",outcome="stored"} 1`,
		`wtvgate_delivery_seconds_bucket{direction="to_friend",network="matrix",le="0.1"} 0`,
		`wtvgate_delivery_seconds_bucket{direction="to_friend",network="matrix",le="0.5"} 1`,
		`wtvgate_delivery_seconds_count{direction="to_friend",network="matrix"} 1`,
		`wtvgate_sign_ins_total{dialect="MSNP6",result="refused"} 1`,
		`wtvgate_sign_ins_total{dialect="MSNP2",result="ok"} 0`,
		`wtvgate_log_records_total{level="error"} 1`,
		`wtvgate_log_records_total{level="warn"} 1`,
		`wtvgate_panics_total 1`,
		`wtvgate_signed_in_accounts 0`,
		`wtvgate_network_up{network="loopback"} 0`,
		`wtvgate_queue_messages{direction="to_friend",network="loopback"} 3`,
		`wtvgate_queue_messages{direction="to_box",network="loopback"} 0`,
		`wtvgate_queue_oldest_seconds{direction="to_friend",network="loopback"} 90`,
		`wtvgate_store_transactions_total{result="rolled_back"} 0`,
		`wtvgate_connections{protocol="msnp"} 4`,
		`wtvgate_connections{protocol="wtvp"} 5`,
		`wtvgate_messenger_connections_accepted_total 9`,
		`wtvgate_messenger_connections_refused_total 1`,
		`wtvgate_messenger_slow_readers_total 2`,
		`wtvgate_messenger_commands_total 77`,
		`wtvgate_messenger_unknown_commands_total 3`,
		`wtvgate_wtvp_requests_total{service="wtv-passport",status="200"} 6`,
		`wtvgate_wtvp_requests_total{service="other",status="400"} 1`,
	} {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	if strings.Contains(got, "alice") || strings.Contains(got, "echo.example") {
		t.Error("a person or place stands in the metrics")
	}
	problems, err := promlint.New(strings.NewReader(got)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, namespace) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// TestDocumentsNameMetricsThatExist: the dashboard's and the manual's names are
// all there, and the manual has all that are ours.
func TestDocumentsNameMetricsThatExist(t *testing.T) {
	m := rig(t)
	m.Message(bridge.ToBox, "matrix", bridge.WrittenToBox, time.Second)
	known := map[string]bool{}
	for _, f := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(scrapeText(t, m), -1) {
		known[f[1]] = true
	}
	name := regexp.MustCompile(`\b(wtvgate|go|process)_[a-z_]+`)
	named := map[string]bool{}
	for _, file := range []string{"../../docs/grafana.json", "../../docs/operating.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range name.FindAllString(string(text), -1) {
			n = strings.TrimSuffix(strings.TrimSuffix(n, "_bucket"), "_count")
			if named[n] = true; !known[n] {
				t.Errorf("%s names %s, which is not there", file, n)
			}
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(text) {
			t.Errorf("%s is no JSON", file)
		}
	}
	for n := range known {
		if strings.HasPrefix(n, namespace) && !named[n] {
			t.Errorf("the documents do not name %s", n)
		}
	}
}
