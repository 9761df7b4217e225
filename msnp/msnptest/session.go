package msnptest

import (
	"context"
	"slices"
	"strings"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

const (
	// maxGroup is one above the highest group id, and maxForward how many are on FL
	// at most (msnp.md 15).
	maxGroup   = 30
	maxForward = 600
)

// session is a signed-in account.
type session struct {
	a           *Account
	b           *Backend
	n           server.Notifier
	status      wire.Status // "" before the first CHG
	clientID    string
	invitations bool
	cvr         server.CVR
	synced      bool
}

var _ server.Session = (*session)(nil)

// begin takes the lock for a method; the hook runs before it.
func (s *session) begin(method string) error {
	if err := s.b.hook(method); err != nil {
		return err
	}
	s.b.mu.Lock()
	return nil
}

func (s *session) Self() server.Person {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	return s.a.Person
}

func (s *session) Profile() server.Profile {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	return server.Profile{MemberID: s.a.MemberID, Since: Epoch, Email: s.a.Address}
}

func (s *session) Identify(v server.CVR) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.cvr = v
}

func (s *session) Sync(_ context.Context, known uint32, reply func(server.Roster)) error {
	if err := s.begin("Sync"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	a := s.a
	r := server.Roster{Version: a.Version, Same: known == a.Version}
	if !r.Same {
		r.Privacy, r.Prompt, r.Groups, r.Phones = a.Privacy, a.Prompt, a.Groups, a.Phones
		r.Contacts = s.b.contactsOf(a)
	}
	s.synced = true
	reply(r)
	return nil
}

func (s *session) SetStatus(_ context.Context, st wire.Status, id string, reply func([]server.Presence)) error {
	if err := s.begin("SetStatus"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	seen := s.a.views()
	var initial []server.Presence
	if s.status == "" {
		for _, c := range s.a.Contacts {
			if p, ok := s.b.presenceOf(c.Address, s.a); ok && c.Lists.Has(wire.Forward) {
				initial = append(initial, p)
			}
		}
	}
	s.status, s.clientID = st, id
	reply(initial)
	s.a.announce(seen)
	return nil
}

func (s *session) Add(_ context.Context, l wire.List, address, nick string, group int, reply func(server.Change)) error {
	if err := s.begin("Add"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	a := s.a
	if err := s.mayAdd(l, address, group); err != nil {
		return err
	}
	seen := a.views()
	c := a.contact(address, nick)
	c.Name = nick
	wasOn := c.Lists.Has(l)
	c.Lists = c.Lists.With(l)
	if l == wire.Forward {
		c.Groups = append(c.Groups, max(group, 0))
	}
	a.Version++
	change := server.Change{Version: a.Version, Person: c.Person, Group: group}
	if p, ok := s.b.presenceOf(address, a); ok && l == wire.Forward && !wasOn && s.status != "" {
		change.Online = &p
	}
	reply(change)
	a.announce(seen)
	if other := s.b.accounts[address]; other != nil && l == wire.Forward && !wasOn {
		other.reverse(a.Person)
	}
	return nil
}

func (s *session) mayAdd(l wire.List, address string, group int) error {
	a := s.a
	_, domain, _ := strings.Cut(address, "@")
	switch {
	case !strings.Contains(domain, "."):
		return wire.Refuse(wire.ErrInvalidParameter)
	case s.b.accounts[address] == nil && s.b.friends[address] == nil && a.find(address) == nil:
		return wire.Refuse(wire.ErrNoSuchAccount)
	case group > 0 && a.group(group) < 0:
		return wire.Refuse(wire.ErrNoSuchGroup)
	case l == wire.Allow && a.on(address, wire.Block), l == wire.Block && a.on(address, wire.Allow):
		return wire.Refuse(wire.ErrOppositeList)
	}
	if l == wire.Forward && !a.on(address, l) && a.count(l) >= maxForward {
		return wire.Refuse(wire.ErrListFull)
	}
	if c := a.find(address); c != nil && c.Lists.Has(l) && (group < 0 || l != wire.Forward || slices.Contains(c.Groups, group)) {
		return wire.Refuse(wire.ErrAlreadyThere)
	}
	return nil
}

// reverse tells a that p has added it.
func (a *Account) reverse(p server.Person) {
	c := a.contact(p.Address, p.Name)
	c.Lists = c.Lists.With(wire.Reverse)
	a.Version++
	if a.session != nil {
		a.session.n.Added(wire.Reverse, a.Version, p)
	}
}

func (s *session) Remove(_ context.Context, l wire.List, address string, group int, reply func(server.Change)) error {
	if err := s.begin("Remove"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	a := s.a
	c := a.find(address)
	if c == nil || !c.Lists.Has(l) {
		return wire.Refuse(wire.ErrNotOnList)
	}
	if l == wire.Forward && group >= 0 {
		i := slices.Index(c.Groups, group)
		switch {
		case a.group(group) < 0:
			return wire.Refuse(wire.ErrNoSuchGroup)
		case i < 0:
			return wire.Refuse(wire.ErrNotInGroup)
		}
		c.Groups = slices.Delete(slices.Clone(c.Groups), i, i+1)
	}
	if l == wire.Forward && group < 0 {
		c.Groups = nil
	}
	seen := a.views()
	left := l != wire.Forward || group < 0 || len(c.Groups) == 0
	if left {
		c.Lists = c.Lists.Without(l)
	}
	a.Version++
	reply(server.Change{Version: a.Version, Person: c.Person, Group: group})
	a.announce(seen)
	if l == wire.Forward && left {
		s.b.unreverse(address, a.Address)
	}
	return nil
}

func (s *session) Rename(_ context.Context, address, name string, reply func(server.Change)) error {
	if err := s.begin("Rename"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	a := s.a
	person := &a.Person
	if address != a.Address {
		c := a.find(address)
		if c == nil {
			return wire.Refuse(wire.ErrNotOnList)
		}
		person = &c.Person
	}
	seen := a.views()
	person.Name = name
	a.Version++
	reply(server.Change{Version: a.Version, Person: *person, Group: -1})
	a.announce(seen)
	return nil
}

func (s *session) SetPrivacy(_ context.Context, mode string, reply func(uint32)) error {
	return s.setMode("SetPrivacy", &s.a.Privacy, mode, reply)
}

func (s *session) SetPrompt(_ context.Context, mode string, reply func(uint32)) error {
	return s.setMode("SetPrompt", &s.a.Prompt, mode, reply)
}

func (s *session) setMode(method string, field *string, mode string, reply func(uint32)) error {
	if err := s.begin(method); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	if *field == mode {
		return wire.Refuse(wire.ErrAlreadyInMode)
	}
	seen := s.a.views()
	*field = mode
	s.a.Version++
	reply(s.a.Version)
	s.a.announce(seen)
	return nil
}

func (s *session) SetInvitations(_ context.Context, on bool, reply func()) error {
	if err := s.begin("SetInvitations"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	s.invitations = on
	reply()
	return nil
}

func (s *session) OpenBoard(context.Context) error {
	if err := s.begin("OpenBoard"); err != nil {
		return err
	}
	defer s.b.mu.Unlock()
	if s.status == wire.Hidden || !s.invitations {
		return wire.Refuse(wire.ErrHidden)
	}
	return nil
}

func (s *session) Call(_ context.Context, callee string) (server.Callee, error) {
	if err := s.begin("Call"); err != nil {
		return server.Callee{}, err
	}
	defer s.b.mu.Unlock()
	if f := s.b.friends[callee]; f != nil {
		return server.Callee{Person: f.Self, Guest: f}, nil
	}
	o := s.b.accounts[callee]
	if o == nil || !o.allows(s.a.Address) {
		return server.Callee{}, wire.Refuse(wire.ErrNotOnline)
	}
	if o.status(s.a.Address) == wire.Offline || !o.session.invitations {
		if s.b.Mailbox {
			return server.Callee{Person: o.Person, Guest: &mailbox{o}}, nil
		}
		return server.Callee{}, wire.Refuse(wire.ErrNotOnline)
	}
	to := o.session
	return server.Callee{Person: o.Person, Ring: func(r server.Ring) bool {
		s.b.mu.Lock()
		gone := o.session != to
		s.b.mu.Unlock()
		if gone {
			return false
		}
		to.n.Ring(r)
		if s.b.RingHook != nil {
			s.b.RingHook()
		}
		return !s.b.RingFails
	}}, nil
}

func (s *session) Done() {
	_ = s.b.hook("Done") // Done has no error to give
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.a.session != s {
		return
	}
	seen := s.a.views()
	s.a.session = nil
	s.a.announce(seen)
}
