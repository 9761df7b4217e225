package e2e

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/e2e/harness"
	"wtvgate/msnp/wire"
)

// soak_test.go: many friends and many boxes write to each other while the gateway
// is killed and the homeserver restarted, and every message is accounted for.

// size is how much a soak is.
type size struct {
	friends, boxes, messages int
	encrypted                int // of the friends: each has a client of its own
	kills, restarts          int // of the gateway, of the homeserver
}

var (
	shortSoak = size{friends: 4, boxes: 2, messages: 60, encrypted: 1, kills: 1, restarts: 1}
	wholeSoak = size{friends: 50, boxes: 20, messages: 5000, encrypted: 4, kills: 5, restarts: 3}
)

// soakSize reads WTVGATE_SOAK: nothing for the short form, FRIENDSxBOXESxMESSAGES
// for a size, and 1 for the whole of it.
func soakSize(t *testing.T) size {
	t.Helper()
	v := os.Getenv("WTVGATE_SOAK")
	if v == "" {
		return shortSoak
	}
	s := wholeSoak
	if v == "1" {
		return s
	}
	if n, err := fmt.Sscanf(v, "%dx%dx%d", &s.friends, &s.boxes, &s.messages); n != 3 || s.friends < s.encrypted || s.boxes < 1 {
		t.Fatalf("WTVGATE_SOAK=%s: %v; 1 or FRIENDSxBOXESxMESSAGES with at least %d friends", v, err, s.encrypted)
	}
	return s
}

// writer is a friend of either kind.
type writer interface {
	Send(mid.RoomID, string) mid.EventID
	Texts(mid.RoomID, mid.UserID) []string
}

// conversation is a friend and a box, and what they wrote.
type conversation struct {
	friend  writer
	box     *soakBox
	room    mid.RoomID
	address string // of the friend, as the box calls it
	ghost   mid.UserID
	out, in []harness.Message // from the box, from the friend; each written by one goroutine
	turn    chan struct{}     // a word of the friend's for each of the box's: a box alone is far faster
}

// soakBox is a box that comes back whenever the gateway does.
type soakBox struct {
	*harness.Box
	mu   sync.Mutex // held for a message, and while it signs in
	back chan struct{}
}

// soak is all of it.
type soak struct {
	*parts
	t     *testing.T
	size  size
	boxes []*soakBox
	all   []*conversation
	home  sync.RWMutex // friends write while it is held for reading: it is not they who are tested
	sent  *meter

	gateway, homeserver time.Duration // processor time of those that have ended
	restarted           time.Time     // when the homeserver last was
}

// meter counts, and wakes who waits for a count.
type meter struct {
	mu      sync.Mutex
	n       int
	changed chan struct{}
}

func (m *meter) add() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n++
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *meter) wait(t *testing.T, n int) {
	t.Helper()
	stuck := time.NewTimer(2 * harness.Wait)
	for {
		m.mu.Lock()
		now, changed := m.n, m.changed
		m.mu.Unlock()
		if now >= n {
			return
		}
		stuck.Reset(2 * harness.Wait)
		select {
		case <-changed:
		case <-stuck.C:
			t.Fatalf("nothing is written any more after %d of %d messages", now, n)
		}
	}
}

