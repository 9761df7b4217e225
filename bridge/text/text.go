// Package text turns what networks and boxes write into each other's form: every
// direction goes through one plain model, Content. Its functions are pure: text
// in, text out, no I/O, no clock, no state; they may be called from anywhere.
//
// from_*.go make the model, to_*.go make a target's form of it; render.go is what
// all targets without markup share, latin.go and emoji.go are its character
// rules, and split.go is the one splitter.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxInput is how much of one message's text is looked at, in bytes: the size of
// a whole Matrix event (matrix.md 11). What is longer is cut.
const MaxInput = 64 << 10

// maxRuns is how many runs one message may have, so that markup without text
// cannot grow a stored row: more than a message of MaxInput bytes needs.
const maxRuns = 4096

// Content is one message in the plain model that all directions share. It is
// stored as JSON; a row of an older version has only a body.
type Content struct {
	// Body is the whole message as plain text, lines separated by \n, as a person
	// should read it: the fallback wherever nothing better can be made of Runs.
	Body string `json:"body"`
	// Runs is the text with what it is made of; nil when that is Body alone.
	Runs []Run `json:"runs,omitempty"`
	// Reply says what the message answers.
	Reply *Reply `json:"reply,omitempty"`
	// Edited: it takes the place of an earlier message.
	Edited bool `json:"edited,omitempty"`
	// Forwarded: somebody else's words, handed on.
	Forwarded bool `json:"forwarded,omitempty"`
	// Event is set for a line that tells of something that was done to a message.
	Event EventKind `json:"event,omitempty"`
	// Fold is what a line that tells of reactions is made of; Body has it in words.
	Fold *Fold `json:"fold,omitempty"`
}

// EventKind says what a line tells of.
type EventKind string

// The kinds of lines that are switched per account.
const (
	EventReaction EventKind = "reaction"
	EventDeletion EventKind = "deletion"
)

// Kind is what a run is.
type Kind string

// The kinds of runs.
const (
	KindText    Kind = ""        // words; line ends are \n
	KindMention Kind = "mention" // a name, as it is to be shown; ID says whose
	KindLink    Kind = "link"    // words that lead to URL
	KindEmoji   Kind = "emoji"   // a network's own picture; Text is its name without colons
	KindCode    Kind = "code"    // code within a line
	KindBlock   Kind = "block"   // lines of code
	KindItem    Kind = "item"    // the mark that begins an item of a list: "- ", "3. "
	KindTime    Kind = "time"    // the moment At, in the form that Text names
	KindFile    Kind = "file"    // an attachment
)

// Style is how a run looks, as bits.
type Style uint8

// The styles.
const (
	Bold Style = 1 << iota
	Italic
	Underline
	Strike
	Spoiler
)

// Run is a piece of a message that is of one kind and looks the same throughout.
type Run struct {
	Kind  Kind        `json:"k,omitempty"`
	Text  string      `json:"t,omitempty"`
	Style Style       `json:"s,omitempty"`
	Quote int         `json:"q,omitempty"`  // how deep in quotations its lines stand
	URL   string      `json:"u,omitempty"`  // of a link
	ID    string      `json:"id,omitempty"` // of a mention, as its network writes it
	At    int64       `json:"at,omitempty"` // of a time, in seconds since 1970
	File  *Attachment `json:"f,omitempty"`
}

// Reply is what a message answers.
type Reply struct {
	Name    string `json:"name,omitempty"`    // who wrote it
	You     bool   `json:"you,omitempty"`     // the reader wrote it
	Text    string `json:"text,omitempty"`    // its first line
	More    bool   `json:"more,omitempty"`    // it had more lines
	What    string `json:"what,omitempty"`    // what it was if it had no text: "picture"
	Deleted bool   `json:"deleted,omitempty"` // nothing is known of it any more
}

