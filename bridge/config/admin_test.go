package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAdminToken(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte("0123456789abcdef-from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		yaml, env string
		want      Secret
		fault     string // its key
	}{
		"nothing on loopback":   {yaml: "admin: {listen: \"127.0.0.1:1\"}"},
		"nothing on ::1":        {yaml: "admin: {listen: \"[::1]:1\"}"},
		"nothing on localhost":  {yaml: "admin: {listen: \"localhost:1\"}"},
		"nothing everywhere":    {yaml: "admin: {listen: \":1\"}", fault: "admin.listen"},
		"nothing on an address": {yaml: "admin: {listen: \"192.0.2.1:1\"}", fault: "admin.listen"},
		"file":                  {yaml: "admin: {listen: \":1\", token_file: " + file + "}", want: "0123456789abcdef-from-file"},
		"environment wins":      {yaml: "admin: {token_file: " + file + "}", env: "0123456789abcdef-of-env", want: "0123456789abcdef-of-env"},
		"short":                 {yaml: "admin: {token_file: " + short + "}", fault: "admin.token_file"},
		"short in environment":  {env: "secret", fault: "admin.token_file"},
		"blank inside":          {env: "0123456789abcdef 0123", fault: "admin.token_file"},
		"no file":               {yaml: "admin: {token_file: " + file + ".none}", fault: "admin.token_file"},
	} {
		path := filepath.Join(dir, "config.yaml")
		if err := os.WriteFile(path, []byte(c.yaml+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Load(path, []string{EnvAdminToken + "=" + c.env})
		var faults *Error
		switch {
		case c.fault == "" && (err != nil || cfg.Admin.Token != c.want):
			t.Errorf("%s: %v", name, err)
		case c.fault != "" && (!errors.As(err, &faults) || len(faults.Faults) != 1 || faults.Faults[0].Key != c.fault):
			t.Errorf("%s: %v, want a fault of %s", name, err, c.fault)
		case err != nil && strings.Contains(err.Error(), "secret\n"):
			t.Errorf("%s: the token is repeated: %v", name, err)
		}
	}
}
