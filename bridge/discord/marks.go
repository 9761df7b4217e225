package discord

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// marks.go: what a friend sees of their line's way to the TV. Bots have no read
// receipts, so it is a reaction: a clock while the line waits, a television when
// the box has it, and nothing when that was at once (discord.md 3.7).

const (
	emojiClock = "\U0001F552"
	emojiTV    = "\U0001F4FA"
	// maxClocks bounds the lines that are watched for it: in a flood the later ones
	// go without.
	maxClocks = 1000
	// maxShown is how many lines of a conversation are marked at once when a box
	// comes back: what is older needs no mark.
	maxShown = 20
)

// clocks are lines that may get a clock, in the order of their time.
type clocks struct {
	mu   sync.Mutex
	all  []clock
	wake chan struct{}
}

type clock struct {
	due     time.Time
	msg     string
	channel string
	pair    pair
	again   bool // has its clock, and is looked at for the line of ours alone
}

// afterwards is what follows a line's way to the core.
func (n *Network) afterwards(h *head, p pair, empty bool) {
	if !empty && (n.o.WaitingReaction || n.o.WaitingLine) {
		n.clocks.put(clock{due: time.Now().Add(n.pace.Clock), msg: h.ID, channel: h.ChannelID, pair: p})
	}
}

// put takes one in, in its place.
func (c *clocks) put(x clock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) >= maxClocks {
		return
	}
	i := len(c.all)
	for i > 0 && c.all[i-1].due.After(x.due) {
		i--
	}
	c.all = slices.Insert(c.all, i, x)
	signal(c.wake)
}

// take takes the first line out if it is due; else it tells how long that will be,
// if there is one.
func (c *clocks) take() (x clock, wait time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) == 0 {
		return clock{}, 0, false
	}
	if wait = time.Until(c.all[0].due); wait > 0 {
		return clock{}, wait, true
	}
	x, c.all = c.all[0], c.all[1:]
	return x, 0, true
}

// run sets the clocks until ctx ends.
func (n *Network) runClocks(ctx context.Context) {
	for ctx.Err() == nil {
		x, wait, ok := n.clocks.take()
		if !ok {
			select {
			case <-ctx.Done():
			case <-n.clocks.wake:
			}
			continue
		}
		if wait > 0 {
			select {
			case <-ctx.Done():
			case <-n.clocks.wake: // one that is due sooner, perhaps
			case <-time.After(wait):
			}
			continue
		}
		if err := n.late(ctx, x); err != nil && ctx.Err() == nil {
			n.log.Warn("a line's mark is missing", "channel", x.channel, "err", err)
		}
	}
}

// late marks a line that the box does not have yet, and says once that its TV is
// off. A box that seems to be on may have lost its line: it is looked at again.
func (n *Network) late(ctx context.Context, x clock) error {
	lines, err := n.linesOf(ctx, x.msg)
	if err != nil {
		return err
	}
	waits := false
	for _, l := range lines {
		if l.account != x.pair.account || l.clock == clockDone {
			continue
		}
		waits = true
		if l.clock == clockNone && n.o.WaitingReaction {
			if err := n.setWaiting(ctx, l); err != nil {
				return err
			}
		}
	}
	on := n.isOn(x.pair.account, id.Remote(x.pair.name))
	if on && waits && !x.again {
		x.due, x.again = time.Now().Add(n.pace.Grace), true
		n.clocks.put(x)
	}
	if on || !waits || !n.o.WaitingLine {
		return nil
	}
	fresh, err := n.setTold(ctx, x.pair, true)
	if err != nil || !fresh {
		return err
	}
	return n.notify(ctx, x.channel, "", "off/"+x.msg, escape(n.nameOf(x.pair.account))+"'s TV is off, I keep this.")
}

// setWaiting puts the clock to a line. The box may take the line meanwhile: it is
// noted before the reaction, so that MarkRead knows of it, and one that came after
// MarkRead took it away goes again.
func (n *Network) setWaiting(ctx context.Context, l line) error {
	changed, err := n.execCount(ctx, "note the clock", `UPDATE discord_lines SET clock = ? WHERE id = ? AND account = ? AND clock = ?`,
		clockSet, l.id, l.account, clockNone)
	if err != nil || changed == 0 {
		return err
	}
	if err := n.react(ctx, http.MethodPut, l, emojiClock); err != nil {
		return err
	}
	now, err := n.linesOf(ctx, l.id)
	if err != nil {
		return err
	}
	for _, o := range now {
		if o.account == l.account && o.clock == clockDone {
			return n.react(ctx, http.MethodDelete, l, emojiClock)
		}
	}
	return nil
}

// react sets or takes back a reaction of the bot's.
func (n *Network) react(ctx context.Context, method string, l line, emoji string) error {
	return n.rest.do(ctx, request{method: method, route: "/channels/{}/messages/{}/reactions/{}/@me", args: []string{l.channel, l.id, emoji}}, nil)
}

// MarkRead implements bridge.Reader.
func (n *Network) MarkRead(ctx context.Context, m bridge.Outbound, e id.Event) error {
	if n.live.Load() == nil {
		return errNotRunning
	}
	msg := messageOf(e)
	lines, err := n.linesOf(ctx, msg)
	if err != nil || len(lines) == 0 {
		return err
	}
	all, err := n.unshown(ctx, m.From.Address, lines[0].channel, msg, maxShown)
	if err != nil {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		l := all[i]
		if l.clock == clockSet {
			if err := n.react(ctx, http.MethodDelete, l, emojiClock); temporaryOnly(err) != nil {
				return judge(err)
			}
			if err := n.react(ctx, http.MethodPut, l, emojiTV); temporaryOnly(err) != nil {
				return judge(err)
			}
		}
		if err := n.setClock(ctx, l, clockDone); err != nil {
			return err
		}
	}
	if p, ok, err := n.pairOf(ctx, m.From.Address, lines[0].user); err != nil {
		return err
	} else if ok && p.told {
		_, err := n.setTold(ctx, p, false)
		return err
	}
	return nil
}

// temporaryOnly lets refusals be: a mark is not worth more.
func temporaryOnly(err error) error {
	if err != nil && temporary(err) {
		return err
	}
	return nil
}
