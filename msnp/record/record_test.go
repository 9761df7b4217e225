package record

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// recorded is a server whose connections a recorder may tap, with Zoe, who has
// Hans on her lists.
func recorded(t *testing.T) (*Recorder, *msnptest.Server) {
	t.Helper()
	r := New(filepath.Join(t.TempDir(), "wire"), slog.New(slog.DiscardHandler))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := msnptest.StartOn(t, server.Options{}, r.Listener(ln))
	people(s, "zoe.miller@isp.example", "Zoe Miller", "s3cret!", "hans@isp.example", "Hans")
	return r, s
}

func people(s *msnptest.Server, me, myName, password, friend, friendName string) *msnptest.Friend {
	a := s.Backend.Add(me, myName, password)
	a.List(friend, friendName, wire.Forward, wire.Allow, wire.Reverse)
	return s.Backend.AddFriend(friend, friendName)
}

// text is what Zoe writes; none of its words may be seen.
const text = "Grüße from Zürich, PIN 4711"

// chat signs Zoe in and has her write to Hans.
func chat(r *msnptest.Runner, dialect string) {
	r.SignIn("A", dialect, "zoe.miller@isp.example", "s3cret!")
	r.Do("SA> ILN 4 NLN hans@isp.example Hans\n")
	r.Board("B", "A", "zoe.miller@isp.example")
	r.Do("CB> CAL 2 hans@isp.example\nSB> CAL 2 RINGING *\nSB> JOI hans@isp.example Hans\n" +
		"CB> MSG 3 A {len}\n    MIME-Version: 1.0\n    Content-Type: text/plain; charset=UTF-8\n    (empty)\n    " + text + "|\nSB> ACK 3\n" +
		"CB> CAL 4 nobody@isp.example\nSB> 217 4\n" +
		"CA> PRP 5 PHH 555-1234\nSA> PRP 5 2 PHH 555-1234\n" +
		"CB> OUT\nSB> [closed]\nCA> OUT\nSA> [closed]\n")
}

