package discord

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// commands.go: /webtv (discord.md 3.8).

// commandName is the one command.
const commandName = "webtv"

// Permissions that the moderators' verbs want (Discord's documentation).
const (
	permManageChannels = 1 << 4
	permManageWebhooks = 1 << 29
	permAdministrator  = 1 << 3
)

// verb is a subcommand.
type verb struct {
	name, about string
	options     []map[string]any
	perm        int64 // what a moderator must be able to do; 0: for everybody
	slow        bool  // cannot be done within three seconds
	do          func(*Network, context.Context, *interaction, args) (string, error)
}

// args are the values of a subcommand's options.
type args map[string]any

func (a args) text(name string) string {
	s, _ := a[name].(string)
	return strings.TrimSpace(s)
}

func (a args) flag(name string) bool {
	b, _ := a[name].(bool)
	return b
}

func textOption(name, about string, required bool) map[string]any {
	return map[string]any{"type": 3, "name": name, "description": about, "required": required}
}

func flagOption(name, about string) map[string]any {
	return map[string]any{"type": 5, "name": name, "description": about}
}

// verbs lists the subcommands in the order in which Discord shows them.
func verbs() []verb {
	box := textOption("name", "The box, such as alice", true)
	return []verb{
		{name: "add", about: "Ask a WebTV box whether you may chat with it", options: []map[string]any{box}, do: (*Network).cmdAdd},
		{name: "who", about: "Which of your boxes are on", do: (*Network).cmdWho},
		{name: "to", about: "What you write next is for this box", options: []map[string]any{box}, do: (*Network).cmdTo},
		{name: "say", about: "Write to a box from anywhere", options: []map[string]any{box, textOption("text", "What to say", true)}, do: (*Network).cmdSay},
		{name: "room", about: "Move the chat with a box into a private thread", options: []map[string]any{box}, slow: true, do: (*Network).cmdRoom},
		{name: "block", about: "Hear nothing more from a box", options: []map[string]any{box}, do: (*Network).cmdBlock},
		{name: "unblock", about: "Take a block back", options: []map[string]any{box}, do: (*Network).cmdUnblock},
		{name: "leave", about: "End all chats with boxes, and never be asked again", do: (*Network).cmdLeave},
		{name: "status", about: "How the gateway is", do: (*Network).cmdStatus},
		{name: "help", about: "What this is", do: (*Network).cmdHelp},
		{name: "home", about: "Moderators: make this the WebTV channel of the server", perm: permManageChannels, do: (*Network).cmdHome},
		{name: "bridge", about: "Moderators: let boxes read and write in this channel", perm: permManageWebhooks, slow: true,
			options: []map[string]any{flagOption("bots", "Relay other bots too"), textOption("allow", "Let this box in although not everyone can view the channel", false)},
			do:      (*Network).cmdBridge},
		{name: "unbridge", about: "Moderators: boxes leave this channel", perm: permManageWebhooks, do: (*Network).cmdUnbridge},
	}
}

// definition is the command as it is registered. The contexts are written out:
// their defaults are not what the documentation says (discord.md 3.8).
func definition() []map[string]any {
	var subs []map[string]any
	for _, v := range verbs() {
		s := map[string]any{"type": 1, "name": v.name, "description": v.about}
		if len(v.options) > 0 {
			s["options"] = v.options
		}
		subs = append(subs, s)
	}
	return []map[string]any{{"name": commandName, "type": 1, "description": "Chat with WebTV boxes", "options": subs,
		"integration_types": []int{0, 1}, "contexts": []int{0, 1, 2}}}
}

const keyCommands = "commands"

// register tells Discord of the command, if it has changed: there are 200
// creations a day (discord.md 3.8).
func (n *Network) register(ctx context.Context) error {
	all := definition()
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	me := n.me.Load()
	sum := sha256.Sum256(append(data, me.application...))
	hash := hex.EncodeToString(sum[:])
	if have, err := n.value(ctx, keyCommands); err != nil || have == hash {
		return err
	}
	if err := n.rest.do(ctx, request{method: http.MethodPut, route: "/applications/{}/commands", args: []string{me.application}, body: all}, nil); err != nil {
		return err
	}
	return n.setValue(ctx, keyCommands, hash)
}

