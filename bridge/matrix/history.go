package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// history.go: what is looked up in a room because nobody pushes it.

const (
	// pageSize is how many events are fetched at a time, and maxPages how often:
	// together what a friend may write until the TV is switched on and says yes.
	pageSize = 100
	maxPages = 10
	// lookBack is how many of the room's last events are searched for a message of
	// ours that may have arrived.
	lookBack = 50
	// looks is how often is looked for what the homeserver has taken and may not
	// show yet, with a pause that begins with pace.settle and doubles: 7.5 s in all. A
	// Dendrite that is busy, or that was stopped in the middle, was seen to show a
	// message only after 4 s, whose transaction id it had forgotten [run].
	looks = 5
	// joinLooks is the same for a join, which must be seen.
	joinLooks = 8
)

// historic is an event of a room's history: its raw form, and what decides
// whether it is brought in.
type historic struct {
	raw  json.RawMessage
	head struct {
		ID       mid.EventID    `json:"event_id"`
		Type     string         `json:"type"`
		Sender   mid.UserID     `json:"sender"`
		StateKey *string        `json:"state_key"`
		Time     int64          `json:"origin_server_ts"`
		Content  map[string]any `json:"content"`
	}
}

// UnmarshalJSON keeps the raw form beside what is read.
func (h *historic) UnmarshalJSON(data []byte) error {
	h.raw = slices.Clone(data)
	return json.Unmarshal(data, &h.head)
}

// page is an answer of the room's history, newest first.
type page struct {
	Chunk []historic `json:"chunk"`
	End   string     `json:"end"`
}

// page fetches a part of a room's history, from its end or from where the last
// one ended.
func (n *Network) page(ctx context.Context, c *mautrix.Client, rid mid.RoomID, from string, limit int) (p page, err error) {
	query := map[string]string{"dir": "b", "limit": fmt.Sprint(limit)}
	if from != "" {
		query["from"] = from
	}
	u := c.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "rooms", rid, "messages"}, query)
	_, err = c.MakeRequest(ctx, "GET", u, nil, &p)
	return p, n.judge(err, textRefused)
}

// history fetches what was written since the invitation, oldest first: the
// homeserver does not push it (matrix.md 4). It has to be called after the join.
//
// Dendrite answers the join before its history knows of it, and until then the
// history hides what was written since the invitation. So the history counts
// only once it has the join.
func (n *Network) history(ctx context.Context, c *mautrix.Client, r room) ([]pushed, error) {
	for range joinLooks {
		all, joined, err := n.since(ctx, c, r)
		if err != nil || joined {
			return all, err
		}
		if err := sleep(ctx, n.pace.settle); err != nil {
			return nil, err
		}
	}
	return nil, &bridge.SendError{Certain: true, Text: textUnreachable, Err: errors.New("matrix: the room's history does not have our join")}
}

// since is one look: what was written since the invitation, and whether the
// ghost's join is there.
func (n *Network) since(ctx context.Context, c *mautrix.Client, r room) (all []pushed, joined bool, err error) {
	from := ""
	for i := 0; ; i++ {
		p, err := n.page(ctx, c, r.id, from, pageSize)
		if err != nil {
			return nil, false, err
		}
		done := p.End == "" || len(p.Chunk) == 0
		for _, e := range p.Chunk {
			switch h := e.head; {
			case h.Time < r.inviteTime:
				done = true
			case h.StateKey == nil && h.ID != "":
				all = append(all, pushed{ID: h.ID, Room: r.id, Sender: h.Sender, raw: e.raw})
			case h.Type == event.StateMember.Type && h.StateKey != nil && *h.StateKey == string(c.UserID):
				joined = joined || h.Content["membership"] == string(event.MembershipJoin)
			}
		}
		if i == maxPages-1 && !done {
			n.log.Warn("a friend wrote more before we joined than is fetched", "account", r.account, "room", r.id, "events", len(all))
			done, joined = true, true
		}
		if done {
			slices.Reverse(all)
			return all, joined, nil
		}
		from = p.End
	}
}

// findSent looks for a message of ours among the room's last; "" if it is not
// there.
func (n *Network) findSent(ctx context.Context, c *mautrix.Client, r room, msg id.Message) (mid.EventID, error) {
	voice, err := n.speaker(ctx, r)
	if err != nil {
		return "", err
	}
	ours := func(user mid.UserID) bool { return user == c.UserID || voice != nil && user == voice.UserID }
	for i := range looks {
		if i > 0 {
			if err := sleep(ctx, n.pace.settle<<(i-1)); err != nil {
				return "", err
			}
		}
		p, err := n.page(ctx, c, r.id, "", lookBack)
		if err != nil {
			return "", err
		}
		for _, e := range p.Chunk {
			if ours(e.head.Sender) && e.head.Content[keyMessage] == string(msg) {
				return e.head.ID, nil
			}
		}
	}
	return "", nil
}

// sleep waits unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
