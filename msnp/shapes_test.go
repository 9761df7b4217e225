package msnp_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wtvgate/msnp/wire"
)

// parser holds a server's lines against what period clients insist on (msnp.md
// 18.3, 25): their parsers count words, compare numbers and wait for totals. It
// is the client's side of one connection.
type parser struct {
	dialect wire.Dialect
	sb      bool // a switchboard connection
	cvr0    bool // CVR0 was offered

	version uint32 // of the lists
	sync    *syncState
	synced  bool // the lists came whole
}

// syncState is the middle of SYN's answer.
type syncState struct {
	lists, groups int    // MSNP8: lines to come
	list          string // MSNP2-7: the list under way
	index, total  int
}

// order in which MSNP2-7 list the lists; gaim is online after the last of RL.
var listOrder = []string{"FL", "AL", "BL", "RL"}

// words is how many words a line of a notification server may have, the verb
// included, by dialect.
func words(verb string, d wire.Dialect) []int {
	pick := func(old, eight int) []int {
		if d >= wire.MSNP8 {
			return []int{eight}
		}
		return []int{old}
	}
	switch verb {
	case "VER":
		return []int{3, 4}
	case "INF":
		return []int{3}
	case "CVR":
		return []int{7}
	case "MSG":
		return []int{4}
	case "CHG":
		return pick(3, 4)
	case "ILN":
		return pick(5, 6)
	case "NLN":
		return pick(4, 5)
	case "FLN", "OUT":
		return []int{2}
	case "ADD":
		if d >= wire.MSNP7 {
			return []int{6, 7}
		}
		return []int{6}
	case "REM":
		if d >= wire.MSNP7 {
			return []int{5, 6}
		}
		return []int{5}
	case "REA":
		return []int{5}
	case "ADG", "REG":
		return []int{6}
	case "RMG":
		return []int{4}
	case "XFR":
		return []int{6}
	case "RNG":
		return []int{7}
	case "PRP":
		return []int{4, 5}
	case "BPR":
		return []int{4, 5}
	case "GTC", "BLP":
		return []int{4}
	case "QNG":
		return []int{1}
	case "SYN":
		if d >= wire.MSNP8 {
			return []int{3, 5}
		}
		return []int{3}
	case "USR":
		return []int{5 + len(okTail(d)), 5}
	case "LSG":
		return pick(8, 4)
	case "LST":
		switch {
		case d >= wire.MSNP8:
			return []int{4, 5}
		case d == wire.MSNP7:
			return []int{6, 8, 9}
		}
		return []int{6, 8}
	}
	return nil
}

// okTail is what follows the name in USR OK.
func okTail(d wire.Dialect) []string {
	switch {
	case d >= wire.MSNP8:
		return []string{"1", "0"}
	case d >= wire.MSNP6:
		return []string{"1"}
	}
	return nil
}

// boardWords is words for a switchboard; its lines are the same in all dialects.
var boardWords = map[string][]int{
	"USR": {5}, "IRO": {6}, "ANS": {3}, "CAL": {4}, "JOI": {3}, "BYE": {2, 3}, "ACK": {2}, "NAK": {2}, "MSG": {4}, "QNG": {1},
}

// take checks one line with its payload.
func (p *parser) take(raw string, payload []byte) error {
	w := strings.Split(raw, " ")
	if slices.Contains(w, "") {
		return fmt.Errorf("an empty word, which shifts the columns: %q", raw)
	}
	if len(raw) >= 1024 {
		return fmt.Errorf("a line of %d bytes", len(raw))
	}
	if _, err := strconv.Atoi(w[0]); err == nil {
		// Twisted's parser dies on a code without a number behind it.
		if len(w[0]) != 3 || len(w) != 2 || !wire.IsTrID(w[1]) {
			return fmt.Errorf("not an error line: %q", raw)
		}
		return nil
	}
	want := words(w[0], p.dialect)
	if p.sb {
		want = boardWords[w[0]]
	}
	if p.sync != nil && !p.sb {
		done, err := p.inSync(w)
		if done || err != nil {
			return err
		}
	}
	if !slices.Contains(want, len(w)) {
		return fmt.Errorf("%d words, want one of %v: %q", len(w), want, raw)
	}
	if w[0] == "MSG" {
		return p.message(w, payload)
	}
	if p.sb {
		return board(w)
	}
	return p.notification(w)
}

