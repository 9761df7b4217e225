package simbox

import (
	"context"
	"fmt"
	"sync"
	"time"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

const (
	// patience is how long one thing that was typed may take: a gateway on the same
	// network answers in milliseconds, and a person waits no longer.
	patience = 15 * time.Second
	// farewell is how long the way out may take in all.
	farewell = 3 * time.Second
	// maxTalks is how many conversations are kept. Firmware had few; each is a
	// connection.
	maxTalks = 16
	// maxContacts bounds the lists: FL, AL, BL and RL at their limits (msnp.md 15).
	maxContacts = 4000
	// boardQueue is how many things said in conversations wait for Run.
	boardQueue = 64
)

// Firmware is what the simulated box claims to be.
type Firmware struct {
	Dialect wire.Dialect
	CVR     *msnp.CVR // nil: none is sent
	// PC: it is no box. It knows more of presence and has no switch for
	// invitations.
	PC bool
}

// Options are what a Box needs.
type Options struct {
	Account  string // address, as the gateway writes it
	Firmware Firmware
	Way      Way
	Screen   *Screen
	Start    []string // commands that are carried out after the first sign-in
	// Interrupted is called when the person breaks off at a terminal; may be nil.
	Interrupted func()
	// Patience is how long one thing that was typed may take; 0: long enough for
	// any network.
	Patience time.Duration
	// After is time.After, for tests.
	After func(time.Duration) <-chan time.Time
}

// Box is a simulated box. Make one with New.
type Box struct {
	o     Options
	trace *Tracer

	ns     *msnp.Client // nil while not signed in
	status wire.Status
	closed bool // invitations: IMS OFF

	contacts map[string]*contact
	order    []string // of contacts, as they came; what /list shows is numbered in numbers
	numbers  []string

	talks   []*talk
	current *talk
	boards  chan boardEvent
	ended   chan struct{} // closed when Run is over
	pumps   sync.WaitGroup

	page  *page
	fresh []string // lines of events since the last command, for /wait

	why    string // why the line ended, if the server said
	failed int    // sign-ins in a row
	retry  <-chan time.Time
	quit   bool
}

// New makes a Box that is off. t is the Tracer that was given to the Way; nil makes
// one that stays off.
func New(o Options, t *Tracer) *Box {
	if o.Patience == 0 {
		o.Patience = patience
	}
	if o.After == nil {
		o.After = time.After
	}
	if o.Interrupted == nil {
		o.Interrupted = func() {}
	}
	if t == nil {
		t = NewTracer(o.Screen, false)
	}
	return &Box{o: o, trace: t, status: wire.Online, contacts: make(map[string]*contact),
		boards: make(chan boardEvent, boardQueue), ended: make(chan struct{})}
}

// Run signs in and does what is typed until /quit, the end of the input or of ctx.
// Its error is that of the first sign-in; what goes wrong later is shown. Run is
// called once.
func (b *Box) Run(ctx context.Context) error {
	defer b.pumps.Wait()
	defer close(b.ended)
	defer b.o.Way.Close()
	if err := b.signIn(ctx); err != nil {
		return err
	}
	defer func() {
		b.hangUp()
		b.tell("signed out")
	}()
	for _, line := range b.o.Start {
		b.command(ctx, line)
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	lines := b.o.Screen.Lines(reading, b.o.Interrupted)
	for !b.quit && ctx.Err() == nil {
		if !b.ready(ctx) { // what others did goes first: a script reads what it caused
			b.wait(ctx, lines, nil)
		}
	}
	return nil
}

// ready handles one thing that others did, if there is one.
func (b *Box) ready(ctx context.Context) bool {
	select {
	case e := <-b.notices():
		b.notice(ctx, e)
	case e := <-b.boards:
		b.said(ctx, e)
	default:
		return false
	}
	return true
}

// wait waits for one thing and handles it. It is false when ctx has ended or it is
// late.
func (b *Box) wait(ctx context.Context, lines <-chan typed, late <-chan time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-late:
		return false
	case e := <-b.notices():
		b.notice(ctx, e)
	case e := <-b.boards:
		b.said(ctx, e)
	case <-b.retry:
		b.reconnect(ctx)
	case line, ok := <-lines:
		b.typed(ctx, line, ok)
	}
	return true
}

// notices is what the notification server says; nothing comes while signed out.
func (b *Box) notices() <-chan msnp.Event {
	if b.ns == nil {
		return nil
	}
	return b.ns.Events()
}

// typed does what a line says.
func (b *Box) typed(ctx context.Context, line typed, ok bool) {
	switch {
	case !ok:
		b.quit = true
	case line.long:
		b.tell("that line is too long; nothing was done")
	default:
		b.command(ctx, line.text)
	}
}

// pump handles what others do until done says so, or no longer than d; it tells
// whether it did.
func (b *Box) pump(ctx context.Context, d time.Duration, done func() bool) bool {
	late := b.o.After(d)
	for !done() {
		if !b.ready(ctx) && !b.wait(ctx, nil, late) {
			return false
		}
	}
	return true
}

// tell shows a line of the program's own.
func (b *Box) tell(format string, args ...any) { b.o.Screen.Line("* " + fmt.Sprintf(format, args...)) }

// happened shows a line of something that others did.
func (b *Box) happened(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	b.fresh = append(b.fresh, line)
	if len(b.fresh) > maxHistory {
		b.fresh = b.fresh[1:]
	}
	b.o.Screen.Line(line)
}

// hangUp ends all connections, in order.
func (b *Box) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	for _, t := range b.talks {
		t.leave(ctx)
	}
	if b.ns != nil {
		// The connection is closed in any case.
		_ = b.ns.SignOut(ctx)
	}
}
