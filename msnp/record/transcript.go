package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"wtvgate/msnp/wire"
)

// Limits of reading a recording; ours are shorter.
const (
	maxRow  = 64 << 10
	maxRows = 1 << 20
)

// ErrNoRecording: the text is not a recording.
var ErrNoRecording = errors.New("not a recording of wtvgate")

// act is one line of a recording with its payload.
type act struct {
	conn    string
	client  bool
	words   []string
	payload []string // its rows; nil: none
}

var (
	rowForm = regexp.MustCompile(`^\s*[\d.]+ (\w+) ([CS]): (.*)$`)
	// addressForm is an address where it stands among other text.
	addressForm = regexp.MustCompile(`[^\s:;,<>"|]+@[A-Za-z0-9.-]+`)
)

// read reads a recording.
func read(r io.Reader) ([]act, error) {
	var acts []act
	last := make(map[string]int) // which act a payload belongs to
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxRow)
	for n := 1; sc.Scan(); n++ {
		row := strings.TrimSuffix(sc.Text(), "\r")
		if strings.HasPrefix(row, "#") || strings.TrimSpace(row) == "" {
			continue
		}
		m := rowForm.FindStringSubmatch(row)
		if m == nil || n > maxRows {
			return nil, fmt.Errorf("line %d: %w", n, ErrNoRecording)
		}
		key := m[1] + m[2]
		if body, ok := strings.CutPrefix(m[3], "|"); ok {
			i, ok := last[key]
			if !ok {
				return nil, fmt.Errorf("line %d: a payload without a command: %w", n, ErrNoRecording)
			}
			acts[i].payload = append(acts[i].payload, strings.TrimPrefix(body, " "))
			continue
		}
		last[key] = len(acts)
		acts = append(acts, act{conn: m[1], client: m[2] == "C", words: strings.Split(m[3], " ")})
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if len(acts) == 0 {
		return nil, ErrNoRecording
	}
	return acts, nil
}

// Password is what accounts have in a transcript.
const Password = "hunter22"

// Transcript makes of a recording a transcript as the tests play it
// (msnp/msnptest): people get made-up addresses and names, the recorded account
// is alice@example.net, and what is new in each session is a placeholder. The
// accounts and lists of the test must be laid out to match. ErrNoRecording, or
// the error of reading or writing.
func Transcript(w io.Writer, r io.Reader) error {
	acts, err := read(r)
	if err != nil {
		return err
	}
	c := newCast(acts)
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# Made of a recording; people are made up. Accounts: %s\n", strings.Join(c.everyone, ", "))
	for _, a := range acts {
		c.play(out, a)
	}
	return out.Flush()
}

// cast is who is who in a transcript, and what the placeholders of the moment are.
type cast struct {
	people   map[string]string // lower-case address -> made-up address
	names    map[string]string // screen name -> made-up name
	groups   map[string]string // group name -> made-up name
	everyone []string
	boards   int    // XFRs and RNGs seen
	cookie   string // of the last one, not used yet
	session  string // number of the last RNG
}

// first are the people in the order of their coming.
var first = []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia",
	"peggy", "rupert", "sybil", "trent", "victor", "walter"}

func newCast(acts []act) *cast {
	c := &cast{people: make(map[string]string), names: make(map[string]string), groups: make(map[string]string)}
	for _, a := range acts { // the recorded account is the first who signs in
		if a.client && a.words[0] == "USR" && len(a.words) > 2 {
			for _, word := range a.words[2:] {
				if strings.Contains(word, "@") {
					c.address(word)
					return c
				}
			}
		}
	}
	return c
}

func (c *cast) address(real string) string {
	key := strings.ToLower(real)
	if made, ok := c.people[key]; ok {
		return made
	}
	name := fmt.Sprintf("person%d", len(c.people)+1)
	if len(c.people) < len(first) {
		name = first[len(c.people)]
	}
	domain := "@example.net"
	if strings.HasSuffix(key, "@discord.com") {
		domain = "@discord.com" // may matter to what is shown
	}
	c.people[key] = name + domain
	c.everyone = append(c.everyone, name+domain)
	return name + domain
}

// name is the made-up screen name of whoever has the made-up address; a name
// that is just the address stays so.
func (c *cast) name(real, realAddress, made string) string {
	if strings.EqualFold(real, realAddress) {
		return made
	}
	if known, ok := c.names[real]; ok {
		return known
	}
	local, _, _ := strings.Cut(made, "@")
	name := strings.ToUpper(local[:1]) + local[1:]
	c.names[real] = name
	return name
}

