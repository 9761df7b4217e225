package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
	wtvp "wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
)

// demoBox is a simulated set-top box: it does what firmware does, in the order
// in which firmware does it, and shows both its lines and its screen.
type demoBox struct {
	mu        sync.Mutex // one writer to out
	out       io.Writer
	messenger string // addresses
	passport  string
	key       sec.Key

	ns *msnp.Client
}

// demoPatience is how long the box waits for anything the script expects.
const demoPatience = 5 * time.Second

// screen shows what the owner sees on the TV.
func (b *demoBox) screen(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := strings.Split(strings.ReplaceAll(fmt.Sprintf(format, args...), "\r\n", "\n"), "\n")
	fmt.Fprintf(b.out, "    TV | %s\n", strings.Join(lines, "\n    TV |   "))
}

// wire shows a line of MSNP, without secrets.
func (b *demoBox) wire(dir byte, line string) { b.line(dir, wire.RedactLine(line)) }

// line shows a line of either protocol.
func (b *demoBox) line(dir byte, line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	arrow := "box > "
	if dir == 'S' {
		arrow = "    < "
	}
	fmt.Fprintln(b.out, "  "+arrow+line)
}

// signIn signs the box in: by WTVP for its credentials, then MSNP.
func (b *demoBox) signIn(ctx context.Context) error {
	var err error
	b.ns, err = msnp.SignIn(ctx, b.messenger, msnp.Options{Address: string(demoAccount), CVR: msnp.BoxCVR(), Trace: b.wire, Credential: b.credential})
	if err != nil {
		return fmt.Errorf("the box could not sign in: %w", err)
	}
	if _, err := b.ns.Sync(ctx, 0); err != nil {
		return fmt.Errorf("the box did not get its lists: %w", err)
	}
	if err := b.ns.SetStatus(ctx, wire.Online); err != nil {
		return fmt.Errorf("the box could not go online: %w", err)
	}
	if err := b.ns.SetInvitations(ctx, true); err != nil {
		return fmt.Errorf("the box could not open itself to invitations: %w", err)
	}
	b.screen("Messenger: signed in as %s", b.ns.Self().Name)
	return nil
}

// credential takes the Messenger server's challenge to wtv-passport, over a
// connection that SECURE ON has turned to cipher.
func (b *demoBox) credential(ctx context.Context, challenge string) (string, error) {
	ident, err := wtvp.NewIdentity(b.key, demoSSID, 0)
	if err != nil {
		return "", err
	}
	conn, err := wtvp.Dial(ctx, b.passport, ident)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	b.line('C', "SECURE ON  (to wtv-passport; what follows is RC4)")
	b.line('C', "GET wtv-passport:/messengerlogin?"+challenge)
	answer, err := conn.MessengerLogin(ctx, challenge)
	if err == nil {
		b.line('S', fmt.Sprintf("200 OK  (%d bytes: the box's ticket)", len(answer)))
	}
	return answer, err
}

// awaitNS and awaitSB wait for an event of one kind and pass over others.
func awaitNS[E msnp.Event](ctx context.Context, b *demoBox) (E, error) {
	return await[E](ctx, b.ns.Events())
}

func await[E msnp.Event](ctx context.Context, events <-chan msnp.Event) (E, error) {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	var none E
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return none, errors.New("the gateway closed the connection")
			}
			if want, ok := e.(E); ok {
				return want, nil
			}
		case <-ctx.Done():
			return none, fmt.Errorf("no %T came", none)
		}
	}
}

// read waits for the next text in a conversation and shows it.
func (b *demoBox) read(ctx context.Context, talk *msnp.Board) (string, error) {
	for {
		m, err := await[msnp.Message](ctx, talk.Events())
		if err != nil {
			return "", err
		}
		switch m.Kind() {
		case wire.KindTyping:
			b.screen("%s is typing ...", m.From.Name)
		case wire.KindText:
			b.screen("%s: %s", m.From.Name, m.Text())
			return m.Text(), nil
		}
	}
}

// say writes into a conversation and waits for the acknowledgement.
func (b *demoBox) say(ctx context.Context, talk *msnp.Board, text string) error {
	b.screen("Alice: %s", text)
	if err := talk.Say(ctx, text, wire.AckBoth); err != nil {
		return fmt.Errorf("%q was not taken: %w", text, err)
	}
	return nil
}

// befriend puts the friend on the box's lists, as its add page does.
func (b *demoBox) befriend(ctx context.Context) error {
	for _, l := range []wire.List{wire.Forward, wire.Allow} {
		if _, err := b.ns.Add(ctx, l, demoFriend, demoFriend, -1); err != nil {
			return fmt.Errorf("the friend could not be added: %w", err)
		}
	}
	p, err := b.awaitPresence(ctx, demoFriend)
	if err != nil {
		return fmt.Errorf("the friend did not come online: %w", err)
	}
	b.screen("%s is online", p.Name)
	return nil
}

// open opens a conversation with somebody.
func (b *demoBox) open(ctx context.Context, who string) (*msnp.Board, error) {
	talk, err := b.ns.OpenBoard(ctx)
	if err != nil {
		return nil, fmt.Errorf("no conversation could be opened: %w", err)
	}
	if _, err := talk.Call(ctx, who); err != nil {
		return nil, fmt.Errorf("%s could not be called: %w", who, err)
	}
	j, err := await[msnp.Joined](ctx, talk.Events())
	if err != nil {
		return nil, fmt.Errorf("%s did not join: %w", who, err)
	}
	b.screen("-- conversation with %s --", j.Name)
	return talk, nil
}

// awaitPresence waits for news of one contact.
func (b *demoBox) awaitPresence(ctx context.Context, who string) (msnp.Presence, error) {
	for {
		p, err := awaitNS[msnp.Presence](ctx, b)
		if err != nil || p.Address == who {
			return p, err
		}
	}
}

// meetHelper calls the gateway's own contact, which would ring after a while by
// itself, is greeted, and asks what it can do.
func (b *demoBox) meetHelper(ctx context.Context) error {
	talk, err := b.open(ctx, demoHelper)
	if err != nil {
		return err
	}
	if _, err := b.read(ctx, talk); err != nil {
		return fmt.Errorf("the helper did not greet: %w", err)
	}
	if err := b.say(ctx, talk, "help"); err != nil {
		return err
	}
	if _, err := b.read(ctx, talk); err != nil {
		return fmt.Errorf("the helper did not answer: %w", err)
	}
	return talk.Leave(ctx)
}

// answer takes a contact's call.
func (b *demoBox) answer(ctx context.Context, from string) (*msnp.Board, error) {
	ring, err := awaitNS[msnp.Ringing](ctx, b)
	for err == nil && ring.From.Address != from {
		ring, err = awaitNS[msnp.Ringing](ctx, b)
	}
	if err != nil {
		return nil, fmt.Errorf("%s did not call: %w", from, err)
	}
	b.screen("%s wants to talk", ring.From.Name)
	talk, err := b.ns.Answer(ctx, ring)
	if err != nil {
		return nil, fmt.Errorf("the call could not be answered: %w", err)
	}
	return talk, nil
}
