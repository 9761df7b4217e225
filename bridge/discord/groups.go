package discord

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// groups.go: an account with several friends at once: a private thread under the
// WebTV channel of a server that all are in, where the box has its own name and
// picture (discord.md 1, 3.4). The account knows it as the contact #room-7.

// roomMark begins the Remote of a chat of several. A channel's has a dot.
const roomMark = channelMark + "room-"

// maxTogether is how many friends one chat may have: a switchboard takes no more.
const maxTogether = 50

// roomOf reads the Remote of a chat of several; 0 for any other.
func roomOf(r id.Remote) int64 {
	s, ok := strings.CutPrefix(string(r), roomMark)
	v, err := strconv.ParseInt(s, 10, 64)
	if !ok || err != nil || v <= 0 || strconv.FormatInt(v, 10) != s {
		return 0
	}
	return v
}

// group is a row of discord_groups.
type group struct {
	number  int64
	account id.Account
	members []string
	thread  string
}

func (g *group) remote() id.Remote { return id.Remote(roomMark + strconv.FormatInt(g.number, 10)) }

func scanGroup(r *sql.Rows) (g group, err error) {
	var members string
	err = r.Scan(&g.number, &g.account, &members, &g.thread)
	g.members = strings.Split(members, ",")
	return g, err
}

func (n *Network) groupsWhere(ctx context.Context, where string, args ...any) ([]group, error) {
	return rowsOf(ctx, n, "read groups", `SELECT number, account, members, thread FROM discord_groups WHERE `+where, args, scanGroup)
}

func (n *Network) oneGroup(ctx context.Context, where string, args ...any) (group, bool, error) {
	all, err := n.groupsWhere(ctx, where+` LIMIT 1`, args...)
	if err != nil || len(all) == 0 {
		return group{}, false, err
	}
	return all[0], true, nil
}

// groupNamed finds an account's chat by its Remote.
func (n *Network) groupNamed(ctx context.Context, a id.Account, r id.Remote) (group, bool, error) {
	return n.oneGroup(ctx, `number = ? AND account = ?`, roomOf(r), a)
}

// Gather implements bridge.Gatherer: there is a room if all have said yes, and a
// server that all are in has a WebTV channel.
func (n *Network) Gather(ctx context.Context, a id.Account, with []id.Remote) (id.Remote, error) {
	if len(with) > maxTogether || !n.readsContent() {
		return "", nil
	}
	var members []string
	for _, r := range with {
		p, ok, err := n.pairNamed(ctx, a, string(r))
		if err != nil || !ok || p.state != stateLinked {
			return "", err
		}
		members = append(members, p.user)
	}
	slices.SortFunc(members, byAge)
	if members = slices.Compact(members); len(members) < 2 {
		return "", nil
	}
	all := strings.Join(members, ",")
	g, ok, err := n.oneGroup(ctx, `account = ? AND members = ?`, a, all)
	if err != nil || ok && g.thread != "" {
		return g.remote(), err
	}
	if _, home, err := n.commonHome(ctx, members, false); err != nil || home == "" {
		return "", err
	}
	if !ok {
		if err := n.exec(ctx, "note a group", `INSERT INTO discord_groups (account, members) VALUES (?, ?) ON CONFLICT DO NOTHING`, a, all); err != nil {
			return "", err
		}
		if g, ok, err = n.oneGroup(ctx, `account = ? AND members = ?`, a, all); err != nil || !ok {
			return "", err
		}
	}
	return g.remote(), nil
}

// Gathered implements bridge.Gatherer.
func (n *Network) Gathered(ctx context.Context, a id.Account, r id.Remote) string {
	g, ok, err := n.groupNamed(ctx, a, r)
	if err != nil || !ok {
		return ""
	}
	var names []string
	for _, uid := range g.members {
		if u, ok, err := n.user(ctx, uid); err == nil && ok {
			names = append(names, cmp.Or(n.guilds.nick(uid), u.display()))
		}
	}
	return strings.Join(names, ", ")
}

// commonHome is the WebTV channel of the oldest server that all are in; "" if there
// is none. Where Discord lists no members it is asked for each, if that may be done
// now; else whoever is known of no server may be in any.
func (n *Network) commonHome(ctx context.Context, members []string, ask bool) (guildID, home string, err error) {
	for _, g := range n.guilds.ids() {
		homes, err := n.texts(ctx, "find a home", `SELECT home FROM discord_guilds WHERE guild = ? AND home <> ''`, g)
		if err != nil {
			return "", "", err
		}
		in := len(homes) > 0 && n.served(g)
		for _, uid := range members {
			if in {
				if in, err = n.isMember(ctx, g, uid, ask); err != nil {
					return "", "", err
				}
			}
		}
		if in {
			return g, homes[0], nil
		}
	}
	return "", "", nil
}

func (n *Network) isMember(ctx context.Context, guildID, uid string, ask bool) (bool, error) {
	in := n.guilds.of(uid)
	if slices.Contains(in, guildID) {
		return true, nil
	}
	if !ask {
		return len(in) == 0, nil
	}
	var m rawMember
	err := n.rest.do(ctx, request{method: http.MethodGet, route: "/guilds/{}/members/{}", args: []string{guildID, uid}}, &m)
	if err != nil {
		if temporary(err) {
			return false, judge(err)
		}
		return false, nil
	}
	if m.User.ID == uid {
		n.guilds.with(guildID, func(g *guild) { g.join(m) })
	}
	return m.User.ID == uid, nil
}

