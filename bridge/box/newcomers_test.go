package box

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wtvgate/wtvp/service"
)

// One program that claims one serial number after the other made 227 accounts a
// second.
func TestAccountsMadeInALoopAreBounded(t *testing.T) {
	r := newRig(t, func(o *Options) { o.FirstBox = true })
	n := 0
	choose := func(from string) error {
		n++
		_, err := r.gw.Register(t.Context(), service.Box{SSID: fmt.Sprintf("81%d", n), Named: true,
			Remote: netip.AddrPortFrom(netip.MustParseAddr(from), 2)}, fmt.Sprintf("u%d", n))
		return err
	}
	for range maxNewFrom {
		if err := choose("203.0.114.7"); err != nil {
			t.Fatal(err)
		}
	}
	var refusal *service.Refusal
	if err := choose("203.0.114.7"); !errors.As(err, &refusal) || refusal.Text != textCrowd {
		t.Errorf("one more: %v", err)
	}
	for _, other := range []string{"203.0.114.8", "10.0.0.1", "127.0.0.1"} {
		if err := choose(other); err != nil {
			t.Errorf("%s: %v", other, err)
		}
	}
	if all, err := r.hub.AccountInfos(t.Context()); err != nil || len(all) < maxNewFrom+3 {
		t.Errorf("%d accounts, %v", len(all), err)
	}
}

// A name that somebody has does not count, and nobody is refused for it.
func TestNamesThatAreTakenDoNotCount(t *testing.T) {
	r := newRig(t, func(o *Options) { o.FirstBox = true })
	at := netip.AddrPortFrom(netip.MustParseAddr("203.0.114.7"), 2)
	b := service.Box{SSID: "81new", Named: true, Remote: at}
	var refusal *service.Refusal
	for range 2 * maxNewFrom {
		if _, err := r.gw.Register(t.Context(), b, "alice"); !errors.As(err, &refusal) || refusal.Text != textNameTaken {
			t.Fatal(err)
		}
	}
	if _, err := r.gw.Register(t.Context(), b, "new"); err != nil {
		t.Error(err)
	}
}

func TestNewcomersAreCounted(t *testing.T) {
	var n newcomers
	now := time.Unix(1000, 0)
	var let atomic.Int64
	var all sync.WaitGroup
	for i := range 100 { // at once, from one IPv6 subscriber
		all.Go(func() {
			if n.begin(netip.MustParseAddr(fmt.Sprintf("2a00::%x", i+1)), now) {
				let.Add(1)
			}
		})
	}
	all.Wait()
	if let.Load() != maxNewFrom {
		t.Errorf("%d of one subscriber, want %d", let.Load(), maxNewFrom)
	}
	for i := maxNewFrom; i < maxNew; i++ {
		if !n.begin(netip.MustParseAddr("10.0.0.1"), now) {
			t.Fatalf("%d are too many behind a NAT", i)
		}
	}
	one := netip.MustParseAddr("2a00:1::1")
	if n.begin(one, now) || n.begin(netip.MustParseAddr("10.0.0.1"), now) {
		t.Error("one more than all is let in")
	}
	if !n.begin(netip.MustParseAddr("::1"), now) {
		t.Error("a proxy on this machine is refused")
	}
	n.end(netip.MustParseAddr("10.0.0.1"), false)
	if !n.begin(one, now) || n.begin(one, now) {
		t.Error("a place that was given back is not there, or more than one is")
	}
	if later := now.Add(newWindow); !n.begin(one, later) || n.all != 1 || len(n.from) != 1 {
		t.Errorf("an hour later %d of %v are counted", n.all, n.from)
	}
}
