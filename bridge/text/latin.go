package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mozillazg/go-unidecode/table"
	"golang.org/x/text/unicode/norm"
)

// latin.go: what a first-generation box can show. Its fonts have the characters
// of Latin-1; the 27 more of Windows-1252 are avoided, so that it does not matter
// which of the two a firmware means (msnp.md 17.5).

// typographic is what is written otherwise than its letters say (discord.md 7.3).
var typographic = map[rune]string{
	'\u2018': "'", '\u2019': "'", '\u201A': "'", '\u201B': "'", '\u2032': "'", '\u2035': "'", '\u02BC': "'", '\u02B9': "'",
	'\u201C': `"`, '\u201D': `"`, '\u201E': `"`, '\u201F': `"`, '\u2033': `"`, '\u2036': `"`,
	'\u2039': "<", '\u203A': ">", '\u2010': "-", '\u2011': "-", '\u2012': "-", '\u2013': "-", '\u2014': "-", '\u2015': "-",
	'\u2212': "-", '\u2022': "-", '\u2023': "-", '\u2043': "-", '\u25E6': "-", '\u2026': "...", '\u2025': "..", '\u2024': ".",
	'\u2190': "<-", '\u2192': "->", '\u2191': "^", '\u2193': "v", '\u2194': "<->", '\u21D0': "<=", '\u21D2': "=>", '\u21D4': "<=>",
	'\u2260': "!=", '\u2264': "<=", '\u2265': ">=", '\u2248': "~", '\u221E': "infinity", '\u221A': "sqrt", '\u2044': "/",
	'\u2030': "o/oo", '\u203C': "!!", '\u2049': "!?", '\u2047': "??", '\u2048': "?!",
	'\u20AC': "EUR", '\u20BD': "RUB", '\u20B9': "INR", '\u20BF': "BTC", '\u20BA': "TRY", '\u20B4': "UAH",
	'\u2122': "(TM)", '\u2120': "(SM)", '\u2117': "(P)", '\u2139': "i", '\u2116': "No.",
	'\u0152': "OE", '\u0153': "oe", '\u0132': "IJ", '\u0133': "ij", '\u1E9E': "SS",
	'\u3001': ",", '\u3002': ".", '\u300C': `"`, '\u300D': `"`, '\u300E': `"`, '\u300F': `"`, '\u3010': "[", '\u3011': "]",
	'\u060C': ",", '\u061B': ";", '\u061F': "?", '\u2713': "(ok)",
	'\u2020': "+", '\u2021': "++", '\u00A0': " ",
}

// read is where the general table is not followed: Greek as it is spoken now, and
// letters of phonetic and African alphabets.
var read = map[rune]string{
	'\u0397': "I", '\u03B7': "i", '\u0389': "I", '\u03AE': "i", '\u03A5': "Y", '\u03C5': "y", '\u038E': "Y", '\u03CD': "y",
	'\u0392': "V", '\u03B2': "v", '\u03A7': "Ch", '\u03C7': "ch", '\u03A6': "F", '\u03C6': "f",
	'\u0259': "e", '\u01DD': "e", '\u018F': "E", '\u014A': "Ng", '\u014B': "ng",
}

// A writing is a script whose letters cannot be read out by a table.
type writing struct {
	name   string
	tables []*unicode.RangeTable
}

// writings are named instead of guessed at: pinyin without tones and Arabic
// without vowels help nobody (discord.md 7.3). Order: most frequent first.
var writings = [...]writing{
	{"", []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo}}, // named by its kana
	{"Korean", []*unicode.RangeTable{unicode.Hangul}},
	{"Arabic", []*unicode.RangeTable{unicode.Arabic}},
	{"Hebrew", []*unicode.RangeTable{unicode.Hebrew}},
	{"Thai", []*unicode.RangeTable{unicode.Thai}},
	{"Hindi", []*unicode.RangeTable{unicode.Devanagari}},
}

// minVowelSign is from where marks are vowels of Indic scripts, not accents.
const minVowelSign = '\u0980'

// minWriting is the first character of any of them: U+0591, Hebrew.
const minWriting = '\u0591'

// writingOf finds a character's script among writings; nil for none.
func writingOf(c rune) *writing {
	if c < minWriting {
		return nil
	}
	for i := range writings {
		if unicode.In(c, writings[i].tables...) {
			return &writings[i]
		}
	}
	return nil
}

