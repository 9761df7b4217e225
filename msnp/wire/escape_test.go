package wire

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"Alice":               "Alice",
		"50% off +1":          "50%25%20off%20+1", // msnp.md 22
		"Bob Smith":           "Bob%20Smith",
		"a\x00\t\r\n\x1f\x7f": "a%00%09%0D%0A%1F%7F",
		"René ☕":              "René%20☕",
		"\xe9":                "\xe9",
		"a=b&c?/":             "a=b&c?/",
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"Alice":                    "Alice",
		"%zz%41":                   "%zzA", // msnp.md 22
		"50%25%20off%20+1":         "50% off +1",
		"%2B+":                     "++",
		"%2541":                    "%41", // one pass
		"%":                        "%",
		"%4":                       "%4",
		"%%41":                     "%A",
		"%4%41":                    "%4A",
		"100%":                     "100%",
		"a%0d%0Ab":                 "a\r\nb",
		"bob%40example.net":        "bob@example.net",
		"%C3%A9":                   "é",
		"%E9":                      "é", // Latin-1
		"Ren\xe9":                  "René",
		"\xe9%20\xc3\xa9":          "é Ã©", // not UTF-8 as a whole
		"PROD00504RLUG%WL":         "PROD00504RLUG%WL",
		"%63%61%72%6F%6C":          "carol", // BitLBee, msnp.md 25.15
		"MS%20Sans%20Serif":        "MS Sans Serif",
		"%F0%9F%98%80":             "😀",
		"%00":                      "\x00",
		"%g0%0g":                   "%g0%0g",
		strings.Repeat("%20", 100): strings.Repeat(" ", 100),
	} {
		if got := Unescape(in); got != want {
			t.Errorf("Unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"50% off +1", "%zz%41", "René ☕", "\xe9%20", "%", "\x00\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := Escape(s)
		if strings.ContainsAny(e, " \r\n\x00\t\x7f") {
			t.Errorf("Escape(%q) = %q holds what breaks a line", s, e)
		}
		back := Unescape(e)
		if utf8.ValidString(s) && back != s {
			t.Errorf("%q came back as %q", s, back)
		}
		if !utf8.ValidString(s) && back != latin1([]byte(s)) {
			t.Errorf("%q came back as %q", s, back)
		}
		u := Unescape(s)
		if !utf8.ValidString(u) {
			t.Errorf("Unescape(%q) = %q is not UTF-8", s, u)
		}
		if again := Unescape(Escape(u)); again != u {
			t.Errorf("%q, unescaped %q, comes back as %q", s, u, again)
		}
	})
}
