// Package picture shows friends' pictures on boxes: it hands out short links, and
// serves what is behind them over plain HTTP, small enough for a television and a
// modem. A link leads to one picture that a friend sent, and to nothing else:
// there is no way to name another.
//
// Who owns what:
//   - Gallery has the pictures that are being made, under one mutex that is never
//     held over I/O. Each is made once by a goroutine of its own, for all who ask.
//   - cache has the folder of finished pictures and its index, under another.
//   - visits counts who asks how often, under a third.
//   - The links are rows of the store.
package picture

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

const (
	// linkLife is how long a link works: a box that is off for a holiday still gets
	// the pictures, and then Discord's and most homeservers' own limits are near.
	linkLife = 30 * 24 * time.Hour
	// maxLinks is how many links an account has; the oldest go.
	maxLinks = 500
	// maxRef bounds a network's reference to a picture, in bytes: an encrypted one
	// of Matrix has about 400.
	maxRef = 4096
	// tokenLength and tokenLetters make a link that can be typed with a remote
	// control and not be guessed: 31^12 is 2^59, and an address may try ticketsPerMinute
	// a minute. Letters that look alike on a TV are left out.
	tokenLength  = 12
	tokenLetters = "abcdefghjkmnpqrstuvwxyz23456789"
)

// stopTimeout is how long answers under way may take at the end: a box on a modem
// would take longer than the whole stop may (design.md 6: 10 s).
const stopTimeout = time.Second

// Options are what a gallery needs.
type Options struct {
	Store *store.Store
	Hub   Opener
	Dir   string // where finished pictures are kept; made if it is not there
	Cache int64  // how many bytes of them; at least one picture
	// PublicURL begins the links, without a slash at the end. "": the address that
	// the box reached, and Port.
	PublicURL string
	Port      int
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
}

// Opener opens networks' files: the hub.
type Opener interface {
	OpenMedia(ctx context.Context, n id.Network, ref string) (bridge.Media, error)
}

// Gallery is the pictures of all accounts. It is an http.Handler.
type Gallery struct {
	o     Options
	log   *slog.Logger
	now   func() time.Time
	cache *cache
	visit visits
	srv   *http.Server

	ctx     context.Context // of the making of pictures
	cancel  context.CancelFunc
	making  sync.WaitGroup
	fetches chan struct{} // a token for each file that is being fetched
	turns   chan struct{} // a token for each conversion
	patient time.Duration // makeTimeout; tests shorten it

	mu      sync.Mutex
	flights map[string]*flight
	refused map[string]*refusal // pictures that will never be shown
}

// Open readies a gallery: it reads what is in its folder.
func Open(o Options) (*Gallery, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	c, err := openCache(o.Dir, o.Cache)
	if err != nil {
		return nil, err
	}
	g := &Gallery{o: o, log: o.Log, now: o.Now, cache: c, visit: visits{now: o.Now},
		fetches: make(chan struct{}, fetchers), turns: make(chan struct{}, converters), patient: makeTimeout,
		flights: make(map[string]*flight), refused: make(map[string]*refusal)}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.srv = g.newServer()
	return g, nil
}

// Link makes the link under which a box that reached us at an address finds a
// picture of a network; for one that cannot be shown it gives a note on it
// instead. The same picture has the same link for an account, also after a
// restart; each call lengthens its life.
func (g *Gallery) Link(ctx context.Context, a id.Account, n id.Network, f text.Attachment, reached netip.Addr) (link, note string, err error) {
	if kind := Unshowable(f.Type); kind != "" {
		return "", kind + " cannot be shown here", nil
	}
	switch {
	case f.Size > maxSource:
		return "", "too large to be shown here", nil
	case f.Ref == "" || len(f.Ref) > maxRef:
		return "", "", fmt.Errorf("picture: a reference of %d bytes", len(f.Ref))
	}
	sum := sha256.Sum256([]byte(string(n) + "\x00" + f.Ref))
	token, err := g.o.Store.AddPicture(ctx, store.PictureLink{Token: newToken(), Account: a, Network: n,
		File: hex.EncodeToString(sum[:]), Ref: f.Ref, Expires: g.now().Add(linkLife)}, maxLinks)
	if err != nil {
		return "", "", fmt.Errorf("picture: making a link: %w", err)
	}
	return g.base(reached) + path + token, "", nil
}

// base is what links begin with.
func (g *Gallery) base(reached netip.Addr) string {
	if g.o.PublicURL != "" {
		return g.o.PublicURL
	}
	return "http://" + net.JoinHostPort(reached.Unmap().WithZone("").String(), strconv.Itoa(g.o.Port))
}

// newToken makes the last part of a link.
func newToken() string {
	const fair = 256 / len(tokenLetters) * len(tokenLetters) // above it some letters would come more often
	out := make([]byte, 0, tokenLength)
	for len(out) < tokenLength {
		var b [2 * tokenLength]byte
		rand.Read(b[:])
		for _, c := range b {
			if int(c) < fair && len(out) < tokenLength {
				out = append(out, tokenLetters[int(c)%len(tokenLetters)])
			}
		}
	}
	return string(out)
}

// find is what is behind a token; a refusal for what is not there.
func (g *Gallery) find(ctx context.Context, token string) (store.PictureLink, error) {
	if len(token) != tokenLength {
		return store.PictureLink{}, errGone
	}
	p, err := g.o.Store.Picture(ctx, token)
	if errors.Is(err, store.ErrNotFound) || err == nil && !g.now().Before(p.Expires) {
		return store.PictureLink{}, errGone
	}
	return p, err
}

var errGone = &refusal{http.StatusNotFound, "This picture is not here, or not any more."}

// Serve answers until Shutdown.
func (g *Gallery) Serve(l net.Listener) error {
	if err := g.srv.Serve(limited(l)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("picture: %w", err)
	}
	return nil
}

// Shutdown ends it. A picture that is being made is given up.
func (g *Gallery) Shutdown(ctx context.Context) error {
	g.cancel()
	polite, done := context.WithTimeout(ctx, stopTimeout)
	defer done()
	if g.srv.Shutdown(polite) != nil {
		_ = g.srv.Close() // a box on a slow line does not get the rest
	}
	ended := make(chan struct{})
	go func() { g.making.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("picture: stopping: %w", ctx.Err())
	}
}
