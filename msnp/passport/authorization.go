package passport

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	scheme14 = "Passport1.4"
	// maxFields bounds an Authorization header: clients send the four of their own
	// and the ten of the challenge (msnp.md 5.2).
	maxFields = 64
	// maxAddress is the longest address (msnp.md 15).
	maxAddress = 129
	// maxPassword is the longest password that is looked at, in bytes, far above
	// what any account can have: every byte of it is hashed.
	maxPassword = 1024
)

// login is what somebody signs in with.
type login struct {
	address string
	// passwords are the readings of what was sent, the likeliest first: clients
	// differ in how they escape. At most two.
	passwords []string
}

// parseAuthorization reads `Passport1.4 OrgVerb=GET,...,sign-in=A,pwd=P,CHALLENGE`
// as clients write it (msnp.md 5.2): in any order, with fields that are unknown,
// the scheme word perhaps twice. Of a field given twice the first counts, since
// what the client says itself stands before the challenge. The error names no
// value.
func parseAuthorization(header string) (login, error) {
	rest, ok := cutScheme(header)
	if !ok {
		return login{}, errors.New("the Authorization header is not of Passport 1.4")
	}
	if again, twice := cutScheme(rest); twice {
		rest = again
	}
	fields := fieldsOf(rest)
	if fields == nil {
		return login{}, errors.New("too many fields in the Authorization header")
	}
	signIn, ok := fields["sign-in"]
	if !ok {
		return login{}, errors.New("no sign-in field")
	}
	pwd, ok := fields["pwd"]
	if !ok {
		return login{}, errors.New("no pwd field")
	}
	address, err := url.PathUnescape(signIn)
	if err != nil {
		return login{}, errors.New("bad escapes in the sign-in field")
	}
	return newLogin(address, passwordReadings(pwd))
}

// cutScheme takes the word Passport1.4 off.
func cutScheme(s string) (string, bool) {
	s = strings.TrimLeft(s, " \t")
	word, rest, _ := strings.Cut(s, " ")
	return strings.TrimLeft(rest, " \t"), strings.EqualFold(word, scheme14)
}

// fieldsOf splits on commas, and each piece on its first `=`. A piece without
// one belongs to the value before it: Twisted sends passwords as they are, with
// their commas. Nil: too many.
func fieldsOf(s string) map[string]string {
	fields := make(map[string]string)
	last, n := "", 0
	for piece := range strings.SplitSeq(s, ",") {
		if n++; n > maxFields {
			return nil
		}
		key, value, pair := strings.Cut(piece, "=")
		if !pair {
			if last != "" && piece != "" {
				fields[last] += "," + piece
			}
			continue
		}
		key = strings.ToLower(strings.TrimSpace(key))
		if _, known := fields[key]; known {
			last = ""
			continue
		}
		fields[key], last = value, key
	}
	return fields
}

// passwordReadings are what a pwd field may mean: percent-encoded, `+` being
// itself, or as it is (msnp.md 5.2). Text that is not UTF-8 is the Latin-1 of a
// client that used its code page (msnp.md 4.4).
func passwordReadings(pwd string) []string {
	raw := utf8Of(pwd)
	plain, err := url.PathUnescape(pwd)
	if err != nil {
		return []string{raw}
	}
	if plain = utf8Of(plain); plain == raw {
		return []string{plain}
	}
	return []string{plain, raw}
}

func utf8Of(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
}

// newLogin checks what both kinds of sign-in have read.
func newLogin(address string, passwords []string) (login, error) {
	address = strings.ToLower(strings.TrimSpace(address))
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || at == len(address)-1 || len(address) > maxAddress || strings.IndexFunc(address, unprintable) >= 0 {
		return login{}, errors.New("the address is none")
	}
	// A password full of escapes is three times as long read as it is: that reading
	// is none, the other may be.
	readings := slices.DeleteFunc(passwords, func(p string) bool { return len(p) > maxPassword })
	if len(readings) == 0 {
		return login{}, errors.New("the password is too long to be one")
	}
	return login{address, readings}, nil
}

// unprintable is what stands in no address: it would go into the log.
func unprintable(r rune) bool { return r <= ' ' || r == 0x7F || r == utf8.RuneError }
