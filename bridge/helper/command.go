package helper

import "strings"

// verb is what the helper is asked to do.
type verb string

// The verbs. Unknown is everything else.
const (
	unknown  verb = ""
	help     verb = "help"
	add      verb = "add"
	who      verb = "who"
	join     verb = "join"
	mute     verb = "mute"
	unmute   verb = "unmute"
	find     verb = "find"
	status   verb = "status"
	whoami   verb = "whoami"
	settings verb = "settings"
	set      verb = "set"
	more     verb = "more"
	hello    verb = "hello"
)

// words are the verbs as people type them. None begins a line that the helper
// itself writes, so that an echo of it is no command.
func words() map[string]verb {
	return map[string]verb{
		"help": help, "?": help, "0": help, "menu": help,
		"hello": hello, "hi": hello, "thanks": hello,
		"add": add, "1": add, "who": who, "2": who, "join": join, "3": join,
		"mute": mute, "block": mute, "4": mute, "unmute": unmute, "unblock": unmute,
		"find": find, "5": find, "status": status, "6": status, "whoami": whoami, "7": whoami,
		"settings": settings, "8": settings, "set": set, "more": more, "9": more,
	}
}

// maxCommand is the longest text that can be a command, in bytes: a word and an
// address (msnp.md 15). A longer one is a letter, or a machine's.
const maxCommand = 200

// parse reads a line: a verb and the rest. A number takes nothing after it, and a
// text of several lines is no command.
func parse(s string) (verb, string) {
	s = strings.TrimSpace(s)
	if len(s) > maxCommand || strings.ContainsAny(s, "\r\n") {
		return unknown, ""
	}
	word, rest, _ := strings.Cut(s, " ")
	rest = strings.Join(strings.Fields(rest), " ")
	word = strings.TrimSuffix(word, ".") // 2.
	v := words()[strings.ToLower(strings.TrimPrefix(word, "/"))]
	switch v {
	case hello, help, who, status, whoami, settings:
		if rest != "" {
			return unknown, ""
		}
	case unknown:
		return unknown, ""
	}
	if len(word) == 1 && rest != "" {
		return unknown, ""
	}
	return v, rest
}
