package box

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/store/storetest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
	"wtvgate/puppets"
)

// stage is a gateway on a clock of its own: sessions without connections, whose
// clients are the test.
type stage struct {
	t   *testing.T
	hub *bridge.Hub
	gw  *Gateway
	net *testNet
	// more are the further networks.
	more []bridge.Network
}

// onStage runs f in a bubble with the accounts alice, carol and dora, and perhaps
// with more networks.
func onStage(t *testing.T, flatten Flatten, f func(s *stage), more ...func(*bridge.Hub) bridge.Network) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		st, err := store.Open(t.Context(), storetest.Dir(t), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		s := &stage{t: t, net: newTestNet(), hub: bridge.NewHub(st, puppets.NewDirectory("webtv.local"), log, nil)}
		if err := s.hub.Add(s.net); err != nil {
			t.Fatal(err)
		}
		for _, n := range more {
			s.more = append(s.more, n(s.hub))
			if err := s.hub.Add(s.more[len(s.more)-1]); err != nil {
				t.Fatal(err)
			}
		}
		s.gw = NewGateway(Options{Hub: s.hub, Log: log, Flatten: flatten})
		ctx, cancel := context.WithCancel(context.Background())
		s.gw.Start(ctx, noBoards{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.hub.Run(ctx); err != nil {
				t.Errorf("hub: %v", err)
			}
		})
		<-s.net.up
		defer func() {
			cancel()
			wg.Wait()
			s.gw.Wait()
			if err := st.Close(); err != nil {
				t.Errorf("closing the store: %v", err)
			}
		}()
		for _, name := range []string{"alice", "carol", "dora"} {
			if err := s.hub.CreateAccount(ctx, bridge.NewAccount{Address: acct(name)}); err != nil {
				t.Fatal(err)
			}
		}
		f(s)
	})
}

// noBoards never rings.
type noBoards struct{}

func (noBoards) Invite(server.Guest, server.Principal) (server.Ring, error) {
	return server.Ring{}, errors.New("no boards here")
}

// becomes changes a friend's presence.
func (s *stage) becomes(who string, p bridge.Presence) {
	s.t.Helper()
	s.net.mu.Lock()
	s.net.seen[id.Remote(who)] = p
	s.net.mu.Unlock()
	s.receive(bridge.PresenceEvent{From: id.Remote(who), Presence: p})
}

func (s *stage) receive(e bridge.Event) {
	s.t.Helper()
	if err := s.net.in.Receive(s.t.Context(), e); err != nil {
		s.t.Fatal(err)
	}
}

// actor is a signed-in account and what its client was told.
type actor struct {
	*account
	t     *testing.T
	mu    sync.Mutex
	lines []string
}

func (a *actor) note(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines = append(a.lines, fmt.Sprintf(format, args...))
}

func (a *actor) Presence(p server.Presence) {
	if p.Status == wire.Offline {
		a.note("FLN %s", p.Address)
		return
	}
	a.note("NLN %s %s", p.Status, p.Address)
}
func (a *actor) Added(l wire.List, _ uint32, p server.Person) { a.note("ADD %s %s", l, p.Address) }
func (a *actor) Removed(l wire.List, _ uint32, addr string)   { a.note("REM %s %s", l, addr) }
func (a *actor) Phone(_ uint32, addr string, p server.Phone)  { a.note("BPR %s %s", addr, p.Kind) }
func (a *actor) Ring(r server.Ring)                           { a.note("RNG %s", r.From.Address) }
func (a *actor) Close(why server.Reason)                      { a.note("OUT %s", why) }

// told gives the lines since the last call, when everything has come to rest.
func (a *actor) told() []string {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	lines := a.lines
	a.lines = nil
	return lines
}

// tells wants exactly these lines since the last call.
func (a *actor) tells(want ...string) {
	a.t.Helper()
	if got := a.told(); !slices.Equal(got, want) {
		a.t.Errorf("%s was told %q, want %q", a.addr, got, want)
	}
}

// enter signs an account in; it has asked for its lists and is not visible yet.
func (s *stage) enter(name string, c server.Client, byBox bool) *actor {
	s.t.Helper()
	info, err := s.hub.AccountInfo(s.t.Context(), acct(name))
	if err != nil {
		s.t.Fatal(err)
	}
	a := &actor{t: s.t}
	if a.account, err = s.gw.open(s.t.Context(), info, c, byBox, a); err != nil {
		s.t.Fatal(err)
	}
	if err := a.Sync(s.t.Context(), 0, func(server.Roster) {}); err != nil {
		s.t.Fatal(err)
	}
	return a
}

// pcClient is one that is shown states.
var pcClient = server.Client{Dialect: wire.MSNP7}

// visible signs an account in and shows it.
func (s *stage) visible(name string, st wire.Status) *actor {
	s.t.Helper()
	a := s.enter(name, pcClient, false)
	a.status(st)
	return a
}

// status sets it and gives what the first CHG lists.
func (a *actor) status(st wire.Status) (initial []string) {
	a.t.Helper()
	err := a.SetStatus(a.t.Context(), st, "0", func(all []server.Presence) {
		for _, p := range all {
			initial = append(initial, string(p.Status)+" "+p.Address)
		}
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return initial
}

// edit is `ADD AL address`, `REM FL address`, `BLP BL` or `IMS OFF`.
func (a *actor) edit(line string) {
	a.t.Helper()
	w := strings.Fields(line)
	var err error
	switch l, _ := wire.ParseList(w[1]); w[0] {
	case "ADD":
		err = a.Add(a.t.Context(), l, w[2], w[2], -1, func(server.Change) {})
	case "REM":
		err = a.Remove(a.t.Context(), l, w[2], -1, func(server.Change) {})
	case "BLP":
		err = a.SetPrivacy(a.t.Context(), w[1], func(uint32) {})
	case "IMS":
		err = a.SetInvitations(a.t.Context(), w[1] == "ON", func() {})
	case "CHG":
		a.status(wire.Status(w[1]))
	default:
		a.t.Fatalf("no such edit: %s", line)
	}
	if err != nil {
		a.t.Fatalf("%s: %v", line, err)
	}
}

// calls tells what comes of CAL: ring, waits (a guest takes what is written), or
// the error's number.
func (a *actor) calls(address string) string {
	a.t.Helper()
	c, err := a.Call(a.t.Context(), address)
	var we *wire.Error
	switch {
	case errors.As(err, &we):
		return fmt.Sprint(we.Code)
	case err != nil:
		a.t.Fatal(err)
	case c.Ring != nil && c.Guest == nil:
		return "ring"
	case c.Guest != nil && c.Ring == nil:
		return "waits"
	}
	return fmt.Sprintf("%+v", c)
}
