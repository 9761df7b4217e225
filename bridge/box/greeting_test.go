package box

import (
	"slices"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/helper"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// eve is a new account.
const eve = id.Account("eve@webtv.local")

// greeted is a stage with the helper, bells and eve, who has signed in and has not
// asked for her lists.
func greeted(t *testing.T, f func(s *stage, a *actor)) {
	t.Helper()
	onStage(t, FlattenNobody, func(s *stage) {
		if err := s.hub.CreateAccount(s.t.Context(), bridge.NewAccount{Address: eve, Name: "Eve"}); err != nil {
			s.t.Fatal(err)
		}
		s.gw.boards = &bells{}
		f(s, s.arrives())
	}, func(h *bridge.Hub) bridge.Network { return helper.New(helper.Options{Core: h, Domain: "webtv.local"}) })
}

// arrives signs eve in, without SYN.
func (s *stage) arrives() *actor {
	s.t.Helper()
	info, err := s.hub.AccountInfo(s.t.Context(), eve)
	if err != nil {
		s.t.Fatal(err)
	}
	a := &actor{t: s.t}
	if a.account, err = s.gw.open(s.t.Context(), info, pcClient, false, a); err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (a *actor) sync() {
	a.t.Helper()
	if err := a.Sync(a.t.Context(), 0, func(server.Roster) {}); err != nil {
		a.t.Fatal(err)
	}
}

// TestGreetingWaits: it rings a client that has asked for its lists, greetAfter
// after it came online, and no other.
func TestGreetingWaits(t *testing.T) {
	const ring = "RNG " + helperAddr
	moment := time.Second
	t.Run("as clients do", func(t *testing.T) {
		greeted(t, func(s *stage, a *actor) {
			a.sync()
			<-time.After(time.Minute) // not online: nobody counts
			a.status(wire.Online)
			a.told()
			<-time.After(greetAfter - moment)
			a.tells()
			<-time.After(2 * moment)
			a.tells(ring)
		})
	})
	t.Run("other changes do not hasten it", func(t *testing.T) {
		greeted(t, func(s *stage, a *actor) {
			a.sync()
			a.status(wire.Online)
			a.told()
			<-time.After(greetAfter / 2)
			a.status(wire.Busy)
			a.edit("IMS OFF")
			a.edit("IMS ON")
			<-time.After(greetAfter/2 - moment)
			a.tells()
			<-time.After(2 * moment)
			a.tells(ring)
		})
	})
	t.Run("no lists, no ring", func(t *testing.T) {
		greeted(t, func(s *stage, a *actor) {
			a.status(wire.Online)
			<-time.After(time.Hour)
			a.tells()
			a.sync()
			a.tells(ring)
		})
	})
	t.Run("gone before", func(t *testing.T) {
		greeted(t, func(s *stage, a *actor) {
			a.sync()
			a.status(wire.Online)
			a.told()
			<-time.After(greetAfter - moment)
			a.Done()
			<-time.After(time.Minute)
			a.tells()
			a = s.arrives()
			a.sync()
			a.status(wire.Online)
			a.told()
			<-time.After(greetAfter - moment)
			a.tells()
			<-time.After(2 * moment)
			a.tells(ring)
		})
	})
	t.Run("friends ring at once", func(t *testing.T) {
		greeted(t, func(s *stage, a *actor) {
			a.sync()
			a.status(wire.Online)
			a.told()
			s.receive(bridge.MessageEvent{Event: "$1", Account: eve, From: "bob", Name: "Bob", Text: text.Content{Body: "hi"}, Time: time.Now()})
			if got := a.told(); !slices.Contains(got, "RNG "+bob) || slices.Contains(got, ring) {
				t.Errorf("told %q", got)
			}
		})
	})
}

// TestGreetingTimer: it is there for an account that has not been greeted, and
// nothing is for one that has.
func TestGreetingTimer(t *testing.T) {
	greeted(t, func(s *stage, a *actor) {
		a.sync()
		a.status(wire.Online)
		if k := a.talks[helperAddr]; k == nil || k.again == nil {
			t.Errorf("nothing is to come: %+v", k)
		}
		rows, err := s.hub.WaitingFrom(s.t.Context(), id.Conversation{Account: eve, Peer: helperAddr}, 0, 10)
		if err != nil || len(rows) != 1 || rows[0].Kind != bridge.KindGreeting {
			t.Fatalf("%+v, %v", rows, err)
		}
		if err := s.hub.Delivered(s.t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		a.Done()
		a = s.arrives()
		a.sync()
		a.status(wire.Online)
		a.told()
		if a.talks != nil {
			t.Errorf("%d talks", len(a.talks))
		}
		<-time.After(time.Hour)
		a.tells()
	})
}
