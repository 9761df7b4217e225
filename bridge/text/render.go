package text

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// render.go: runs as lines of plain text for one reader.

// last is what the renderer wrote last, for the blank that keeps words apart.
type last uint8

const (
	lastOther   last = iota
	lastEmoji        // an emoji as a word
	lastUnknown      // the ? for what cannot be shown
)

// renderer makes plain text of runs. Its zero value keeps all characters.
type renderer struct {
	latin     bool // only characters of Latin-1 and Windows-1252 both
	emoji     EmojiStyle
	messenger bool // the Messenger's emoticons, not the classic ones
	names     bool // read out even what is not clear: a name has to tell people apart
	links     LinkStyle
	zone      *time.Location

	out   []byte
	begun bool // something is on this line
	quote int
	open  []Style // of Strike and Spoiler, in the order they were opened
	prev  last
	word  string // an emoji word that is still counted
	count int
	full  bool
	lost  int // characters that became a ?
}

// newRenderer makes one for a client.
func newRenderer(o *Options) *renderer {
	r := &renderer{latin: o.Client == FirstGeneration, emoji: o.Emoji, messenger: o.Client != FirstGeneration,
		links: o.Links, zone: o.Zone}
	switch {
	case r.emoji == EmojiAuto && o.Client != PC, r.emoji == EmojiKept && r.latin:
		r.emoji = EmojiWords
	}
	return r
}

// render is a whole content as lines.
func (r *renderer) render(c *Content) string {
	if c.Runs == nil && c.Reply == nil && !c.Edited && !c.Forwarded {
		r.out = make([]byte, 0, min(len(c.Body), MaxInput)+16)
		r.text(cut(c.Body, MaxInput))
		return r.end()
	}
	runs := c.parts()
	for i := range runs[:min(len(runs), maxRuns)] {
		r.run(&runs[i])
	}
	return r.end()
}

// end is what was rendered, without blanks around it.
func (r *renderer) end() string {
	r.style(0)
	r.flush()
	out := strings.Trim(string(r.out), " \n")
	if r.full {
		out = cut(out, maxOutput) + " (cut)"
	}
	return out
}

// run renders one run.
func (r *renderer) run(x *Run) {
	if x.Quote != r.quote {
		r.quote = min(max(x.Quote, 0), maxQuote)
	}
	if x.Kind == KindText && strings.HasPrefix(x.Text, "\n") && x.Style&(Strike|Spoiler) == 0 {
		r.style(0)
	}
	r.style(x.Style)
	switch x.Kind {
	case KindEmoji:
		r.custom(x.Text)
	case KindLink:
		r.masked(x)
	case KindTime:
		r.put(clockTime(x, r.zone))
	case KindFile:
		if x.File != nil {
			r.file(x.File)
		}
	case KindMention:
		r.text(oneLine(x.Text))
	default:
		r.text(x.Text)
	}
}

// maxQuote is how deep quotations are shown: beyond it the marks fill the line.
const maxQuote = 3

// style opens and closes what has to be said in words: what is crossed out would
// say the opposite without its line, and a spoiler must not be read by accident.
func (r *renderer) style(s Style) {
	s &= Strike | Spoiler
	for i, o := range r.open {
		if s&o != 0 {
			continue
		}
		r.flush()
		for j := len(r.open) - 1; j >= i; j-- {
			r.put(map[Style]string{Strike: ")", Spoiler: "]"}[r.open[j]])
		}
		r.open = r.open[:i]
		break
	}
	for _, o := range [...]Style{Strike, Spoiler} {
		if s&o == 0 || r.isOpen(o) {
			continue
		}
		r.put(map[Style]string{Strike: "(crossed out: ", Spoiler: "[spoiler: "}[o])
		r.open = append(r.open, o)
	}
}

func (r *renderer) isOpen(s Style) bool {
	for _, o := range r.open {
		if o == s {
			return true
		}
	}
	return false
}

// newline ends the line. Blank lines are folded to one: a TV has few.
func (r *renderer) newline() {
	r.flush()
	r.prev = lastOther
	if !r.begun && r.quote > 0 {
		r.begin()
	}
	for n := len(r.out); n > 0 && r.out[n-1] == ' '; n-- {
		r.out = r.out[:n-1]
	}
	r.begun = false
	n := len(r.out)
	if n == 0 || n > 1 && r.out[n-1] == '\n' && r.out[n-2] == '\n' {
		return
	}
	r.out = append(r.out, '\n')
}

// begin writes what stands at the beginning of a line.
func (r *renderer) begin() {
	r.begun = true
	for range r.quote {
		r.out = append(r.out, "> "...)
	}
}

// flush writes the emoji word that was counted.
func (r *renderer) flush() {
	if r.count == 0 {
		return
	}
	w, n := r.word, r.count
	r.word, r.count = "", 0
	if !r.begun {
		r.begin()
	}
	if r.prev == lastEmoji || r.endsInWord() {
		r.out = append(r.out, ' ')
	}
	r.out = append(r.out, w...)
	switch {
	case w == unknown: // once for a run
	case n >= foldFrom:
		r.out = fmt.Appendf(r.out, " x%d", n)
	default:
		for range n - 1 {
			r.out = append(append(r.out, ' '), w...)
		}
	}
	r.prev = lastEmoji
}

