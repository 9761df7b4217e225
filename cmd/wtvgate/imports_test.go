package main

import (
	"os/exec"
	"strings"
	"testing"
)

// rules says what each folder may import beside the standard library (style:
// section 5.1 of the design's layout). An entry that ends in /... takes the
// folder and all below it; a package outside the module is named by its prefix.
var rules = map[string][]string{
	"wtvgate/msnp":          {"wtvgate/msnp/ns", "wtvgate/msnp/sb", "wtvgate/msnp/server"},
	"wtvgate/msnp/wire":     {},
	"wtvgate/msnp/passport": {},
	"wtvgate/msnp/server":   {"wtvgate/msnp/wire", "golang.org/x/sys/unix"},
	"wtvgate/msnp/ns":       {"wtvgate/msnp/wire", "wtvgate/msnp/server"},
	"wtvgate/msnp/sb":       {"wtvgate/msnp/wire", "wtvgate/msnp/server"},
	"wtvgate/msnp/record":   {"wtvgate/msnp/wire"},
	"wtvgate/msnp/client":   {"wtvgate/msnp/wire", "wtvgate/msnp/passport"},
	"wtvgate/msnp/msnptest": {"wtvgate/msnp/..."},
	"wtvgate/wtvp/wire":     {},
	"wtvgate/wtvp/sec":      {},
	"wtvgate/wtvp/lzpf":     {},
	"wtvgate/wtvp/server":   {"wtvgate/wtvp/wire", "wtvgate/wtvp/sec", "wtvgate/wtvp/lzpf"},
	"wtvgate/wtvp/service":  {"wtvgate/wtvp/wire", "wtvgate/wtvp/sec", "wtvgate/wtvp/server"},
	"wtvgate/wtvp/client":   {"wtvgate/wtvp/wire", "wtvgate/wtvp/sec"},
	"wtvgate/bridge/id":     {},
	"wtvgate/bridge/text": {"wtvgate/bridge/id", "golang.org/x/text/unicode/norm", "golang.org/x/net/html",
		"github.com/kyokomi/emoji/v2", "github.com/mozillazg/go-unidecode"},
	"wtvgate/bridge/store":           {"wtvgate/bridge/id", "modernc.org/sqlite", "golang.org/x/crypto/argon2"},
	"wtvgate/bridge/store/storetest": {"wtvgate/bridge/store"},
	"wtvgate/bridge/config":          {"wtvgate/bridge/id", "github.com/spf13/viper", "github.com/go-viper/mapstructure", "go.yaml.in/yaml"},
	"wtvgate/bridge/publicnet":       {},
	"wtvgate/bridge/picture": {"wtvgate/bridge", "wtvgate/bridge/id", "wtvgate/bridge/store", "wtvgate/bridge/text",
		"golang.org/x/image"},
	"wtvgate/puppets":      {"wtvgate/bridge/id", "wtvgate/bridge/store"},
	"wtvgate/bridge":       {"wtvgate/bridge/id", "wtvgate/bridge/store", "wtvgate/bridge/text", "wtvgate/puppets"},
	"wtvgate/bridge/admin": {"wtvgate/bridge", "wtvgate/bridge/id", "wtvgate/bridge/store"},
	// metrics reads what every part counts of itself.
	"wtvgate/bridge/metrics": {"wtvgate/bridge", "wtvgate/bridge/id", "wtvgate/bridge/store", "wtvgate/bridge/box",
		"wtvgate/msnp/wire", "wtvgate/msnp/server", "wtvgate/wtvp/server", "github.com/prometheus/client_golang"},
	"wtvgate/bridge/setup": {"wtvgate/bridge/config", "wtvgate/bridge/store", "go.yaml.in/yaml"},
	// doctor reads what a start reads, and asks what a command asks.
	"wtvgate/bridge/doctor":   {"wtvgate/bridge/config", "wtvgate/bridge/matrix", "wtvgate/bridge/store", "golang.org/x/sys/windows"},
	"wtvgate/bridge/helper":   {"wtvgate/bridge", "wtvgate/bridge/id", "wtvgate/bridge/text"},
	"wtvgate/bridge/loopback": {"wtvgate/bridge", "wtvgate/bridge/id", "wtvgate/bridge/text"},
	"wtvgate/bridge/matrix": {"wtvgate/bridge", "wtvgate/bridge/id", "wtvgate/bridge/text", "wtvgate/bridge/publicnet",
		"maunium.net/go/mautrix", "go.mau.fi/util", "github.com/rs/zerolog", "go.yaml.in/yaml"},
	// The Discord double; the discordgo client that it answers is in its tests.
	"wtvgate/bridge/discord/discordtest": {"github.com/gorilla/websocket"},
	"wtvgate/bridge/discord": {"wtvgate/bridge", "wtvgate/bridge/id", "wtvgate/bridge/text", "wtvgate/bridge/publicnet", "github.com/bwmarrin/discordgo",
		"github.com/gorilla/websocket", "go.mau.fi/util", "golang.org/x/text/unicode/norm"},
	// box names the store's errors and the two records a box link is made of.
	"wtvgate/bridge/box": {"wtvgate/bridge", "wtvgate/bridge/id", "wtvgate/bridge/text", "wtvgate/bridge/store",
		"wtvgate/puppets", "wtvgate/msnp/...", "wtvgate/wtvp/..."},
	"wtvgate/wtvp/service/pages": {"wtvgate/wtvp/wire", "wtvgate/wtvp/sec", "wtvgate/wtvp/server",
		"wtvgate/wtvp/service"},
	"wtvgate/cmd/wtvgate/simbox": {"wtvgate/msnp/client", "wtvgate/msnp/wire", "wtvgate/wtvp/client", "wtvgate/wtvp/sec",
		"golang.org/x/net/html", "golang.org/x/term"},
	"wtvgate/cmd/wtvgate": {"wtvgate/...", "github.com/spf13/cobra", "golang.org/x/term"},
}

