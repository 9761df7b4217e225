package box

import (
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// TestPresenceStorm: a network that reports fifty changes at once costs the box
// two notices, the first and the last, and one that ends where it began costs one.
func TestPresenceStorm(t *testing.T) {
	onStage(t, FlattenNobody, func(s *stage) {
		d := s.visible("dora", wire.Online)
		a := s.enter("alice", server.Client{Dialect: wire.MSNP8, CVR: pcCVR}, false)
		a.edit("ADD FL " + bob)
		a.edit("ADD FL " + doraAddr)
		a.status(wire.Online)
		a.told()
		s.becomes("bob", bridge.PresenceAway)
		a.tells("NLN AWY " + bob)
		for range 25 {
			s.becomes("bob", bridge.PresenceOnline)
			s.becomes("bob", bridge.PresenceBusy)
		}
		a.tells()
		<-time.After(presencePause)
		a.tells("NLN BSY " + bob)

		s.becomes("bob", bridge.PresenceOffline)
		s.becomes("bob", bridge.PresenceBusy)
		<-time.After(presencePause)
		a.tells()
		<-time.After(presencePause)
		s.becomes("bob", bridge.PresenceOffline)
		a.tells("FLN " + bob)
		s.becomes("bob", bridge.PresenceOnline)
		s.becomes("bob", bridge.PresenceOffline)
		<-time.After(2 * presencePause)
		a.tells()

		// Our own accounts are people who press keys.
		d.edit("CHG BRB")
		a.tells("NLN BRB " + doraAddr)
		d.edit("CHG LUN")
		a.tells("NLN LUN " + doraAddr)
	})
}

// TestPresenceStormAtSignOff: what waits ends with the session.
func TestPresenceStormAtSignOff(t *testing.T) {
	onStage(t, FlattenNobody, func(s *stage) {
		a := s.enter("alice", server.Client{Dialect: wire.MSNP8, CVR: pcCVR}, false)
		a.edit("ADD FL " + bob)
		a.status(wire.Online)
		a.told()
		s.becomes("bob", bridge.PresenceAway)
		a.tells("NLN AWY " + bob)
		s.becomes("bob", bridge.PresenceBusy)
		a.Done()
		<-time.After(presencePause)
		a.tells()
	})
}