// command answers /webtv.
func (n *Network) command(ctx, running context.Context, i *interaction) {
	if i.Data.Name != commandName || len(i.Data.Options) == 0 {
		n.reply(ctx, i, answerMessage, helpWords)
		return
	}
	sub := i.Data.Options[0]
	all := verbs()
	at := slices.IndexFunc(all, func(v verb) bool { return v.name == sub.Name })
	if at < 0 {
		n.reply(ctx, i, answerMessage, helpWords)
		return
	}
	v := all[at]
	if v.perm != 0 {
		have := number(i.Member.Permissions)
		switch {
		case i.GuildID == "" || !n.served(i.GuildID):
			n.reply(ctx, i, answerMessage, "This works in a channel of a server only.")
			return
		case have&v.perm == 0 && have&permAdministrator == 0:
			n.reply(ctx, i, answerMessage, "This is for moderators of this server.")
			return
		}
	}
	given := make(args)
	for _, o := range sub.Options {
		given[o.Name] = o.Value
	}
	if !v.slow {
		words, err := v.do(n, ctx, i, given)
		n.reply(ctx, i, answerMessage, n.orSorry(words, err))
		return
	}
	n.reply(ctx, i, answerLater, "")
	slow, cancel := context.WithTimeout(running, slowTimeout)
	defer cancel()
	words, err := v.do(n, slow, i, given)
	n.finishLater(slow, i, n.orSorry(words, err))
}

// notThere is the one answer for boxes that do not exist and for those that do
// not want to be found.
const notThere = "There is no box of that name that takes requests."

// mine finds the pair of the person with a box that they name.
func (n *Network) mine(ctx context.Context, i *interaction, a args) (pair, bool, error) {
	acc, ok := n.account(a.text("name"))
	if !ok {
		return pair{}, false, nil
	}
	return n.pairOf(ctx, acc, i.who().ID)
}

func (n *Network) cmdAdd(ctx context.Context, i *interaction, a args) (string, error) {
	acc, ok := n.account(a.text("name"))
	if !ok {
		return notThere, nil
	}
	who := i.who()
	if err := n.setHidden(ctx, who.ID, false); err != nil {
		return "", err
	}
	p, ok, err := n.pairOf(ctx, acc, who.ID)
	if err != nil {
		return "", err
	}
	if !ok {
		name := who.Username
		if !validUsername(name) {
			name = who.ID
		}
		if _, taken, err := n.pairNamed(ctx, acc, name); err != nil {
			return "", err
		} else if taken { // the account knows somebody else by it (discord.md 3.5)
			name = who.ID
		}
		p = pair{account: acc, user: who.ID, name: name}
	}
	switch p.state {
	case stateLinked:
		return "You two know each other already. Write to me, and it reaches the TV.", nil
	case stateAsked:
		if err := n.link(ctx, &p, "They said yes."); err != nil {
			return "", err
		}
		return "You can now chat with " + escape(n.nameOf(acc)) + ": what you write to me reaches the TV.", nil
	}
	if p, err = n.setState(ctx, p, stateOffered); err != nil {
		return "", err
	}
	err = n.receive(ctx, bridge.RequestEvent{Event: eventID(i.ID, acc, "add"), Account: acc, From: id.Remote(p.name),
		Name: cmp.Or(who.GlobalName, who.Username), Time: n.now()})
	return "Asked. You hear from me when the box says yes.", err
}

func (n *Network) cmdWho(ctx context.Context, i *interaction, _ args) (string, error) {
	all, err := n.linked(ctx, i.who().ID)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "You know no box yet. `/webtv add` asks one.", nil
	}
	var lines []string
	for _, p := range all[:min(len(all), maxChoices)] {
		how := "off; what you write is kept"
		if at := n.onSince(p.account, id.Remote(p.name)); !at.IsZero() {
			how = fmt.Sprintf("on since <t:%d:f>", at.Unix()) // Discord shows it in the reader's zone
		}
		lines = append(lines, fmt.Sprintf("%s (%s): %s", escape(n.nameOf(p.account)), escape(p.account.Local()), how))
	}
	return strings.Join(lines, "\n"), nil
}

