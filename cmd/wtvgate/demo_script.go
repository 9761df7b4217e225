package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"wtvgate/cmd/wtvgate/simbox"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

// demoScript is the fixed conversation: every step must happen. newest
// is the number of the newest message the gateway has for boxes.
func demoScript(ctx context.Context, b *demoBox, newest func(context.Context) (int64, error)) error {
	chapter := func(title string) { fmt.Fprintf(b.out, "\n== %s\n", title) }
	chapter("The box fetches its ticket and signs in")
	if err := b.signIn(ctx); err != nil {
		return err
	}
	chapter("The gateway's own contact, which greets this once")
	if err := b.meetHelper(ctx); err != nil {
		return err
	}
	chapter("It adds a friend")
	if err := b.befriend(ctx); err != nil {
		return err
	}
	chapter("They talk")
	talk, err := b.open(ctx, demoFriend)
	if err != nil {
		return err
	}
	for _, line := range []string{"Hello from my TV!", "Does a café serve tea?"} {
		if err := b.exchange(ctx, talk, line); err != nil {
			return err
		}
	}
	chapter("The box signs out and leaves a last line; the answer waits")
	if err := b.ns.SignOut(ctx); err != nil {
		return fmt.Errorf("signing out: %w", err)
	}
	const last = "Good night"
	before, err := newest(ctx)
	if err != nil {
		return err
	}
	if err := b.say(ctx, talk, last); err != nil {
		return err
	}
	if err := talk.Leave(ctx); err != nil {
		return fmt.Errorf("leaving the conversation: %w", err)
	}
	b.screen("(off)")
	if err := rises(ctx, before, newest); err != nil {
		return err
	}
	chapter("It signs in again and gets what it missed")
	if err := b.signIn(ctx); err != nil {
		return err
	}
	if talk, err = b.answer(ctx, demoFriend); err != nil {
		return err
	}
	got, err := b.read(ctx, talk)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(got, ") "+last) {
		return fmt.Errorf("after the second sign-in the box read %q, not what waited for it", got)
	}
	if err := b.ns.SignOut(ctx); err != nil {
		return fmt.Errorf("signing out: %w", err)
	}
	fmt.Fprintln(b.out, "\nEvery step happened.")
	return nil
}

// rises waits until the friend's answer to a box that is off is in the gateway's
// hands: the script wants to show how it comes later, not how fast it comes.
func rises(ctx context.Context, before int64, newest func(context.Context) (int64, error)) error {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for {
		now, err := newest(ctx)
		if err != nil || now > before {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("the friend did not answer")
		case <-t.C:
		}
	}
}

// exchange writes a line and wants its echo.
func (b *demoBox) exchange(ctx context.Context, talk *msnp.Board, line string) error {
	if err := talk.Typing(ctx); err != nil {
		return fmt.Errorf("typing: %w", err)
	}
	if err := b.say(ctx, talk, line); err != nil {
		return err
	}
	got, err := b.read(ctx, talk)
	if err != nil {
		return err
	}
	if got != line {
		return fmt.Errorf("the friend said %q, not %q", got, line)
	}
	return nil
}

// demoTalk lets a person use the box, who has added the friend and opened a
// conversation.
func demoTalk(ctx context.Context, cancel func(), b *demoBox, in io.Reader) error {
	screen, err := simbox.OpenScreen(in, b.out)
	if err != nil {
		return err
	}
	defer screen.Close()
	trace := simbox.NewTracer(screen, false)
	way := &simbox.Companion{Serial: simbox.Serial{SSID: demoSSID}, Messenger: b.messenger, Passport: b.passport, Key: b.key, Trace: trace.WTVP}
	return simbox.New(simbox.Options{Account: string(demoAccount), Firmware: simbox.Firmware{Dialect: wire.MSNP8, CVR: msnp.BoxCVR()},
		Way: way, Screen: screen, Interrupted: cancel, Start: []string{"/add " + demoFriend, "/open " + demoFriend}}, trace).Run(ctx)
}
