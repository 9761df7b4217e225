package server

import (
	"maps"
	"net/netip"
	"testing"
)

func TestStats(t *testing.T) {
	s := New(Options{})
	s.Handle("wtv-passport", nil)
	s.Handle("wtv-home", HandlerFunc(nil))
	s.count("wtv-home", 200)
	s.count("wtv-home", 200)
	s.count("a-stranger's-word", 500)
	s.count("", 400)
	want := map[Answered]uint64{{"wtv-home", 200}: 2, {"", 500}: 1, {"", 400}: 1}
	if got := s.Stats(); got.Connections != 0 || !maps.Equal(got.Answers, want) {
		t.Errorf("%+v", got)
	}
	for i := range 2 * maxAnswered {
		s.count("wtv-home", 1000+i)
	}
	s.count("wtv-home", 200)
	if got := s.Stats().Answers; len(got) != maxAnswered || got[Answered{"wtv-home", 200}] != 3 {
		t.Errorf("%d counters, %d", len(got), got[Answered{"wtv-home", 200}])
	}
}

func TestSetAllowed(t *testing.T) {
	s := New(Options{Allowed: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	in, out := netip.MustParseAddr("10.1.1.1"), netip.MustParseAddr("192.0.2.1")
	look := func(a netip.Addr) string {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.turnAway(a, netip.Addr{})
	}
	if look(in) != "" || look(out) == "" {
		t.Error("at first")
	}
	s.SetAllowed([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})
	if look(in) == "" || look(out) != "" {
		t.Error("after the change")
	}
	s.SetAllowed(nil)
	if look(in) != "" || look(out) != "" {
		t.Error("any")
	}
}
