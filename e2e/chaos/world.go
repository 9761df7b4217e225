package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"

	"wtvgate/bridge/discord/discordtest"
	"wtvgate/e2e/harness"
)

// readEvery is how often it is looked whether everything has arrived.
const readEvery = 4 * time.Second

// Size of a run.
type Size struct {
	Boxes, Kills, Outages int
	Seed                  uint64
	Pause                 time.Duration // about, between two blows
	Pace                  time.Duration // between two texts of one person, on average
}

// World is everything that runs.
type World struct {
	Size
	t        *testing.T
	rnd      *rand.Rand
	l        *Ledger
	hs       *harness.Homeserver
	out, in  *Tangle // to the homeserver; from it
	d        *discordtest.Server
	g        *harness.Gateway
	boxes    []*Box
	chats    []*Chat
	people   [][]*Chat // by friend
	talk     atomic.Bool
	lines    Lines
	killed   int
	outages  int
	stop     context.CancelFunc
	running  sync.WaitGroup
	stopHarm context.CancelFunc
	harming  sync.WaitGroup
}

// NewWorld starts everything and makes friends.
func NewWorld(t *testing.T, s Size) *World {
	t.Helper()
	w := &World{Size: s, t: t, rnd: rand.New(rand.NewPCG(s.Seed, 0)), l: &Ledger{}, hs: harness.PrepareHomeserver(t)}
	w.out, w.in = NewTangle(s.Seed, false), NewTangle(s.Seed+1, true)
	t.Cleanup(w.out.Close)
	t.Cleanup(w.in.Close)
	skew := []time.Duration{-36 * time.Hour, 0, 36 * time.Hour}[w.rnd.IntN(3)]
	t.Logf("Discord's clock is off by %v", skew)
	w.d = discordtest.Start(t, discordtest.Options{Limits: discordtest.Loose(), Now: func() time.Time { return time.Now().Add(skew) }})
	w.g = harness.NewRoughGateway(t, harness.Between{Homeserver: w.out.URL, Appservice: w.in.URL, Discord: w.d.URL(), Token: w.d.Token()})
	w.hs.Configure(w.g.Registration)
	w.hs.Start()
	w.out.To(w.hs.URL)
	w.in.To("http://" + w.g.Appservice)
	guild := w.d.AddGuild("WebTV Fans")
	general := guild.AddChannel("general")
	w.g.Start()
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	t.Cleanup(func() { cancel(); w.running.Wait() })
	for i := range s.Boxes {
		b := NewBox(w.g, w.l, fmt.Sprintf("b%02d", i), s.Seed+uint64(i), &w.talk)
		b.Pace = s.Pace
		w.boxes = append(w.boxes, b)
		w.running.Go(func() { b.Live(ctx) })
	}
	for i, b := range w.boxes {
		w.until(b.Address+" signs in", b.On)
		if i%5 < 3 {
			w.befriendMatrix(b, i)
		} else {
			w.befriendDiscord(b, i, guild, general)
		}
	}
	for i := 0; i+1 < s.Boxes; i += 2 {
		w.pair(w.boxes[i], w.boxes[i+1])
	}
	for i, chats := range w.people {
		w.running.Go(func() { Live(ctx, chats, s.Seed+uint64(i), s.Pace, &w.talk) })
	}
	return w
}

// until waits for something that happens without anybody telling.
func (w *World) until(what string, cond func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), harness.Wait)
	defer cancel()
	for !cond() {
		if pause(ctx, 20*time.Millisecond); ctx.Err() != nil {
			w.t.Fatalf("in vain: %s; the gateway said last:\n%s", what, w.g.Log())
		}
	}
}

