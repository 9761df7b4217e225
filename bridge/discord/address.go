package discord

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"wtvgate/bridge/id"
)

// address.go: coolcat@discord.com is the person that an account knows as coolcat,
// #general.webtv-fans@discord.com a channel; both ways without loss. A Remote is
// the name in the address and not the snowflake: who that is belongs to the pair
// (pairs.go), since names change hands and addresses must not.

// maxUsername is the longest user name taken. Discord's own rule is 32; the older
// documentation is looser (discord.md 2).
const maxUsername = 64

// channelMark begins the Remote of a channel.
const channelMark = "#"

// Remote reads the address of a person or a channel.
func (n *Network) Remote(a id.Address) (id.Remote, error) {
	local, isChannel := strings.CutPrefix(a.Local(), channelMark)
	name, err := id.UnescapeLocal(local)
	if err != nil {
		return "", err
	}
	if isChannel {
		if !strings.Contains(name, ".") || !utf8.ValidString(name) {
			return "", fmt.Errorf("%s is no channel: write #channel.server@%s", a, n.o.AddressDomain)
		}
		return id.Remote(channelMark + name), nil
	}
	if !validUsername(name) {
		return "", fmt.Errorf("%s cannot be a Discord user name", a)
	}
	return id.Remote(name), nil
}

// Address is how a person or a channel stands on a contact list.
func (n *Network) Address(r id.Remote) (id.Address, error) {
	name, isChannel := strings.CutPrefix(string(r), channelMark)
	if isChannel && !strings.Contains(name, ".") || !isChannel && !validUsername(name) {
		return "", fmt.Errorf("discord: %q is no user name and no channel", r)
	}
	mark := ""
	if isChannel {
		mark = channelMark
	}
	a, err := id.ParseAddress(mark + id.EscapeLocal(name) + "@" + n.o.AddressDomain)
	if err != nil {
		return "", fmt.Errorf("discord: address of %q: %w", r, err)
	}
	return a, nil
}

// validUsername takes what a user name may be, old ones included. Upper case is
// folded by Discord, so a name never has it.
func validUsername(name string) bool {
	if name == "" || len(name) > maxUsername || !utf8.ValidString(name) || strings.HasPrefix(name, channelMark) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '@' || r == ':' || unicode.IsUpper(r) })
}

// slug is a name as part of an address: lower case letters, digits and hyphens.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxSlug {
			break
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "server"
}

// maxSlug keeps channel, server and domain below the 129 bytes of an address.
const maxSlug = 32

// epoch is the first millisecond that a snowflake can name (discord.md 8.1).
const epoch = 1420070400000

// snowflake reads an id; 0 for what is none.
func snowflake(s string) uint64 {
	v, _ := strconv.ParseUint(s, 10, 64)
	return v
}

// flakeTime is when an id was made.
func flakeTime(s string) time.Time { return time.UnixMilli(int64(snowflake(s)>>22) + epoch) }

// flakeAt is the first id of a moment.
func flakeAt(t time.Time) string {
	return strconv.FormatUint(uint64(max(t.UnixMilli()-epoch, 0))<<22, 10)
}

// later tells whether id a is newer than b, numerically.
func later(a, b string) bool { return snowflake(a) > snowflake(b) }

const (
	// maxWebhookName is the longest name a webhook may post under (discord.md 2).
	maxWebhookName = 80
	hookSuffix     = " (WebTV)"
	namelessHook   = "WebTV user"
)

// webhookName is an account's name as a webhook may carry it: the words that
// Discord refuses are broken by a hyphen.
func webhookName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && !unicode.IsSpace(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	for _, word := range []string{"discord", "clyde"} {
		for at := 0; ; {
			i := strings.Index(asciiLower(name[at:]), word)
			if i < 0 {
				break
			}
			at += i + len(word)/2 // dis-cord, cl-yde
			if word == "clyde" {
				at++ // cly-de
			}
			name = name[:at] + "-" + name[at:]
			at++
		}
	}
	if name == "" {
		return namelessHook
	}
	if r := []rune(name); len(r) > maxWebhookName-len(hookSuffix) {
		name = strings.TrimSpace(string(r[:maxWebhookName-len(hookSuffix)]))
	}
	return name + hookSuffix
}

// asciiLower folds A-Z alone, so that every byte stays where it is.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
