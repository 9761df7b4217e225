package passport

import (
	"bytes"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the answers in testdata anew")

// book is Accounts out of a map.
type book struct {
	mu        sync.Mutex
	passwords map[string]string
	asked     int
	err       error
	entered   chan struct{} // if set, told when a password is about to be checked ...
	gate      chan struct{} // ... and waited for before the answer
}

func newBook() *book {
	return &book{passwords: map[string]string{"alice@webtv.local": "hunter22", "carol@webtv.local": "50% off, a,b", "dora@webtv.local": "pä+s,s%41"}}
}

func (b *book) CheckPassword(ctx context.Context, address, password string) (bool, error) {
	b.mu.Lock()
	b.asked++
	want, known := b.passwords[address]
	err, gate := b.err, b.gate
	b.mu.Unlock()
	if gate != nil {
		b.entered <- struct{}{}
		<-gate
	}
	return known && want == password && err == nil, err
}

func (b *book) set(address, password string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.passwords[address] = password
}

func (b *book) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked
}

// buffer is a log that may be written to from everywhere.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// clock is a time that stands until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Unix(1726321960, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// counting is randomness that a golden file can know.
func counting() func([]byte) {
	var mu sync.Mutex
	n := byte(0)
	return func(p []byte) {
		mu.Lock()
		defer mu.Unlock()
		for i := range p {
			p[i] = n
			n++
		}
	}
}

// rig is a service on real TCP.
type rig struct {
	t       *testing.T
	book    *book
	clock   *clock
	log     *buffer
	handler *handler
	server  *Server
	tickets *Tickets
	addr    string
	waits   []time.Duration // guarded by log.mu
}

func newRig(t *testing.T, cert *tls.Certificate, change ...func(*Server)) *rig {
	t.Helper()
	r := &rig{t: t, book: newBook(), clock: newClock(), log: &buffer{}}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.tickets = NewTickets(r.clock.now)
	random := counting()
	r.tickets.random = random
	r.handler = NewHandler(Options{Accounts: r.book, Tickets: r.tickets, PublicURL: "https://gw.example", Log: log, Now: r.clock.now}).(*handler)
	r.handler.random = random
	r.handler.wait = func(_ context.Context, d time.Duration) error {
		r.log.mu.Lock()
		defer r.log.mu.Unlock()
		r.waits = append(r.waits, d)
		return nil
	}
	r.server = NewServer(r.handler, cert, log)
	for _, c := range change {
		c(r.server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- r.server.Serve(l) }()
	t.Cleanup(func() {
		if err := r.server.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return r
}

// ask sends a request and reads all of the answer.
func (r *rig) ask(request string) string {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	return r.askOn(c, request)
}

func (r *rig) askOn(c net.Conn, request string) string {
	r.t.Helper()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		r.t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		r.t.Fatalf("reading the answer: %v (%q)", err, all)
	}
	return string(all)
}

// exchange is a file of testdata.
type exchange struct{ about, question, answer string }

func readExchange(t *testing.T, file string) exchange {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var e exchange
	var body string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		kind, text := line[:2], strings.TrimPrefix(line[2:], " ")
		switch kind {
		case "# ":
			e.about += line + "\n"
		case "C:":
			e.question += text + "\r\n"
		case "C|":
			body += text
		case "S:":
			e.answer += text + "\r\n"
		case "S|":
			e.answer += text
		default:
			t.Fatalf("%s: %q", file, line)
		}
	}
	e.question = strings.ReplaceAll(e.question, "{LENGTH}", strconv.Itoa(len(body))) + body
	return e
}

func writeAnswer(t *testing.T, file, answer string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "S") {
			out.WriteString(line)
		}
	}
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	for _, line := range strings.Split(head, "\r\n") {
		fmt.Fprintf(&out, "S: %s\n", line)
	}
	out.WriteString("S:\n")
	if body != "" {
		for line := range strings.Lines(body) { // bodies here end at most in one line end
			fmt.Fprintf(&out, "S| %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestExchanges plays every recorded shape of request over TCP and wants the
// answer byte for byte.
func TestExchanges(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if name == "README" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			e := readExchange(t, file)
			got := newRig(t, nil).ask(e.question)
			if *update {
				writeAnswer(t, file, got)
				return
			}
			if got != e.answer {
				t.Errorf("answered\n%q\nwant\n%q", got, e.answer)
			}
		})
	}
}
