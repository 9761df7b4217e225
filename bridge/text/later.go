package text

import (
	"slices"
	"strings"
)

// later.go: what is said of a message after it was written.

// Answering is the content with what it answers before it.
func Answering(c Content, r *Reply) Content {
	if c.Runs == nil {
		c.Runs = []Run{{Text: c.Body}}
	}
	c.Reply = r
	return finish(c)
}

// Corrected is what a message is to say instead of what it said, as if it had been
// written so at first: with was it is told apart from what did not change. Nothing
// of what it answered is lost.
func Corrected(was, now Content) (c Content, changed bool) {
	c = now
	if c.Runs == nil {
		c.Runs = []Run{{Text: strings.TrimPrefix(c.Body, "(edited) ")}}
	}
	c.Edited, c.Reply, c.Forwarded = false, was.Reply, was.Forwarded
	c = finish(c)
	return c, c.Body != was.Body
}

// Edit is a correction as a line of its own.
func Edit(c Content) Content {
	if c.Runs == nil {
		c.Runs = []Run{{Text: c.Body}}
	}
	c.Edited, c.Reply = true, nil
	return finish(c)
}

// maxFold is how many reactions one line tells of.
const maxFold = 20

// Fold is what came to one message within a while.
type Fold struct {
	To  string    `json:"to"` // the message's id on its network
	Of  string    `json:"of"` // its text, as far as it is quoted
	All []Reacter `json:"all"`
}

// Reacter is somebody's reaction.
type Reacter struct {
	Name  string `json:"name"`
	Emoji string `json:"emoji"` // a character, or a network's own as ":name:"
	Event string `json:"event"` // its id on its network
}

// NewFold is the line for a reaction to a message.
func NewFold(to, body string, r Reacter) Content {
	line, more := firstLine(body)
	if more { // what follows is not quoted, but that something did
		line += "\n..."
	}
	f := &Fold{To: to, Of: cut(line, maxStoredExcerpt)}
	return f.with(r)
}

// With is the line with one more reaction; false when it is full.
func (f *Fold) With(r Reacter) (Content, bool) {
	if len(f.All) >= maxFold {
		return Content{}, false
	}
	return f.with(r), true
}

// Without is the line without a reaction that was taken back: empty when none is
// left. False: it is not among them.
func (f *Fold) Without(event string) (Content, bool) {
	i := slices.IndexFunc(f.All, func(r Reacter) bool { return r.Event == event })
	if i < 0 {
		return Content{}, false
	}
	rest := Fold{f.To, f.Of, slices.Delete(slices.Clone(f.All), i, i+1)}
	return rest.content(), true
}

func (f *Fold) with(r Reacter) Content {
	r.Name, r.Emoji = limited(r.Name, maxName), limited(r.Emoji, maxShortcode)
	next := Fold{f.To, f.Of, append(slices.Clone(f.All), r)}
	return next.content()
}

// content is the line in words: one person's reactions by their name, several
// people's counted.
func (f *Fold) content() Content {
	var counted []Reaction
	var emoji []string
	one := true
	for _, r := range f.All {
		one = one && r.Name == f.All[0].Name
		i := slices.Index(emoji, r.Emoji)
		if i < 0 {
			emoji, counted = append(emoji, r.Emoji), append(counted, Reaction{Emoji: r.Emoji})
			i = len(emoji) - 1
		}
		counted[i].Count++
	}
	var c Content
	switch {
	case len(f.All) == 0:
		return c
	case one:
		c = Reacted(f.All[0].Name, strings.Join(emoji, " "), f.Of)
	default:
		c = Reactions(counted, f.Of)
	}
	if !c.Empty() {
		c.Fold = f
	}
	return c
}