// ourGroups are names that say nothing of anybody: MSN's own, and that of a
// group which a client shows under its own name.
var ourGroups = []string{"Other%20Contacts", "~"}

func (c *cast) group(real string) string {
	if slices.Contains(ourGroups, real) {
		return real
	}
	made, ok := c.groups[real]
	if !ok {
		made = fmt.Sprintf("Group%d", len(c.groups)+1)
		c.groups[real] = made
	}
	return made
}

// play writes one act.
func (c *cast) play(out *bufio.Writer, a act) {
	side := "S"
	if a.client {
		side = "C"
	}
	switch a.words[0] {
	case "[connected]": // a connection is dialled at its first line
		return
	case "[closed]":
		text := "[closed]"
		if a.client {
			text = "[close]"
		}
		fmt.Fprintf(out, "%s%s> %s\n", side, a.conn, text)
		return
	case "[not":
		fmt.Fprintf(out, "# %s%s> %s\n", side, a.conn, strings.Join(a.words, " "))
		return
	}
	words := c.placeholders(a, c.cloak(a.words))
	rows := c.payload(a)
	if a.payload != nil {
		switch last := len(words) - 1; {
		case a.client:
			words[last] = "{len}"
		case rows[0] == "*":
			words[last] = "*"
		}
	}
	fmt.Fprintf(out, "%s%s> %s\n", side, a.conn, strings.Join(words, " "))
	for _, row := range rows {
		fmt.Fprintf(out, "    %s\n", row)
	}
}

// cloak puts made-up people in the place of real ones.
func (c *cast) cloak(words []string) []string {
	out := make([]string, len(words))
	copy(out, words)
	if v := words[0]; v == "LSG" || v == "ADG" || v == "REG" {
		for i, w := range out[1:] {
			if strings.Trim(w, "0123456789") != "" {
				out[i+1] = c.group(w)
			}
		}
		return out
	}
	for i := 1; i < len(out); i++ {
		if !strings.Contains(words[i], "@") {
			continue
		}
		out[i] = c.address(words[i])
		if i+1 < len(out) && !wire.IsTrID(words[i+1]) && words[i+1] != wire.Withheld {
			out[i+1] = c.name(words[i+1], words[i], out[i])
			i++
		}
	}
	return out
}

// placeholders puts what the runner remembers or makes in the place of what was
// withheld.
func (c *cast) placeholders(a act, w []string) []string {
	arg := func(i int) string {
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	set := func(i int, word string) {
		if i < len(w) {
			w[i] = word
		}
	}
	switch {
	case w[0] == "USR" && arg(3) == "S" && !a.client:
		w[len(w)-1] = "{challenge" + a.conn + "}"
	case w[0] == "USR" && arg(3) == "S" && arg(2) == "TWN":
		w = append(w[:4], "t="+Password+"&p=")
	case w[0] == "USR" && arg(3) == "S":
		w = append(w[:4], "{md5:challenge"+a.conn+":"+Password+"}")
	case w[0] == "XFR" && arg(2) == "SB" && arg(4) == "CKI":
		c.boards++
		c.cookie = fmt.Sprintf("{cookie%d}", c.boards)
		set(3, "*")
		set(5, c.cookie)
	case w[0] == "RNG" && arg(3) == "CKI":
		c.boards++
		c.cookie, c.session = fmt.Sprintf("{cookie%d}", c.boards), fmt.Sprintf("{session%d}", c.boards)
		set(1, c.session)
		set(2, "*")
		set(4, c.cookie)
	case a.client && w[0] == "USR" && arg(3) == wire.Withheld:
		set(3, c.cookie)
	case a.client && w[0] == "ANS" && arg(3) == wire.Withheld:
		set(3, c.cookie)
		set(4, c.session)
	case w[0] == "CAL" && arg(2) == "RINGING":
		set(3, "*")
	}
	return w
}

// payload is the rows as the runner reads them, with made-up addresses. The
// length of a server's payload that held one is no longer the recorded one, so
// that any payload is taken there; and a profile (msnp.md 12.5) differs each time.
func (c *cast) payload(a act) []string {
	var rows []string
	same := true
	for i, row := range a.payload {
		made := addressForm.ReplaceAllStringFunc(row, c.address)
		same = same && made == row
		switch last := i == len(a.payload)-1; {
		case last && row == "": // the row before it ended in CR LF
		case last:
			rows = append(rows, made+"|")
		case row == "":
			rows = append(rows, "(empty)")
		default:
			rows = append(rows, made)
		}
	}
	if !a.client && a.payload != nil && (!same || len(rows) == 0 || a.words[1] == "Hotmail") {
		return []string{"*"}
	}
	return rows
}
