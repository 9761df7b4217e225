package text

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestFromMSN(t *testing.T) {
	for in, want := range map[string]string{
		"hello":             "hello",
		"a\r\nb\rc\n":       "a\nb\nc",
		"bell\a\x00 tab\t.": "bell tab .",
		"\u202eabc\u202c":   "abc",
		"bad \xff byte":     "bad \ufffd byte",
		" \r\n ":            "",
		"café ☕":            "café ☕",
	} {
		if got := FromMSN(in, "").Body; got != want {
			t.Errorf("FromMSN(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestToMSN(t *testing.T) {
	if got := ToMSN(Content{Body: "\u200e \n"}, Options{}); len(got) != 0 {
		t.Errorf("nothing to show gave %q", got)
	}
	if got := ToMSN(Content{Body: "a\nb"}, Options{}); len(got) != 1 || got[0] != "a\r\nb" {
		t.Errorf("line end: %q", got)
	}
	got := ToMSN(Content{Body: "one two three four five"}, Options{Limit: 14})
	want := []string{"one two ...", "three four ...", "five"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSplitPrefersLineEnds(t *testing.T) {
	got := Split("first line\nsecond one here", 20)
	if len(got) != 2 || got[0] != "first line ..." || got[1] != "second one here" {
		t.Errorf("got %q", got)
	}
}

func TestLate(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	if got := Late(Content{Body: "hi"}, now.Add(-time.Hour), now).Body; got != "(19:00) hi" {
		t.Errorf("same day: %q", got)
	}
	if got := Late(Content{Body: "hi"}, now.AddDate(0, 0, -2), now).Body; got != "(Nov 20, 20:00) hi" {
		t.Errorf("another day: %q", got)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("one two three", 9)
	f.Add("ééééééééééééé", 10)
	f.Add(strings.Repeat("x", 5000), 1200)
	f.Add("\n\n  \n", 3)
	f.Add("\n\n\n\n  \n  \n", 3) // found: a mark for text that does not come
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if !utf8.ValidString(s) || limit > 1<<20 {
			return
		}
		squash := func(s string) string { return strings.Map(dropSpace, s) }
		var joined strings.Builder
		pieces := Split(s, limit)
		for i, p := range pieces {
			if len(p) > max(limit, utf8.UTFMax+len(Continued)) {
				t.Fatalf("piece of %d bytes, limit %d", len(p), limit)
			}
			if !utf8.ValidString(p) {
				t.Fatalf("a character was cut: %q", p)
			}
			if i < len(pieces)-1 {
				p = strings.TrimSuffix(p, Continued)
			}
			joined.WriteString(p)
		}
		if squash(joined.String()) != squash(s) {
			t.Fatalf("%q came out as %q", s, joined.String())
		}
	})
}

func dropSpace(r rune) rune {
	if r == ' ' || r == '\r' || r == '\n' {
		return -1
	}
	return r
}
