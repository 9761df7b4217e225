package wire

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// stream is what one side sent on one connection of a recorded session.
type stream struct {
	name   string
	server bool
	bytes  []byte
	want   []Command
}

var logLine = regexp.MustCompile(`^\s*[\d.]+ (\S+) ([CS]): (.*)$`)

// captureStreams rebuilds the byte streams of the recorded sessions, and the
// commands in them by other means than the Reader's.
func captureStreams(tb testing.TB) []*stream {
	tb.Helper()
	files, err := filepath.Glob("testdata/captures/*.log")
	if err != nil || len(files) != 4 {
		tb.Fatalf("recorded sessions: %v, %v", files, err)
	}
	var out []*stream
	for _, file := range files {
		out = append(out, fileStreams(tb, file)...)
	}
	return out
}

func fileStreams(tb testing.TB, file string) []*stream {
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var out []*stream
	open := map[string]*stream{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		m := logLine.FindStringSubmatch(lines.Text())
		if m == nil {
			tb.Fatalf("%s:%d: not a line of a log: %q", file, n, lines.Text())
		}
		key, text := m[1]+m[2], m[3]
		switch text {
		case "[connected]":
			for _, side := range []string{"C", "S"} {
				s := &stream{name: file + ":" + strconv.Itoa(n) + side, server: side == "S"}
				open[m[1]+side] = s
				out = append(out, s)
			}
			continue
		case "[closed]":
			delete(open, key)
			continue
		}
		open[key].add(text)
	}
	return out
}

func (s *stream) add(text string) {
	if body, ok := strings.CutPrefix(text, "| "); ok || text == "|" {
		last := &s.want[len(s.want)-1]
		if last.Payload != nil {
			s.bytes = append(s.bytes, "\r\n"...)
			last.Payload = append(last.Payload, "\r\n"...)
		}
		s.bytes = append(s.bytes, body...)
		last.Payload = append(last.Payload, body...)
		return
	}
	s.bytes = append(s.bytes, text+"\r\n"...)
	words := strings.Fields(text)
	c := Command{Verb: words[0]}
	if len(words) > 1 {
		c.Args = words[1:]
	}
	s.want = append(s.want, c)
}

func TestRecordedSessions(t *testing.T) {
	commands, payloads := 0, 0
	for _, s := range captureStreams(t) {
		p := FromClient
		if s.server {
			p = FromServer
		}
		for _, src := range []io.Reader{bytes.NewReader(s.bytes), iotest.OneByteReader(bytes.NewReader(s.bytes))} {
			got, err := readAll(src, p)
			if err != io.EOF {
				t.Fatalf("%s: %v", s.name, err)
			}
			if !reflect.DeepEqual(got, s.want) {
				t.Fatalf("%s:\n got %q\nwant %q", s.name, got, s.want)
			}
		}
		var again []byte
		for _, c := range s.want {
			commands++
			if c.Payload == nil {
				again = AppendLine(again, c.Verb, c.Args...)
				continue
			}
			payloads++
			if n := c.Args[len(c.Args)-1]; n != strconv.Itoa(len(c.Payload)) {
				t.Errorf("%s: %q has %d bytes", s.name, c, len(c.Payload))
			}
			again = AppendPayload(again, c.Payload, c.Verb, c.Args[:len(c.Args)-1]...)
		}
		// aMSN ends INF with a space; all else is written back as it was read.
		if want := bytes.Replace(s.bytes, []byte("INF 2 \r\n"), []byte("INF 2\r\n"), 1); !bytes.Equal(again, want) {
			t.Errorf("%s: written back as\n%s\nwant\n%s", s.name, again, want)
		}
	}
	if commands != 529 || payloads != 29 {
		t.Errorf("%d commands, %d with payload", commands, payloads)
	}
}

// Every payload of the recorded sessions has a head that is understood.
func TestRecordedMessages(t *testing.T) {
	kinds := map[Kind]int{}
	for _, s := range captureStreams(t) {
		for _, c := range s.want {
			if c.Payload == nil {
				continue
			}
			m := ParseMessage(c.Payload)
			kinds[m.Kind()]++
			if m.Header("mime-version") != "1.0" || m.MediaType() == "" {
				t.Errorf("%s: %q", s.name, c.Payload)
			}
			if m.Kind() == KindText && !strings.Contains(m.Text(), "-says-") {
				t.Errorf("%s: text %q", s.name, m.Text())
			}
			if m.MediaType() == TypeProfile && m.Header("LoginTime") == "" {
				t.Errorf("%s: profile %q", s.name, c.Payload)
			}
		}
	}
	if want := map[Kind]int{KindText: 16, KindTyping: 5, KindOther: 8}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("kinds %v, want %v", kinds, want)
	}
}

// A log must not hold what a client proved itself with.
func TestRecordedSessionsRedacted(t *testing.T) {
	for _, s := range captureStreams(t) {
		for _, c := range s.want {
			line := Redact(c)
			if strings.Contains(line, "-says-") || strings.Contains(line, "4567") {
				t.Errorf("%s: %s", s.name, line)
			}
			var secret string
			switch {
			case c.Verb == "USR" && c.Arg(2) == "S":
				secret = c.Arg(3)
			case c.Verb == "USR" && strings.Contains(c.Arg(1), "@"), c.Verb == "ANS" && c.Arg(1) != "OK":
				secret = c.Arg(2)
			case c.Verb == "XFR" && c.Arg(1) == "SB" && len(c.Args) > 2:
				secret = c.Arg(4)
			case c.Verb == "RNG":
				secret = c.Arg(3)
			default:
				continue
			}
			if secret == "" || strings.Contains(line, secret) || !strings.Contains(line, Withheld) {
				t.Errorf("%s: %q shows as %s", s.name, c, line)
			}
		}
	}
}
