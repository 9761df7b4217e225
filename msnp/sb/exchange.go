package sb

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// Lifetimes and bounds.
const (
	// CookieLifetime is how long the cookie of XFR is good: the live service
	// kept them two minutes, modems get ten (msnp.md 12.1).
	CookieLifetime = 10 * time.Minute
	// RingLifetime is how long an invitation can be answered (msnp.md 17.5).
	RingLifetime = 120 * time.Second
	// MaxBoards is how many switchboard connections one account may have, and
	// how many unused cookies of each kind (msnp.md 15).
	MaxBoards = 32
	// MaxPeople is how many are in one board, guests and those being rung
	// included (msnp.md 12.5).
	MaxPeople = 32
)

// errFull: a bound of this file was reached.
var errFull = errors.New("sb: too many boards or rings for one account")

// errClosed: the server is ending.
var errClosed = errors.New("sb: exchange closed")

// Options of an Exchange; both may be left out.
type Options struct {
	Logger *slog.Logger
	Now    func() time.Time
}

// Exchange is where switchboards are made and found. It implements
// server.Boards for the notification server and, with it, server.Switchboards
// for the gateway. Methods are safe from any goroutine.
type Exchange struct {
	log *slog.Logger
	now func() time.Time

	mu       sync.Mutex // guards all below
	cookies  map[string]*cookie
	boards   map[int32]*board
	accounts map[string]*account
	closed   bool
}

var _ server.Boards = (*Exchange)(nil)

// account is what the exchange knows of one address: its open connections and
// its unused cookies, oldest first.
type account struct {
	links []*link
	opens []*cookie
	rings []*cookie
}

// cookie is the right to enter a switchboard once: a new one (board is nil) or
// the one that somebody rings from.
type cookie struct {
	text  string
	to    string // key of the address it belongs to
	board *board
	timer *time.Timer

	// ready is closed when the caller has been told RINGING; until then nobody
	// may join, or the JOI would overtake that line (msnp.md 23.11).
	ready chan struct{}
	rung  time.Time

	who server.Principal // guarded by Exchange.mu: Bind changes it
}

// NewExchange makes an exchange without boards.
func NewExchange(o Options) *Exchange {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Exchange{
		log: o.Logger, now: o.Now,
		cookies:  make(map[string]*cookie),
		boards:   make(map[int32]*board),
		accounts: make(map[string]*account),
	}
}

// key is an address as it is compared (msnp.md 4.4).
func key(address string) string { return strings.ToLower(address) }

// Open implements server.Boards. Of too many unused cookies the oldest dies: a
// client that never came is no reason to refuse it now.
func (x *Exchange) Open(p server.Principal) (string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return "", wire.Refuse(wire.ErrBoardFailed)
	}
	a := x.account(key(p.Address))
	if len(a.links) >= MaxBoards {
		return "", wire.Refuse(wire.ErrBoardFailed)
	}
	if len(a.opens) >= MaxBoards {
		x.forget(a.opens[0])
	}
	ck := x.issue(p, nil, CookieLifetime)
	a.opens = append(a.opens, ck)
	return ck.text, nil
}

// ring makes a cookie with which who can join b. The timer runs from now on.
func (x *Exchange) ring(b *board, who server.Principal) (*cookie, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, errClosed
	}
	a := x.account(key(who.Address))
	if len(a.rings) >= MaxBoards || len(a.links) >= MaxBoards {
		return nil, errFull
	}
	ck := x.issue(who, b, RingLifetime)
	ck.ready = make(chan struct{})
	ck.rung = x.now()
	a.rings = append(a.rings, ck)
	return ck, nil
}

// issue makes a cookie. The caller holds mu.
func (x *Exchange) issue(p server.Principal, b *board, life time.Duration) *cookie {
	ck := &cookie{who: p, to: key(p.Address), board: b}
	for ck.text == "" || x.cookies[ck.text] != nil {
		ck.text = newCookie(x.now())
	}
	x.cookies[ck.text] = ck
	ck.timer = time.AfterFunc(life, func() { x.safely(func() { x.expire(ck) }) })
	return ck
}

// newCookie has the form clients know, three numbers with dots (msnp.md 4.7);
// two of them are random, 60 bits together.
func newCookie(now time.Time) string {
	var r [8]byte
	_, _ = rand.Read(r[:]) // crypto/rand.Read never fails: it ends the process
	const mask = 1<<30 - 1
	return fmt.Sprintf("%d.%d.%d", now.Unix(),
		binary.BigEndian.Uint32(r[:4])&mask, binary.BigEndian.Uint32(r[4:])&mask)
}

// account is made when first needed. The caller holds mu.
func (x *Exchange) account(k string) *account {
	a := x.accounts[k]
	if a == nil {
		a = &account{}
		x.accounts[k] = a
	}
	return a
}

// forget takes a cookie out of all maps; false: it was not in them any more.
// The caller holds mu.
func (x *Exchange) forget(ck *cookie) bool {
	if x.cookies[ck.text] != ck {
		return false
	}
	delete(x.cookies, ck.text)
	ck.timer.Stop()
	a := x.account(ck.to)
	a.opens = without(a.opens, ck)
	a.rings = without(a.rings, ck)
	x.tidy(ck.to, a)
	return true
}

