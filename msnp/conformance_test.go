package msnp_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// folders of the names on docs/conformance.md.
var folders = map[string]string{
	"msnp": ".", "ns": "ns", "sb": "sb", "server": "server", "wire": "wire",
	"box": "../bridge/box", "bridge": "../bridge", "store": "../bridge/store",
}

var (
	named    = regexp.MustCompile("`([a-z]+)(?:\\.(Test\\w+)|/([\\w/.-]+\\.txt))`")
	aCommand = regexp.MustCompile(`^\| ([A-Z]{3}) \|`)
	tableRow = regexp.MustCompile(`"([A-Z]{3})": +\{In: `)
)

// tests are the functions of a folder's tests.
func tests(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", folder, files, err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// The table of conformance names tests that exist, a transcript of a row has the
// row's command, and every command of the servers has a row with seven cells.
func TestConformance(t *testing.T) {
	page, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	code := map[string]string{}
	for name, folder := range folders {
		code[name] = tests(t, folder)
	}
	rows, names := map[string]int{}, 0
	for i, line := range strings.Split(string(page), "\n") {
		verb := ""
		if m := aCommand.FindStringSubmatch(line); m != nil {
			verb = m[1]
			rows[verb]++
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			if len(cells) != 8 {
				t.Errorf("line %d has %d cells", i+1, len(cells))
			}
			for _, cell := range cells[1:] {
				if !named.MatchString(cell) {
					t.Errorf("line %d: cell %q names no test", i+1, cell)
				}
			}
		}
		if !strings.HasPrefix(line, "|") {
			continue
		}
		for _, m := range named.FindAllStringSubmatch(line, -1) {
			names++
			if !exists(code, m, verb) {
				t.Errorf("line %d: there is no %s, or it has no %s", i+1, m[0], verb)
			}
		}
	}
	if names < 400 {
		t.Errorf("only %d tests are named", names)
	}
	for _, file := range []string{"ns/session.go", "sb/auth.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		verbs := tableRow.FindAllStringSubmatch(string(text), -1)
		if len(verbs) < 6 {
			t.Fatalf("%s: %d commands found", file, len(verbs))
		}
		for _, m := range verbs {
			if rows[m[1]] == 0 {
				t.Errorf("%s of %s has no row", m[1], file)
			}
		}
	}
}

// exists looks a named test up; a transcript must have the verb, if one is given.
func exists(code map[string]string, m []string, verb string) bool {
	folder, known := folders[m[1]]
	if !known {
		return false
	}
	if m[1]+"."+m[2] == "ns.TestMatrix" && !strings.Contains(code["ns"], `{"`+verb+`", "`) {
		return false
	}
	if m[2] != "" {
		return strings.Contains(code[m[1]], "func "+m[2]+"(t ")
	}
	text, err := os.ReadFile(filepath.Join(folder, "testdata", filepath.FromSlash(m[3])))
	return err == nil && regexp.MustCompile(`(?m)^[CS]\w*> "?`+verb).Match(text)
}
