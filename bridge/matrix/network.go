// Package matrix brings boxes to Matrix as an application service: each account
// has a ghost, a Matrix user of its own, and talks with each friend in a direct
// room, and with others in rooms for several people. The homeserver pushes events to us; we write as the ghosts.
//
// Who owns what:
//
//   - The homeserver's pushes are rows of matrix_inbox before they are
//     answered. One worker at a time takes a room's rows, in order; a room that
//     cannot go on rests and holds no other (inbox.go).
//
//   - matrix_rooms is written by a room's worker and by the calls of the
//     account's conversation with that friend. Each statement is complete in
//     itself and a row's state tells what may follow, so neither needs a lock.
//     The same holds for the tables of rooms for several people (crowd.go).
//
//   - ghosts has the accounts and what is still to be told of them to the
//     homeserver, under one mutex that is never held over I/O.
//
//   - The state of the connection belongs to the goroutine of supervise.
//
//   - A ghost's device is worked on under locks of its own (crypto_device.go,
//     crypto_send.go); the library keeps its keys in crypto_* tables. What asks
//     the homeserver all the time belongs to feeds (sync.go).
package matrix

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"text/template"
	"time"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/publicnet"
)

// Name is the network's key in the store and in logs.
const Name id.Network = "matrix"

// Options is what the network needs to know. All but InviteDeny, Log and Now
// must be given.
type Options struct {
	HomeserverURL string   // where we reach the homeserver
	Domain        string   // its server name: what stands behind the colon of its users
	Listen        string   // where we listen for it
	URL           string   // where it reaches us
	Registration  string   // path of the registration file
	GhostPrefix   string   // how the ghosts' user names begin: webtv_
	GhostName     string   // template of their display names: {{.Name}} (WebTV)
	Bot           string   // user name of the application service itself
	Encryption    string   // off, allow or require
	TellWaiting   bool     // friends are told that what they wrote waits for a box
	ShowPresence  bool     // ghosts are shown as their boxes are
	Avatars       string   // folder of the accounts' own pictures; "": ghosts have none
	InviteAllow   []string // who may invite: patterns over user ids, * for anything
	InviteDeny    []string // who may not, although InviteAllow has them
	Operators     []string // user ids of those the bot answers
	// Console answers a line of an operator's; nil: the bot answers nobody.
	Console      func(ctx context.Context, who, line string) string
	RoomMembers  int    // how many people a room for several may have; 0: no such rooms
	Owners       string // folder of the owners' own access tokens, see owners.go; "": none
	OtherBridges bool   // users of other bridges are let through

	DB    *sql.DB // the gateway's SQLite database, with immediate transactions and a busy timeout
	Vault Vault   // seals secrets; not needed with encryption off
	Log   *slog.Logger
	Now   func() time.Time
}

// Network is Matrix as the bridge sees it.
type Network struct {
	o      Options
	log    *slog.Logger
	now    func() time.Time
	db     *sql.DB
	name   *template.Template
	rules  sync.RWMutex // guards allow and deny
	allow  []*regexp.Regexp
	deny   []*regexp.Regexp
	pace   pace
	client *http.Client
	public *http.Client // for where the homeserver sends us: public addresses only

	inbox    *inbox
	ghosts   *ghosts
	devices  *devices // nil: encryption is off
	feeds    *feeds
	flow     *flow
	ephemera *ephemera
	owners   *owners
	plain    sync.Map      // rooms that were seen to be unencrypted since the start
	suspect  chan struct{} // a call failed: look at the homeserver now
	firstUp  chan struct{} // closed when the homeserver is there for the first time
	compared chan struct{} // closed when the rooms were compared after that

	ln   net.Listener         // set by Listen, used by Run
	live atomic.Pointer[live] // set once Run has what it needs to make calls
}

// The interfaces of the bridge that the network fulfils.
var (
	_ bridge.Network     = (*Network)(nil)
	_ bridge.Inviter     = (*Network)(nil)
	_ bridge.Reader      = (*Network)(nil)
	_ bridge.Typer       = (*Network)(nil)
	_ bridge.Presencer   = (*Network)(nil)
	_ bridge.Ghostwriter = (*Network)(nil)
	_ bridge.Attendant   = (*Network)(nil)
	_ bridge.Leaver      = (*Network)(nil)
)

