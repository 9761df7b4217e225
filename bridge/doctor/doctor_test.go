package doctor

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"wtvgate/bridge/config"
)

// look is findings as lines: level, what, and a part of the detail to find.
func look(t *testing.T, name string, got []Finding, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d findings, want %d: %+v", name, len(got), len(want), got)
		return
	}
	for i, f := range got {
		head, part, _ := strings.Cut(want[i], "|")
		if s := string(f.Level) + " " + f.What; s != head || !strings.Contains(f.Detail, part) {
			t.Errorf("%s: %s: %s; want %s with %q", name, s, f.Detail, head, part)
		}
		if (f.Level == OK) != (f.Mend == "") {
			t.Errorf("%s: %s has the mend %q", name, f.What, f.Mend)
		}
	}
}

type fixed []Finding

func (f fixed) Run(context.Context) []Finding { return f }

func TestReport(t *testing.T) {
	var b bytes.Buffer
	all := Examine(t.Context(), fixed{good("a", "is %s", "fine")}, fixed{warn("b", "turn it", "is\nodd\x1b[2J")}, fixed{}, fixed{fail("c", "make it anew", "%s", strings.Repeat("é", 300))})
	well, err := Report(&b, all)
	want := "ok    a: is fine\nwarn  b: is odd [2J\n      turn it\nFAIL  c: " + strings.Repeat("é", 200) + "...\n      make it anew\n1 ok, 1 to look at, 1 to mend\n"
	if well || err != nil || b.String() != want {
		t.Errorf("%v, %v\n%q\n%q", well, err, b.String(), want)
	}
	if well, err := Report(&b, all[:2]); !well || err != nil {
		t.Errorf("a warning is no failure: %v, %v", well, err)
	}
	if _, err := Report(broken{}, all); err == nil {
		t.Error("a broken stream was not noticed")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestAdvertise(t *testing.T) {
	own := func(list ...string) func() ([]netip.Addr, error) {
		return func() (all []netip.Addr, err error) {
			for _, s := range list {
				all = append(all, netip.MustParseAddr(s))
			}
			return all, nil
		}
	}
	for name, c := range map[string]struct {
		value, listen string
		own           func() ([]netip.Addr, error)
		want          []string
	}{
		"auto, public":       {"", ":1863", own("127.0.0.1", "198.51.100.7", "10.0.0.1"), []string{"ok k|198.51.100.7"}},
		"auto, private":      {"", ":1863", own("127.0.0.1", "10.0.0.1", "fe80::1"), []string{"ok k|10.0.0.1 (private"}},
		"auto, IPv6 only":    {"", ":1863", own("::1", "2001:db8::1"), []string{"warn k|no IPv4"}},
		"auto, this machine": {"", "127.0.0.1:1863", nil, []string{"ok k|this machine"}},
		"auto, no answer":    {"", ":1863", func() ([]netip.Addr, error) { return nil, errors.New("no") }, []string{"warn k|cannot be read"}},
		"public":             {"192.0.2.7:1863", ":1863", nil, []string{"ok k|public"}},
		"private":            {"192.168.1.7:1863", ":1863", nil, []string{"warn k|private"}},
		"another port":       {"192.0.2.7:2863", ":1863", nil, []string{"ok k|public", "warn k|port 2863"}},
		"loopback":           {"127.0.0.1:1863", ":1863", nil, []string{"FAIL k|calls itself"}},
		"localhost":          {"localhost:1863", "0.0.0.0:1863", nil, []string{"FAIL k|calls itself"}},
		"loopback to itself": {"127.0.0.1:1863", "localhost:1863", nil, []string{"ok k|this machine"}},
		"wildcard":           {"0.0.0.0:1863", ":1863", nil, []string{"FAIL k|nowhere"}},
		"IPv6":               {"[2001:db8::1]:1863", ":1863", nil, []string{"FAIL k|IPv6"}},
		"name":               {"chat.example.org:1863", ":1863", nil, []string{"warn k|is a name"}},
		"no port":            {"192.0.2.7", ":1863", nil, []string{"FAIL k|192.0.2.7"}},
	} {
		look(t, name, Advertise{Key: "k", Value: c.value, Listen: c.listen, HasPort: true, Own: c.own}.Run(t.Context()), c.want...)
	}
	look(t, "a host alone", Advertise{Key: "k", Value: "192.0.2.7", Listen: ":1654"}.Run(t.Context()), "ok k|public")
	if all, err := ownAddresses(); err != nil || len(all) == 0 {
		t.Errorf("own addresses: %v, %v", all, err)
	}
}

func TestBoxKey(t *testing.T) {
	const key = "wtvp.initial_shared_key"
	for name, c := range map[string]struct {
		w    config.WTVP
		want string
	}{
		"off":          {config.WTVP{Mode: config.WTVPOff}, "ok wtvp.mode|off"},
		"missing":      {config.WTVP{Mode: config.Companion}, "FAIL " + key + "|empty"},
		"own":          {config.WTVP{Mode: config.Standalone}, "ok " + key + "|its own"},
		"of minisrv":   {config.WTVP{Mode: config.Companion, InitialSharedKey: config.Key("minisrv!")}, "warn " + key + "|published"},
		"wrong length": {config.WTVP{Mode: config.Companion, InitialSharedKey: config.Key("short")}, "FAIL " + key + "|5 bytes"},
		"good":         {config.WTVP{Mode: config.Companion, InitialSharedKey: config.Key("12345678")}, "ok " + key + "|8 bytes"},
	} {
		got := BoxKey{c.w}.Run(t.Context())
		look(t, name, got, c.want)
		if strings.Contains(got[0].Detail+got[0].Mend, "12345678") {
			t.Errorf("%s shows the key", name)
		}
	}
}

func TestSettings(t *testing.T) {
	cfg := config.Default()
	look(t, "defaults", Settings{Config: cfg}.Run(t.Context()), "ok configuration|defaults", "ok gateway|does not run")
	cfg.Path, cfg.Accounts.Registration = "x.yaml", config.FirstBox
	look(t, "all", Settings{Config: cfg, Running: "runs (pid 1)"}.Run(t.Context()),
		"ok configuration|x.yaml", "warn accounts.registration|anywhere", "ok gateway|pid 1")
}

func TestBroken(t *testing.T) {
	got := Broken(&config.Error{Faults: []config.Fault{{Key: "a.b", Problem: "is odd", Allowed: "1, 2", Where: "f line 3"}, {Problem: "not YAML"}}})
	want := []Finding{{Fail, "a.b", "is odd (f line 3)", "allowed: 1, 2"}, {Fail, "configuration", "not YAML", "correct it; `wtvgate init` writes a file that is right"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	look(t, "no file", Broken(errors.New("config: open x")), "FAIL configuration|open x")
}
