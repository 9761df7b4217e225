package matrix

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"maunium.net/go/mautrix"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/id"
)

// holes.go: what a room's history does not show yet. A homeserver that was stopped
// in the middle may show what was written before it only after what was written
// since: Dendrite gives what its sync side had in hand out again after half a minute,
// and neither pushes it nor has it in a room's history until then [run; JetStream's
// AckWait]. But each event names those before it, in the form that servers use among
// each other: a name that nobody knows is a hole.

// holeFilter asks for the last events of each room in that form, and nothing else.
// A hole is next to what was written last, so a look at few will do.
const holeFilter = `{"event_format":"federation","account_data":{"types":[]},"presence":{"types":[]},"room":{"account_data":{"types":[]},` +
	`"ephemeral":{"types":[]},"state":{"types":[]},"timeline":{"limit":20}}}`

// holeLook is how long a hole is taken to be there still, unless it is pushed: a
// homeserver that has just started has enough to do.
const holeLook = 5 * time.Second

// hole is an event that others follow and nobody has shown us, and when we looked.
type hole struct {
	event mid.EventID
	seen  time.Time
}

// open tells whether a hole is there still, as far as we know without asking.
func (b *inbox) open(ctx context.Context, h hole, now time.Time) (bool, error) {
	if h.event == "" || now.Sub(h.seen) >= holeLook {
		return false, nil
	}
	_, err := b.stateOf(ctx, h.event)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	return false, err
}

// linked is an event and those before it.
type linked struct {
	ID       mid.EventID   `json:"event_id"`
	StateKey *string       `json:"state_key"`
	Prev     []mid.EventID `json:"prev_events"`
}

// linkedRooms is the part of a sync's answer that is read.
type linkedRooms struct {
	Rooms struct {
		Join map[mid.RoomID]struct {
			Timeline struct {
				Events []linked `json:"events"`
			} `json:"timeline"`
		} `json:"join"`
	} `json:"rooms"`
}

// links asks, as an account's ghost, for the room's last events with what is before
// each.
func (b *inbox) links(ctx context.Context, a id.Account, c *mautrix.Client, rid mid.RoomID) ([]linked, error) {
	u := c.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "sync"}, map[string]string{"filter": holeFilter, "timeout": "0",
		"set_presence": string(b.n.feeds.presence(a))})
	var resp linkedRooms
	if _, err := c.MakeRequest(ctx, "GET", u, nil, &resp); err != nil {
		return nil, b.n.judge(err, textRefused)
	}
	return resp.Rooms.Join[rid].Timeline.Events, nil
}

// findHole finds an event that something not handled yet follows and that nobody has
// shown us; "" if there is none. One that was pushed after the history was asked, and
// is not in it, is a hole too: the next look shows its place.
func (b *inbox) findHole(ctx context.Context, ghost mid.UserID, events []linked, known recalled) (mid.EventID, error) {
	shown := make(map[mid.EventID]bool, len(events))
	for _, e := range events {
		shown[e.ID] = true
	}
	for i, e := range events {
		// what is before the first is on an earlier page, and what is before the ghost
		// came in it may not see
		if i == 0 || e.StateKey != nil && *e.StateKey == string(ghost) {
			continue
		}
		if state, err := b.stateOf(ctx, e.ID); err == nil && state != rowNew {
			continue
		} else if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return "", err
		}
		for _, p := range e.Prev {
			if shown[p] || known.place[p] != 0 {
				continue
			}
			state, seq, err := b.rowOf(ctx, p)
			switch {
			case errors.Is(err, sql.ErrNoRows), err == nil && state == rowNew && seq > known.asked:
				return p, nil
			case err != nil:
				return "", err
			}
		}
	}
	return "", nil
}
