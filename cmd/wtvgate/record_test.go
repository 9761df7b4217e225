package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRecordAndReplay: what a box and the gateway say to each other, from the
// verb to the transcript.
func TestRecordAndReplay(t *testing.T) {
	t.Chdir(t.TempDir())
	play(t, []step{
		{"account add alice@webtv.local --name Zoe", "", 0, "added"},
		{"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"},
		{"record start alice@webtv.local", "", 1, "no gateway is running"},
		{"record list", "", 1, "no gateway is running"},
		{"record stop alice@webtv.local", "", 1, "no gateway is running"},
		{"record start", "", 2, "ADDRESS is missing"},
		{"record start alice@webtv.local --for 25h", "", 2, "--for must be from 1s to 24h"},
		{"replay nothing.log", "", 1, "no such file"},
	})
	g, key := startGateway(t)
	play(t, []step{
		{"record list", "", 0, "nothing is being recorded"},
		{"record stop alice@webtv.local", "", 1, "alice@webtv.local is not being recorded"},
		{"record start nobody@webtv.local", "", 1, "there is no account nobody@webtv.local"},
		{"record start alice@webtv.local --for 10m", "", 0, "say to each other in "},
		{"record start alice@webtv.local", "", 1, "is being recorded already"},
		{"record list", "", 0, "alice@webtv.local"},
	})
	b := &demoBox{out: io.Discard, messenger: g.messengerPort.Addr().String(), passport: g.wtvpPorts.passport.Addr().String(), key: key}
	if err := b.signIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.ns.Close()
	code, out, errs := call("", "record", "stop", "alice@webtv.local")
	m := regexp.MustCompile("`wtvgate replay (.*)` makes").FindStringSubmatch(out)
	if code != exitOK || m == nil {
		t.Fatalf("exit %d, %q, %q", code, out, errs)
	}
	if info, err := os.Stat(m[1]); err != nil || info.Mode().Perm() != 0o600 || filepath.Base(filepath.Dir(m[1])) != "wire" {
		t.Errorf("%s: %v, %v", m[1], info, err)
	}
	code, out, errs = call("", "replay", m[1])
	if code != exitOK || errs != "" || strings.Contains(out, "Zoe") || strings.Contains(out, "webtv.local") ||
		!strings.Contains(out, "CNS1> USR 2 TWN I alice@example.net\nSNS1> USR 2 TWN S {challengeNS1}\n") {
		t.Errorf("exit %d, %q\n%s", code, errs, out)
	}
	if err := os.WriteFile("letter.txt", []byte("Dear Sir\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	play(t, []step{{"replay letter.txt", "", 1, "letter.txt: line 1: not a recording of wtvgate; `wtvgate record start` makes one"}})
}
