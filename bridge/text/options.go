package text

import "time"

// Client is what kind of client reads a text.
type Client uint8

// The kinds of clients (design 2; msnp.md 17.3).
const (
	// FirstGeneration boxes show one font and the letters that Latin-1 and
	// Windows-1252 share, no pictures in text.
	FirstGeneration Client = iota
	// MSNTV2 boxes show UTF-8 and the Messenger's emoticons, but no newer emoji.
	MSNTV2
	// PC clients show UTF-8 and the Messenger's emoticons.
	PC
)

// EmojiStyle is what becomes of emoji.
type EmojiStyle uint8

// The styles of emoji.
const (
	// EmojiAuto is what suits the client: words on boxes, on a PC the Messenger's
	// emoticons and otherwise the emoji.
	EmojiAuto EmojiStyle = iota
	// EmojiWords: an emoticon where there is one, else :shortcode:.
	EmojiWords
	// EmojiKept leaves them as they are where the client can take them, and is
	// EmojiWords where not.
	EmojiKept
	// EmojiDropped leaves out what has no emoticon.
	EmojiDropped
)

// LinkStyle is what becomes of words that are a link.
type LinkStyle uint8

// The styles of links.
const (
	LinkWhole LinkStyle = iota // words (address)
	LinkWords                  // the words alone; an address that was written as one stays
)

// Default limits of what one message may fill.
const (
	// DefaultLines is the line cap on boxes: five screens of the about eight lines
	// that a TV shows (lessons L23). PC clients have none.
	DefaultLines = 40
	// DefaultLimit is the length of a piece in bytes: with its head it stays below
	// the 1,250 that one client library can take (msnp.md 25.9).
	DefaultLimit = 1100
	// maxOutput is how long a rendered message may get, in bytes: a name for each
	// emoji makes text grow.
	maxOutput = MaxInput
)

// Options say how one message is to be shown. The zero value is a first-generation
// box with the defaults.
type Options struct {
	Client Client
	// Limit is the most bytes of one piece, CR LF counted; 0: DefaultLimit.
	Limit int
	// Lines is how many lines are shown before the rest is only counted; 0: what
	// suits the client; negative: all.
	Lines int
	Emoji EmojiStyle
	Links LinkStyle
	// HideEdits and HideReactions leave out what tells of them; deletions go with
	// edits.
	HideEdits     bool
	HideReactions bool
	// Zone is where the reader's clock is; nil: UTC.
	Zone *time.Location
}

// lines is the line cap; 0 for none.
func (o *Options) lines() int {
	switch {
	case o.Lines > 0:
		return o.Lines
	case o.Lines < 0 || o.Client == PC:
		return 0
	}
	return DefaultLines
}

// hides tells whether the reader does not want to see such a content.
func (o *Options) hides(c *Content) bool {
	return o.HideEdits && (c.Edited || c.Event == EventDeletion) || o.HideReactions && c.Event == EventReaction
}

// Hides tells whether the reader does not want to see such a content.
func (o Options) Hides(c Content) bool { return o.hides(&c) }
