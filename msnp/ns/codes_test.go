package ns_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// unsent are error numbers that have a name and are never sent: a connection over
// the limit is told nothing, a server that stops says OUT SSD (msnp.md 14).
var unsent = []string{"500", "600", "604"}

// Every error number has a transcript here or with the switchboard. In these, A
// is Alice, visible at MSNP8, with Bob on her lists of version 12.
func TestErrorCodes(t *testing.T) {
	source, err := os.ReadFile("../wire/error.go")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`Err\w+\s+= (\d+)`).FindAllStringSubmatch(string(source), -1)
	if len(names) < 30 {
		t.Fatalf("%d error numbers found", len(names))
	}
	for _, name := range names {
		code := name[1]
		mine := filepath.Join("testdata", "codes", code+".txt")
		_, err1 := os.Stat(mine)
		_, err2 := os.Stat(filepath.Join("..", "sb", mine))
		if err1 != nil && err2 != nil && !slices.Contains(unsent, code) {
			t.Errorf("error %s has no transcript", code)
		}
		if err1 == nil {
			t.Run(code, func(t *testing.T) { playCode(t, code, mine) })
		}
	}
}

// playCode plays the transcript of an error number in the world it needs.
func playCode(t *testing.T, code, file string) {
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "> "+code+" ") {
		t.Fatalf("%s never has %s: %v", file, code, err)
	}
	o := server.Options{Limits: msnptest.Unlimited}
	o.Limits.Renames = server.Rate{} // the default
	s, alice := world(t, o)
	switch code {
	case "210":
		for i := range 599 {
			alice.List(fmt.Sprintf("f%d@example.org", i), "f", wire.Forward)
		}
	case "223":
		for i := 1; i < 30; i++ {
			alice.Groups = append(alice.Groups, server.Group{ID: i, Name: fmt.Sprint("g", i)})
		}
	}
	r := s.Runner(t)
	r.SignIn("A", "MSNP8", "alice@example.net", "hunter22")
	r.Do("SA> ILN 4 NLN bob@example.net Bob%20Smith 0")
	// From here on, what makes the backend refuse.
	method := map[string]string{"501": "Sync", "910": "Login"}[code]
	var calls atomic.Int32
	s.Backend.Hook = func(called string) error {
		if called != method {
			return nil
		}
		calls.Add(1)
		if code == "501" {
			return wire.Fail(wire.ErrDatabase, os.ErrClosed)
		}
		return wire.Refuse(wire.ErrAuthBusy)
	}
	if code == "280" {
		s.Boards.Close()
	}
	r.File(file)
	if method != "" && calls.Load() != 1 {
		t.Errorf("%s was called %d times", method, calls.Load())
	}
}
