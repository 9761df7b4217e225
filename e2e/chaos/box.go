package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wtvgate/e2e/harness"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

// Times of a box.
const (
	signInTime = 10 * time.Second
	joinTime   = 5 * time.Second
	sayTime    = 20 * time.Second // longer than any stall
	againAfter = 300 * time.Millisecond
	maxOff     = 3 * time.Second
	endTime    = 10 * time.Second
)

// Box is a simulated box that signs in whenever it is not, answers every ring and
// writes to its friends. Nothing that fails ends it.
type Box struct {
	*harness.Box
	Phone *Phone
	Pace  time.Duration // between two texts, on average

	l       *Ledger
	g       *harness.Gateway
	dialect wire.Dialect
	talk    *atomic.Bool
	rnd     *rand.Rand
	flows   map[string]*Flow // by contact

	mu     sync.Mutex
	c      *msnp.Client
	boards map[string]*msnp.Board
	added  map[string]bool
	wg     sync.WaitGroup
	kills  atomic.Int64 // of the gateway, before this sign-in

	SignIns, Failed int // of signing in; the goroutine of Live alone
}

// NewBox makes a box.
func NewBox(g *harness.Gateway, l *Ledger, name string, seed uint64, talk *atomic.Bool) *Box {
	b := &Box{Box: g.NewBox(name), Phone: NewPhone(l), l: l, g: g, talk: talk, rnd: rand.New(rand.NewPCG(seed, 1)),
		dialect: wire.MSNP8, flows: make(map[string]*Flow), boards: make(map[string]*msnp.Board), added: make(map[string]bool)}
	if seed%2 == 1 {
		b.dialect = wire.MSNP6
	}
	return b
}

// Writes has the box write to a contact from now on.
func (b *Box) Writes(contact string, toBox bool) *Flow {
	f := b.l.NewFlow(b.Address, contact, toBox)
	b.flows[contact] = f
	return f
}

// Add puts a contact on the lists that make a friend.
func (b *Box) Add(ctx context.Context, contact string) error {
	b.mu.Lock()
	c := b.c
	b.mu.Unlock()
	if c == nil {
		return errors.New("chaos: not signed in")
	}
	for _, l := range []wire.List{wire.Allow, wire.Forward} {
		if _, err := c.Add(ctx, l, contact, contact, -1); err != nil {
			return err
		}
	}
	return nil
}

// Added tells whether a contact has added the box.
func (b *Box) Added(contact string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.added[contact]
}

// On tells whether the box is signed in.
func (b *Box) On() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.c != nil
}

// Live runs the box until ctx ends.
func (b *Box) Live(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := b.signIn(ctx)
		if err != nil {
			b.Failed++
			pause(ctx, againAfter)
			continue
		}
		b.SignIns++
		b.chat(ctx, c)
		b.off(c)
		pause(ctx, time.Duration(b.rnd.Int64N(int64(maxOff))))
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (b *Box) signIn(ctx context.Context) (*msnp.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, signInTime)
	defer cancel()
	b.kills.Store(int64(b.l.Kills()))
	c, err := msnp.SignIn(ctx, b.g.Messenger, msnp.Options{Address: b.Address, Dialects: []wire.Dialect{b.dialect}, CVR: msnp.BoxCVR(),
		Credential: b.Credential, Dial: b.Phone.Dial})
	if err != nil {
		return nil, err
	}
	if _, err := c.Sync(ctx, 0); err != nil {
		c.Close()
		return nil, err
	}
	if err := c.SetStatus(ctx, wire.Online); err != nil {
		c.Close()
		return nil, err
	}
	b.mu.Lock()
	b.c = c
	b.mu.Unlock()
	return c, nil
}

// off hangs up, and shows all that still arrives.
func (b *Box) off(c *msnp.Client) {
	b.mu.Lock()
	b.c = nil
	b.mu.Unlock()
	b.Phone.HangUp()
	late, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	_ = b.Phone.Wait(late) // what does not end is cut
	b.Phone.Cut()
	c.Close()
	b.wg.Wait()
}

