package bridge

import (
	"context"
	"encoding/json"
	"errors"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
	"wtvgate/puppets"
)

// later.go: what a network says of a message later: replies, corrections,
// reactions, deletions. Everything happens in the transaction that stores the row.

// maxOpenFolds is how many waiting lines of reactions are looked through for one
// to the same message.
const maxOpenFolds = 20

// unpack reads a stored text; a row that cannot be read is empty.
func unpack(body []byte) (c text.Content) {
	if json.Unmarshal(body, &c) != nil {
		return text.Content{}
	}
	return c
}

func conversationOf(in *store.Incoming) id.Conversation {
	return id.Conversation{Account: in.Account, Peer: in.Peer}
}

// answered puts the beginning of the message that a text answers before it, if
// that message is still known.
func answered(tx *store.Tx, in *store.Incoming, t text.Content, to id.Event) error {
	var r *text.Reply
	was, err := tx.IncomingByEvent(conversationOf(in), in.Network, to)
	switch {
	case err == nil:
		r = text.NewReply(was.Name, false, bare(unpack(was.Body)))
	case !errors.Is(err, store.ErrNotFound):
		return err
	default:
		own, err := tx.OutgoingByEvent(conversationOf(in), in.Network, to)
		if err != nil {
			return ignoreNotFound(err)
		}
		r = text.NewReply("", true, unpack(own.Body))
	}
	in.Body, err = pack(text.Answering(t, r))
	return err
}

// bare is a content without what itself answers, which is not quoted again.
func bare(c text.Content) text.Content {
	c.Edited = false
	c, _ = text.Corrected(text.Content{}, c)
	return c
}

// replaced corrects a message. One that waits is exchanged where it stands; for
// one that was written the correction is a line of its own. False: there is
// nothing to show.
func replaced(tx *store.Tx, in *store.Incoming, t text.Content, of id.Event) (bool, error) {
	was, err := tx.IncomingByEvent(conversationOf(in), in.Network, of)
	if errors.Is(err, store.ErrNotFound) {
		// Nobody but its writer corrects a message, and a box cannot.
		_, err := tx.OutgoingByEvent(conversationOf(in), in.Network, of)
		return errors.Is(err, store.ErrNotFound), ignoreNotFound(err)
	}
	if err != nil || was.State == store.Dropped {
		return false, err
	}
	c, changed := text.Corrected(unpack(was.Body), t)
	if !changed {
		return false, nil
	}
	body, err := pack(c)
	if err != nil {
		return false, err
	}
	return was.State != store.Pending && was.State != store.Folded, tx.ReplaceIncoming(was.ID, body)
}

// overtaken looks at a row that was written to a box while it was changed: the box
// is told what changed. True: another row waits now.
func overtaken(tx *store.Tx, written store.Incoming) (bool, error) {
	now, err := tx.Incoming(written.ID)
	if err != nil {
		return false, ignoreNotFound(err)
	}
	next := now
	next.State, next.Event = store.Pending, ""
	switch now.State {
	case store.Dropped:
		c := unpack(written.Body)
		if fresh, err := tx.MarkShown(now.ID); err != nil || !fresh || c.Event != "" { // told before, or a reaction
			return false, err
		}
		next.Kind = KindAside
		next.Body, err = pack(text.Deleted(c.Body))
	case store.Pending:
		if _, err := tx.MarkWritten(now); err != nil {
			return false, err
		}
		if c := unpack(now.Body); c.Event == "" {
			next.Body, err = pack(text.Edit(c))
		}
	default:
		return false, nil // marked before
	}
	if err != nil {
		return false, err
	}
	_, err = tx.AddIncoming(next)
	return err == nil, err
}

