package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// catchup.go: what was said while we were away, through the same door as what is
// said now (discord.md 4.3).

const (
	// historyPage is the most messages that one request gives (discord.md 5).
	historyPage = 100
	// maxPages bounds the history of one channel: a day of a busy one.
	maxPages = 20
	// maxBacklog is how many missed lines of a channel a box gets; the rest is a
	// count (lessons L26). A friend's own lines all come.
	maxBacklog = 10
	// overlap is how far before the mark history begins: messages of one moment do
	// not come in the order of their ids.
	overlap = 10 * time.Second
)

// catchUp reads a channel from its mark on. It runs on the channel's worker, before
// events that wait.
func (n *Network) catchUp(ctx context.Context, cid string, why gap) error {
	c, ok, err := n.channel(ctx, cid)
	if err != nil || !ok || c.mark == "" {
		return err // without a mark it begins now
	}
	missed, err := n.history(ctx, c, why)
	switch code(err) {
	case codeUnknownChannel, codeNoAccess, codeNoPermission:
		n.log.Warn("a channel's history cannot be read", "channel", cid, "err", err)
		if code(err) == codeUnknownChannel && c.kind != kindDM {
			return n.forgetChannel(ctx, cid)
		}
		return nil
	}
	if err != nil {
		if !temporary(err) {
			return poison{err}
		}
		return err
	}
	if c.kind != kindText {
		for _, raw := range missed {
			if err := n.created(ctx, raw, nil); err != nil {
				return err
			}
		}
		return nil
	}
	return n.catchUpPublic(ctx, c, missed)
}

// history gives what came after the mark, oldest first. Servers differ in the
// order of a page (discord.md 4.3), so it is put in order here.
func (n *Network) history(ctx context.Context, c channel, why gap) ([]json.RawMessage, error) {
	type entry struct {
		id  string
		raw json.RawMessage
	}
	var all []entry
	after := c.mark
	if why == newStart {
		after = flakeAt(flakeTime(c.mark).Add(-overlap))
	}
	for range maxPages {
		if err := n.historyTurn(ctx); err != nil {
			return nil, err
		}
		var page []json.RawMessage
		err := n.rest.do(ctx, request{method: http.MethodGet, route: "/channels/{}/messages", args: []string{c.id},
			query: map[string][]string{"after": {after}, "limit": {fmt.Sprint(historyPage)}}}, &page)
		if err != nil {
			return nil, err
		}
		for _, raw := range page {
			if h, ok := rawOf(raw); ok {
				all = append(all, entry{h.ID, raw})
				if later(h.ID, after) {
					after = h.ID
				}
			}
		}
		if len(page) < historyPage {
			break
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return byAge(a.id, b.id) })
	out := make([]json.RawMessage, len(all))
	for i, e := range all {
		out[i] = e.raw
	}
	return out, nil
}

// historyTurn spreads requests for history.
func (n *Network) historyTurn(ctx context.Context) error {
	n.historyMu.Lock()
	now := time.Now()
	at := n.historyNext
	if at.Before(now) {
		at = now
	}
	n.historyNext = at.Add(n.pace.History)
	n.historyMu.Unlock()
	t := time.NewTimer(at.Sub(now))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// catchUpPublic gives boxes the last lines of a channel and a count of the rest.
func (n *Network) catchUpPublic(ctx context.Context, c channel, missed []json.RawMessage) error {
	var fresh []json.RawMessage
	last := ""
	for _, raw := range missed {
		h, _ := rawOf(raw)
		known, err := n.knows(ctx, kindText, h.ID)
		if err != nil {
			return err
		}
		if !known && !n.ours(&h) && (!h.Author.Bot && h.WebhookID == "" || c.bots) {
			fresh = append(fresh, raw)
			if len(fresh) > maxBacklog {
				f, _ := rawOf(fresh[len(fresh)-maxBacklog-1])
				last = f.ID
			}
		}
	}
	skip := max(len(fresh)-maxBacklog, 0)
	if skip > 0 {
		if err := n.tellSkipped(ctx, c, skip, last); err != nil {
			return err
		}
	}
	for _, raw := range missed {
		h, _ := rawOf(raw)
		show := last == "" || later(h.ID, last)
		if err := n.created(ctx, raw, func(id.Account) bool { return show }); err != nil {
			return err
		}
	}
	return nil
}

// tellSkipped says how many lines a box does not get.
func (n *Network) tellSkipped(ctx context.Context, c channel, count int, last string) error {
	all, err := n.membersWhere(ctx, `channel = ?`, c.id)
	if err != nil {
		return err
	}
	for _, x := range all {
		if !n.mayRead(ctx, x.account, c.id) {
			continue
		}
		err := n.receive(ctx, bridge.NoticeEvent{Event: eventID(last, x.account, "skipped"), Account: x.account, From: id.Remote(channelMark + x.name),
			Text: fmt.Sprintf("%d earlier messages are not shown", count), Time: flakeTime(last)})
		if err != nil {
			return fmt.Errorf("%w: %w", errStore, err)
		}
	}
	return nil
}
