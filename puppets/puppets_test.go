package puppets

import (
	"strings"
	"testing"

	"wtvgate/bridge/id"
)

func TestScreenName(t *testing.T) {
	const a = id.Address("bob@example.org")
	for in, want := range map[string]string{
		"Bob Smith":               "Bob Smith",
		"  Bob \r\n\t Smith ":     "Bob Smith",
		"B\u202eob\x00\u200b":     "Bob",
		"":                        string(a),
		"\u200b \xff":             string(a),
		strings.Repeat("é", 100):  strings.Repeat("é", 64),
		strings.Repeat("x", 1000): strings.Repeat("x", 129),
	} {
		if got := ScreenName(in, a); got != want {
			t.Errorf("ScreenName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAccountName(t *testing.T) {
	if got := AccountName("alice@webtv.local"); got != "Alice" {
		t.Errorf("got %q", got)
	}
}

func TestDirectory(t *testing.T) {
	d := NewDirectory("WebTV.local")
	d.Add("discord", func(s string) bool { return s == "discord.com" })
	d.Add("matrix", func(s string) bool { return strings.Contains(s, ".") })
	d.Reserve("helper@webtv.local", "helper")
	for a, want := range map[id.Address]id.Network{
		"alice@webtv.local": id.Local, "helper@webtv.local": "helper", "helper@example.org": "matrix", "x@discord.com": "discord", "bob@example.org": "matrix", "bob@nowhere": "",
	} {
		if got, ok := d.Network(a); got != want || ok != (want != "") {
			t.Errorf("Network(%s) = %q, %v; want %q", a, got, ok, want)
		}
	}
}

func TestReachable(t *testing.T) {
	for p, want := range map[Presence]bool{Online: true, Idle: true, Away: true, Busy: true, Offline: false, Unknown: false} {
		if p.Reachable() != want {
			t.Errorf("%q: %v", p, !want)
		}
	}
}
