package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// mention.go: names that a person on a box wrote with an @.

// Person is somebody who can be mentioned.
type Person struct {
	ID    string   // as their network writes it
	Names []string // what they may be called: display name, local part
}

const (
	// maxPeople is how many people are compared with a name.
	maxPeople = 500
	// maxMentions is how many names of one message become mentions: more would be
	// a nuisance.
	maxMentions = 10
)

// WithMentions is the content with names after an @ made mentions, where exactly
// one of the people can be meant. The longest name wins; case, accents and
// everything but letters and digits do not count; what is not certain stays text
// (lessons L21).
func WithMentions(c Content, people []Person) Content {
	if len(people) == 0 || !strings.Contains(c.Body, "@") {
		return c
	}
	people = people[:min(len(people), maxPeople)]
	runs := c.Runs
	if runs == nil {
		runs = []Run{{Text: c.Body}}
	}
	var out []Run
	found := 0
	for _, x := range runs {
		if x.Kind != KindText {
			out = append(out, x)
			continue
		}
		plain := 0
		for i := 0; i < len(x.Text) && found < maxMentions; i++ {
			if (x.Text[i]|0x20) == 'h' && linkAt(x.Text, i) {
				i += linkLen(x.Text[i:]) - 1
				continue
			}
			if x.Text[i] != '@' || i > 0 && wordly(lastRune(x.Text[:i])) {
				continue
			}
			id, n := whose(x.Text[i+1:], people)
			if id == "" {
				continue
			}
			before, name := x, x
			before.Text = x.Text[plain:i]
			name.Kind, name.Text, name.ID = KindMention, x.Text[i:i+1+n], id
			out = append(out, before, name)
			plain, found = i+1+n, found+1
			i += n
		}
		x.Text = x.Text[plain:]
		out = append(out, x)
	}
	if found > 0 {
		c.Runs = merge(out)
	}
	return c
}

func lastRune(s string) rune {
	c, _ := utf8.DecodeLastRuneInString(s)
	return c
}

// whose finds the one person whose name begins s, and how long it is there.
func whose(s string, people []Person) (id string, length int) {
	for i := range people {
		for _, name := range people[i].Names {
			n := nameAt(s, name)
			switch {
			case n == 0 || n < length:
			case n > length:
				id, length = people[i].ID, n
			case id != people[i].ID:
				id = "" // two of them
			}
		}
	}
	return id, length
}

// nameAt is how much of s is the name, which has to end where a word ends; 0 if
// it is not there.
func nameAt(s, name string) int {
	want := folded(name)
	if want == "" {
		return 0
	}
	for i, c := range s {
		if c == '\n' || len(want) == 0 {
			break
		}
		if !wordly(c) {
			continue
		}
		part := folded(string(c))
		if !strings.HasPrefix(want, part) {
			return 0
		}
		if want = want[len(part):]; want == "" {
			end := i + utf8.RuneLen(c)
			if next, _ := utf8.DecodeRuneInString(s[end:]); wordly(next) {
				return 0
			}
			return end
		}
	}
	return 0
}

// folded is a name's letters and digits, without case and accents.
func folded(s string) string {
	var b strings.Builder
	for _, c := range s {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			continue
		}
		if t := compatible(c); t != "" {
			b.WriteString(strings.ToLower(t))
		} else {
			b.WriteRune(unicode.ToLower(c))
		}
	}
	return b.String()
}
