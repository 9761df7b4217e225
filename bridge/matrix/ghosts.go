package matrix

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// maxGhostName is the longest display name in characters (matrix.md 10).
const maxGhostName = 64

// ghosts knows the accounts and brings their ghosts up to date at the
// homeserver.
type ghosts struct {
	n *Network

	mu       sync.Mutex
	accounts map[id.Account]bridge.Account
	locals   map[string]id.Account // by local part, which is what a ghost's name tells
	due      map[id.Account]time.Time
	tries    map[id.Account]int
	changes  int // counts calls of set and drop
	loaded   time.Time
	wake     chan struct{}
}

func newGhosts(n *Network) *ghosts {
	return &ghosts{
		n: n, wake: make(chan struct{}, 1),
		accounts: make(map[id.Account]bridge.Account), locals: make(map[string]id.Account),
		due: make(map[id.Account]time.Time), tries: make(map[id.Account]int),
	}
}

// AccountChanged notes a new account or a new name. The homeserver learns it a
// little later.
func (n *Network) AccountChanged(a bridge.Account) { n.ghosts.set(a, n.pace.ghostDelay) }

// AccountRemoved notes that an account is gone. Its ghost leaves all rooms.
func (n *Network) AccountRemoved(a id.Account) {
	g := n.ghosts
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changes++
	delete(g.accounts, a)
	if g.locals[a.Local()] == a {
		delete(g.locals, a.Local())
	}
	g.schedule(a, 0)
}

// set notes an account; delay is for its work.
func (g *ghosts) set(a bridge.Account, delay time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changes++
	old, known := g.accounts[a.Address]
	if known && old == a {
		return
	}
	if !known {
		delay = 0 // nobody sees it yet
	}
	g.put(a)
	if _, waiting := g.due[a.Address]; !waiting {
		g.schedule(a.Address, delay)
	}
}

// put writes the maps. The caller holds mu.
func (g *ghosts) put(a bridge.Account) {
	g.accounts[a.Address] = a
	g.locals[a.Address.Local()] = a.Address
}

// schedule sets an account's next work. The caller holds mu.
func (g *ghosts) schedule(a id.Account, delay time.Duration) {
	g.due[a] = g.n.now().Add(delay)
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// kick makes all work due now.
func (g *ghosts) kick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for a := range g.due {
		g.tries[a] = 0
		g.schedule(a, 0)
	}
}

// load asks the core for all accounts, and schedules those whose ghost is not
// as it should be.
func (g *ghosts) load(ctx context.Context, in bridge.Receiver) error {
	for {
		g.mu.Lock()
		before := g.changes
		g.mu.Unlock()
		list, err := in.Accounts(ctx)
		if err != nil {
			return fmt.Errorf("matrix: list accounts: %w", err)
		}
		stored, err := g.stored(ctx)
		if err != nil {
			return err
		}
		if g.replace(list, stored, before) {
			return nil
		}
	}
}

// replace takes a list of all accounts; false if a change was noted since it was
// asked for, which the list may not have.
func (g *ghosts) replace(list []bridge.Account, stored map[id.Account]ghostRow, before int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changes != before {
		return false
	}
	clear(g.accounts)
	clear(g.locals)
	for _, a := range list {
		g.put(a)
		if name, err := g.n.render(a); err == nil && stored[a.Address] != (ghostRow{true, name, g.n.encrypts()}) {
			g.schedule(a.Address, 0)
		}
	}
	for a := range stored {
		if _, there := g.accounts[a]; !there {
			g.schedule(a, 0)
		}
	}
	g.loaded = g.n.now()
	return true
}

