package store

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// readAll gives every file of a directory but the key.
func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

func TestSeal(t *testing.T) {
	s, _ := open(t)
	for _, plain := range [][]byte{{}, []byte("secret"), bytes.Repeat([]byte("x"), 10000)} {
		sealed, err := s.Seal(plain, "a")
		if err != nil {
			t.Fatal(err)
		}
		if len(plain) > 0 && bytes.Contains(sealed, plain) {
			t.Error("sealed in the clear")
		}
		if got, err := s.Unseal(sealed, "a"); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("Unseal = %q, %v", got, err)
		}
		if _, err := s.Unseal(sealed, "b"); err == nil {
			t.Error("another context unseals it")
		}
		if again, err := s.Seal(plain, "a"); err != nil || bytes.Equal(again, sealed) {
			t.Errorf("sealing twice gives the same bytes, %v", err)
		}
		for _, at := range []int{0, 1, len(sealed) - 1} {
			bad := bytes.Clone(sealed)
			bad[at] ^= 1
			if _, err := s.Unseal(bad, "a"); err == nil {
				t.Errorf("unsealed with byte %d changed", at)
			}
		}
	}
	for _, bad := range []string{"", "\x01", "\x01short", "\x02" + strings.Repeat("x", 40)} {
		if _, err := s.Unseal([]byte(bad), "a"); err == nil {
			t.Errorf("unsealed %q", bad)
		}
	}
	other, _ := open(t)
	sealed, err := s.Seal([]byte("secret"), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Unseal(sealed, "a"); err == nil {
		t.Error("another key unseals it")
	}
}

func TestKeyFile(t *testing.T) {
	const good = "# comment\n\n0123456789abcdef0123456789abcdef 0123456789abcdef0123456789abcdef\n"
	hex64 := strings.Repeat("0123456789abcdef", 4)
	for _, step := range []struct {
		name, text string
		mode       os.FileMode
		remove     bool
		want       string // "" for fine
	}{
		{name: "missing", remove: true, want: "secret.key is missing"},
		{name: "another", text: hex64 + "\n", mode: 0o600, want: "is not the key this database was made with"},
		{name: "open", text: hex64 + "\n", mode: 0o640, want: "can be read by other users (mode 0640); run: chmod 600 "},
		{name: "short", text: hex64[1:] + "\n", mode: 0o600, want: "is damaged"},
		{name: "long", text: hex64 + "00\n", mode: 0o600, want: "is damaged"},
		{name: "no hex", text: good, mode: 0o600, want: "is damaged"},
		{name: "empty", mode: 0o600, want: "is damaged"},
	} {
		t.Run(step.name, func(t *testing.T) {
			if step.mode == 0o640 && runtime.GOOS == "windows" {
				t.Skip("no modes there")
			}
			dir := filepath.Join(t.TempDir(), "data")
			s := openAt(t, dir, newClock())
			withAccounts(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, keyName)
			old, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if !step.remove {
				if err := os.WriteFile(path, []byte(step.text), step.mode); err != nil {
					t.Fatal(err)
				}
			}
			_, err = Open(t.Context(), dir, Options{})
			wantIs(t, err, ErrKey)
			if !strings.Contains(err.Error(), step.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("refusal %q, want one sentence with %q", err, step.want)
			}
			if _, err := os.Stat(path); step.remove && err == nil {
				t.Error("a new key was made over the old secrets")
			}
			// The old key put back, in a form people make of it.
			text := strings.ToUpper(strings.Split(string(old), "\n")[1])
			_ = os.Remove(path)
			if err := os.WriteFile(path, []byte("\r\n  "+text+"\r\n# end"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := openAt(t, dir, newClock()).Secret(t.Context(), alice); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestKeyFileText(t *testing.T) {
	s, _ := open(t)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(s.lock.f.Name()), keyName))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "# ") || len(lines[1]) != 64 || lines[2] != "" {
		t.Errorf("key file has the wrong form: %d lines", len(lines))
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(s.lock.f.Name()), "*.new-*")); err != nil || left != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestKeyOfAnInterruptedFirstStart(t *testing.T) {
	dir := t.TempDir()
	if _, err := makeKey(dir); err != nil {
		t.Fatal(err)
	}
	before := readAll(t, dir)[keyName]
	withAccounts(t, openAt(t, dir, newClock()))
	if after := readAll(t, dir)[keyName]; after != before {
		t.Error("the key was made anew")
	}
}
