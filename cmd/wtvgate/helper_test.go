package main

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"wtvgate/bridge"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

// TestHelperFromTheFirstMinute: a fresh account signs in and is greeted once, asks
// for help, adds a friend by it and talks with them.
func TestHelperFromTheFirstMinute(t *testing.T) {
	t.Chdir(t.TempDir())
	g, key := startGateway(t)
	play(t, []step{
		{"account add alice@webtv.local", "", 0, "added"},
		{"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"},
	})
	ctx := t.Context()
	b := &demoBox{out: io.Discard, messenger: g.messengerPort.Addr().String(), passport: g.wtvpPorts.passport.Addr().String(), key: key}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(b.signIn(ctx))
	roster, err := b.ns.Sync(ctx, 0)
	must(err)
	if c, ok := roster.Find(demoHelper); !ok || c.Lists != wire.Lists(wire.Forward)|wire.Lists(wire.Allow)|wire.Lists(wire.Reverse) || c.Name != "Helper" {
		t.Errorf("the helper is %+v, %v", c, ok)
	}
	talk, err := b.open(ctx, demoHelper) // sooner than it rings
	must(err)
	read := func(want string) {
		t.Helper()
		got, err := b.read(ctx, talk)
		must(err)
		if got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
	read("Hello Alice! I am the gateway you are signed in\nto. Type help to see what I can do.")
	for _, s := range []struct{ say, want string }{
		{"help", "Type a word or its number:\n1 add, 2 who, 3 join, 4 mute, 5 find,\n6 status, 7 whoami, 8 settings, 9 more"},
		{"2", "Your list is empty. Type add to put somebody on\nit."},
		{"set emoji words", "Done: emoji is words."},
		{"Set Lines 20", "Done: lines is 20."},
		{"set lines many", "This does not work: lines: \"many\" is not allowed;\nallowed: auto | 1 to 500 | all."},
		{"add " + demoFriend, demoFriend + " is on your list now. You can\nwrite at once."},
	} {
		must(b.say(ctx, talk, s.say))
		read(s.want)
	}
	if a, err := awaitNS[msnp.Added](ctx, b); err != nil || a.Address != demoFriend {
		t.Errorf("the box was told of %+v, %v", a, err)
	}
	now, err := g.hub.Settings(ctx, demoAccount)
	must(err)
	if now.Lines != 20 || now.Emoji != 1 {
		t.Errorf("the settings are %+v", now)
	}
	must(b.say(ctx, talk, "8"))
	read("Who may write to you: everyone but those you\nmuted.")
	read("emoji=words links=whole edits=on reactions=on\nlines=20 piece=auto")
	read("To change one, type set, the word and the value.")
	must(b.say(ctx, talk, "status"))
	read("Loopback is up.")
	must(b.say(ctx, talk, "7"))
	read("You are Alice here: alice@webtv.local")
	must(talk.Leave(ctx))
	friend, err := b.open(ctx, demoFriend)
	must(err)
	must(b.exchange(ctx, friend, "Hello Echo"))
	must(b.ns.SignOut(ctx))

	must(b.signIn(ctx))
	defer b.ns.Close()
	must(b.ns.Ping(ctx)) // what rings at sign-in has rung by now
	for {
		select {
		case e := <-b.ns.Events():
			if r, ok := e.(msnp.Ringing); ok && r.From.Address == demoHelper {
				t.Errorf("rung again by %s", r.From.Address)
			}
			continue
		default:
		}
		return
	}
}

// TestGreetedOnceAcrossRestarts: the greeting is a row, and so is that it was given.
func TestGreetedOnceAcrossRestarts(t *testing.T) {
	t.Chdir(t.TempDir())
	for i := range 2 {
		c, err := openCore(t.Context(), demoConfig("data", [8]byte{}), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			err = demoAccounts(t.Context(), c.hub)
		}
		if err == nil {
			err = welcomeDemo(t.Context(), c)
		}
		rows, errRows := c.st.PendingIncoming(t.Context(), demoAccount, 0, 10)
		if err != nil || errRows != nil || len(rows) != 1 {
			t.Errorf("start %d: %d messages wait, %v, %v", i, len(rows), err, errRows)
		}
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func welcomeDemo(ctx context.Context, c *core) error {
	return c.hub.Welcome(ctx, bridge.Account{Address: demoAccount, Name: "Alice"})
}