// byUser finds the account of a ghost among those known.
func (g *ghosts) byUser(user mid.UserID) (bridge.Account, bool) {
	local, ok := g.n.ghostLocal(user)
	if !ok {
		return bridge.Account{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a, ok := g.locals[local]
	return g.accounts[a], ok
}

// errAskedAlready makes an event of an unknown ghost wait a moment.
var errAskedAlready = errors.New("matrix: unknown ghost, and the accounts were listed a moment ago")

// find is byUser, but it asks the core again for a ghost that is not known:
// the account may be new.
func (g *ghosts) find(ctx context.Context, user mid.UserID) (bridge.Account, bool, error) {
	if a, ok := g.byUser(user); ok {
		return a, true, nil
	}
	l := g.n.live.Load()
	g.mu.Lock()
	soon := g.n.now().Sub(g.loaded) < g.n.pace.reload
	g.mu.Unlock()
	if l == nil || soon {
		return bridge.Account{}, false, sideEffect{errAskedAlready}
	}
	if err := g.load(ctx, l.in); err != nil {
		return bridge.Account{}, false, err
	}
	a, ok := g.byUser(user)
	return a, ok, nil
}

// run brings ghosts up to date, one after the other, until ctx ends.
func (g *ghosts) run(ctx context.Context) {
	for ctx.Err() == nil {
		a, wait := g.next()
		if wait > 0 {
			select {
			case <-ctx.Done():
			case <-g.wake:
			case <-time.After(wait):
			}
			continue
		}
		acc, exists := g.account(a)
		var err error
		if exists {
			err = g.n.ensureGhost(ctx, acc, true)
			if err == nil {
				err = g.n.ensureDevice(ctx, a)
			}
		} else {
			err = g.n.retire(ctx, a)
		}
		g.done(ctx, a, err)
	}
}

func (g *ghosts) account(a id.Account) (bridge.Account, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	acc, ok := g.accounts[a]
	return acc, ok
}

// next takes the account whose work is due, or says how long none is.
func (g *ghosts) next() (id.Account, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait, now := time.Hour, g.n.now()
	for a, at := range g.due {
		if d := at.Sub(now); d <= 0 {
			delete(g.due, a)
			return a, 0
		} else if d < wait {
			wait = d
		}
	}
	return "", wait
}

// done notes how work ended: what failed is tried again, what the homeserver
// refuses only at the next start or change.
func (g *ghosts) done(ctx context.Context, a id.Account, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err == nil:
		delete(g.tries, a)
	case permanent(err):
		delete(g.tries, a)
		g.n.log.Error("the ghost of an account is not as it should be", "account", a, "err", err)
	case ctx.Err() == nil:
		if g.tries[a] == 0 {
			g.n.log.Warn("the ghost of an account has to wait", "account", a, "err", err)
		}
		if _, again := g.due[a]; !again {
			g.due[a] = g.n.now().Add(backoff(g.n.pace.retryMin, g.n.pace.retryMax, g.tries[a]))
		}
		g.tries[a]++
	}
}

// ghostRow is what the homeserver has of a ghost.
type ghostRow struct {
	registered bool
	name       string
	device     bool // there is one that is ready, and it is wanted
}

func (g *ghosts) stored(ctx context.Context) (map[id.Account]ghostRow, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	rows, err := g.n.db.QueryContext(ctx, `SELECT account, registered, name,
		? AND EXISTS (SELECT 1 FROM matrix_devices d WHERE d.account = g.account AND ready = 1) FROM matrix_ghosts g`, g.n.encrypts())
	if err != nil {
		return nil, fmt.Errorf("matrix: list ghosts: %w", err)
	}
	defer rows.Close()
	all := make(map[id.Account]ghostRow)
	for rows.Next() {
		var a id.Account
		var r ghostRow
		if err := rows.Scan(&a, &r.registered, &r.name, &r.device); err != nil {
			return nil, fmt.Errorf("matrix: list ghosts: %w", err)
		}
		all[a] = r
	}
	return all, rows.Err()
}

// ensureGhost registers an account's ghost and gives it its name, as far as the
// homeserver does not have them. Without rename a name that is already there
// may stay old, and one that cannot be set is no error.
func (n *Network) ensureGhost(ctx context.Context, a bridge.Account, rename bool) error {
	_, c, err := n.ghost(a.Address)
	if err != nil {
		return err
	}
	row, err := n.ghostRow(ctx, a.Address)
	if err != nil {
		return err
	}
	if !row.registered {
		if err := n.register(ctx, c, a.Address); err != nil {
			return err
		}
	}
	name, err := n.render(a)
	if err != nil || name == row.name || row.name != "" && !rename {
		return err
	}
	err = n.judge(c.SetDisplayName(ctx, name), textRefused)
	if err == nil {
		err = n.exec(ctx, "store ghost", `UPDATE matrix_ghosts SET name = ? WHERE account = ?`, name, a.Address)
	}
	if err != nil && !rename {
		n.log.Debug("name not set", "account", a.Address, "err", err)
		return nil
	}
	return err
}

// ghostRow reads what the homeserver has.
func (n *Network) ghostRow(ctx context.Context, a id.Account) (r ghostRow, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = n.db.QueryRowContext(ctx, `SELECT registered, name FROM matrix_ghosts WHERE account = ?`, a).Scan(&r.registered, &r.name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("matrix: find ghost: %w", err)
	}
	return r, nil
}

// register makes the ghost's user. One that is there is ours: nobody else may
// have that name.
func (n *Network) register(ctx context.Context, c *mautrix.Client, a id.Account) error {
	if err := n.registerUser(ctx, c); err != nil {
		return err
	}
	return n.exec(ctx, "store ghost", `INSERT INTO matrix_ghosts (account, registered) VALUES (?, 1)
		ON CONFLICT (account) DO UPDATE SET registered = 1`, a)
}

// registerUser makes the user that c acts as.
func (n *Network) registerUser(ctx context.Context, c *mautrix.Client) error {
	_, err := c.MakeRequest(ctx, "POST", c.BuildClientURL("v3", "register"), &mautrix.ReqRegister[any]{
		Username: c.UserID.Localpart(), Type: mautrix.AuthTypeAppservice, InhibitLogin: true,
	}, nil)
	if err != nil && !errors.Is(err, mautrix.MUserInUse) {
		return n.judge(err, textRegister)
	}
	return nil
}

// retire makes the ghost of an account that is gone leave all rooms.
func (n *Network) retire(ctx context.Context, a id.Account) error {
	rooms, err := n.roomsOf(ctx, a, "")
	if err != nil {
		return err
	}
	for _, r := range rooms {
		if err := n.leave(ctx, r, "This WebTV account is gone."); err != nil {
			return err
		}
	}
	if err := n.exec(ctx, "forget rooms", `DELETE FROM matrix_rooms WHERE account = ?`, a); err != nil {
		return err
	}
	if n.encrypts() {
		if err := n.devices.forget(ctx, a); err != nil {
			return err
		}
	}
	n.feeds.set(a, false, event.PresenceOffline)
	return n.exec(ctx, "forget ghost", `DELETE FROM matrix_ghosts WHERE account = ?`, a)
}

// render is the display name of an account's ghost: the template's text without
// line breaks and invisible characters, cut to maxGhostName. When nothing is
// left it is the address.
func (n *Network) render(a bridge.Account) (string, error) {
	var b strings.Builder
	err := n.name.Execute(&b, struct{ Name, Address, Local string }{a.Name, string(a.Address), a.Address.Local()})
	if err != nil {
		return "", fmt.Errorf("matrix.ghost_name: %w", err)
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, b.String())
	name = strings.Join(strings.Fields(name), " ")
	if r := []rune(name); len(r) > maxGhostName {
		name = strings.TrimSpace(string(r[:maxGhostName]))
	}
	if name == "" {
		name = string(a.Address)
	}
	return name, nil
}
