package discord

import (
	"cmp"
	"context"
	"sync"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// presence.go: how friends are. One state for each person, made of what all common
// guilds say; it is told on change only (discord.md 3.6).

// spokenFor is how long a friend counts as online after writing where Discord
// tells no presence (discord.md 2.1).
const spokenFor = 10 * time.Minute

// person is what is known of a watched friend.
type person struct {
	status  string // Discord's word; "": unknown
	shown   bridge.Presence
	spoken  time.Time
	pending *time.Timer // an offline that may be a flap
}

// presence has all watched persons.
type presence struct {
	n *Network

	mu      sync.Mutex
	m       map[string]*person
	changed map[string]bool // to be told
	wake    chan struct{}
	absent  *time.Timer
	closed  bool
}

func newPresence(n *Network) *presence {
	return &presence{n: n, m: make(map[string]*person), changed: make(map[string]bool), wake: make(chan struct{}, 1)}
}

// watch has a person's presence kept from now on.
func (p *presence) watch(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m[user] == nil {
		p.m[user] = &person{shown: bridge.PresenceOffline}
	}
}

// watched tells whether it is.
func (p *presence) watched(user string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m[user] != nil
}

// reset is READY: what is known is old, and is kept on the screen until the
// guilds have come.
func (p *presence) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.m {
		x.status = ""
	}
	p.later(p.n.pace.Absent)
}

// later has absent persons looked at after d.
func (p *presence) later(d time.Duration) {
	if p.absent != nil {
		p.absent.Stop()
	}
	if !p.closed {
		p.absent = time.AfterFunc(d, p.missing)
	}
}

// missing: all guilds have come, and whoever was not named is offline.
func (p *presence) missing() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || !p.n.tellsPresence() {
		return
	}
	for user, x := range p.m {
		if x.status == "" {
			p.set(user, x, "offline", true)
		}
	}
}

// arrived: the last guild has come.
func (p *presence) arrived() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.later(0)
}

// update takes a status.
func (p *presence) update(user, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.m[user]
	if x == nil || p.closed || x.status == status {
		return
	}
	p.set(user, x, status, false)
}

// set notes a status and has it told; an offline is held for a moment.
func (p *presence) set(user string, x *person, status string, sure bool) {
	if x.pending != nil {
		x.pending.Stop()
		x.pending = nil
	}
	x.status = status
	if grade(status) == bridge.PresenceOffline && x.shown != bridge.PresenceOffline && !sure {
		x.pending = time.AfterFunc(p.n.pace.Flap, func() { p.settle(user) })
		return
	}
	p.show(user, x)
}

// settle shows what was held.
func (p *presence) settle(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.m[user]; x != nil && x.pending != nil && !p.closed {
		x.pending = nil
		p.show(user, x)
	}
}

// show has a changed grade told.
func (p *presence) show(user string, x *person) {
	if g := grade(x.status); g != x.shown {
		x.shown = g
		p.tell(user)
	}
}

func (p *presence) tell(user string) {
	p.changed[user] = true
	signal(p.wake)
}

// spoke notes that a friend wrote or typed, which is all that tells their
// presence without the intent.
func (p *presence) spoke(user string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.m[user]
	if x == nil || p.closed || p.n.tellsPresence() {
		return
	}
	was := p.n.now().Sub(x.spoken) < spokenFor
	if at.After(x.spoken) {
		x.spoken = at
	}
	if !was {
		p.tell(user)
	}
	if x.pending != nil {
		x.pending.Stop()
	}
	x.pending = time.AfterFunc(spokenFor, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.closed {
			p.tell(user)
		}
	})
}

// of is how a person looks.
func (p *presence) of(user string) bridge.Presence {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.m[user]
	switch {
	case x == nil:
		return bridge.PresenceOffline
	case p.n.tellsPresence() && x.status != "" || x.shown != bridge.PresenceOffline:
		return x.shown
	case p.n.tellsPresence():
		return bridge.PresenceOffline
	case p.n.now().Sub(x.spoken) < spokenFor:
		return bridge.PresenceOnline
	}
	return bridge.PresenceAway
}

// tellsPresence tells whether Discord does.
func (n *Network) tellsPresence() bool { return n.intents.Load()&intentPresences != 0 }

// grade is Discord's word as ours.
func grade(status string) bridge.Presence {
	switch status {
	case "online":
		return bridge.PresenceOnline
	case "idle":
		return bridge.PresenceIdle
	case "dnd":
		return bridge.PresenceBusy
	}
	return bridge.PresenceOffline
}

// run tells the core of changes until ctx ends.
func (p *presence) run(ctx context.Context) {
	defer p.close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		p.mu.Lock()
		changed := p.changed
		p.changed = make(map[string]bool)
		p.mu.Unlock()
		for user := range changed {
			if err := p.n.tellPresence(ctx, user); err != nil && ctx.Err() == nil {
				p.n.log.Warn("presence not told", "err", err) // state: it is asked for again
			}
		}
	}
}

func (p *presence) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, x := range p.m {
		if x.pending != nil {
			x.pending.Stop()
		}
	}
	if p.absent != nil {
		p.absent.Stop()
	}
}

// tellPresence tells the core how a person is now, under each name that accounts
// have for them.
func (n *Network) tellPresence(ctx context.Context, uid string) error {
	return n.tellRenamed(ctx, uid, "")
}

// called is the name that people see of a person; "" for one who is not known.
func (n *Network) called(ctx context.Context, uid string) (string, error) {
	u, _, err := n.user(ctx, uid)
	return cmp.Or(n.guilds.nick(uid), u.display()), err
}

// tellRenamed is tellPresence of a person who had another name until now; "" for
// the same.
func (n *Network) tellRenamed(ctx context.Context, uid, was string) error {
	all, err := n.linked(ctx, uid)
	if err != nil || len(all) == 0 {
		return err
	}
	name, err := n.called(ctx, uid)
	if err != nil {
		return err
	}
	if name == was {
		was = ""
	}
	grade := n.presence.of(uid)
	for _, p := range all {
		err := n.receive(ctx, bridge.PresenceEvent{Account: p.account, From: id.Remote(p.name), Presence: grade, Name: name, Was: was})
		if err != nil {
			return err
		}
	}
	return nil
}

// Presence implements bridge.Presencer. A friend who has not said yes is offline;
// a channel is there as long as it may be read.
func (n *Network) Presence(a id.Account, r id.Remote) (bridge.Presence, error) {
	ctx := context.Background()
	if roomOf(r) != 0 {
		if _, ok, err := n.groupNamed(ctx, a, r); err != nil || !ok || !n.readsContent() {
			return bridge.PresenceOffline, err
		}
		return bridge.PresenceOnline, nil
	}
	if name, ok := channelOf(r); ok {
		m, ok, err := n.memberNamed(ctx, a, name)
		if err != nil || !ok || !n.mayRead(ctx, a, m.channel) {
			return bridge.PresenceOffline, err
		}
		return bridge.PresenceOnline, nil
	}
	p, ok, err := n.pairNamed(ctx, a, string(r))
	if err != nil || !ok || p.state != stateLinked {
		return bridge.PresenceOffline, err
	}
	n.look(p.user)
	return n.presence.of(p.user), nil
}
