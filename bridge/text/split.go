package text

import (
	"strings"
	"unicode/utf8"
)

// Continued is what ends a piece whose text goes on in the next one.
const Continued = " ..."

// Split cuts s into pieces of at most limit bytes, each but the last ended by
// Continued. It cuts at a line end if one stands in the last half of a piece,
// else at a space, else between characters, never inside one. A limit too small
// to hold a character and the mark is raised to what can.
//
// It is the only splitter (lessons L22): bytes are counted as they go on the
// wire, so s must be in its final form.
func Split(s string, limit int) []string {
	limit = max(limit, utf8.UTFMax+len(Continued))
	var pieces []string
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
	if i := strings.LastIndexByte(s[:room+1], ' '); i > room/2 {
		return i
	}
	return room
}
