package main

import (
	"bytes"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge/config"
	"wtvgate/wtvp/sec"
)

// seat is a person who runs `wtvgate box` and types.
type seat struct {
	t    *testing.T
	keys *io.PipeWriter
	out  *lineWriter
	errs bytes.Buffer
	code chan int
}

// lineWriter hands on whole lines.
type lineWriter struct {
	mu    sync.Mutex
	part  []byte
	lines chan string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.part = append(w.part, p...)
	for {
		line, rest, ok := bytes.Cut(w.part, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		w.lines <- string(line)
		w.part = rest
	}
}

func sit(t *testing.T, args ...string) *seat {
	t.Helper()
	in, keys := io.Pipe()
	s := &seat{t: t, keys: keys, out: &lineWriter{lines: make(chan string, 1000)}, code: make(chan int, 1)}
	go func() { s.code <- run(append([]string{"box"}, args...), in, s.out, &s.errs) }()
	t.Cleanup(func() { keys.Close() })
	return s
}

// types types a line and sees what it leads to; nothing, if words is empty.
func (s *seat) types(line, words string) {
	s.t.Helper()
	if _, err := io.WriteString(s.keys, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
	if words != "" {
		s.sees(words)
	}
}

func (s *seat) sees(words string) {
	s.t.Helper()
	s.seesBut(words, "")
}

// seesBut is sees, with no line before that has never in it, unless that is empty.
func (s *seat) seesBut(words, never string) {
	s.t.Helper()
	late := time.After(10 * time.Second)
	var before []string
	for {
		select {
		case line := <-s.out.lines:
			if strings.Contains(line, words) {
				return
			}
			if never != "" && strings.Contains(line, never) {
				s.t.Errorf("%q before %q", line, words)
			}
			before = append(before, line)
		case <-late:
			s.t.Fatalf("no line with %q; there were\n%s", words, strings.Join(before, "\n"))
		}
	}
}

func (s *seat) ends(code int) {
	s.t.Helper()
	if got := <-s.code; got != code {
		s.t.Errorf("exit %d, want %d: %s", got, code, s.errs.String())
	}
}

// places are the flags for a gateway on free ports.
func places(g *gateway) []string {
	p := []string{"--messenger", g.messengerPort.Addr().String(), "--wtvp", g.wtvpPorts.passport.Addr().String(),
		"--passport-url", "http://" + g.nexusPort.Addr().String()}
	if g.cfg.WTVP.Mode == config.Standalone {
		p[3] = g.wtvpPorts.preregister.Addr().String()
		p = append(p, "--mode", "standalone")
	} else {
		p = append(p, "--key-file", "key")
	}
	return p
}

// newcomer is an empty folder with a home of its own, and the demo's key in a file.
func newcomer(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(t.TempDir(), "home"))
	t.Setenv("HOME", t.TempDir())
	key := sec.Key{1, 2, 3, 4, 5, 6, 7, 8}
	if err := os.WriteFile("key", []byte(key.Base64()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func firstBox(cfg *config.Config) { cfg.Accounts.Registration = config.FirstBox }

// TestBox: in both modes and with each firmware two boxes and the friend who
// repeats what she hears talk, with no more said than the address.
func TestBox(t *testing.T) {
	for name, mode := range map[string]func(*config.Config){"companion": func(*config.Config) {}, "standalone": standalone} {
		for firmware, dialect := range map[string]string{"viewer": "MSNP3", "2.8": "MSNP6", "8": "MSNP8"} {
			t.Run(name+" "+firmware, func(t *testing.T) {
				newcomer(t)
				g, _ := startWith(t, func(cfg *config.Config) {
					firstBox(cfg)
					mode(cfg)
				})
				at := append(places(g), "--firmware", firmware)
				bob := sit(t, append(at, "--account", "Bob@webtv.local")...)
				bob.sees("* signed in as Bob (bob@webtv.local), " + dialect + ": 1 friend; /list shows them, /help everything")
				bob.sees("* Helper is online")
				alice := sit(t, append(at, "--account", "alice@webtv.local")...)
				alice.sees("* signed in as Alice (alice@webtv.local), " + dialect)
				talkThrough(t, alice, bob)
				alice.types("/quit", "* signed out")
				alice.ends(exitOK)
				bob.keys.Close()
				bob.ends(exitOK)
			})
		}
	}
}

func talkThrough(t *testing.T, alice, bob *seat) {
	alice.types("/add Alice@webtv.local", "* that is you")
	alice.types("/add bob@webtv.local", "* Bob is on your list")
	bob.sees("* Alice (alice@webtv.local) has added you: /allow alice@webtv.local, /add alice@webtv.local or /block alice@webtv.local")
	bob.types("/add alice@webtv.local", "* Alice is on your list")
	bob.types("/list", "1 + Helper (helper@webtv.local): online")
	bob.sees("2 + Alice (alice@webtv.local): online")
	alice.types("/list", "1 + Helper (helper@webtv.local): online")
	alice.sees("2 + Bob (bob@webtv.local): online")
	alice.types("/open 2", "[1] -- conversation with Bob; what you type goes there --")
	alice.types("/typing", "")
	alice.types("caf\u00e9 \"1 < 2\"", "[1] You: caf\u00e9 \"1 < 2\"  (sent)")
	bob.sees("[1] -- Alice (alice@webtv.local) calls; what you type goes there --")
	bob.sees("[1] Alice is typing ...")
	bob.sees("[1] Alice: caf\u00e9 \"1 < 2\"")
	bob.types("/say /quit is a word", "[1] You: /quit is a word  (sent)")
	alice.sees("[1] Bob: /quit is a word")
	alice.types("/add "+demoFriend, "on your list")
	alice.types("/invite "+demoFriend, "[1] "+demoFriend+" is here")
	bob.sees("is here")
	bob.types("/hangup", "* hung up [1]")
	alice.sees("[1] Bob has left")
	alice.types("/open "+demoFriend, "conversation with "+demoFriend)
	alice.types("hello echo", "(sent)")
	alice.sees(": hello echo")
	alice.types("/drop", "* the line is gone: it was closed here. Signing in again in 2s; /reconnect does it at once")
	alice.types("/reconnect", "* signed in as Alice (alice@webtv.local), ")
	bob.types("/list", "") // a line that comes back soon was never gone
	bob.seesBut("2 + Alice (alice@webtv.local): online", "* Alice is ")
	alice.types("/block "+"bob@webtv.local", "* Bob is blocked; /unblock ends that")
	bob.sees("* Alice is offline")
	bob.types("/open 2", "* they are not online, or do not let you write (error 217)")
	alice.types("/list", "bob@webtv.local): online, blocked")
	alice.types("/unblock Bob", "* Bob may write to you")
	bob.sees("* Alice is online")
	alice.types("/hidden", "* you are hidden: others see you offline")
	bob.sees("* Alice is offline")
	alice.types("/online", "* you are online")
	alice.types("/im off", "* nobody can call you until /im on")
	alice.types("/im on", "* others can call you")
	alice.types("/rename alice@webtv.local Alice in Wonderland", "* the name is Alice in Wonderland (alice@webtv.local) now")
	alice.types("/remove bob@webtv.local", "* Bob is off your list")
	alice.types("/page", "    TV | == Messenger ==")
	alice.sees("You are Alice in Wonderland")
	alice.types("/page wtv-messenger:/contacts", "    TV | == Friends ==")
	alice.types("/go 1", "    TV | == Messenger ==")
	alice.types("/page wtv-messenger:/add", "TV | {1} Add this friend address= name=")
	alice.types("/form 1 address=nobody@webtv.local", "TV |")
	alice.types("/form 1 colour=red", "* that form has the fields address, name; fill in like FIELD=VALUE")
	alice.types("/page http://example.org/", "* http://example.org/ is not for this box")
	alice.types("/page wtv-cookie:/", "*")
	alice.types("/trace on", "* trace is on")
	alice.types("/away", "  box > CHG ")
	alice.types("/trace off", "* trace is off")
}

// TestBoxAndTheOperator: an account that is not this box's is told with the very
// command that makes it so.
func TestBoxAndTheOperator(t *testing.T) {
	for name, mode := range map[string]func(*config.Config){"companion": func(*config.Config) {}, "standalone": standalone} {
		t.Run(name, func(t *testing.T) {
			newcomer(t)
			g, _ := startWith(t, mode) // registration: closed
			play(t, []step{{"account add alice@webtv.local", "", 0, "added"}})
			at := places(g)
			code, out, errs := call("", append([]string{"box", "--account", "alice@webtv.local"}, at...)...)
			_, link, ok := strings.Cut(errs, "`wtvgate ")
			link, _, _ = strings.Cut(link, "`")
			if code != exitError || out != "" || !ok || !strings.HasPrefix(link, "account link-box alice@webtv.local --ssid 71") || strings.Count(errs, "\n") != 1 {
				t.Fatalf("exit %d, %q, %q", code, out, errs)
			}
			play(t, []step{{link, "", 0, "signs in as alice@webtv.local"}})
			if code, out, errs = call("/quit\n", append([]string{"box", "--account", "alice@webtv.local"}, at...)...); code != exitOK || errs != "" {
				t.Errorf("exit %d, %q, %q", code, out, errs)
			}
			if name == "companion" {
				other := sec.Key{9, 9, 9}
				if err := os.WriteFile("key", []byte(other.Base64()), 0o600); err != nil {
					t.Fatal(err)
				}
				code, _, errs = call("", append([]string{"box", "--account", "alice@webtv.local"}, at...)...)
				if code != exitError || !strings.Contains(errs, "Is the initial shared key (wtvp.initial_shared_key, --key-file) the running gateway's?") {
					t.Errorf("another key: exit %d, %q", code, errs)
				}
				return
			}
			_, ssid, _ := strings.Cut(link, "--ssid ")
			code, _, errs = call("", append([]string{"box", "--account", "bob@webtv.local", "--ssid", ssid, "--firmware", "2.8"}, at...)...)
			if code != exitError || !strings.Contains(errs, "`wtvgate account link-box bob@webtv.local --ssid "+ssid) {
				t.Errorf("another's box: exit %d, %q", code, errs)
			}
		})
	}
}

// TestBoxOfAnotherDomain: nobody gets an account that was not asked for.
func TestBoxOfAnotherDomain(t *testing.T) {
	for name, mode := range map[string]func(*config.Config){"companion": func(*config.Config) {}, "standalone": standalone} {
		t.Run(name, func(t *testing.T) {
			newcomer(t)
			g, _ := startWith(t, func(cfg *config.Config) {
				firstBox(cfg)
				mode(cfg)
			})
			for _, address := range []string{"alice@local", "alice@example.org"} {
				if code, out, errs := call("", append([]string{"box", "--account", address}, places(g)...)...); code != exitError || out != "" {
					t.Errorf("%s: exit %d, %q, %q", address, code, out, errs)
				}
			}
			play(t, []step{{"account list", "", 0, "no accounts yet"}})
		})
	}
}

// TestBoxAsPC: MD5 and Passport, with the password on the first line.
func TestBoxAsPC(t *testing.T) {
	newcomer(t)
	var nexus *url.URL // what passport.public_url stands for
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(nexus) }})
	defer front.Close()
	g, _ := startWith(t, func(cfg *config.Config) { cfg.Accounts.MD5Passwords, cfg.Passport.PublicURL = true, front.URL })
	nexus = &url.URL{Scheme: "http", Host: g.nexusPort.Addr().String()}
	const password = "100% s3cret, +&='"
	if code, _, errs := call(password+"\n", "account", "add", "alice@webtv.local", "--password-stdin"); code != exitOK {
		t.Fatal(errs)
	}
	for _, dialect := range []string{"MSNP2", "MSNP5", "MSNP7", "MSNP8"} {
		args := append([]string{"box", "--account", "alice@webtv.local", "--password-stdin", "--dialect", dialect, "--trace"}, places(g)...)
		code, out, errs := call(password+"\n/add "+demoFriend+"\n/busy\n/open "+demoFriend+"\nhi\n/wait : hi\n/page\n", args...)
		for _, want := range []string{dialect + ": ", "* you are busy", "[1] You: hi  (sent)", ": hi\n", "* PC clients have no pages", "* signed out"} {
			if code != exitOK || errs != "" || !strings.Contains(out, want) {
				t.Errorf("%s: exit %d, %q, no %q in\n%s", dialect, code, errs, want, out)
			}
		}
		if strings.Contains(out, "s3cret") {
			t.Error("the password is shown")
		}
		args = args[:len(args)-1]
		code, _, errs = call("wrong\n", append(args, args[len(args)-1])...)
		if code != exitError || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s with a wrong password: exit %d, %q", dialect, code, errs)
		}
	}
}

