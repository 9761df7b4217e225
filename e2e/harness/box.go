package harness

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"testing"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
	wtvp "wtvgate/wtvp/client"
)

// Box is a simulated box: it signs in as the original does, with the MSN
// challenge answered by messengerlogin over a secured connection. It answers
// every ring.
type Box struct {
	Address string

	t    testing.TB
	g    *Gateway
	ssid string
	id   *wtvp.Identity

	mu       sync.Mutex
	c        *msnp.Client
	session  int                    // sign-ins so far
	boards   map[string]*msnp.Board // by who is inside
	presence map[string]wire.Status // of contacts
	names    map[string]string      // of contacts, as last told
	added    []string               // who told us that they added us
	heard    []Heard
	typing   []string
	changed  chan struct{}
	wg       sync.WaitGroup
}

func newBox(g *Gateway, address string) *Box {
	g.t.Helper()
	var serial [8]byte
	_, _ = rand.Read(serial[:]) // never fails
	b := &Box{Address: address, t: g.t, g: g, ssid: hex.EncodeToString(serial[:]), changed: make(chan struct{}),
		boards: make(map[string]*msnp.Board), presence: make(map[string]wire.Status), names: make(map[string]string)}
	var err error
	if b.id, err = wtvp.NewIdentity(g.key, b.ssid, 0); err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(b.Drop)
	return b
}

func (b *Box) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Wait)
}

// SignIn signs in and shows the box online. Dialect is wire.MSNP6 for MD5,
// wire.MSNP8 for TWN.
func (b *Box) SignIn(d wire.Dialect) {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	c, err := msnp.SignIn(ctx, b.g.Messenger, msnp.Options{Address: b.Address, Dialects: []wire.Dialect{d}, CVR: msnp.BoxCVR(), Credential: b.Credential})
	if err != nil {
		b.t.Fatalf("%s signs in: %v", b.Address, err)
	}
	if _, err := c.Sync(ctx, 0); err != nil {
		b.t.Fatalf("%s syncs: %v", b.Address, err)
	}
	b.note(func() { b.c = c; b.session++ })
	b.wg.Go(func() { b.follow(c) })
	if err := c.SetStatus(ctx, wire.Online); err != nil {
		b.t.Fatalf("%s goes online: %v", b.Address, err)
	}
}

// Credential answers the challenge of a sign-in: it asks messengerlogin.
func (b *Box) Credential(ctx context.Context, challenge string) (string, error) {
	conn, err := wtvp.Dial(ctx, b.g.Passport, b.id)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.MessengerLogin(ctx, challenge)
}

// SignOut signs out in order.
func (b *Box) SignOut() {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	if err := b.client().SignOut(ctx); err != nil {
		b.t.Fatalf("%s signs out: %v", b.Address, err)
	}
	b.Drop()
}

// Drop ends all connections without a word, as a box does that is switched off.
func (b *Box) Drop() {
	b.mu.Lock()
	c, boards := b.c, b.boards
	b.c, b.boards = nil, make(map[string]*msnp.Board)
	clear(b.presence)
	b.mu.Unlock()
	if c != nil {
		c.Close()
	}
	for _, board := range boards {
		board.Close()
	}
	b.wg.Wait()
}

func (b *Box) client() *msnp.Client {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		b.t.Fatalf("%s is not signed in", b.Address)
	}
	return b.c
}

// note changes what the box knows and wakes those who wait.
func (b *Box) note(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	close(b.changed)
	b.changed = make(chan struct{})
}

// follow takes what the notification server says until the connection ends.
func (b *Box) follow(c *msnp.Client) {
	for e := range c.Events() {
		switch e := e.(type) {
		case msnp.Presence:
			b.note(func() {
				b.presence[e.Address] = e.Status
				if e.Name != "" {
					b.names[e.Address] = e.Name
				}
			})
		case msnp.Added:
			if e.List == wire.Reverse {
				b.note(func() { b.added = append(b.added, e.Address); b.names[e.Address] = e.Name })
			}
		case msnp.Ringing:
			b.answer(c, e)
		}
	}
}

// answer enters the switchboard that rings.
func (b *Box) answer(c *msnp.Client, r msnp.Ringing) {
	ctx, cancel := b.context()
	defer cancel()
	board, err := c.Answer(ctx, r)
	if err != nil {
		return // the caller is gone, or the test ends; what matters is waited for
	}
	b.enter(r.From.Address, board)
}

// enter keeps a switchboard and follows it.
func (b *Box) enter(peer string, board *msnp.Board) {
	b.note(func() { b.boards[peer] = board })
	b.wg.Go(func() {
		for e := range board.Events() {
			m, ok := e.(msnp.Message)
			if !ok {
				b.note(func() {})
				continue
			}
			switch m.Kind() {
			case wire.KindText:
				b.note(func() { b.heard = append(b.heard, Heard{m.From.Address, m.From.Name, m.Text(), b.session}) })
			case wire.KindTyping:
				b.note(func() { b.typing = append(b.typing, m.From.Address) })
			}
		}
		b.note(func() {
			if b.boards[peer] == board {
				delete(b.boards, peer)
			}
		})
	})
}

func (b *Box) wait(what string, look func() bool) {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	for {
		b.mu.Lock()
		ok, changed := look(), b.changed
		b.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			b.mu.Lock()
			defer b.mu.Unlock()
			b.t.Fatalf("%s waits in vain for %s; heard %+v, added by %q, presence %v", b.Address, what, b.heard, b.added, b.presence)
		}
	}
}

// WaitPresence waits until a contact is shown so.
func (b *Box) WaitPresence(contact string, s wire.Status) {
	b.t.Helper()
	b.wait(contact+" to be "+string(s), func() bool { return b.presence[contact] == s })
}

// WaitAdded waits for "has added you" and gives the name told.
func (b *Box) WaitAdded(contact string) (name string) {
	b.t.Helper()
	b.wait("ADD RL of "+contact, func() bool { name = b.names[contact]; return slices.Contains(b.added, contact) })
	return name
}

// SetStatus shows the box otherwise.
func (b *Box) SetStatus(s wire.Status) {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	if err := b.client().SetStatus(ctx, s); err != nil {
		b.t.Fatalf("%s becomes %s: %v", b.Address, s, err)
	}
}

// SetName changes the box's own screen name.
func (b *Box) SetName(name string) {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	if _, err := b.client().Rename(ctx, b.Address, name); err != nil {
		b.t.Fatalf("%s is renamed: %v", b.Address, err)
	}
}

// T is the test that the box belongs to.
func (b *Box) T() testing.TB { return b.t }

// Add puts a contact on a list.
func (b *Box) Add(l wire.List, contact, name string) {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	if _, err := b.client().Add(ctx, l, contact, name, -1); err != nil {
		b.t.Fatalf("%s adds %s: %v", b.Address, contact, err)
	}
}

// Remove takes a contact off a list.
func (b *Box) Remove(l wire.List, contact string) {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	if _, err := b.client().Remove(ctx, l, contact, -1); err != nil {
		b.t.Fatalf("%s removes %s: %v", b.Address, contact, err)
	}
}

// Lists gives the lists that a contact is on.
func (b *Box) Lists(contact string) wire.Lists {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	r, err := b.client().Sync(ctx, 0)
	if err != nil {
		b.t.Fatalf("%s syncs: %v", b.Address, err)
	}
	c, _ := r.Find(contact)
	return c.Lists
}
