package chaos

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// window is how many messages for one box may be on their way in a flow. Of more
// that wait, a box that returns is shown a few and a count.
const window = 12

// fate is what the author of a message was told.
type fate int

const (
	trying   fate = iota
	accepted      // ACK, an event id, a message id
	refused       // NAK or an error that says no
	unknown       // the line broke off before an answer came
)

// message is one text of a flow.
type message struct {
	fate     fate
	shown    []int // the kills before each arrival's gateway began
	cuts     int   // how many lines it was inside when they were cut
	reported bool  // its author was told that it failed
	damaged  bool  // another text arrived than was written
}

// Flow is what one person writes to another, as numbered texts.
type Flow struct {
	From, To string
	l        *Ledger
	id       int
	toBox    bool
	messages []message // index is number - 1
	order    []int     // numbers as they arrived first
}

// Ledger knows all flows.
type Ledger struct {
	mu      sync.Mutex
	flows   []*Flow
	kills   int
	notices int
	strange []string // what nobody wrote
}

// NewFlow begins a flow. ToBox: its texts are shown by a box.
func (l *Ledger) NewFlow(from, to string, toBox bool) *Flow {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &Flow{From: from, To: to, l: l, id: len(l.flows) + 1, toBox: toBox}
	l.flows = append(l.flows, f)
	return f
}

// text is what message n says. The words vary in length, and the end shows that
// nothing was cut off.
func (f *Flow) text(n int) string {
	return fmt.Sprintf("f%dn%d %s end%d", f.id, n, strings.Repeat("la ", n%17), n)
}

// Write gives the next text, unless too many are on their way to a box.
func (f *Flow) Write() (n int, text string, ok bool) {
	f.l.mu.Lock()
	defer f.l.mu.Unlock()
	if f.toBox {
		open := 0
		for i := range f.messages {
			if m := &f.messages[i]; m.open() || m.fate == trying {
				open++
			}
		}
		if open >= window {
			return 0, "", false
		}
	}
	f.messages = append(f.messages, message{})
	return len(f.messages), f.text(len(f.messages)), true
}

// open: accepted and not accounted for.
func (m *message) open() bool {
	return m.fate == accepted && len(m.shown) == 0 && m.cuts == 0 && !m.reported
}

// Settle notes what the author was told.
func (f *Flow) Settle(n int, t fate) {
	f.l.mu.Lock()
	defer f.l.mu.Unlock()
	f.messages[n-1].fate = t
}

// Killed counts a kill of the gateway.
func (l *Ledger) Killed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kills++
}

var tag = regexp.MustCompile(`f(\d+)n(\d+) `)

// find gives the message that a text is about. The caller holds mu.
func (l *Ledger) find(match []string) (*Flow, int, *message) {
	id, _ := strconv.Atoi(match[1]) // digits; too many are no flow of ours
	n, _ := strconv.Atoi(match[2])
	if id < 1 || id > len(l.flows) || n < 1 || n > len(l.flows[id-1].messages) {
		return nil, 0, nil
	}
	return l.flows[id-1], n, &l.flows[id-1].messages[n-1]
}

// Kills is how often the gateway was killed so far.
func (l *Ledger) Kills() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kills
}

// Shown notes a text on somebody's screen, which came from the gateway that runs
// after so many kills.
func (l *Ledger) Shown(who, text string, kills int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	match := tag.FindStringSubmatch(text)
	if match == nil {
		l.notices++
		return
	}
	f, n, m := l.find(match)
	switch {
	case m == nil:
		l.strange = append(l.strange, text)
	case strings.Contains(text, "Not delivered: "):
		m.reported = true
	case strings.Contains(text, "Not delivered yet"):
		l.notices++
	case f.To != who:
		l.strange = append(l.strange, who+" has "+text)
	default:
		m.damaged = m.damaged || !strings.HasSuffix(text, f.text(n))
		if len(m.shown) == 0 {
			f.order = append(f.order, n)
		}
		m.shown = append(m.shown, kills)
	}
}

// failed begins a line that tells a box that what it wrote was given up.
const failed = `Not delivered: "`

// Cut notes what was inside a line when it was cut: each message once, however often
// the line had it; for one of the box's own, that it was given up.
func (l *Ledger) Cut(bytes []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	inside, text := make(map[*message]bool), string(bytes)
	for _, at := range tag.FindAllStringSubmatchIndex(text, -1) {
		f, _, m := l.find([]string{text[at[0]:at[1]], text[at[2]:at[3]], text[at[4]:at[5]]})
		if m != nil && (f.toBox || strings.HasSuffix(text[:at[0]], failed)) && !inside[m] {
			inside[m] = true
			m.cuts++
		}
	}
}

