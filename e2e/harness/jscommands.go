package harness

import (
	"context"
	"fmt"
	"slices"
	"time"

	mid "maunium.net/go/mautrix/id"
)

// jscommands.go: what a JSFriend does.

// InviteDirect makes an encrypted direct chat; changes of the encryption may be
// given.
func (f *JSFriend) InviteDirect(user mid.UserID, encryption map[string]any) mid.RoomID {
	f.t.Helper()
	var made struct{ Room mid.RoomID }
	if encryption == nil {
		encryption = map[string]any{}
	}
	f.do("invite", map[string]any{"user": user, "encrypted": encryption}, &made)
	return made.Room
}

// InvitePlain makes a direct chat without encryption.
func (f *JSFriend) InvitePlain(user mid.UserID) mid.RoomID {
	f.t.Helper()
	var made struct{ Room mid.RoomID }
	f.do("invite", map[string]any{"user": user}, &made)
	return made.Room
}

// InviteGroup makes an encrypted room with a name and asks a user into it.
func (f *JSFriend) InviteGroup(user mid.UserID, name string) mid.RoomID {
	f.t.Helper()
	var made struct{ Room mid.RoomID }
	f.do("invite", map[string]any{"user": user, "encrypted": map[string]any{}, "direct": false, "name": name}, &made)
	return made.Room
}

// InviteLoose makes an encrypted room for two in which only the friend has a say,
// not called a direct chat, and asks a user into it.
func (f *JSFriend) InviteLoose(user mid.UserID) mid.RoomID {
	f.t.Helper()
	var made struct{ Room mid.RoomID }
	f.do("invite", map[string]any{"user": user, "encrypted": map[string]any{}, "direct": false, "preset": "private_chat"}, &made)
	return made.Room
}

// Kick throws a user out of a room.
func (f *JSFriend) Kick(room mid.RoomID, user mid.UserID) {
	f.t.Helper()
	f.do("kick", map[string]any{"room": room, "user": user}, nil)
}

// SetName sets the display name.
func (f *JSFriend) SetName(name string) {
	f.t.Helper()
	f.do("name", map[string]any{"name": name}, nil)
}

// SendImage encrypts a picture, uploads and sends it.
func (f *JSFriend) SendImage(room mid.RoomID, name, mime string, data []byte) mid.EventID {
	f.t.Helper()
	var sent struct{ ID mid.EventID }
	f.do("image", map[string]any{"room": room, "name": name, "type": mime, "data": data}, &sent)
	return sent.ID
}

// Send writes a text.
func (f *JSFriend) Send(room mid.RoomID, text string) mid.EventID {
	f.t.Helper()
	var sent struct{ ID mid.EventID }
	f.do("send", map[string]any{"room": room, "body": text}, &sent)
	return sent.ID
}

// SendEvent writes any event.
func (f *JSFriend) SendEvent(room mid.RoomID, kind string, content any) mid.EventID {
	f.t.Helper()
	var sent struct{ ID mid.EventID }
	f.do("event", map[string]any{"room": room, "type": kind, "content": content}, &sent)
	return sent.ID
}

// Redact takes an event back.
func (f *JSFriend) Redact(room mid.RoomID, ev mid.EventID) {
	f.t.Helper()
	f.do("redact", map[string]any{"room": room, "id": ev}, nil)
}

// Room commands of one word: join, leave, encrypt, discard (the session, so that
// the next message has a new key).
func (f *JSFriend) Room(cmd string, room mid.RoomID) {
	f.t.Helper()
	f.do(cmd, map[string]any{"room": room}, nil)
}

// InviteAgain asks a user into a room.
func (f *JSFriend) InviteAgain(room mid.RoomID, user mid.UserID) {
	f.t.Helper()
	f.do("again", map[string]any{"room": room, "user": user}, nil)
}

// Typing tells that the friend writes or has stopped.
func (f *JSFriend) Typing(room mid.RoomID, on bool) {
	f.t.Helper()
	f.do("typing", map[string]any{"room": room, "on": on}, nil)
}

// SetPresence tells how the friend is.
func (f *JSFriend) SetPresence(presence string) {
	f.t.Helper()
	f.do("presence", map[string]any{"presence": presence}, nil)
}

// Devices lists a user's devices.
func (f *JSFriend) Devices(user mid.UserID) []mid.DeviceID {
	f.t.Helper()
	var found struct{ Devices []mid.DeviceID }
	f.do("devices", map[string]any{"user": user}, &found)
	return found.Devices
}

// WaitDevice waits until the client knows a device of a user's.
func (f *JSFriend) WaitDevice(user mid.UserID) {
	f.t.Helper()
	poll(f.t, "no device", func(context.Context) error {
		if len(f.Devices(user)) == 0 {
			return fmt.Errorf("%s has no device that %s knows", user, f.ID)
		}
		return nil
	})
}

// Claim takes so many one-time keys of a device and tells what each was: once,
// fallback or none.
func (f *JSFriend) Claim(user mid.UserID, device mid.DeviceID, count int) []string {
	f.t.Helper()
	var got struct{ Kinds []string }
	f.do("claim", map[string]any{"user": user, "device": device, "count": count}, &got)
	return got.Kinds
}

// WaitPresence waits until a user's presence, as last seen, is so.
func (f *JSFriend) WaitPresence(user mid.UserID, presence string) {
	f.t.Helper()
	f.wait(fmt.Sprintf("%s to be %s", user, presence), func() bool {
		for _, s := range slices.Backward(f.saw) {
			if s.Saw == "presence" && s.User == user {
				return s.Presence == presence
			}
		}
		return false
	})
}

// KeepsPresence fails if a user's presence is anything else for so long.
func (f *JSFriend) KeepsPresence(user mid.UserID, presence string, d time.Duration) {
	f.t.Helper()
	f.WaitPresence(user, presence)
	over := time.After(d)
	for {
		f.mu.Lock()
		changed, now := f.changed, presence
		for _, s := range f.saw {
			if s.Saw == "presence" && s.User == user {
				now = s.Presence
			}
		}
		f.mu.Unlock()
		if now != presence {
			f.t.Errorf("%s became %s", user, now)
			return
		}
		select {
		case <-changed:
		case <-over:
			return
		}
	}
}

// WaitKey waits until a device has a one-time key.
func (f *JSFriend) WaitKey(user mid.UserID, device mid.DeviceID) {
	f.t.Helper()
	poll(f.t, "no one-time key", func(context.Context) error {
		if kind := f.Claim(user, device, 1)[0]; kind != "once" {
			return fmt.Errorf("the key is of the kind %s", kind)
		}
		return nil
	})
}
