package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// Waiting times of a conversation whose network does not take its next item.
const (
	firstRetry = time.Second      // then doubled
	lastRetry  = 30 * time.Second // the ceiling: a server that returns is noticed soon
	// sendTimeout ends a try that hangs: longer than any answer worth waiting for.
	sendTimeout = 60 * time.Second
	// tellAfter is how long a message is tried before its writer is told that it
	// waits: longer than a restart of a homeserver.
	tellAfter = time.Minute
	// giveUpAfter is how long an item is tried in all: a server that is away for
	// a night and a morning.
	giveUpAfter = 24 * time.Hour
	// holdFor is how long an item waits for a friend's own decision: as long as a
	// network waits before it asks the same friend again (discord.md 3.3).
	holdFor = 30 * 24 * time.Hour
)

// Kinds of rows in a conversation's queue.
const (
	kindMessage = "message"
	kindInvite  = "invite"
	kindAccept  = "accept"
	kindDecline = "decline"
	kindRead    = "read"
	kindLeave   = "leave"
	kindWaiting = "waiting"
)

// conversation works off the outgoing rows of one account and contact, in
// order. Its goroutine runs while there are rows and ends when there are none;
// wake starts it again. woken is guarded by the hub's mutex.
type conversation struct {
	h     *Hub
	key   id.Conversation
	woken bool
	nudge chan struct{} // a token when there may be a new row
	// uncertain: the first row may have been sent before the last stop.
	uncertain bool
	poked     chan struct{} // the first row is to be tried now
}

// wake makes sure that the conversation's goroutine will look at its rows.
func (h *Hub) wake(key id.Conversation) { h.start(key, false) }

// wakeUncertain is wake at start-up: how the last try ended is not known.
func (h *Hub) wakeUncertain(key id.Conversation) { h.start(key, true) }

func (h *Hub) start(key id.Conversation, uncertain bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil {
		return // not running: Run finds the rows when it starts
	}
	if c := h.convs[key]; c != nil {
		c.woken = true
		select {
		case c.nudge <- struct{}{}:
		default:
		}
		return
	}
	c := &conversation{h: h, key: key, uncertain: uncertain, nudge: make(chan struct{}, 1), poked: make(chan struct{}, 1)}
	h.convs[key] = c
	h.talks[key.Account]++
	ctx := h.ctx
	h.wg.Go(func() { c.run(ctx) })
}

// poke ends the conversation's pause: what it waits for has come.
func (h *Hub) poke(key id.Conversation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.convs[key]; c != nil {
		select {
		case c.poked <- struct{}{}:
		default:
		}
	}
}

// idle ends the conversation unless somebody woke it meanwhile.
func (c *conversation) idle() bool {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	if c.woken {
		c.woken = false
		return false
	}
	c.forget()
	return true
}

// forget takes the conversation out of the hub's maps. The caller holds the hub's
// mutex.
func (c *conversation) forget() {
	delete(c.h.convs, c.key)
	if c.h.talks[c.key.Account]--; c.h.talks[c.key.Account] <= 0 {
		delete(c.h.talks, c.key.Account)
	}
}

// mayBegin tells whether a conversation may have something to send: it has already,
// or not too many of its account's have.
func (h *Hub) mayBegin(key id.Conversation) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.convs[key] != nil || h.talks[key.Account] < h.maxTalks
}

// run works until there is nothing left to do or ctx ends.
func (c *conversation) run(ctx context.Context) {
	for ctx.Err() == nil {
		o, err := c.h.st.NextOutgoing(ctx, c.key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			if c.idle() {
				return
			}
		case err != nil:
			if ctx.Err() == nil {
				c.h.log.Error("cannot read the queue", "conv", c.key, "err", err)
			}
			c.pause(ctx, lastRetry, nil)
		default:
			if !c.deliver(ctx, o) {
				c.drop()
				return
			}
		}
		c.uncertain = false
	}
	c.drop()
}

