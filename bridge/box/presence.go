package box

import (
	"context"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// presence.go: what others see of the account, and what it sees of them. Both
// are state: a change makes somebody look again, and what is shown on a client
// is compared with what is true now (lessons L29).

// look is what others may see of an account. It is never changed, only
// replaced.
type look struct {
	name     string
	status   wire.Status
	clientID string
	invites  bool
	closed   bool // BLP BL: the allow list alone
	contacts contacts
}

// on gives the lists that somebody is on.
func (l *look) on(peer id.Address) wire.Lists {
	c, _ := l.contacts.find(peer)
	return lists(c)
}

// sees tells whether viewer may see and call the account (msnp.md 10).
func (l *look) sees(viewer id.Address) bool {
	switch on := l.on(viewer); {
	case l.status == wire.Hidden, on.Has(wire.Block):
		return false
	case on.Has(wire.Allow):
		return true
	}
	return !l.closed
}

// Appearance implements bridge.Seat.
func (a *account) Appearance(viewer id.Address) bridge.Appearance {
	l := a.look.Load()
	if l == nil || !l.sees(viewer) {
		return bridge.Appearance{Presence: bridge.PresenceOffline}
	}
	return bridge.Appearance{Name: l.name, Detail: string(l.status), ClientID: l.clientID,
		Presence: gradeOf(l.status), Callable: l.invites}
}

// gradeOf is a status code as one of the few grades.
func gradeOf(s wire.Status) bridge.Presence {
	switch s {
	case wire.Online:
		return bridge.PresenceOnline
	case wire.Idle:
		return bridge.PresenceIdle
	case wire.Busy, wire.Phone:
		return bridge.PresenceBusy
	case wire.Away, wire.BackBRB, wire.Lunch:
		return bridge.PresenceAway
	}
	return bridge.PresenceOffline
}

// codeOf is a grade as a status code.
func codeOf(p bridge.Presence) wire.Status {
	switch p {
	case bridge.PresenceOnline:
		return wire.Online
	case bridge.PresenceIdle:
		return wire.Idle
	case bridge.PresenceBusy:
		return wire.Busy
	case bridge.PresenceAway:
		return wire.Away
	}
	return wire.Offline
}

// show replaces the look and has everyone who is concerned look again.
func (a *account) show() {
	if a.publish != nil {
		a.publish.Stop()
		a.publish = nil
	}
	if !a.present {
		return
	}
	l := &look{name: a.name, status: a.status, clientID: a.clientID, invites: a.invites,
		closed: a.roster.Privacy == "BL", contacts: a.roster.Contacts}
	a.look.Store(l)
	a.g.hub.Shown(a.addr, a, gradeOf(a.status))
	a.tellWatchers()
}

// tellWatchers has the signed-in accounts that have this one on their list look
// again.
func (a *account) tellWatchers() {
	var reverse []id.Address
	for _, c := range a.roster.Contacts {
		if lists(c).Has(wire.Reverse) {
			reverse = append(reverse, c.Address)
		}
	}
	for _, s := range a.g.hub.Watchers(reverse) {
		s.Recheck(a.addr.Address())
	}
}

// settle is how long a removal from the allow or block list takes to show:
// clients move somebody from one to the other in two steps, and the gap must
// not flicker (msnp.md 10).
const settle = 2 * time.Second

// privacyChanged shows a change of the allow or block list: an addition at
// once, a removal after a while.
func (a *account) privacyChanged(before, after wire.Lists) {
	const privacy = wire.Lists(wire.Allow | wire.Block)
	switch {
	case before&privacy == after&privacy:
	case after&privacy&^before != 0:
		a.show()
	case a.publish == nil:
		a.publish = time.AfterFunc(settle, func() { a.later(a.show) })
	}
}

// SetStatus implements server.Session.
func (a *account) SetStatus(ctx context.Context, s wire.Status, clientID string, reply func([]server.Presence)) error {
	return a.do(ctx, func() error {
		first := !a.present
		a.present, a.status, a.clientID = true, s, clientID
		if !first {
			reply(nil)
		} else {
			a.online = a.g.now()
			initial := []server.Presence{}
			for _, c := range a.roster.Contacts {
				if p := a.nowShown(c.Address); p != nil {
					initial = append(initial, *p)
				}
			}
			reply(initial)
		}
		a.show()
		return a.ringAll(ctx)
	})
}

// SetInvitations implements server.Session.
func (a *account) SetInvitations(ctx context.Context, on bool, reply func()) error {
	return a.do(ctx, func() error {
		a.invites = on
		reply()
		a.show()
		return a.ringAll(ctx)
	})
}

// OpenBoard implements server.Session: not before the first CHG, nor hidden, nor
// while invitations are off (msnp.md 4.7).
func (a *account) OpenBoard(ctx context.Context) error {
	return a.do(ctx, func() error {
		if !a.reachable() {
			return wire.Refuse(wire.ErrHidden)
		}
		return nil
	})
}

// reachable tells whether conversations may be opened with the client.
func (a *account) reachable() bool { return a.present && a.status != wire.Hidden && a.invites }

// presenceOf is how a contact looks to this client now; the status is Offline
// if the client may not see it.
func (a *account) presenceOf(peer id.Address) server.Presence {
	p := server.Presence{Person: a.person(a.entry(peer)), Status: wire.Offline, ClientID: "0"}
	v := a.g.hub.Appearance(a.addr, peer)
	if v.Presence.Reachable() {
		p.Status = a.code(v)
		if v.ClientID != "" {
			p.ClientID = v.ClientID
		}
		if v.Name != "" {
			p.Name = a.called(v.Name)
		}
	}
	return p
}

// code is the status code this client is shown.
func (a *account) code(v bridge.Appearance) wire.Status {
	flat := a.g.flatten == FlattenEveryone || a.g.flatten == FlattenFirstGeneration && a.plain.Load()
	switch {
	case flat:
		return wire.Online
	case v.Detail != "":
		return wire.Status(v.Detail)
	}
	return codeOf(v.Presence)
}

// nowShown notes that the client is being told about a contact, and what: nil
// if there is nothing to tell (not on its list, or offline).
func (a *account) nowShown(peer id.Address) *server.Presence {
	if !a.present || !lists(a.entry(peer)).Has(wire.Forward) {
		return nil
	}
	p := a.presenceOf(peer)
	if p.Status == wire.Offline {
		return nil
	}
	a.shown.put(p)
	return &p
}

// presencePause is how long a friend of another network stays as shown before
// the next change is: networks report storms of them, and a modem line and a TV
// have room for one in a few seconds (msnp.md 8.3, lessons L28).
const presencePause = 3 * time.Second

// recheckPaced is recheck for news from outside. What is newer than the last
// notice by less than presencePause waits for its end, and then the latest state
// is shown. Our own accounts change when a person presses a key, and are shown at
// once.
func (a *account) recheckPaced(peer id.Address) {
	if _, err := a.g.hub.ParseAccount(string(peer)); err == nil {
		a.recheck(peer)
		return
	}
	if _, resting := a.paced[peer]; resting {
		a.paced[peer] = true
		return
	}
	if !a.recheck(peer) {
		return
	}
	note(&a.paced, peer, false)
	time.AfterFunc(presencePause, func() {
		a.later(func() {
			changed := a.paced[peer]
			drop(&a.paced, peer)
			if changed {
				a.recheckPaced(peer)
			}
		})
	})
}

// recheck tells the client if what it was shown of a contact is no longer so, and
// tells whether it did.
func (a *account) recheck(peer id.Address) bool {
	if !a.present || !lists(a.entry(peer)).Has(wire.Forward) {
		return false
	}
	was, seen := a.shown.find(peer)
	now := a.presenceOf(peer)
	switch {
	case now.Status == wire.Offline && !seen, seen && now == was:
		return false
	case now.Status == wire.Offline:
		a.shown.forget(peer)
	default:
		a.shown.put(now)
	}
	a.n.Presence(now)
	return true
}
