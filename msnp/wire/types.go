package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Dialect is the protocol version: 2 for MSNP2 up to 8 for MSNP8.
type Dialect int

// The dialects this code speaks. WebTV Viewer 2.5 uses 3, firmware 2.8 uses 6,
// the last first-generation firmware 8 (msnp.md 17.2).
const (
	MSNP2 Dialect = 2 + iota
	MSNP3
	MSNP4
	MSNP5
	MSNP6
	MSNP7
	MSNP8
)

// String is the name used in VER, such as MSNP8.
func (d Dialect) String() string { return "MSNP" + strconv.Itoa(int(d)) }

// ParseDialect reads a name of VER in any case. Names outside MSNP2-8 (MSNP9,
// CVR0, junk) give false.
func ParseDialect(s string) (Dialect, bool) {
	if len(s) != 5 || !strings.EqualFold(s[:4], "MSNP") {
		return 0, false
	}
	d := Dialect(s[4] - '0')
	return d, d >= MSNP2 && d <= MSNP8
}

// Status is a presence code (msnp.md 8.1).
type Status string

// Presence codes. Hidden is only ever set, never shown to others; Offline is
// never set and never in NLN or ILN.
const (
	Online  Status = "NLN"
	Busy    Status = "BSY"
	Idle    Status = "IDL"
	BackBRB Status = "BRB"
	Away    Status = "AWY"
	Phone   Status = "PHN"
	Lunch   Status = "LUN"
	Hidden  Status = "HDN"
	Offline Status = "FLN"
)

// ParseStatus reads a code a client may send with CHG; codes are upper case on
// the wire and nothing else.
func ParseStatus(s string) (Status, bool) {
	switch st := Status(s); st {
	case Online, Busy, Idle, BackBRB, Away, Phone, Lunch, Hidden, Offline:
		return st, true
	}
	return "", false
}

// List is one of the four contact lists, as its bit in MSNP8's LST.
type List uint8

// The lists (msnp.md 7.1). Reverse is written by the server alone.
const (
	Forward List = 1
	Allow   List = 2
	Block   List = 4
	Reverse List = 8
)

// AllLists is the order in which MSNP2-7 send them.
var allLists = [...]List{Forward, Allow, Block, Reverse}

// EachList calls f for the four lists in the order SYN sends them.
func EachList(f func(List)) {
	for _, l := range allLists {
		f(l)
	}
}

// String is the wire name: FL, AL, BL or RL.
func (l List) String() string {
	switch l {
	case Forward:
		return "FL"
	case Allow:
		return "AL"
	case Block:
		return "BL"
	case Reverse:
		return "RL"
	}
	return fmt.Sprintf("List(%d)", uint8(l))
}

// ParseList reads FL, AL, BL or RL.
func ParseList(s string) (List, bool) {
	for _, l := range allLists {
		if l.String() == s {
			return l, true
		}
	}
	return 0, false
}

// Lists is a set of lists: the bit sum of MSNP8's LST.
type Lists uint8

// Has tells whether l is in the set.
func (s Lists) Has(l List) bool { return s&Lists(l) != 0 }

// With is the set and l.
func (s Lists) With(l List) Lists { return s | Lists(l) }

// Without is the set less l.
func (s Lists) Without(l List) Lists { return s &^ Lists(l) }
