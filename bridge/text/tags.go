package text

import (
	"strconv"
	"strings"
)

// tags.go: what Discord writes between < and > (discord.md 7.2).

// maxTag is the longest tag, in bytes: a slash command has up to 100 characters.
const maxTag = 512

// maxUnix is the last moment that has a date of four digits.
const maxUnix = 253402300799

// tag reads a tag at s[i].
func (n *inliner) tag(i int) int {
	end := strings.IndexByte(n.s[i:min(len(n.s), i+maxAddress)], '>')
	if end < 2 {
		return 1
	}
	x, ok := n.p.tagged(n.s[i+1 : i+end])
	if !ok {
		return 1
	}
	n.flush(i)
	n.emit(x)
	n.plain = i + end + 1
	return end + 1
}

// tagged is what a tag stands for.
func (p *markdown) tagged(t string) (Run, bool) {
	if linkAt(t, 0) {
		if linkLen(t) != len(t) {
			return Run{}, false
		}
		if words, ok := p.x.messageLink(t); ok {
			return Run{Text: words}, true
		}
		return Run{Kind: KindLink, URL: t}, true
	}
	if len(t) > maxTag {
		return Run{}, false
	}
	switch t[0] {
	case '@':
		if role, ok := strings.CutPrefix(t, "@&"); ok {
			return named("@", role, p.x.Roles[role], "unknown role")
		}
		who := strings.TrimPrefix(t[1:], "!")
		return named("@", who, p.user(who), unknownUser)
	case '#':
		return named("#", t[1:], p.x.Channels[t[1:]], "unknown channel")
	case '/':
		if name, number, ok := strings.Cut(t, ":"); ok && digits(number) {
			return Run{Text: name}, true
		}
	case 't':
		return stamp(t)
	case 'i':
		words, ok := guides[t]
		return Run{Text: words}, ok
	case ':', 'a':
		name, number, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(t, "a"), ":"), ":")
		if ok && digits(number) && name != "" && oneLine(name) == name {
			return Run{Kind: KindEmoji, Text: name}, true
		}
	}
	return Run{}, false
}

// guides are the places of a guild.
var guides = map[string]string{"id:customize": "[Channels & Roles]", "id:browse": "[Browse Channels]",
	"id:guide": "[Server Guide]", "id:linked-roles": "[Linked Roles]"}

// named is a mention by its id.
func named(mark, id, name, otherwise string) (Run, bool) {
	if !digits(id) {
		return Run{}, false
	}
	if name = oneLine(name); name == "" {
		name = otherwise
	}
	return Run{Kind: KindMention, Text: mark + name, ID: id}, true
}

// digits tells whether s is an id of Discord's.
func digits(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

// user finds somebody's name: what the message says, then what is known.
func (p *markdown) user(id string) string {
	for i := range p.mentions {
		if u := &p.mentions[i]; u.ID == id {
			if name := u.name(); name != "" {
				return name
			}
		}
	}
	if id == p.x.Bot.ID {
		return p.x.Bot.Name
	}
	return p.x.Users[id]
}

// stamp reads a moment: t:SECONDS or t:SECONDS:FORM. What has no date stays as it
// was written.
func stamp(t string) (Run, bool) {
	number, form, _ := strings.Cut(strings.TrimPrefix(t, "t:"), ":")
	at, err := strconv.ParseInt(number, 10, 64)
	if err != nil || at < -maxUnix/4 || at > maxUnix || !strings.HasPrefix(t, "t:") {
		return Run{}, false
	}
	if form == "" {
		form = "f"
	}
	if _, ok := timeForms[form]; !ok {
		return Run{}, false
	}
	return Run{Kind: KindTime, Text: form, At: at}, true
}

// messageLink is a link to a message of Discord in words: on a box it leads
// nowhere.
func (x *DiscordContext) messageLink(u string) (string, bool) {
	for _, host := range [...]string{"discord.com", "ptb.discord.com", "canary.discord.com", "discordapp.com"} {
		rest, ok := strings.CutPrefix(u, "https://"+host+"/channels/")
		part := strings.Split(rest, "/")
		if !ok || len(part) != 3 || !digits(part[1]) || !digits(part[2]) {
			continue
		}
		if name := oneLine(x.Channels[part[1]]); name != "" {
			return "[message in #" + name + "]", true
		}
		return "[link to a Discord message]", true
	}
	return "", false
}