// Attachment is something that is not text.
type Attachment struct {
	Kind    string `json:"kind"`              // what a person calls it: "picture", "file"
	Name    string `json:"name,omitempty"`    // file name, or what it shows in words
	URL     string `json:"url,omitempty"`     // where a box can get it
	Size    int64  `json:"size,omitempty"`    // in bytes
	Seconds int    `json:"seconds,omitempty"` // of sound
	Spoiler bool   `json:"spoiler,omitempty"`
	// Ref is the file in its network's own words, where a box cannot fetch it itself:
	// for whoever makes a link. It is never shown and may hold a key.
	Ref  string `json:"ref,omitempty"`
	Type string `json:"type,omitempty"` // what its sender says it is: "image/png"
	Note string `json:"-"`              // a word on it for the reader
}

// Kinds of attachments.
const (
	Picture = "picture"
	Video   = "video"
	Sound   = "sound"
	File    = "file"
	Place   = "place"
	Sticker = "sticker"
	Voice   = "voice message"
)

// Empty tells whether there is nothing to show.
func (c Content) Empty() bool { return c.Body == "" }

// Prefixed is the content with s before it, on the same line.
func (c Content) Prefixed(s string) Content {
	if c.Runs != nil || c.Reply != nil || c.Edited || c.Forwarded {
		head := Run{Text: s}
		if len(c.Runs) > 0 {
			head.Quote = c.Runs[0].Quote
		}
		body := c.Body
		c.Runs = append(append([]Run{}, head), c.parts()...)
		c.Reply, c.Edited, c.Forwarded = nil, false, false
		c.Body = s + body
		return c
	}
	c.Body = s + c.Body
	return c
}

// parts are the runs with what is said before them as runs of its own.
func (c *Content) parts() []Run {
	runs := c.Runs
	if runs == nil {
		runs = []Run{{Text: c.Body}}
	}
	if c.Reply == nil && !c.Edited && !c.Forwarded {
		return runs
	}
	quote := 0
	if len(runs) > 0 {
		quote = runs[0].Quote
	}
	head := make([]Run, 0, len(runs)+1)
	if c.Edited {
		head = append(head, Run{Text: "(edited) ", Quote: quote})
	}
	if c.Reply != nil {
		head = append(head, Run{Text: c.Reply.head(), Quote: quote})
	}
	if c.Forwarded {
		head = append(head, Run{Text: "(forwarded) ", Quote: quote})
	}
	return append(head, runs...)
}

// finish gives a content that was made of runs its body, and drops runs that say
// no more than the body.
func finish(c Content) Content {
	c.Runs = merge(c.Runs)
	r := renderer{emoji: EmojiKept}
	for i := range c.Runs {
		r.run(&c.Runs[i])
	}
	said := r.end()
	if strings.TrimFunc(said, invisible) == "" {
		return Content{}
	}
	if c.Edited || c.Reply != nil || c.Forwarded {
		r = renderer{emoji: EmojiKept}
		runs := c.parts()
		for i := range runs {
			r.run(&runs[i])
		}
		c.Body = r.end()
	} else {
		c.Body = said
	}
	if len(c.Runs) == 1 && c.Reply == nil && !c.Edited && !c.Forwarded {
		if x := c.Runs[0]; x.Kind == KindText && x.Style == 0 && x.Quote == 0 {
			c.Runs = nil
		}
	}
	return c
}

// merge joins neighbours that look the same.
func merge(runs []Run) []Run {
	out := runs[:0]
	for _, x := range runs {
		if x.Kind == KindText && x.Text == "" {
			continue
		}
		if n := len(out); n > 0 && x.Kind == KindText && out[n-1].Kind == KindText &&
			out[n-1].Style == x.Style && out[n-1].Quote == x.Quote {
			out[n-1].Text += x.Text
			continue
		}
		out = append(out, x)
	}
	return out
}

// cut is the beginning of s, at most n bytes, no character divided, and valid.
func cut(s string, n int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.ToValidUTF8(s, string(utf8.RuneError))
}

// oneLine folds all white space to single blanks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// firstLine is the first line with something on it, and whether others follow.
func firstLine(s string) (line string, more bool) {
	s = strings.TrimSpace(s)
	line, rest, _ := strings.Cut(s, "\n")
	return strings.TrimRightFunc(line, unicode.IsSpace), strings.TrimSpace(rest) != ""
}
