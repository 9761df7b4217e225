package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

// commands are the lines of a document's sh blocks.
func commands(t *testing.T, file string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		all = append(all, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	return all
}

// TestOperatingManual runs the commands of docs/operating.md in their order, the
// later ones beside a gateway with a box signed in.
func TestOperatingManual(t *testing.T) {
	lines := commands(t, "../../docs/operating.md")
	if len(lines) < 10 {
		t.Fatalf("%d commands", len(lines))
	}
	t.Chdir(t.TempDir())
	freePorts(t)
	word := regexp.MustCompile(`"[^"]*"|\S+`)
	for _, line := range lines {
		args := word.FindAllString(line, -1)
		if args[0] != "wtvgate" {
			t.Errorf("%q is no command of ours", line)
			continue
		}
		if line == "wtvgate serve" {
			g, key := startGateway(t)
			b := &demoBox{out: io.Discard, messenger: g.messengerPort.Addr().String(), passport: g.wtvpPorts.passport.Addr().String(), key: key}
			if err := b.signIn(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer b.ns.Close()
			continue
		}
		for i := range args {
			args[i] = strings.Trim(args[i], `"`)
		}
		if code, out, errs := call("", args[1:]...); code != exitOK || out == "" {
			t.Errorf("%s: exit %d, %s%s", line, code, out, errs)
		}
	}
}

// TestEveryVerbIsInTheManual: what --help lists stands in README or the manual.
func TestEveryVerbIsInTheManual(t *testing.T) {
	var text string
	for _, file := range []string{"../../README.md", "../../docs/operating.md"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	for _, c := range rootCommand().Commands() {
		if name := c.Name(); name != "help" && !regexp.MustCompile("(wtvgate|`)[ `]?"+name+"\\b").MatchString(text) {
			t.Errorf("the manual has no %s", name)
		}
	}
}
