package discord

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"wtvgate/bridge"
)

// asking.go: persons and presences that Discord does not send by itself.

// maxAsk is how many persons one request for presences may name (discord.md 5).
const maxAsk = 100

// look asks Discord for a person's presence where it does not tell by itself: in
// guilds too large to list their members. It does not wait.
func (n *Network) look(uid string) {
	if n.presence.of(uid) == bridge.PresenceOffline && n.tellsPresence() && len(n.largeGuilds()) > 0 {
		n.asking.add(uid)
	}
}

// asking collects persons whose presence is to be asked for, so that one request
// names many.
type asking struct {
	mu    sync.Mutex
	users map[string]time.Time // when last asked; zero: to be asked
	wake  chan struct{}
}

// askEvery is how often one person is asked for at most: one box signing in
// after another must not ask again.
const askEvery = time.Minute

func newAsking() *asking {
	return &asking{users: make(map[string]time.Time), wake: make(chan struct{}, 1)}
}

func (a *asking) add(uid string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, there := a.users[uid]; !there && len(a.users) < maxGuilds {
		a.users[uid] = time.Time{}
		signal(a.wake)
	}
}

// take gives those to be asked for, and forgets those long asked.
func (a *asking) take(now time.Time) (all []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for u, at := range a.users {
		switch {
		case at.IsZero():
			all = append(all, u)
			a.users[u] = now
		case now.Sub(at) > askEvery:
			delete(a.users, u)
		}
	}
	return all
}

// op8 asks for members (discord.md 3.6). The library's own call sends a list
// where one id is documented.
type op8 struct {
	Op int `json:"op"`
	D  struct {
		GuildID   string   `json:"guild_id"`
		UserIDs   []string `json:"user_ids"`
		Limit     int      `json:"limit"`
		Presences bool     `json:"presences"`
		Nonce     string   `json:"nonce"`
	} `json:"d"`
}

// askPresences sends the requests.
func (n *Network) askPresences(users []string) {
	for _, p := range n.presencePackets(users) {
		if err := n.send(p); err != nil {
			n.log.Debug("presence not asked for", "err", err)
			return
		}
	}
}

// presencePackets makes the requests, one per guild and hundred persons.
func (n *Network) presencePackets(users []string) (all []op8) {
	byGuild := make(map[string][]string)
	for _, u := range users {
		in := n.guilds.of(u)
		if len(in) == 0 {
			in = n.largeGuilds()
		}
		for _, g := range in {
			byGuild[g] = append(byGuild[g], u)
		}
	}
	for g, left := range byGuild {
		for part := range slices.Chunk(left, maxAsk) {
			p := op8{Op: 8}
			p.D.GuildID, p.D.UserIDs, p.D.Presences, p.D.Nonce = g, part, true, strconv.Itoa(len(all)+1)
			all = append(all, p)
		}
	}
	return all
}

func (n *Network) largeGuilds() (all []string) {
	for _, id := range n.guilds.ids() {
		n.guilds.with(id, func(g *guild) {
			if g.large {
				all = append(all, id)
			}
		})
	}
	return all
}

// searchMember looks for somebody by the exact user name in the guilds we share
// (discord.md 3.5).
func (n *Network) searchMember(ctx context.Context, name string) (author, bool, error) {
	for _, g := range n.guilds.ids() {
		if !n.served(g) {
			continue
		}
		var found []rawMember
		err := n.rest.do(ctx, request{method: http.MethodGet, route: "/guilds/{}/members/search", args: []string{g},
			query: map[string][]string{"query": {name}, "limit": {"10"}}}, &found)
		if err != nil {
			if temporary(err) {
				return author{}, false, err
			}
			continue
		}
		for _, m := range found {
			if u := m.User; u.Username == name && (u.Disc == "0" || u.Disc == "") && !u.Bot && u.ID != "" {
				n.guilds.with(g, func(x *guild) { x.join(m) })
				return u, true, nil
			}
		}
	}
	return author{}, false, nil
}
