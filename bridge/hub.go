package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/puppets"
)

// Hub joins accounts, networks and the store. Its methods are safe from any
// goroutine.
type Hub struct {
	st  *store.Store
	dir *puppets.Directory
	log *slog.Logger
	now func() time.Time

	links         []*link            // fixed once Run is called
	resident      resident           // likewise
	onCredentials []func(id.Account) // likewise
	watcher       Watcher            // likewise; nil: nobody counts

	// The constants of these names, maxOther for maxReverse; tests lower them.
	maxWaiting, maxFolded, maxPending, maxPendingAll, maxReverse, maxTalks int

	waiting, folded places // for rows of the inbox
	pending         places // for those of the outbox, of all contacts of an account
	tides           tides  // of those who write a lot

	mu    sync.Mutex // guards the maps below; never held over I/O, a send or a call out, except Attending, which only notes
	seats map[id.Account]Seat
	since map[id.Account]time.Time // when they were taken
	convs map[id.Conversation]*conversation
	talks map[id.Account]int // how many of convs each has
	ctx   context.Context    // of Run; nil before and after
	wg    sync.WaitGroup     // conversations and networks
}

// Seat is a signed-in account as the core reaches it: package bridge/box
// implements it. No method blocks and each may be called from any goroutine;
// all are hints that something in the store or a snapshot has changed.
type Seat interface {
	// Waiting rings: a row for the account came into its inbox.
	Waiting(peer id.Address)
	// Recheck: a contact's presence or name may have changed.
	Recheck(peer id.Address)
	// ListsChanged: somebody else than the box itself changed the account's lists or
	// settings.
	ListsChanged()
	// Typing: a contact writes or has stopped.
	Typing(peer id.Address, on bool)
	// Appearance is what others may see of the account now, judged for viewer.
	Appearance(viewer id.Address) Appearance
	// End signs the account out: another session took over, or the account was
	// removed. It returns when the box has been told.
	End(why EndReason)
}

// EndReason is why a seat is ended from outside.
type EndReason string

// Reasons for Seat.End.
const (
	EndElsewhere EndReason = "signed in elsewhere"
	EndRemoved   EndReason = "account removed"
	EndShutdown  EndReason = "shutting down"
)

// Appearance is how an account of ours looks to one viewer.
type Appearance struct {
	Name     string
	Detail   string // the exact status code of the account's client, for clients that show it
	ClientID string
	Presence Presence // PresenceOffline when the viewer may not see it
	Callable bool     // signed in, visible and taking invitations
}

// NewHub makes a hub on an open store. Networks are added before Run.
func NewHub(st *store.Store, dir *puppets.Directory, log *slog.Logger, now func() time.Time) *Hub {
	if now == nil {
		now = time.Now
	}
	return &Hub{st: st, dir: dir, log: log, now: now, maxWaiting: maxWaiting, maxFolded: maxFolded, maxPending: maxPending, maxPendingAll: maxPendingAll, maxReverse: maxOther,
		maxTalks: maxTalks, seats: make(map[id.Account]Seat), since: make(map[id.Account]time.Time), convs: make(map[id.Conversation]*conversation),
		talks: make(map[id.Account]int)}
}

// Add registers a network. It is called before Run, in the order in which
// networks are asked whose an address is.
func (h *Hub) Add(n Network) error {
	if n.Name() == "" || n.Name() == id.Local {
		return fmt.Errorf("bridge: %q is no name for a network", n.Name())
	}
	for _, l := range h.links {
		if l.Name() == n.Name() {
			return fmt.Errorf("bridge: network %q is registered twice", n.Name())
		}
	}
	h.links = append(h.links, newLink(n))
	h.dir.Add(n.Name(), n.Serves)
	return h.house(n)
}

// Run starts the networks and every conversation with work left from before.
// It returns when ctx ends and all of them have stopped, or with the first
// network's error that needs a person.
func (h *Hub) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	h.mu.Lock()
	h.ctx = ctx // before reading the queues: from here on a new row wakes its conversation
	h.mu.Unlock()
	defer func() { cancel(nil); h.stop() }()
	left, err := h.st.PendingConversations(ctx)
	if ctx.Err() != nil {
		return nil // stopped while starting
	}
	if err != nil {
		return fmt.Errorf("bridge: reading the queues: %w", err)
	}
	for _, l := range h.links {
		h.wg.Go(func() {
			if err := l.Run(ctx, receiver{h, l}); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", l.Name(), err))
			}
		})
	}
	for _, c := range left {
		h.wakeUncertain(c)
	}
	h.wg.Go(func() { h.prune(ctx) })
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// stop waits until everything that Run started has ended. Its context is done.
func (h *Hub) stop() {
	h.mu.Lock()
	h.ctx = nil
	h.mu.Unlock()
	h.wg.Wait()
}

// prune removes what retention no longer keeps, at start and then regularly.
func (h *Hub) prune(ctx context.Context) {
	t := time.NewTicker(store.PruneEvery)
	defer t.Stop()
	for {
		if n, err := h.st.Prune(ctx, h.now().Add(-store.Retention)); err != nil && ctx.Err() == nil {
			h.log.Error("cannot remove old rows", "err", err)
		} else if n > 0 {
			h.log.Info("removed old rows", "rows", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Sit makes s the account's seat and gives back the one it replaces, if any:
// the caller ends that one before s goes on.
func (h *Hub) Sit(a id.Account, s Seat) (old Seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old = h.seats[a]
	h.seats[a], h.since[a] = s, h.now()
	return old
}

// Stand removes s if it still is the account's seat.
func (h *Hub) Stand(a id.Account, s Seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seats[a] == s {
		delete(h.seats, a)
		delete(h.since, a)
		h.attending(a, false, PresenceOffline)
	}
}

// Shown tells the networks how a signed-in account shows itself now.
func (h *Hub) Shown(a id.Account, s Seat, p Presence) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seats[a] == s {
		h.attending(a, true, p)
	}
}

// attending tells the networks of a seat. The caller holds mu, so that they hear
// of changes in their order; they only note it.
func (h *Hub) attending(a id.Account, signedIn bool, p Presence) {
	for _, l := range h.links {
		if l.attendant != nil {
			l.attendant.Attending(a, signedIn, p)
		}
	}
}

// Seat is the account's seat, nil when it is signed out.
func (h *Hub) Seat(a id.Account) Seat {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seats[a]
}

// Seats lists everyone signed in.
func (h *Hub) Seats() []Seat {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]Seat, 0, len(h.seats))
	for _, s := range h.seats {
		all = append(all, s)
	}
	return all
}

// link finds a network by name, nil if it is not configured.
func (h *Hub) link(n id.Network) *link {
	for _, l := range h.links {
		if l.Name() == n {
			return l
		}
	}
	return nil
}

// NetworkState is how a network is, for operators.
type NetworkState struct {
	Name  id.Network `json:"name"`
	Up    bool       `json:"up"`
	Text  string     `json:"text,omitempty"`
	Since time.Time  `json:"since"`
}

// States lists all networks; the gateway's own helper is none.
func (h *Hub) States() []NetworkState {
	all := make([]NetworkState, 0, len(h.links))
	for _, l := range h.links {
		if l.Name() == h.resident.network {
			continue
		}
		all = append(all, l.state())
	}
	return all
}
