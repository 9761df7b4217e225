package discord

import (
	"context"
	"fmt"
	"sync"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// run.go: the network's life.

// Run implements bridge.Network. What only a person can mend is in the network's
// state and not an error: the other networks go on.
func (n *Network) Run(ctx context.Context, in bridge.Receiver) error {
	if err := n.load(ctx, in); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l := &live{in: in, ctx: ctx}
	n.live.Store(l)
	defer n.live.Store(nil)
	var wg sync.WaitGroup
	for _, part := range []func(context.Context){
		n.intake.run, n.presence.run, n.runClocks, n.catchUpLoop, n.askLoop, n.choreLoop,
		func(ctx context.Context) { n.supervise(ctx, l) },
	} {
		wg.Go(func() { part(ctx) })
	}
	wg.Wait()
	n.wg.Wait() // interactions: their context is ours
	n.rest.session.Client.CloseIdleConnections()
	n.files.CloseIdleConnections()
	return nil
}

// load reads what has to be in memory.
func (n *Network) load(ctx context.Context, in bridge.Receiver) error {
	accounts, err := in.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		n.names.set(a)
	}
	read, err := n.texts(ctx, "read channels", `SELECT channel FROM discord_channels WHERE kind = 'text' AND bridged = 1 OR kind = 'thread'`)
	if err != nil {
		return err
	}
	for _, c := range read {
		n.reading.set(c, true)
	}
	users, err := n.texts(ctx, "read pairs", `SELECT DISTINCT user FROM discord_pairs`)
	for _, u := range users {
		n.presence.watch(u)
	}
	return err
}

// catchUpLoop reads, after every READY, which channels may have a gap, and then
// lets the workers go on.
func (n *Network) catchUpLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.ready:
		}
		for {
			all, err := n.toCatchUp(ctx)
			if err == nil {
				n.intake.dirt(all)
				break
			}
			if ctx.Err() != nil {
				return
			}
			n.log.Error("cannot read the channels; will try again", "err", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(n.pace.RetryMin):
			}
		}
		if err := n.register(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("the command /webtv is not registered; after the next connection it is tried again", "err", err)
		}
		n.setStatus(ctx, true)
	}
}

// askLoop asks for presences, some moments after somebody wanted the first: boxes
// sign in with many contacts at once.
func (n *Network) askLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.asking.wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(askPause, n.pace.Chore)):
		}
		if users := n.asking.take(n.now()); len(users) > 0 {
			n.askPresences(users)
		}
	}
}

// askPause is how long presences to be asked for are collected.
const askPause = 500 * time.Millisecond

// choreLoop does what is due from time to time.
func (n *Network) choreLoop(ctx context.Context) {
	t := time.NewTicker(n.pace.Chore)
	defer t.Stop()
	var pruned time.Time
	for {
		for what, f := range map[string]func(context.Context) error{"questions": n.expire, "opener": n.openNext} {
			if n.me.Load() == nil || n.refused.Load() != nil {
				continue
			}
			if err := f(ctx); err != nil && ctx.Err() == nil {
				n.log.Warn("a chore has to wait", "chore", what, "err", err)
			}
		}
		n.setStatus(ctx, false)
		if now := n.now(); now.Sub(pruned) >= pruneEvery {
			pruned = now
			if err := n.prune(ctx); err != nil && ctx.Err() == nil {
				n.log.Warn("old rows stay", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-n.chores:
		case <-t.C:
		}
	}
}

// statusEvery is the least time between two changes of the bot's status line:
// Discord takes 5 in 20 s (discord.md 3.7).
const statusEvery = time.Minute

// statusUpdate is op 3. The activities must be a list (discord.md 3.7).
type statusUpdate struct {
	Op int `json:"op"`
	D  struct {
		Since      *int             `json:"since"`
		Activities []map[string]any `json:"activities"`
		Status     string           `json:"status"`
		AFK        bool             `json:"afk"`
	} `json:"d"`
}

// setStatus shows how many TVs are on. Anew: the connection is, so it has to be
// said again.
func (n *Network) setStatus(ctx context.Context, anew bool) {
	n.statusMu.Lock()
	defer n.statusMu.Unlock()
	if l := n.live.Load(); l == nil || l.gateway.Load() == nil {
		n.status = ""
		return
	}
	now := time.Now()
	if !anew && now.Sub(n.statusAt) < statusEvery {
		return
	}
	accounts, err := n.pairs(ctx, `state = ? GROUP BY account`, stateLinked)
	if err != nil {
		return
	}
	on := 0
	for _, p := range accounts {
		if n.isOn(p.account, id.Remote(p.name)) {
			on++
		}
	}
	words := fmt.Sprintf("%d on TV", on)
	if words == n.status && !anew {
		return
	}
	u := statusUpdate{Op: 3}
	u.D.Status, u.D.Activities = "online", []map[string]any{{"name": "Custom Status", "type": 4, "state": words}}
	if n.send(u) == nil {
		n.status, n.statusAt = words, now
	}
}
