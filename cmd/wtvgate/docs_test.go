package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsNameWhatIsThere: every file that the README and docs/ name exists, and
// every function named beside a file stands in it.
func TestDocsNameWhatIsThere(t *testing.T) {
	const root = "../.."
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var (
		path = regexp.MustCompile("`((?:cmd|msnp|wtvp|bridge|puppets|docs|e2e)/[a-z0-9_/.-]+)`((?: `[A-Za-z.]+`,?)*)")
		name = regexp.MustCompile("`(?:[A-Za-z]+\\.)?([A-Za-z]+)`")
	)
	for _, doc := range append(docs, filepath.Join(root, "README.md"), filepath.Join(root, "CHANGELOG.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range path.FindAllStringSubmatch(string(text), -1) {
			file := filepath.Join(root, strings.TrimSuffix(m[1], "/"))
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s names %s, which is not there", filepath.Base(doc), m[1])
				continue
			}
			code := ""
			if strings.HasSuffix(file, ".go") {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				code = string(b)
			}
			for _, n := range name.FindAllStringSubmatch(m[2], -1) {
				if !regexp.MustCompile(`func (\([^)]*\) )?` + n[1] + `\b`).MatchString(code) {
					t.Errorf("%s: there is no %s in %s", filepath.Base(doc), n[1], m[1])
				}
			}
		}
	}
}
