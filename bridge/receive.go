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
	"wtvgate/puppets"
)

// maxWaiting is how many messages of one contact wait for a box that is off.
// Beyond it the newest are refused, and one line says so: a flood must not fill
// the disk.
const maxWaiting = 5000

// receiver is the core as one network sees it.
type receiver struct {
	h *Hub
	l *link
}

// Accounts implements Receiver.
func (r receiver) Accounts(ctx context.Context) ([]Account, error) {
	all, err := r.h.st.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("bridge: listing accounts: %w", err)
	}
	out := make([]Account, len(all))
	for i, a := range all {
		out[i] = Account{a.Address, a.Name}
	}
	return out, nil
}

// State implements Receiver.
func (r receiver) State(up bool, text string) {
	if !r.l.set(up, text, r.h.now()) {
		return
	}
	if up {
		r.h.log.Info("network is up", "network", r.l.Name())
	} else {
		r.h.log.Warn("network is not up", "network", r.l.Name(), "why", text)
	}
}

// Receive implements Receiver.
func (r receiver) Receive(ctx context.Context, e Event) error {
	switch e := e.(type) {
	case MessageEvent:
		return r.message(ctx, e)
	case RequestEvent:
		return r.request(ctx, e)
	case NoticeEvent:
		return r.notice(ctx, e)
	case ReactionEvent:
		return r.reaction(ctx, e)
	case DeletionEvent:
		return r.deletion(ctx, e)
	case EchoEvent:
		return r.echo(ctx, e)
	case AnswerEvent:
		if peer, ok := r.peer(e.From); ok {
			r.h.poke(id.Conversation{Account: e.Account, Peer: peer})
		}
		return nil
	case TypingEvent:
		return r.typing(ctx, e)
	case PresenceEvent:
		return r.presence(ctx, e)
	}
	return fmt.Errorf("bridge: unknown event %T", e)
}

// message stores a friend's message once and rings the account.
func (r receiver) message(ctx context.Context, e MessageEvent) error {
	peer, ok := r.peer(e.From)
	if !ok || e.Text.Empty() {
		return nil
	}
	body, err := pack(e.Text) // not while others wait to write
	if err != nil {
		return err
	}
	in := store.Incoming{Account: e.Account, Peer: peer, Network: r.l.Name(), Event: e.Event, Kind: kindMessage,
		Name: puppets.ScreenName(e.Name, peer), Body: body, Sent: r.clamp(e.Time)}
	contact := in.Name
	if e.Speaker != "" {
		in.Name = puppets.ScreenName(e.Speaker, peer)
	}
	var author id.Address
	if e.Author != "" {
		if author, ok = r.peer(e.Author); !ok {
			return nil
		}
		contact = "" // the conversation is on no list
	}
	accept := r.h.hear
	if e.Speaker != "" || author != "" { // of several people: not what the account can stop, and shortened otherwise
		accept = r.h.acceptAs
	}
	return accept(ctx, in, contact, func(tx *store.Tx, in *store.Incoming) (bool, error) {
		if shut, err := r.shut(tx, e.Account, e.By); err != nil || shut {
			return false, err
		}
		if author != "" {
			if ok, _, err := r.h.admit(tx, in.Account, author, in.Name); err != nil || !ok {
				return false, err
			}
		}
		switch {
		case e.Replaces != "":
			return replaced(tx, in, e.Text, e.Replaces)
		case e.Answers != "":
			if err := answered(tx, in, e.Text, e.Answers); err != nil {
				return false, err
			}
		}
		if e.Speaker != "" {
			return true, r.h.thin(tx, in)
		}
		return true, nil
	})
}

// maxPlain is what is kept of a text that does not fit a row otherwise, in
// characters: written as \u00XX each has six bytes, and all fit.
const maxPlain = store.MaxBody / 8

// pack makes a row's body of a friend's text. What is too large with its looks
// goes without them, and what is still too large is cut: a row that the store
// refuses for ever would hold all that its sender writes after it (lessons L5).
func pack(c text.Content) ([]byte, error) {
	for _, c := range []text.Content{c, {Body: c.Body}, {Body: text.Excerpt(c, maxPlain)}} {
		body, err := json.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("bridge: packing a message: %w", err)
		}
		if len(body) <= store.MaxBody {
			return body, nil
		}
	}
	return nil, fmt.Errorf("bridge: packing a message: %w", store.ErrTooLong) // Excerpt keeps the last below it
}

// notice stores a line that no friend wrote.
func (r receiver) notice(ctx context.Context, e NoticeEvent) error {
	peer, ok := r.peer(e.From)
	if !ok {
		return nil
	}
	in, err := noticeRow(e.Account, peer, e.Text, r.clamp(e.Time))
	if err != nil {
		return err
	}
	in.Network, in.Event = r.l.Name(), e.Event
	return r.h.accept(ctx, in, "")
}

// clamp keeps a network's clock from dating messages into the future.
func (r receiver) clamp(t time.Time) time.Time {
	if now := r.h.now(); t.IsZero() || t.After(now) {
		return now
	}
	return t
}

// peer is the friend's address; false if they have none, which is logged: such
// a friend cannot be shown on a box.
func (r receiver) peer(from id.Remote) (id.Address, bool) {
	a, err := r.l.Address(from)
	if err != nil {
		r.h.log.Warn("a friend has no address and cannot be shown", "network", r.l.Name(), "err", err)
		return "", false
	}
	return a, true
}

