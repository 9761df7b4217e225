package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Tangle stands between two HTTP programs and gets in their way: it answers 429 or
// 502 instead of passing a request on, loses answers, repeats requests, and gives
// events another time. A transaction always reaches the gateway if it runs: one that
// does not is put behind the next one by Dendrite itself [run].
type Tangle struct {
	// Plain lets everything pass.
	Plain atomic.Bool

	*httptest.Server
	target   atomic.Pointer[string]
	inbound  bool // the requests are a homeserver's transactions
	client   http.Client
	mu       sync.Mutex
	rnd      *rand.Rand
	injected map[string]int
}

// NewTangle makes one that passes everything on to no one yet.
func NewTangle(seed uint64, inbound bool) *Tangle {
	t := &Tangle{inbound: inbound, rnd: rand.New(rand.NewPCG(seed, 7)), injected: make(map[string]int)}
	t.Plain.Store(true)
	t.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.client.Transport = &http.Transport{MaxIdleConnsPerHost: 32}
	t.Server = httptest.NewServer(t)
	return t
}

// To says where requests go.
func (t *Tangle) To(url string) { t.target.Store(&url) }

// Injected says what was done.
func (t *Tangle) Injected() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprint(t.injected)
}

func (t *Tangle) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.injected[what]++
}

// draw takes one of the named faults, or "" mostly.
func (t *Tangle) draw(percent int, names ...string) string {
	if t.Plain.Load() {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rnd.IntN(100) >= percent {
		return ""
	}
	name := names[t.rnd.IntN(len(names))]
	t.injected[name]++
	return name
}

// ServeHTTP implements http.Handler.
func (t *Tangle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	target := t.target.Load()
	if err != nil || target == nil {
		http.Error(w, "not now", http.StatusBadGateway)
		return
	}
	what := ""
	switch {
	case t.inbound:
		body = t.skew(body)
		what = t.draw(30, "repeated", "repeated under another id", "502 after", "lost after")
	case r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/send/"):
		what = t.draw(30, "429", "502 before", "502 after", "lost after")
	case r.Method != http.MethodGet:
		what = t.draw(10, "429", "502 before")
	}
	switch what {
	case "429":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"errcode":"M_LIMIT_EXCEEDED","error":"slowly","retry_after_ms":300}`)
		return
	case "502 before":
		http.Error(w, "tangled", http.StatusBadGateway)
		return
	case "repeated":
		t.discard(r, r.URL.RequestURI(), body)
	case "repeated under another id":
		path, query, _ := strings.Cut(r.URL.RequestURI(), "?")
		t.discard(r, fmt.Sprintf("%s-%d?%s", path, time.Now().UnixNano(), query), body)
	}
	resp, err := t.pass(r, *target+r.URL.RequestURI(), body)
	if err != nil {
		http.Error(w, "nobody there", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	switch what {
	case "502 after":
		http.Error(w, "tangled", http.StatusBadGateway)
		return
	case "lost after":
		panic(http.ErrAbortHandler) // how net/http ends a connection without an answer
	}
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // whoever asked may have gone
}

func (t *Tangle) pass(r *http.Request, url string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = r.Header.Clone()
	return t.client.Do(req)
}

// discard makes a request of which nobody sees the answer.
func (t *Tangle) discard(r *http.Request, uri string, body []byte) {
	if resp, err := t.pass(r, *t.target.Load()+uri, body); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// skew moves the times of what some people write by hours, as their server with a
// wrong clock does: always the same for one of them.
func (t *Tangle) skew(body []byte) []byte {
	var txn map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if t.Plain.Load() || d.Decode(&txn) != nil {
		return body
	}
	events, _ := txn["events"].([]any)
	for _, e := range events {
		e, _ := e.(map[string]any)
		sender, _ := e["sender"].(string)
		by := []time.Duration{0, -2 * time.Hour, 2 * time.Hour, 40000 * time.Hour}[crc32.ChecksumIEEE([]byte(sender))%4]
		if n, ok := e["origin_server_ts"].(json.Number); ok && by != 0 {
			if ms, err := n.Int64(); err == nil {
				e["origin_server_ts"] = ms + by.Milliseconds()
				t.count("skewed")
			}
		}
	}
	if b, err := json.Marshal(txn); err == nil {
		return b
	}
	return body
}
