package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestServiceUnit has systemd read the unit, where there is one, and holds it to
// what the manual says in any case.
func TestServiceUnit(t *testing.T) {
	const unit = "../../contrib/wtvgate.service"
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"ExecStart=/usr/local/bin/wtvgate serve", "WorkingDirectory=/var/lib/wtvgate", "ExecReload=/bin/kill -HUP $MAINPID",
		"NoNewPrivileges=yes", "ProtectSystem=strict"} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("the unit has no %s", line)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd-analyze is not there; the unit was not verified")
		return
	}
	// The program it names is not installed here: a copy names this test's own.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "wtvgate.service")
	if err := os.WriteFile(copied, []byte(strings.Replace(string(text), "/usr/local/bin/wtvgate", self, -1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", copied).CombinedOutput()
	if err != nil || strings.Contains(string(out), "wtvgate.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