// reaction tells of a friend's reaction to what the account wrote. It joins a line
// of reactions to the same message that still waits.
func (r receiver) reaction(ctx context.Context, e ReactionEvent) error {
	peer, ok := r.peer(e.From)
	if !ok || e.Emoji == "" {
		return nil
	}
	in := store.Incoming{Account: e.Account, Peer: peer, Network: r.l.Name(), Event: e.Event, Kind: KindAside,
		Name: puppets.ScreenName(e.Name, peer), Sent: r.clamp(e.Time)}
	contact := in.Name
	if e.Speaker != "" {
		in.Name = puppets.ScreenName(e.Speaker, peer)
	}
	return r.h.acceptAs(ctx, in, contact, func(tx *store.Tx, in *store.Incoming) (bool, error) {
		if shut, err := r.shut(tx, e.Account, e.By); err != nil || shut {
			return false, err
		}
		own, err := tx.OutgoingByEvent(conversationOf(in), in.Network, e.To)
		if err != nil {
			return false, ignoreNotFound(err) // their own, or too old to be known
		}
		by := text.Reacter{Name: in.Name, Emoji: e.Emoji, Event: string(e.Event)}
		open, err := openFolds(tx, in)
		if err != nil {
			return false, err
		}
		for _, o := range open {
			if o.c.Fold.To != string(e.To) {
				continue
			}
			if c, ok := o.c.Fold.With(by); ok {
				return false, replace(tx, o.row, c)
			}
		}
		c := text.NewFold(string(e.To), unpack(own.Body).Body, by)
		if c.Empty() {
			return false, nil
		}
		in.Body, err = pack(c)
		return true, err
	})
}

// openFold is a line of reactions that still waits.
type openFold struct {
	row store.Incoming
	c   text.Content
}

func openFolds(tx *store.Tx, in *store.Incoming) (open []openFold, err error) {
	rows, err := tx.PendingOfKind(conversationOf(in), KindAside, maxOpenFolds)
	for _, row := range rows {
		if c := unpack(row.Body); c.Fold != nil && row.Network == in.Network {
			open = append(open, openFold{row, c})
		}
	}
	return open, err
}

// replace gives a waiting row another text, or takes it back if there is none.
func replace(tx *store.Tx, row store.Incoming, c text.Content) error {
	if c.Empty() {
		return tx.DropIncoming(row.ID)
	}
	body, err := pack(c)
	if err != nil {
		return err
	}
	return tx.ReplaceIncoming(row.ID, body)
}

// deletion takes back what a box has not shown yet, and else says that it is gone.
func (r receiver) deletion(ctx context.Context, e DeletionEvent) error {
	peer, ok := r.peer(e.From)
	if !ok || e.Of == "" {
		return nil
	}
	in := store.Incoming{Account: e.Account, Peer: peer, Network: r.l.Name(), Event: e.Event, Kind: KindAside,
		Name: puppets.ScreenName(e.Name, peer), Sent: r.clamp(e.Time)}
	contact := in.Name
	if e.Speaker != "" {
		in.Name = puppets.ScreenName(e.Speaker, peer)
	}
	return r.h.acceptAs(ctx, in, contact, func(tx *store.Tx, in *store.Incoming) (bool, error) {
		open, err := openFolds(tx, in)
		if err != nil {
			return false, err
		}
		for _, o := range open {
			if c, ok := o.c.Fold.Without(string(e.Of)); ok {
				return false, replace(tx, o.row, c)
			}
		}
		was, err := tx.IncomingByEvent(conversationOf(in), in.Network, e.Of)
		switch {
		case err != nil:
			return false, ignoreNotFound(err)
		case was.State == store.Dropped, was.Kind != kindMessage:
			return false, nil
		case was.State == store.Pending, was.State == store.Folded:
			return false, tx.DropIncoming(was.ID)
		}
		c := text.Deleted(bare(unpack(was.Body)).Body)
		if c.Empty() {
			return false, nil
		}
		if in.Body, err = pack(c); err != nil {
			return false, err
		}
		gone, err := pack(text.Content{}) // nobody quotes it any more
		if err != nil {
			return false, err
		}
		return true, tx.ReplaceIncoming(was.ID, gone)
	})
}
