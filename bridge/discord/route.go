package discord

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"wtvgate/bridge/id"
)

// route.go: whose box a friend's line is for (discord.md 3.2). Pure functions.

// takesPart is how long a box counts as taking part after either side spoke
// (discord.md 3.2, rule 4).
const takesPart = 10 * time.Minute

// target is a box that a line may be for.
type target struct {
	account id.Account
	name    string // screen name
	active  time.Time
}

// verdict is what the rules say.
type verdict uint8

const (
	toBox   verdict = iota
	toNone          // no pair at all
	toEnded         // a reply to a box that is no longer there
	toAsk           // somebody has to say
)

// decision is where a line goes.
type decision struct {
	verdict verdict
	account id.Account
	text    string // the line without the address that was in it
}

// reply is what a line answers: whose line, if it was one of ours.
type reply struct {
	ours    bool
	account id.Account
}

// route applies the rules to a line, the first that matches.
func route(text string, r reply, targets []target, now time.Time) decision {
	if r.ours {
		if has(targets, r.account) {
			return decision{toBox, r.account, text}
		}
		return decision{verdict: toEnded, text: text}
	}
	if len(targets) == 0 {
		return decision{verdict: toNone, text: text}
	}
	switch a, rest, found := addressed(text, targets); found {
	case 1:
		return decision{toBox, a, rest}
	case 2: // two of that name: the other rules would guess between them
		return decision{verdict: toAsk, text: text}
	}
	if len(targets) == 1 {
		return decision{toBox, targets[0].account, text}
	}
	if a, ok := onlyActive(targets, now); ok {
		return decision{toBox, a, text}
	}
	return decision{verdict: toAsk, text: text}
}

func has(targets []target, a id.Account) bool {
	return slices.ContainsFunc(targets, func(t target) bool { return t.account == a })
}

// onlyActive is the one box that took part lately.
func onlyActive(targets []target, now time.Time) (a id.Account, ok bool) {
	for _, t := range targets {
		if now.Sub(t.active) >= takesPart {
			continue
		}
		if ok {
			return "", false
		}
		a, ok = t.account, true
	}
	return a, ok
}

// addressed reads "alice: text", "alice, text" and "@alice text", where alice is
// the account or the screen name of a target. Found is how many targets have
// that name: 0, 1, or 2 for several.
func addressed(text string, targets []target) (a id.Account, rest string, found int) {
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	best := 0
	for _, t := range targets {
		n := max(addressLen(text, t.account.Local()), addressLen(text, t.name))
		switch {
		case n == 0 || n < best:
		case n > best:
			a, best, found = t.account, n, 1
		default:
			found = 2
		}
	}
	return a, strings.TrimLeftFunc(text[best:], unicode.IsSpace), found
}

// addressLen is how much of text addresses somebody of that name; 0 if it does
// not. Case and accents do not count.
func addressLen(text, name string) int {
	want := fold(name)
	if want == "" {
		return 0
	}
	rest, at := strings.CutPrefix(text, "@")
	skipped := len(text) - len(rest)
	end := -1
	for i, r := range rest {
		if fold(rest[:i]) == want && !unicode.Is(unicode.Mn, r) {
			end = i
			break
		}
		if i > 4*len(name)+8 {
			return 0
		}
	}
	if end < 0 {
		return 0
	}
	tail := rest[end:]
	switch {
	case (tail[0] == ':' || tail[0] == ',') && (len(tail) == 1 || isSpace(tail[1])):
		return skipped + end + 1
	case at && isSpace(tail[0]):
		return skipped + end
	}
	return 0
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' }

// fold is a name without case and accents.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}
