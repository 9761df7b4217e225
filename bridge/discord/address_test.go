package discord

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

func TestWebhookNames(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/webhook_names.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Input, Expect string }
	if err := json.Unmarshal(data, &all); err != nil || len(all) != 8 {
		t.Fatalf("%d cases, %v", len(all), err)
	}
	for _, c := range all {
		if got := webhookName(c.Input); got != c.Expect {
			t.Errorf("%q: got %q, want %q", c.Input, got, c.Expect)
		}
	}
}

func TestAddressesBothWays(t *testing.T) {
	t.Parallel()
	n := &Network{o: Options{AddressDomain: "discord.com"}}
	for remote, want := range map[id.Remote]id.Address{
		"coolcat": "coolcat@discord.com", ".dots..here.": "=2edots.=2ehere=2e@discord.com",
		"#general.webtv-fans": "#general.webtv-fans@discord.com", "#caf\u00e9.webtv-fans-2": "#caf=c3=a9.webtv-fans-2@discord.com",
	} {
		got, err := n.Address(remote)
		if err != nil || got != want {
			t.Errorf("Address(%q) = %q, %v; want %q", remote, got, err, want)
		}
		if back, err := n.Remote(want); err != nil || back != remote {
			t.Errorf("Remote(%q) = %q, %v; want %q", want, back, err, remote)
		}
	}
	for _, a := range []id.Address{"#general@discord.com", "x=zz@discord.com", "a=3ab@discord.com"} {
		if r, err := n.Remote(a); err == nil {
			t.Errorf("Remote(%q) = %q", a, r)
		}
	}
	for _, r := range []id.Remote{"", "Upper", "a b\x00", "#"} {
		if a, err := n.Address(r); err == nil {
			t.Errorf("Address(%q) = %q", r, a)
		}
	}
	if !n.Serves("discord.com") || n.Serves("example.org") {
		t.Error("serves the wrong domain")
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"coolcat", "#general.fans", "..", "a=b", "\u00e9"} {
		f.Add(s)
	}
	n := &Network{o: Options{AddressDomain: "discord.com"}}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := n.Address(id.Remote(s))
		if err != nil {
			return
		}
		if back, err := n.Remote(a); err != nil && s[0] != '#' || err == nil && string(back) != s {
			t.Fatalf("%q came back as %q, %v", s, back, err)
		}
	})
}

func TestSlugAndSnowflakes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"WebTV Fans": "webtv-fans", "  ": "server", "Caf\u00e9 & Bar!": "caf-bar", "\u65e5\u672c": "server"} {
		if got := slug(in); got != want {
			t.Errorf("slug(%q) = %q, want %q", in, got, want)
		}
	}
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	if got := flakeTime(flakeAt(at)); !got.Equal(at) {
		t.Errorf("%v", got)
	}
	if !later("100", "99") || later("99", "100") || later("7", "7") {
		t.Error("ids are not compared as numbers")
	}
}
