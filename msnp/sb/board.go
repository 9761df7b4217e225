package sb

import (
	"strconv"
	"sync"
	"time"

	"wtvgate/msnp/server"
)

// Idle times after which a board is cleaned up (msnp.md 12.4). Opening another
// is one XFR away, and nothing is lost by it.
const (
	pairIdle = 15 * time.Minute // two or more inside
	soloIdle = 5 * time.Minute  // one inside
	// ringAgain is how long CAL answers 215 for somebody who does not answer.
	ringAgain = 60 * time.Second
)

// board is one conversation. It implements server.Board. mu guards all fields
// but id and x.
type board struct {
	x  *Exchange
	id int32

	mu     sync.Mutex
	people []*participant // in the order in which they came
	rings  []*cookie      // not answered yet
	fresh  bool           // a guest opened it and nobody has answered yet
	dead   bool
	last   time.Time // of the last message, join or leave
	timer  *time.Timer
}

// participant is somebody inside: exactly one of link and guest is set.
type participant struct {
	person server.Person
	shown  string // the name as a parameter
	link   *link
	guest  server.Guest
}

func newParticipant(p server.Person, l *link, g server.Guest) *participant {
	return &participant{person: p, shown: p.Shown(), link: l, guest: g}
}

// ID implements server.Board.
func (b *board) ID() int32 { return b.id }

// connected counts those with a connection. The caller holds mu.
func (b *board) connected() int {
	n := 0
	for _, p := range b.people {
		if p.link != nil {
			n++
		}
	}
	return n
}

// inside finds somebody by address. The caller holds mu.
func (b *board) inside(address string) bool {
	for _, p := range b.people {
		if key(p.person.Address) == key(address) {
			return true
		}
	}
	return false
}

// tell pushes a line to everybody connected but one. The caller holds mu.
func (b *board) tell(but *participant, verb string, args ...string) {
	for _, p := range b.people {
		if p != but && p.link != nil {
			p.link.c.Push(verb, args...)
		}
	}
}

// touch notes that something happened. The caller holds mu.
func (b *board) touch() { b.last = b.x.now() }

// idleTime is how long the board may be silent. The caller holds mu.
func (b *board) idleTime() time.Duration {
	if len(b.people) >= 2 {
		return pairIdle
	}
	return soloIdle
}

// rearm sets the timer for the time that is left. The caller holds mu.
func (b *board) rearm() {
	if !b.dead {
		b.timer.Reset(max(0, b.idleTime()-b.x.now().Sub(b.last)))
	}
}

// tick ends the board if it was silent for long enough.
func (b *board) tick() {
	b.mu.Lock()
	idle := b.x.now().Sub(b.last) >= b.idleTime()
	if !idle {
		b.rearm()
	}
	b.mu.Unlock()
	if idle {
		b.end("idle", true)
	}
}

// open puts the first connection in.
func (b *board) open(l *link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.board, l.me = b, newParticipant(l.who.Person, l, nil)
	b.people = append(b.people, l.me)
}

// host puts the guest in that opens the board.
func (b *board) host(p *participant) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fresh = true
	b.people = append(b.people, p)
}

// ringing notes an invitation, or says why there can be none; the cookie is
// void then.
func (b *board) ringing(ck *cookie) error {
	b.mu.Lock()
	err := b.refusal(ck.to)
	if err == nil {
		b.rings = append(b.rings, ck)
	}
	b.mu.Unlock()
	if err != nil {
		b.x.void([]*cookie{ck})
	}
	return err
}

// unring is the end of an invitation that nobody answered.
func (b *board) unring(ck *cookie) {
	b.mu.Lock()
	b.rings = without(b.rings, ck)
	guests, over := b.vacate()
	b.mu.Unlock()
	b.closed(guests, over)
}

