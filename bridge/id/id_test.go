package id

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	good := map[string]Address{
		"bob@example.org":          "bob@example.org",
		"Bob@Example.ORG":          "bob@example.org",
		"#retro@matrix.org":        "#retro@matrix.org",
		"bob@localhost:8448":       "bob@localhost:8448",
		"bob@[2001:db8::1]:8448":   "bob@[2001:db8::1]:8448",
		"bob@[2001:db8::1]":        "bob@[2001:db8::1]",
		"a=42c@x.example":          "a=42c@x.example",
		"#general.webtv@discord.c": "#general.webtv@discord.c",
	}
	for in, want := range good {
		if got, err := ParseAddress(in); err != nil || got != want {
			t.Errorf("ParseAddress(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	bad := []string{"", "bob", "@", "bob@", "@x.org", "a@b@c.org", "a b@c.org", "a%20b@c.org", "é@c.org", "a@c.org\r\n",
		"a@.org", "a@org.", "a@x..org", "a@x.org:0", "a@x.org:70000", "a@x.org:", "a@x_y.org", "a@[::zz]", "a@[]",
		"a@" + strings.Repeat("x", 64) + ".org", strings.Repeat("a", 120) + "@example.org"}
	for _, in := range bad {
		if got, err := ParseAddress(in); err == nil {
			t.Errorf("ParseAddress(%q) = %q, want a refusal", in, got)
		}
	}
}

func TestEscapeLocal(t *testing.T) {
	cases := map[string]string{
		"bob": "bob", "Bob": "=42ob", "a.b": "a.b", ".a.": "=2ea=2e", "a..b": "a.=2eb", "x=y": "x=3dy",
		"b b": "b=20b", "é": "=c3=a9", "a/b+c_d-e": "a/b+c_d-e", "50%": "50=25", "a@b": "a=40b", "": "",
	}
	for name, want := range cases {
		if got := EscapeLocal(name); got != want {
			t.Errorf("EscapeLocal(%q) = %q, want %q", name, got, want)
		}
		if back, err := UnescapeLocal(want); err != nil || back != name {
			t.Errorf("UnescapeLocal(%q) = %q, %v; want %q", want, back, err, name)
		}
	}
	for _, bad := range []string{"=", "=4", "=zz", "=61", ".a", "a..b", "a b"} {
		if got, err := UnescapeLocal(bad); err == nil {
			t.Errorf("UnescapeLocal(%q) = %q, want a refusal", bad, got)
		}
	}
}

func FuzzEscapeLocal(f *testing.F) {
	for _, s := range []string{"bob", "Bob.Smith", "..", "ä=%@", "\x00\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		local := EscapeLocal(name)
		if back, err := UnescapeLocal(local); err != nil || back != name {
			t.Fatalf("%q -> %q -> %q, %v", name, local, back, err)
		}
		if name != "" && len(local) < 100 {
			if _, err := ParseAddress(local + "@example.org"); err != nil {
				t.Fatalf("%q -> %q: %v", name, local, err)
			}
		}
	})
}
