package text

import "strings"

// from_msn.go: what a person typed on a box or PC client.

// maxFormat bounds the format line that is looked at, in bytes; real ones have
// less than 100.
const maxFormat = 512

// FromMSN is what a person typed on a box or PC client: line ends folded to \n,
// control characters gone, no white space at the end. Format is the value of the
// message's X-MMS-IM-Format (msnp.md 13); its effects (bold, italic, underlined,
// crossed out) are kept, while font and colour are the writer's own taste and
// could not be read on every background.
func FromMSN(s, format string) Content {
	c := Content{Body: clean(cut(s, MaxInput))}
	if c.Body == "" {
		return c
	}
	if st := effects(format); st != 0 {
		c.Runs = []Run{{Text: c.Body, Style: st}}
	}
	return c
}

// effects reads EF of a format line: any of B, I, U, S.
func effects(format string) Style {
	var st Style
	for field := range strings.SplitSeq(cut(format, maxFormat), ";") {
		name, value, _ := strings.Cut(field, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "EF") {
			continue
		}
		for _, c := range strings.ToUpper(value) {
			switch c {
			case 'B':
				st |= Bold
			case 'I':
				st |= Italic
			case 'U':
				st |= Underline
			case 'S':
				st |= Strike
			}
		}
	}
	return st
}
