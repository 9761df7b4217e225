package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

const (
	kindNotice = "notice"
	// KindAside is a row that tells of something that was done to a message. It is
	// not worth a ring: it waits for the next conversation.
	KindAside = "aside"
	// maxPending is how many messages an account may have waiting for one
	// contact's network: a day of talking to a server that is away.
	maxPending = 1000
	// maxPendingAll is the same for all of its contacts together: some tens of megabytes,
	// where each of a full list would have a gigabyte.
	maxPendingAll = 10 * maxPending
	// maxTalks is for how many contacts an account may have something waiting: all of
	// a full list and some that are on none. Anybody can be written to, and each costs
	// a goroutine for as long as their server is away.
	maxTalks = maxForward + 100
)

// ErrQueueFull refuses a message to a contact for whom too many wait already.
var ErrQueueFull = errors.New("too many messages wait for this contact")

// ErrBlocked refuses a message to an own account that does not take it.
var ErrBlocked = errors.New("the contact does not accept messages from this account")

// Say stores what an account wrote to a contact; nil means that it will be
// delivered or its writer told why not (ACK). It waits for the store only.
func (h *Hub) Say(ctx context.Context, key id.Conversation, t text.Content) error {
	n, ok := h.dir.Network(key.Peer)
	if !ok {
		return ErrNotServed
	}
	body, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("bridge: packing a message: %w", err)
	}
	if n == id.Local {
		return h.sayLocal(ctx, key, body)
	}
	if n != h.resident.network && !h.mayBegin(key) {
		return ErrQueueFull
	}
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		if waiting, err := tx.CountPending(key.Account, key.Peer); err != nil {
			return err
		} else if waiting >= h.maxPending {
			return ErrQueueFull
		}
		if err := h.spare(tx, key.Account); err != nil {
			return err
		}
		_, err := tx.AddOutgoing(store.Outgoing{Account: key.Account, Peer: key.Peer, Network: n,
			Kind: kindMessage, Body: body, Created: h.now()})
		return err
	})
	if err != nil {
		return err
	}
	h.watch(ToFriend, n, kindMessage, Stored, time.Time{})
	h.wake(key)
	return nil
}

// spare finds a place for one message more among all that an account has waiting.
func (h *Hub) spare(tx *store.Tx, a id.Account) error {
	ok, _, err := h.pending.take(id.Conversation{Account: a}, h.maxPendingAll-1, h.now(), func() (int, error) { return tx.CountPendingOf(a) })
	if err == nil && !ok {
		err = ErrQueueFull
	}
	return err
}

// sayLocal puts a message into another account's inbox.
func (h *Hub) sayLocal(ctx context.Context, key id.Conversation, body []byte) error {
	to := id.Account(key.Peer)
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		from, err := tx.Account(key.Account)
		if err != nil {
			return err
		}
		if ok, err := h.mayCall(tx, to, key.Account.Address()); err != nil {
			return err
		} else if !ok {
			return ErrBlocked
		}
		back := id.Conversation{Account: to, Peer: key.Account.Address()}
		if n, err := tx.CountPendingIncoming(to, back.Peer); err != nil {
			return err
		} else if n >= h.maxWaiting {
			return ErrQueueFull
		}
		now := h.now()
		_, err = tx.AddIncoming(store.Incoming{Account: to, Peer: back.Peer, Network: id.Local, Kind: kindMessage,
			Name: from.Name, Body: body, Sent: now, Stored: now})
		return err
	})
	if err != nil {
		return err
	}
	h.watch(ToBox, id.Local, kindMessage, Stored, time.Time{})
	if s := h.Seat(to); s != nil {
		s.Waiting(key.Account.Address())
	}
	return nil
}

// mayCall applies an own account's privacy to a caller (msnp.md 10).
func (h *Hub) mayCall(tx *store.Tx, callee id.Account, caller id.Address) (bool, error) {
	c, _, err := tx.Contact(callee, caller)
	if err != nil {
		return false, err
	}
	if c.Lists&(listBlock|listAllow) != 0 {
		return c.Lists&listBlock == 0, nil
	}
	m, err := tx.Modes(callee)
	return m.Privacy != privacyClosed, err
}

