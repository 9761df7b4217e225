package main

import (
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	msnp "wtvgate/msnp/client"
)

// freePorts has every listener on a free port of this machine, by the
// environment, so that a test may look at them while other programs run.
func freePorts(t *testing.T) {
	t.Helper()
	for _, name := range []string{"MESSENGER_LISTEN", "PASSPORT_LISTEN", "ADMIN_LISTEN", "WTVP_PASSPORT_LISTEN", "MATRIX_APPSERVICE_LISTEN"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		t.Setenv("WTVGATE_"+name, ln.Addr().String())
	}
}

func TestInitThenDoctor(t *testing.T) {
	t.Chdir(t.TempDir())
	freePorts(t)
	code, out, errs := call("", "init", "--yes")
	if code != exitOK || errs != "" || !strings.Contains(out, "wrote config.yaml\nwrote data\nnext:\n 1. give your WebTV server the key") ||
		!strings.HasSuffix(out, " 4. wtvgate doctor\n 5. wtvgate serve\n") {
		t.Errorf("exit %d, %q\n%s", code, errs, out)
	}
	code, out, errs = call("", "doctor")
	if code != exitOK || errs != "" || strings.Contains(out, "FAIL") || !strings.Contains(out, "ok    configuration: config.yaml\n") {
		t.Errorf("exit %d, %q\n%s", code, errs, out)
	}
	play(t, []step{
		{"init --yes", "", 1, "config.yaml is there already"},
		{"init --dir other --matrix-url http://127.0.0.1:1 --matrix-domain example.org --wtvp-mode off", "", 0, "Dendrite  app_service_api"},
		{"init --dir asked", "tv.example\n\n\n\n\n\n\n", 0, "wtvgate account add alice@tv.example --config asked/config.yaml"},
		{"init --dir keyed --shared-key-stdin", "AAECAwQFBgc=\n", 0, "next:\n 1. wtvgate account add"},
		{"init --dir short --shared-key-stdin", "AAEC\n", 1, "wtvp.initial_shared_key: is not base64 of 8 bytes"},
		{"init --dir bot", "\n\n\n\n\n\ny\nMTAx.Bot.Token-0123456789\n", 0, "invite the bot into your Discord server"},
		{"init --dir nobot --discord-token-file nowhere", "", 1, "discord.token_file"},
		{"init --dir none", "", 1, "init: no answer came"},
		{"init --dir none --matrix-url http://127.0.0.1:1", "", 2, "go together"},
	})
	// A homeserver that is not there is the one thing to mend.
	code, out, _ = call("", "doctor", "--config", "other/config.yaml")
	if code != exitError || strings.Count(out, "FAIL") != 1 || !strings.Contains(out, "FAIL  homeserver: http://127.0.0.1:1: connection refused\n      start the homeserver") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if info, err := os.Stat("other/data/registration.yaml"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("registration: %v", err)
	}
	if _, err := os.Stat("short"); err == nil {
		if left, err := os.ReadDir("short"); err != nil || len(left) != 0 {
			t.Errorf("a refused init left %v, %v", left, err)
		}
	}
}

func TestDoctorOfABrokenConfiguration(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", []byte("wtvp: {initial_shared_key: c2VjcmV0, mode: solo}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := call("", "doctor")
	if code != exitError || strings.Count(out, "FAIL") != 2 || strings.Contains(out, "c2VjcmV0") || strings.Count(errs, "\n") != 1 ||
		!strings.Contains(out, "FAIL  wtvp.mode: \"solo\" is not known") {
		t.Errorf("exit %d, %q\n%s", code, errs, out)
	}
	if _, err := os.Stat("data"); err == nil {
		t.Error("doctor made the data directory")
	}
}

// TestOperatorsVerbs are those that need a gateway, on a box that is signed in.
func TestOperatorsVerbs(t *testing.T) {
	t.Chdir(t.TempDir())
	play(t, []step{
		{"session list", "", 1, "no gateway is running"},
		{"notice hi", "", 1, "no gateway is running"},
		{"account add alice@webtv.local", "", 0, "added"},
		{"session kick alice@webtv.local", "", 1, "no gateway is running"},
		{"trace alice@webtv.local", "", 0, "in-1  greeting  helper@webtv.local to alice@webtv.local from helper\n"},
		{"trace wtvgate-nothing-1", "", 1, "no message is known"},
		{"backup before.db", "", 0, "wrote and checked"},
		{"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"},
	})
	g, key := startGateway(t)
	play(t, []step{
		{"session list", "", 0, "nobody is signed in"},
		{"notice hi", "", 0, "nobody was told"},
		{"session kick alice@webtv.local", "", 1, "is not signed in"},
	})
	b := &demoBox{out: io.Discard, messenger: g.messengerPort.Addr().String(), passport: g.wtvpPorts.passport.Addr().String(), key: key}
	if err := b.signIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer b.ns.Close()
	code, out, _ := call("", "session", "list")
	if code != exitOK || !regexp.MustCompile(`(?m)^alice@webtv\.local +\S.* MSNP8 +(NLN|FLN) +0 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +127\.0\.0\.1:\d+ +\d+$`).MatchString(out) {
		t.Errorf("session list: exit %d\n%s", code, out)
	}
	play(t, []step{
		{"notice", "", 2, "TEXT is missing"},
		{"notice The gateway restarts at eight.", "", 0, "told 1 signed in"},
		{"notice " + strings.Repeat("x", 500), "", 1, "at most 400 bytes"},
	})
	talk, err := b.answer(t.Context(), demoHelper)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Hello Alice! I am the gateway you are signed in\nto. Type help to see what I can do.", "(The gateway restarts at eight.)"} {
		if said, err := b.read(t.Context(), talk); err != nil || said != want {
			t.Errorf("the box reads %q, %v, want %q", said, err, want)
		}
	}
	play(t, []step{
		{"trace alice@webtv.local", "", 0, "helper@webtv.local to alice@webtv.local from local"},
		{"trace in-1", "", 0, "in-1  greeting  helper@webtv.local to alice@webtv.local from helper\n"},
		{"trace in-2", "", 0, "in-2  notice  helper@webtv.local to alice@webtv.local from local\n"},
		{"trace in-99", "", 1, "no message is known as \"in-99\""},
		{"backup after.db", "", 0, "keep secret.key"},
		{"backup after.db", "", 1, "there already"},
		{"session kick alice@webtv.local", "", 0, "signed out"},
	})
	if _, err := awaitNS[msnp.Closed](t.Context(), b); err != nil {
		t.Error(err)
	}
	for _, file := range []string{"before.db", "after.db"} {
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestDoctorWhileServing: its own gateway's ports are no fault.
func TestDoctorWhileServing(t *testing.T) {
	t.Chdir(t.TempDir())
	g, _ := startGateway(t)
	for name, port := range g.ports() {
		t.Setenv("WTVGATE_"+strings.ToUpper(strings.ReplaceAll(name, ".", "_")), port)
	}
	t.Setenv("WTVGATE_WTVP_INITIAL_SHARED_KEY", "AQIDBAUGBwg=")
	code, out, errs := call("", "doctor")
	if code != exitOK || errs != "" || strings.Count(out, "by the running gateway (pid ") != len(g.ports()) || !strings.Contains(out, "ok    gateway: runs (pid ") ||
		!strings.Contains(out, "ok    database: is whole") {
		t.Errorf("exit %d, %q\n%s", code, errs, out)
	}
}
