package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// accept.go: the one door for rows to a box.

// accept is the one door for rows to a box: dedupe, privacy, limit, lists and
// the row itself in one transaction, then the ring. Friend is the name of the
// contact who wrote; "" for a line of our own.
func (h *Hub) accept(ctx context.Context, in store.Incoming, friend string) error {
	return h.acceptAs(ctx, in, friend, func(*store.Tx, *store.Incoming) (bool, error) { return true, nil })
}

// acceptAs is accept where the row depends on others: fill completes it within the
// transaction, or says that there is nothing to store. It may be called again.
func (h *Hub) acceptAs(ctx context.Context, in store.Incoming, friend string, fill func(*store.Tx, *store.Incoming) (bool, error)) error {
	var stored, listed, repeated, untold, waits bool
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		stored, listed, repeated, untold, waits = false, false, false, false, false
		if in.Event != "" {
			if fresh, err := tx.Seen(in.Network, in.Event); err != nil || !fresh {
				repeated = err == nil
				return err
			}
		}
		if _, err := tx.Account(in.Account); err != nil {
			return ignoreNotFound(err) // the account was removed: nobody to tell
		}
		if friend != "" {
			ok, changed, err := h.admit(tx, in.Account, in.Peer, friend)
			if err != nil || !ok {
				return err
			}
			listed = changed
		}
		in := in
		if ok, err := fill(tx, &in); err != nil || !ok {
			return err
		}
		if err := h.place(tx, &in); err != nil {
			return err
		}
		in.Stored = h.now()
		if _, err := tx.AddIncoming(in); err != nil {
			return err
		}
		stored, waits = true, in.State != store.Folded
		if friend != "" && in.Kind == kindMessage { // a reaction is nothing that anybody waits for
			var err error
			untold, err = h.beginsToWait(tx, in)
			return err
		}
		return nil
	})
	if errors.Is(err, errFull) {
		return nil // its line says so
	}
	if err != nil {
		return fmt.Errorf("bridge: storing a message: %w", err)
	}
	if untold {
		h.wake(id.Conversation{Account: in.Account, Peer: in.Peer})
	}
	if stored || repeated {
		h.watch(ToBox, in.Network, in.Kind, map[bool]Outcome{true: Duplicate, false: Stored}[repeated], time.Time{})
	}
	if s := h.Seat(in.Account); s != nil {
		if listed {
			s.ListsChanged()
		}
		if waits {
			s.Waiting(in.Peer)
		}
	}
	return nil
}

// errFull undoes what a row did for which there is no place, so that a flood beyond
// all limits costs neither disk nor anybody's time.
var errFull = errors.New("bridge: no more can wait")

// place finds a place for a row among those that wait, or among those that were set
// aside. The last one is for a line that says so; beyond it there is errFull.
func (h *Hub) place(tx *store.Tx, in *store.Incoming) error {
	key := conversationOf(in)
	p, most, count := &h.waiting, h.maxWaiting, tx.CountPendingIncoming
	if in.State == store.Folded {
		p, most, count = &h.folded, h.maxFolded, tx.CountFolded
	}
	ok, last, err := p.take(key, most, h.now(), func() (int, error) { return count(key.Account, key.Peer) })
	if err == nil && !ok {
		err = errFull
	}
	if err != nil || !last {
		return err
	}
	full, err := noticeRow(in.Account, in.Peer, "More messages came than can wait here. The newest were not kept.", h.now())
	if err != nil {
		return err
	}
	in.Kind, in.Name, in.Body, in.Event = full.Kind, full.Name, full.Body, ""
	h.log.Warn("a conversation's inbox is full", "conv", key)
	return nil
}

// admit applies the account's privacy to a friend who writes or asks: blocked
// friends and, in closed mode, those not allowed are dropped in silence. Others
// are on the reverse list from now on, which is what a box shows as "has added
// you".
func (h *Hub) admit(tx *store.Tx, a id.Account, peer id.Address, name string) (ok, changed bool, err error) {
	c, _, err := tx.Contact(a, peer)
	if err != nil {
		return false, false, err
	}
	if c.Lists&listBlock != 0 {
		return false, false, nil
	}
	if c.Lists&listAllow == 0 {
		r, err := tx.Modes(a)
		if err != nil {
			return false, false, err
		}
		if r.Privacy == privacyClosed {
			return false, false, nil
		}
	}
	changed, err = h.reverse(tx, a, c, peer, name)
	return true, changed, err
}

// reverse is putReverse for people of other networks, of whom any number may
// write: beyond the limit their messages come all the same, without an entry.
func (h *Hub) reverse(tx *store.Tx, a id.Account, c store.Contact, peer id.Address, name string) (changed bool, err error) {
	if c.Lists&listReverse == 0 {
		n, err := tx.CountList(a, listReverse)
		if err != nil {
			return false, err
		}
		if n >= h.maxReverse {
			h.log.Warn("an account's reverse list is full", "account", a)
			return false, nil
		}
	}
	return putReverse(tx, a, c, peer, name)
}

// putReverse puts peer on the reverse list of a, under the name they have.
func putReverse(tx *store.Tx, a id.Account, c store.Contact, peer id.Address, name string) (changed bool, err error) {
	before := c
	c.Address, c.Lists = peer, c.Lists|listReverse
	c.Name = betterName(c, name)
	if c == before {
		return false, nil
	}
	_, err = tx.PutContact(a, c)
	return true, err
}

// betterName is the name to keep for a contact: a box adds people with their
// address as the name, and anything is better than that. A name that was chosen
// is not touched.
func betterName(c store.Contact, name string) string {
	if name != "" && (c.Name == "" || c.Name == string(c.Address)) {
		return name
	}
	return c.Name
}

// noticeRow makes an inbox row that says line in our own name.
func noticeRow(a id.Account, peer id.Address, line string, at time.Time) (store.Incoming, error) {
	body, err := json.Marshal(text.Content{Body: "(" + line + ")"})
	if err != nil {
		return store.Incoming{}, fmt.Errorf("bridge: packing a notice: %w", err)
	}
	return store.Incoming{Account: a, Peer: peer, Network: id.Local, Kind: kindNotice, Name: string(peer), Body: body, Sent: at}, nil
}

// notice puts a line of ours into a conversation of the account.
func (h *Hub) notice(ctx context.Context, a id.Account, peer id.Address, line string) error {
	in, err := noticeRow(a, peer, line, h.now())
	if err != nil {
		return err
	}
	return h.accept(ctx, in, "")
}
