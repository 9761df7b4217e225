package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

// talk.go: what a box says, hears and fetches.

// Heard is a text that came to the box, and in which of its sessions.
type Heard struct {
	From, Name, Text string
	Session          int
}

// WaitText waits for a text of a contact, with or without a time before it.
func (b *Box) WaitText(contact, text string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("%q of %s", text, contact), func() bool {
		return slices.ContainsFunc(b.heard, func(h Heard) bool { return h.From == contact && strings.HasSuffix(h.Text, text) })
	})
}

// Heard lists what has come from a contact so far, in order.
func (b *Box) Heard(contact string) (all []Heard) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.heard {
		if h.From == contact {
			all = append(all, h)
		}
	}
	return all
}

// LastName is the name over the last text of a contact.
func (b *Box) LastName(contact string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range slices.Backward(b.heard) {
		if h.From == contact {
			return h.Name
		}
	}
	return ""
}

// Fetch opens an address, as the box's browser does, and gives what is there.
func (b *Box) Fetch(url string) (kind string, body []byte) {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %s %v", url, resp.Status, err)
	}
	return resp.Header.Get("Content-Type"), body
}

// WaitTyping waits until a contact has been shown as writing.
func (b *Box) WaitTyping(contact string) {
	b.t.Helper()
	b.wait(contact+" to write", func() bool { return slices.Contains(b.typing, contact) })
}

// WaitHeard waits until so many texts have come from a contact and gives them
// all, in order. A gap in the notification is shown by the exact list.
func (b *Box) WaitHeard(contact string, count int) (texts []string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("%d texts of %s", count, contact), func() bool {
		texts = nil
		for _, h := range b.heard {
			if h.From == contact {
				texts = append(texts, h.Text)
			}
		}
		return len(texts) >= count
	})
	return texts
}

// Say writes to a contact and returns when the server has acknowledged it: in
// the switchboard that is open with them, else in a new one.
func (b *Box) Say(contact, text string) {
	b.t.Helper()
	if err := b.TrySay(contact, text); err != nil {
		b.t.Fatalf("%s writes %q: %v", b.Address, text, err)
	}
}

// TrySay is Say where the gateway may go away: with an error nobody knows whether
// it has the text.
func (b *Box) TrySay(contact, text string) error {
	ctx, cancel := b.context()
	defer cancel()
	b.mu.Lock()
	board, c := b.boards[contact], b.c
	b.mu.Unlock()
	if c == nil {
		return errors.New("not signed in")
	}
	if board == nil {
		var err error
		if board, err = b.call(ctx, c, contact); err != nil {
			return err
		}
	}
	return board.Say(ctx, text, wire.AckBoth)
}

// call opens a switchboard and has the contact in it.
func (b *Box) call(ctx context.Context, c *msnp.Client, contact string) (*msnp.Board, error) {
	board, err := c.OpenBoard(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening a switchboard: %w", err)
	}
	b.enter(contact, board)
	if _, err := board.Call(ctx, contact); err != nil {
		return nil, fmt.Errorf("calling: %w", err)
	}
	for {
		b.mu.Lock()
		changed, open := b.changed, b.boards[contact] == board
		b.mu.Unlock()
		if slices.ContainsFunc(board.Inside(), func(p msnp.Person) bool { return strings.EqualFold(p.Address, contact) }) {
			return board, nil
		}
		if !open {
			return nil, errors.New("the switchboard has ended")
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s to join: %w", contact, ctx.Err())
		}
	}
}

// Hang closes the switchboard with a contact.
func (b *Box) Hang(contact string) {
	b.t.Helper()
	b.mu.Lock()
	board := b.boards[contact]
	b.mu.Unlock()
	if board == nil {
		return
	}
	ctx, cancel := b.context()
	defer cancel()
	if err := board.Leave(ctx); err != nil {
		b.t.Fatalf("%s hangs up: %v", b.Address, err)
	}
}

// Typing tells a contact that the box's owner writes; a switchboard must be
// open.
func (b *Box) Typing(contact string) {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	b.mu.Lock()
	board := b.boards[contact]
	b.mu.Unlock()
	if board == nil {
		b.t.Fatalf("%s has no switchboard with %s", b.Address, contact)
	}
	if err := board.Typing(ctx); err != nil {
		b.t.Fatalf("%s types: %v", b.Address, err)
	}
}
