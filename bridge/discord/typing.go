package discord

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// typing.go: who is writing, both ways (discord.md 3.7).

// typingEvery is the least time between two notices in one channel: each shows for
// ten seconds (discord.md 2, 3.7).
const typingEvery = 8 * time.Second

// maxTypingChannels bounds what is remembered of that.
const maxTypingChannels = 1000

// typing is when the bot was last shown typing, by channel.
type typing struct {
	n  *Network
	mu sync.Mutex
	m  map[string]time.Time
}

func newTyping(n *Network) *typing { return &typing{n: n, m: make(map[string]time.Time)} }

// take tells whether a notice may be sent now.
func (t *typing) take(cid string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.n.now()
	if now.Sub(t.m[cid]) < typingEvery {
		return false
	}
	if len(t.m) >= maxTypingChannels {
		clear(t.m)
	}
	t.m[cid] = now
	return true
}

// SetTyping implements bridge.Typer. In a DM that several boxes share it is shown
// only for the box that takes part.
func (n *Network) SetTyping(ctx context.Context, from bridge.Account, to id.Remote, on bool) {
	if !on || n.live.Load() == nil {
		return // a notice runs out by itself
	}
	cid, err := n.typingPlace(ctx, from.Address, to)
	if err != nil || cid == "" || !n.typing.take(cid) {
		return
	}
	if err := n.rest.do(ctx, request{method: http.MethodPost, route: "/channels/{}/typing", args: []string{cid}}, nil); err != nil {
		n.log.Debug("typing not shown", "account", from.Address, "err", err)
	}
}

// typingPlace is where an account's typing is shown; "" for nowhere.
func (n *Network) typingPlace(ctx context.Context, a id.Account, to id.Remote) (string, error) {
	if name, ok := channelOf(to); ok {
		x, ok, err := n.memberNamed(ctx, a, name)
		if err != nil || !ok || !n.mayRead(ctx, a, x.channel) {
			return "", err
		}
		return x.channel, nil
	}
	p, ok, err := n.pairNamed(ctx, a, string(to))
	if err != nil || !ok || p.state != stateLinked {
		return "", err
	}
	if p.room != "" {
		return p.room, nil
	}
	all, err := n.linked(ctx, p.user)
	if err != nil {
		return "", err
	}
	if only, ok := onlyActive(n.targets(all), n.now()); len(all) > 1 && (!ok || only != a) {
		return "", nil
	}
	u, _, err := n.user(ctx, p.user)
	return u.dm, err
}

// writes tells a box that a friend is writing; none if it could be for several.
func (n *Network) writes(ctx context.Context, raw []byte) error {
	var w writing
	if !loose(raw, &w) || w.UserID == "" {
		return nil
	}
	if me := n.me.Load(); me == nil || w.UserID == me.user {
		return nil
	}
	n.presence.spoke(w.UserID, n.now())
	c, ok, err := n.channel(ctx, w.ChannelID)
	if err != nil || !ok {
		return err
	}
	var to *pair
	switch c.kind {
	case kindThread:
		p, ok, err := n.onePair(ctx, `room = ? AND user = ?`, c.id, w.UserID)
		if err != nil || !ok {
			return err
		}
		to = &p
	case kindText:
		return n.writesPublic(ctx, c)
	default:
		all, err := n.linked(ctx, w.UserID)
		if err != nil {
			return err
		}
		a, ok := onlyActive(n.targets(all), n.now())
		for i, p := range all {
			if len(all) == 1 || ok && p.account == a {
				to = &all[i]
			}
		}
	}
	if to == nil {
		return nil
	}
	return n.receive(ctx, bridge.TypingEvent{Account: to.account, From: id.Remote(to.name), On: true})
}

func (n *Network) writesPublic(ctx context.Context, c channel) error {
	all, err := n.membersWhere(ctx, `channel = ?`, c.id)
	if err != nil {
		return err
	}
	for _, x := range all {
		if !n.mayRead(ctx, x.account, c.id) {
			continue
		}
		if err := n.receive(ctx, bridge.TypingEvent{Account: x.account, From: id.Remote(channelMark + x.name), On: true}); err != nil {
			return err
		}
	}
	return nil
}

// isOn tells whether a box is on, as a friend may see it.
func (n *Network) isOn(a id.Account, by id.Remote) bool {
	l := n.live.Load()
	if l == nil {
		return false
	}
	x, ok := l.in.(bridge.Audience)
	return ok && x.Seen(a, by) != bridge.PresenceOffline
}

// onSince is when a box was switched on, the zero time if it is off.
func (n *Network) onSince(a id.Account, by id.Remote) (at time.Time) {
	if l := n.live.Load(); l != nil {
		if x, ok := l.in.(bridge.Audience); ok {
			at = x.OnSince(a, by)
		}
	}
	return at
}

// presenceGone and answered are what a box and its waiting messages learn when a
// friend has ended the pair.
func presenceGone(p pair) bridge.Event {
	return bridge.PresenceEvent{Account: p.account, From: id.Remote(p.name), Presence: bridge.PresenceOffline}
}

func answered(p pair) bridge.Event {
	return bridge.AnswerEvent{Account: p.account, From: id.Remote(p.name)}
}

// messageOf is the message of an event id of ours.
func messageOf(e id.Event) string {
	msg, _, _ := strings.Cut(string(e), "/")
	return msg
}