// TestSoak is the short form in every run, and the whole with WTVGATE_SOAK=1.
func TestSoak(t *testing.T) {
	s := &soak{t: t, size: soakSize(t), sent: &meter{changed: make(chan struct{})}}
	s.parts = newPartsWith(t, func(*harness.Homeserver) {})
	s.meet()
	begin := time.Now()
	gatewayBefore, homeBefore := s.g.Usage().CPU, s.hs.Usage().CPU
	var wg sync.WaitGroup
	each := s.size.messages / len(s.all) / 2
	for i, c := range s.all {
		wg.Go(func() { s.friendWrites(c, i, each) })
		wg.Go(func() { s.boxWrites(c, i, each) })
	}
	total := 2 * each * len(s.all)
	troubles := s.size.kills + s.size.restarts
	for i, kills := 1, 0; i <= troubles; i++ {
		s.sent.wait(t, total*i/(troubles+1))
		if kills*troubles < i*s.size.kills && kills < s.size.kills {
			kills++
			s.killGateway()
		} else {
			s.restartHomeserver(i%2 == 0)
		}
	}
	wg.Wait()
	took := time.Since(begin)
	if soaking() && !harness.Synapse() {
		<-time.After(time.Until(s.restarted.Add(lateAfter)))
	}
	out, in := s.account()
	s.gateway += s.g.Usage().CPU - gatewayBefore
	s.homeserver += s.hs.Usage().CPU - homeBefore
	n := time.Duration(out.Sent + out.Unsure + in.Sent)
	t.Logf("%d friends, %d boxes, %d kills, %d restarts, %v", s.size.friends, s.size.boxes, s.size.kills, s.size.restarts, took.Round(time.Second))
	t.Logf("from boxes: %v", out)
	t.Logf("to boxes:   %v", in)
	t.Logf("processor time for each message: gateway %v, homeserver %v; gateway %.1f MB at most since its last start",
		(s.gateway / n).Round(10*time.Microsecond), (s.homeserver / n).Round(10*time.Microsecond), float64(s.g.Usage().Peak)/(1<<20))
	if !out.Clean() || !in.Clean() || out.ShownAgain != 0 {
		t.Error("not every message came once and in order")
	}
}

// meet has everybody know each other.
func (s *soak) meet() {
	s.g.Stop()
	s.g.Env = []string{"WTVGATE_LOG_LEVEL=info"}
	names := []string{"alice"}
	s.boxes = []*soakBox{{Box: s.box, back: make(chan struct{})}}
	for i := range s.size.boxes - 1 {
		names = append(names, fmt.Sprint("box", i))
		s.boxes = append(s.boxes, &soakBox{Box: s.g.AddAccount(names[i+1], names[i+1]), back: make(chan struct{})})
	}
	s.g.Start()
	for i, b := range s.boxes {
		b.SignIn([]wire.Dialect{wire.MSNP8, wire.MSNP6}[i%2])
	}
	for i := range s.size.friends {
		at := i % len(s.boxes)
		name := fmt.Sprint("friend", i)
		c := &conversation{box: s.boxes[at], address: name + "@" + harness.Domain, ghost: harness.Ghost(names[at]),
			turn: make(chan struct{}, s.size.messages)}
		if i < s.size.encrypted {
			f := s.hs.NewJSFriend(name)
			c.friend = f
			s.befriend(c, func() mid.RoomID {
				room, _ := f.WaitInvite(c.ghost)
				f.Room("join", room)
				return room
			})
			f.WaitDevice(c.ghost) // a first message to devices that a client does not know yet is check 1
		} else {
			f := s.hs.NewFriend(name)
			c.friend = f
			s.befriend(c, func() mid.RoomID {
				room, _ := f.WaitInvite(c.ghost)
				f.Join(room)
				return room
			})
		}
		s.all = append(s.all, c)
	}
}

func (s *soak) befriend(c *conversation, join func() mid.RoomID) {
	c.box.Add(wire.Allow, c.address, c.address)
	c.box.Add(wire.Forward, c.address, c.address)
	c.room = join()
	c.box.WaitPresence(c.address, wire.Online)
}

// friendWrites writes one after the other, but not into a homeserver that is away.
func (s *soak) friendWrites(c *conversation, who, count int) {
	defer close(c.turn)
	for i := range count {
		text := fmt.Sprintf("friend %d writes %d", who, i)
		s.home.RLock()
		c.friend.Send(c.room, text)
		s.home.RUnlock()
		c.in = append(c.in, harness.Message{Text: text})
		c.turn <- struct{}{}
		s.sent.add()
	}
}

