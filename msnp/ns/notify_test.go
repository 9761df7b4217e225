package ns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

var carol = server.Person{Address: "carol@example.net", Name: "Carol M"}

// What the backend tells a client, by dialect (msnp.md 8.3, 9.4, 12.2).
func TestNotices(t *testing.T) {
	tests := []struct {
		dialect string
		lines   string
	}{
		{"MSNP3", `S> NLN AWY carol@example.net Carol%20M
S> NLN NLN noname@example.net noname@example.net
S> FLN carol@example.net
S> ADD 0 RL 13 carol@example.net Carol%20M
S> ADD 0 FL 14 carol@example.net Carol%20M
S> REM 0 RL 15 carol@example.net
`},
		{"MSNP8", `S> NLN AWY carol@example.net Carol%20M 0
S> NLN NLN noname@example.net noname@example.net 32
S> FLN carol@example.net
S> ADD 0 RL 13 carol@example.net Carol%20M
S> ADD 0 FL 14 carol@example.net Carol%20M 0
S> REM 0 RL 15 carol@example.net
`},
	}
	for _, tt := range tests {
		t.Run(tt.dialect, func(t *testing.T) {
			s, alice := world(t, server.Options{})
			r := s.Runner(t)
			r.SignIn("", tt.dialect, "alice@example.net", "hunter22")
			r.Do("S> ILN 4 NLN bob@example.net Bob%20Smith" + map[string]string{"MSNP8": " 0"}[tt.dialect])
			n := alice.Notifier()
			n.Presence(server.Presence{Person: carol, Status: wire.Away})
			n.Presence(server.Presence{Person: server.Person{Address: "noname@example.net"}, Status: wire.Online, ClientID: "32"})
			n.Presence(server.Presence{Person: carol, Status: wire.Offline})
			n.Added(wire.Reverse, 13, carol)
			n.Added(wire.Forward, 14, carol)
			n.Removed(wire.Reverse, 15, carol.Address)
			r.Do(tt.lines + "S> [quiet]")
		})
	}
}

// A ring reaches the client with the address that this connection advertises;
// one whose cookie is unknown does not.
func TestRing(t *testing.T) {
	for advertise, host := range map[string]string{
		"": "", "auto": "", "gw.example.net": "gw.example.net:1863", "gw.example.net:1900": "gw.example.net:1900",
		"2001:db8::1": "[2001:db8::1]:1863",
	} {
		s, alice := world(t, server.Options{Advertise: advertise})
		if host == "" {
			host = s.Addr
		}
		r := s.Runner(t)
		r.SignIn("", "MSNP3", "alice@example.net", "hunter22")
		r.Do("S> ILN 4 NLN bob@example.net Bob%20Smith")
		alice.Notifier().Ring(server.Ring{Session: 1, Cookie: "1.2.3", From: carol})
		ring, err := s.Boards.Invite(s.Backend.AddFriend(carol.Address, carol.Name), alice.Principal())
		if err != nil {
			t.Fatal(err)
		}
		alice.Notifier().Ring(ring)
		r.Do(fmt.Sprintf("S> RNG %d %s CKI %s carol@example.net Carol%%20M\nC> XFR 9 SB\nS> XFR 9 SB %s CKI *",
			ring.Session, host, ring.Cookie, host))
	}
}

// early is a backend that uses the notifier before Verify has returned.
type early struct {
	*msnptest.Backend
	tell func(n server.Notifier)
}

type earlyLogin struct {
	server.Login
	tell func(n server.Notifier)
}

func (b early) Login(ctx context.Context, c server.Client, m server.Method, a string) (server.Login, error) {
	l, err := b.Backend.Login(ctx, c, m, a)
	return earlyLogin{l, b.tell}, err
}

func (l earlyLogin) Verify(ctx context.Context, response string, n server.Notifier) (server.Session, error) {
	s, err := l.Login.Verify(ctx, response, n)
	l.tell(n)
	return s, err
}

// Notices that come while USR OK is on its way follow it.
func TestNoticesWaitForOK(t *testing.T) {
	inner := msnptest.NewBackend()
	inner.Add("alice@example.net", "Alice", "hunter22")
	s, _ := world(t, server.Options{Backend: early{inner, func(n server.Notifier) {
		n.Added(wire.Reverse, 2, carol)
		n.Ring(server.Ring{Session: 1, Cookie: "1.2.3", From: carol}) // nobody can be called yet
	}}})
	s.Runner(t).Do(upToOK + "S> ADD 0 RL 2 carol@example.net Carol%20M\nS> [quiet]")
}

