package matrix

import (
	"context"
	"encoding/json"
	"runtime/debug"
	"slices"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// sync_events.go: what comes with a sync beside keys. None of it is worth a
// second try, except redactions, which become rows like what is pushed.

// typist is a friend who writes.
type typist struct {
	told  int
	again *time.Timer
}

// fed gives the parts of a sync their effect. The feed is nil for a ghost whose
// box is signed out: nobody looks at who types then.
func (n *Network) fed(ctx context.Context, f *feed, resp *mautrix.RespSync) {
	defer func() {
		if p := recover(); p != nil { // no homeserver ends the process
			n.log.Error("a part of a sync is skipped", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	for _, e := range resp.Presence.Events {
		n.presenceCame(ctx, e)
	}
	var redactions []pushed
	for rid, r := range resp.Rooms.Join {
		if r == nil {
			continue
		}
		for _, e := range r.Ephemeral.Events {
			if f != nil && e.Type.Type == event.EphemeralEventTyping.Type {
				f.typingCame(ctx, rid, e)
			}
		}
		for _, e := range r.Timeline.Events {
			if e.Type.Type != event.EventRedaction.Type || e.ID == "" {
				continue
			}
			e.RoomID = rid
			if raw, err := json.Marshal(e); err == nil {
				redactions = append(redactions, pushed{ID: e.ID, Room: rid, Sender: e.Sender, raw: raw})
			}
		}
	}
	if len(redactions) == 0 {
		return
	}
	if err := n.inbox.put(ctx, redactions); err != nil {
		n.log.Warn("redactions are lost", "err", err)
		return
	}
	for _, p := range redactions {
		n.inbox.add(p.Room)
	}
}

// typingCame compares who types in a room with who did.
func (f *feed) typingCame(ctx context.Context, rid mid.RoomID, e *event.Event) {
	e.Type.Class = event.EphemeralEventType
	if e.Content.Parsed == nil && e.Content.ParseRaw(e.Type) != nil {
		return
	}
	r, ok, err := f.n.roomByID(ctx, rid)
	if err != nil || !ok || r.account != f.account || r.state != stateJoined {
		return
	}
	f.setTyping(ctx, r, slices.Contains(e.Content.AsTyping().UserIDs, r.friend))
}

// setTyping tells that a friend writes, again and again while it lasts, or has
// stopped.
func (f *feed) setTyping(ctx context.Context, r room, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := string(r.id)
	t := f.typing[key]
	if on == (t != nil) {
		return
	}
	if !on {
		t.again.Stop()
		delete(f.typing, key)
		f.tellTyping(ctx, r, false)
		return
	}
	t = &typist{}
	f.typing[key] = t
	t.again = time.AfterFunc(f.n.pace.typing, func() { f.typesOn(ctx, r, t) })
	f.tellTyping(ctx, r, true)
}

// typesOn tells again that a friend writes.
func (f *feed) typesOn(ctx context.Context, r room, t *typist) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.typing[string(r.id)] != t || ctx.Err() != nil {
		return
	}
	if t.told++; t.told >= maxTypingRepeats {
		delete(f.typing, string(r.id))
		return
	}
	f.tellTyping(ctx, r, true)
	t.again.Reset(f.n.pace.typing)
}

func (f *feed) tellTyping(ctx context.Context, r room, on bool) {
	err := f.n.receive(ctx, bridge.TypingEvent{Account: r.account, From: id.Remote(r.friend), On: on})
	if err != nil {
		f.n.log.Debug("typing not told", "account", r.account, "err", err)
	}
}

// stopTyping ends all repeats.
func (f *feed) stopTyping() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.typing {
		t.again.Stop()
	}
	clear(f.typing)
}
