package msnptest

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// stepTime is how long a transcript waits for one line; a server that has
// nothing to say for so long has failed.
const stepTime = 10 * time.Second

// Runner plays transcripts against a server.
//
// A transcript is a text file of lines `C1> text` (written to the server by
// connection 1) and `S1> text` (expected from it); the name between the letter
// and `>` may be anything or missing, `:` may stand for `>`. Lines that start
// with # and empty lines are skipped. A connection is dialled at its first line.
//
//   - in an expected line: any one word
//     {name}      there: any word, remembered; the same word when it comes again.
//     In a written line: the word remembered
//     {md5:a:pw}  in a written line: the MD5 answer to the challenge remembered as a
//     {len}       in a written line: the byte count of the payload that follows
//     "..."       a written line in quotes is sent as Go reads the literal, without a line end
//     [close]     written: the client closes the socket
//     [closed]    expected: the server closes the socket
//     [quiet]     expected: nothing; checked by a PNG that is answered first
//
// A payload follows its line indented by four spaces; each line ends with CR LF
// unless a | stands at its end; (empty) is an empty line, a lone * any payload.
//
// Connections stay open between calls and are closed when the test ends.
type Runner struct {
	Vars  map[string]string // words known beforehand; those remembered are added
	Chunk int               // bytes per write; 0: as written
	// Patience is how long one line or the end is waited for.
	Patience time.Duration

	t     testing.TB
	file  string
	dial  func() (net.Conn, error)
	conns map[string]*peer
}

// NewRunner plays against the server at addr.
func NewRunner(t testing.TB, addr string) *Runner {
	return NewRunnerOn(t, func() (net.Conn, error) { return net.Dial("tcp", addr) })
}

// NewRunnerOn plays against whatever dial reaches.
func NewRunnerOn(t testing.TB, dial func() (net.Conn, error)) *Runner {
	r := &Runner{Vars: make(map[string]string), Patience: stepTime, t: t, dial: dial, conns: make(map[string]*peer)}
	t.Cleanup(func() {
		for _, p := range r.conns {
			p.Close()
		}
	})
	return r
}

type peer struct {
	net.Conn
	r *bufio.Reader
}

// step is one line of a transcript with its payload.
type step struct {
	line    int
	client  bool
	name    string
	text    string
	payload []byte
	has     bool // a payload was given
	any     bool // the payload may be anything
}

var stepForm = regexp.MustCompile(`^([CS])(\w*)[>:] ?(.*)$`)

// Run plays a transcript file against the server at addr.
func Run(t testing.TB, addr, file string) {
	t.Helper()
	NewRunner(t, addr).File(file)
}

// File plays a transcript file.
func (r *Runner) File(file string) {
	r.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	r.play(file, string(text))
}

// Do plays lines of a transcript.
func (r *Runner) Do(text string) {
	r.t.Helper()
	r.play("transcript", text)
}

func (r *Runner) play(name, text string) {
	r.t.Helper()
	r.file = name
	for _, s := range r.parse(text) {
		if s.client {
			r.write(s)
		} else {
			r.expect(s)
		}
	}
}

// SignIn signs an account in on connection name and makes it present; the list
// of who is online then must be read by the caller. dialect is a name of VER.
func (r *Runner) SignIn(name, dialect, address, password string) {
	r.t.Helper()
	delete(r.Vars, "challenge") // each sign-in has one of its own
	delete(r.Vars, "twn")
	say := strings.NewReplacer("$N", name, "$D", dialect, "$A", address, "$P", password).Replace
	method := say("S$N> USR 2 MD5 S {challenge}\nC$N> USR 3 MD5 S {md5:challenge:$P}\n")
	ask := say("C$N> USR 2 MD5 I $A\n")
	if dialect == "MSNP8" {
		ask = say("C$N> USR 2 TWN I $A\n")
		method = say("S$N> USR 2 TWN S {twn}\nC$N> USR 3 TWN S t=$P&p=\n")
	}
	tail := map[string]string{"MSNP6": " 1", "MSNP7": " 1", "MSNP8": " 1 0"}[dialect]
	r.Do(say("C$N> VER 1 $D\nS$N> VER 1 $D\n") + ask + method +
		say("S$N> USR 3 OK $A *"+tail+"\nS$N> MSG Hotmail Hotmail *\n    *\nC$N> CHG 4 NLN\n"))
	if dialect == "MSNP8" {
		r.Do(say("S$N> CHG 4 NLN 0\n"))
	} else {
		r.Do(say("S$N> CHG 4 NLN\n"))
	}
}

// Board opens a switchboard connection named sb for the account that is signed
// in as name.
func (r *Runner) Board(sb, name, address string) {
	r.t.Helper()
	delete(r.Vars, sb+"cookie")
	say := strings.NewReplacer("$B", sb, "$N", name, "$A", address).Replace
	r.Do(say("C$N> XFR 90 SB\nS$N> XFR 90 SB * CKI {$Bcookie}\n" +
		"C$B> USR 1 $A {$Bcookie}\nS$B> USR 1 OK $A *\n"))
}

func (r *Runner) fail(line int, format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s:%d: "+format, append([]any{r.file, line}, args...)...)
}