// Replace takes all that somebody has in place of what was noted: for those who can
// be asked at the end.
func (l *Ledger) Replace(f *Flow, who string, texts []string) {
	l.mu.Lock()
	for i := range f.messages {
		f.messages[i].shown = nil
	}
	f.order = nil
	l.mu.Unlock()
	for _, t := range texts {
		l.Shown(who, t, 0)
	}
}

// Sum is the ledger added up.
type Sum struct {
	Written, Accepted, Delivered, Reported, Refused, Unknown int
	Again, Repeated, Cut                                     int // shown again after a kill; after a cut; inside a line that was cut, and not shown
	Lost, Doubled, Disorder, Damaged, Strange                int
	Notices                                                  int
}

// Clean tells whether nothing happened that must not.
func (s Sum) Clean() bool { return s.Lost+s.Doubled+s.Disorder+s.Damaged+s.Strange == 0 }

// String gives the counts in one line.
func (s Sum) String() string {
	return fmt.Sprintf("written %d, accepted %d, delivered %d, reported failed %d, refused %d, unknown %d; "+
		"lost %d, doubled %d, out of order %d, damaged %d, strange %d; shown again after a kill %d, after a cut %d, in a line that was cut %d; notices %d",
		s.Written, s.Accepted, s.Delivered, s.Reported, s.Refused, s.Unknown,
		s.Lost, s.Doubled, s.Disorder, s.Damaged, s.Strange, s.Again, s.Repeated, s.Cut, s.Notices)
}

// Sum adds up, and lists up to 40 faults.
func (l *Ledger) Sum() (s Sum, faults []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	blame := func(f *Flow, n int, what string) {
		if len(faults) < 40 {
			faults = append(faults, fmt.Sprintf("%s to %s, f%dn%d: %s, kills at arrivals %v, of %d", f.From, f.To, f.id, n, what, f.messages[n-1].shown, l.kills))
		}
	}
	for _, f := range l.flows {
		for i := range f.messages {
			if what := s.add(f, &f.messages[i]); what != "" {
				blame(f, i+1, what)
			}
		}
		newest := 0
		for _, n := range f.order {
			switch {
			case f.messages[n-1].fate != accepted: // its author does not know of it
			case n < newest:
				s.Disorder++
				blame(f, n, fmt.Sprintf("after n%d", newest))
			default:
				newest = n
			}
		}
	}
	s.Notices, s.Strange = l.notices, len(l.strange)
	for _, t := range l.strange {
		if len(faults) < 40 {
			faults = append(faults, "strange: "+t)
		}
	}
	return s, faults
}

// add counts one message and says what is wrong with it.
func (s *Sum) add(f *Flow, m *message) (what string) {
	s.Written++
	switch m.fate {
	case accepted:
		s.Accepted++
	case refused:
		s.Refused++
	case unknown, trying:
		s.Unknown++
	}
	switch {
	case len(m.shown) > 0:
		if m.fate == accepted {
			s.Delivered++
		}
	case m.fate != accepted:
	case m.reported:
		s.Reported++
	case m.cuts > 0:
		s.Cut++
	default:
		s.Lost++
		what = "lost"
	}
	excused := m.cuts // each line that was cut with it inside is reason for one more
	for i := 1; i < len(m.shown); i++ {
		switch {
		case f.toBox && m.shown[i] > m.shown[i-1]:
			s.Again++
		case f.toBox && excused > 0:
			excused--
			s.Repeated++
		default:
			s.Doubled++
			what = "doubled"
		}
	}
	if m.damaged {
		s.Damaged++
		what = "damaged"
	}
	return what
}

// Missing lists how the texts of a flow begin that were accepted and are not accounted
// for.
func (f *Flow) Missing() (all []string) {
	f.l.mu.Lock()
	defer f.l.mu.Unlock()
	for i := range f.messages {
		if f.messages[i].open() {
			all = append(all, fmt.Sprintf("f%dn%d ", f.id, i+1))
		}
	}
	return all
}

// Open counts the accepted messages that are not accounted for.
func (l *Ledger) Open() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.flows {
		for i := range f.messages {
			if f.messages[i].open() {
				n++
			}
		}
	}
	return n
}
