package box

import (
	"testing"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

// rig_box_test.go: the boxes of the rig, by the client.

// box is a signed-in client.
type box struct {
	t *testing.T
	*msnp.Client
	roster msnp.Roster
}

// signIn signs a box in as firmware of the dialect does and syncs its lists.
func (r *rig) signIn(name string, d wire.Dialect) *box {
	r.t.Helper()
	return r.signInAs(msnp.Options{Address: string(acct(name)), Dialects: []wire.Dialect{d}, CVR: msnp.BoxCVR(), Credential: r.credential(name)})
}

func (r *rig) signInAs(o msnp.Options) *box {
	r.t.Helper()
	c, err := msnp.SignIn(r.t.Context(), r.msnp, o)
	if err != nil {
		r.t.Fatalf("sign-in of %s: %v\n%s", o.Address, err, r.log)
	}
	r.t.Cleanup(func() { c.Close() })
	b := &box{t: r.t, Client: c}
	if b.roster, err = c.Sync(r.t.Context(), 0); err != nil {
		r.t.Fatalf("sync: %v", err)
	}
	return b
}

// online signs a box in and shows it.
func (r *rig) online(name string, d wire.Dialect) *box {
	r.t.Helper()
	b := r.signIn(name, d)
	b.status(wire.Online)
	return b
}

func (b *box) status(s wire.Status) {
	b.t.Helper()
	if err := b.SetStatus(b.t.Context(), s); err != nil {
		b.t.Fatalf("CHG %s: %v", s, err)
	}
}

func (b *box) add(l wire.List, address string) {
	b.t.Helper()
	if _, err := b.Add(b.t.Context(), l, address, address, -1); err != nil {
		b.t.Fatalf("ADD %s %s: %v", l, address, err)
	}
}

func (b *box) remove(l wire.List, address string) {
	b.t.Helper()
	if _, err := b.Remove(b.t.Context(), l, address, -1); err != nil {
		b.t.Fatalf("REM %s %s: %v", l, address, err)
	}
}

// open calls a contact into a new board.
func (b *box) open(address string) *board {
	b.t.Helper()
	c, err := b.OpenBoard(b.t.Context())
	if err != nil {
		b.t.Fatalf("XFR SB: %v", err)
	}
	b.t.Cleanup(func() { c.Close() })
	if _, err := c.Call(b.t.Context(), address); err != nil {
		b.t.Fatalf("CAL %s: %v", address, err)
	}
	return &board{b.t, c}
}

// answer takes the next ring.
func (b *box) answer(from string) *board {
	b.t.Helper()
	ring := next[msnp.Ringing](b.t, b.Events())
	if ring.From.Address != from {
		b.t.Fatalf("rung by %s, want %s", ring.From.Address, from)
	}
	c, err := b.Answer(b.t.Context(), ring)
	if err != nil {
		b.t.Fatalf("ANS: %v", err)
	}
	b.t.Cleanup(func() { c.Close() })
	return &board{b.t, c}
}

type board struct {
	t *testing.T
	*msnp.Board
}

// say writes and waits for the ACK.
func (b *board) say(s string) {
	b.t.Helper()
	if err := b.Say(b.t.Context(), s, 'A'); err != nil {
		b.t.Fatalf("MSG %q: %v", s, err)
	}
}

// reads is the next text in the board.
func (b *board) reads(want string) msnp.Message {
	b.t.Helper()
	for {
		m := next[msnp.Message](b.t, b.Events())
		if m.Kind() != wire.KindText {
			continue
		}
		if got := m.Text(); got != want {
			b.t.Fatalf("read %q, want %q", got, want)
		}
		return m
	}
}

// none checks by a round trip that no event of a kind has come.
func none[E msnp.Event](b *box) {
	b.t.Helper()
	if err := b.Ping(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	for {
		select {
		case e := <-b.Events():
			if _, bad := e.(E); bad {
				b.t.Fatalf("got %#v", e)
			}
		default:
			return
		}
	}
}
