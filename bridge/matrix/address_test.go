package matrix

import (
	"strings"
	"testing"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/id"
)

func newNetwork(t *testing.T) *Network {
	t.Helper()
	n, err := New(newWorld(t).o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAddresses(t *testing.T) {
	n := newNetwork(t)
	for a, r := range map[id.Address]id.Remote{
		"bob@matrix.org":               "@bob:matrix.org",
		"=42ob@matrix.org":             "@Bob:matrix.org",
		"bob@hs.example.org:8448":      "@bob:hs.example.org:8448",
		"bob@[2001:db8::1]:8448":       "@bob:[2001:db8::1]:8448",
		"bob@localhost":                "@bob:localhost",
		"j=c3=bcrgen=2e@matrix.org":    "@jürgen.:matrix.org",
		"=23a=40b=3d/c_d-e+f@x.org":    "@#a@b=/c_d-e+f:x.org",
		"webtv_alice@matrix.org":       "@webtv_alice:matrix.org", // another server's
		"alice@hs.test":                "@alice:hs.test",
		"_irc_=23x=5b1=5d@example.org": "@_irc_#x[1]:example.org",
		"#retro@matrix.org":            "#retro:matrix.org",
		"#=52etro@matrix.org:8448":     "#Retro:matrix.org:8448",
		"#=23=23@matrix.org":           "###:matrix.org",
		"#!=41b@matrix.org":            "!Ab:matrix.org",
		"#!!=41b-_c@hs.test":           "!Ab-_c",
	} {
		if got, err := n.Remote(a); err != nil || got != r {
			t.Errorf("Remote(%q) = %q, %v; want %q", a, got, err, r)
		}
		if got, err := n.Address(r); err != nil || got != a {
			t.Errorf("Address(%q) = %q, %v; want %q", r, got, err, a)
		}
		if !n.Serves(a.Domain()) {
			t.Errorf("domain %q is not served", a.Domain())
		}
	}
	for a, want := range map[id.Address]string{
		"#@matrix.org":        "cannot be",
		"#!@matrix.org":       "cannot be",
		"#!!x@matrix.org":     "cannot be", // an id without server belongs to ours
		"#a=20b@matrix.org":   "cannot be",
		"webtv_alice@hs.test": "gateway itself",
		"webtvbot@hs.test":    "gateway itself",
		"a=3ab@matrix.org":    "cannot be",
		"a=20b@matrix.org":    "cannot be",
		"a=0ab@matrix.org":    "cannot be",
		"=ff@matrix.org":      "cannot be",
		"=zz@matrix.org":      "not an address",
		id.Address(strings.Repeat("a", 250) + "@matrix.org"): "too long",
	} {
		if got, err := n.Remote(a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Remote(%q) = %q, %v; want a refusal with %q", a, got, err, want)
		}
	}
	for _, r := range []id.Remote{"bob", "@bob", "@:x.org", "#bob", "#:x.org", "#!bob:x.org", "!:x.org", "!", "#", "#bob:X.org", "!!x", "@bob:X.org", id.Remote("@" + strings.Repeat("A", 60) + ":x.org")} {
		if got, err := n.Address(r); err == nil {
			t.Errorf("Address(%q) = %q, want a refusal", r, got)
		}
	}
	if n.Serves("a b") || n.Serves("") || n.Name() != "matrix" {
		t.Error("serves what is no server name, or has the wrong name")
	}
}

func TestGhostNames(t *testing.T) {
	n := newNetwork(t)
	for a, want := range map[id.Account]mid.UserID{
		"alice@webtv.test":   "@webtv_alice:hs.test",
		"a.b-c_d+1@w.test":   "@webtv_a.b-c_d+1:hs.test",
		"a=41/b!@webtv.test": "@webtv_a=3d41=2fb=21:hs.test",
	} {
		got, err := n.ghostID(a)
		if err != nil || got != want {
			t.Errorf("ghostID(%q) = %q, %v; want %q", a, got, err, want)
		}
		if local, ok := n.ghostLocal(got); !ok || local != a.Local() {
			t.Errorf("ghostLocal(%q) = %q, %v", got, local, ok)
		}
	}
	if _, err := n.ghostID(id.Account(strings.Repeat("!", 120) + "@w.test")); err == nil {
		t.Error("a ghost with more than 255 characters")
	}
	for _, user := range []mid.UserID{"@webtv_:hs.test", "@webtv_=4:hs.test", "@webtv_=zz:hs.test", "@webtv_=61:hs.test", "@bob:hs.test",
		"@webtv_alice:other.test", "webtv_alice", "@webtv_A:hs.test"} {
		if local, ok := n.ghostLocal(user); ok {
			t.Errorf("ghostLocal(%q) = %q", user, local)
		}
	}
	if !n.own("@webtvbot:hs.test") || !n.own("@webtv_=zz:hs.test") || n.own("@webtvbot:other.test") || n.own("@bob:hs.test") {
		t.Error("own users are not told from others")
	}
}

func FuzzGhostName(f *testing.F) {
	for _, s := range []string{"alice", "a=41", "ä/B", "\x00\xff", "=", "..", "a_b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, local string) {
		name := encodeGhost(local)
		if local != "" && mid.ValidateUserLocalpart(name) != nil {
			t.Fatalf("%q -> %q, which Matrix does not allow", local, name)
		}
		if back, ok := decodeGhost(name); ok != (local != "") || back != local {
			t.Fatalf("%q -> %q -> %q, %v", local, name, back, ok)
		}
		if other, ok := decodeGhost(local); ok && encodeGhost(other) != local {
			t.Fatalf("%q is read as %q, which is written %q", local, other, encodeGhost(other))
		}
	})
}

// A room's address is read as what it was made of, and no two rooms share one.
func FuzzRoomAddress(f *testing.F) {
	for _, s := range []string{"#retro:matrix.org", "!Ab:hs.test", "!Ab-_c", "#!x:hs.test", "##:a.b:8448", "!!x", "#\x00:x"} {
		f.Add(s)
	}
	w := &Network{o: Options{Domain: "hs.test", GhostPrefix: "webtv_", Bot: "webtvbot"}}
	f.Fuzz(func(t *testing.T, s string) {
		r := id.Remote(s)
		if !isRoom(r) {
			return
		}
		a, err := w.Address(r)
		if err != nil {
			return
		}
		if back, err := w.Remote(a); err != nil || back != r {
			t.Fatalf("%q -> %q -> %q, %v", r, a, back, err)
		}
	})
}
