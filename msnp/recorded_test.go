package msnp_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// recorded_test.go: a recorded session as what happens in it.

// act is one thing that happened in a recorded session.
type act struct {
	line    int
	conn    string
	client  bool
	text    string // a line, or [connected] or [closed]
	payload []byte
}

func (a act) words() []string { return strings.Fields(a.text) }

var recordLine = regexp.MustCompile(`^\s*[\d.]+ (\S+) ([CS]): (.*)$`)

// recorded reads the sessions of a file: each begins with its first connection.
func recorded(t *testing.T, file string) [][]act {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]act
	last := map[string]*act{} // line that payload belongs to
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		m := recordLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("%s:%d: not a line of a record: %q", file, i+1, line)
		}
		if body, ok := strings.CutPrefix(m[3], "|"); ok {
			a := last[m[1]+m[2]]
			if a.payload != nil {
				a.payload = append(a.payload, "\r\n"...)
			}
			a.payload = append(a.payload, strings.TrimPrefix(body, " ")...)
			continue
		}
		if m[1] == "NS1" && m[2] == "C" && m[3] == "[connected]" {
			all = append(all, make([]act, 0, 256)) // no growth: last points into it
		}
		n := len(all) - 1
		all[n] = append(all[n], act{line: i + 1, conn: m[1], client: m[2] == "C", text: m[3]})
		last[m[1]+m[2]] = &all[n][len(all[n])-1]
	}
	return all
}