// message: gaim and BitLBee log out on a length of 0, BitLBee swallows line ends
// in front of the head, libmsn2 overflows from 1,250 bytes on; Twisted refuses a
// second colon in a head line.
func (p *parser) message(w []string, payload []byte) error {
	n, err := strconv.Atoi(w[3])
	if err != nil || n != len(payload) || n <= 0 || n >= 1250 {
		return fmt.Errorf("MSG of %d bytes announces %s", len(payload), w[3])
	}
	head, _, ok := bytes.Cut(payload, []byte("\r\n\r\n"))
	if !ok || payload[0] == '\r' || payload[0] == '\n' || !bytes.Contains(head, []byte("Content-Type: ")) {
		return fmt.Errorf("no head: %q", payload)
	}
	if p.sb {
		return nil
	}
	for _, line := range strings.Split(string(head), "\r\n") {
		if strings.Count(line, ":") != 1 || !strings.Contains(line, ": ") {
			return fmt.Errorf("head line %q", line)
		}
	}
	return nil
}

// inSync takes the lines of SYN's answer, which differ from those of the same
// names elsewhere. Not done: the line is none of them.
func (p *parser) inSync(w []string) (done bool, err error) {
	if p.dialect >= wire.MSNP8 {
		return p.inSync8(w)
	}
	switch w[0] {
	case "GTC", "BLP", "PRP", "LSG":
		if w[0] == "LSG" && p.dialect != wire.MSNP7 || p.sync.list != "" {
			return true, fmt.Errorf("out of place: %q", w)
		}
		if !slices.Contains(words(w[0], p.dialect), len(w)) || w[2] != strconv.Itoa(int(p.version)) {
			return true, fmt.Errorf("words, or the version, of %q", w)
		}
		return true, nil
	case "BPR":
		if len(w) != 5 || w[1] != strconv.Itoa(int(p.version)) || p.sync.list != "FL" {
			return true, fmt.Errorf("%q within the lists", w)
		}
		return true, nil
	case "LST":
		return true, p.entry(w)
	}
	return true, fmt.Errorf("%q within the lists", w)
}

// entry: `LST t L v i n address name {groups}`, and `0 0` for an empty list.
func (p *parser) entry(w []string) error {
	s := p.sync
	if !slices.Contains(words("LST", p.dialect), len(w)) {
		return fmt.Errorf("%d words: %q", len(w), w)
	}
	i, err1 := strconv.Atoi(w[4])
	n, err2 := strconv.Atoi(w[5])
	if err1 != nil || err2 != nil || w[3] != strconv.Itoa(int(p.version)) {
		return fmt.Errorf("numbers of %q", w)
	}
	if s.index == s.total { // the one before has ended
		next := slices.Index(listOrder, s.list) + 1
		if next >= len(listOrder) || w[2] != listOrder[next] {
			return fmt.Errorf("list %s after %s", w[2], s.list)
		}
		s.list, s.index, s.total = w[2], 0, n
		if n == 0 {
			if i != 0 || len(w) != 6 {
				return fmt.Errorf("an empty list looks like %q", w)
			}
			return p.endOfList()
		}
	}
	s.index++
	groups := p.dialect == wire.MSNP7 && s.list == "FL"
	if w[2] != s.list || i != s.index || n != s.total || (len(w) == 9) != groups || !strings.Contains(w[6], "@") {
		return fmt.Errorf("entry %d of %d of %s looks like %q", s.index, s.total, s.list, w)
	}
	return p.endOfList()
}

func (p *parser) endOfList() error {
	if p.sync.list == "RL" && p.sync.index == p.sync.total {
		p.sync, p.synced = nil, true
	}
	return nil
}