// TestBoxOutlivesTheGateway: it is told, and goes on with the next one.
func TestBoxOutlivesTheGateway(t *testing.T) {
	newcomer(t)
	var alice *seat
	var messenger, passport string
	t.Run("first", func(inner *testing.T) {
		g, _ := startWith(inner, firstBox)
		messenger, passport = g.messengerPort.Addr().String(), g.wtvpPorts.passport.Addr().String()
		alice = sit(t, append(places(g), "--account", "alice@webtv.local")...)
		alice.sees("signed in")
		alice.types("/add "+demoFriend, "on your list")
		alice.types("/open "+demoFriend, "conversation with")
	})
	alice.sees("* the line is gone: the gateway is being stopped. Signing in again in 2s; /reconnect does it at once")
	startWith(t, func(cfg *config.Config) {
		cfg.Messenger.Listen, cfg.WTVP.Passport.Listen = messenger, passport
	})
	alice.types("/reconnect", "* signed in as Alice (alice@webtv.local), MSNP8: 2 friends; /list shows them, /help everything")
	alice.types("still there?", "(sent)")
	alice.sees(": still there?")
	alice.types("/quit", "* signed out")
	alice.ends(exitOK)
}

// TestBoxUsage: wrong calls are told at once, and nothing is left behind.
func TestBoxUsage(t *testing.T) {
	newcomer(t)
	if err := os.Remove("key"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"", exitUsage, "box: --account is missing"},
		{"--account alice", exitUsage, "--account: "},
		{"--account a@webtv.local --as tv", exitUsage, "it can be box or pc"},
		{"--account a@webtv.local --firmware 9", exitUsage, "it can be viewer, 2.8 or 8"},
		{"--account a@webtv.local --dialect MSNP9", exitUsage, "it can be MSNP2 to MSNP8"},
		{"--account a@webtv.local --mode off", exitUsage, "it can be companion or standalone"},
		{"--account a@webtv.local x", exitUsage, "\"x\" is too much"},
		{"--account a@webtv.local", exitError, "wtvp.initial_shared_key is empty"},
		{"--account a@webtv.local --key-file none", exitError, "--key-file: "},
		{"--account a@webtv.local --password-stdin", exitError, "no password came"},
		{"--account a@webtv.local --mode standalone --wtvp 127.0.0.1:1", exitError, "127.0.0.1:1 cannot be reached (connect: connection refused). Does `wtvgate serve` run there?"},
	} {
		code, out, errs := call("", append([]string{"box"}, strings.Fields(c.args)...)...)
		if code != c.code || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, %q, %q", c.args, code, out, errs)
		}
	}
	if entries, _ := os.ReadDir("."); len(entries) != 0 {
		t.Errorf("%v was left behind", entries)
	}
}