func (w *World) must(what string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// befriendMatrix gives the box a room with a Matrix friend, who has several.
func (w *World) befriendMatrix(b *Box, i int) {
	w.t.Helper()
	name := fmt.Sprintf("m%d", i)
	f := w.hs.NewFriend(name)
	address, ghost := name+"@"+harness.Domain, harness.Ghost(fmt.Sprintf("b%02d", i))
	w.must("adding", b.Add(context.Background(), address))
	room, _ := f.WaitInvite(ghost)
	f.Join(room)
	f.WaitMember(room, f.ID, event.MembershipJoin)
	w.befriended(MatrixChat(w.l, f, room, ghost, b, address))
}

// befriendDiscord links the box with a person of Discord, who asks for it.
func (w *World) befriendDiscord(b *Box, i int, guild *discordtest.Guild, general *discordtest.Channel) {
	w.t.Helper()
	name := fmt.Sprintf("d%d", i)
	p := w.d.AddUser(name)
	p.Join(guild)
	p.Status("online")
	address := name + "@discord.com"
	ctx, cancel := context.WithTimeout(context.Background(), harness.Wait)
	defer cancel()
	_, err := p.Command(general, "webtv", discordtest.Sub("add", discordtest.Arg("name", fmt.Sprintf("b%02d", i)))).Wait(ctx)
	w.must("/webtv add", err)
	w.until(address+" asks", func() bool { return b.Added(address) })
	w.must("adding", b.Add(ctx, address))
	w.until(address+" is told", func() bool { return len(w.d.Sent(p.DM())) > 0 })
	w.befriended(DiscordChat(w.l, w.d, p, b, address))
}

func (w *World) befriended(c *Chat) {
	w.chats = append(w.chats, c)
	w.people = append(w.people, []*Chat{c})
}

// pair makes two boxes write to each other.
func (w *World) pair(a, b *Box) {
	w.t.Helper()
	w.must("adding", a.Add(context.Background(), b.Address))
	w.must("adding", b.Add(context.Background(), a.Address))
	a.Writes(b.Address, true)
	b.Writes(a.Address, true)
}

// Harm begins to spoil lines and requests.
func (w *World) Harm() {
	w.talk.Store(true)
	w.out.Plain.Store(false)
	w.in.Plain.Store(false)
	ctx, cancel := context.WithCancel(context.Background())
	w.stopHarm = cancel
	w.harming.Go(func() { w.lines = SpoilLines(ctx, w.boxes, w.Seed) })
}

// Break kills, and takes away what the gateway needs, as often as the size says.
func (w *World) Break() {
	w.t.Helper()
	for _, kill := range w.blows() {
		pause(context.Background(), w.Pause/2+time.Duration(w.rnd.Int64N(int64(w.Pause))))
		SpoilDiscord(w.d, w.rnd)
		if kill {
			w.kill()
		} else {
			w.outage()
		}
	}
	pause(context.Background(), w.Pause)
}

// blows are the kills and outages in random order.
func (w *World) blows() []bool {
	all := make([]bool, w.Kills+w.Outages)
	for i := range w.Kills {
		all[i] = true
	}
	w.rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (w *World) kill() {
	w.t.Helper()
	w.g.Kill()
	w.l.Killed()
	w.killed++
	w.g.AnHourPasses()
	pause(context.Background(), time.Duration(w.rnd.Int64N(int64(time.Second))))
	w.g.StartAlone()
}

// outage takes a network away for a while, and sometimes kills the gateway in it.
func (w *World) outage() {
	w.t.Helper()
	w.outages++
	long := func() { pause(context.Background(), w.Pause/2+time.Duration(w.rnd.Int64N(int64(w.Pause)))) }
	switch w.outages % 3 {
	case 0:
		w.hs.Pause()
		long()
		w.hs.Resume()
	case 1:
		w.hs.Stop()
		long()
		w.hs.Start()
	default:
		down := w.d.Fail("", discordtest.Fault{Status: 503, Message: "down", Times: -1})
		w.d.Drop()
		long()
		w.d.ForgetSessions()
		down.Disarm()
	}
}

// Settle ends the harm and waits until everything is accounted for.
func (w *World) Settle(within time.Duration) {
	w.t.Helper()
	w.stopHarm()
	w.harming.Wait()
	w.talk.Store(false)
	w.out.Plain.Store(true)
	w.in.Plain.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for {
		err := w.read(ctx)
		if err == nil && w.l.Open() == 0 || ctx.Err() != nil {
			break
		}
		w.t.Logf("%d are on their way", w.l.Open())
		pause(ctx, readEvery) // reading all rooms is work for the homeserver
	}
	w.must("reading what friends have", w.read(context.Background()))
}

func (w *World) read(ctx context.Context) error {
	for _, c := range w.chats {
		if err := c.Read(ctx, w.l); err != nil {
			return err
		}
	}
	return nil
}

// inquire says what gateway and network know of messages of boxes that are missing.
func (w *World) inquire() {
	w.t.Helper()
	for _, c := range w.chats {
		for _, part := range c.from.Missing() {
			state, ev, err := w.g.Sent(part)
			w.t.Logf("%q: the gateway notes %q as event %q; %v", part, state, ev, err)
			if err == nil && ev != "" && c.event != nil {
				w.t.Logf("%q: asked for that event the homeserver says: %v", part, c.event(context.Background(), ev))
			}
		}
	}
}
