package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// installJS installs the friend's client once, outside the tree, by the versions
// it is made of, and puts the script beside it, by what is in it: another tree's
// tests may run at the same time. It gives the script.
func installJS(t testing.TB) string {
	t.Helper()
	src := filepath.Join(moduleDir(t), "friend")
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(src, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	packages := map[string][]byte{"package.json": read("package.json"), "package-lock.json": read("package-lock.json")}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "wtvgate-e2e", "friend-"+digest(packages["package.json"], packages["package-lock.json"]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock := lockFile(t, filepath.Join(dir, "lock"))
	defer unlock()
	script := read("friend.mjs")
	at := filepath.Join(dir, "friend-"+digest(script)+".mjs")
	place(t, at, script)
	done := filepath.Join(dir, "done")
	if _, err := os.Stat(done); err == nil {
		return at
	}
	for name, data := range packages {
		place(t, filepath.Join(dir, name), data)
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the friend's client cannot be installed (it needs node 20 or newer, and npm): %v\n%s", err, msg)
	}
	place(t, done, nil)
	return at
}

// place writes a file in one step.
func place(t testing.TB, path string, data []byte) {
	t.Helper()
	err := os.WriteFile(path+".new", data, 0o644)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// digest is a short name for contents.
func digest(parts ...[]byte) string {
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(p)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