// boxWrites writes one after the other, and goes on when the gateway is back.
func (s *soak) boxWrites(c *conversation, who, count int) {
	for i := range count {
		<-c.turn
		text := fmt.Sprintf("box %d writes %d", who, i)
		c.box.mu.Lock()
		err := c.box.TrySay(c.address, text)
		back := c.box.back
		c.box.mu.Unlock()
		c.out = append(c.out, harness.Message{Text: text, Unsure: err != nil})
		s.sent.add()
		if err == nil {
			continue
		}
		select {
		case <-back:
		case <-time.After(harness.Wait):
			s.t.Errorf("box %d cannot write: %v", who, err)
			return
		}
	}
}

// killGateway kills it and has the boxes sign in with the next.
func (s *soak) killGateway() {
	s.gateway += s.g.Usage().CPU
	s.g.Kill()
	s.g.Start()
	var wg sync.WaitGroup
	for _, b := range s.boxes {
		wg.Go(func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.Drop()
			b.SignIn(wire.MSNP8)
			close(b.back)
			b.back = make(chan struct{})
		})
	}
	wg.Wait()
}

// restartHomeserver ends it, in order or not, while boxes write.
func (s *soak) restartHomeserver(kill bool) {
	s.home.Lock()
	defer s.home.Unlock()
	s.homeserver += s.hs.Usage().CPU
	if kill {
		s.hs.Kill()
	} else {
		s.hs.Stop()
	}
	s.hs.Start()
	s.restarted = time.Now()
}

// lateAfter is when Dendrite gives out again what it had taken and not done with
// when it ended: a message that was sent again meanwhile comes twice then.
const lateAfter = 6 * time.Minute

// account waits until everything has come, and says what did.
func (s *soak) account() (out, in harness.Ledger) {
	for who, c := range s.all {
		c.box.WaitText(c.address, c.in[len(c.in)-1].Text)
		end := fmt.Sprintf("box %d is done", who)
		c.box.Say(c.address, end)
		c.out = append(c.out, harness.Message{Text: end})
		switch f := c.friend.(type) {
		case *harness.JSFriend:
			f.WaitText(c.room, c.ghost, end)
		case *harness.Friend:
			f.WaitText(c.room, c.ghost, end)
		}
		var came []harness.Arrived
		for _, text := range s.settled(c) {
			came = append(came, harness.Arrived{Text: text})
		}
		out = s.add(out, harness.Judge(c.out, came), who, "from", came)
		came = nil
		for _, h := range c.box.Heard(c.address) {
			came = append(came, harness.Arrived{Text: timed.ReplaceAllString(h.Text, ""), Life: h.Session})
		}
		in = s.add(in, harness.Judge(c.in, came), who, "to", came)
	}
	return out, in
}

// add says which conversation went wrong, and what came in it.
func (s *soak) add(sum, l harness.Ledger, who int, way string, came []harness.Arrived) harness.Ledger {
	if !l.Clean() {
		s.t.Logf("conversation %d, in %s, %s the box: %v: %+v", who, s.all[who].room, way, l, came)
	}
	return sum.Plus(l)
}

// has is what the friend's homeserver has of the box's words. The client of an
// encrypted room is asked itself; another one's sync may leave a gap after a
// restart of the homeserver, which clients fill from the history as this does.
func (s *soak) has(c *conversation) []string {
	f, ok := c.friend.(*harness.Friend)
	if !ok {
		return c.friend.Texts(c.room, c.ghost)
	}
	texts, err := f.All(s.t.Context(), c.room, c.ghost)
	if err != nil {
		s.t.Fatal(err)
	}
	return texts
}

// takenBack is how long a message that Dendrite brings out a second time may stand
// there: it does so when the room is written to again, and then it is taken back.
const takenBack = 30 * time.Second

// settled is has, once nothing stands there twice, or that was waited for in vain.
func (s *soak) settled(c *conversation) []string {
	for until := time.Now().Add(takenBack); ; <-time.After(200 * time.Millisecond) {
		texts := s.has(c)
		once := slices.Compact(slices.Sorted(slices.Values(texts)))
		if len(once) == len(texts) || time.Now().After(until) {
			return texts
		}
	}
}
