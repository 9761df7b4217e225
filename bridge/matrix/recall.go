package matrix

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/id"
)

// recall.go: a room's history says in which order its events are, and which of them
// were not pushed yet. Times do not: a friend's server may have a wrong clock, and an
// event whose push failed may come a minute after those that follow it [run].

// recalled is what a history says.
type recalled struct {
	place   map[mid.EventID]int // rises with the order; what is older than the history's page has none
	missing []pushed            // written after something that is done, and not pushed yet
	asked   int64               // the newest row's number before that: what has a higher one and no place is newer
	hole    mid.EventID         // an event that the history should show and does not (holes.go); "" for none
}

// recall asks for a page of a room's history. Of a room in which no ghost is, and of
// a homeserver that does not answer, nothing is known but which rows were here.
func (b *inbox) recall(ctx context.Context, rid mid.RoomID) (known recalled, err error) {
	known.asked, err = b.newest(ctx)
	if err != nil {
		return known, err
	}
	a, err := b.witness(ctx, rid)
	if err != nil || a == "" {
		return known, err
	}
	_, c, err := b.n.ghost(a)
	if err != nil {
		return known, err
	}
	line, err := b.links(ctx, a, c, rid) // first: what it shows the page shows too
	if err != nil {
		return known, err
	}
	p, err := b.n.page(ctx, c, rid, "", pageSize)
	if err != nil {
		return known, err
	}
	known.place = make(map[mid.EventID]int, len(p.Chunk))
	var unknown []pushed
	for i, e := range p.Chunk { // newest first
		if e.head.ID == "" {
			continue
		}
		known.place[e.head.ID] = len(p.Chunk) - i
		switch state, err := b.stateOf(ctx, e.head.ID); {
		case errors.Is(err, sql.ErrNoRows):
			if e.head.StateKey == nil {
				unknown = append(unknown, pushed{ID: e.head.ID, Room: rid, raw: e.raw})
			}
		case err != nil:
			return known, err
		case state != rowNew && b.n.isGhost(e.head.Sender): // our own say nothing of the friend's
		case state != rowNew: // what follows it should have been pushed; what no such event precedes may be from before our time
			known.missing = append(known.missing, unknown...)
			unknown = nil
		}
	}
	known.hole, err = b.findHole(ctx, c.UserID, line, known)
	return known, err
}

// witness is an account whose ghost is in a room; "" for none.
func (b *inbox) witness(ctx context.Context, rid mid.RoomID) (id.Account, error) {
	r, ok, err := b.n.roomByID(ctx, rid)
	switch {
	case err != nil:
		return "", err
	case ok && r.state == stateJoined:
		return r.account, nil
	case ok:
		return "", nil
	}
	in, err := b.n.crowds(ctx, rid)
	if err != nil || len(in) == 0 || in[0].state != stateJoined {
		return "", err
	}
	return in[0].account, nil
}

// stateOf is how far an event is. sql.ErrNoRows: it was not pushed.
func (b *inbox) stateOf(ctx context.Context, ev mid.EventID) (state int, err error) {
	state, _, err = b.rowOf(ctx, ev)
	return state, err
}

// rowOf is stateOf with the row's number.
func (b *inbox) rowOf(ctx context.Context, ev mid.EventID) (state int, seq int64, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = b.n.db.QueryRowContext(ctx, `SELECT state, seq FROM matrix_inbox WHERE event = ?`, ev).Scan(&state, &seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("matrix: find an event: %w", err)
	}
	return state, seq, err
}

// begins notes that the homeserver can reach us from now on, after a time in which
// its pushes may have failed.
func (b *inbox) begins() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.started = b.n.now()
	b.asked = make(map[mid.RoomID]bool)
}

// age is how long ago that was.
func (b *inbox) age() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n.now().Sub(b.started)
}

// begun is how long ago that was, and whether the room's history was asked since.
func (b *inbox) begun(r mid.RoomID) (ago time.Duration, asked bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n.now().Sub(b.started), b.asked[r]
}

// ask notes that a room's history was asked. What was missing before is there now.
func (b *inbox) ask(r mid.RoomID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[r] = true
}