// schemaTimeout bounds bringing the tables up to date; a migration may rewrite
// a large one.
const schemaTimeout = 5 * time.Minute

// New checks the options and brings the tables up to date. It speaks to no one
// and does not need the registration file.
func New(o Options) (*Network, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Network{
		o: o, db: o.DB, now: o.Now, pace: defaultPace(),
		log:     o.Log.With("network", string(Name)),
		client:  newHTTPClient(),
		public:  publicnet.NewClient(requestTimeout),
		suspect: make(chan struct{}, 1), firstUp: make(chan struct{}), compared: make(chan struct{}),
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), schemaTimeout)
	defer cancel()
	if err := upgrade(ctx, o.DB); err != nil {
		return nil, err
	}
	n.inbox = newInbox(n)
	n.ghosts = newGhosts(n)
	n.feeds = newFeeds(n)
	n.flow = newFlow()
	n.ephemera = newEphemera(n)
	n.owners = newOwners()
	if o.Encryption != encryptionOff {
		var err error
		if n.devices, err = openDevices(ctx, n); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// check reads the options; an error names the configuration's key.
func (n *Network) check() error {
	o := n.o
	if err := o.checkNames(); err != nil {
		return err
	}
	switch o.Encryption {
	case encryptionOff, encryptionAllow, encryptionRequire:
	default:
		return fmt.Errorf("matrix.encryption: %q is none of off, allow, require", o.Encryption)
	}
	if u, err := url.Parse(o.HomeserverURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("matrix.homeserver.url: %q is no http or https URL", o.HomeserverURL)
	}
	if o.DB == nil {
		return errors.New("matrix: no database")
	}
	var err error
	if n.name, err = template.New("matrix.ghost_name").Parse(o.GhostName); err == nil {
		_, err = n.render(bridge.Account{Address: "alice@example.org", Name: "Alice"})
	}
	if err != nil {
		return fmt.Errorf("matrix.ghost_name: %w", err)
	}
	n.allow, n.deny = patterns(o.InviteAllow), patterns(o.InviteDeny)
	return nil
}

// checkNames reads the parts that make up user ids.
func (o Options) checkNames() error {
	if !mid.ValidateServerName(o.Domain) {
		return fmt.Errorf("matrix.homeserver.domain: %q is no server name", o.Domain)
	}
	if mid.ValidateUserLocalpart(o.GhostPrefix) != nil {
		return fmt.Errorf("matrix.ghost_prefix: %q must be of a-z 0-9 . _ = - / +", o.GhostPrefix)
	}
	if mid.ValidateUserLocalpart(o.Bot) != nil {
		return fmt.Errorf("matrix.bot: %q must be of a-z 0-9 . _ = - / +", o.Bot)
	}
	if strings.HasPrefix(o.Bot, o.GhostPrefix) {
		return fmt.Errorf("matrix.bot: %q begins with matrix.ghost_prefix and could be some account's ghost", o.Bot)
	}
	return nil
}

// patterns compiles user id patterns in which * stands for anything.
func patterns(list []string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, p := range list {
		all = append(all, regexp.MustCompile(`^(?s:`+strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, `.*`)+`)$`))
	}
	return all
}

// mayInvite tells whether the operator lets this user ask our accounts.
func (n *Network) mayInvite(user mid.UserID) bool {
	matches := func(list []*regexp.Regexp) bool {
		for _, re := range list {
			if re.MatchString(string(user)) {
				return true
			}
		}
		return false
	}
	n.rules.RLock()
	defer n.rules.RUnlock()
	return matches(n.allow) && !matches(n.deny)
}

// Name is "matrix".
func (n *Network) Name() id.Network { return Name }

// Serves takes every domain that can be a Matrix server's name: whoever else
// has a domain must be asked first.
func (n *Network) Serves(domain string) bool { return mid.ValidateServerName(domain) }
