package text

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Continued is what ends a piece whose text goes on in the next one.
const Continued = " ..."

// Split cuts s into pieces of at most limit bytes, each but the last ended by
// Continued. It cuts at a line end if one stands in the last half of a piece,
// else at a space, else between characters, never inside one; an address that
// fits into a piece is kept whole, and a backslash stays with what it escapes. A
// limit too small to hold a character and the mark is raised to what can. Blanks at
// the ends go.
//
// It is the only splitter (lessons L22): bytes are counted as they go on the
// wire, so s must be in its final form.
func Split(s string, limit int) []string {
	limit = max(limit, utf8.UTFMax+len(Continued))
	if s = strings.Trim(s, " \r\n"); s == "" {
		return nil
	}
	pieces := make([]string, 0, len(s)/limit+1)
	for len(s) > limit {
		cut := cutAt(s, limit-len(Continued))
		pieces = append(pieces, strings.TrimRight(s[:cut], " \r\n")+Continued)
		s = strings.TrimLeft(s[cut:], " \r\n")
	}
	if s != "" {
		pieces = append(pieces, s)
	}
	return pieces
}

// cutAt finds where to end a piece of at most room bytes of s.
func cutAt(s string, room int) int {
	for room > 0 && !utf8.RuneStart(s[room]) {
		room--
	}
	if i := strings.LastIndexByte(s[:room], '\n'); i > room/2 {
		return i
	}
	space := strings.LastIndexByte(s[:room+1], ' ')
	if space > room/2 {
		return space
	}
	// No blank near: an address, perhaps. Then it may go to the next piece, if it
	// fits there.
	start := strings.LastIndexAny(s[:room], " \n") + 1
	if start > 0 && linkAt(s, start) && linkLen(s[start:]) <= room {
		return start
	}
	if odd := escapes(s[:room]); odd && room > 1 {
		return room - 1
	}
	return room
}

// escapes tells whether s ends with a backslash that escapes what follows.
func escapes(s string) bool {
	n := 0
	for n < len(s) && s[len(s)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// capLines is s with at most n lines, and a count of the rest; n 0 is no cap.
func capLines(s string, n int) string {
	if n <= 0 {
		return s
	}
	at := 0
	for range n {
		i := strings.IndexByte(s[at:], '\n')
		if i < 0 {
			return s
		}
		at += i + 1
	}
	rest := strings.Count(s[at:], "\n") + 1
	if rest == 1 { // the count would be a line too
		return s
	}
	return fmt.Sprintf("%s(%d more lines)", s[:at], rest)
}