// drop forgets the conversation while rows are left: the program stops, or its
// network is not configured now.
func (c *conversation) drop() {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.forget()
}

// deliver tries one row until it is done with. It is false when the row has to
// stay as it is.
func (c *conversation) deliver(ctx context.Context, o store.Outgoing) bool {
	l := c.h.link(o.Network)
	if l == nil {
		c.h.log.Warn("messages wait for a network that is not configured", "conv", c.key, "network", o.Network)
		return false
	}
	if o.Kind == kindWaiting {
		c.outlast(ctx, o)
	}
	retry := c.uncertain
	wait, told := firstRetry, false
	for begun := c.h.now(); ; {
		comesUp := l.comesUp() // before the try, so that no rise is missed
		event, err := c.attempt(ctx, l, o, retry)
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			return c.finish(ctx, o, store.Sent, event, "")
		}
		v := verdict(err)
		limit := giveUpAfter
		if v.Hold {
			limit, told = holdFor, true // the network has said why
		}
		if v.Permanent || c.h.now().Sub(o.Created) > limit {
			return c.giveUp(ctx, o, v, retry)
		}
		retry = retry || !v.Certain
		if !told && c.h.now().Sub(begun) >= tellAfter {
			told = true
			c.h.log.Warn("delivery is late; will keep trying", "conv", c.key, "network", o.Network, "kind", o.Kind, "err", err)
			c.tell(ctx, o, v, true, delayLine(o, v))
		}
		c.pause(ctx, max(wait, v.After), comesUp)
		wait = min(2*wait, lastRetry)
	}
}

// attempt makes one try; a panic in a network is its failure, not ours.
func (c *conversation) attempt(ctx context.Context, l *link, o store.Outgoing, retry bool) (event id.Event, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			c.h.log.Error("a network panicked", "conv", c.key, "network", o.Network, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("bridge: panic in network %s: %v", o.Network, r)
		}
	}()
	m, err := c.outbound(ctx, l, o, retry)
	if err != nil {
		return "", err
	}
	switch o.Kind {
	case kindMessage:
		r, err := l.Send(ctx, m)
		return r.Event, err
	case kindRead:
		if l.reader != nil {
			err = l.reader.MarkRead(ctx, m, o.Event)
		}
	case kindWaiting:
		if l.waiter == nil || !c.waits(ctx) {
			return "", c.unsaid(ctx)
		}
		err = l.waiter.Waiting(ctx, m)
	case kindInvite:
		if l.inviter != nil {
			err = l.inviter.Invite(ctx, m)
		}
	case kindAccept:
		if l.inviter != nil {
			err = l.inviter.Accept(ctx, m)
		}
	case kindDecline:
		if l.inviter != nil {
			err = l.inviter.Decline(ctx, m)
		}
	case kindLeave:
		if l.leaver != nil {
			err = l.leaver.Leave(ctx, m)
		}
	default:
		err = Permanent("", fmt.Errorf("bridge: unknown kind of row %q", o.Kind))
	}
	return "", err
}

// outbound makes what a network gets from a row.
func (c *conversation) outbound(ctx context.Context, l *link, o store.Outgoing, retry bool) (Outbound, error) {
	a, err := c.h.st.Account(ctx, o.Account)
	if err != nil {
		return Outbound{}, fmt.Errorf("bridge: reading the account: %w", err)
	}
	to, err := l.Remote(o.Peer)
	if err != nil {
		return Outbound{}, Permanent("nobody can have this address", err)
	}
	m := Outbound{ID: c.h.st.MessageID(o.ID), From: Account{a.Address, a.Name}, To: to, Created: o.Created, Retry: retry}
	switch o.Kind {
	case kindWaiting:
		m.Text, m.Notice = text.Content{Body: waitingLine(a.Name)}, true
	case kindMessage:
		if err := json.Unmarshal(o.Body, &m.Text); err != nil {
			return Outbound{}, Permanent("the stored message cannot be read", err)
		}
	}
	return m, nil
}

