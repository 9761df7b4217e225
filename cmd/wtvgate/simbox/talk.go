package simbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

// maxHistory is how many lines of a conversation are kept for /history.
const maxHistory = 100

// talk is a conversation. It outlives its switchboard: what is written later opens
// another one.
type talk struct {
	number  int
	address string      // of who opened it or was called first
	board   *msnp.Board // nil: none open
	typing  string      // who was shown as typing last
	awaited bool        // that address is there is told otherwise
	history []string
}

// boardEvent is what a switchboard said, for Run.
type boardEvent struct {
	talk  *talk
	board *msnp.Board
	event msnp.Event
}

// attach gives a talk a switchboard and hands on what that says.
func (b *Box) attach(t *talk, board *msnp.Board) {
	t.board, t.typing, t.awaited = board, "", false
	b.pumps.Add(1)
	go func() {
		defer b.pumps.Done()
		for e := range board.Events() {
			select {
			case b.boards <- boardEvent{t, board, e}:
			case <-b.ended:
				return
			}
		}
	}()
}

// leave closes the switchboard.
func (t *talk) leave(ctx context.Context) {
	if t.board != nil {
		// The connection is closed in any case.
		_ = t.board.Leave(ctx)
		t.board = nil
	}
}

// line shows a line of a conversation and keeps it.
func (b *Box) line(t *talk, theirs bool, text string) {
	text = fmt.Sprintf("[%d] %s", t.number, text)
	if t.history = append(t.history, text); len(t.history) > maxHistory {
		t.history = t.history[1:]
	}
	if theirs {
		b.happened("%s", text)
		return
	}
	b.o.Screen.Line(text)
}

// with is who a conversation is with, in words.
func (b *Box) with(t *talk) string {
	if t.board != nil {
		var names []string
		for _, p := range t.board.Inside() {
			names = append(names, short(p.Name, p.Address))
		}
		if len(names) > 0 {
			return strings.Join(names, ", ")
		}
	}
	return b.nameOf(t.address)
}

// talkWith finds the conversation with one person alone, or makes it; nil if there
// are too many.
func (b *Box) talkWith(address string) *talk {
	for _, t := range b.talks {
		if !strings.EqualFold(t.address, address) {
			continue
		}
		if t.board == nil || len(t.board.Inside()) == 0 || len(t.board.Inside()) == 1 && inList(t.board.Inside(), address) {
			return t
		}
	}
	if len(b.talks) >= maxTalks {
		return nil
	}
	number := 1
	for slices.ContainsFunc(b.talks, func(t *talk) bool { return t.number == number }) {
		number++
	}
	t := &talk{number: number, address: address}
	b.talks = append(b.talks, t)
	return t
}

// forget removes a conversation.
func (b *Box) forget(t *talk) {
	b.talks = slices.DeleteFunc(b.talks, func(o *talk) bool { return o == t })
	if b.current == t {
		b.current = nil
	}
}

// errTalks asks the person to hang up first.
var errTalks = fmt.Errorf("there are %d conversations already; /hangup ends one", maxTalks)

// ring answers a call, as a box does, without asking.
func (b *Box) ring(ctx context.Context, e msnp.Ringing) {
	t := b.talkWith(e.From.Address)
	if t == nil {
		b.happened("* %s calls, but %v", person(e.From.Name, e.From.Address), errTalks)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, b.o.Patience)
	defer cancel()
	t.leave(ctx)
	board, err := b.ns.Answer(ctx, e)
	if err != nil {
		b.happened("* %s called, and the conversation could not be opened: %s", person(e.From.Name, e.From.Address), Explain(err))
		if len(t.history) == 0 {
			b.forget(t)
		}
		return
	}
	b.attach(t, board)
	t.awaited = true
	if b.current == nil {
		b.current = t
	}
	how := fmt.Sprintf("/talk %d answers there", t.number)
	if b.current == t {
		how = "what you type goes there"
	}
	b.line(t, true, fmt.Sprintf("-- %s calls; %s --", person(e.From.Name, e.From.Address), how))
}

// said shows what happens in a conversation.
func (b *Box) said(ctx context.Context, e boardEvent) {
	t := e.talk
	if t.board != e.board { // of a switchboard that was left
		return
	}
	switch e := e.event.(type) {
	case msnp.Joined:
		if t.awaited && strings.EqualFold(e.Address, t.address) {
			t.awaited = false
			return
		}
		b.line(t, true, person(e.Name, e.Address)+" is here")
	case msnp.Left:
		b.line(t, true, b.nameOf(e.Address)+" has left")
	case msnp.Message:
		b.message(ctx, t, e)
	case msnp.Undelivered:
		b.line(t, true, "a message was NOT delivered")
	case msnp.Closed:
		t.board.Close()
		t.board = nil
		b.line(t, true, "-- the conversation is closed --")
	}
}

// message shows a payload.
func (b *Box) message(ctx context.Context, t *talk, m msnp.Message) {
	name := short(m.From.Name, m.From.Address)
	switch m.Kind() {
	case wire.KindTyping:
		if t.typing != m.From.Address { // it is repeated while they type
			t.typing = m.From.Address
			b.line(t, true, name+" is typing ...")
		}
	case wire.KindText:
		t.typing = ""
		b.line(t, true, name+": "+Clean(m.Text(), maxText))
	case wire.KindInvite:
		cookie, ok := m.Invite()
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, b.o.Patience)
		defer cancel()
		if err := t.board.Decline(ctx, cookie); err == nil {
			b.line(t, true, name+" wanted to send a file or the like; declined, as a box does")
		}
	}
}

// open opens a conversation and waits until the other is there.
func (b *Box) open(ctx context.Context, address string) error {
	t := b.talkWith(address)
	if t == nil {
		return errTalks
	}
	if err := b.reach(ctx, t, true); err != nil {
		if len(t.history) == 0 {
			b.forget(t)
		}
		return err
	}
	b.current = t
	b.line(t, false, fmt.Sprintf("-- conversation with %s; what you type goes there --", b.with(t)))
	return nil
}

// reach makes sure that somebody is in a conversation; that they came is shown
// unless quiet.
func (b *Box) reach(ctx context.Context, t *talk, quiet bool) error {
	if t.board == nil {
		board, err := b.ns.OpenBoard(ctx)
		if err != nil {
			return err
		}
		b.attach(t, board)
	}
	board := t.board
	if len(board.Inside()) > 0 {
		return nil
	}
	t.awaited = quiet
	if _, err := board.Call(ctx, t.address); err != nil {
		t.leave(ctx)
		return err
	}
	b.pump(ctx, b.o.Patience, func() bool { return t.board != board || len(board.Inside()) > 0 })
	if t.board != board || len(board.Inside()) == 0 {
		t.leave(ctx)
		return errors.New("nobody answers")
	}
	// Tells what has come by now: that they are here.
	for b.ready(ctx) {
	}
	return nil
}

// say writes into a conversation and tells honestly what became of it.
func (b *Box) say(ctx context.Context, t *talk, text string) error {
	if t == nil {
		return errors.New("no conversation is open; /open NUMBER or ADDRESS opens one")
	}
	err := b.reach(ctx, t, false)
	if err == nil {
		err = t.board.Say(ctx, text, wire.AckBoth)
	}
	if err != nil {
		b.line(t, false, "You: "+Clean(text, maxText)+"  (NOT sent: "+Explain(err)+")")
		return nil
	}
	b.line(t, false, "You: "+Clean(text, maxText)+"  (sent)")
	return nil
}
