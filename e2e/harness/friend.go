package harness

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"
)

// Friend is a Matrix user with a client that syncs all the time. It keeps all it
// saw, so that waiting for something that has happened returns at once.
type Friend struct {
	ID mid.UserID

	t testing.TB
	c *mautrix.Client

	mu      sync.Mutex
	seen    []*event.Event // timelines and state, in the order of arrival
	invites map[mid.RoomID]mautrix.SyncInvitedRoom
	typing  map[mid.RoomID][]mid.UserID
	reads   map[mid.UserID]mid.EventID
	changed chan struct{} // closed and made anew at each change
}

// NewFriend registers a user and starts to sync.
func (h *Homeserver) NewFriend(name string) *Friend {
	h.t.Helper()
	f := &Friend{ID: mid.NewUserID(name, Domain), t: h.t, changed: make(chan struct{}),
		invites: make(map[mid.RoomID]mautrix.SyncInvitedRoom), typing: make(map[mid.RoomID][]mid.UserID), reads: make(map[mid.UserID]mid.EventID)}
	var err error
	if f.c, err = mautrix.NewClient(h.URL, f.ID, h.register(name)); err != nil {
		h.t.Fatal(err)
	}
	f.c.StateStore = nil
	f.c.Client = &http.Client{Timeout: Wait}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f.sync(ctx) }()
	h.t.Cleanup(func() { cancel(); <-done })
	return f
}

// sync follows the homeserver, also through its restarts.
func (f *Friend) sync(ctx context.Context) {
	since := ""
	for ctx.Err() == nil {
		resp, err := f.c.FullSyncRequest(ctx, mautrix.ReqSync{Since: since, Timeout: 10000})
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		since = resp.NextBatch
		f.take(resp)
	}
}

func (f *Friend) take(resp *mautrix.RespSync) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for rid, r := range resp.Rooms.Invite {
		f.invites[rid] = *r
	}
	for rid, r := range resp.Rooms.Join {
		delete(f.invites, rid)
		for _, e := range slices.Concat(r.State.Events, r.Timeline.Events) {
			e.RoomID = rid
			f.seen = append(f.seen, e)
		}
		for _, e := range r.Ephemeral.Events {
			f.ephemeral(rid, e)
		}
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *Friend) ephemeral(rid mid.RoomID, e *event.Event) {
	if e.Content.Parsed == nil {
		e.Type.Class = event.EphemeralEventType
		if e.Content.ParseRaw(e.Type) != nil {
			return
		}
	}
	switch e.Type.Type {
	case event.EphemeralEventTyping.Type:
		f.typing[rid] = e.Content.AsTyping().UserIDs
	case event.EphemeralEventReceipt.Type:
		for ev, kinds := range *e.Content.AsReceipt() {
			for user := range kinds[event.ReceiptTypeRead] {
				f.reads[user] = ev
			}
		}
	}
}

// wait waits until look, called under the lock, finds something.
func (f *Friend) wait(what string, look func() bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Wait)
	defer cancel()
	for {
		f.mu.Lock()
		ok, changed := look(), f.changed
		f.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			f.t.Fatalf("%s waits in vain for %s", f.ID, what)
		}
	}
}

// WaitInvite waits for an invitation by a user and gives the room, and whether
// it is said to be a direct chat.
func (f *Friend) WaitInvite(from mid.UserID) (room mid.RoomID, direct bool) {
	f.t.Helper()
	f.wait("an invitation from "+string(from), func() bool {
		for rid, r := range f.invites {
			for _, e := range r.State.Events {
				if e.Type.Type == event.StateMember.Type && e.GetStateKey() == string(f.ID) && e.Sender == from {
					room = rid
					direct, _ = e.Content.Raw["is_direct"].(bool)
					return true
				}
			}
		}
		return false
	})
	return room, direct
}

// WaitMember waits until a user's membership in a room is so, and gives the
// display name there.
func (f *Friend) WaitMember(room mid.RoomID, user mid.UserID, m event.Membership) (name string) {
	f.t.Helper()
	f.wait(fmt.Sprintf("%s to %s", user, m), func() bool {
		for _, e := range slices.Backward(f.seen) {
			if e.RoomID == room && e.Type.Type == event.StateMember.Type && e.GetStateKey() == string(user) {
				name, _ = e.Content.Raw["displayname"].(string)
				return e.Content.Raw["membership"] == string(m)
			}
		}
		return false
	})
	return name
}

