package admin

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestConsole(t *testing.T) {
	_, h, chair, _ := surface(t, token)
	log := &bytes.Buffer{}
	o := &Operator{Hub: h}
	c := Console{Operator: o, Log: slog.New(slog.NewTextHandler(log, nil))}
	const op = "@op:example.org"
	if got := c.Answer(t.Context(), op, "status"); !strings.Contains(got, "no gateway is running") {
		t.Errorf("without a gateway: %q", got)
	}
	o.Running = func() Running { return Running{Version: "9.9", Since: time.Unix(1_800_000_000, 0)} }
	for _, x := range []struct{ line, want string }{
		{"status", `^wtvgate 9\.9, since \d{4}-.*; 1 signed in\nloopback is DOWN since .*\n1 wait for friends on loopback, the oldest for \ds\n$`},
		{"  Who ", `(?s)^ADDRESS .*\nalice@webtv\.local  msntv 2\.8 `},
		{"trace out-1", `^out-1  message  alice@webtv\.local to bob@echo\.example on loopback\n`},
		{"trace", `^trace needs a word more:\nstatus `},
		{"trace nothing", `^no message is known as "nothing"`},
		{"help", `^status `},
		{"make me a sandwich", `^I know these:\nstatus `},
		{"", `^I know these:`},
		{"kick nobody@webtv.local", `is not signed in`},
		{"kick alice@example.org", `^alice@example\.org is not an address of ours`},
		{"!kick alice@webtv.local", `^alice@webtv\.local is signed out`},
		{"notice Back at eight", `^nobody is signed in; nobody was told\n$`},
	} {
		if got := c.Answer(t.Context(), op, x.line); !regexp.MustCompile(x.want).MatchString(got) {
			t.Errorf("%q is answered %q, want %s", x.line, got, x.want)
		}
	}
	<-chair.ended
	if got := log.String(); strings.Count(got, "msg=operator") != 2 || !strings.Contains(got, "verb=session.kick account=alice@webtv.local by=@op:example.org") ||
		strings.Contains(got, "eight") {
		t.Errorf("logged:\n%s", got)
	}
}

func TestLongAnswersAreShortened(t *testing.T) {
	got := shortened(strings.Repeat("a line of thirty bytes, or so.\n", 300))
	if len(got) > maxConsole+40 || !strings.HasSuffix(got, "so.\nand 107 lines more\n") {
		t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-60:])
	}
	if got := shortened(strings.Repeat("ü", maxConsole)); !strings.HasSuffix(got, "üand 0 lines more\n") {
		t.Errorf("one line ends in %q", got[len(got)-30:])
	}
}
