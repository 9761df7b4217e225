package helper

import (
	"strings"
	"unicode/utf8"

	"wtvgate/bridge/text"
)

// What one message of the helper may fill on a TV: about 560 by 420 pixels hold
// eight lines of some fifty characters (design 1), and the conversation should be
// seen around it.
const (
	lineChars   = 50
	messageRows = 3
	// maxMessages is how many of them one answer may be.
	maxMessages = 3
)

// latin is a name or a text in letters that every box has, on one line.
func latin(s string) string {
	return strings.Join(strings.Fields(text.Plain(text.Content{Body: s}, text.Options{})), " ")
}

// clip is s cut to n characters, with ... if anything is missing.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:max(n-3, 0)]) + "..."
}

// fit breaks sentences into lines of a TV and cuts what does not fit one message.
// Line ends that are there stay.
func fit(s string) string {
	var rows []string
	for line := range strings.SplitSeq(s, "\n") {
		rows = append(rows, wrap(line)...)
	}
	if len(rows) > messageRows {
		rows = rows[:messageRows]
		last := []rune(rows[messageRows-1])
		rows[messageRows-1] = string(last[:min(len(last), lineChars-3)]) + "..."
	}
	return strings.Join(rows, "\n")
}

// wrap breaks one line at spaces, and words that are longer than a line anywhere.
func wrap(s string) (rows []string) {
	row := ""
	for word := range strings.FieldsSeq(latin(s)) {
		if row != "" && utf8.RuneCountInString(row)+1+utf8.RuneCountInString(word) <= lineChars {
			row += " " + word
			continue
		}
		if row != "" {
			rows = append(rows, row)
		}
		runes := []rune(word)
		for len(runes) > lineChars {
			rows, runes = append(rows, string(runes[:lineChars])), runes[lineChars:]
		}
		row = string(runes)
	}
	if row != "" {
		rows = append(rows, row)
	}
	return rows
}

// listed joins names until there is no room for more in so many characters, and
// counts the rest: "Bob, Carol, +3".
func listed(names []string, room int) string {
	s := ""
	for i, name := range names {
		part := name
		if i > 0 {
			part = ", " + name
		}
		rest := ""
		if i+1 < len(names) {
			rest = plus(len(names) - i - 1)
		}
		if i > 0 && utf8.RuneCountInString(s)+utf8.RuneCountInString(part)+len(rest) > room {
			return s + plus(len(names)-i)
		}
		s += part
	}
	return s
}
