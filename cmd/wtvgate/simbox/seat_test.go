package simbox

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/msnp/wire"
)

// seat is a person at a simulated box: types into a pipe, reads lines.
type seat struct {
	t     *testing.T
	keys  *io.PipeWriter
	glass *glass
	done  chan error
}

// glass is what is shown, line by line.
type glass struct {
	mu    sync.Mutex
	part  bytes.Buffer
	lines chan string
}

func (g *glass) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.part.Write(p)
	for {
		line, err := g.part.ReadString('\n')
		if err != nil {
			g.part.WriteString(line)
			return len(p), nil
		}
		g.lines <- strings.TrimSuffix(line, "\n")
	}
}

// sit runs a box; change may alter its options.
func sit(t *testing.T, way Way, change func(*Options)) *seat {
	t.Helper()
	in, keys := io.Pipe()
	s := &seat{t: t, keys: keys, glass: &glass{lines: make(chan string, 10000)}, done: make(chan error, 1)}
	o := Options{Account: "alice@webtv.local", Way: way, Firmware: Firmware{Dialect: wire.MSNP3, PC: true}, Screen: NewScreen(in, s.glass)}
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { s.done <- New(o, nil).Run(ctx) }()
	t.Cleanup(func() {
		keys.Close()
		cancel()
	})
	return s
}

func (s *seat) types(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.keys, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

// sees reads lines up to one that has the words, and gives it.
func (s *seat) sees(words string) string {
	s.t.Helper()
	late := time.After(10 * time.Second)
	var before []string
	for {
		select {
		case line := <-s.glass.lines:
			if strings.Contains(line, words) {
				return line
			}
			before = append(before, line)
		case <-late:
			s.t.Fatalf("no line with %q; there were\n%s", words, strings.Join(before, "\n"))
		}
	}
}

// ends waits for the end of Run.
func (s *seat) ends() {
	s.t.Helper()
	if err := <-s.done; err != nil {
		s.t.Fatal(err)
	}
}

// server plays a Messenger server: it answers every command with its echo, and
// sends what the test says.
type server struct {
	t     *testing.T
	l     net.Listener
	conns chan net.Conn     // each connection, once signed in
	got   chan wire.Command // what came after sign-in
	odd   func(c wire.Command) (answer string, ok bool)
}

func newServer(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, l: l, conns: make(chan net.Conn, 100), got: make(chan wire.Command, 10000)}
	t.Cleanup(func() { l.Close() })
	return s
}

func (s *server) serve() *server {
	go func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			go s.talk(c)
		}
	}()
	return s
}

// way is a sign-in at the server.
func (s *server) way() Way {
	return &PC{Messenger: s.l.Addr().String(), Account: "alice@webtv.local", Password: "hunter22"}
}

func (s *server) talk(c net.Conn) {
	defer c.Close()
	r := wire.NewReader(c, wire.FromClient)
	for {
		cmd, err := r.Read()
		if err != nil {
			return
		}
		answer := s.answer(cmd)
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
		if cmd.Verb == "CHG" || cmd.Verb == "ANS" {
			s.conns <- c
		}
		s.got <- cmd
		if cmd.Verb == "OUT" {
			return
		}
	}
}

func (s *server) answer(cmd wire.Command) string {
	if s.odd != nil {
		if answer, ok := s.odd(cmd); ok {
			return answer
		}
	}
	id := cmd.Arg(0)
	switch {
	case cmd.Verb == "VER":
		return "VER " + id + " " + cmd.Arg(1) + "\r\n"
	case cmd.Verb == "INF":
		return "INF " + id + " MD5\r\n"
	case cmd.Verb == "USR" && cmd.Arg(2) == "I":
		return "USR " + id + " MD5 S 123.456\r\n"
	case cmd.Verb == "USR":
		return "USR " + id + " OK alice@webtv.local Alice\r\n"
	case cmd.Verb == "SYN":
		return "SYN " + id + " 1\r\nGTC " + id + " 1 A\r\nBLP " + id + " 1 AL\r\nLST " + id + " FL 1 0 0\r\nLST " + id + " AL 1 0 0\r\nLST " + id +
			" BL 1 0 0\r\nLST " + id + " RL 1 0 0\r\n"
	case cmd.Verb == "ANS":
		return "ANS " + id + " OK\r\n"
	case cmd.Verb == "OUT", cmd.Verb == "MSG" && cmd.Arg(1) != "A":
		return ""
	case cmd.Verb == "MSG":
		return "ACK " + id + "\r\n"
	}
	return cmd.Verb + " " + strings.Join(cmd.Args, " ") + "\r\n"
}

// says writes to a connection.
func (s *server) says(c net.Conn, text string) {
	s.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		s.t.Fatal(err)
	}
}
