package picture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/store/storetest"
	"wtvgate/bridge/text"
)

const alice = id.Account("alice@webtv.local")

var reached = netip.MustParseAddr("127.0.0.1")

// source is a network's files.
type source struct {
	mu    sync.Mutex
	files map[string][]byte
	err   error         // of opening
	bad   error         // of closing
	size  int64         // what is said; 0: the truth
	hold  chan struct{} // opening waits for it
	opens int
	asked chan struct{} // gets a token for each opening
}

type body struct {
	io.Reader
	err error
}

func (b body) Close() error { return b.err }

func (s *source) OpenMedia(ctx context.Context, n id.Network, ref string) (bridge.Media, error) {
	s.mu.Lock()
	s.opens++
	hold := s.hold
	s.mu.Unlock()
	s.asked <- struct{}{}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return bridge.Media{}, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.files[string(n)+" "+ref]
	switch {
	case s.err != nil:
		return bridge.Media{}, s.err
	case !ok:
		return bridge.Media{}, bridge.ErrNoMedia
	}
	size := int64(len(data))
	if s.size != 0 {
		size = s.size
	}
	return bridge.Media{ReadCloser: body{bytes.NewReader(data), s.bad}, Type: "image/whatever", Size: size}, nil
}

// rig is a gallery on real HTTP and a real store.
type rig struct {
	t    *testing.T
	st   *store.Store
	src  *source
	g    *Gallery
	dir  string
	mu   sync.Mutex
	now  time.Time
	host string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		src: &source{files: map[string][]byte{}, asked: make(chan struct{}, 1000)}}
	st, err := store.Open(t.Context(), storetest.Dir(t), store.Options{Now: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	r.st = st
	t.Cleanup(func() { st.Close() })
	for _, a := range []id.Account{alice, "carol@webtv.local"} {
		if err := st.Update(t.Context(), func(tx *store.Tx) error { return tx.CreateAccount(store.NewAccount{Address: a}) }); err != nil {
			t.Fatal(err)
		}
	}
	r.start()
	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) later(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// start opens the gallery and serves it.
func (r *rig) start() {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.host = l.Addr().String()
	g, err := Open(Options{Store: r.st, Hub: r.src, Dir: r.dir, Cache: 1 << 20, Port: l.Addr().(*net.TCPAddr).Port,
		Log: slog.New(slog.DiscardHandler), Now: r.clock})
	if err != nil {
		r.t.Fatal(err)
	}
	r.g = g
	done := make(chan error, 1)
	go func() { done <- g.Serve(l) }()
	r.t.Cleanup(sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(g.Shutdown(ctx), <-done); err != nil {
			r.t.Error(err)
		}
	}))
}

// link makes one.
func (r *rig) link(ref string) string {
	r.t.Helper()
	u, note, err := r.g.Link(r.t.Context(), alice, "net", text.Attachment{Kind: text.Picture, Ref: ref}, reached)
	if err != nil || note != "" {
		r.t.Fatalf("link: %q, %v", note, err)
	}
	return u
}

// has puts a file there and gives its link.
func (r *rig) has(ref string, data []byte) string {
	r.t.Helper()
	r.src.mu.Lock()
	r.src.files["net "+ref] = data
	r.src.mu.Unlock()
	return r.link(ref)
}

func (r *rig) get(method, u string) (*http.Response, []byte) {
	r.t.Helper()
	req, err := http.NewRequest(method, u, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, data
}

// refuses wants a status and a line.
func (r *rig) refuses(u string, status int, line string) {
	r.t.Helper()
	resp, data := r.get(http.MethodGet, u)
	if resp.StatusCode != status || string(data) != line+"\r\n" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		r.t.Errorf("%s: %d %q, want %d %q", u, resp.StatusCode, data, status, line)
	}
}

func (r *rig) opens() int {
	r.src.mu.Lock()
	defer r.src.mu.Unlock()
	return r.src.opens
}

const gone = "This picture is not here, or not any more."
