package passport

import (
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"time"
)

const (
	// TicketLife is how long a ticket may be presented. At least 10 minutes
	// (msnp.md 4.5); a box dials out and back meanwhile, which may take 480 s
	// (msnp.md 17.1), so there is some slack.
	TicketLife = 15 * time.Minute
	// ticketBytes are the random bytes of a ticket: 128 bits. In base64 that is 22
	// characters of [A-Za-z0-9_-]: no percent sign, comma, quote or space, which
	// clients trip over, and a sign-in line far below 512 bytes (msnp.md 4.5, 25.8).
	ticketBytes = 16
	// maxAccountTickets are out for one account: a client asks for one, and tries
	// again a few times. The oldest goes first.
	maxAccountTickets = 8
	// maxTickets are out in all, about 3 MiB: more than every box of a full
	// gateway (10,000, design.md 8) signing in within one TicketLife.
	maxTickets = 16384
)

// Tickets are the tickets that sign-in handed out and the notification server
// has not taken yet. A ticket opens one session of the account it was issued
// for, once. Only digests are kept, so what is compared says nothing about the
// ticket, and the time it takes nothing about how much of a guess was right.
type Tickets struct {
	now    func() time.Time
	random func([]byte)

	mu    sync.Mutex
	byKey map[ticketKey]*list.Element
	order *list.List     // of ticket, the oldest first
	count map[string]int // of tickets, by address
}

type ticketKey [sha256.Size]byte

type ticket struct {
	key     ticketKey
	address string
	issued  time.Time
}

// NewTickets makes an empty store. now is the clock; nil: time.Now.
func NewTickets(now func() time.Time) *Tickets {
	if now == nil {
		now = time.Now
	}
	return &Tickets{now: now, random: randomBytes, byKey: make(map[ticketKey]*list.Element), order: list.New(), count: make(map[string]int)}
}

func randomBytes(p []byte) {
	_, _ = rand.Read(p) // never fails
}

// Issue makes a ticket for an account that has just proved who it is. When there
// are too many, the oldest of the account, or of all, is void.
func (t *Tickets) Issue(address string) string {
	var b [ticketBytes]byte
	t.random(b[:])
	text := base64.RawURLEncoding.EncodeToString(b[:])
	address = strings.ToLower(address)
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	if t.count[address] >= maxAccountTickets {
		t.drop(t.oldest(address))
	}
	if t.order.Len() >= maxTickets {
		t.drop(t.order.Front())
	}
	key := ticketKey(sha256.Sum256([]byte(text)))
	t.byKey[key] = t.order.PushBack(ticket{key, address, now})
	t.count[address]++
	return text
}

// Redeem takes what a client sent in `USR t TWN S`, `t=...&p=...` or the bare
// ticket, and tells whether it is a valid ticket of the account's. It is used up
// then. A ticket of another account's stays with that account.
func (t *Tickets) Redeem(address, response string) bool {
	key := ticketKey(sha256.Sum256([]byte(TicketOf(response))))
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	e := t.byKey[key]
	if e == nil || e.Value.(ticket).address != strings.ToLower(address) {
		return false
	}
	t.drop(e)
	return true
}

// Forget voids the tickets of an account, because its password changed or it is
// gone.
func (t *Tickets) Forget(address string) {
	address = strings.ToLower(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.count[address] > 0 {
		t.drop(t.oldest(address))
	}
}

// expire drops what is too old; all tickets live equally long, so these are the
// first.
func (t *Tickets) expire(now time.Time) {
	for e := t.order.Front(); e != nil && now.Sub(e.Value.(ticket).issued) > TicketLife; e = t.order.Front() {
		t.drop(e)
	}
}

// oldest is the account's oldest ticket. It must have one.
func (t *Tickets) oldest(address string) *list.Element {
	e := t.order.Front()
	for e.Value.(ticket).address != address {
		e = e.Next()
	}
	return e
}

func (t *Tickets) drop(e *list.Element) {
	k := t.order.Remove(e).(ticket)
	delete(t.byKey, k.key)
	if t.count[k.address]--; t.count[k.address] == 0 {
		delete(t.count, k.address)
	}
}

// TicketOf takes the ticket out of `t=...&p=...`, or takes all of it (msnp.md 4.5).
func TicketOf(response string) string {
	t, _, _ := strings.Cut(strings.TrimPrefix(response, "t="), "&")
	return t
}
