// Package discord brings boxes to Discord through one bot. A friend is the
// bot's direct messages with a person, which all boxes that know the person
// share; a channel that a moderator opened is a contact too.
//
// Who owns what:
//   - The gateway connection belongs to the goroutine of supervise (gateway.go),
//     which makes and abandons discordgo sessions. Their handlers run under the
//     library's lock and only put into the intake.
//   - The intake (intake.go) has a bounded queue for each channel and hands a
//     channel to one worker at a time; its own mutex is never held over I/O.
//   - What is known of guilds (guilds.go) and of presence (presence.go) is in
//     memory, each under a mutex of its own, and is made anew after every READY.
//   - The discord_ tables are written by the channels' workers, by calls of the
//     conversations and by interactions. Each statement is complete in itself.
//   - Requests go through rest (rest.go), which waits for Discord's limits and
//     can be called from anywhere.
package discord

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// Name is the network's key in the store and in logs.
const Name id.Network = "discord"

// Options is what the network needs to know. Log, Now, Guilds and Pace may be
// left out.
type Options struct {
	Token         string   // the bot's, without "Bot "
	APIURL        string   // https://discord.com/ or a compatible server
	AddressDomain string   // what stands behind the @ of friends: discord.com
	AccountDomain string   // of our own accounts: in /webtv add alice, alice is of it
	Guilds        []string // ids of the guilds to serve; none: all
	AskInChannel  bool     // ask by mention in the guild's WebTV channel when no DM is open
	// How a friend learns that a line waits for the box: a clock on it, and a line of
	// ours once for each time the box is off.
	WaitingReaction, WaitingLine bool

	Version string // of the program, for the User-Agent

	// Seal and Unseal keep the webhooks' tokens; context says what a secret is.
	Seal   func(plain []byte, context string) ([]byte, error)
	Unseal func(sealed []byte, context string) ([]byte, error)

	DB   *sql.DB // the gateway's SQLite database, with immediate transactions and a busy timeout
	Log  *slog.Logger
	Now  func() time.Time
	Pace *Pace // nil: DefaultPace; tests shorten it
}

// Network is Discord as the bridge sees it.
type Network struct {
	o    Options
	log  *slog.Logger
	now  func() time.Time
	db   *sql.DB
	pace Pace

	rest     *rest
	intake   *intake
	guilds   *guilds
	presence *presence
	asking   *asking
	typing   *typing
	reading  *reading
	names    *names
	files    *http.Client  // for Discord's own hosts
	ownFiles *http.Client  // for the server of discord.api_url
	ready    chan struct{} // READY has come: catch up
	chores   chan struct{} // something is due now
	talks    chan struct{} // holds a token for each interaction under way

	me      atomic.Pointer[self]  // who the bot is; nil before the first answer
	live    atomic.Pointer[live]  // set while Run runs
	intents atomic.Int64          // what was asked for
	wg      sync.WaitGroup        // goroutines of Run
	refused atomic.Pointer[error] // why no request may be made any more

	quarantined atomic.Bool  // no new direct messages until a person has looked
	empty       atomic.Int64 // messages that came without their text
	missed      misses
	clocks      clocks
	hooks       sync.Mutex // held while a webhook is found or made, so that there is one

	historyMu   sync.Mutex
	historyNext time.Time // when the next request for history may be made

	stmtMu sync.Mutex
	stmts  map[string]*sql.Stmt // by query

	statusMu sync.Mutex
	status   string // the bot's status line as it was sent
	statusAt time.Time
	barred   barred // channels in which the bot may not write
}

// self is the bot.
type self struct {
	user, application string
	flags             int64
}

// live is what Run has for the time it runs.
type live struct {
	in      bridge.Receiver
	ctx     context.Context
	gateway atomic.Pointer[link] // nil while not connected
}

// The interfaces of the bridge that the network fulfils.
var (
	_ bridge.Network     = (*Network)(nil)
	_ bridge.Inviter     = (*Network)(nil)
	_ bridge.Reader      = (*Network)(nil)
	_ bridge.Typer       = (*Network)(nil)
	_ bridge.Presencer   = (*Network)(nil)
	_ bridge.Ghostwriter = (*Network)(nil)
	_ bridge.Gatherer    = (*Network)(nil)
	_ bridge.Portrayer   = (*Network)(nil)
)

// schemaTimeout bounds bringing the tables up to date; a migration may rewrite
// a large one.
const schemaTimeout = 5 * time.Minute

// New checks the options and brings the tables up to date. It speaks to no one.
func New(o Options) (*Network, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Network{o: o, db: o.DB, now: o.Now, log: o.Log.With("network", string(Name)), pace: DefaultPace(), stmts: make(map[string]*sql.Stmt)}
	if o.Pace != nil {
		n.pace = *o.Pace
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	var err error
	if n.rest, err = newRest(n); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), schemaTimeout)
	defer cancel()
	if err := upgrade(ctx, o.DB); err != nil {
		return nil, err
	}
	n.files, n.ownFiles = fileClients(n.rest.transport.inner)
	n.intake = newIntake(n)
	n.guilds = newGuilds()
	n.presence = newPresence(n)
	n.asking = newAsking()
	n.typing = newTyping(n)
	n.reading = newReading()
	n.names = newNames()
	n.clocks.wake = make(chan struct{}, 1)
	n.ready = make(chan struct{}, 1)
	n.chores = make(chan struct{}, 1)
	n.talks = make(chan struct{}, maxTalks)
	return n, nil
}

// check reads the options; an error names the configuration's key.
func (o *Options) check() error {
	switch words := strings.Fields(o.Token); {
	case len(words) != 1:
		return errors.New("discord.token_file: it must hold the bot's token alone")
	case strings.Count(o.Token, ".") != 2 && strings.HasPrefix(o.Token, "mfa."):
		return errors.New("discord.token_file: this is a person's token; Discord forbids programs to use one: make a bot and give its token")
	}
	if u, err := url.Parse(o.APIURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("discord.api_url: %q is no http or https URL", o.APIURL)
	}
	if o.DB == nil {
		return errors.New("discord: no database")
	}
	if o.Seal == nil || o.Unseal == nil {
		return errors.New("discord: nothing to seal secrets with")
	}
	return nil
}

// Name is "discord".
func (n *Network) Name() id.Network { return Name }

// Serves takes the one domain of Discord addresses.
func (n *Network) Serves(domain string) bool { return domain == n.o.AddressDomain }

// receive gives an event to the core.
func (n *Network) receive(ctx context.Context, e bridge.Event) error {
	l := n.live.Load()
	if l == nil {
		return errNotRunning
	}
	return l.in.Receive(ctx, e)
}

// AccountChanged implements bridge.Ghostwriter.
func (n *Network) AccountChanged(a bridge.Account) { n.names.set(a) }

// AccountRemoved implements bridge.Ghostwriter: nobody can reach the account any
// more, so its pairs and channels end.
func (n *Network) AccountRemoved(a id.Account) {
	n.names.drop(a)
	ctx := context.Background()
	if l := n.live.Load(); l != nil {
		ctx = l.ctx
	}
	for _, q := range []string{`DELETE FROM discord_pairs WHERE account = ?`, `DELETE FROM discord_members WHERE account = ?`,
		`DELETE FROM discord_allowed WHERE account = ?`, `DELETE FROM discord_groups WHERE account = ?`} {
		if err := n.exec(ctx, "forget an account", q, a); err != nil {
			n.log.Error("an account's pairs stay", "account", a, "err", err)
		}
	}
}
