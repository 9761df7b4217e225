// Package box is the gateway's side of the box protocols: it implements the
// sessions that packages msnp/server and wtvp/service ask for, on top of the
// core (package bridge).
//
// Who owns what:
//   - account: its status, its view of its lists and its conversations belong to
//     one goroutine at a time, which exists only while there is something to do
//     (turns.go): ten thousand idle accounts cost no goroutine. Others leave
//     hints or read its published look (an atomic pointer); they never wait for
//     it. Its own connection does, with a task.
//   - logins: the challenges under way, one mutex, never held over a call out.
//   - newcomers: how many accounts boxes have made lately, one mutex, likewise.
//   - ledger: one goroutine notes what was written to boxes.
package box

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
	"wtvgate/msnp/passport"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// Flatten says whose clients are shown every reachable status as online.
type Flatten string

// The values of messenger.flatten_presence.
const (
	FlattenFirstGeneration Flatten = "first-generation"
	FlattenEveryone        Flatten = "everyone"
	FlattenNobody          Flatten = "nobody"
)

// Options are what a gateway needs.
type Options struct {
	Hub      *bridge.Hub
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now
	Flatten  Flatten
	FirstBox bool // accounts.registration: first-box
	// Tickets are what Passport handed out; nil: nothing.
	Tickets *passport.Tickets
	// Pictures makes links to friends' pictures; nil: there are none.
	Pictures Linker
	// OnSignIn is told of each attempt that came to its answer; nil: nobody. It
	// must not block.
	OnSignIn func(d wire.Dialect, result SignIn)
}

// Linker makes links that a box can open, for files that it could not fetch from
// their network itself. Instead of a link it may have a note on why there is none.
// reached is the address at which the box reached us.
type Linker interface {
	Link(ctx context.Context, a id.Account, n id.Network, f text.Attachment, reached netip.Addr) (link, note string, err error)
}

// SignIn is how an attempt to sign in ended.
type SignIn string

// The results of sign-in.
const (
	SignInOK      SignIn = "ok"
	SignInRefused SignIn = "refused" // a wrong answer, or nobody's address
	SignInError   SignIn = "error"   // a fault of ours
)

// Gateway signs boxes in. It implements server.Backend and, by MessengerLogin,
// service.Credentials, by CheckPassword passport.Accounts.
type Gateway struct {
	hub        *bridge.Hub
	log        *slog.Logger
	now        func() time.Time
	flatten    Flatten
	first      bool
	tickets    *passport.Tickets
	links      Linker // nil: none
	foldFor    time.Duration
	greetAfter time.Duration
	signed     func(wire.Dialect, SignIn)
	logins     logins
	newcomers  newcomers
	signIns    chan struct{} // a token for each sign-in that reads the store
	ledger     *ledger
	unshown    atomic.Int64
	boards     server.Switchboards

	running context.Context // of Run; what accounts live under
	wg      sync.WaitGroup  // accounts
}

// foldFor is how long a reaction waits for others to the same message (lessons
// L18: some seconds).
const foldFor = 4 * time.Second

// NewGateway makes a gateway. Run must be under way before anybody signs in.
func NewGateway(o Options) *Gateway {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tickets == nil {
		o.Tickets = passport.NewTickets(o.Now)
	}
	g := &Gateway{hub: o.Hub, log: o.Log, now: o.Now, flatten: o.Flatten, first: o.FirstBox, tickets: o.Tickets,
		links: o.Pictures, foldFor: foldFor, greetAfter: greetAfter, signed: o.OnSignIn}
	g.ledger = newLedger(g)
	g.logins.init()
	g.signIns = make(chan struct{}, maxSignIns)
	return g
}

// maxSignIns is how many sign-ins read the store at a time. All boxes of a town come
// back together after a power cut: more at once than the machine has cores would not
// sign them in sooner, and each costs a reader of the database.
const maxSignIns = 4

// Start readies the gateway for sign-ins; boards is the Messenger server's half
// that opens switchboards. Accounts end when ctx does.
func (g *Gateway) Start(ctx context.Context, boards server.Switchboards) {
	g.running, g.boards = ctx, boards
	g.wg.Go(func() { g.ledger.run(ctx) })
	g.wg.Go(func() {
		<-ctx.Done()
		for _, s := range g.hub.Seats() {
			if a, ok := s.(*account); ok {
				a.end()
			}
		}
	})
}

// Wait returns when all accounts have ended and everything that was written to
// boxes is noted.
func (g *Gateway) Wait() { g.wg.Wait() }

// Unshown is how many characters were replaced by a ? since the start, because a
// client could not show them.
func (g *Gateway) Unshown() int64 { return g.unshown.Load() }

// errGone ends a request of a session that is over.
var errGone = errors.New("box: the session is over")

// seatOf is an account's seat as this package made it.
func (g *Gateway) seatOf(a id.Account) *account {
	s, _ := g.hub.Seat(a).(*account)
	return s
}
