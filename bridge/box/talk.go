package box

import (
	"context"
	"slices"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// talk.go: what waits for a box, onto its screen. A row of the inbox is written
// into the switchboard that has the contact in it, or rings for one.

const (
	// window is how many rows may be on their way into one switchboard.
	window = 20
	// maxRinging is how many contacts ring a box at once: beyond its maximum a
	// box turns callers away with a text of its own (wtvp.md 12.1).
	maxRinging = 4
	// ringAgain is how long after a ring that nobody answered the next one comes.
	ringAgain = 5 * time.Minute
	// ringGap is the least time between two rings for one contact: a box that
	// answers and hangs up at once must not be rung in a loop.
	ringGap = 10 * time.Second
)

// talk is the conversation with one contact as the signed-in client has it. It
// belongs to the account's goroutine.
type talk struct {
	peer    id.Address
	guest   *guest       // stands for the contact in b, or in the board that rings
	b       server.Board // nil: no board with the client in it
	ringing bool
	rung    time.Time    // last ring
	cursor  int64        // newest row handed to a board
	flying  int          // rows handed over of which it is not known yet what became of them
	over    server.Board // where they were handed over
	again   *time.Timer
}

// talkWith gives the talk with a contact.
func (a *account) talkWith(peer id.Address) *talk {
	t := a.talks[peer]
	if t == nil {
		t = &talk{peer: peer}
		note(&a.talks, peer, t)
	}
	return t
}

// cancel stops the talk's timer.
func (t *talk) cancel() {
	if t.again != nil {
		t.again.Stop()
		t.again = nil
	}
}

// retry has the talk looked at again after d.
func (a *account) retry(t *talk, d time.Duration) {
	t.cancel()
	t.again = time.AfterFunc(d, func() { a.Waiting(t.peer) })
}

// ringAll looks at everything that waits: the client has become reachable.
func (a *account) ringAll(ctx context.Context) error {
	if !a.reachable() {
		return nil
	}
	peers, err := a.g.hub.WaitingPeers(ctx, a.addr)
	if err != nil {
		a.failed(ctx, "cannot read the inbox", err)
		return nil // the box is signed in all the same; the next message rings
	}
	for _, p := range peers {
		a.feed(a.talkWith(p))
	}
	return nil
}

// feed writes waiting rows into the talk's board, or rings for one.
func (a *account) feed(t *talk) {
	if t.b == nil && !a.reachable() {
		return // it waits; a conversation that is open goes on (msnp.md 1)
	}
	ctx := a.g.running
	key := id.Conversation{Account: a.addr, Peer: t.peer}
	if t.flying > 0 && t.over != t.b {
		return // the board before has ended: until it is known what of them to show again
	}
	room := window - t.flying
	if t.b == nil {
		room = window // to know whether to ring
	}
	if room <= 0 {
		return
	}
	mark := a.g.ledger.mark(a.addr)
	rows, err := a.g.hub.WaitingFrom(ctx, key, t.cursor, room)
	switch {
	case err != nil:
		a.failed(ctx, "cannot read the inbox", err)
		a.retry(t, ringAgain)
	case len(rows) == 0:
		a.forget(t)
	case t.b == nil:
		if a.greetsLater(t, rows) {
			return
		}
		if !a.ringWorth(rows) {
			a.forget(t)
		} else if a.g.ledger.waits(rows[0], mark) {
			a.ring(t)
		}
	default:
		for _, r := range a.settled(t, rows) {
			if !a.g.ledger.claim(r, mark) {
				return
			}
			a.write(t, r)
		}
	}
}

// ringWorth tells whether rows are worth a ring: not those that only tell of what
// was done to others, nor what the client would show nothing of. As many as a
// window are, whatever they say.
func (a *account) ringWorth(rows []bridge.Waiting) bool {
	for _, r := range rows {
		if r.Kind != bridge.KindAside && !a.hides(r) {
			return true
		}
	}
	return len(rows) >= window
}

// greetAfter is how long an account is online before the helper rings it to greet:
// its owner needs to see the list first, and clients that nobody looks at have gone
// or are in conversations of their own by then.
const greetAfter = 20 * time.Second

// greetsLater tells whether the helper's greeting is all that waits, and has to: for
// greetAfter, and for a client that asks for its lists. Who calls the helper has it
// at once, and so has who is rung for something else that it says.
func (a *account) greetsLater(t *talk, rows []bridge.Waiting) bool {
	if slices.ContainsFunc(rows, func(r bridge.Waiting) bool { return r.Kind != bridge.KindGreeting }) {
		return false
	}
	left := a.online.Add(a.g.greetAfter).Sub(a.g.now())
	switch {
	case !a.synced:
		a.forget(t) // Sync looks again
	case left > 0:
		a.retry(t, left)
	default:
		return false
	}
	return true
}

// settled are the rows without reactions at their end that more may join yet:
// they wait a moment, unless something follows them (lessons L18).
func (a *account) settled(t *talk, rows []bridge.Waiting) []bridge.Waiting {
	var wait time.Duration
	for n := len(rows); n > 0 && rows[n-1].Kind == bridge.KindAside; n-- {
		left := rows[n-1].Stored.Add(a.g.foldFor).Sub(a.g.now())
		if left <= 0 {
			break
		}
		rows, wait = rows[:n-1], left
	}
	if wait > 0 {
		a.retry(t, wait)
	}
	return rows
}

// forget drops a talk with nothing in it.
func (a *account) forget(t *talk) {
	if t.b == nil && !t.ringing && t.flying == 0 {
		t.cancel()
		drop(&a.talks, t.peer)
	}
}

// ring opens a board with the contact in it and invites the client.
func (a *account) ring(t *talk) {
	if t.ringing {
		return
	}
	now := a.g.now()
	if wait := t.rung.Add(ringGap).Sub(now); wait > 0 {
		a.retry(t, wait)
		return
	}
	if a.ringing >= maxRinging {
		a.retry(t, ringGap)
		return
	}
	g := a.guestFor(t.peer)
	r, err := a.g.boards.Invite(g, server.Principal{Person: server.Person{Address: string(a.addr), Name: a.called(a.name)},
		Dialect: a.client.Dialect, Session: a})
	if err != nil {
		a.g.log.Warn("cannot ring a box", "account", a.addr, "conv", t.peer, "err", err)
		a.retry(t, ringAgain)
		return
	}
	t.cancel()
	t.guest, t.ringing, t.rung = g, true, now
	a.ringing++
	a.n.Ring(r)
}

// ringEnded notes that a ring was answered or has run out.
func (a *account) ringEnded(t *talk) {
	if t.ringing {
		t.ringing = false
		a.ringing--
	}
}

// opened: the client is in a board with the contact.
func (a *account) opened(g *guest, b server.Board) {
	t := a.talkWith(g.peer)
	if t.guest == g {
		a.ringEnded(t)
	}
	t.cancel()
	t.guest, t.b = g, b
	a.feed(t)
}

// closed: the board has ended, or a ring was not answered.
func (a *account) closed(g *guest, b server.Board) {
	a.dispersed(g, b)
	t := a.talks[g.peer]
	if t == nil || t.guest != g {
		return
	}
	unanswered := t.ringing
	a.ringEnded(t)
	t.b, t.guest = nil, nil
	if unanswered {
		a.retry(t, ringAgain)
		return
	}
	a.feed(t) // what came while the board ended
}

// write hands one row to the board.
func (a *account) write(t *talk, r bridge.Waiting) {
	t.cursor = r.ID
	t.over = t.b
	t.flying++
	pieces := a.pieces(r)
	if len(pieces) == 0 { // nothing to show: done with, or it would wait for ever
		a.g.ledger.written(r)
		t.flying--
		return
	}
	from := server.Person{Address: string(t.peer), Name: a.called(r.Name)}
	if c, ok := contacts(a.roster.Contacts).find(t.peer); ok && r.Name == string(t.peer) {
		from.Name = a.called(c.Name)
	}
	b := t.b
	if t.guest.peer != t.peer { // one of several: the client knows them by their own addresses
		if p, ok := a.speaker(b, from.Name); ok {
			from = p
		}
	}
	for i, p := range pieces {
		var done func(error) // an earlier piece fails together with the last
		if i == len(pieces)-1 {
			done = func(err error) {
				if err == nil {
					a.g.ledger.written(r)
				} else {
					a.g.ledger.release(r)
				}
				a.later(func() { a.written(t, b, r, err) })
			}
		}
		b.Bring(string(a.addr), from, p, done)
	}
}

// written: the box has a row, or nobody knows whether it does.
func (a *account) written(t *talk, b server.Board, r bridge.Waiting, err error) {
	t.flying--
	if err != nil {
		t.cursor = min(t.cursor, r.ID-1) // it and all after it come again, in order
		if t.b == b {
			a.ringEnded(t)
			t.b, t.guest = nil, nil
		}
		if t.flying > 0 {
			return // the others fail too
		}
	}
	a.feed(t)
}

// showTyping shows that a contact is writing, in a conversation that is open.
func (a *account) showTyping(peer id.Address, on bool) {
	t := a.talks[peer]
	if !on || t == nil || t.b == nil {
		return // a client lets the notice run out by itself
	}
	t.b.Deliver(t.guest.Person(), wire.TypingMessage(string(peer)), func(error) {})
}