// request takes a friend's wish to talk.
func (r receiver) request(ctx context.Context, e RequestEvent) error {
	peer, ok := r.peer(e.From)
	if !ok {
		return nil
	}
	h, key := r.h, id.Conversation{Account: e.Account, Peer: peer}
	var queued, listed bool
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		queued, listed = false, false
		if fresh, err := tx.Seen(r.l.Name(), e.Event); err != nil || !fresh {
			return err
		}
		if _, err := tx.Account(e.Account); err != nil {
			return ignoreNotFound(err)
		}
		c, _, err := tx.Contact(e.Account, peer)
		if err != nil {
			return err
		}
		answer := ""
		switch {
		case c.Lists&listBlock != 0:
			answer = kindDecline
		case c.Lists&(listForward|listAllow) != 0:
			answer = kindAccept
		}
		if answer != "" {
			queued = true
			if _, err := tx.AddOutgoing(store.Outgoing{Account: e.Account, Peer: peer, Network: r.l.Name(), Kind: answer, Created: h.now()}); err != nil {
				return err
			}
		}
		if answer != kindDecline {
			listed, err = h.reverse(tx, e.Account, c, peer, puppets.ScreenName(e.Name, peer))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("bridge: storing a request: %w", err)
	}
	if queued {
		h.wake(key)
	}
	if s := h.Seat(e.Account); s != nil && listed {
		s.ListsChanged()
	}
	return nil
}

// echo marks a message of ours as arrived, also when Send's answer was lost.
func (r receiver) echo(ctx context.Context, e EchoEvent) error {
	n, ok := r.h.st.ParseMessageID(e.ID)
	if !ok {
		return nil // another installation's message
	}
	err := r.h.st.Update(ctx, func(tx *store.Tx) error {
		o, err := tx.Outgoing(n)
		if err != nil {
			return ignoreNotFound(err)
		}
		if o.State != store.Pending || o.Network != r.l.Name() {
			return nil
		}
		return tx.SetOutgoing(n, store.Sent, e.Event, "")
	})
	if err != nil {
		return fmt.Errorf("bridge: storing an echo: %w", err)
	}
	return nil
}

// SentAs implements Memory.
func (r receiver) SentAs(ctx context.Context, m id.Message) (id.Event, error) {
	n, ok := r.h.st.ParseMessageID(m)
	if !ok {
		return "", nil // another installation's message
	}
	o, err := r.h.st.Outgoing(ctx, n)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", nil // kept for a while only
	case err != nil:
		return "", fmt.Errorf("bridge: what became of a message: %w", err)
	case o.State != store.Sent || o.Network != r.l.Name():
		return "", nil
	}
	return o.Event, nil
}

// Seen implements Audience.
func (r receiver) Seen(a id.Account, by id.Remote) Presence {
	peer, ok := r.peer(by)
	s := r.h.Seat(a)
	if !ok || s == nil {
		return PresenceOffline
	}
	if p := s.Appearance(peer).Presence; p != "" {
		return p
	}
	return PresenceOffline
}

// OnSince implements Audience.
func (r receiver) OnSince(a id.Account, by id.Remote) time.Time {
	if r.Seen(a, by) == PresenceOffline {
		return time.Time{}
	}
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	return r.h.since[a]
}

// typing passes on who is writing, unless the account blocks them.
func (r receiver) typing(ctx context.Context, e TypingEvent) error {
	s := r.h.Seat(e.Account)
	peer, ok := r.peer(e.From)
	if s == nil || !ok {
		return nil
	}
	s.Typing(peer, e.On)
	return nil
}

// presence keeps the friend's name and has everyone concerned look again.
func (r receiver) presence(ctx context.Context, e PresenceEvent) error {
	peer, ok := r.peer(e.From)
	if !ok {
		return nil
	}
	watchers := []id.Account{e.Account}
	if e.Account == "" {
		var err error
		if watchers, err = r.h.st.Watchers(ctx, peer); err != nil {
			return fmt.Errorf("bridge: reading watchers: %w", err)
		}
	}
	for _, a := range watchers {
		renamed, err := r.h.learnName(ctx, a, peer, e.Name, e.Was)
		if err != nil {
			return err
		}
		s := r.h.Seat(a)
		if s == nil {
			continue
		}
		if renamed {
			s.ListsChanged()
		}
		s.Recheck(peer)
	}
	return nil
}

// learnName keeps a friend's name for an account that knows only the address, or
// the name that the friend had before.
func (h *Hub) learnName(ctx context.Context, a id.Account, peer id.Address, name, was string) (renamed bool, err error) {
	if name == "" {
		return false, nil
	}
	c, ok, err := h.st.Contact(ctx, a, peer)
	name = puppets.ScreenName(name, peer)
	if was != "" {
		was = puppets.ScreenName(was, peer)
	}
	better := func(c store.Contact) string {
		if was != "" && c.Name == was {
			return name
		}
		return betterName(c, name)
	}
	if err != nil || !ok || better(c) == c.Name {
		return false, ignoreNotFound(err)
	}
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		c, ok, err := tx.Contact(a, peer)
		if err != nil || !ok {
			return err
		}
		c.Name, renamed = better(c), true
		_, err = tx.PutContact(a, c)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("bridge: keeping a friend's name: %w", err)
	}
	return renamed, nil
}
