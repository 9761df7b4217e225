package harness

import "fmt"

// Message is a text that somebody wrote.
type Message struct {
	Text string
	// Unsure: the connection ended before it was acknowledged, so that it may or may
	// not have been taken.
	Unsure bool
}

// Arrived is a text that came. Life is the gateway's: a text that comes in two of
// its lives was shown again after it was killed.
type Arrived struct {
	Text string
	Life int
}

// Ledger is what became of the messages of a conversation, one way.
type Ledger struct {
	Sent       int // surely taken
	Unsure     int // and which came, of those that may have been taken
	Lost       int
	Doubled    int // came twice in one life of the gateway
	ShownAgain int // came again after the gateway was killed
	Disordered int // came for the first time after something that was written later
	Strange    int // nobody wrote it
}

// Judge compares what was written with what came.
func Judge(sent []Message, came []Arrived) (l Ledger) {
	place := make(map[string]int)
	for i, m := range sent {
		place[m.Text] = i
	}
	lives := make(map[string]int) // by text, in which life it came last
	newest := -1
	for _, a := range came {
		i, known := place[a.Text]
		life, before := lives[a.Text]
		switch {
		case !known:
			l.Strange++
			continue
		case before && life != a.Life:
			l.ShownAgain++
		case before:
			l.Doubled++
		case i < newest:
			l.Disordered++
		}
		lives[a.Text] = a.Life
		newest = max(newest, i)
	}
	for _, m := range sent {
		_, there := lives[m.Text]
		switch {
		case !m.Unsure && !there:
			l.Sent++
			l.Lost++
		case !m.Unsure:
			l.Sent++
		case there:
			l.Unsure++
		}
	}
	return l
}

// Plus adds two ledgers.
func (l Ledger) Plus(o Ledger) Ledger {
	return Ledger{l.Sent + o.Sent, l.Unsure + o.Unsure, l.Lost + o.Lost, l.Doubled + o.Doubled,
		l.ShownAgain + o.ShownAgain, l.Disordered + o.Disordered, l.Strange + o.Strange}
}

// Clean tells whether nothing went wrong but what cannot be helped.
func (l Ledger) Clean() bool {
	return l.Lost == 0 && l.Doubled == 0 && l.Disordered == 0 && l.Strange == 0
}

// String gives the counts in one line.
func (l Ledger) String() string {
	return fmt.Sprintf("%d sent (and %d whose acknowledgement was lost): lost %d, doubled %d, disordered %d, strange %d; shown again %d",
		l.Sent, l.Unsure, l.Lost, l.Doubled, l.Disordered, l.Strange, l.ShownAgain)
}
