package matrix

import (
	"context"
	"strings"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

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
	e, err := n.reactionEvent(r, evt)
	if err != nil || e == nil {
		return err
	}
	return n.receive(ctx, e)
}

// reactionEvent reads a reaction; nil for one that says nothing.
func (n *Network) reactionEvent(r room, evt *event.Event) (bridge.Event, error) {
	if err := parse(evt); err != nil {
		return nil, err
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
		return nil, nil
	}
	e := bridge.ReactionEvent{Event: r.eventID(evt.ID), Account: r.account, From: id.Remote(r.friend), Name: r.friendName(),
		To: r.eventID(to), Emoji: key, Time: n.timeOf(evt)}
	if r.people != nil {
		e.Speaker, e.By = r.called(evt.Sender), id.Remote(evt.Sender)
	}
	return e, nil
}

// eventID is an event as the core knows it.
func (r room) eventID(ev mid.EventID) id.Event {
	if r.people != nil {
		return scoped(ev, r.account)
	}
	return id.Event(ev)
}

// redaction hands on that a friend took something back.
func (n *Network) redaction(ctx context.Context, r room, evt *event.Event) error {
	if e := n.deletionEvent(r, evt); e != nil {
		return n.receive(ctx, e)
	}
	return nil
}

// deletionEvent reads a redaction; nil for one that says nothing. What it was stands
// beside the content, or in it from room version 11 on.
func (n *Network) deletionEvent(r room, evt *event.Event) bridge.Event {
	of := id.Event(evt.Redacts)
	if in, ok := evt.Content.Raw["redacts"].(string); ok && of == "" {
		of = id.Event(in)
	}
	if of == "" {
		return nil
	}
	e := bridge.DeletionEvent{Event: r.eventID(evt.ID), Account: r.account, From: id.Remote(r.friend), Name: r.name,
		Of: r.eventID(mid.EventID(of)), Time: n.timeOf(evt)}
	if r.people != nil {
		e.Speaker = r.called(evt.Sender)
	}
	return e
}
