package simbox

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                  "plain",
		"caf\u00e9 \U0001f600":   "caf\u00e9 \U0001f600",
		"a\r\nb\n":               "a / b",
		"a\tb\u00a0c":            "a b c",
		"\x1b[31m\x00\x7f\u009c": "?[31m???",
		"\xff\xfeA":              "??A",
		"a\u202eb\u2066c\u200dd": "abcd",
		"\u2028x":                "?x",
		"1234567890abc":          "1234567890...",
	} {
		if got := Clean(in, 10); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"plain", evil, "\xff\x1b", strings.Repeat("\n", 30)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		const limit = 20
		got := Clean(s, limit)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit*len(newline)+3 {
			t.Errorf("%q is broken or too long", got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q has %U", got, r)
			}
		}
	})
}

const testPage = `<html><head><title>Friends</title><script>var a="<p>no</p>"</script></head><body>
<table><tr><td><a href="/contact?a=1">Bob</a></td><td>online</td></tr><tr><td>&nbsp;</td></tr></table>
<form method="POST" action="wtv-messenger:/edit"><input type=hidden name=token value=abc>
<input name="address" value="x@y"><input type=checkbox name=all value=1><input type=radio name=mode value=open><input type=radio name=mode value=closed checked>
<input type="submit" value="Add"></form><p>One<br>two ` + "\x1b" + `</p><a href="help">Help</a></body></html>`

func TestReadPage(t *testing.T) {
	p, err := readPage("wtv-messenger:/friends/all?page=2", []byte(testPage))
	if err != nil {
		t.Fatal(err)
	}
	want := "== Friends ==\nBob [1] online\n{1} Add address=x@y all= mode=closed\nOne\ntwo ?\nHelp [2]"
	if got := strings.Join(p.lines, "\n"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for i, want := range []string{"wtv-messenger:/contact?a=1", "wtv-messenger:/friends/help"} {
		if got := p.resolve(p.links[i]); got != want {
			t.Errorf("%s: %s, want %s", p.links[i], got, want)
		}
	}
	if f := p.forms[0]; !f.post || f.action != "wtv-messenger:/edit" || f.values.Encode() != "address=x%40y&mode=closed&token=abc" {
		t.Errorf("%+v", f)
	}
	if _, err := readPage("wtv-messenger:/", make([]byte, maxPage+1)); err == nil {
		t.Error("a page of any length is read")
	}
}

func FuzzReadPage(f *testing.F) {
	f.Add([]byte(testPage))
	f.Add([]byte("<form><form></form></form><a href=:>x</a>"))
	f.Add([]byte(strings.Repeat("<b>", 300)))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := readPage("wtv-messenger:/", body)
		if err != nil {
			return
		}
		if len(p.lines) > maxParts || len(p.links) > maxParts || len(p.forms) > maxParts {
			t.Errorf("%d lines, %d links, %d forms", len(p.lines), len(p.links), len(p.forms))
		}
		for _, l := range p.lines {
			if strings.ContainsFunc(l, unicode.IsControl) {
				t.Errorf("%q", l)
			}
		}
		for _, l := range p.links {
			p.resolve(l)
		}
	})
}

// TestSSID: it looks like an emulated box's, stays the same, and differs from
// account to account and from place to place, also when two make the seed at once.
func TestSSID(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	var got [8]string
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			s, err := SSID(dir, "alice@webtv.local")
			if err != nil {
				t.Error(err)
			}
			got[i] = s
		})
	}
	wg.Wait()
	for _, s := range got {
		if b, err := hex.DecodeString(s); s != got[0] || err != nil || len(b) != serialSize || b[0] != family || crc8(b[:7]) != b[7] {
			t.Errorf("%s beside %s", s, got[0])
		}
	}
	bob, err := SSID(dir, "bob@webtv.local")
	if err != nil || bob == got[0] {
		t.Errorf("%s, %v", bob, err)
	}
	if other, err := SSID(t.TempDir(), "alice@webtv.local"); err != nil || other == got[0] {
		t.Errorf("%s, %v", other, err)
	}
	if info, err := os.Stat(filepath.Join(dir, seedFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	if err := os.WriteFile(filepath.Join(dir, seedFile), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := SSID(dir, "alice@webtv.local"); err == nil || !strings.Contains(err.Error(), "is damaged; remove it") {
		t.Errorf("%v", err)
	}
	// wtvp.md 3.1
	if got := crc8([]byte{0x81, 0xa7, 0xb5, 0x00, 0x70, 0xb0, 0x02}); got != 0xbf {
		t.Errorf("CRC %x", got)
	}
}

// TestIncomingLinesDoNotTearTheInput: what is being typed stands below, whole,
// after each line that comes in.
func TestIncomingLinesDoNotTearTheInput(t *testing.T) {
	in, keys := io.Pipe()
	shown := &buffer{change: make(chan struct{}, 1000)}
	s := NewScreen(in, shown)
	s.terminal = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, shown}, prompt)
	s.out = s.terminal
	interrupted := make(chan struct{})
	lines := s.Lines(t.Context(), func() { close(interrupted) })
	type2 := func(text string) {
		if _, err := io.WriteString(keys, text); err != nil {
			t.Fatal(err)
		}
	}
	type2("hel")
	shown.until("> hel")
	s.Line("[1] Bob: hi")
	// The line is taken away, Bob's is shown, and what was typed stands again.
	shown.until("\x1b[5D\x1b[K[1] Bob: hi\r\n> hel")
	type2("lo\r")
	if got := <-lines; got.text != "hello" {
		t.Errorf("%+v", got)
	}
	type2("\x03") // Ctrl-C
	<-interrupted
	if _, more := <-lines; more {
		t.Error("there is more after Ctrl-C")
	}
}

// buffer is what was written, with a way to wait for it.
type buffer struct {
	mu     sync.Mutex
	b      bytes.Buffer
	change chan struct{}
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.change <- struct{}{}
	return b.b.Write(p)
}

// until waits for an end; the test's own time limit is its limit.
func (b *buffer) until(end string) {
	for range b.change {
		b.mu.Lock()
		done := strings.HasSuffix(b.b.String(), end)
		b.mu.Unlock()
		if done {
			return
		}
	}
}

func TestReadingAPipe(t *testing.T) {
	long := strings.Repeat("x", maxLine+10)
	s := NewScreen(strings.NewReader("secret\r\none\n"+long+"\n\ntwo"), io.Discard)
	if p, err := s.Password("?"); p != "secret" || err != nil {
		t.Errorf("%q, %v", p, err)
	}
	var got []typed
	for l := range s.Lines(t.Context(), func() { t.Error("a pipe was interrupted") }) {
		got = append(got, l)
	}
	want := []typed{{text: "one"}, {long: true}, {}, {text: "two"}}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	if _, err := NewScreen(strings.NewReader("\n"), io.Discard).Password("?"); err == nil {
		t.Error("an empty password was taken")
	}
}
