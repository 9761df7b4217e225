package matrix

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/event"

	"wtvgate/bridge/id"
)

// farewell.go: a gateway that is killed cannot say that its boxes are gone, and
// Dendrite shows their ghosts as online for ever then (matrix.md 9). The next
// start says it.

// farewells looks once, when the homeserver is there, which ghosts are shown
// without a box, and ends that. It asks first: telling is news for everybody who
// knows the ghost, and asking is not.
func (n *Network) farewells(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-n.firstUp:
	}
	all, err := n.registered(ctx)
	if err != nil {
		n.log.Warn("friends may see boxes that are off", "err", err)
		return
	}
	for _, a := range all {
		for tries := 0; ; tries++ {
			if err := n.farewell(ctx, a); err == nil || permanent(err) {
				break
			}
			if sleep(ctx, backoff(n.pace.retryMin, n.pace.retryMax, tries)) != nil {
				return
			}
		}
	}
}

// farewell ends the showing of a ghost whose box is off.
func (n *Network) farewell(ctx context.Context, a id.Account) error {
	if n.feeds.wanted(a) {
		return nil
	}
	_, c, err := n.ghost(a)
	if err != nil {
		return err
	}
	var is struct {
		Presence event.Presence `json:"presence"`
	}
	if _, err := c.MakeRequest(ctx, "GET", c.BuildClientURL("v3", "presence", c.UserID, "status"), nil, &is); err != nil {
		return n.judge(err, textRefused)
	}
	if is.Presence != event.PresenceOnline && is.Presence != event.PresenceUnavailable {
		return nil
	}
	(&feed{n: n, account: a}).put(ctx, event.PresenceOffline)
	n.feeds.tellAgain(a) // its box may have come meanwhile
	return nil
}

// registered lists the accounts whose ghosts the homeserver knows.
func (n *Network) registered(ctx context.Context) (all []id.Account, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	rows, err := n.db.QueryContext(ctx, `SELECT account FROM matrix_ghosts WHERE registered = 1`)
	if err != nil {
		return nil, fmt.Errorf("matrix: list ghosts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var a id.Account
		if err := rows.Scan(&a); err != nil {
			return nil, fmt.Errorf("matrix: list ghosts: %w", err)
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// wanted tells whether an account's box is signed in.
func (f *feeds) wanted(a id.Account) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, on := f.want[a]
	return on
}

// tellAgain has the feed of an account, if there is one, say how its ghost is
// shown.
func (f *feeds) tellAgain(a id.Account) {
	f.mu.Lock()
	one := f.live[a]
	f.mu.Unlock()
	if one == nil {
		return
	}
	one.shown.mu.Lock()
	one.shown.told = ""
	one.shown.mu.Unlock()
	one.shown.tell()
}
