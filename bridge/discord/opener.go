package discord

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// opener.go: new direct messages, slowly. Bots that open 20 to 50 in a burst are
// quarantined, and only an appeal ends that (discord.md 3.3).

const (
	opensPerHour = 10
	opensPerDay  = 30
	// openerRest is the rest after Discord says that it was too fast, doubled each
	// time up to openerRestMax (discord.md 3.3).
	openerRest    = 10 * time.Minute
	openerRestMax = 24 * time.Hour
	kindOpen      = "open"
	keyOpenerRest = "opener_rest"  // until when
	keyOpenerStep = "opener_pause" // how long the last rest was, in ms
	textOpener    = "Discord has quarantined the bot: it cannot open new chats; see the developer portal for how to appeal, then restart"
)

// open gives the channel of a person's direct messages. Wanted: the person began,
// so that the slow limits do not count.
func (n *Network) open(ctx context.Context, uid string, wanted bool) (string, error) {
	if !wanted {
		if err := n.happened(ctx, kindOpen); err != nil {
			return "", err
		}
	}
	var c struct {
		ID string `json:"id"`
	}
	err := n.rest.do(ctx, request{method: http.MethodPost, route: "/users/@me/channels", body: map[string]string{"recipient_id": uid}}, &c)
	if err != nil {
		return "", err
	}
	return c.ID, n.knowDM(ctx, uid, c.ID)
}

// openNext asks one friend who waits to be asked, if it is time.
func (n *Network) openNext(ctx context.Context) error {
	p, ok, err := n.onePair(ctx, `state = ? AND asked = 0 ORDER BY since`, stateAsked)
	if err != nil || !ok {
		return err
	}
	known, ok2, err := n.onePair(ctx, `state = ? AND asked = 0 AND user IN (SELECT user FROM discord_users WHERE dm <> '') ORDER BY since`, stateAsked)
	if err != nil {
		return err
	}
	if ok2 { // no opening needed
		u, _, err := n.user(ctx, known.user)
		if err != nil {
			return err
		}
		return n.ask(ctx, known, u)
	}
	if may, err := n.mayOpen(ctx); err != nil || !may {
		return err
	}
	u, _, err := n.user(ctx, p.user)
	if err != nil {
		return err
	}
	u.dm, err = n.open(ctx, p.user, false)
	switch c := code(err); {
	case c == codeOpeningTooFast || c == codeQuarantined:
		n.openerRests(ctx, c)
		return nil
	case c == codeCannotDM || c == codeNoMutualGuild || c == codeUnknownUser:
		if err := n.setAsked(ctx, p); err != nil {
			return err
		}
		return n.tellBox(ctx, p, "closed/"+p.user, "They cannot be asked: "+sentence(c)+".")
	case err != nil:
		return err
	}
	if err := n.setValue(ctx, keyOpenerStep, ""); err != nil {
		return err
	}
	return n.ask(ctx, p, u)
}

// mayOpen keeps the limits.
func (n *Network) mayOpen(ctx context.Context) (bool, error) {
	if n.quarantined.Load() {
		return false, nil
	}
	until, err := n.timeOf(ctx, keyOpenerRest)
	if err != nil || n.now().Before(until) {
		return false, err
	}
	hour, last, err := n.countSince(ctx, kindOpen, time.Hour)
	if err != nil || hour >= opensPerHour || hour > 0 && n.now().Sub(last) < n.pace.OpenGap {
		return false, err
	}
	day, _, err := n.countSince(ctx, kindOpen, 24*time.Hour)
	return err == nil && day < opensPerDay, err
}

// openerRests stops opening: for a while, or until a person has looked.
func (n *Network) openerRests(ctx context.Context, code int) {
	if code == codeQuarantined {
		if !n.quarantined.Swap(true) {
			n.log.Error(textOpener)
		}
		return
	}
	last, err := n.value(ctx, keyOpenerStep)
	ms, _ := strconv.ParseInt(last, 10, 64) // "": the first
	step := min(max(2*time.Duration(ms)*time.Millisecond, openerRest), openerRestMax)
	if err == nil {
		err = n.setValue(ctx, keyOpenerStep, strconv.FormatInt(step.Milliseconds(), 10))
	}
	if err == nil {
		err = n.setTime(ctx, keyOpenerRest, n.now().Add(step))
	}
	n.log.Warn("Discord says that chats are opened too fast; no new ones for a while", "rest", step, "err", err)
}