// shrug is the one face of letters that every client makes by a command.
const shrug = `¯\_(ツ)_/¯`

// latinAt writes the character c that begins s, or the run of a script that it
// begins, and is how long that was. n is c's own length.
func (r *renderer) latinAt(s string, c rune, n int) int {
	if c <= 0xFF {
		if c == '¯' && strings.HasPrefix(s, shrug) {
			r.emote(":shrug:")
			return len(shrug)
		}
		r.put(s[:n])
		return n
	}
	if unicode.In(c, unicode.Mn, unicode.Me) { // an accent that no letter has, or a vowel
		if c >= minVowelSign {
			r.put(sound(c))
		}
		return n
	}
	if w := writingOf(c); w != nil && !r.names && compatible(c) == "" {
		name, k := w.measure(s)
		r.put("[" + name + " text]")
		return k
	}
	if t := sound(c); t != "" {
		r.put(t)
	} else {
		r.nothing()
	}
	return n
}

// measure finds how far a run of the script goes, blanks between its words
// included, and what it is called.
func (w *writing) measure(s string) (name string, n int) {
	kana := false
	for i, c := range s {
		switch {
		case unicode.In(c, w.tables...):
			kana = kana || unicode.In(c, unicode.Hiragana, unicode.Katakana)
			n = i + utf8.RuneLen(c)
		case c == ' ', invisible(c), c > 0xFF && unicode.In(c, unicode.Zs, unicode.P, unicode.Mn, unicode.Cf, unicode.Lm):
		default:
			return w.title(kana), n
		}
	}
	return w.title(kana), n
}

func (w *writing) title(kana bool) string {
	switch {
	case w.name != "":
		return w.name
	case kana:
		return "Japanese"
	}
	return "Chinese"
}

// compatible is a character as the plain ones it is a form of: full-width and
// mathematical letters, ligatures, letters with accents; "" if there are none
// that can be shown.
func compatible(c rune) string {
	var buf [2 * utf8.UTFMax]byte
	var in [utf8.UTFMax]byte
	d := norm.NFKD.Append(buf[:0], in[:utf8.EncodeRune(in[:], c)]...)
	var out []byte
	for len(d) > 0 {
		p, n := utf8.DecodeRune(d)
		d = d[n:]
		switch {
		case unicode.In(p, unicode.Mn):
		case typographic[p] != "":
			out = append(out, typographic[p]...)
		case p > 0xFF || unicode.IsControl(p):
			return ""
		default:
			out = utf8.AppendRune(out, p)
		}
	}
	return string(out)
}

// sound is how a character is read; "" if it is not. The general table is that of
// the unidecode family.
func sound(c rune) string {
	if t := compatible(c); t != "" {
		return t
	}
	if t, ok := read[c]; ok {
		return t
	}
	if !unicode.In(c, unicode.L, unicode.N, unicode.P, unicode.M) {
		return ""
	}
	if page, i := table.Tables[c>>8], int(c&0xFF); i < len(page) {
		return strings.TrimRight(page[i], " ")
	}
	return ""
}

// latinWord is a name as a word for a box: what has no sound is left out.
func latinWord(s string) string {
	var b strings.Builder
	for _, c := range s {
		if c <= 0xFF && !unicode.IsControl(c) {
			b.WriteRune(c)
		} else if t := sound(c); t != "" && !invisible(c) {
			b.WriteString(t)
		}
	}
	return b.String()
}

// invisible tells of characters that show nothing and change how others look:
// zero width, direction, variation, tags, fillers.
func invisible(c rune) bool {
	switch {
	case c < 0xAD:
		return false
	case c == 0xAD, c == '\u034F', c == '\u115F', c == '\u1160', c == '\u3164', c == '\uFFA0':
		return true
	case c >= '\uFE00' && c <= '\uFE0F', c >= 0xE0000 && c <= 0xE0FFF:
		return true
	}
	return c >= '\u0600' && unicode.In(c, unicode.Cf)
}

// joins tells of invisible characters that belong to a script or an emoji where
// those can be shown.
func joins(c rune) bool { return c == '\u200C' || c == '\u200D' || c == '\uFE0E' || c == '\uFE0F' }