// MayCall tells whether an account of ours takes calls from caller, whether or
// not it is signed in.
func (h *Hub) MayCall(ctx context.Context, callee id.Account, caller id.Address) (ok bool, err error) {
	err = h.st.View(ctx, func(tx *store.Tx) error { ok, err = h.mayCall(tx, callee, caller); return err })
	return ok, err
}

// SetTyping tells a network that an account writes or has stopped. It does not
// wait.
func (h *Hub) SetTyping(from Account, peer id.Address, on bool) {
	n, _ := h.dir.Network(peer)
	l := h.link(n)
	if l == nil || l.typer == nil {
		return
	}
	to, err := l.Remote(peer)
	if err != nil {
		return
	}
	h.typing(l, from, to, on)
}

// typingTimeout ends a typing call: later it would be a lie.
const typingTimeout = 5 * time.Second

// typing makes the call on a goroutine of its own, unless the hub stops or the
// network is slow: a typing notice is the first thing to leave out.
func (h *Hub) typing(l *link, from Account, to id.Remote, on bool) {
	select {
	case l.typing <- struct{}{}:
	default:
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil {
		<-l.typing
		return
	}
	running := h.ctx
	h.wg.Go(func() {
		defer func() { <-l.typing }()
		defer func() {
			if r := recover(); r != nil {
				h.log.Error("a network panicked", "network", l.Name(), "panic", r, "stack", string(debug.Stack()))
			}
		}()
		ctx, cancel := context.WithTimeout(running, typingTimeout)
		defer cancel()
		l.typer.SetTyping(ctx, from, to, on)
	})
}

// Waiting is a row of an account's inbox.
type Waiting = store.Incoming

// WaitingPeers lists the contacts from whom something waits for the account.
func (h *Hub) WaitingPeers(ctx context.Context, a id.Account) ([]id.Address, error) {
	return h.st.WaitingPeers(ctx, a)
}

// Newest is the number of the newest inbox row: rows with higher numbers come
// after this moment.
func (h *Hub) Newest(ctx context.Context) (int64, error) { return h.st.LastIncoming(ctx) }

// WaitingFrom lists up to limit rows of a conversation after row number after,
// oldest first.
func (h *Hub) WaitingFrom(ctx context.Context, key id.Conversation, after int64, limit int) ([]Waiting, error) {
	return h.st.WaitingIncoming(ctx, key, after, limit)
}

// maxNoted is how many rows one change notes: those of a thousand boxes at once
// would keep everybody else's messages waiting.
const maxNoted = 100

// Delivered notes rows that were written to the box, and has their networks
// show them as read. After an error some may have been noted: it is called again.
func (h *Hub) Delivered(ctx context.Context, rows []Waiting) error {
	for some := range slices.Chunk(rows, maxNoted) {
		if err := h.delivered(ctx, some); err != nil {
			return fmt.Errorf("bridge: noting delivered messages: %w", err)
		}
	}
	return nil
}

func (h *Hub) delivered(ctx context.Context, rows []Waiting) error {
	newest, read := make(map[id.Conversation]Waiting), make(map[id.Conversation]bool)
	for _, r := range rows {
		key := id.Conversation{Account: r.Account, Peer: r.Peer}
		read[key] = true
		if l := h.link(r.Network); l != nil && l.reader != nil && r.Event != "" && r.ID > newest[key].ID {
			newest[key] = r
		}
	}
	var late []store.Incoming
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		late = nil
		for _, r := range rows {
			if same, err := tx.MarkWritten(r); err != nil {
				return err
			} else if same {
				continue
			}
			if more, err := overtaken(tx, r); err != nil {
				return err
			} else if more {
				late = append(late, r)
			}
		}
		for key := range read {
			if err := tx.Untell(key); err != nil {
				return err
			}
		}
		for key, r := range newest {
			if _, err := tx.AddOutgoing(store.Outgoing{Account: key.Account, Peer: key.Peer, Network: r.Network,
				Kind: kindRead, Event: r.Event, Created: h.now()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		h.watch(ToBox, r.Network, r.Kind, WrittenToBox, r.Stored)
	}
	for key := range newest {
		h.wake(key)
	}
	for key := range read {
		h.waiting.forget(key)
	}
	for _, r := range late {
		if s := h.Seat(r.Account); s != nil {
			s.Waiting(r.Peer)
		}
	}
	return nil
}
