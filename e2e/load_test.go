package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wtvgate/e2e/harness"
	"wtvgate/msnp/wire"
)

// load_test.go: much at once, and much that waits: acceptance checks 12 and 13.

// quickly is how many messages a box writes one after the other (check 13).
const quickly = 50

// Check 13: the homeserver limits what its users may do, as it comes; the ghosts
// do not run into that.
func TestAccept13DefaultLimits(t *testing.T) {
	var slowed atomic.Int32
	p := &parts{hs: harness.PrepareHomeserver(t)}
	p.hs.Limits = true
	target, err := url.Parse(p.hs.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.StatusCode == http.StatusTooManyRequests {
			slowed.Add(1)
		}
		return nil
	}
	between := httptest.NewServer(proxy)
	t.Cleanup(between.Close)
	p.g = harness.NewGatewayBehind(t, between.URL)
	p.hs.Configure(p.g.Registration)
	p.hs.Start()
	p.box = p.g.AddAccount("alice", "Alice")
	p.g.Start()
	fritz := p.hs.NewJSFriend("fritz")
	room := talk(p, fritz)
	want := []string{"hello Fritz"}
	for i := range quickly {
		text := fmt.Sprint("quick ", i)
		p.box.Say(fritzAddress, text)
		want = append(want, text)
	}
	fritz.WaitText(room, aliceUser, want[quickly])
	if got := fritz.Texts(room, aliceUser); !slices.Equal(got, want) {
		t.Errorf("the friend has %q", got)
	}
	if n := slowed.Load(); n != 0 {
		t.Errorf("%d requests were answered 429", n)
	}
}

const (
	idleBoxes  = 100
	idleMemory = 60 << 20 // bytes that the gateway may have for them
	idleCPU    = 2        // percent of one processor that it may use
	idleFor    = time.Minute
)

// Check 12: boxes that are signed in and do nothing, each with a friend in a room,
// and all their ghosts asking all the time.
func TestAccept12Idle(t *testing.T) {
	if !soaking() {
		t.Skip("takes minutes and a quiet machine: set WTVGATE_SOAK=1")
	}
	p := newPartsWith(t, func(hs *harness.Homeserver) { hs.Presence = true })
	p.g.Stop()
	p.g.Env = []string{"WTVGATE_LOG_LEVEL=info"}
	boxes := []*harness.Box{p.box}
	for i := range idleBoxes - 1 {
		boxes = append(boxes, p.g.AddAccount(fmt.Sprint("box", i), fmt.Sprint("Box ", i)))
	}
	p.g.Start()
	var wg sync.WaitGroup
	for i, b := range boxes {
		b.SignIn(wire.MSNP8)
		b.Add(wire.Allow, bobAddress, bobAddress)
		b.Add(wire.Forward, bobAddress, bobAddress)
		name := "alice"
		if i > 0 {
			name = fmt.Sprint("box", i-1)
		}
		room, _ := p.bob.WaitInvite(harness.Ghost(name))
		p.bob.Join(room)
		wg.Go(func() { b.WaitPresence(bobAddress, wire.Online) })
	}
	wg.Wait()
	t.Log("all are signed in; now they rest")
	<-time.After(idleFor) // what signing in has left behind is gone
	before, homeBefore := p.g.Usage(), p.hs.Usage()
	begin := time.Now()
	<-time.After(idleFor)
	after, homeAfter := p.g.Usage(), p.hs.Usage()
	share := func(a, b harness.Usage) float64 { return 100 * float64(b.CPU-a.CPU) / float64(time.Since(begin)) }
	used := share(before, after)
	t.Logf("%d boxes for %v: gateway %.1f MB (at most %.1f), %.2f %% CPU; homeserver %.1f MB, %.2f %% CPU", idleBoxes, idleFor,
		float64(after.RSS)/(1<<20), float64(after.Peak)/(1<<20), used, float64(homeAfter.RSS)/(1<<20), share(homeBefore, homeAfter))
	if after.RSS >= idleMemory || used >= idleCPU {
		t.Errorf("more than %d MB or %d %% CPU", idleMemory>>20, idleCPU)
	}
}
