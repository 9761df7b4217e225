package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"wtvgate/msnp/wire"
)

// line is one command or event of a connection.
type line struct {
	at     time.Time
	client bool
	text   string // of an event: [connected], [closed], or what could not be read
	cmd    wire.Command
}

// format is the line in the form of a recording, its payload behind it.
func (l line) format(conn string, at time.Duration, texts bool) []byte {
	side := "S"
	if l.client {
		side = "C"
	}
	head := fmt.Sprintf("%9.3f %s %s: ", at.Seconds(), conn, side)
	text := l.text
	if text == "" {
		b := wire.AppendLine(nil, l.cmd.Verb, wire.HideSecrets(l.cmd).Args...)
		text = strings.TrimSuffix(string(b), "\r\n")
	}
	out := []byte(head + text + "\n")
	if l.cmd.Payload == nil {
		return out
	}
	payload := l.cmd.Payload
	if !texts {
		payload = veil(l.cmd)
	}
	for row := range strings.SplitSeq(string(payload), "\r\n") {
		out = append(out, head+"| "+printable(row)+"\n"...)
	}
	return out
}

// printable keeps a row of a payload one row of the file.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7F {
			return '?'
		}
		return r
	}, s)
}

// tap is a connection that is listened to. Until a command says whose it is, its
// lines are held; if nobody records that account, they are forgotten and the tap
// does nothing more.
//
// mu guards all fields: the reader and the writer of the connection are two
// goroutines. It is held while a line is written to the file, never over the
// connection's own I/O.
type tap struct {
	net.Conn
	r *Recorder

	mu     sync.Mutex
	in     side
	out    side
	name   string
	file   *file // nil: not known yet
	off    bool
	held   []line
	closed bool
}

// side is one direction of a stream.
type side struct {
	client  bool
	payload wire.PayloadFunc
	buf     []byte
	need    int  // with fewer bytes in buf there is no whole command
	lost    bool // something came that is no command
}

func newTap(r *Recorder, nc net.Conn) *tap {
	t := &tap{Conn: nc, r: r, in: side{client: true, payload: wire.FromClient}, out: side{payload: wire.FromServer}}
	t.held = []line{{at: r.now(), client: true, text: "[connected]"}}
	return t
}

// SetKeepAliveConfig is the connection's own, if it has one.
func (t *tap) SetKeepAliveConfig(c net.KeepAliveConfig) error {
	if k, ok := t.Conn.(interface {
		SetKeepAliveConfig(net.KeepAliveConfig) error
	}); ok {
		return k.SetKeepAliveConfig(c)
	}
	return errors.ErrUnsupported
}

// SyscallConn is the connection's own, if it has one.
func (t *tap) SyscallConn() (syscall.RawConn, error) {
	if s, ok := t.Conn.(syscall.Conn); ok {
		return s.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// CloseWrite is the connection's own, if it has one.
func (t *tap) CloseWrite() error {
	if h, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Read reads from the client.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.hear(&t.in, p[:n])
	if errors.Is(err, io.EOF) {
		t.end(true)
	}
	return n, err
}

// Write writes to the client. It is noted first: the client's answer could be
// read, and noted, before the write returns.
func (t *tap) Write(p []byte) (int, error) {
	t.hear(&t.out, p)
	return t.Conn.Write(p)
}

// Close closes the connection.
func (t *tap) Close() error {
	t.end(false)
	return t.Conn.Close()
}

func (t *tap) end(client bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		t.add([]line{{at: t.r.now(), client: client, text: "[closed]"}})
	}
}

// hear takes what passed in one direction.
func (t *tap) hear(s *side, p []byte) {
	if len(p) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.off {
		return
	}
	lines := s.take(p)
	now := t.r.now()
	for i := range lines {
		lines[i].at = now
	}
	t.add(lines)
}

// add writes lines, or holds them. The caller holds mu.
func (t *tap) add(lines []line) {
	if t.off || len(lines) == 0 {
		return
	}
	if t.file == nil {
		t.held = append(t.held, lines...)
		if !t.identify(lines) {
			return
		}
		lines, t.held = t.held, nil
	}
	if !t.r.write(t.file, t.name, lines) {
		t.forget()
	}
}

// identify looks for the command that says whose connection it is; true: it is
// recorded. The caller holds mu.
func (t *tap) identify(lines []line) bool {
	for _, l := range lines {
		address, kind, ok := owner(l)
		if !ok {
			continue
		}
		if t.file, t.name = t.r.find(address, kind); t.file == nil {
			t.forget()
		}
		return t.file != nil
	}
	if len(t.held) > maxHeld {
		t.forget()
	}
	return false
}

func (t *tap) forget() {
	t.off, t.held, t.in.buf, t.out.buf = true, nil, nil, nil
}

// owner is the address in the commands that sign in: `USR t MD5|TWN I address`
// to the notification server (NS), `USR t address cookie` and `ANS t address ...`
// to a switchboard (SB).
func owner(l line) (address, kind string, ok bool) {
	c := l.cmd
	switch {
	case !l.client:
	case c.Verb == "USR" && c.Arg(2) == "I" && c.Arg(3) != "":
		return c.Arg(3), "NS", true
	case (c.Verb == "USR" || c.Verb == "ANS") && strings.Contains(c.Arg(1), "@"):
		return c.Arg(1), "SB", true
	}
	return "", "", false
}

// take adds bytes and gives the commands that are whole. What is no command is
// told once, by its length alone, and ends the reading of this direction.
func (s *side) take(p []byte) (lines []line) {
	if s.lost {
		return nil
	}
	s.buf = append(s.buf, p...)
	for len(s.buf) > 0 && len(s.buf) >= s.need {
		src := bytes.NewReader(s.buf)
		rd := wire.NewReader(src, s.payload)
		cmd, err := rd.Read()
		if err != nil {
			var pe *wire.ProtocolError
			if errors.As(err, &pe) {
				lines = append(lines, line{client: s.client, text: "[not a command: " + pe.Reason + ", " + strconv.Itoa(len(s.buf)) + " bytes]"})
				s.buf, s.lost = nil, true
			}
			s.need = s.missing()
			return lines
		}
		s.need = 0
		if s.buf = s.buf[len(s.buf)-src.Len()-rd.Buffered():]; len(s.buf) == 0 {
			s.buf = nil // an idle connection holds nothing
		}
		lines = append(lines, line{client: s.client, cmd: cmd})
	}
	return lines
}

// missing is how many bytes the command at the start of the buffer has with its
// payload, or one more than there are: a payload that trickles in is not parsed
// anew for each byte.
func (s *side) missing() int {
	head, _, ok := bytes.Cut(s.buf, []byte("\n"))
	words := strings.Fields(string(head))
	if ok && len(words) > 0 {
		if n, has, err := s.payload(words[0], words[1:]); has && err == nil {
			return len(head) + 1 + n
		}
	}
	return len(s.buf) + 1
}