// void forgets cookies that can not be answered any more.
func (x *Exchange) void(list []*cookie) {
	if len(list) == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, ck := range list {
		x.forget(ck)
	}
}

// safely runs f, which calls out, where a panic would end the process.
func (x *Exchange) safely(f func()) {
	defer func() {
		if r := recover(); r != nil {
			x.log.Error("panic in a switchboard", "err", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	f()
}

func (x *Exchange) tidy(k string, a *account) {
	if len(a.links)+len(a.opens)+len(a.rings) == 0 {
		delete(x.accounts, k)
	}
}

func without[T comparable](list []T, v T) []T {
	for i, o := range list {
		if o == v {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// expire is the end of a cookie nobody used.
func (x *Exchange) expire(ck *cookie) {
	x.mu.Lock()
	gone := !x.forget(ck)
	x.mu.Unlock()
	if !gone && ck.board != nil {
		ck.board.unring(ck)
	}
}

// admit uses a cookie up and counts the connection in, as one step: a session
// that ends meanwhile finds either the cookie or the connection. The cookie must
// belong to address, and to board id when that is not 0.
func (x *Exchange) admit(l *link, address, text string, id int32) (*cookie, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	ck := x.cookies[text]
	switch {
	case ck == nil, ck.to != key(address),
		id == 0 && ck.board != nil,
		id != 0 && (ck.board == nil || ck.board.id != id):
		return nil, errors.New("sb: no such cookie")
	}
	x.forget(ck)
	a := x.account(ck.to)
	if len(a.links) >= MaxBoards {
		x.tidy(ck.to, a)
		return ck, errFull
	}
	l.who = ck.who
	a.links = append(a.links, l)
	return ck, nil
}

// Bind implements server.Boards.
func (x *Exchange) Bind(text string, p server.Principal) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	ck := x.cookies[text]
	if ck == nil || ck.board == nil || ck.to != key(p.Address) {
		return false
	}
	ck.who.Dialect, ck.who.Session = p.Dialect, p.Session
	return true
}

// Invite implements server.Switchboards. The guest hears of its board when the
// ring is answered (Opened) or has ended (Closed).
func (x *Exchange) Invite(g server.Guest, owner server.Principal) (server.Ring, error) {
	from := g.Person()
	b, err := x.newBoard()
	if err != nil {
		return server.Ring{}, err
	}
	b.host(newParticipant(from, nil, g))
	ck, err := x.ring(b, owner)
	if err != nil {
		b.discard()
		return server.Ring{}, err
	}
	close(ck.ready)
	if err := b.ringing(ck); err != nil {
		b.discard()
		return server.Ring{}, fmt.Errorf("sb: invite: %w", err)
	}
	return server.Ring{Session: b.id, Cookie: ck.text, From: from}, nil
}

// newBoard makes an empty board with a number of its own that clients can hold
// in a signed 32-bit integer (msnp.md 12.1).
func (x *Exchange) newBoard() (*board, error) {
	b := &board{x: x, last: x.now()}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, errClosed
	}
	for b.id == 0 || x.boards[b.id] != nil {
		var r [4]byte
		_, _ = rand.Read(r[:]) // never fails
		b.id = int32(binary.BigEndian.Uint32(r[:]) & math.MaxInt32)
	}
	x.boards[b.id] = b
	b.timer = time.AfterFunc(soloIdle, func() { x.safely(b.tick) })
	return b, nil
}

func (x *Exchange) dropBoard(b *board) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.boards, b.id)
}

// exit counts a connection out.
func (x *Exchange) exit(l *link) {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := key(l.who.Address)
	if a := x.accounts[k]; a != nil {
		a.links = without(a.links, l)
		x.tidy(k, a)
	}
}

// End implements server.Boards.
func (x *Exchange) End(s server.Session, kick bool) {
	address := key(s.Self().Address)
	var links []*link
	var rings []*cookie
	x.mu.Lock()
	if a := x.accounts[address]; a != nil {
		for _, ck := range append(append([]*cookie(nil), a.opens...), a.rings...) {
			if ck.who.Session == s && x.forget(ck) && ck.board != nil {
				rings = append(rings, ck)
			}
		}
		for _, l := range a.links {
			if kick && l.who.Session == s {
				links = append(links, l)
			}
		}
	}
	x.mu.Unlock()
	for _, ck := range rings {
		ck.board.unring(ck)
	}
	for _, l := range links {
		l.c.End("session of the account ended")
	}
}

// Close implements server.Boards.
func (x *Exchange) Close() {
	x.mu.Lock()
	x.closed = true
	boards := make([]*board, 0, len(x.boards))
	for _, b := range x.boards {
		boards = append(boards, b)
	}
	cookies := make([]*cookie, 0, len(x.cookies))
	for _, ck := range x.cookies {
		cookies = append(cookies, ck)
	}
	for _, ck := range cookies {
		x.forget(ck)
	}
	x.mu.Unlock()
	for _, b := range boards {
		b.end("shutdown", false)
	}
}
