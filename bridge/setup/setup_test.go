package setup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wtvgate/bridge/config"
)

func TestExampleIsTheExample(t *testing.T) {
	want, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != example {
		t.Error("bridge/setup/example.yaml is another: cp config.example.yaml bridge/setup/example.yaml")
	}
}

func TestSetKeepsTheRest(t *testing.T) {
	const text = "# head\na: old   # why\nb:\n  c: \"x # y\"   # list\n  d: [1, 2]\n"
	got, err := set(text, map[string]any{"a": `say "hi"`, "b.d": true})
	want := "# head\na: \"say \\\"hi\\\"\" # why\nb:\n  c: \"x # y\"   # list\n  d: true\n"
	if err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := set(text, map[string]any{"b.x": 1}); err == nil {
		t.Error("a key that is not there was set")
	}
	if _, err := set("a: [", nil); err == nil {
		t.Error("no YAML was read")
	}
}

// TestEveryValueStaysWhatItIs: each key that answers set can be set in the
// example, and is read back.
func TestEveryValueStaysWhatItIs(t *testing.T) {
	dir := t.TempDir()
	a := Answers{Domain: "tv.example", Registration: "first-box", Mode: "off", SharedKey: "AAECAwQFBgc=", Advertise: "192.0.2.9",
		Homeserver: "http://10.0.0.1:8008", ServerName: "hs.example", Appservice: "http://10.0.0.2:29350", DiscordToken: "MTAx.Bot.Token-0123456789"}
	m, err := Write(t.Context(), dir, a)
	if err != nil {
		t.Fatal(err)
	}
	c := m.Config
	data := filepath.Join(dir, "data")
	if c.Accounts.Domain != "tv.example" || c.Accounts.Registration != config.FirstBox || c.WTVP.Mode != config.WTVPOff ||
		string(c.WTVP.InitialSharedKey) != "\x00\x01\x02\x03\x04\x05\x06\x07" || c.Messenger.Advertise != "192.0.2.9:1863" ||
		c.WTVP.Advertise != "192.0.2.9" || !c.Matrix.Enabled || c.Matrix.Homeserver != (config.Homeserver{URL: a.Homeserver, Domain: "hs.example"}) ||
		c.Matrix.Appservice != (config.Appservice{Listen: ":29350", URL: a.Appservice, Registration: filepath.Join(data, "registration.yaml")}) ||
		!c.Discord.Enabled || string(c.Discord.Token) != a.DiscordToken || c.DataDir != data || m.NewKey {
		t.Errorf("%+v", c)
	}
	again, err := config.Load(m.File, nil)
	if err != nil || again.Matrix.Homeserver != c.Matrix.Homeserver {
		t.Errorf("read again: %v", err)
	}
	for file, want := range map[string]fs.FileMode{m.File: 0o600, data: 0o700, filepath.Join(data, "secret.key"): 0o600, filepath.Join(data, "gateway.db"): 0o600, filepath.Join(data, "discord.token"): 0o600} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want %v", file, err, want)
		}
	}
	text, err := os.ReadFile(m.File)
	if strings.Contains(string(text), a.DiscordToken) {
		t.Error("the token stands in the configuration")
	}
	if err != nil || strings.Count(string(text), "#") != strings.Count(example, "#") {
		t.Errorf("comments were lost: %v", err)
	}
	before := string(text)
	if _, err := Write(t.Context(), dir, Defaults()); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("again: %v", err)
	}
	if text, err := os.ReadFile(m.File); err != nil || string(text) != before {
		t.Error("the file was overwritten")
	}
}

func TestDefaultsMakeAKey(t *testing.T) {
	t.Chdir(t.TempDir())
	a, err := Write(t.Context(), ".", Defaults())
	if err != nil || !a.NewKey || a.Config.DataDir != "data" || len(a.Config.WTVP.InitialSharedKey) != 8 || a.Config.Matrix.Enabled {
		t.Errorf("%+v, %v", a, err)
	}
	b, err := Write(t.Context(), "other", Defaults())
	if err != nil || string(a.Config.WTVP.InitialSharedKey) == string(b.Config.WTVP.InitialSharedKey) {
		t.Errorf("the same key twice: %v", err)
	}
}

func TestBadAnswersMakeNothing(t *testing.T) {
	dir := t.TempDir()
	a := Defaults()
	a.Domain, a.SharedKey, a.Advertise, a.DiscordToken = "no domain", "short", "::1", "MTAx.Bot.Token-0123456789"
	_, err := Write(t.Context(), dir, a)
	var e *config.Error
	if !errors.As(err, &e) || len(e.Faults) < 3 || strings.Contains(err.Error(), "short") || strings.Contains(err.Error(), " line ") {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestTokenFileOfDiscord: one that is there is named by its full path, one that
// is not is refused by its key.
func TestTokenFileOfDiscord(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("bot", []byte("MTAx.Bot.Token-0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := Defaults()
	a.TokenFile = "bot"
	m, err := Write(t.Context(), "one", a)
	if err != nil || !m.Config.Discord.Enabled || !filepath.IsAbs(m.Config.Discord.TokenFile) || string(m.Config.Discord.Token) != "MTAx.Bot.Token-0123456789" {
		t.Errorf("%+v, %v", m.Config.Discord, err)
	}
	a.TokenFile = "none"
	if _, err := Write(t.Context(), "two", a); err == nil || !strings.Contains(err.Error(), "discord.token_file") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestAsk(t *testing.T) {
	var out bytes.Buffer
	a, err := Ask(strings.NewReader("tv.example\n\nAAECAwQFBgc=\n192.0.2.9\nperhaps\nf\ny\nhttp://10.0.0.1:8008\nhs.example\n\ny\nBot.Token\n"), &out, Defaults())
	want := Answers{Domain: "tv.example", Registration: "first-box", Mode: "companion", SharedKey: "AAECAwQFBgc=", Advertise: "192.0.2.9",
		Homeserver: "http://10.0.0.1:8008", ServerName: "hs.example", Appservice: "http://192.0.2.9:29350", DiscordToken: "Bot.Token"}
	if err != nil || a != want {
		t.Errorf("%+v, %v", a, err)
	}
	if !strings.Contains(out.String(), "One of: closed, first-box.") {
		t.Errorf("a wrong choice was taken: %s", out.String())
	}
	if a, err := Ask(strings.NewReader("\n\n\n\n\n\n\n"), &out, Defaults()); err != nil || a != Defaults() {
		t.Errorf("all defaults: %+v, %v", a, err)
	}
	if _, err := Ask(strings.NewReader("tv.example\n"), &out, Defaults()); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("the end of input: %v", err)
	}
	if _, err := Ask(strings.NewReader(strings.Repeat("x", 2*maxAnswer)), &out, Defaults()); err == nil {
		t.Error("an endless answer was read")
	}
}