func (n *Network) cmdTo(ctx context.Context, i *interaction, a args) (string, error) {
	p, ok, err := n.mine(ctx, i, a)
	if err != nil || !ok || p.state != stateLinked {
		return notThere, err
	}
	return "What you write next is for " + escape(n.nameOf(p.account)) + ".", n.only(ctx, p)
}

func (n *Network) cmdSay(ctx context.Context, i *interaction, a args) (string, error) {
	p, ok, err := n.mine(ctx, i, a)
	if err != nil || !ok || p.state != stateLinked {
		return notThere, err
	}
	who := i.who()
	c := text.FromDiscord(text.DiscordMessage{ID: i.ID, Content: a.text("text"), Author: text.DiscordUser{ID: who.ID, Username: who.Username, GlobalName: who.GlobalName}},
		text.DiscordContext{Account: string(p.account)})
	if c.Empty() {
		return "There was nothing in it that a TV can show.", nil
	}
	err = n.receive(ctx, bridge.MessageEvent{Event: eventID(i.ID, p.account, ""), Account: p.account, From: id.Remote(p.name),
		Name: cmp.Or(who.GlobalName, who.Username), Text: c, Time: n.now()})
	if err != nil {
		return "", err
	}
	return "Sent to " + escape(n.nameOf(p.account)) + ".", n.touch(ctx, p, false, n.now())
}

func (n *Network) cmdBlock(ctx context.Context, i *interaction, a args) (string, error) {
	acc, ok := n.account(a.text("name"))
	if !ok {
		return notThere, nil
	}
	p, ok, err := n.pairOf(ctx, acc, i.who().ID)
	if err != nil {
		return "", err
	}
	if !ok {
		p = pair{account: acc, user: i.who().ID, name: i.who().ID}
	}
	_, err = n.endPair(ctx, p, stateBlocked)
	return "Blocked.", err
}

func (n *Network) cmdUnblock(ctx context.Context, i *interaction, a args) (string, error) {
	p, ok, err := n.mine(ctx, i, a)
	if err != nil || !ok || p.state != stateBlocked {
		return "That box is not blocked.", err
	}
	_, err = n.setState(ctx, p, stateEnded)
	return "No longer blocked. `/webtv add " + p.account.Local() + "` asks again.", err
}

func (n *Network) cmdLeave(ctx context.Context, i *interaction, _ args) (string, error) {
	uid := i.who().ID
	if err := n.setHidden(ctx, uid, true); err != nil {
		return "", err
	}
	all, err := n.pairs(ctx, `user = ? AND state IN (?, ?, ?)`, uid, stateLinked, stateAsked, stateOffered)
	for _, p := range all {
		if _, err := n.endPair(ctx, p, stateEnded); err != nil {
			return "", err
		}
	}
	return "All chats with boxes have ended, and no box can ask you. `/webtv add` begins again.", err
}

func (n *Network) cmdStatus(ctx context.Context, i *interaction, _ args) (string, error) {
	all, err := n.pairs(ctx, `user = ?`, i.who().ID)
	if err != nil {
		return "", err
	}
	lines := []string{"Direct messages work."}
	if n.readsContent() {
		lines = append(lines, "Channels and rooms work.")
	} else {
		lines = append(lines, "Channels and rooms do not work: the message content intent is off.")
	}
	if !n.tellsPresence() {
		lines = append(lines, "Boxes see you online for ten minutes after you write: the presence intent is off.")
	}
	for _, p := range all[:min(len(all), maxChoices)] {
		lines = append(lines, fmt.Sprintf("%s: %s", escape(n.nameOf(p.account)), stateWords[p.state]))
	}
	return strings.Join(lines, "\n"), nil
}

// stateWords say a state to the friend.
var stateWords = map[state]string{stateAsked: "asked you", stateOffered: "has not answered you yet", stateLinked: "you chat",
	stateRefused: "you said not now", stateEnded: "ended", stateBlocked: "blocked by you"}

func (n *Network) cmdHelp(context.Context, *interaction, args) (string, error) {
	return helpWords + " If you know several, begin a line with its name (`alice: hello`) or answer one of its lines.", nil
}