// chat answers rings and writes until the connection ends.
func (b *Box) chat(ctx context.Context, c *msnp.Client) {
	gone := make(chan struct{})
	b.wg.Go(func() { defer close(gone); b.follow(ctx, c) })
	names := make([]string, 0, len(b.flows))
	for name := range b.flows {
		names = append(names, name)
	}
	slices.Sort(names)
	for {
		t := time.NewTimer(b.Pace/2 + time.Duration(b.rnd.Int64N(int64(b.Pace))))
		select {
		case <-gone:
			t.Stop()
			return
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		if len(names) == 0 || !b.talk.Load() {
			continue
		}
		switch b.rnd.IntN(60) {
		case 0:
			_ = c.SignOut(ctx) // in order; the boards go with the line
			return
		case 1, 2:
			b.leave(names[b.rnd.IntN(len(names))])
		default:
			b.speak(ctx, c, names[b.rnd.IntN(len(names))])
		}
	}
}

// leave closes the board with a contact.
func (b *Box) leave(contact string) {
	if board := b.board(contact); board != nil {
		ctx, cancel := context.WithTimeout(context.Background(), joinTime)
		defer cancel()
		_ = board.Leave(ctx)
	}
}

func (b *Box) board(contact string) *msnp.Board {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.boards[contact]
}

// speak writes the next text to a contact and notes what the server says.
func (b *Box) speak(ctx context.Context, c *msnp.Client, contact string) {
	board := b.board(contact)
	if board == nil {
		if board = b.call(ctx, c, contact); board == nil {
			return
		}
	}
	f := b.flows[contact]
	n, text, ok := f.Write()
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sayTime)
	defer cancel()
	switch err := board.Say(ctx, text, wire.AckBoth); {
	case err == nil:
		f.Settle(n, accepted)
	case errors.Is(err, msnp.ErrNotDelivered):
		f.Settle(n, refused)
	default:
		f.Settle(n, unknown)
	}
}

// call opens a board and has the contact in it; nil if that fails.
func (b *Box) call(ctx context.Context, c *msnp.Client, contact string) *msnp.Board {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	board, err := c.OpenBoard(ctx)
	if err != nil {
		return nil
	}
	joined := b.enter(contact, board)
	if _, err := board.Call(ctx, contact); err == nil {
		select {
		case <-joined:
			return board
		case <-ctx.Done():
		}
	}
	_ = board.Leave(context.WithoutCancel(ctx))
	return nil
}

// enter follows a board and tells when the contact is in it.
func (b *Box) enter(contact string, board *msnp.Board) (joined <-chan struct{}) {
	b.mu.Lock()
	b.boards[contact] = board
	b.mu.Unlock()
	in := make(chan struct{})
	kills := int(b.kills.Load())
	b.wg.Go(func() {
		var once sync.Once
		for e := range board.Events() {
			switch e := e.(type) {
			case msnp.Joined:
				if strings.EqualFold(e.Address, contact) {
					once.Do(func() { close(in) })
				}
			case msnp.Left: // nobody is in it any more
				b.forget(contact, board)
				b.wg.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), joinTime)
					defer cancel()
					_ = board.Leave(ctx)
				})
			case msnp.Message:
				if e.Kind() == wire.KindText {
					b.l.Shown(b.Address, e.Text(), kills)
				}
			}
		}
		b.forget(contact, board)
	})
	return in
}

func (b *Box) forget(contact string, board *msnp.Board) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.boards[contact] == board {
		delete(b.boards, contact)
	}
}

// follow takes what the notification server says.
func (b *Box) follow(ctx context.Context, c *msnp.Client) {
	for e := range c.Events() {
		switch e := e.(type) {
		case msnp.Added:
			b.mu.Lock()
			b.added[e.Address] = true
			b.mu.Unlock()
		case msnp.Ringing:
			b.wg.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, joinTime)
				defer cancel()
				if board, err := c.Answer(ctx, e); err == nil {
					b.enter(e.From.Address, board)
				}
			})
		}
	}
}