// answer lets l in with a cookie of this board; trid is that of its ANS. False:
// the board is over, or full, or has l's account in it already.
func (b *board) answer(l *link, ck *cookie, trid string) bool {
	b.mu.Lock()
	rung := len(b.rings)
	b.rings = without(b.rings, ck)
	if b.dead || len(b.rings) == rung || b.inside(l.who.Address) {
		guests, over := b.vacate()
		b.mu.Unlock()
		b.closed(guests, over)
		return false
	}
	void := b.othersOf(key(l.who.Address))
	l.board, l.me = b, newParticipant(l.who.Person, l, nil)
	var guests []server.Guest
	total := strconv.Itoa(len(b.people))
	for i, p := range b.people {
		l.c.Reply("IRO", trid, strconv.Itoa(i+1), total, p.person.Address, p.shown)
		if p.guest != nil {
			guests = append(guests, p.guest)
		}
	}
	l.c.Reply("ANS", trid, "OK")
	b.tell(nil, "JOI", l.me.person.Address, l.me.shown)
	b.people = append(b.people, l.me)
	b.fresh = false
	b.touch()
	b.rearm()
	b.mu.Unlock()
	b.x.void(void)
	for _, g := range guests {
		b.x.safely(func() { g.Opened(b, l.me.person) })
	}
	return true
}

// othersOf takes out the further invitations of somebody who has come. The
// caller holds mu and voids the cookies after it.
func (b *board) othersOf(address string) []*cookie {
	var out, keep []*cookie
	for _, ck := range b.rings {
		if ck.to == address {
			out = append(out, ck)
		} else {
			keep = append(keep, ck)
		}
	}
	b.rings = keep
	return out
}

// leave takes a participant out: the others get BYE, and when nobody with a
// connection is left, the guests are told and go as well.
func (b *board) leave(p *participant) {
	b.mu.Lock()
	n := len(b.people)
	b.people = without(b.people, p)
	if len(b.people) == n {
		b.mu.Unlock()
		return
	}
	b.tell(nil, "BYE", p.person.Address)
	guests, over := b.vacate()
	b.touch()
	b.rearm()
	b.mu.Unlock()
	b.closed(guests, over)
}

// vacate takes the guests out of a board without connections, unless the ring
// that they wait behind is still open; over tells that nothing is left. The
// caller holds mu and calls closed after it.
func (b *board) vacate() (guests []server.Guest, over bool) {
	if b.dead || b.connected() > 0 || b.waiting() {
		return nil, false
	}
	for _, p := range b.people {
		guests = append(guests, p.guest)
	}
	b.people = nil
	if len(b.rings) > 0 {
		return guests, false
	}
	b.dead = true
	b.timer.Stop()
	return guests, true
}

// waiting: a guest has opened the board and nobody has answered yet. The caller
// holds mu.
func (b *board) waiting() bool { return b.fresh && len(b.people) > 0 && len(b.rings) > 0 }

// closed finishes what vacate began.
func (b *board) closed(guests []server.Guest, over bool) {
	if over {
		b.x.dropBoard(b)
	}
	for _, g := range guests {
		b.x.safely(func() { g.Closed(b) })
	}
}

// discard ends a board that nobody knows of yet.
func (b *board) discard() {
	b.mu.Lock()
	b.dead = true
	b.timer.Stop()
	b.mu.Unlock()
	b.x.dropBoard(b)
}

// end closes the board: with bye everybody first gets the goodbye of idle
// clean-up from everyone else (msnp.md 12.4).
func (b *board) end(reason string, bye bool) {
	b.mu.Lock()
	if b.dead {
		b.mu.Unlock()
		return
	}
	b.dead = true
	b.timer.Stop()
	people, rings := b.people, b.rings
	b.people, b.rings = nil, nil
	if bye {
		for _, p := range people {
			for _, o := range people {
				if o != p && p.link != nil {
					p.link.c.Push("BYE", o.person.Address, "1")
				}
			}
		}
	}
	b.mu.Unlock()
	b.x.dropBoard(b)
	b.x.void(rings)
	for _, p := range people {
		if p.link != nil {
			p.link.c.End(reason)
		} else {
			b.x.safely(func() { p.guest.Closed(b) })
		}
	}
}