// sendGroup writes to several friends at once.
func (n *Network) sendGroup(ctx context.Context, m bridge.Outbound) (bridge.Receipt, error) {
	g, ok, err := n.groupNamed(ctx, m.From.Address, m.To)
	if err != nil {
		return bridge.Receipt{}, err
	}
	if !ok {
		return bridge.Receipt{}, bridge.Permanent(textNotFound, nil)
	}
	if !n.readsContent() {
		return bridge.Receipt{}, bridge.Permanent(textContent, nil)
	}
	for _, uid := range g.members {
		if p, ok, err := n.pairOf(ctx, g.account, uid); err != nil {
			return bridge.Receipt{}, err
		} else if !ok || p.state != stateLinked {
			return bridge.Receipt{}, bridge.Permanent(textLeft, nil)
		}
	}
	if g.thread == "" {
		if g, err = n.openRoom(ctx, m, g); err != nil {
			return bridge.Receipt{}, err
		}
	}
	return n.sendHook(ctx, m, g.thread, nil)
}

// openRoom makes the thread of a group and brings its members in.
func (n *Network) openRoom(ctx context.Context, m bridge.Outbound, g group) (group, error) {
	guildID, home, err := n.commonHome(ctx, g.members, true)
	if err != nil {
		return g, err
	}
	if home == "" {
		return g, bridge.Permanent(textNoRoom, nil)
	}
	if g.thread, err = n.makeThread(ctx, guildID, home, "WebTV: "+m.From.Name+" and "+n.Gathered(ctx, g.account, g.remote()), g.members); err != nil {
		return g, judge(err)
	}
	if err := n.exec(ctx, "note a group's room", `UPDATE discord_groups SET thread = ? WHERE number = ?`, g.thread, g.number); err != nil {
		return g, err
	}
	return g, judge(n.notify(ctx, g.thread, "", "together/"+g.thread,
		escape(m.From.Name)+" writes to all of you from a WebTV. What you write here reaches the TV; moderators of the server can read it."))
}

// maxThreadName is the longest name of a thread (Discord's documentation).
const maxThreadName = 100

// makeThread makes a private thread with these persons in it, which is read from
// now on.
func (n *Network) makeThread(ctx context.Context, guildID, home, name string, members []string) (string, error) {
	if r := []rune(oneLine(name)); len(r) > maxThreadName {
		name = string(r[:maxThreadName])
	}
	var made rawChannel
	err := n.rest.do(ctx, request{method: http.MethodPost, route: "/channels/{}/threads", args: []string{home}, body: map[string]any{
		"name": name, "type": typePrivateThread, "invitable": false, "auto_archive_duration": 10080}}, &made)
	for _, uid := range members {
		if err == nil {
			err = n.rest.do(ctx, request{method: http.MethodPut, route: "/channels/{}/thread-members/{}", args: []string{made.ID, uid}}, nil)
		}
	}
	if err != nil {
		return "", err
	}
	if err := n.addChannel(ctx, made.ID, kindThread, guildID, home); err != nil {
		return "", err
	}
	if err := n.setMark(ctx, made.ID, made.ID); err != nil {
		return "", err
	}
	n.reading.set(made.ID, true)
	return made.ID, nil
}

// together gives a line of a group's member to its box. Others in the thread, whom
// a moderator brought in, are nobody to the box.
func (n *Network) together(ctx context.Context, h *head, raw []byte, g *group) error {
	l := line{id: h.ID, channel: h.ChannelID, user: h.Author.ID}
	p, ok, err := n.pairOf(ctx, g.account, h.Author.ID)
	if err != nil {
		return err
	}
	if !ok || p.state != stateLinked || !slices.Contains(g.members, h.Author.ID) {
		return n.handled(ctx, l, nil, h.time())
	}
	x, err := n.context(ctx, h, g.account)
	if err != nil {
		return err
	}
	c := n.withRefs(text.FromDiscord(content(raw), x), h)
	l.account, l.body = g.account, c.Body
	if !c.Empty() {
		answers, err := n.answersTo(ctx, h, g.account)
		if err != nil {
			return err
		}
		err = n.receive(ctx, bridge.MessageEvent{Event: eventID(h.ID, g.account, ""), Account: g.account, From: g.remote(), Author: id.Remote(p.name),
			Answers: answers, Speaker: cmp.Or(h.name(), "somebody"), Text: c, Time: h.time()})
		if err != nil {
			return fmt.Errorf("%w: %w", errStore, err)
		}
	}
	return n.handled(ctx, l, nil, h.time())
}

// disperse takes a friend who wants no more of an account out of its groups' rooms,
// as far as Discord lets us; nothing is sent there any more in any case.
func (n *Network) disperse(ctx context.Context, p pair) error {
	all, err := n.groupsWhere(ctx, `account = ? AND thread <> ''`, p.account)
	if err != nil {
		return err
	}
	for _, g := range all {
		if !slices.Contains(g.members, p.user) {
			continue
		}
		err := n.rest.do(ctx, request{method: http.MethodDelete, route: "/channels/{}/thread-members/{}", args: []string{g.thread, p.user}}, nil)
		if err != nil {
			n.log.Info("a friend stays in a room that they left", "account", p.account, "channel", g.thread, "err", err)
		}
	}
	return nil
}
