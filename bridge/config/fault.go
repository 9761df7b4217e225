package config

import (
	"strconv"
	"strings"
	"unicode"
)

// Error is all that is wrong with a configuration.
type Error struct{ Faults []Fault }

// Error has one line for each fault.
func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Fault is one thing that is wrong.
type Fault struct {
	Key     string // full name of the key or of the variable, "" if it is the file as a whole
	Problem string // what is wrong
	Allowed string // what would be right, "" if the problem says it
	Where   string // file and line, or the variable; "" for a default
}

// String is `key: problem; allowed: ... (where)` on one line.
func (f Fault) String() string {
	var b strings.Builder
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Problem)
	if f.Allowed != "" {
		b.WriteString("; allowed: " + f.Allowed)
	}
	if f.Where != "" {
		b.WriteString(" (" + f.Where + ")")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, b.String())
}

// sources remembers where values came from.
type sources struct {
	file  string
	lines map[string]int  // line of a key in the file
	env   map[string]bool // keys that the environment gave
}

// where is the place of a key's value, "" for a default.
func (s sources) where(key string) string {
	if s.env[key] {
		return EnvName(key)
	}
	if n := s.lines[key]; n > 0 {
		return s.line(n)
	}
	return ""
}

func (s sources) line(n int) string { return s.file + " line " + strconv.Itoa(n) }

// maxQuote bounds what a fault repeats of a value.
const maxQuote = 80

// quote is a value as faults repeat it. It is never used on a secret.
func quote(s string) string {
	if len(s) > maxQuote {
		s = s[:maxQuote] + "..."
	}
	return strconv.Quote(s)
}

// didYouMean is a hint at the nearest of some words, shown with a prefix, or "".
func didYouMean(prefix, word string, words []string) string {
	best, at := "", len(word)/3+2 // at least this far is another word
	for _, w := range words {
		if d := distance(strings.ToLower(word), strings.ToLower(w)); d < at {
			best, at = w, d
		}
	}
	if best == "" || best == word {
		return ""
	}
	return "; did you mean " + prefix + best + "?"
}

// maxDistance bounds the words compared: no key is as long.
const maxDistance = 100

// distance is the number of letters to add, drop, change or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	if len(a) > maxDistance || len(b) > maxDistance {
		return maxDistance
	}
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, now := rows[(i+2)%3], rows[i%3], rows[(i+1)%3]
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
