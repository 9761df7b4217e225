package text

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/kyokomi/emoji/v2"
)

// emoji.go: emoji as words.

// foldFrom is from how many equal emoji in a row they are counted.
const foldFrom = 3

// maxSequence is how many emoji a joined sequence may have: the longest known
// has four, with room.
const maxSequence = 8

// classic are the emoticons that everybody could read in 2000, by emoji without
// variation selectors (the vectors' table).
var classic = spread(map[string]string{
	":)": "🙂 😊 ☺", ":D": "😀 😃 😄 😁", "XD": "😆", ";)": "😉", ":P": "😛 😜 😝 😋", ":O": "😮 😯 😲",
	":(": "🙁 ☹ 😞 😟", ":'(": "😢 😭", ":|": "😐 😑", ":/": "😕", ":*": "😘 😗 😙 😚", "B)": "😎",
	">:(": "😠 😡", "O:)": "😇", ">:)": "😈", "<3": "❤ ♥ 🧡 💛 💚 💙 💜 🖤 🤍 🤎", "</3": "💔",
})

// messenger are the emoticons that MSN Messenger and MSN TV 2 draw.
var messenger = spread(map[string]string{
	":)": "🙂 😊 ☺", ":D": "😀 😃 😄 😁 😆", ";)": "😉", ":P": "😛 😜 😝 😋", ":O": "😮 😯 😲", ":(": "🙁 ☹ 😞 😟",
	":S": "😕 😖", ":|": "😐 😑", ":'(": "😢 😭", ":@": "😠 😡", ":$": "😳", "(H)": "😎", "(A)": "😇", "(6)": "😈 👿",
	"(L)": "❤ ♥", "(U)": "💔", "(K)": "💋 😘", "(F)": "🌹", "(W)": "🥀", "(P)": "📷", "(G)": "🎁", "(Y)": "👍", "(N)": "👎",
	"({)": "🤗", "(C)": "☕", "(B)": "🍺", "(D)": "🍸", "(~)": "🎬", "(T)": "☎ 📞", "(@)": "🐱", "(&)": "🐶", "(S)": "🌙",
	"(*)": "⭐", "(8)": "🎵", "(E)": "✉ 📧", "(^)": "🎂", "(I)": "💡", "(O)": "🕐", "(#)": "☀", "(R)": "🌈",
})

// preferred are names where the first of the table is not the one people know
// from Discord.
var preferred = map[string]string{"🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F": "flag_england",
	"🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F": "flag_scotland", "🏴\U000E0067\U000E0062\U000E0077\U000E006C\U000E0073\U000E007F": "flag_wales"}

// spread turns a table of emoticon to its emoji round.
func spread(t map[string]string) map[string]string {
	out := make(map[string]string)
	for emoticon, all := range t {
		for _, e := range strings.Fields(all) {
			out[e] = emoticon
		}
	}
	return out
}

// shortcodes is the table of emoji, without skin tones and variation selectors,
// to :name:. It is made once and not changed.
var shortcodes = sync.OnceValue(func() map[string]string {
	table := emoji.RevCodeMap()
	out := make(map[string]string, len(table))
	from := make(map[string]int, len(table)) // how long the form was that gave the name
	for e, names := range table {
		if strings.ContainsFunc(e, toned) || len(names) == 0 {
			continue
		}
		key, name := bare(e), names[0]
		if i := slices.IndexFunc(names, spoken); i >= 0 {
			name = names[i]
		}
		if p := preferred[key]; p != "" {
			name = ":" + p + ":"
		}
		if len(e) > from[key] { // the form with a selector is the emoji's own
			out[key], from[key] = name, len(e)
		}
	}
	return out
})

// spoken tells whether a :name: is one as Discord has them: "+1" is no word.
func spoken(name string) bool {
	return !strings.ContainsFunc(name, func(c rune) bool {
		return c != ':' && c != '_' && !unicode.IsLower(c) && !unicode.IsDigit(c)
	})
}

// toned tells of the five skin tones.
func toned(c rune) bool { return c >= 0x1F3FB && c <= 0x1F3FF }

// dressing tells of what follows an emoji and only varies it.
func dressing(c rune) bool { return c == '\uFE0E' || c == '\uFE0F' || toned(c) }

// bare is a sequence without skin tones and variation selectors.
func bare(s string) string {
	if strings.IndexFunc(s, dressing) < 0 {
		return s
	}
	t := strings.Map(func(c rune) rune {
		if dressing(c) {
			return -1
		}
		return c
	}, s)
	if t == "" {
		return s // a tone alone
	}
	return t
}

