package text

import "strings"

// name.go: names of people on first-generation boxes.

// maxBoxName is the longest name that is sent, in bytes: MSNP has room for 129
// characters with each escaped (msnp.md 15).
const maxBoxName = 129

// Name is a person's name for a first-generation box, on one line: in the letters
// that it can show, emoji left out unless there is nothing else. What has nothing
// that can be shown is a single ?.
func Name(s string) string {
	if s == "" || plainASCII(s) {
		return s
	}
	s = cut(s, MaxInput/16)
	name := oneLine((&renderer{latin: true, names: true, emoji: EmojiDropped}).render(&Content{Body: s}))
	if name == "" {
		name = oneLine((&renderer{latin: true, names: true, emoji: EmojiWords}).render(&Content{Body: s}))
	}
	if len(name) > maxBoxName {
		name = strings.TrimRight(cut(name, maxBoxName), " ")
	}
	if name == "" {
		return unknown
	}
	return name
}

// plainASCII tells whether a text needs no rule: it is printable ASCII.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= maxBoxName
}
