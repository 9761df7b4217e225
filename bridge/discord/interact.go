package discord

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// interact.go: commands and buttons, which want an answer within three seconds
// whatever else goes on (discord.md 3.8).

const (
	// maxTalks is how many interactions are answered at a time; of more, Discord
	// itself tells the person that there was no answer.
	maxTalks = 32
	// slowTimeout is how long what was promised for later may take.
	slowTimeout = 60 * time.Second
)

// Types of interactions and of answers (discord.md 3.8).
const (
	interactCommand = 2
	interactButton  = 3
	answerMessage   = 4
	answerLater     = 5
	answerUpdate    = 7
)

// option is an argument of a command.
type option struct {
	Name    string   `json:"name"`
	Value   any      `json:"value"`
	Options []option `json:"options"`
}

// interaction is INTERACTION_CREATE.
type interaction struct {
	ID        string `json:"id"`
	Token     string `json:"token"`
	Type      int    `json:"type"`
	ChannelID string `json:"channel_id"`
	GuildID   string `json:"guild_id"`
	User      author `json:"user"`
	Member    struct {
		User        author `json:"user"`
		Nick        string `json:"nick"`
		Permissions string `json:"permissions"`
	} `json:"member"`
	Data struct {
		Name     string   `json:"name"`
		CustomID string   `json:"custom_id"`
		Options  []option `json:"options"`
	} `json:"data"`
}

// who is the person.
func (i *interaction) who() author {
	if i.Member.User.ID != "" {
		return i.Member.User
	}
	return i.User
}

// takeInteraction answers on a goroutine of its own. Buttons that choose a box go
// through their channel's queue instead, so that lines keep their order.
func (n *Network) takeInteraction(raw []byte) {
	var i interaction
	if !loose(raw, &i) || i.ID == "" || i.who().ID == "" {
		return
	}
	if i.Type == interactButton && strings.HasPrefix(i.Data.CustomID, pressTo) && i.ChannelID != "" {
		n.intake.add(i.ChannelID, item{kindPress, raw})
		return
	}
	l := n.live.Load()
	if l == nil {
		return
	}
	select {
	case n.talks <- struct{}{}:
	default:
		n.log.Warn("too many commands at once; one was not answered")
		return
	}
	n.wg.Go(func() {
		defer func() { <-n.talks }()
		defer n.recovered("interaction", i.Data.Name)
		n.interact(l.ctx, &i)
	})
}

// kindPress is a button that chooses a box, in its channel's queue.
const kindPress = "wtvgate press"

// interact answers one interaction.
func (n *Network) interact(running context.Context, i *interaction) {
	ctx, cancel := context.WithTimeout(running, n.pace.Answer)
	defer cancel()
	if err := n.meet(ctx, i.who()); err != nil {
		n.log.Error("cannot note a person", "err", err)
		return
	}
	if i.GuildID != "" {
		n.guilds.with(i.GuildID, func(g *guild) { g.join(rawMember{User: i.who(), Nick: i.Member.Nick}) })
	} else if i.ChannelID != "" && i.User.ID != "" {
		if err := n.knowDM(ctx, i.User.ID, i.ChannelID); err != nil {
			n.log.Error("cannot note a DM", "err", err)
		}
	}
	switch i.Type {
	case interactCommand:
		n.command(ctx, running, i)
	case interactButton:
		words, err := n.pressed(ctx, i)
		n.reply(ctx, i, answerUpdate, n.orSorry(words, err))
	}
}

// orSorry is words, or what to say instead when something failed here.
func (n *Network) orSorry(words string, err error) string {
	if err == nil {
		return words
	}
	n.log.Error("a command failed", "err", err)
	return "Something went wrong here. Please try again in a minute."
}

// reply answers: a message that only the person sees, or in place of the one with
// the button.
func (n *Network) reply(ctx context.Context, i *interaction, kind int, words string) {
	data := map[string]any{"content": words, "allowed_mentions": noMentions()}
	if kind == answerUpdate {
		data["components"] = []any{}
	} else {
		data["flags"] = flagEphemeral
	}
	err := n.rest.do(ctx, request{method: http.MethodPost, route: "/interactions/{}/{}/callback", args: []string{i.ID, i.Token},
		body: map[string]any{"type": kind, "data": data}, free: true}, nil)
	if err != nil {
		n.log.Warn("a command was not answered", "err", err) // 10062, 40060: nothing else can be done
	}
}

// finishLater gives the answer that was promised.
func (n *Network) finishLater(ctx context.Context, i *interaction, words string) {
	me := n.me.Load()
	err := n.rest.do(ctx, request{method: http.MethodPatch, route: "/webhooks/{}/{}/messages/@original", args: []string{me.application, i.Token},
		body: map[string]any{"content": words, "allowed_mentions": noMentions()}, free: true}, nil)
	if err != nil {
		n.log.Warn("a command was not answered", "err", err)
	}
}

// choose handles a button that chooses a box, on the channel's worker.
func (n *Network) choose(ctx context.Context, raw []byte) error {
	var i interaction
	if !loose(raw, &i) {
		return nil
	}
	msg, local, _ := strings.Cut(strings.TrimPrefix(i.Data.CustomID, pressTo), ":")
	words, err := n.chosen(ctx, i.who().ID, msg, local)
	if err != nil {
		return err
	}
	n.reply(ctx, &i, answerUpdate, words)
	return nil
}

// pressed handles the buttons of an ask.
func (n *Network) pressed(ctx context.Context, i *interaction) (string, error) {
	for prefix, s := range map[string]state{pressYes: stateLinked, pressNo: stateRefused, pressBlock: stateBlocked} {
		local, ok := strings.CutPrefix(i.Data.CustomID, prefix)
		if !ok {
			continue
		}
		a, there := n.account(local)
		p, ok, err := n.pairOf(ctx, a, i.who().ID)
		if err != nil {
			return "", err
		}
		if !there || !ok || p.state != stateAsked {
			return "This question is no longer open.", nil
		}
		switch s {
		case stateLinked:
			if err := n.link(ctx, &p, "They said yes."); err != nil {
				return "", err
			}
			return "You can now chat with " + escape(n.nameOf(a)) + ": what you write here reaches the TV. `/webtv leave` ends it.", nil
		case stateRefused:
			_, err = n.endPair(ctx, p, s)
			return "All right. You will not be asked again for a month.", err
		default:
			_, err = n.endPair(ctx, p, s)
			return "Blocked. `/webtv unblock " + a.Local() + "` takes it back.", err
		}
	}
	return "This button is not known any more.", nil
}

// endPair ends a pair from the friend's side. What waits for them is refused by
// the next try, which is now; the box sees them offline.
func (n *Network) endPair(ctx context.Context, p pair, s state) (pair, error) {
	p.room = ""
	p, err := n.setState(ctx, p, s)
	if err != nil {
		return p, err
	}
	return p, n.gone(ctx, p)
}

// gone has the box see that a friend is not there.
func (n *Network) gone(ctx context.Context, p pair) error {
	if err := n.receive(ctx, presenceGone(p)); err != nil {
		return err
	}
	return n.receive(ctx, answered(p))
}
