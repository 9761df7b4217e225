package matrix

import (
	"context"
	"strings"

	"maunium.net/go/mautrix/event"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// later.go: what a friend says of a message after it was written.

// related finds the message that one answers, and the one it takes the place of.
// In a thread the one before is no answer.
func related(evt *event.Event) (answers, replaces id.Event) {
	m, ok := evt.Content.Parsed.(*event.MessageEventContent)
	if !ok {
		return "", ""
	}
	return id.Event(m.RelatesTo.GetNonFallbackReplyTo()), id.Event(m.RelatesTo.GetReplaceID())
}

// reaction hands a friend's reaction on.
func (n *Network) reaction(ctx context.Context, r room, evt *event.Event) error {
	if err := parse(evt); err != nil {
		return err
	}
	rel := &evt.Content.AsReaction().RelatesTo
	to, key := rel.GetAnnotationID(), rel.GetAnnotationKey()
	if strings.HasPrefix(key, "mxc://") { // a picture of their own, whose name is elsewhere
		key, _ = evt.Content.Raw["shortcode"].(string)
		if key = strings.Trim(key, ":"); key == "" {
			key = "emoji"
		}
		key = ":" + key + ":"
	}
	if to == "" || key == "" {
		return nil
	}
	return n.receive(ctx, bridge.ReactionEvent{Event: id.Event(evt.ID), Account: r.account, From: id.Remote(r.friend), Name: r.friendName(),
		To: id.Event(to), Emoji: key, Time: n.timeOf(evt)})
}

// redaction hands on that a friend took something back. What it was stands beside
// the content, or in it from room version 11 on.
func (n *Network) redaction(ctx context.Context, r room, evt *event.Event) error {
	of := id.Event(evt.Redacts)
	if in, ok := evt.Content.Raw["redacts"].(string); ok && of == "" {
		of = id.Event(in)
	}
	if of == "" {
		return nil
	}
	return n.receive(ctx, bridge.DeletionEvent{Event: id.Event(evt.ID), Account: r.account, From: id.Remote(r.friend), Name: r.name,
		Of: of, Time: n.timeOf(evt)})
}
