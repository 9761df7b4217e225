package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

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

// demoTalk lets a person type.
func demoTalk(ctx context.Context, b *demoBox, in io.Reader) error {
	if err := b.signIn(ctx); err != nil {
		return err
	}
	if err := b.meetHelper(ctx); err != nil {
		return err
	}
	if err := b.befriend(ctx); err != nil {
		return err
	}
	talk, err := b.open(ctx, demoFriend)
	if err != nil {
		return err
	}
	b.quiet = true
	fmt.Fprint(b.out, "\nType what Alice writes and press Enter; /quit or Ctrl-D ends.\n\n")
	lines := make(chan string)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(in)
		s.Buffer(nil, wire.MaxPayload)
		for s.Scan() {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-lines:
			line = strings.TrimSpace(line)
			switch {
			case !ok, line == "/quit":
				b.screen("(off)")
				return b.ns.SignOut(ctx)
			case line == "":
				continue
			}
			if err := b.sayAndRead(ctx, talk, line); err != nil {
				return err
			}
		}
	}
}

// sayAndRead writes a line of the person's and shows the answer.
func (b *demoBox) sayAndRead(ctx context.Context, talk *msnp.Board, line string) error {
	err := talk.Say(ctx, line, wire.AckBoth)
	switch {
	case errors.Is(err, msnp.ErrTooLong):
		b.screen("(too long for one message)")
		return nil
	case err != nil:
		return fmt.Errorf("%q was not taken: %w", line, err)
	}
	_, err = b.read(ctx, talk)
	return err
}
