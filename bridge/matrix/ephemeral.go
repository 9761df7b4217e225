package matrix

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"
)

// ephemeral.go: presence and typing that a homeserver pushes (Synapse, where the
// registration says receive_ephemeral). We do not ask for it, since the same comes
// with the ghosts' syncs on every homeserver (matrix.md 2, 5.3); whoever asks for it
// gets what a sync would have told sooner. Nothing of it is worth a second try.

const (
	// maxPushed bounds what waits to have its effect, of each kind: state, of which
	// the last counts.
	maxPushed = 10_000
	// gatherPushed is how long pushes are gathered, so that a storm becomes one
	// change for each friend (lessons L29). Two seconds are allowed for a change to
	// reach the box (matrix.md 16, check 8).
	gatherPushed = 500 * time.Millisecond
)

// ephemera is what was pushed and had no effect yet: the last of each user and room.
// The mutex guards all.
type ephemera struct {
	n    *Network
	wake chan struct{}

	mu       sync.Mutex
	presence map[mid.UserID]*event.Event
	typing   map[mid.RoomID]*event.Event
}

func newEphemera(n *Network) *ephemera {
	return &ephemera{n: n, wake: make(chan struct{}, 1), presence: make(map[mid.UserID]*event.Event), typing: make(map[mid.RoomID]*event.Event)}
}

// take notes what a transaction brought. It does no I/O.
func (p *ephemera) take(all []json.RawMessage) {
	for _, raw := range all {
		var e event.Event
		if json.Unmarshal(raw, &e) != nil {
			continue
		}
		p.mu.Lock()
		switch {
		case e.Type.Type == event.EphemeralEventPresence.Type && e.Sender != "" && (len(p.presence) < maxPushed || p.presence[e.Sender] != nil):
			p.presence[e.Sender] = &e
		case e.Type.Type == event.EphemeralEventTyping.Type && e.RoomID != "" && (len(p.typing) < maxPushed || p.typing[e.RoomID] != nil):
			p.typing[e.RoomID] = &e
		}
		p.mu.Unlock()
	}
	if len(all) > 0 {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// run gives it its effect until ctx ends.
func (p *ephemera) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		if sleep(ctx, p.n.pace.pushed) != nil {
			return
		}
		p.mu.Lock()
		presence, typing := p.presence, p.typing
		p.presence, p.typing = make(map[mid.UserID]*event.Event), make(map[mid.RoomID]*event.Event)
		p.mu.Unlock()
		for rid, e := range typing {
			p.n.feeds.typingCame(ctx, rid, e)
		}
		for user, e := range presence {
			if known, err := p.n.isFriend(ctx, user); err == nil && known {
				p.n.presenceCame(ctx, e)
			}
		}
	}
}

// isFriend tells whether a user is in a direct room with any ghost.
func (n *Network) isFriend(ctx context.Context, user mid.UserID) (known bool, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = n.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM matrix_rooms WHERE friend = ? AND state = ?)`, user, stateJoined).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("matrix: find friend: %w", err)
	}
	return known, nil
}

// typingCame is a feed's typingCame for a room whose feed is to be found: without
// one nobody looks.
func (f *feeds) typingCame(ctx context.Context, rid mid.RoomID, e *event.Event) {
	r, ok, err := f.n.roomByID(ctx, rid)
	if err != nil || !ok {
		return
	}
	f.mu.Lock()
	one := f.live[r.account]
	running := f.ctx
	f.mu.Unlock()
	if one != nil && running != nil {
		one.typingCame(running, rid, e)
	}
}
