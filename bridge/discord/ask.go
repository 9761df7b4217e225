package discord

import (
	"context"
	"fmt"
	"sync"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// ask.go: consent (discord.md 3.3).

// missMemory is how long a name that was not found is not looked for again
// (discord.md 3.5).
const missMemory = 10 * time.Minute

// maxMisses bounds that memory.
const maxMisses = 1000

// misses remembers names that were not found.
type misses struct {
	mu sync.Mutex
	m  map[string]time.Time
}

func (x *misses) has(name string, now time.Time) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	at, ok := x.m[name]
	return ok && now.Sub(at) < missMemory
}

func (x *misses) add(name string, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.m == nil || len(x.m) >= maxMisses {
		x.m = make(map[string]time.Time)
	}
	x.m[name] = now
}

// Invite implements bridge.Inviter: the friend is asked, or the channel joined.
func (n *Network) Invite(ctx context.Context, m bridge.Outbound) error {
	if n.live.Load() == nil || n.me.Load() == nil {
		return errNotRunning
	}
	if name, ok := channelOf(m.To); ok {
		return n.join(ctx, m.From.Address, name)
	}
	p, err := n.wish(ctx, m)
	if err != nil {
		return err
	}
	switch p.state {
	case stateAsked, stateLinked:
		return nil
	}
	return bridge.Permanent(textNotFound, nil)
}

// wish is an account that wants to talk with somebody: the pair as it is now.
func (n *Network) wish(ctx context.Context, m bridge.Outbound) (pair, error) {
	p, ok, err := n.pairNamed(ctx, m.From.Address, string(m.To))
	if err != nil {
		return p, err
	}
	if !ok {
		uid, err := n.resolve(ctx, string(m.To))
		if err != nil {
			return p, err
		}
		if p, ok, err = n.pairOf(ctx, m.From.Address, uid); err != nil {
			return p, err
		}
		if !ok {
			p = pair{account: m.From.Address, user: uid, name: string(m.To)}
		}
	}
	u, _, err := n.user(ctx, p.user)
	if err != nil {
		return p, err
	}
	switch p.state {
	case stateAsked, stateLinked, stateBlocked:
		return p, nil
	case stateOffered:
		if err := n.link(ctx, &p, ""); err != nil {
			return p, err
		}
		return p, n.greet(ctx, p)
	case stateRefused, stateEnded:
		if !p.asked.IsZero() && n.now().Sub(p.asked) < askAgain {
			return p, nil
		}
	}
	if u.hidden {
		p.state = stateBlocked
		return p, nil
	}
	p.asked = time.Time{}
	if p, err = n.setState(ctx, p, stateAsked); err != nil {
		return p, err
	}
	return p, n.ask(ctx, p, u)
}

// resolve finds who is meant by a user name that is new to an account
// (discord.md 3.5). The error is for the person who typed it.
func (n *Network) resolve(ctx context.Context, name string) (string, error) {
	uid, err := n.holder(ctx, name)
	if err != nil || uid != "" {
		return uid, err
	}
	if n.missed.has(name, n.now()) {
		return "", bridge.Permanent(textNotFound, nil)
	}
	u, ok, err := n.searchMember(ctx, name)
	if err != nil {
		return "", judge(err)
	}
	if !ok {
		// Somebody who has left all servers but has written to the bot can be reached.
		if u.ID, err = n.met(ctx, name); err != nil || u.ID != "" {
			return u.ID, err
		}
		n.missed.add(name, n.now())
		return "", bridge.Permanent(textNotFound, nil)
	}
	return u.ID, n.meet(ctx, u)
}

// met finds the one person who has that name by the last that we heard, and a DM.
func (n *Network) met(ctx context.Context, name string) (string, error) {
	all, err := n.texts(ctx, "find a person", `SELECT user FROM discord_users WHERE username = ? AND dm <> '' LIMIT 2`, name)
	if err != nil || len(all) != 1 {
		return "", err
	}
	return all[0], nil
}

// ask asks the friend if that can be done now; else the opener does it later.
func (n *Network) ask(ctx context.Context, p pair, u user) error {
	if u.dm == "" {
		if done, err := n.askInChannel(ctx, p, u); err != nil || done {
			return err
		}
		signal(n.chores) // the opener finds it
		return nil
	}
	_, err := n.post(ctx, u.dm, "", askKey(p), n.askWords(p), askButtons(p.account))
	switch c := code(err); {
	case err == nil:
	case c == codeCannotDM || c == codeNoMutualGuild:
		if err := n.setClosed(ctx, u.id, c); err != nil {
			return err
		}
		if err := n.tellBox(ctx, p, "closed/"+p.user, "They cannot be asked: "+sentence(c)+"."); err != nil {
			return err
		}
	case c == codeOpeningTooFast || c == codeQuarantined:
		n.openerRests(ctx, c)
		return nil
	default:
		return judge(err)
	}
	return n.setAsked(ctx, p)
}

