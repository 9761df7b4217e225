package discord

import (
	"cmp"
	"context"
	"fmt"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// changes.go: edits, deletions and reactions, which follow the message that they
// belong to (discord.md 3.2, 7.5).

// updated handles an edit. What has no time of edit is a preview or a pin.
func (n *Network) updated(ctx context.Context, raw []byte) error {
	var h head
	if !loose(raw, &h) || snowflake(h.ID) == 0 {
		return nil
	}
	lines, err := n.linesOf(ctx, h.ID)
	if err != nil {
		return err
	}
	if len(lines) == 0 && h.Type == 20 && h.Flags&flagLoading == 0 { // a bot's answer that was still being made
		return n.created(ctx, raw, nil)
	}
	if h.EditedAt == nil {
		return nil
	}
	if c, err := n.execCount(ctx, "edit what is held", `UPDATE discord_held SET raw = ? WHERE id = ?`, raw, h.ID); err != nil || c > 0 {
		return err
	}
	for _, l := range lines {
		if l.user == "" || l.account == "" {
			continue
		}
		if err := n.edited(ctx, &h, raw, l); err != nil {
			return err
		}
	}
	return nil
}

// edited tells one account of an edit. What it changes, and whether the box has had
// the line, the core knows.
func (n *Network) edited(ctx context.Context, h *head, raw []byte, l line) error {
	from, name, relay, ok, err := n.sender(ctx, l, h)
	if err != nil || !ok {
		return err
	}
	x, err := n.context(ctx, h, l.account)
	if err != nil {
		return err
	}
	x.RelayBots = relay
	m := content(raw)
	if _, cut, found := addressed(m.Content, []target{{account: l.account, name: n.nameOf(l.account)}}); found == 1 && from.person {
		m.Content = cut
	}
	c := n.withRefs(text.FromDiscord(m, x), h)
	if c.Empty() {
		return nil
	}
	e := bridge.MessageEvent{Event: eventID(h.ID, l.account, "edit/"+*h.EditedAt), Account: l.account, From: from.remote,
		Text: text.Edit(c), Time: n.now(), Replaces: eventID(h.ID, l.account, "")}
	e.Name, e.Speaker = from.names(name)
	return n.keep(ctx, e)
}

// keep hands an event to the core, which may fail only if the store does.
func (n *Network) keep(ctx context.Context, e bridge.Event) error {
	if err := n.receive(ctx, e); err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	return nil
}

// deleted handles deletions: only ids come, all else is from our own rows.
func (n *Network) deleted(ctx context.Context, raw []byte) error {
	var d deletion
	if !loose(raw, &d) {
		return nil
	}
	for _, msg := range append(d.IDs, d.ID) {
		if msg == "" {
			continue
		}
		if err := n.exec(ctx, "drop what is held", `DELETE FROM discord_held WHERE id = ?`, msg); err != nil {
			return err
		}
		lines, err := n.linesOf(ctx, msg)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if l.user == "" || l.account == "" {
				continue
			}
			from, name, _, ok, err := n.sender(ctx, l, &head{ID: msg, Author: author{ID: l.user}})
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			e := bridge.DeletionEvent{Event: eventID(msg, l.account, "delete"), Account: l.account, From: from.remote,
				Of: eventID(msg, l.account, ""), Time: n.now()}
			e.Name, e.Speaker = from.names(name)
			if err := n.keep(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// reacted handles a reaction, or one that was taken back; only those to lines of
// boxes are told.
func (n *Network) reacted(ctx context.Context, raw []byte, on bool) error {
	var r reaction
	if !loose(raw, &r) {
		return nil
	}
	if me := n.me.Load(); me == nil || r.UserID == me.user {
		return nil
	}
	emoji := r.Emoji.Name
	if r.Emoji.ID != "" {
		emoji = ":" + r.Emoji.Name + ":"
	}
	lines, err := n.linesOf(ctx, r.MessageID)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if l.user != "" || l.account == "" {
			continue
		}
		h := head{ID: r.MessageID, Author: r.Member.User}
		h.Author.ID = r.UserID
		h.Member.Nick = r.Member.Nick
		l.user = r.UserID
		from, name, _, ok, err := n.sender(ctx, l, &h)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		of := eventID(r.MessageID, l.account, "react/"+r.UserID+"/"+r.Emoji.ID+r.Emoji.Name)
		contact, speaker := from.names(name)
		if !on {
			err = n.keep(ctx, bridge.DeletionEvent{Event: "un" + of, Account: l.account, From: from.remote, Name: contact, Speaker: speaker,
				Of: of, Time: n.now()})
		} else if to, err2 := n.sentAs(ctx, r.MessageID); err2 != nil {
			err = err2
		} else {
			err = n.keep(ctx, bridge.ReactionEvent{Event: of, Account: l.account, From: from.remote, Name: contact, Speaker: speaker,
				To: to, Emoji: emoji, Time: n.now()})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sentAs is the event under which the core knows a line of a box's: that of the
// message's last piece.
func (n *Network) sentAs(ctx context.Context, msg string) (id.Event, error) {
	last := ""
	_, err := n.row(ctx, "read what was sent", `SELECT sent FROM discord_out WHERE msg = (SELECT msg FROM discord_out WHERE sent = ? AND sent <> '')
		ORDER BY piece DESC LIMIT 1`, []any{msg}, &last)
	return id.Event(cmp.Or(last, msg)), err
}

// answersTo is the message that one replies to, as the core knows it for an
// account; "" if that is none of the account's conversation.
func (n *Network) answersTo(ctx context.Context, h *head, a id.Account) (id.Event, error) {
	if h.Reference.MessageID == "" || h.Reference.Type != 0 {
		return "", nil
	}
	lines, err := n.linesOf(ctx, h.Reference.MessageID)
	for _, l := range lines {
		switch {
		case err != nil || l.account != a:
		case l.user == "":
			return n.sentAs(ctx, l.id)
		default:
			return eventID(l.id, a, ""), nil
		}
	}
	return "", err
}

// origin is the contact under which something comes to an account.
type origin struct {
	remote  id.Remote
	person  bool
	speaker string // in a channel
}

// names are the contact's name and, in a channel, who of it speaks.
func (o *origin) names(name string) (contact, speaker string) {
	if o.person {
		return name, ""
	}
	return "", o.speaker
}

// sender finds under which contact the author of a line comes to its account.
func (n *Network) sender(ctx context.Context, l line, h *head) (o origin, name string, relayBots, ok bool, err error) {
	uid := cmp.Or(l.user, h.Author.ID)
	u, _, err := n.user(ctx, uid)
	if err != nil {
		return o, "", false, false, err
	}
	name = cmp.Or(h.Member.Nick, cmp.Or(n.guilds.nick(uid), cmp.Or(u.display(), cmp.Or(h.name(), "somebody"))))
	c, _, err := n.channel(ctx, l.channel)
	if err != nil {
		return o, "", false, false, err
	}
	if c.kind == kindText {
		all, err := n.membersWhere(ctx, `channel = ? AND account = ?`, c.id, l.account)
		if err != nil || len(all) == 0 || !n.mayRead(ctx, l.account, c.id) {
			return o, "", false, false, err
		}
		return origin{remote: id.Remote(channelMark + all[0].name), speaker: name}, name, c.bots, true, nil
	}
	p, ok, err := n.pairOf(ctx, l.account, uid)
	if err != nil || !ok || p.state != stateLinked {
		return o, "", false, false, err
	}
	return origin{remote: id.Remote(p.name), person: true}, name, false, true, nil
}