// TestBoxPlaces: where the box goes without a word, by the configuration.
func TestBoxPlaces(t *testing.T) {
	for _, c := range []struct{ flag, server, listen, want string }{
		{"", "127.0.0.1", ":1863", "127.0.0.1:1863"},
		{"", "127.0.0.1", "0.0.0.0:1863", "127.0.0.1:1863"},
		{"", "127.0.0.1", "[::]:1863", "127.0.0.1:1863"},
		{"", "127.0.0.1", "192.0.2.7:1863", "192.0.2.7:1863"},
		{"", "gw.example", "127.0.0.1:1863", "gw.example:1863"},
		{"10.0.0.1:99", "gw.example", ":1863", "10.0.0.1:99"},
	} {
		f := boxFlags{server: c.server}
		if got := f.place(c.flag, c.listen); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestBoxSession holds a whole session to what it looks like.
func TestBoxSession(t *testing.T) {
	want, err := os.ReadFile("testdata/box.txt")
	if err != nil {
		t.Fatal(err)
	}
	newcomer(t)
	g, _ := startWith(t, firstBox)
	at := append([]string{"box", "--account", "alice@webtv.local"}, places(g)...)
	// So that the friend has the box on the list: when that is told, is not certain.
	call("/add "+demoFriend+"\n/open "+demoFriend+"\nx\n/wait : x\n/wait added\n/hangup\n", at...)
	var typed, shown strings.Builder
	for line := range strings.Lines(string(want)) {
		if in, ok := strings.CutPrefix(line, "$ "); ok {
			typed.WriteString(in)
		} else {
			shown.WriteString(line)
		}
	}
	code, out, errs := call(typed.String(), at...)
	if code != exitOK || errs != "" || out != shown.String() {
		t.Errorf("exit %d, %q\n%s\nwant\n%s", code, errs, out, shown.String())
	}
}
