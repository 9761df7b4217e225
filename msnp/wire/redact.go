package wire

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	// Withheld stands in logs and recordings for a parameter that holds a secret.
	Withheld = "***"
	// maxShown bounds a line in a log, in bytes: a hostile line is 8 KB.
	maxShown = 200
	// maxGarbage is how much is shown of a line that is no command: when a stream
	// is out of step, such a line is somebody's message.
	maxGarbage = 3
)

// Redact is a form of a command for logs: sign-in responses, tickets,
// switchboard cookies, phone numbers and payloads are hidden, control
// characters replaced, long lines cut. For a payload it tells the length and,
// of a MSG, the kind.
func Redact(cmd Command) string {
	var b strings.Builder
	b.WriteString(cmd.Verb)
	shown := shownArgs(cmd)
	for i, a := range cmd.Args {
		b.WriteByte(' ')
		if !shown(i) {
			b.WriteString(Withheld)
			continue
		}
		b.WriteString(a)
		if b.Len() > maxShown {
			break
		}
	}
	s := shorten(b.String())
	if cmd.Payload != nil {
		s += " [" + describe(cmd) + "]"
	}
	return s
}

// HideSecrets is the command with Withheld in the place of each parameter that
// Redact hides; whole, for recordings. The payload is not touched.
func HideSecrets(cmd Command) Command {
	shown := shownArgs(cmd)
	args := slices.Clone(cmd.Args)
	for i := range args {
		if !shown(i) {
			args[i] = Withheld
		}
	}
	cmd.Args = args
	return cmd
}

// shownArgs tells which parameters of a command hold no secret.
func shownArgs(cmd Command) func(int) bool {
	upTo := func(n int) func(int) bool { return func(i int) bool { return i < n } }
	switch cmd.Verb {
	case "USR":
		return upTo(shownUSR(cmd))
	case "ANS": // ANS t address cookie session
		return upTo(2)
	case "PRP": // PRP t type value, PRP t version type value, PRP type value
		return func(i int) bool { return !behindPhone(cmd.Args, i) }
	case "BPR":
		return func(i int) bool { return !behindPhone(cmd.Args, i) }
	case "XFR": // XFR t SB host CKI cookie
		if cmd.Arg(1) == "SB" {
			return func(i int) bool { return i < 3 || cmd.Args[i] == "CKI" }
		}
	case "RNG": // RNG session host CKI cookie address name
		return func(i int) bool {
			return i < 2 || cmd.Args[i] == "CKI" || i > 3 && cmd.Args[i-1] != "CKI"
		}
	}
	return func(int) bool { return true }
}

// shownUSR is how many parameters of USR may be seen. What does not look like
// a known form shows nothing but the TrID.
func shownUSR(cmd Command) int {
	known := 0
	if _, ok := cmd.TrID(); ok {
		known = 1
	}
	second, third := cmd.Arg(1), cmd.Arg(2)
	switch {
	case known == 0:
		return 0
	case second == "OK": // USR t OK address name ..
		return len(cmd.Args)
	case second == "MD5" || second == "TWN":
		if third == "I" { // USR t MD5 I address
			return 4
		}
		if third == "S" { // USR t MD5 S challenge or response
			return 3
		}
		return 2
	case strings.Contains(second, "@"): // USR t address cookie
		return 2
	}
	return 1
}

// behindPhone: everything after the type of a phone number is the number.
func behindPhone(args []string, i int) bool {
	for _, a := range args[:i] {
		switch a {
		case "PHH", "PHW", "PHM":
			return true
		}
	}
	return false
}

// describe tells of a payload what says nothing of its contents.
func describe(cmd Command) string {
	s := strconv.Itoa(len(cmd.Payload)) + " bytes"
	if cmd.Verb != "MSG" {
		return s
	}
	switch ParseMessage(cmd.Payload).Kind() {
	case KindText:
		return s + " text"
	case KindTyping:
		return s + " typing"
	case KindInvite:
		return s + " invitation"
	}
	return s
}

// RedactLine is Redact for a line as text, without payload. Of a line that is no
// command only the beginning shows.
func RedactLine(line string) string {
	verb, args := split(line)
	if isVerb(verb) {
		return Redact(Command{Verb: verb, Args: args})
	}
	shown := line
	if len(shown) > maxGarbage {
		shown = shown[:maxGarbage]
	}
	return shorten(shown) + ".. [" + strconv.Itoa(len(line)) + " bytes]"
}

// shorten makes s fit for a log: valid, printable and not long.
func shorten(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown] + ".."
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
