package msnp_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// The sessions of four real clients (wire/testdata/captures), replayed against
// this server: what the client said then is said again, and every line that
// comes back must have the shape that the client's parser needs.

// patience is when a replay gives up waiting.
const patience = 10 * time.Second

// session replays one recorded session.
type session struct {
	t       *testing.T
	file    string
	chunk   int
	srv     *msnptest.Server
	me      *msnptest.Account
	friends map[string]*msnptest.Friend
	conns   map[string]*conn
	ring    []string // the words of the last RNG
	cookie  string   // of the last XFR
	differs []string // replies of another kind than the recorded ones
	lines   int
	synced  bool // the lists came whole, by the rules of the client's parser
	talked  bool // a message came
}

// conn is one replayed connection.
type conn struct {
	net.Conn
	rd        *bufio.Reader
	p         *parser
	challenge string
}

const password = "hunter22"

func TestRecordedClients(t *testing.T) {
	files, err := filepath.Glob("wire/testdata/captures/*.log")
	if err != nil || len(files) != 4 {
		t.Fatalf("recorded sessions: %v, %v", files, err)
	}
	for _, file := range files {
		for i, acts := range recorded(t, file) {
			for _, chunk := range []int{0, 1} {
				name := fmt.Sprintf("%s %d in pieces of %d", filepath.Base(file), i+1, chunk)
				t.Run(name, func(t *testing.T) { replay(t, file, acts, chunk) })
			}
		}
	}
}

// allowed are replies that differ in kind from the recorded ones, and why.
var allowed = map[string]string{
	"ADD 215": "the recording server added twice what is there already (msnp.md 9.1)",
	"BLP 218": "it acknowledged a mode that was set already (msnp.md 25.14)",
	"217 CAL": "a friend who is off can be called here (msnp.md 26)",
}

func replay(t *testing.T, file string, acts []act, chunk int) {
	s := &session{t: t, file: file, chunk: chunk, conns: map[string]*conn{}, friends: map[string]*msnptest.Friend{}}
	s.start(acts)
	for i := 0; i < len(acts); {
		a := acts[i]
		n := 1
		switch {
		case a.text == "[connected]":
			s.dial(a)
		case a.text == "[closed]":
			if c := s.conns[a.conn]; c != nil && a.client {
				c.Close()
				delete(s.conns, a.conn)
			}
		case a.client:
			for i+n < len(acts) && acts[i+n].client && acts[i+n].conn == a.conn && !strings.HasPrefix(acts[i+n].text, "[") {
				n++
			}
			s.say(acts[i:i+n], acts[i+n:])
		default:
			s.happens(a)
		}
		i += n
	}
	for name, c := range s.conns { // those that a recording left open
		s.send(c, []byte("PNG\r\n"))
		s.until(name, "QNG", func(w []string) bool { return w[0] == "QNG" })
	}
	for _, d := range s.differs {
		if allowed[d] == "" {
			t.Errorf("%s: where %s", file, d)
		}
	}
	if !s.synced || !s.talked || s.lines < 30 {
		t.Errorf("lists whole: %v, a message came: %v; %d lines in all", s.synced, s.talked, s.lines)
	}
}

// start makes the world of the recorded session: the account that signs in, and
// those on its list as friends of another network.
func (s *session) start(acts []act) {
	s.srv = msnptest.Start(s.t, server.Options{})
	for _, a := range acts {
		w := a.words()
		if a.client && w[0] == "USR" && w[3] == "I" {
			name := strings.ToUpper(w[4][:1]) + w[4][1:strings.IndexByte(w[4], '@')]
			s.me = s.srv.Backend.Add(w[4], name+" X", password)
			break
		}
	}
	for _, who := range []string{"alice@example.com", "bob@example.com", "carol@example.com"} {
		if who == s.me.Address {
			continue
		}
		s.friends[who] = s.srv.Backend.AddFriend(who, "Some Friend")
		s.me.List(who, "Stored Name", wire.Forward, wire.Allow, wire.Reverse)
	}
	for _, a := range acts {
		if w := a.words(); a.client && w[0] == "USR" && w[2] == "TWN" && w[3] == "S" {
			s.me.Ticket = w[4]
		}
	}
}

