package server_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
)

func TestSource(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.10":        "192.0.2.10",
		"::ffff:192.0.2.10": "192.0.2.10",
		"2001:db8:1:2:3::4": "2001:db8:1:2::",
		"fe80::1%eth0":      "fe80::",
		"::1":               "::1",
		"127.0.0.1":         "127.0.0.1",
	} {
		if got := server.Source(netip.MustParseAddr(in)); got != netip.MustParseAddr(want) {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := server.Source(netip.Addr{}); got.IsValid() {
		t.Errorf("of no address: %s", got)
	}
}

// All addresses of a subscriber in IPv6 are one: with one connection from each of
// them one subscriber took all the places there are.
func TestIPv6SubscriberIsOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := msnptest.NewPipe()
		s, _ := serve(t, server.Options{Limits: server.Limits{Connections: 50, PerAddress: 2}}, ln)
		from := ""
		r := msnptest.NewRunnerOn(t, func() (net.Conn, error) { return ln.Dial(from) })
		for i := range 10 {
			from = fmt.Sprintf("[2001:db8::%d]:1000", i)
			if i < 2 {
				r.Do(fmt.Sprintf("C%d> INN 1\nS%d> INN 1", i, i))
			} else {
				r.Do(fmt.Sprintf("C%d> \"\"\nS%d> [closed]", i, i))
			}
		}
		from = "[2001:db8:0:1::1]:1000" // the neighbour
		r.Do("C11> INN 1\nS11> INN 1")
		if st := s.Stats(); st.Connections != 3 || st.Refused != 8 {
			t.Errorf("%+v", st)
		}
	})
}
