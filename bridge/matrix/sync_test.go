package matrix

import (
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
)

// Typing and redactions come by the sync of a ghost whose box is signed in.
func TestFeed(t *testing.T) {
	w := upSealed(t)
	rid := w.joined()
	f := &feed{n: w.n, account: alice.Address, typing: make(map[string]*typist)}
	typing := func(users ...mid.UserID) {
		e := &event.Event{Type: event.EphemeralEventTyping}
		e.Content.Parsed = &event.TypingEventContent{UserIDs: users}
		f.typingCame(t.Context(), mid.RoomID(rid), e)
	}
	typing(ghostA)
	typing(ghostA, bobID)
	all := await[bridge.TypingEvent](t, w.core, 3) // and again while it lasts
	typing()
	w.core.wait(t, "the end", func() bool {
		for _, e := range w.core.events {
			if e, ok := e.(bridge.TypingEvent); ok && !e.On {
				return true
			}
		}
		return false
	})
	for _, e := range all {
		if !e.On || e.From != bobID || e.Account != alice.Address {
			t.Errorf("typing %+v", e)
		}
	}
}

// Presence is state: told when it changes, and known again after a restart.
func TestPresenceComes(t *testing.T) {
	w := upSealed(t)
	w.joined()
	came := func(user mid.UserID, p event.Presence, ago int64) {
		e := &event.Event{Type: event.EphemeralEventPresence, Sender: user}
		e.Content.Parsed = &event.PresenceEventContent{Presence: p, LastActiveAgo: ago}
		w.n.presenceCame(t.Context(), e)
	}
	before := len(of[bridge.PresenceEvent](w.core))
	came(bobID, event.PresenceOffline, 0)
	came(bobID, event.PresenceOffline, 0)
	came("@stranger:hs.test", event.PresenceOffline, 0)
	came(bobID, event.PresenceUnavailable, 0)
	came(bobID, event.PresenceOnline, 10*60*1000)
	var got []bridge.Presence
	for _, e := range of[bridge.PresenceEvent](w.core)[before:] {
		got = append(got, e.Presence)
	}
	if want := []bridge.Presence{bridge.PresenceOffline, bridge.PresenceAway, bridge.PresenceIdle}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	w.restart()
	if p, err := w.n.Presence(alice.Address, bobID); p != bridge.PresenceIdle || err != nil {
		t.Errorf("after a restart: %v, %v", p, err)
	}
}

// How a box is shows with each request of its ghost, and its going is told.
func TestGhostIsShown(t *testing.T) {
	w := upSealed(t, func(o *Options) { o.ShowPresence = true })
	seen := func(want string) {
		t.Helper()
		deadline := time.After(testWait)
		for {
			all := w.hs.find("GET /sync")
			if len(all) > 0 && all[len(all)-1].query.Get("set_presence") == want {
				return
			}
			w.hs.wait("GET /sync", len(all)+1)
			select {
			case <-deadline:
				t.Fatalf("never shown as %s", want)
			default:
			}
		}
	}
	for _, c := range []struct {
		is   bridge.Presence
		want string
	}{{bridge.PresenceOnline, "online"}, {bridge.PresenceBusy, "unavailable"}, {bridge.PresenceOffline, "offline"}, {bridge.PresenceIdle, "unavailable"}} {
		w.n.Attending(alice.Address, true, c.is)
		seen(c.want)
	}
	w.n.Attending(alice.Address, false, bridge.PresenceOffline)
	var told []any
	for _, c := range w.hs.wait("PUT /presence/", 5) {
		told = append(told, c.body["presence"])
		if c.device == "" {
			t.Error("told as no device")
		}
	}
	if want := []any{"online", "unavailable", "offline", "unavailable", "offline"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
