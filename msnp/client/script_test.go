package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"wtvgate/msnp/wire"
)

// testTimeout ends a test that hangs; no test waits for it.
const testTimeout = 20 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

// script is a server that plays a transcript: it compares what clients send,
// byte for byte, and sends what the transcript says.
type script struct {
	addr  string
	ln    net.Listener
	conns map[string]*scriptConn
	done  chan error
}

type scriptConn struct {
	net.Conn
	r *bufio.Reader
}

// play starts a server; what went wrong, or nil, comes when the script is over.
func play(t *testing.T, text string) *script {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{ln: ln, addr: ln.Addr().String(), conns: map[string]*scriptConn{}, done: make(chan error, 1)}
	go func() { s.done <- s.run(strings.Split(strings.TrimSuffix(text, "\n"), "\n")) }()
	t.Cleanup(func() {
		ln.Close()
		for _, c := range s.conns {
			c.Close()
		}
	})
	return s
}

func playFile(t *testing.T, name string) *script {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return play(t, string(text))
}

// finish waits for the end of the script.
func (s *script) finish(t *testing.T) {
	t.Helper()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

func (s *script) run(lines []string) (err error) {
	defer func() {
		if err == nil {
			return
		}
		for _, c := range s.conns { // let the client know
			c.Close()
		}
	}()
	for n := 0; n < len(lines); {
		head, text, ok := strings.Cut(lines[n], ": ")
		name, side, ok2 := strings.Cut(head, " ")
		if !ok || !ok2 {
			return fmt.Errorf("line %d: %q", n+1, lines[n])
		}
		first := n
		n++
		text = strings.ReplaceAll(text, "HOST", s.addr)
		data := text + "\r\n"
		for sep := ""; n < len(lines) && strings.HasPrefix(lines[n], head+": | "); n++ {
			data += sep + strings.TrimPrefix(lines[n], head+": | ")
			sep = "\r\n"
		}
		if err := s.step(name, side, text, data); err != nil {
			return fmt.Errorf("line %d, %q: %w", first+1, lines[first], err)
		}
	}
	return nil
}

func (s *script) step(name, side, text, data string) error {
	c := s.conns[name]
	switch {
	case text == "[connected]":
		conn, err := s.ln.Accept()
		if err != nil {
			return err
		}
		s.conns[name] = &scriptConn{Conn: conn, r: bufio.NewReader(conn)}
		return conn.SetDeadline(time.Now().Add(testTimeout))
	case text == "[closed]" && side == "S":
		return c.Close()
	case text == "[closed]":
		rest, err := io.ReadAll(c.r)
		if len(rest) > 0 {
			return fmt.Errorf("client sent %q instead of closing", rest)
		}
		return err
	case side == "S":
		_, err := io.WriteString(c, data)
		return err
	}
	got := make([]byte, len(data))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != data {
		return fmt.Errorf("client sent %q (%v)", got[:n], err)
	}
	return nil
}

// The profile in the transcripts has the sizes that msnp.md gives.
func TestTranscriptPayloads(t *testing.T) {
	for _, name := range []string{"msnp3.txt", "msnp6.txt", "msnp8.txt"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		want, have := -1, 0
		check := func() {
			if want >= 0 && want != have {
				t.Errorf("%s: payload of %d bytes, announced %d", name, have, want)
			}
			want, have = -1, 0
		}
		for _, line := range strings.Split(string(text), "\n") {
			_, what, _ := strings.Cut(line, ": ")
			if body, ok := strings.CutPrefix(what, "| "); ok {
				if have > 0 {
					have += 2
				}
				have += len(body)
				continue
			}
			check()
			if strings.HasPrefix(what, "MSG ") {
				words := strings.Fields(what)
				if want, err = strconv.Atoi(words[len(words)-1]); err != nil {
					t.Fatal(err)
				}
			}
		}
		check()
	}
}

// next receives an event.
func next(t *testing.T, ctx context.Context, events <-chan Event) Event {
	t.Helper()
	select {
	case e, ok := <-events:
		if !ok {
			t.Fatal("no more events")
		}
		return e
	case <-ctx.Done():
		t.Fatal("no event came")
	}
	return nil
}

// must receives an event of one type.
func must[E Event](t *testing.T, ctx context.Context, events <-chan Event) E {
	t.Helper()
	e := next(t, ctx, events)
	got, ok := e.(E)
	if !ok {
		t.Fatalf("event %T %+v, want %T", e, e, got)
	}
	return got
}

// alice are the options of most tests.
func alice(dialects ...wire.Dialect) Options {
	return Options{Address: "alice@example.net", Dialects: dialects, Credential: Password("hunter22")}
}
