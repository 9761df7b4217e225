package setup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"wtvgate/bridge/config"
)

// maxAnswer bounds one line of an answer.
const maxAnswer = 1024

// ErrNoAnswer: the input ended before the questions did.
var ErrNoAnswer = errors.New("no answer came; give flags, or --yes for the defaults")

// asker puts questions.
type asker struct {
	in  *bufio.Scanner
	out io.Writer
	err error // the first one stays; later questions give their defaults
}

// Ask puts the few questions, each with its default in brackets, and gives the
// answers. What an answer has to be is judged by Write.
func Ask(in io.Reader, out io.Writer, a Answers) (Answers, error) {
	q := &asker{in: bufio.NewScanner(in), out: out}
	q.in.Buffer(nil, maxAnswer)
	a.Domain = q.text("Addresses of your accounts end in @", a.Domain)
	a.Mode = q.choice("Do boxes come through your WebTV server (companion), through the gateway alone (standalone), or not at all (off)?", a.Mode,
		string(config.Companion), string(config.Standalone), string(config.WTVPOff))
	if a.Mode == string(config.Companion) {
		a.SharedKey = q.text("Your WebTV server's initial_shared_key, empty for a new one", a.SharedKey)
	}
	a.Advertise = q.text("The address boxes reach this machine at: dotted, or auto if no router is between", a.Advertise)
	a.Registration = q.choice("May a new box take a free address by itself (first-box), or do you add accounts (closed)?", a.Registration,
		string(config.Closed), string(config.FirstBox))
	if q.choice("Connect to a Matrix homeserver?", "no", "yes", "no") == "yes" {
		a.Homeserver = q.text("Where the gateway reaches the homeserver", "http://127.0.0.1:8008")
		a.ServerName = q.text("Its name, as in @bob:NAME", "example.org")
		if !strings.Contains(a.Homeserver, "127.0.0.1") && !strings.Contains(a.Homeserver, "localhost") {
			a.Appservice = q.text("Where the homeserver reaches the gateway", "http://"+or(a.Advertise, "192.0.2.7")+":29350")
		}
	}
	if q.choice("Connect to Discord with a bot of yours (docs/discord.md says how to make one)?", "no", "yes", "no") == "yes" {
		a.DiscordToken = q.text("The bot's token; it is kept in a file of its own", "")
	}
	return a, q.err
}

func or(s, other string) string {
	if s == "" || s == "auto" {
		return other
	}
	return s
}

// text asks for a line.
func (q *asker) text(question, usual string) string {
	if q.err != nil {
		return usual
	}
	fmt.Fprintf(q.out, "%s [%s] ", question, usual) // who cannot be asked does not answer either
	if !q.in.Scan() {
		if q.err = q.in.Err(); q.err == nil {
			q.err = ErrNoAnswer
		}
		return usual
	}
	if s := strings.TrimSpace(q.in.Text()); s != "" {
		return s
	}
	return usual
}

// choice asks for one of some words, again until it is one.
func (q *asker) choice(question, usual string, words ...string) string {
	for {
		s := strings.ToLower(q.text(question, usual))
		for _, w := range words {
			if q.err != nil || s == w || len(s) == 1 && s[0] == w[0] {
				return map[bool]string{true: usual, false: w}[q.err != nil]
			}
		}
		fmt.Fprintf(q.out, "One of: %s.\n", strings.Join(words, ", "))
	}
}