func (s *session) fatalf(line int, format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s:%d: "+format, append([]any{s.file, line}, args...)...)
}

func (s *session) dial(a act) {
	nc, err := net.Dial("tcp", s.srv.Addr)
	if err != nil {
		s.fatalf(a.line, "%v", err)
	}
	s.t.Cleanup(func() { nc.Close() })
	s.conns[a.conn] = &conn{Conn: nc, rd: bufio.NewReader(nc), p: &parser{sb: strings.HasPrefix(a.conn, "SB")}}
}

// send writes in pieces.
func (s *session) send(c *conn, b []byte) {
	s.t.Helper()
	step := len(b)
	if s.chunk > 0 {
		step = s.chunk
	}
	for chunk := range slices.Chunk(b, step) {
		if _, err := c.Write(chunk); err != nil {
			s.t.Fatalf("%s: write: %v", s.file, err)
		}
	}
}

// say sends what the client said in one go and reads the answers.
func (s *session) say(acts, rest []act) {
	c := s.conns[acts[0].conn]
	if c == nil {
		return // it was closed by the server
	}
	for i := 0; i < len(acts); {
		// What needs the answer before it is not sent with it.
		var out []byte
		j := i
		for ; j < len(acts) && (j == i || !strings.HasPrefix(acts[j].text, "USR")); j++ {
			out = append(out, s.line(c, acts[j])...)
			out = append(out, acts[j].payload...)
		}
		s.send(c, out)
		for ; i < j; i++ {
			s.answer(acts[i], rest)
		}
	}
}

// line is a recorded line with what was secret or random then as it is now.
func (s *session) line(c *conn, a act) string {
	w := a.words()
	switch {
	case w[0] == "VER":
		for _, d := range w[2:] {
			if d == "CVR0" {
				c.p.cvr0 = true
			} else if known, ok := wire.ParseDialect(d); ok {
				c.p.dialect = max(c.p.dialect, known)
			}
		}
	case w[0] == "USR" && w[2] == "MD5" && w[3] == "S":
		return fmt.Sprintf("USR %s MD5 S %s\r\n", w[1], msnptest.MD5Answer(c.challenge, password))
	case w[0] == "USR" && c.p.sb:
		return fmt.Sprintf("USR %s %s %s\r\n", w[1], w[2], s.cookie)
	case w[0] == "ANS":
		return fmt.Sprintf("ANS %s %s %s %s\r\n", w[1], w[2], s.ring[4], s.ring[1])
	}
	return a.text + "\r\n"
}

// answer reads until the answer to what the client said.
func (s *session) answer(a act, rest []act) {
	w := a.words()
	switch {
	case w[0] == "OUT":
		s.end(a)
		return
	case w[0] == "PNG":
		s.until(a.conn, "QNG", func(got []string) bool { return got[0] == "QNG" })
		return
	case w[0] == "MSG" && w[2] != "A":
		return
	}
	got := s.until(a.conn, a.text, func(got []string) bool {
		_, failed := strconv.Atoi(got[0])
		own := got[0] == w[0] || failed == nil || w[0] == "MSG" && (got[0] == "ACK" || got[0] == "NAK")
		return own && len(got) > 1 && got[1] == w[1]
	})
	s.compare(a, got, rest)
	switch {
	case got[0] == "USR" && got[2] == "MD5":
		s.conns[a.conn].challenge = got[4]
	case got[0] == "XFR":
		s.cookie = got[5]
	case got[0] == "ANS", got[0] == "CAL":
		s.opened()
	}
}