// endsInWord tells whether a letter or digit was written last.
func (r *renderer) endsInWord() bool {
	if len(r.out) == 0 {
		return false
	}
	c, _ := utf8.DecodeLastRune(r.out)
	return unicode.IsLetter(c) || unicode.IsDigit(c)
}

// emote writes an emoji as a word; equal ones are counted.
func (r *renderer) emote(w string) {
	if r.count > 0 && r.word == w {
		r.count++
		return
	}
	r.flush()
	r.word, r.count = w, 1
}

// ready is called before anything but an emoji word is written.
func (r *renderer) ready(next rune) {
	r.flush()
	if len(r.out) > maxOutput {
		r.full = true
	}
	if !r.begun {
		r.begin()
	}
	if r.prev == lastEmoji && (unicode.IsLetter(next) || unicode.IsDigit(next)) {
		r.out = append(r.out, ' ')
	}
	r.prev = lastOther
}

// put writes characters that need no rule.
func (r *renderer) put(s string) {
	if s == "" || r.full {
		return
	}
	first, _ := utf8.DecodeRuneInString(s)
	r.ready(first)
	r.out = append(r.out, s...)
}

// unknown stands for what has no sound.
const unknown = "?"

// nothing writes the ? for a character that cannot be shown, once for a run.
func (r *renderer) nothing() {
	r.lost++
	if r.prev == lastUnknown && r.count == 0 {
		return
	}
	r.put(unknown)
	r.prev = lastUnknown
}

// custom writes a network's own emoji by its name.
func (r *renderer) custom(name string) {
	name = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || invisible(c) {
			return -1
		}
		return c
	}, strings.Trim(oneLine(name), ":"))
	if r.latin {
		name = latinWord(name)
	}
	if name != "" && r.emoji != EmojiDropped {
		r.emote(":" + cut(name, maxShortcode) + ":")
	}
}

// maxShortcode bounds the name of a network's own emoji, in bytes: Discord allows
// 32 characters, Matrix anything.
const maxShortcode = 64

// masked writes words that lead somewhere.
func (r *renderer) masked(x *Run) {
	words := oneLine(x.Text)
	switch u := strings.TrimPrefix(cut(oneLine(x.URL), MaxInput), "mailto:"); {
	case u == "" || r.links == LinkWords && words != "":
		r.text(words)
	case words == "" || sameLink(words, u):
		r.link(u)
	default:
		r.text(words)
		r.put(" (")
		r.link(u)
		r.put(")")
	}
}

// sameLink tells whether the words of a link are its address.
func sameLink(words, u string) bool {
	trim := func(s string) string {
		s = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
		return strings.TrimSuffix(s, "/")
	}
	return trim(words) == trim(u)
}

// link writes an address, whole. It has to stay one that works, so what a box
// cannot show is percent-encoded and not made readable.
func (r *renderer) link(u string) {
	if u == "" || r.full {
		return
	}
	r.ready('h')
	for _, c := range u {
		switch {
		case c == utf8.RuneError, unicode.IsControl(c), invisible(c):
		case r.latin && c > 0xFF:
			for _, b := range []byte(string(c)) {
				r.out = fmt.Appendf(r.out, "%%%02X", b)
			}
		default:
			r.out = utf8.AppendRune(r.out, c)
		}
	}
}

// text writes what somebody wrote.
func (r *renderer) text(s string) {
	s = cut(s, MaxInput)
	if r.latin && !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	for i := 0; i < len(s) && !r.full; {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			i += r.wide(s[i:])
			continue
		case c == '\n' || c == '\r':
			if c != '\r' || i+1 == len(s) || s[i+1] != '\n' {
				r.newline()
			}
		case c == '\t':
			r.byte(' ')
		case c < ' ' || c == 0x7F:
		case (c|0x20) == 'h' && linkAt(s, i):
			n := linkLen(s[i:])
			r.link(s[i : i+n])
			i += n
			continue
		case i+1 < len(s) && s[i+1] >= utf8.RuneSelf && isKeycap(s[i:]):
			i += r.keycap(s[i:])
			continue
		default:
			r.byte(c)
		}
		i++
	}
}

// byte writes a printable character of ASCII.
func (r *renderer) byte(c byte) {
	if r.begun && r.prev == lastOther && r.count == 0 && len(r.out) < maxOutput {
		r.out = append(r.out, c)
		return
	}
	r.ready(rune(c))
	r.out = append(r.out, c)
}

// wide writes what begins s, which is not ASCII, and is how long it was.
func (r *renderer) wide(s string) int {
	c, n := utf8.DecodeRuneInString(s)
	if r.latin {
		if _, ok := typographic[c]; ok {
			r.put(typographic[c])
			return n
		}
	}
	if r.emoji != EmojiKept {
		if k := r.emojiAt(s, c); k > 0 {
			return k
		}
	}
	switch {
	case c == '\u2028' || c == '\u2029':
		r.newline()
	case unicode.IsControl(c):
	case unicode.Is(unicode.Zs, c):
		r.byte(' ')
	case invisible(c) && (r.latin || !joins(c)):
	case r.latin:
		return r.latinAt(s, c, n)
	default:
		r.put(s[:n])
	}
	return n
}