// isKeycap tells whether s begins with a key: a digit, # or * with its cap.
func isKeycap(s string) bool {
	c := s[0]
	return (c >= '0' && c <= '9' || c == '#' || c == '*') &&
		strings.HasPrefix(strings.TrimPrefix(s[1:], "\uFE0F"), "\u20E3")
}

// keycap writes the key that begins s and is how long it was.
func (r *renderer) keycap(s string) int {
	n := 1 + len("\u20E3")
	if strings.HasPrefix(s[1:], "\uFE0F") {
		n += len("\uFE0F")
	}
	switch r.emoji {
	case EmojiKept:
		r.put(s[:n])
	default:
		r.emote("(" + s[:1] + ")")
	}
	return n
}

// regional tells of the letters that flags are made of.
func regional(c rune) bool { return c >= 0x1F1E6 && c <= 0x1F1FF }

// emojiAt writes the emoji that begins s with the character c, and is how long it
// was; 0 if there is none.
func (r *renderer) emojiAt(s string, c rune) int {
	if c < 0x2000 {
		return 0
	}
	if regional(c) {
		return r.flag(s, c)
	}
	n := utf8.RuneLen(c)
	if _, letter := typographic[c]; letter || c == utf8.RuneError {
		return 0
	}
	if _, ok := shortcodes()[s[:n]]; !ok && !pictograph(c) && r.emoticon(s[:n]) == "" {
		return 0
	}
	whole := sequence(s)
	for k := whole; k > 0; k = shorter(s[:k]) {
		key := bare(strings.TrimSuffix(s[:k], "\u200D"))
		if w := r.emoticon(key); w != "" {
			r.emote(w)
			return k
		}
		if w, ok := shortcodes()[key]; ok {
			r.shortcode(s[:k], w)
			return k
		}
	}
	if r.latin {
		if t := sound(c); t != "" { // letters in squares and circles
			r.put(t)
			return n
		}
	} else if r.emoji == EmojiAuto {
		r.put(s[:n])
		return n
	}
	if r.emoji != EmojiDropped {
		r.lost++
		r.emote(unknown)
	}
	return n + dressed(s[n:])
}

// shortcode writes a known emoji that has no emoticon.
func (r *renderer) shortcode(s, word string) {
	switch r.emoji {
	case EmojiDropped:
	case EmojiAuto:
		r.put(s)
	default:
		r.emote(word)
	}
}

// emoticon finds the emoticon of a bare emoji; "" if it has none.
func (r *renderer) emoticon(key string) string {
	if r.messenger {
		return messenger[key]
	}
	return classic[key]
}

// pictograph tells of characters that are emoji whether or not the table knows
// them.
func pictograph(c rune) bool { return c >= 0x1F000 && c <= 0x1FAFF || toned(c) }

// flag writes a flag, which is two letters of its country.
func (r *renderer) flag(s string, a rune) int {
	n := utf8.RuneLen(a)
	b, k := utf8.DecodeRuneInString(s[n:])
	if !regional(b) {
		if r.emoji == EmojiAuto {
			r.put(s[:n])
		} else {
			r.put(string('A' + a - 0x1F1E6))
		}
		return n
	}
	if r.emoji == EmojiAuto {
		r.put(s[:n+k])
	} else if r.emoji != EmojiDropped {
		r.emote(":flag_" + string('a'+a-0x1F1E6) + string('a'+b-0x1F1E6) + ":")
	}
	return n + k
}

// dressed is how much at the beginning of s varies the emoji before it.
func dressed(s string) int {
	for i, c := range s {
		if !dressing(c) && !(c >= 0xE0020 && c <= 0xE007F) {
			return i
		}
	}
	return len(s)
}

// sequence is how long the joined sequence at the beginning of s is.
func sequence(s string) int {
	n := 0
	for range maxSequence {
		c, k := utf8.DecodeRuneInString(s[n:])
		if k == 0 || c < 0x2000 {
			break
		}
		n += k
		n += dressed(s[n:])
		if !strings.HasPrefix(s[n:], "\u200D") {
			break
		}
		n += len("\u200D")
	}
	return n
}

// shorter is where the sequence s ends without its last emoji, its joiner kept; 0
// if it has only one.
func shorter(s string) int {
	i := strings.LastIndex(strings.TrimSuffix(s, "\u200D"), "\u200D")
	if i < 0 {
		return 0
	}
	return i + len("\u200D")
}