// compare holds the kind of an answer against the recorded one.
func (s *session) compare(a act, got []string, rest []act) {
	w := a.words()
	for _, r := range rest {
		rw := r.words()
		if r.client || r.conn != a.conn || len(rw) < 2 || rw[1] != w[1] || rw[0] == "ILN" || rw[0] == "IRO" {
			continue
		}
		if rw[0] != got[0] {
			s.differs = append(s.differs, rw[0]+" "+got[0])
		}
		return
	}
}

// opened waits until the friend in the board knows of it.
func (s *session) opened() {
	var events [2]<-chan msnptest.Event
	i := 0
	for _, f := range s.friends {
		events[i] = f.Events()
		i++
	}
	for timeout := time.After(patience); ; {
		var e msnptest.Event
		select {
		case e = <-events[0]:
		case e = <-events[1]:
		case <-timeout:
			s.t.Fatal("no friend came into the board")
		}
		if e.Kind == "opened" {
			return
		}
	}
}

// end reads the end of a connection.
func (s *session) end(a act) {
	c := s.conns[a.conn]
	c.SetReadDeadline(time.Now().Add(patience))
	if rest, err := io.ReadAll(c.rd); err != nil {
		s.fatalf(a.line, "after OUT: %q, %v", rest, err)
	}
	c.Close()
	delete(s.conns, a.conn)
}

// happens is what the recorded server did by itself: somebody else's doing,
// which is done again. Answers were read already.
func (s *session) happens(a act) {
	c, w := s.conns[a.conn], a.words()
	if c == nil {
		return
	}
	for i, word := range w {
		w[i] = wire.Unescape(word)
	}
	first := func(got []string) bool { return got[0] == w[0] }
	switch {
	case w[0] == "RNG":
		if _, err := s.friends[w[5]].Ring(s.me); err != nil {
			s.fatalf(a.line, "%v", err)
		}
		s.ring = s.until(a.conn, "RNG", first)
	case w[0] == "NLN":
		s.me.Notifier().Presence(server.Presence{Person: server.Person{Address: w[2], Name: w[3]}, Status: wire.Status(w[1]), ClientID: "0"})
		s.until(a.conn, "NLN", first)
	case w[0] == "FLN":
		s.me.Notifier().Presence(server.Presence{Person: server.Person{Address: w[1]}, Status: wire.Offline})
		s.until(a.conn, "FLN", first)
	case w[0] == "JOI":
		s.until(a.conn, "JOI", first)
	case w[0] == "MSG" && c.p.sb:
		f := s.friends[w[1]]
		f.Board().Deliver(server.Person{Address: w[1], Name: w[2]}, a.payload, func(error) {})
		s.until(a.conn, "MSG", first)
	case w[0] == "BYE":
		f := s.friends[w[1]]
		f.Board().Leave(f)
		s.until(a.conn, "BYE", first)
	}
}

// until reads and checks lines up to the one that is wanted.
func (s *session) until(name, what string, wanted func(words []string) bool) []string {
	s.t.Helper()
	c := s.conns[name]
	c.SetReadDeadline(time.Now().Add(patience))
	for {
		line, err := c.rd.ReadString('\n')
		if err != nil {
			s.t.Fatalf("%s: %s: waiting for the answer to %q: %q, %v", s.file, name, what, line, err)
		}
		raw, ok := strings.CutSuffix(line, "\r\n")
		if !ok {
			s.t.Fatalf("%s: %s: a line ends in %q", s.file, name, line)
		}
		w := strings.Split(raw, " ")
		var payload []byte
		if w[0] == "MSG" {
			n, _ := strconv.Atoi(w[len(w)-1])
			payload = make([]byte, max(n, 0))
			if _, err := io.ReadFull(c.rd, payload); err != nil {
				s.t.Fatalf("%s: %s: payload of %q: %v", s.file, name, raw, err)
			}
		}
		s.lines++
		if err := c.p.take(raw, payload); err != nil {
			s.t.Fatalf("%s: %s: %v", s.file, name, err)
		}
		s.synced = s.synced || c.p.synced
		s.talked = s.talked || c.p.sb && w[0] == "MSG"
		if wanted(w) {
			return w
		}
	}
}
