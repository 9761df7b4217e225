package text

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// words.go: what is said in words because a box has nothing else for it.

const (
	// excerptChars is how much of another message is quoted, in characters (the
	// vectors' rule).
	excerptChars = 40
	// maxFileName is the longest file name shown, in characters.
	maxFileName = 80
	// maxName is the longest name of a person shown in a line, in characters.
	maxName = 60
	// maxStoredExcerpt is how much of another message is kept, in bytes: names of
	// emoji are longer than the emoji.
	maxStoredExcerpt = 400
)

// shorten is s cut at a word to at most n characters, and ... if anything is
// missing.
func shorten(s string, n int, more bool) string {
	if utf8.RuneCountInString(s) > n {
		more = true
		runes := []rune(s)
		s = string(runes[:n])
		if runes[n] != ' ' {
			if i := strings.LastIndexByte(s, ' '); i > 0 {
				s = s[:i]
			}
		}
		s = strings.TrimRight(s, " ")
	}
	if more {
		return s + "..."
	}
	return s
}

// limited is s on one line, at most n characters.
func limited(s string, n int) string {
	s = oneLine(cut(s, n*utf8.UTFMax*4))
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "..."
	}
	return s
}

// quoted is a line about another message's text: its first line, short.
func quoted(s string) string {
	line, more := firstLine(s)
	return `"` + shorten(cut(line, maxStoredExcerpt), excerptChars, more) + `"`
}

// head is what stands before a reply.
func (p *Reply) head() string {
	if p.Deleted {
		return "(re a deleted message) "
	}
	name := limited(p.Name, maxName)
	if p.You {
		name = "you"
	}
	switch {
	case p.Text != "":
		return fmt.Sprintf(`(re %s: "%s") `, name, shorten(p.Text, excerptChars, p.More))
	case p.What != "":
		return fmt.Sprintf("(re %s: [%s]) ", name, p.What)
	}
	return fmt.Sprintf("(re %s) ", name)
}

// NewReply says what a message answers: whose, and its text as it was shown.
func NewReply(name string, you bool, of Content) *Reply {
	p := &Reply{Name: name, You: you}
	for i := range of.Runs {
		if f := of.Runs[i].File; f != nil {
			p.What = f.Kind
			if len(of.Runs) == 1 {
				return p
			}
		}
	}
	line, more := firstLine(of.Body)
	p.Text, p.More = oneLine(cut(line, maxStoredExcerpt)), more || len(line) > maxStoredExcerpt
	return p
}

// Deleted is the line that says that a message which was read is gone.
func Deleted(body string) Content {
	if body = strings.TrimSpace(body); body == "" {
		return Content{}
	}
	return Content{Body: "(deleted: " + quoted(body) + ")", Event: EventDeletion}
}

// Reacted is the line that says that name reacted to a message of the reader's
// own. Emoji is a character, or a network's own emoji as ":name:".
func Reacted(name, emoji, body string) Content {
	emoji, name = limited(emoji, maxShortcode), limited(name, maxName)
	if emoji == "" {
		return Content{}
	}
	return Content{Body: "(" + name + " reacted " + emoji + " to " + quoted(body) + ")", Event: EventReaction}
}

// Reaction is one kind of reaction to a message, for Reactions.
type Reaction struct {
	Emoji string
	Count int
}

// Reactions folds what came within a while into one line: `3 like "see you at 8"`
// (lessons L18).
func Reactions(all []Reaction, body string) Content {
	var parts []string
	for _, r := range all {
		if e := limited(r.Emoji, maxShortcode); e != "" && r.Count > 0 && len(parts) < maxAnswers {
			parts = append(parts, fmt.Sprintf("%d %s", r.Count, e))
		}
	}
	if len(parts) == 0 {
		return Content{}
	}
	return Content{Body: "(" + strings.Join(parts, ", ") + " to " + quoted(body) + ")", Event: EventReaction}
}

// Called is the line for a voice or video call, which no box can take.
func Called(name string) Content {
	return Content{Body: "(" + limited(name, maxName) + " called; calls cannot be taken here)"}
}

// Poll is a question with answers to choose from.
type Poll struct {
	Question string
	Answers  []string
	Several  bool // more than one may be chosen
}

// maxAnswers is how many answers of a poll are shown; Matrix and Discord allow 20.
const maxAnswers = 20

// runs are a poll as lines.
func (p *Poll) runs() []Run {
	what := "poll"
	if p.Several {
		what = "poll, several answers allowed"
	}
	out := []Run{{Text: "[" + what + ": " + oneLine(p.Question) + "]"}}
	for i, a := range p.Answers[:min(len(p.Answers), maxAnswers)] {
		out = append(out, Run{Text: "\n"}, Run{Kind: KindItem, Text: fmt.Sprintf("%d. ", i+1)}, Run{Text: oneLine(a)})
	}
	return out
}

// file writes an attachment.
func (r *renderer) file(f *Attachment) {
	what := limited(f.Kind, maxName)
	if f.Spoiler {
		what += " (spoiler)"
	}
	r.put("[" + what)
	colon := ":"
	if f.Kind == Voice {
		colon = ""
		r.put(fmt.Sprintf(" %d:%02d", f.Seconds/60, f.Seconds%60))
	} else if name := limited(f.Name, maxFileName); name != "" {
		r.put(": ")
		r.text(name)
		colon = ""
		if f.Kind == File && f.Size > 0 {
			r.put(" " + bytesOf(f.Size))
		}
	}
	if f.Note != "" {
		r.put(", " + f.Note)
	}
	if webLink(f.URL) {
		r.put(colon + " ")
		r.link(f.URL)
	}
	r.put("]")
}

// bytesOf is a size for a person.
func bytesOf(n int64) string {
	f, unit := float64(n), "bytes"
	switch {
	case n >= 1<<30:
		f, unit = f/(1<<30), "GB"
	case n >= 1<<20:
		f, unit = f/(1<<20), "MB"
	case n >= 1<<10:
		f, unit = f/(1<<10), "KB"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") + " " + unit
}

// Forms of times, as Discord names them; always absolute, because a line may be
// read days later (discord.md 7.2).
var timeForms = map[string]string{
	"t": "3:04 PM", "T": "3:04:05 PM", "d": "01/02/2006", "D": "January 2, 2006", "f": "January 2, 2006 3:04 PM",
	"F": "Monday, January 2, 2006 3:04 PM", "R": "January 2, 2006 3:04 PM", "s": "01/02/2006 3:04 PM", "S": "01/02/2006 3:04:05 PM",
}

// clockTime is a moment on the reader's clock.
func clockTime(x *Run, zone *time.Location) string {
	form, ok := timeForms[x.Text]
	if !ok {
		form = timeForms["f"]
	}
	if zone == nil {
		zone = time.UTC
	}
	return time.Unix(x.At, 0).In(zone).Format(form)
}