// WaitText waits for a message of a user with a text.
func (f *Friend) WaitText(room mid.RoomID, from mid.UserID, text string) (found *event.Event) {
	f.t.Helper()
	f.wait(fmt.Sprintf("%q from %s", text, from), func() bool {
		for _, e := range f.seen {
			if e.RoomID == room && e.Sender == from && e.Type.Type == event.EventMessage.Type && e.Content.Raw["body"] == text {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// WaitTyping waits until a user is or is not typing.
func (f *Friend) WaitTyping(room mid.RoomID, user mid.UserID, on bool) {
	f.t.Helper()
	f.wait(fmt.Sprintf("typing of %s to be %v", user, on), func() bool { return slices.Contains(f.typing[room], user) == on })
}

// WaitRead waits until a user has read up to an event.
func (f *Friend) WaitRead(user mid.UserID, ev mid.EventID) {
	f.t.Helper()
	f.wait(fmt.Sprintf("%s to read %s", user, ev), func() bool { return f.reads[user] == ev })
}

// Texts lists what users wrote in a room, in order, as the homeserver has it:
// for exact counts.
func (f *Friend) Texts(room mid.RoomID, from mid.UserID) []string {
	f.t.Helper()
	var texts []string
	resp, err := f.c.Messages(context.Background(), room, "", "", mautrix.DirectionBackward, nil, 200)
	if err != nil {
		f.t.Fatalf("%s lists messages: %v", f.ID, err)
	}
	for _, e := range slices.Backward(resp.Chunk) {
		if body, ok := e.Content.Raw["body"].(string); ok && e.Sender == from {
			texts = append(texts, body)
		}
	}
	return texts
}

// InviteDirect makes a direct chat, as clients do it, and invites a user. Extra
// changes the request.
func (f *Friend) InviteDirect(user mid.UserID, extra ...func(*mautrix.ReqCreateRoom)) mid.RoomID {
	f.t.Helper()
	req := &mautrix.ReqCreateRoom{Preset: "trusted_private_chat", IsDirect: true, Invite: []mid.UserID{user}}
	for _, e := range extra {
		e(req)
	}
	resp, err := f.c.CreateRoom(context.Background(), req)
	if err != nil {
		f.t.Fatalf("%s invites %s: %v", f.ID, user, err)
	}
	return resp.RoomID
}

// Join accepts an invitation.
func (f *Friend) Join(room mid.RoomID) {
	f.t.Helper()
	if _, err := f.c.JoinRoomByID(context.Background(), room); err != nil {
		f.t.Fatalf("%s joins: %v", f.ID, err)
	}
}

// Leave leaves a room or declines its invitation.
func (f *Friend) Leave(room mid.RoomID) {
	f.t.Helper()
	if _, err := f.c.LeaveRoom(context.Background(), room); err != nil {
		f.t.Fatalf("%s leaves: %v", f.ID, err)
	}
}

// Send writes a text.
func (f *Friend) Send(room mid.RoomID, text string) mid.EventID {
	f.t.Helper()
	resp, err := f.c.SendText(context.Background(), room, text)
	if err != nil {
		f.t.Fatalf("%s writes: %v", f.ID, err)
	}
	return resp.EventID
}

// Typing shows the friend as writing, or no longer.
func (f *Friend) Typing(room mid.RoomID, on bool) {
	f.t.Helper()
	if _, err := f.c.UserTyping(context.Background(), room, on, Wait); err != nil {
		f.t.Fatalf("%s types: %v", f.ID, err)
	}
}

// SendEvent writes any event.
func (f *Friend) SendEvent(room mid.RoomID, kind event.Type, content any) mid.EventID {
	f.t.Helper()
	resp, err := f.c.SendMessageEvent(context.Background(), room, kind, content)
	if err != nil {
		f.t.Fatalf("%s sends %s: %v", f.ID, kind.Type, err)
	}
	return resp.EventID
}

// SetName sets the display name.
func (f *Friend) SetName(name string) {
	f.t.Helper()
	if err := f.c.SetDisplayName(context.Background(), name); err != nil {
		f.t.Fatalf("%s is renamed: %v", f.ID, err)
	}
}

// Encrypt switches a room to encryption.
func (f *Friend) Encrypt(room mid.RoomID) {
	f.t.Helper()
	_, err := f.c.SendStateEvent(context.Background(), room, event.StateEncryption, "", map[string]any{"algorithm": "m.megolm.v1.aes-sha2"})
	if err != nil {
		f.t.Fatalf("%s encrypts: %v", f.ID, err)
	}
}
