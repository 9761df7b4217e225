package simbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

const (
	// retryFirst and retryLast bound the pause before the next sign-in, which doubles:
	// a box waits 40 s (wtv-messenger-retry-interval, msnp.md 17.1), a person at a
	// terminal would think that nothing happens.
	retryFirst = 2 * time.Second
	retryLast  = 40 * time.Second
)

// signIn does what firmware does after power-on: credential, lists, presence,
// invitations (msnp.md 19).
func (b *Box) signIn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.o.Patience)
	defer cancel()
	at, err := b.o.Way.Connect(ctx)
	if err != nil {
		return err
	}
	ns, err := msnp.SignIn(ctx, at, msnp.Options{Address: b.o.Account, Dialects: []wire.Dialect{b.o.Firmware.Dialect},
		CVR: b.o.Firmware.CVR, Credential: b.o.Way.Credential, Trace: b.trace.MSNP})
	if err != nil {
		return err
	}
	if err := b.present(ctx, ns); err != nil {
		ns.Close()
		return fmt.Errorf("after sign-in: %w", err)
	}
	b.ns, b.retry, b.failed, b.why = ns, nil, 0, ""
	self := ns.Self()
	b.tell("signed in as %s, %s: %s", person(self.Name, self.Address), ns.Dialect(), friends(len(b.friends())))
	b.askAll()
	return nil
}

// present fetches the lists and goes online.
func (b *Box) present(ctx context.Context, ns *msnp.Client) error {
	roster, err := ns.Sync(ctx, 0)
	if err != nil {
		return err
	}
	b.take(roster)
	if err := ns.SetStatus(ctx, b.status); err != nil {
		return err
	}
	if b.o.Firmware.PC {
		return nil
	}
	return ns.SetInvitations(ctx, !b.closed)
}

func friends(n int) string {
	switch n {
	case 0:
		return "no friends yet; /add ADDRESS adds one, /help shows everything"
	case 1:
		return "1 friend; /list shows them, /help everything"
	}
	return fmt.Sprintf("%d friends; /list shows them, /help everything", n)
}

// offline notes that the line is gone, and what will be done about it.
func (b *Box) offline(err error) {
	b.ns.Close()
	b.ns = nil
	for _, c := range b.contacts {
		c.status = wire.Offline
	}
	why := b.why
	if why == "" {
		why = Explain(err)
	}
	if b.why == textElsewhere { // two that take turns would never end
		b.happened("* the line is gone: %s. /reconnect signs in again", why)
		return
	}
	b.later("the line is gone: " + why)
}

// later says when the next sign-in comes.
func (b *Box) later(why string) {
	pause := min(retryFirst<<min(b.failed, 8), retryLast)
	b.failed++
	b.retry = b.o.After(pause)
	b.happened("* %s. Signing in again in %v; /reconnect does it at once", why, pause)
}

// reconnect signs in again.
func (b *Box) reconnect(ctx context.Context) {
	b.retry = nil
	if b.ns != nil {
		b.tell("the line is up already")
		return
	}
	if err := b.signIn(ctx); err != nil {
		b.later("that did not work: " + Explain(err))
	}
}

const textElsewhere = "somebody signed in to this account elsewhere"

// kicked keeps the reason until the line ends.
func (b *Box) kicked(reason string) {
	switch reason {
	case "OTH":
		b.why = textElsewhere
	case "SSD":
		b.why = "the gateway is being stopped"
	}
}

// codes are the refusals in words (msnp.md 14).
var codes = map[int]string{
	wire.ErrInvalidParameter: "that is no address the gateway can use",
	wire.ErrNoSuchAccount:    "there is nobody with that address",
	wire.ErrBadAddress:       "that is no address",
	wire.ErrListFull:         "the list is full",
	wire.ErrAlreadyThere:     "they are there already",
	wire.ErrNotOnList:        "they are not on that list",
	wire.ErrNotOnline:        "they are not online, or do not let you write",
	wire.ErrAlreadyInMode:    "that is set already",
	wire.ErrOppositeList:     "they are on the opposite list",
	wire.ErrTooActive:        "that was too much at once; wait a moment",
	wire.ErrHidden:           "not while you are hidden",
	wire.ErrTooOften:         "too often; wait a moment",
	wire.ErrAuthFailed:       "the gateway did not accept the sign-in",
	wire.ErrAuthBusy:         "the gateway cannot sign anybody in right now",
	wire.ErrBoardFailed:      "the conversation could not be opened",
	wire.ErrNameForbidden:    "that name is not allowed",
}

// Explain says an error in a person's words.
func Explain(err error) string {
	var refused *wire.Error
	var step *msnp.SignInError
	var network *net.OpError
	switch {
	case err == nil:
		return "it was closed here"
	case errors.As(err, &refused):
		if words, ok := codes[refused.Code]; ok {
			return fmt.Sprintf("%s (error %d)", words, refused.Code)
		}
		return fmt.Sprintf("the gateway refused with error %d", refused.Code)
	case errors.Is(err, msnp.ErrTooLong):
		return "too long for one message"
	case errors.Is(err, msnp.ErrNotDelivered):
		return "nobody is there to take it"
	case errors.Is(err, msnp.ErrNoDialect):
		return "the gateway does not speak that dialect (messenger.dialects)"
	case errors.Is(err, context.DeadlineExceeded):
		return "the gateway does not answer"
	case errors.As(err, &network) && network.Op == "dial":
		return fmt.Sprintf("%v cannot be reached (%s)", network.Addr, Clean(network.Err.Error(), maxText))
	case errors.Is(err, io.EOF):
		return "the gateway closed the connection"
	case errors.As(err, &step):
		return Clean(step.Err.Error(), maxText)
	}
	return Clean(err.Error(), maxText)
}