// askKey makes the nonce of an ask: one for each time that the pair began to be
// asked.
func askKey(p pair) string {
	return fmt.Sprintf("ask/%s/%s/%d", p.account, p.user, p.since.UnixMilli())
}

func (n *Network) askWords(p pair) string {
	return fmt.Sprintf("%s would like to chat with you from a WebTV, a box from the 1990s that goes online on a television (%s). "+
		"If you accept, what you write here reaches the TV.", escape(n.nameOf(p.account)), escape(string(p.account)))
}

// Parts of custom ids. They carry who, never what was written.
const (
	pressYes   = "ask:yes:"
	pressNo    = "ask:no:"
	pressBlock = "ask:block:"
	pressTo    = "to:"
)

func askButtons(a id.Account) []any {
	return []any{row(button(3, "Accept", pressYes+a.Local()), button(2, "Not now", pressNo+a.Local()), button(4, "Block", pressBlock+a.Local()))}
}

func row(buttons ...any) any { return map[string]any{"type": 1, "components": buttons} }

func button(style int, label, customID string) any {
	return map[string]any{"type": 2, "style": style, "label": label, "custom_id": customID}
}

// askInChannel mentions the friend in the WebTV channel of a guild that both are
// in, if the operator wants that.
func (n *Network) askInChannel(ctx context.Context, p pair, u user) (bool, error) {
	if !n.o.AskInChannel {
		return false, nil
	}
	for _, g := range n.guilds.of(u.id) {
		homes, err := n.texts(ctx, "find a home", `SELECT home FROM discord_guilds WHERE guild = ? AND home <> ''`, g)
		if err != nil {
			return false, err
		}
		if len(homes) == 0 {
			continue
		}
		m := noMentions()
		m.Users = []string{u.id}
		err = n.rest.do(ctx, request{method: "POST", route: "/channels/{}/messages", args: []string{homes[0]},
			body: outgoing{Content: "<@" + u.id + "> " + n.askWords(p), Nonce: nonceOf(id.Message(askKey(p)), 1), Enforce: true, Mentions: m,
				Components: askButtons(p.account)}}, nil)
		if err != nil {
			return false, judge(err)
		}
		return true, n.setAsked(ctx, p)
	}
	return false, nil
}

// link is both sides' yes. Words are for the box; "" for none.
func (n *Network) link(ctx context.Context, p *pair, words string) error {
	linked, err := n.setState(ctx, *p, stateLinked)
	if err != nil {
		return err
	}
	*p = linked
	if words != "" {
		if err := n.tellBox(ctx, *p, fmt.Sprintf("yes/%s/%d", p.user, p.since.UnixMilli()), words); err != nil {
			return err
		}
	}
	n.asking.add(p.user)
	if err := n.tellPresence(ctx, p.user); err != nil {
		return err
	}
	return n.receive(ctx, bridge.AnswerEvent{Account: p.account, From: id.Remote(p.name)})
}

// Accept implements bridge.Inviter: the box says yes to a friend who asked.
func (n *Network) Accept(ctx context.Context, m bridge.Outbound) error {
	if n.live.Load() == nil {
		return errNotRunning
	}
	p, ok, err := n.pairNamed(ctx, m.From.Address, string(m.To))
	if err != nil || !ok || p.state != stateOffered {
		return err
	}
	if err := n.link(ctx, &p, ""); err != nil {
		return err
	}
	return n.greet(ctx, p)
}

// greet tells the friend of the box's yes.
func (n *Network) greet(ctx context.Context, p pair) error {
	u, _, err := n.user(ctx, p.user)
	if err != nil {
		return err
	}
	if u.dm == "" {
		if u.dm, err = n.open(ctx, u.id, true); err != nil {
			n.log.Info("a friend cannot be told of a yes", "err", err)
			return nil
		}
	}
	return judge(n.notify(ctx, u.dm, "", fmt.Sprintf("greet/%s/%s/%d", p.account, p.user, p.since.UnixMilli()),
		escape(n.nameOf(p.account))+" said yes. What you write here reaches the TV."))
}

// Decline implements bridge.Inviter. The friend is not told.
func (n *Network) Decline(ctx context.Context, m bridge.Outbound) error {
	p, ok, err := n.pairNamed(ctx, m.From.Address, string(m.To))
	if err != nil || !ok || p.state != stateOffered {
		return err
	}
	_, err = n.setState(ctx, p, stateEnded)
	return err
}

// reopened notes that a person can be written to: they wrote. Those who wanted to
// ask and could not do so now.
func (n *Network) reopened(ctx context.Context, uid string) error {
	u, _, err := n.user(ctx, uid)
	if err != nil || u.closed == 0 {
		return err
	}
	if err := n.exec(ctx, "ask again", `UPDATE discord_pairs SET asked = 0 WHERE user = ? AND state = ?`, uid, stateAsked); err != nil {
		return err
	}
	return n.setClosed(ctx, uid, 0)
}
