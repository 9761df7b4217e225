package box

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
	"wtvgate/msnp/wire"
)

// grace_test.go: what friends on other networks see of a line that is lost.

// watcher is a network whose friends see whether boxes are on: what they saw, each
// change once.
type watcher struct {
	*testNet
	mu   sync.Mutex
	last bridge.Presence
	seen []bridge.Presence
}

func (*watcher) Name() id.Network          { return "watcher" }
func (*watcher) Serves(domain string) bool { return domain == "watcher.example" }
func (*watcher) Address(r id.Remote) (id.Address, error) {
	return id.Address(r) + "@watcher.example", nil
}

// Attending implements bridge.Attendant.
func (w *watcher) Attending(a id.Account, signedIn bool, p bridge.Presence) {
	if !signedIn {
		p = bridge.PresenceOffline
	}
	if a == acct("alice") {
		w.sees(p)
	}
}

func (w *watcher) sees(p bridge.Presence) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p != w.last {
		w.last, w.seen = p, append(w.seen, p)
	}
}

// TestFriendsSeeNoLostLine: friends on a network that shows boxes see nothing of a
// line that comes back within the grace, whether they are told or ask; what they
// write meanwhile rings when it is back.
func TestFriendsSeeNoLostLine(t *testing.T) {
	const dan = "dan@watcher.example"
	scene := func(t *testing.T, f func(s *stage, a *actor, saw func(want ...bridge.Presence))) {
		t.Helper()
		var w *watcher
		onStage(t, FlattenNobody, func(s *stage) {
			<-w.up
			s.gw.boards = &bells{}
			a := s.visible("alice", wire.Busy)
			a.told()
			f(s, a, func(want ...bridge.Presence) {
				t.Helper()
				synctest.Wait()
				w.sees(w.in.(bridge.Audience).Seen(acct("alice"), "dan"))
				w.mu.Lock()
				defer w.mu.Unlock()
				if !slices.Equal(w.seen, want) {
					t.Errorf("friends saw %q, want %q", w.seen, want)
				}
				w.seen = nil
			})
		}, func(*bridge.Hub) bridge.Network { w = &watcher{testNet: newTestNet()}; return w })
	}
	writes := func(s *stage) {
		s.t.Helper()
		e := bridge.MessageEvent{Event: "$1", Account: acct("alice"), From: "dan", Name: "Dan", Text: text.Content{Body: "hi"}, Time: time.Now()}
		if err := s.more[0].(*watcher).in.Receive(s.t.Context(), e); err != nil {
			s.t.Fatal(err)
		}
	}
	t.Run("back", func(t *testing.T) {
		scene(t, func(s *stage, a *actor, saw func(...bridge.Presence)) {
			saw(bridge.PresenceBusy)
			a.Dropped()
			saw()
			writes(s)
			<-time.After(bridge.WaitGrace - time.Second)
			saw()
			a.tells() // the message waits: the line is gone
			a = s.enter("alice", pcClient, false)
			saw() // not yet online, and not off either
			if got := s.hub.Appearance(acct("carol"), aliceAddr); got.Callable || got.Presence != bridge.PresenceBusy {
				t.Errorf("carol sees %+v", got)
			}
			a.tells()
			a.status(wire.Busy)
			a.tells("RNG " + dan)
			saw()
			<-time.After(time.Hour)
			saw()
		})
	})
	t.Run("not back", func(t *testing.T) {
		scene(t, func(s *stage, a *actor, saw func(...bridge.Presence)) {
			saw(bridge.PresenceBusy)
			a.Dropped()
			writes(s)
			<-time.After(bridge.WaitGrace - time.Second)
			saw()
			<-time.After(2 * time.Second)
			saw(bridge.PresenceOffline)
			a = s.visible("alice", wire.Online)
			if got := a.told(); !slices.Contains(got, "RNG "+dan) {
				t.Errorf("told %q", got)
			}
			saw(bridge.PresenceOnline)
		})
	})
	t.Run("back and never online", func(t *testing.T) {
		scene(t, func(s *stage, a *actor, saw func(...bridge.Presence)) {
			saw(bridge.PresenceBusy)
			a.Dropped()
			<-time.After(time.Second)
			s.enter("alice", pcClient, false)
			saw()
			<-time.After(secondSignIn + time.Second)
			saw(bridge.PresenceOffline)
		})
	})
	t.Run("OUT is seen at once", func(t *testing.T) {
		scene(t, func(s *stage, a *actor, saw func(...bridge.Presence)) {
			saw(bridge.PresenceBusy)
			a.Done()
			saw(bridge.PresenceOffline)
		})
	})
	t.Run("ended by the operator meanwhile", func(t *testing.T) {
		scene(t, func(s *stage, a *actor, saw func(...bridge.Presence)) {
			saw(bridge.PresenceBusy)
			a.Dropped()
			saw()
			if err := s.hub.Kick(acct("alice")); err != nil {
				t.Fatal(err)
			}
			saw(bridge.PresenceOffline)
			if err := s.hub.Kick(acct("alice")); !errors.Is(err, bridge.ErrNoSession) {
				t.Errorf("again: %v", err)
			}
		})
	})
}