func (p *parser) inSync8(w []string) (bool, error) {
	s := p.sync
	switch w[0] {
	case "GTC", "BLP":
		if len(w) != 2 {
			return true, fmt.Errorf("%q within the lists", w)
		}
	case "PRP", "BPR":
		if len(w) != 3 {
			return true, fmt.Errorf("%q within the lists", w)
		}
	case "LSG":
		if s.groups--; s.groups < 0 || len(w) != 4 {
			return true, fmt.Errorf("%q, %d groups left", w, s.groups)
		}
	case "LST":
		bits, err := strconv.Atoi(w[3])
		if s.lists--; err != nil || s.lists < 0 || s.groups != 0 || bits == 0 || (len(w) == 5) != (bits&1 == 1) {
			return true, fmt.Errorf("%q, %d entries and %d groups left", w, s.lists, s.groups)
		}
	default:
		return true, fmt.Errorf("%q within the lists", w)
	}
	if s.lists == 0 && s.groups == 0 {
		p.sync, p.synced = nil, true
	}
	return true, nil
}

// notification checks what is more than a number of words.
func (p *parser) notification(w []string) error {
	bad := func(why string) error { return fmt.Errorf("%s: %q", why, w) }
	switch w[0] {
	case "VER":
		if w[2] != p.dialect.String() || p.cvr0 != (len(w) == 4 && w[3] == "CVR0") {
			return bad("dialect, and CVR0 as it was offered")
		}
	case "USR":
		return p.user(w)
	case "SYN":
		return p.beginSync(w)
	case "XFR":
		if w[2] != "SB" || !strings.Contains(w[3], ":") || w[4] != "CKI" {
			return bad("BitLBee wants host and port")
		}
	case "RNG":
		if n, err := strconv.ParseInt(w[1], 10, 32); err != nil || n <= 0 || !strings.Contains(w[2], ":") || w[3] != "CKI" {
			return bad("session numbers are signed 32 bits")
		}
	case "ADD", "REM":
		return p.changed(w[3])
	case "REA", "ADG", "REG", "RMG", "GTC", "BLP", "PRP":
		return p.changed(w[2])
	}
	return nil
}

// user: `USR t MD5 S challenge`, or OK with exactly the fields of the dialect.
func (p *parser) user(w []string) error {
	if w[2] == "OK" {
		if !slices.Equal(w[5:], okTail(p.dialect)) {
			return fmt.Errorf("USR OK ends in %q, want %q", w[5:], okTail(p.dialect))
		}
		return nil
	}
	method, start := "MD5", ""
	if p.dialect >= wire.MSNP8 {
		method, start = "TWN", "ct="
	}
	if len(w) != 5 || w[2] != method || w[3] != "S" || !strings.HasPrefix(w[4], start) {
		return fmt.Errorf("a challenge of %s looks like %q", p.dialect, w)
	}
	if method == "TWN" && !strings.Contains(w[4], "lc=") {
		return fmt.Errorf("BitLBee looks for lc= in %q", w[4])
	}
	return nil
}

func (p *parser) beginSync(w []string) error {
	v, err := strconv.ParseUint(w[2], 10, 32)
	if err != nil || v == 0 {
		return fmt.Errorf("list version of %q", w)
	}
	p.version, p.sync = uint32(v), &syncState{}
	if len(w) == 5 {
		p.sync.lists, err = strconv.Atoi(w[3])
		if err == nil {
			p.sync.groups, err = strconv.Atoi(w[4])
		}
		if err != nil || p.sync.groups < 1 {
			return fmt.Errorf("counts of %q", w)
		}
	}
	return nil
}

// changed: every change has a version above the one before.
func (p *parser) changed(word string) error {
	v, err := strconv.ParseUint(word, 10, 32)
	if err != nil || uint32(v) <= p.version {
		return fmt.Errorf("version %q after %d", word, p.version)
	}
	p.version = uint32(v)
	return nil
}

// board checks a line of a switchboard.
func board(w []string) error {
	number := func(s string) bool { n, err := strconv.ParseInt(s, 10, 32); return err == nil && n > 0 }
	switch w[0] {
	case "CAL":
		if w[2] != "RINGING" || !number(w[3]) {
			return fmt.Errorf("BitLBee and Twisted want a number: %q", w)
		}
	case "IRO":
		if !number(w[2]) || !number(w[3]) {
			return fmt.Errorf("counts of %q", w)
		}
	case "USR", "ANS":
		if w[2] != "OK" {
			return fmt.Errorf("not OK: %q", w)
		}
	}
	return nil
}
