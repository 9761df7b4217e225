package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/config"
	"wtvgate/bridge/loopback"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
	"wtvgate/wtvp/sec"
)

// call runs the program in the test's folder.
func call(stdin string, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(args, strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

func TestWrongUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{"foo"}, {"--bar"}, {"serve", "x"}, {"account"}, {"account", "foo"}, {"account", "add"}, {"account", "add", "a@b", "c"},
		{"account", "password", "a@webtv.local"}, {"account", "link-box", "a@webtv.local"}, {"account", "link-box", "a@webtv.local", "--user-id", "x"}, {"account", "set", "a@webtv.local", "emoji"},
		{"contact", "add", "a@webtv.local"}, {"matrix"}, {"demo", "x"}, {"version", "x"}, {"doctor", "x"}, {"init", "x"}, {"init", "--matrix-url", "http://x"}, {"session"}, {"session", "kick"}, {"notice"},
		{"trace"}, {"backup"}, {"backup", "a", "b"},
	} {
		if code, out, errs := call("", args...); code != exitUsage || out != "" || !strings.HasPrefix(errs, "wtvgate: ") {
			t.Errorf("%v: exit %d, %q, %q", args, code, out, errs)
		}
	}
	if entries, _ := os.ReadDir("."); len(entries) != 0 {
		t.Errorf("wrong usage left %v behind", entries)
	}
}

func TestHelpOfEveryVerb(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"serve", "--help"}, {"demo", "--help"}, {"account", "--help"}, {"account", "add", "--help"}, {"account", "set", "--help"},
		{"contact", "--help"}, {"contact", "add", "--help"}, {"matrix", "registration", "--help"}, {"version", "--help"},
		{"init", "--help"}, {"doctor", "--help"}, {"session", "--help"}, {"session", "kick", "--help"}, {"notice", "--help"}, {"trace", "--help"}, {"backup", "--help"}} {
		if code, out, errs := call("", args...); code != exitOK || out == "" || errs != "" {
			t.Errorf("%v: exit %d, %q", args, code, errs)
		}
	}
}

// script is a list of calls with what they must print.
type step struct {
	args  string
	stdin string
	code  int
	want  string // part of what is printed, on either stream
}

func play(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		code, out, errs := call(s.stdin, strings.Fields(s.args)...)
		if code != s.code || !strings.Contains(out+errs, s.want) {
			t.Errorf("%s: exit %d, printed %q; want exit %d, %q", s.args, code, out+errs, s.code, s.want)
		}
		if code == exitError && strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: the error is not one line: %q", s.args, errs)
		}
	}
}