func TestRecordingIsPlayedAgain(t *testing.T) {
	for _, dialect := range []string{"MSNP5", "MSNP7"} {
		t.Run(dialect, func(t *testing.T) {
			r, s := recorded(t)
			st, err := r.Start("Zoe.Miller@isp.example", Options{For: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			run := s.Runner(t)
			chat(run, dialect)
			if _, err := r.Stop("zoe.miller@isp.example"); err != nil {
				t.Fatal(err)
			}
			rec, err := os.ReadFile(st.File)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{run.Vars["Bcookie"], run.Vars["challenge"], msnptest.MD5Answer(run.Vars["challenge"], "s3cret!"),
				"s3cret!", "Zürich", "PIN", "4711", "555-1234"} {
				if secret == "" || bytes.Contains(rec, []byte(secret)) {
					t.Errorf("%q is in the recording:\n%s", secret, rec)
				}
			}
			var script bytes.Buffer
			if err := Transcript(&script, bytes.NewReader(rec)); err != nil {
				t.Fatal(err)
			}
			for _, person := range []string{"oe", "iller", "ans@", "Hans", "isp.example"} {
				if strings.Contains(script.String(), person) {
					t.Errorf("%q is in the transcript:\n%s", person, &script)
				}
			}
			fresh := msnptest.Start(t, server.Options{})
			bob := people(fresh, "alice@example.net", "Alice", Password, "bob@example.net", "Bob")
			fresh.Runner(t).Do(script.String())
			for e := range bob.Events() {
				if e.Kind == "text" {
					if e.Text != "xxëëx xxxx xëxxxx, xxx 0000" {
						t.Errorf("Bob has %q after\n%s", e.Text, &script)
					}
					break
				}
			}
		})
	}
}

func TestTextsIfAskedFor(t *testing.T) {
	r, s := recorded(t)
	st, err := r.Start("zoe.miller@isp.example", Options{For: time.Minute, Texts: true})
	if err != nil {
		t.Fatal(err)
	}
	chat(s.Runner(t), "MSNP7")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := os.ReadFile(st.File)
	if err != nil || !bytes.Contains(rec, []byte("SB1 C: | "+text+"\n")) {
		t.Errorf("%v in\n%s", err, rec)
	}
	if len(r.Recordings()) != 0 {
		t.Errorf("after the end: %+v", r.Recordings())
	}
}

// TestOthersAreNotRecorded: who is not asked for leaves no trace, whether they
// sign in, never say who they are, or say no command at all.
func TestOthersAreNotRecorded(t *testing.T) {
	r, s := recorded(t)
	st, err := r.Start("hans@isp.example", Options{For: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	chat(s.Runner(t), "MSNP7")
	run := s.Runner(t)
	run.Do("CX> VER 1 MSNP7\nSX> VER 1 MSNP7\n" + strings.Repeat("CX> INF 2\nSX> INF 2 MD5\n", maxHeld))
	run.Do("CX> [close]\nCY> \"\\x01\\x02\\r\\n\"\nSY> [closed]\n")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if rec, err := os.ReadFile(st.File); err != nil || len(rec) != 0 {
		t.Errorf("%v, recorded:\n%s", err, rec)
	}
}

func TestRefusals(t *testing.T) {
	r := New(filepath.Join(t.TempDir(), "wire"), slog.New(slog.DiscardHandler))
	for i := range MaxRecordings {
		if _, err := r.Start(string(rune('a'+i))+"/../x@webtv.local", Options{For: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Start("A/../x@webtv.local", Options{For: time.Hour}); !errors.Is(err, ErrRecording) {
		t.Errorf("twice: %v", err)
	}
	if _, err := r.Start("z@webtv.local", Options{For: time.Hour}); !errors.Is(err, ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := r.Stop("z@webtv.local"); !errors.Is(err, ErrNotRecording) {
		t.Errorf("none: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	for _, d := range []time.Duration{0, -1, MaxTime + 1} {
		if _, err := r.Start("z@webtv.local", Options{For: d}); err == nil {
			t.Errorf("%v was taken", d)
		}
	}
	files, err := filepath.Glob(filepath.Join(r.dir, "*.log"))
	if err != nil || len(files) != MaxRecordings {
		t.Errorf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
}

func TestRecordingEndsByItself(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := New(dir, slog.New(slog.DiscardHandler))
		if _, err := r.Start("zoe@webtv.local", Options{For: time.Hour}); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour - 1)
		if len(r.Recordings()) != 1 {
			t.Error("over too early")
		}
		<-time.After(2)
		synctest.Wait()
		if len(r.Recordings()) != 0 || r.on.Load() != 0 {
			t.Error("goes on")
		}
	})
}

func TestFullFileEndsTheRecording(t *testing.T) {
	r := New(t.TempDir(), slog.New(slog.DiscardHandler))
	st, err := r.Start("zoe@webtv.local", Options{For: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	r.max = 1 << 16
	near, far := net.Pipe()
	defer far.Close()
	tp := newTap(r, near)
	tp.hear(&tp.in, []byte("USR 1 MD5 I zoe@webtv.local\r\n"))
	pings := []byte(strings.Repeat("PNG\r\n", 2000))
	for range int(r.max) / len(pings) {
		tp.hear(&tp.in, pings)
	}
	tp.Close()
	info, err := os.Stat(st.File)
	if err != nil || info.Size() < r.max || info.Size() > r.max+1<<16 {
		t.Errorf("%v, %v", info, err)
	}
	if len(r.Recordings()) != 0 || !tp.off {
		t.Error("it goes on")
	}
	b, err := os.ReadFile(st.File)
	if err != nil || !bytes.HasSuffix(b, []byte("# the file is full\n")) {
		t.Errorf("%v, ends in %q", err, b[max(0, len(b)-80):])
	}
	if err := Transcript(new(bytes.Buffer), bytes.NewReader(b)); err != nil {
		t.Errorf("cannot be read again: %v", err)
	}
}

// TestStopWhileLinesCome: an operator ends a recording of a client that talks; the
// race detector watches.
func TestStopWhileLinesCome(t *testing.T) {
	r := New(t.TempDir(), slog.New(slog.DiscardHandler))
	if _, err := r.Start("zoe@webtv.local", Options{For: time.Hour}); err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	defer far.Close()
	tp := newTap(r, near)
	tp.hear(&tp.in, []byte("USR 1 MD5 I zoe@webtv.local\r\n"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !tp.off {
			tp.hear(&tp.in, []byte("PNG\r\n"))
		}
	}()
	st, err := r.Stop("zoe@webtv.local")
	<-done
	if err != nil || st.Bytes == 0 || len(r.Recordings()) != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}
