package discord

// tagger.go: names of events that the library does not know. It would decode those
// that it knows into structs of its own before we see them, which costs, loses
// messages, and ends the process when a guild is not as it expects (discord.md 6.3,
// faults 6 and 12). So the first letter of an event's name is made small on its way
// to the library, which hands unknown events on as they are.

// tagger goes through one JSON object as it arrives and changes the value of its
// key "t". READY and RESUMED stay: the library needs them to resume.
type tagger struct {
	depth     int
	inString  bool
	escaped   bool
	expectKey bool // the next string at depth 1 is a key
	isKey     bool // this string is
	length    int  // of the key so far
	last      byte // its last byte
	isName    bool // the next string is the event's name
	first     bool // the next byte is its first
}

// feed goes on with b, in which it changes at most one byte of each object.
func (t *tagger) feed(b []byte) {
	for i, c := range b {
		if t.inString {
			b[i] = t.within(c)
			continue
		}
		switch c {
		case '"':
			t.inString = true
			if t.depth == 1 {
				t.isKey, t.first = t.expectKey, !t.expectKey && t.isName
				t.length, t.expectKey, t.isName = 0, false, false
			}
		case '{', '[':
			t.depth++
			t.expectKey, t.isName = t.depth == 1, false
		case '}', ']':
			t.depth--
		case ',':
			t.expectKey, t.isName = t.depth == 1, false
		}
	}
}

// within handles a byte of a string, and gives what is to stand there.
func (t *tagger) within(c byte) byte {
	first := t.first
	t.first = false
	switch {
	case t.escaped:
		t.escaped = false
		t.length += 2 // no key of ours
	case c == '\\':
		t.escaped = true
	case c == '"':
		t.inString = false
		t.isName = t.isKey && t.length == 1 && t.last == 't'
		t.isKey = false
	case first && 'A' <= c && c <= 'Z' && c != 'R':
		return c | 0x20
	default:
		t.length++
		t.last = c
	}
	return c
}

// eventName is the name as Discord writes it.
func eventName(tagged string) string {
	if tagged != "" && 'a' <= tagged[0] && tagged[0] <= 'z' {
		return string(tagged[0]&^0x20) + tagged[1:]
	}
	return tagged
}