func (r *Runner) parse(text string) []step {
	var steps []step
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		switch {
		case strings.TrimSpace(line) == "", strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "    "):
			if len(steps) == 0 {
				r.fail(i+1, "payload without a line")
			}
			steps[len(steps)-1].addPayload(line[4:])
		default:
			m := stepForm.FindStringSubmatch(line)
			if m == nil {
				r.fail(i+1, "not a transcript line: %q", line)
			}
			steps = append(steps, step{line: i + 1, client: m[1] == "C", name: m[2], text: m[3]})
		}
	}
	return steps
}

func (s *step) addPayload(line string) {
	s.has = true
	switch {
	case line == "*":
		s.any = true
	case line == "(empty)":
		s.payload = append(s.payload, "\r\n"...)
	case strings.HasSuffix(line, "|"):
		s.payload = append(s.payload, line[:len(line)-1]...)
	default:
		s.payload = append(s.payload, line+"\r\n"...)
	}
}

func (r *Runner) peer(s step) *peer {
	if p := r.conns[s.name]; p != nil {
		return p
	}
	c, err := r.dial()
	if err != nil {
		r.fail(s.line, "dial: %v", err)
	}
	p := &peer{c, bufio.NewReader(c)}
	r.conns[s.name] = p
	return p
}

var placeholder = regexp.MustCompile(`\{[^{}]+\}`)

// fill replaces what stands in braces in a written line.
func (r *Runner) fill(s step) string {
	return placeholder.ReplaceAllStringFunc(s.text, func(m string) string {
		name := m[1 : len(m)-1]
		if name == "len" {
			return strconv.Itoa(len(s.payload))
		}
		if f := strings.SplitN(name, ":", 3); len(f) == 3 && f[0] == "md5" {
			return MD5Answer(r.Vars[f[1]], f[2])
		}
		v, ok := r.Vars[name]
		if !ok {
			r.fail(s.line, "nothing remembered as %s", m)
		}
		return v
	})
}

// MD5Answer is what a client answers to a challenge (msnp.md 4.4).
func MD5Answer(challenge, password string) string {
	sum := md5.Sum([]byte(challenge + password))
	return hex.EncodeToString(sum[:])
}

func (r *Runner) write(s step) {
	p := r.peer(s)
	if s.text == "[close]" {
		p.Close()
		delete(r.conns, s.name)
		return
	}
	out := r.fill(s)
	if strings.HasPrefix(out, `"`) {
		raw, err := strconv.Unquote(out)
		if err != nil {
			r.fail(s.line, "bad literal: %v", err)
		}
		out = raw
	} else {
		out += "\r\n"
	}
	r.send(s, p, append([]byte(out), s.payload...))
}

func (r *Runner) send(s step, p *peer, b []byte) {
	p.SetWriteDeadline(time.Now().Add(r.Patience))
	for len(b) > 0 {
		n := len(b)
		if r.Chunk > 0 {
			n = min(n, r.Chunk)
		}
		if _, err := p.Write(b[:n]); err != nil {
			r.fail(s.line, "write: %v", err)
		}
		b = b[n:]
	}
}

func (r *Runner) expect(s step) {
	p := r.peer(s)
	p.SetReadDeadline(time.Now().Add(r.Patience))
	switch s.text {
	case "[closed]":
		r.expectEnd(s, p)
		return
	case "[quiet]":
		r.send(s, p, []byte("PNG\r\n"))
		s.text = "QNG"
	}
	line, err := p.r.ReadString('\n')
	if err != nil {
		r.fail(s.line, "want %q, got %q and %v", s.text, line, err)
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		r.fail(s.line, "line does not end in CR LF: %q", line)
	}
	r.match(s, text)
	got := strings.Split(text, " ")
	if got[0] == "MSG" {
		r.expectPayload(s, p, got[len(got)-1])
	} else if s.has {
		r.fail(s.line, "payload given for a line without one")
	}
}

func (r *Runner) expectEnd(s step, p *peer) {
	rest, err := io.ReadAll(p.r)
	var ne net.Error
	if len(rest) > 0 || errors.As(err, &ne) && ne.Timeout() {
		r.fail(s.line, "want the end, got %q and %v", rest, err)
	}
	p.Close()
	delete(r.conns, s.name)
}

// match compares word by word and remembers what is in braces.
func (r *Runner) match(s step, text string) {
	want, got := strings.Split(s.text, " "), strings.Split(text, " ")
	ok := len(want) == len(got)
	for i := 0; ok && i < len(want); i++ {
		w := want[i]
		if w == "*" {
			ok = got[i] != ""
			continue
		}
		if strings.HasPrefix(w, "{") && strings.HasSuffix(w, "}") {
			name := w[1 : len(w)-1]
			known, have := r.Vars[name]
			if !have {
				r.Vars[name] = got[i]
				continue
			}
			w = known
		}
		ok = w == got[i]
	}
	if !ok {
		r.fail(s.line, "%s:\nwant %q\n got %q", s.name, s.text, text)
	}
}

func (r *Runner) expectPayload(s step, p *peer, length string) {
	n, err := strconv.Atoi(length)
	if err != nil || n <= 0 {
		r.fail(s.line, "MSG with length %q", length)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p.r, b); err != nil {
		r.fail(s.line, "payload: %v", err)
	}
	if s.any {
		return
	}
	if string(b) != string(s.payload) {
		r.fail(s.line, "payload:\nwant %q\n got %q", s.payload, b)
	}
}
