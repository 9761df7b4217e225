package helper

import (
	"context"
	"errors"
	"slices"
	"strings"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// answer is what the helper says to a text of an account's owner, each message fit
// for a TV; nothing when it has said enough. An error is the store's.
func (n *Network) answer(ctx context.Context, a bridge.Account, body string) ([]string, error) {
	v, rest := parse(body)
	switch n.pace.verdict(a.Address, v != unknown, n.now()) {
	case silent:
		return nil, nil
	case slow:
		return []string{fit(textSlow)}, nil
	case quiet:
		return []string{fit(textQuiet)}, nil
	}
	all, err := n.obey(ctx, a, v, rest)
	if err != nil {
		return nil, err
	}
	if len(all) > maxMessages {
		all = all[:maxMessages]
	}
	for i := range all {
		all[i] = fit(all[i])
	}
	return all, nil
}

// obey does what is asked.
func (n *Network) obey(ctx context.Context, a bridge.Account, v verb, rest string) ([]string, error) {
	if rest == "" {
		if how, ok := n.explain(v); ok {
			return how, nil
		}
	}
	switch v {
	case add:
		return n.add(ctx, a.Address, rest, false)
	case join:
		return n.add(ctx, a.Address, rest, true)
	case who:
		return n.who(ctx, a.Address)
	case mute, unmute:
		return n.mute(ctx, a.Address, rest, v == mute)
	case find:
		return n.find(ctx, a.Address, rest)
	case status:
		return n.status(), nil
	case whoami:
		return n.whoami(a), nil
	case settings:
		return n.list(ctx, a.Address)
	case set:
		return n.set(ctx, a.Address, rest)
	case more:
		return n.more(ctx, a.Address, rest)
	}
	return []string{textUnknown}, nil
}

// explain is the answer to a word that stands alone and needs something after it,
// or that is only talk.
func (n *Network) explain(v verb) ([]string, bool) {
	switch v {
	case help:
		return []string{textMenu}, true
	case hello:
		return []string{textHello}, true
	case add:
		return []string{textAddHow(n.address.Domain(), n.examples)}, true
	case join:
		return []string{textJoin(n.room)}, true
	case mute, unmute:
		return []string{textMute}, true
	case find:
		return []string{textFind}, true
	}
	return nil, false
}

// address reads an address as people have it from their friends: bob@example.org,
// or in Matrix' own way @bob:example.org and #room:example.org.
func address(s string) (id.Address, error) {
	if strings.HasPrefix(s, "@") || strings.HasPrefix(s, "#") && !strings.Contains(s, "@") {
		if local, domain, ok := strings.Cut(strings.TrimPrefix(s, "@"), ":"); ok {
			s = local + "@" + domain
		}
	}
	return id.ParseAddress(s)
}

// add puts a person or a room on the list.
func (n *Network) add(ctx context.Context, a id.Account, word string, room bool) ([]string, error) {
	peer, err := address(word)
	switch {
	case room && !strings.HasPrefix(word, "#"):
		return []string{textNoRoom(n.room)}, nil
	case err != nil:
		return []string{textNoForm}, nil
	}
	r, err := n.core.Roster(ctx, a)
	if err != nil {
		return nil, err
	}
	missing := bridge.ForwardList | bridge.AllowList
	i := slices.IndexFunc(r.Contacts, func(c bridge.Contact) bool { return c.Address == peer })
	if i >= 0 {
		missing &^= r.Contacts[i].Lists
	}
	if missing == 0 || i >= 0 && r.Contacts[i].Lists&bridge.ForwardList != 0 {
		return []string{textAlready(string(peer))}, nil
	}
	_, _, err = n.core.AddContact(ctx, a, peer, "", missing, nil)
	if err == nil {
		return []string{textAdded(string(peer), strings.HasPrefix(string(peer), "#"))}, nil
	}
	return refused(err)
}

// refused puts the core's refusals of list edits in words; any other error is given
// back.
func refused(err error) ([]string, error) {
	for _, r := range []struct {
		err  error
		text string
	}{
		{bridge.ErrNotServed, textNoWhere}, {bridge.ErrSelf, textSelf}, {bridge.ErrFull, textFull}, {bridge.ErrOpposite, textOpposed},
	} {
		if errors.Is(err, r.err) {
			return []string{r.text}, nil
		}
	}
	if errors.Is(err, bridge.ErrNoSuchPerson) {
		return []string{textRefused(clip(latin(err.Error()), 2*lineChars))}, nil
	}
	return nil, err
}

// mute puts somebody on the block list or takes them off it.
func (n *Network) mute(ctx context.Context, a id.Account, word string, on bool) ([]string, error) {
	r, err := n.core.Roster(ctx, a)
	if err != nil {
		return nil, err
	}
	c, problem := n.whom(r, word)
	switch {
	case problem != "":
		return []string{problem}, nil
	case c.Address == n.address:
		return []string{textMyself}, nil
	}
	name, blocked := display(c), c.Lists&bridge.BlockList != 0
	switch {
	case on && blocked:
		return []string{textMuted(name)}, nil
	case !on && !blocked:
		return []string{textNotMuted(name)}, nil
	}
	from, to, said := bridge.AllowList, bridge.BlockList, textMuted(name)
	if !on {
		from, to, said = to, from, textUnmuted(name)
	}
	if c.Lists&from != 0 {
		if _, _, err := n.core.RemoveContact(ctx, a, c.Address, from, nil); err != nil && !errors.Is(err, bridge.ErrNotListed) {
			return nil, err
		}
	}
	if _, _, err := n.core.AddContact(ctx, a, c.Address, "", to, nil); err != nil && !errors.Is(err, bridge.ErrListed) {
		return refused(err)
	}
	return []string{said}, nil
}

// status says how each network is.
func (n *Network) status() []string {
	all := n.core.States()
	if len(all) == 0 {
		return []string{textOnlyUs}
	}
	lines := make([]string, len(all))
	for i, s := range all {
		lines[i] = textNetwork(s, n.now())
	}
	return pages(lines)
}

// whoami says under what names the owner is known.
func (n *Network) whoami(a bridge.Account) []string {
	all := []string{textWhoAmI(bridge.Account{Address: a.Address, Name: latin(a.Name)})}
	for _, p := range n.core.Portraits(a) {
		all = append(all, textPortrait(p))
	}
	return all
}

// list shows the settings.
func (n *Network) list(ctx context.Context, a id.Account) ([]string, error) {
	r, err := n.core.Roster(ctx, a)
	if err != nil {
		return nil, err
	}
	first := textOpen
	if r.Privacy == "BL" {
		first = textClosed
	}
	all := []string{first}
	if n.settings == nil {
		return all, nil
	}
	switches, err := n.settings.Settings(ctx, a)
	if err != nil || len(switches) == 0 {
		return all, err
	}
	words := make([]string, len(switches))
	for i, s := range switches {
		words[i] = s.Key + "=" + s.Value
	}
	return append(all, strings.Join(words, " "), textSetHow), nil
}

// set changes a setting.
func (n *Network) set(ctx context.Context, a id.Account, rest string) ([]string, error) {
	if n.settings == nil {
		return []string{textNoSet}, nil
	}
	key, value, ok := strings.Cut(rest, " ")
	if !ok {
		return []string{textSetHow}, nil
	}
	// A keyboard on a TV begins lines and words with capitals; no switch has any.
	key, value = strings.ToLower(key), strings.ToLower(value)
	if err := n.settings.Set(ctx, a, key, value); err != nil {
		return []string{textRefused(latin(err.Error()))}, nil
	}
	return []string{textSet(latin(key), latin(value))}, nil
}

// step is how many messages one `more` brings: two screens of a TV.
const step = 20

// more brings back messages that were set aside.
func (n *Network) more(ctx context.Context, a id.Account, word string) ([]string, error) {
	all, err := n.core.Kept(ctx, a)
	if err != nil {
		return nil, err
	}
	if word != "" {
		all = slices.DeleteFunc(all, func(b bridge.Backlog) bool {
			return !strings.EqualFold(word, string(b.Peer)) && !strings.EqualFold(word, b.Peer.Local())
		})
	}
	switch len(all) {
	case 0:
		return []string{textNoMore}, nil
	case 1:
	default:
		return []string{textKept(all)}, nil
	}
	moved, left, err := n.core.More(ctx, id.Conversation{Account: a, Peer: all[0].Peer}, step)
	if err != nil {
		return nil, err
	}
	return []string{textMore(all[0].Peer.Local(), moved, left)}, nil
}

// pages puts short lines together, as many as a message holds.
func pages(lines []string) (all []string) {
	for rows := range slices.Chunk(lines, messageRows) {
		all = append(all, strings.Join(rows, "\n"))
	}
	return all
}
