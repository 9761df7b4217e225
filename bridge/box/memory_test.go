package box

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"testing"

	"wtvgate/bridge"
	"wtvgate/bridge/helper"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
	"wtvgate/puppets"
)

// helperCost is what the helper may add to an idle account, in bytes: all that a
// signed-in box may cost is 12.6 KiB.
const helperCost = 200

// TestIdleMemory: the contact that everybody has costs an idle account next to
// nothing.
func TestIdleMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector needs memory of its own")
	}
	without, with := idle(t, false), idle(t, true)
	t.Logf("%d bytes for each account, %d with the helper", without, with)
	if with-without > helperCost {
		t.Errorf("the helper costs %d bytes for each account, want at most %d", with-without, helperCost)
	}
}

// mute is a client that is told nothing that is kept.
type mute struct{ server.Notifier }

func (mute) Presence(server.Presence) {}
func (mute) Close(server.Reason)      {}

// idle is what one account costs that is signed in, has read its greeting and does
// nothing.
func idle(t *testing.T, withHelper bool) int {
	const accounts = 500
	st, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	hub := bridge.NewHub(st, puppets.NewDirectory("webtv.local"), log, nil)
	if withHelper {
		if err := hub.Add(helper.New(helper.Options{Core: hub, Domain: "webtv.local"})); err != nil {
			t.Fatal(err)
		}
	}
	gw := NewGateway(Options{Hub: hub, Log: log, Flatten: FlattenFirstGeneration})
	ctx, cancel := context.WithCancel(t.Context())
	gw.Start(ctx, noBoards{})
	infos := make([]bridge.AccountInfo, accounts)
	for i := range infos {
		a := id.Account(fmt.Sprintf("w%d@webtv.local", i))
		if err := hub.CreateAccount(ctx, bridge.NewAccount{Address: a, Name: "W"}); err != nil {
			t.Fatal(err)
		}
		if infos[i], err = hub.AccountInfo(ctx, a); err != nil {
			t.Fatal(err)
		}
		rows, err := hub.WaitingFrom(ctx, id.Conversation{Account: a, Peer: helperAddr}, 0, 10)
		if err == nil && len(rows) > 0 {
			err = hub.Delivered(ctx, rows)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	costs := make([]int, 5)
	for i := range costs {
		costs[i] = signedIn(t, gw, infos, withHelper)
	}
	slices.Sort(costs)
	cancel()
	gw.Wait()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	return costs[len(costs)/2] // what the store and the runtime keep comes and goes
}

// signedIn signs all accounts in and out, and gives what one of them costs meanwhile.
func signedIn(t *testing.T, gw *Gateway, infos []bridge.AccountInfo, withHelper bool) int {
	t.Helper()
	ctx, before := t.Context(), heap()
	all := make([]*account, len(infos))
	for i, info := range infos {
		var err error
		if all[i], err = gw.open(ctx, info, server.Client{Dialect: wire.MSNP6}, true, mute{}); err != nil {
			t.Fatal(err)
		}
		shown := 0
		if err = all[i].Sync(ctx, 0, func(server.Roster) {}); err == nil {
			err = all[i].SetStatus(ctx, wire.Online, "0", func(p []server.Presence) { shown = len(p) })
		}
		if err != nil || shown == 1 != withHelper {
			t.Fatalf("%d contacts are shown, %v", shown, err)
		}
	}
	cost := (heap() - before) / len(all)
	for _, a := range all {
		a.Done()
	}
	return cost
}

// heap is the memory in use after a collection; the second one empties the pools.
func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