func lifecycle() []step {
	return []step{
		{"account list", "", 0, "no accounts yet"},
		{"account show alice@webtv.local", "", 1, "there is no account alice@webtv.local"},
		{"account add Alice@webtv.local --name Al", "", 0, "added alice@webtv.local"},
		{"account add alice@webtv.local", "", 1, "exists already"},
		{"account add alice@example.org", "", 1, "must end in @webtv.local"},
		{"account add alice", "", 1, "must look like name@domain"},
		{"account add carol@webtv.local --password-stdin", "hunter22\n", 0, "added"},
		{"account add dora@webtv.local --password-stdin", "", 1, "no password"},
		{"account add helper@webtv.local", "", 1, "helper@webtv.local: this address is the gateway's own; choose another"},
		{"account password alice@webtv.local --password-stdin", "s3cret\n", 0, "password of alice@webtv.local set"},
		{"account password nobody@webtv.local --password-stdin", "s3cret\n", 1, "there is no account"},
		{"account link-box alice@webtv.local --ssid 8100000000B0024D", "", 0, "box 8100000000b0024d (user 0) signs in as alice@webtv.local"},
		{"account link-box carol@webtv.local --ssid 8100000000b0024d", "", 1,
			"wtvgate: box 8100000000b0024d user 0 is linked to alice@webtv.local; `wtvgate account unlink-box alice@webtv.local` takes the boxes off it\n"},
		{"account link-box carol@webtv.local --ssid 81-00", "", 1, "a box's SSID has letters and digits only"},
		{"account link-box carol@webtv.local --ssid 8100 --user-id 100", "", 1, "a box's user is a number from 0 to 99"},
		{"account link-box nobody@webtv.local --ssid 8100", "", 1, "there is no account"},
		{"account link-box carol@webtv.local --ssid 8100000000b0024d --user-id 1", "", 0, "user 1"},
		{"account show alice@webtv.local", "", 0, "8100000000b0024d user 0"},
		{"account list", "", 0, "alice@webtv.local  Al     1      yes"},
		{"account set alice@webtv.local emoji dropped", "", 0, "emoji of alice@webtv.local is dropped"},
		{"account set alice@webtv.local lines 9", "", 0, "lines of alice@webtv.local is 9"},
		{"account set alice@webtv.local lines many", "", 1, `lines: "many" is not allowed; allowed: auto | 1 to 500 | all`},
		{"account set alice@webtv.local colour red", "", 1, `there is no setting "colour"; there are emoji, links, edits, reactions, lines, piece`},
		{"account set nobody@webtv.local lines 9", "", 1, "there is no account"},
		{"account show alice@webtv.local", "", 0, "emoji               dropped"},
		{"account show alice@webtv.local", "", 0, "lines               9"},
		{"account show alice@webtv.local", "", 0, "reactions           on"},
		{"contact add alice@webtv.local carol@webtv.local", "", 0, "is on FL,AL"},
		{"contact add alice@webtv.local carol@webtv.local", "", 1, "already"},
		{"contact add alice@webtv.local carol@webtv.local --lists BL", "", 1, "opposite list"},
		{"contact add alice@webtv.local carol@webtv.local --lists RL", "", 1, "allowed: FL"},
		{"contact add alice@webtv.local carol@webtv.local --lists AL,BL", "", 1, "exclude each other"},
		{"contact add alice@webtv.local bob@nowhere.example", "", 1, "no network that is switched on"},
		{"contact add alice@webtv.local ghost@webtv.local", "", 1, "no such account"},
		{"contact add nobody@webtv.local carol@webtv.local", "", 1, "there is no account"},
		{"contact list alice@webtv.local", "", 0, "carol@webtv.local   Carol   FL,AL"},
		{"contact list carol@webtv.local", "", 0, "alice@webtv.local   Al      RL\nhelper@webtv.local  Helper  FL,AL,RL\n"},
		{"contact remove alice@webtv.local carol@webtv.local", "", 0, "off the lists"},
		{"contact remove alice@webtv.local carol@webtv.local", "", 1, "on no list"},
		{"contact list carol@webtv.local", "", 0, "ADDRESS             NAME    LISTS\nhelper@webtv.local  Helper  FL,AL,RL\n"},
		{"contact remove carol@webtv.local helper@webtv.local", "", 0, "off the lists"},
		{"account unlink-box nobody@webtv.local", "", 1, "there is no account"},
		{"account unlink-box carol@webtv.local", "", 0, "no box signs in as carol@webtv.local any more (1 unlinked, 0 of their sign-on keys forgotten)"},
		{"account unlink-box carol@webtv.local", "", 1, "no box is linked"},
		{"account remove carol@webtv.local", "", 0, "removed"},
		{"account remove carol@webtv.local", "", 1, "there is no account"},
	}
}

func TestAccountVerbs(t *testing.T) {
	t.Chdir(t.TempDir())
	play(t, lifecycle())
}

// startGateway runs a gateway on free ports in the test's folder.
func startGateway(t *testing.T) (*gateway, sec.Key) {
	t.Helper()
	key := sec.Key{1, 2, 3, 4, 5, 6, 7, 8}
	cfg := demoConfig("data", key)
	g, err := openGateway(t.Context(), cfg, slog.New(slog.DiscardHandler), loopback.New(demoDomain, nil))
	if err != nil {
		t.Fatal(err)
	}
	runGateway(t, g)
	return g, key
}

// runGateway serves until the test ends.
func runGateway(t *testing.T, g *gateway) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.run(ctx) }()
	t.Cleanup(func() {
		begun := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stopping: %v", err)
		}
		if d := time.Since(begun); d > stopTime {
			t.Errorf("stopping took %v", d)
		}
		if _, err := os.Stat(filepath.Join("data", "control.json")); err == nil {
			t.Error("the control file was left behind")
		}
	})
}

func TestAccountVerbsWhileServing(t *testing.T) {
	t.Chdir(t.TempDir())
	startGateway(t)
	play(t, lifecycle())
}

// TestOperatorsHandIsFeltAtOnce: a signed-in box sees the operator's edits.
func TestOperatorsHandIsFeltAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	g, key := startGateway(t)
	play(t, []step{
		{"account add alice@webtv.local", "", 0, "added"},
		{"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"},
	})
	b := &demoBox{out: io.Discard, messenger: g.messengerPort.Addr().String(), passport: g.wtvpPorts.passport.Addr().String(), key: key}
	if err := b.signIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer b.ns.Close()
	play(t, []step{
		{"account list", "", 0, "alice@webtv.local  Alice  1      no        yes"},
		{"contact add alice@webtv.local " + demoFriend, "", 0, "FL,AL"},
	})
	if p, err := b.awaitPresence(t.Context(), demoFriend); err != nil || p.Status != wire.Online {
		t.Errorf("%+v, %v", p, err)
	}
	play(t, []step{{"account remove alice@webtv.local", "", 0, "removed"}})
	if _, err := awaitNS[msnp.Closed](t.Context(), b); err != nil {
		t.Error(err)
	}
}

func TestSecondGatewayIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	startGateway(t)
	_, err := openGateway(t.Context(), demoConfig("data", sec.Key{}), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "another wtvgate") {
		t.Errorf("got %v", err)
	}
}

func TestPortInUse(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, key := range []string{"messenger.listen", "passport.listen", "wtvp.passport.listen", "admin.listen", "pictures.listen"} {
		cfg := demoConfig("data", sec.Key{})
		*map[string]*string{"messenger.listen": &cfg.Messenger.Listen, "wtvp.passport.listen": &cfg.WTVP.Passport.Listen,
			"passport.listen": &cfg.Passport.Listen, "admin.listen": &cfg.Admin.Listen, "pictures.listen": &cfg.Pictures.Listen}[key] = l.Addr().String()
		_, err := openGateway(t.Context(), cfg, slog.New(slog.DiscardHandler))
		want := fmt.Sprintf("%s: another program listens on %s already; stop it or choose another address", key, l.Addr())
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestBadConfigurationStopsTheStart(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", []byte("messenger: {listen: \":99999\", colour: red}\nwtvp: {mode: solo}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := call("", "serve")
	for _, want := range []string{"messenger.listen", "messenger.colour", "wtvp.mode", "companion"} {
		if code != exitError || !strings.Contains(errs, want) {
			t.Errorf("exit %d, %q does not name %s", code, errs, want)
		}
	}
	if _, err := os.Stat("data"); err == nil {
		t.Error("the data were opened all the same")
	}
	if code, _, errs := call("", "account", "list", "--config", "none.yaml"); code != exitError || !strings.Contains(errs, "none.yaml") {
		t.Errorf("exit %d, %q", code, errs)
	}
}

func TestMissingRegistrationStopsTheStart(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg := demoConfig("data", sec.Key{})
	cfg.Matrix.Enabled = true
	_, err := openGateway(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), `run "wtvgate matrix registration"`) {
		t.Errorf("got %v", err)
	}
}

func TestHealth(t *testing.T) {
	t.Chdir(t.TempDir())
	g, _ := startGateway(t)
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get("http://" + g.adminPort.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if code, body := get("/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz: %d %q", code, body)
	}
	for {
		code, body := get("/readyz")
		if code == http.StatusServiceUnavailable && strings.Contains(body, `"ready":false`) && strings.Contains(body, `"text":"starting"`) {
			continue // the network comes up on a goroutine of its own
		}
		if code != http.StatusOK || !strings.Contains(body, `{"ready":true,"networks":[{"name":"loopback","up":true`) {
			t.Errorf("/readyz: %d %s", code, body)
		}
		return
	}
}

func TestDemoScript(t *testing.T) {
	code, out, errs := call("", "demo", "--script")
	if code != exitOK || errs != "" || !strings.HasSuffix(out, "Every step happened.\n") {
		t.Errorf("exit %d, %q\n%s", code, errs, out)
	}
	if strings.Contains(out, "t=") && strings.Contains(out, "&p=") {
		t.Error("the demo shows a ticket")
	}
}

func TestDemoByHand(t *testing.T) {
	code, out, errs := call("hi there\n\n/wait Echo: hi\n/quit\n", "demo")
	if code != exitOK || errs != "" || !strings.Contains(out, "[1] Echo: hi there\n") {
		t.Errorf("exit %d, %q\n%s", code, errs, out)
	}
}

func TestRegistration(t *testing.T) {
	t.Chdir(t.TempDir())
	play(t, []step{{"matrix registration --output -", "", 0, "sender_localpart: webtvbot"}})
	play(t, []step{{"matrix registration --output reg.yaml", "", 0, "wrote reg.yaml"}})
	first, err := os.ReadFile("reg.yaml")
	if err != nil {
		t.Fatal(err)
	}
	play(t, []step{{"matrix registration --output reg.yaml", "", 0, "wrote reg.yaml"}})
	again, err := os.ReadFile("reg.yaml")
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("a second run changed the file, %v", err)
	}
}

// TestDiscordIsWired: a configured Discord is a network, asked before any that
// serves every domain.
func TestDiscordIsWired(t *testing.T) {
	cfg := demoConfig(t.TempDir(), sec.Key{})
	cfg.Discord = config.Discord{Enabled: true, Token: "a.b.c", APIURL: "http://127.0.0.1:9/", AddressDomain: "discord.com"}
	c, err := openCore(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if n, err := c.hub.Person(t.Context(), "coolcat@discord.com"); err != nil || n != "discord" {
		t.Errorf("%q, %v", n, err)
	}
	cfg.Discord.Token = "mfa.person"
	cfg.DataDir = t.TempDir()
	if _, err := openCore(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "discord.token_file") {
		t.Errorf("a person's token: %v", err)
	}
}