// TestImports holds every package of the module to its rule: codecs and servers
// know nothing of the bridge, networks nothing of each other.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-tags", "goolm", "-f", `{{.ImportPath}}:{{join .Imports " "}}`, "wtvgate/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		rule, ok := rules[pkg]
		if !ok {
			t.Errorf("%s has no rule: say in imports_test.go what it may import", pkg)
			continue
		}
		for _, imp := range strings.Fields(imports) {
			if imp == "wtvgate/bridge/discord/discordtest" || imp == "wtvgate/bridge/store/storetest" {
				t.Errorf("%s must not import %s: it is for tests", pkg, imp)
			}
			if !allowed(rule, imp) {
				t.Errorf("%s must not import %s", pkg, imp)
			}
		}
	}
}

// allowed tells whether a rule lets imp in. The standard library has no dot in
// the first part of its paths, and is not our module.
func allowed(rule []string, imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	if first != "wtvgate" && !strings.Contains(first, ".") {
		return true
	}
	for _, r := range rule {
		folder, deep := strings.CutSuffix(r, "/...")
		switch {
		case deep && (imp == folder || strings.HasPrefix(imp, folder+"/")):
			return true
		case strings.HasPrefix(r, "wtvgate/"):
			if imp == r {
				return true
			}
		case r == "wtvgate/bridge":
		case strings.HasPrefix(imp, r):
			return true
		}
	}
	return false
}

func TestAllowed(t *testing.T) {
	for imp, want := range map[string]bool{
		"fmt": true, "net/http": true, "wtvgate/bridge/id": true, "wtvgate/bridge/store": false,
		"modernc.org/sqlite/lib": true, "github.com/x/y": false, "wtvgate/msnp": true, "wtvgate/msnp/ns": true, "wtvgate/msnpx": false,
	} {
		if got := allowed([]string{"wtvgate/bridge/id", "modernc.org/sqlite", "wtvgate/msnp/..."}, imp); got != want {
			t.Errorf("%s: %v", imp, got)
		}
	}
}