// A session that is replaced before it was told OK still gets its OUT OTH.
func TestClosedBeforeOK(t *testing.T) {
	inner := msnptest.NewBackend()
	inner.Add("alice@example.net", "Alice", "hunter22")
	s, _ := world(t, server.Options{Backend: early{inner, func(n server.Notifier) {
		n.Close(server.SignedInElsewhere)
		n.Close(server.ShuttingDown) // the first reason stays
	}}})
	s.Runner(t).Do(upToOK + "S> OUT OTH\nS> [closed]")
}

// The ways in which the gateway ends a session (msnp.md 16).
func TestClose(t *testing.T) {
	for why, lines := range map[server.Reason]string{
		server.SignedInElsewhere: "S> OUT OTH\nS> [closed]",
		server.ShuttingDown:      "S> OUT SSD\nS> [closed]",
		server.Dropped:           "S> [closed]",
	} {
		s, alice := world(t, server.Options{})
		r := s.Runner(t)
		r.Do(upToOK)
		alice.Kick(why)
		r.Do(lines)
	}
}

// Shutdown says OUT SSD to everyone, signed in or not.
func TestShutdown(t *testing.T) {
	s, _ := world(t, server.Options{})
	r := s.Runner(t)
	r.Do("Cnew> VER 1 MSNP8\nSnew> VER 1 MSNP8\n" + upToOK)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Do("Snew> OUT SSD\nSnew> [closed]\nS> OUT SSD\nS> [closed]")
	if _, err := net.Dial("tcp", s.Addr); err == nil {
		t.Error("the listener is still open")
	}
}

// Errors of the backend: one with a number is the reply, any other ends the
// connection, and so does a panic; the process and the others go on.
func TestBackendErrors(t *testing.T) {
	tests := []struct {
		name   string
		method string
		err    error // nil: panic
		script string
	}{
		{"login busy", "Login", wire.Refuse(wire.ErrAuthBusy), "C> VER 1 MSNP6\nS> VER 1 MSNP6\nC> USR 2 MD5 I a@example.net\nS> 910 2\nS> [closed]"},
		{"login broken", "Login", errors.New("store"), "C> VER 1 MSNP6\nS> VER 1 MSNP6\nC> USR 2 MD5 I a@example.net\nS> [closed]"},
		{"verify open refusal", "Verify", wire.Refuse(wire.ErrAuthFailed), upToChallenge + "C> USR 3 MD5 S 1c2bd3b5837ea132b7befba304a26e43\nS> 911 3\nS> [closed]"},
		{"database", "Sync", wire.Fail(wire.ErrDatabase, errors.New("store")), upToOK + "C> SYN 4 0\nS> 501 4\nS> [closed]"},
		{"broken", "SetStatus", errors.New("store"), upToOK + "C> CHG 4 NLN\nS> [closed]"},
		{"panic", "SetStatus", nil, upToOK + "C> CHG 4 NLN\nS> [closed]"},
		{"panic in the end", "Done", nil, upToOK + "C> OUT\nS> [closed]"},
		{"rename refused", "Rename", wire.Refuse(wire.ErrNameForbidden), upToOK + "C> REA 4 alice@example.net x\nS> 209 4\nS> [quiet]"},
		{"list full", "Add", wire.Refuse(wire.ErrListFull), upToOK + "C> ADD 4 FL x@example.net x\nS> 210 4\nS> [quiet]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := world(t, server.Options{})
			var off atomic.Bool
			s.Backend.Hook = func(method string) error {
				if off.Load() || method != tt.method {
					return nil
				}
				if tt.err == nil {
					panic("broken backend")
				}
				return tt.err
			}
			s.Runner(t).Do(tt.script)
			off.Store(true)
			if tt.err == nil && s.Stats().Panics != 1 {
				t.Errorf("%d panics counted", s.Stats().Panics)
			}
			s.Runner(t).Do(upToOK + "S> [quiet]")
		})
	}
}

// Without a switchboard there is none to be transferred to.
func TestNoBoards(t *testing.T) {
	s, _ := world(t, server.Options{})
	r := s.Runner(t)
	r.SignIn("", "MSNP3", "alice@example.net", "hunter22")
	r.Do("S> ILN 4 NLN bob@example.net Bob%20Smith")
	s.Boards.Close()
	r.Do("C> XFR 5 SB\nS> 280 5\nS> [quiet]")
}
