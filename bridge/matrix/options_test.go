package matrix

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"maunium.net/go/mautrix/appservice"

	"wtvgate/bridge"
)

func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"encryption without a vault":       func(o *Options) { o.Encryption = "require" },
		"matrix.encryption: \"x\" is none": func(o *Options) { o.Encryption = "x" },
		"matrix.homeserver.url: ":          func(o *Options) { o.HomeserverURL = "hs.test" },
		"matrix.homeserver.domain: ":       func(o *Options) { o.Domain = "a b" },
		"matrix.ghost_prefix: ":            func(o *Options) { o.GhostPrefix = "WebTV_" },
		"matrix.bot: ":                     func(o *Options) { o.Bot = "" },
		"could be some account's ghost":    func(o *Options) { o.Bot = "webtv_bot" },
		"matrix.ghost_name: ":              func(o *Options) { o.GhostName = "{{.Nme}}" },
		"no database":                      func(o *Options) { o.DB = nil },
	} {
		o := newWorld(t).o
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %q", err, want)
		}
	}
	o := newWorld(t).o
	o.Encryption, o.Log = "off", nil
	if _, err := New(o); err != nil {
		t.Error(err)
	}
}

func TestGhostDisplayName(t *testing.T) {
	n := newNetwork(t)
	for in, want := range map[string]string{
		"Alice":                     "Alice (WebTV)",
		" A\u202e\x00l\n ice ":      "Al ice (WebTV)",
		strings.Repeat("Long ", 20): strings.TrimSpace(strings.Repeat("Long ", 13)[:64]),
	} {
		if got, err := n.render(bridge.Account{Address: "a@b", Name: in}); err != nil || got != want {
			t.Errorf("render(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	o := newWorld(t).o
	o.GhostName = "{{.Local}}{{/* nothing else */}}"
	n, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := n.render(bridge.Account{Address: "\x01@b", Name: "x"}); got != "\x01@b" {
		t.Errorf("an empty name is %q", got)
	}
}

func TestRegistration(t *testing.T) {
	o := Options{Domain: "example.org", URL: "http://127.0.0.1:29350", GhostPrefix: "webtv_", Bot: "webtvbot"}
	got, err := MakeRegistration(o)
	if err != nil {
		t.Fatal(err)
	}
	tokens := regexp.MustCompile(`(?m)^(as|hs)_token: [A-Za-z0-9]{64}$`)
	if len(tokens.FindAll(got, -1)) != 2 {
		t.Errorf("no two tokens of 64 characters in\n%s", got)
	}
	masked := regexp.MustCompile(`(?m)^(as_token|hs_token): .*$`).ReplaceAllFunc(got, func(b []byte) []byte {
		return []byte(string(b[:8]) + ": " + strings.ToUpper(string(b[:2])))
	})
	want, err := os.ReadFile("testdata/registration.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if string(masked) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", masked, want)
	}
	again, _ := MakeRegistration(o)
	if string(again) == string(got) {
		t.Error("the same tokens twice")
	}
	for _, bad := range []Options{{}, {Domain: "a", GhostPrefix: "b", Bot: "c"}} {
		if _, err := MakeRegistration(bad); err == nil {
			t.Errorf("a registration of %+v", bad)
		}
	}
}

func TestWriteRegistration(t *testing.T) {
	o := Options{Domain: "example.org", URL: "http://a:1", GhostPrefix: "webtv_", Bot: "webtvbot"}
	path := filepath.Join(t.TempDir(), "data", "registration.yaml")
	if err := WriteRegistration(o, path); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	first, err := appservice.LoadRegistration(path)
	if err != nil {
		t.Fatal(err)
	}
	o.URL, o.GhostPrefix, o.Bot = "http://b:2", "tv_", "tvbot"
	if err := WriteRegistration(o, path); err != nil {
		t.Fatal(err)
	}
	second, err := appservice.LoadRegistration(path)
	if err != nil {
		t.Fatal(err)
	}
	if second.AppToken != first.AppToken || second.ServerToken != first.ServerToken || second.ID != first.ID {
		t.Error("the tokens changed: the homeserver would not know us any more")
	}
	if second.URL != "http://b:2" || second.SenderLocalpart != "tvbot" || second.Namespaces.UserIDs[0].Regex != `^@tv_[a-z0-9._=/+-]+:example\.org$` {
		t.Errorf("not brought up to date: %+v", second)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteRegistration(o, path); err == nil || !strings.Contains(err.Error(), "move the file away") {
		t.Errorf("over a file that is no registration: %v", err)
	}
	if err := WriteRegistration(o, filepath.Join(path, "x")); err == nil {
		t.Error("written below a file")
	}
}

func TestRunNeedsRegistration(t *testing.T) {
	for want, change := range map[string]func(*world){
		"there is no":                        func(w *world) { os.Remove(w.o.Registration) },
		"no tokens":                          func(w *world) { os.WriteFile(w.o.Registration, []byte("id: x\n"), 0o600) },
		"mend the file":                      func(w *world) { os.WriteFile(w.o.Registration, []byte("\t{"), 0o600) },
		"does not reserve the ghosts":        func(w *world) { w.o.GhostPrefix = "tv_" },
		"such as @webtv_a:other.test":        func(w *world) { w.o.Domain = "other.test" },
		`matrix.bot is "tvbot"`:              func(w *world) { w.o.Bot = "tvbot" },
		`run "wtvgate matrix registration"`:  func(w *world) { w.o.Bot = "tvbot" },
		"matrix.appservice.listen: address ": func(w *world) { w.o.Listen = strings.TrimPrefix(w.hs.srv.URL, "http://") },
		"matrix.appservice.listen: listen":   func(w *world) { w.o.Listen = "nonsense" },
	} {
		w := newWorld(t)
		change(w)
		n, err := New(w.o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), testWait)
		err = n.Run(ctx, w.core)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Run: %v, want one line with %q", err, want)
		}
	}
}

func TestSchema(t *testing.T) {
	w := newWorld(t)
	for range 2 { // the second finds the tables
		if _, err := New(w.o); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.o.DB.Exec(`UPDATE matrix_version SET version = 99, compat = 99`); err != nil {
		t.Fatal(err)
	}
	if _, err := New(w.o); err == nil || !strings.Contains(err.Error(), "v99") {
		t.Errorf("a newer schema: %v", err)
	}
	var other int
	err := w.o.DB.QueryRow(`SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'matrix\_%' ESCAPE '\' AND name NOT LIKE 'sqlite%'`).Scan(&other)
	if err != nil || other != 0 {
		t.Errorf("%d tables without our prefix, %v", other, err)
	}
}