// giveUp ends a row that cannot be delivered and tells its writer.
func (c *conversation) giveUp(ctx context.Context, o store.Outgoing, v *SendError, retried bool) bool {
	state := store.FailedMaybe
	if v.Certain && !retried {
		state = store.FailedCertain
	}
	c.h.log.Warn("not delivered", "conv", c.key, "network", o.Network, "kind", o.Kind, "msg", c.h.st.MessageID(o.ID), "err", v)
	if !c.finish(ctx, o, state, "", v.Error()) {
		return false
	}
	c.tell(ctx, o, v, false, failureLine(o, v))
	return true
}

// delayLine is what the writer of a row that is late reads; "" for rows that
// nobody waits for: a receipt that is late is not a message that is.
func delayLine(o store.Outgoing, v *SendError) string {
	switch o.Kind {
	case kindMessage:
		return "Not delivered yet: " + v.words() + ". It will be tried again."
	case kindInvite:
		return "Not invited yet: " + v.words() + ". It will be tried again."
	}
	return ""
}

// failureLine is what the writer of a failed row reads; "" for rows that nobody
// waits for.
func failureLine(o store.Outgoing, v *SendError) string {
	switch o.Kind {
	case kindMessage:
		var t text.Content
		_ = json.Unmarshal(o.Body, &t) // an unreadable body is told without its text
		return fmt.Sprintf("Not delivered: %q: %s.", text.Excerpt(t, 40), v.words())
	case kindInvite:
		return "The invitation could not be sent: " + v.words() + "."
	case kindAccept:
		return "The chat could not be joined: " + v.words() + "."
	}
	return ""
}

// words is the verdict for a person.
func (e *SendError) words() string {
	if e.Text == "" {
		return "their server cannot be reached"
	}
	return e.Text
}

// finish stores the outcome; it tries until the store takes it or ctx ends, so
// that a row that was sent is not sent again.
func (c *conversation) finish(ctx context.Context, o store.Outgoing, s store.State, e id.Event, reason string) bool {
	for {
		err := c.h.st.Update(ctx, func(tx *store.Tx) error { return settle(tx, o.ID, s, e, reason) })
		if err == nil {
			c.h.watch(ToFriend, o.Network, o.Kind, outcomeOf(s), o.Created)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		c.h.log.Error("cannot store an outcome; will try again", "conv", c.key, "msg", c.h.st.MessageID(o.ID), "err", err)
		c.pause(ctx, lastRetry, nil)
	}
}

// settle stores an outcome. A message that was seen on its network meanwhile keeps
// the event it was seen as, whatever became of this try: that one is there.
func settle(tx *store.Tx, n int64, s store.State, e id.Event, reason string) error {
	o, err := tx.Outgoing(n)
	if err == nil && o.State == store.Sent && o.Event != "" && o.Event != e {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.SetOutgoing(n, s, e, reason)
}

// tell has the account's owner read why a row is late or was given up: the line,
// if there is one, in the conversation itself. An invitation has no conversation
// yet: the helper tells of that, if the account has it.
func (c *conversation) tell(ctx context.Context, o store.Outgoing, v *SendError, again bool, line string) {
	if line == "" {
		return
	}
	var err error
	if o.Kind == kindMessage || !c.h.aside(ctx, o.Account, c.h.trouble(ctx, o, v, again)) {
		err = c.h.notice(ctx, o.Account, o.Peer, line)
	}
	if err != nil {
		c.h.log.Error("cannot store a notice", "conv", c.key, "err", err)
	}
}

// pause waits about d (jitter of a quarter keeps many conversations apart), or
// until sooner is closed or ctx ends.
func (c *conversation) pause(ctx context.Context, d time.Duration, sooner <-chan struct{}) {
	t := time.NewTimer(d - d/8 + rand.N(d/4+1))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-sooner:
	case <-c.poked:
	case <-t.C:
	}
}
