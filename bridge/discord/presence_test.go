package discord

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wtvgate/bridge"
)

// TestCheck14TypingAndPresence: both ways, each change once, no flaps.
func TestCheck14TypingAndPresence(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	g2 := r.d.AddGuild("Second")
	bob := r.friend("coolcat", g, alice)
	bob.Join(g2)
	s := newSeat()
	r.hub.Sit(alice, s)
	defer r.hub.Stand(alice, s)
	bob.Type(bob.DM())
	if got := <-s.typing; got != bobAddress {
		t.Errorf("%s types", got)
	}
	const route = "POST /channels/{channel}/typing"
	for range 5 {
		r.hub.SetTyping(bridge.Account{Address: alice, Name: "Alice"}, bobAddress, true)
	}
	r.until("typing", func() bool { return len(r.d.Requests(route)) == 1 })
	r.off.move(typingEvery)
	r.hub.SetTyping(bridge.Account{Address: alice, Name: "Alice"}, bobAddress, true)
	r.until("typing again", func() bool { return len(r.d.Requests(route)) == 2 })

	for status, want := range map[string]bridge.Presence{"idle": "idle", "dnd": "busy", "online": "online"} {
		bob.Status(status)
		r.until(status, func() bool { return r.hub.Appearance(alice, bobAddress).Presence == want })
	}
	bob.Status("offline") // a flap: it is held, and the return ends it
	bob.Status("online")
	bob.Say(bob.DM(), "here")
	r.gets(alice, "coolcat: here")
	if got := r.hub.Appearance(alice, bobAddress).Presence; got != "online" {
		t.Errorf("a flap shows as %s", got)
	}
	bob.Status("offline")
	r.until("offline", func() bool { return r.hub.Appearance(alice, bobAddress).Presence == "offline" })
}

// TestPresenceNewerThanItsGuild: what GUILD_CREATE says of a friend does not undo what
// came after it, although guilds are worked off from a queue.
func TestPresenceNewerThanItsGuild(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	r.n.intake.pause()
	r.n.take("GUILD_CREATE", fmt.Appendf(nil, `{"id":"7000","name":"Third","members":[{"user":{"id":%q,"username":"coolcat"},"nick":"Third Bob"}],
		"presences":[{"user":{"id":%[1]q},"status":"idle"}]}`, bob.ID))
	r.n.take("PRESENCE_UPDATE", fmt.Appendf(nil, `{"user":{"id":%q},"guild_id":"7000","status":"online"}`, bob.ID))
	r.n.intake.dirt(nil)
	r.until("the guild", func() bool { return slices.Contains(r.n.guilds.ids(), "7000") })
	r.until("all of it is handled", func() bool {
		r.n.intake.mu.Lock()
		defer r.n.intake.mu.Unlock()
		return r.n.intake.keys[guildKey+"7000"] == nil
	})
	if got := r.hub.Appearance(alice, bobAddress).Presence; got != "online" {
		t.Errorf("bob is shown as %s", got)
	}
}

// TestCheck15AfterIdentify: who went offline meanwhile is offline after a new
// session.
func TestCheck15AfterIdentify(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	bob.Status("online")
	r.until("online", func() bool { return r.hub.Appearance(alice, bobAddress).Presence == "online" })
	release := r.d.Hold()
	bob.Status("offline")
	r.d.ForgetSessions()
	r.d.Drop()
	release()
	r.until("offline", func() bool { return r.hub.Appearance(alice, bobAddress).Presence == "offline" })
	bob.Status("idle")
	r.until("idle", func() bool { return r.hub.Appearance(alice, bobAddress).Presence == "idle" })
}

// TestCheck15Batches: presences are asked for in hundreds.
func TestCheck15Batches(t *testing.T) {
	t.Parallel()
	n := &Network{guilds: newGuilds(), asking: newAsking()}
	var users []string
	g := &rawGuild{ID: "201", Large: true}
	for i := range 130 {
		u := fmt.Sprint(1000 + i)
		users = append(users, u)
		g.Members = append(g.Members, rawMember{User: author{ID: u}})
	}
	n.guilds.arrive(g, func(string) bool { return true })
	packets := n.presencePackets(users)
	if len(packets) != 2 || len(packets[0].D.UserIDs) != maxAsk || len(packets[1].D.UserIDs) != 30 || packets[0].D.GuildID != "201" {
		t.Errorf("%d packets", len(packets))
	}
	raw, err := json.Marshal(packets[0])
	if err != nil || !strings.Contains(string(raw), `"guild_id":"201"`) || !strings.Contains(string(raw), `"presences":true`) {
		t.Errorf("%s, %v", raw, err)
	}
}

// TestCheck15Op8: presences of a guild that is too large to list its members are
// asked for over the connection, a hundred persons at a time, and the answer counts.
func TestCheck15Op8(t *testing.T) {
	t.Parallel()
	r, g := newRig(t)
	bob := r.friend("coolcat", g, alice)
	users := []string{bob.ID}
	for i := range 260 { // more than LargeThreshold
		p := r.d.AddUser(fmt.Sprintf("member%03d", i))
		p.Join(g)
		if i < 129 {
			users = append(users, p.ID)
		}
	}
	r.restart() // GUILD_CREATE says that the guild is large
	r.until("the large guild", func() bool { return len(r.n.largeGuilds()) == 1 })
	r.d.LoseNext("PRESENCE_UPDATE", 1)
	bob.Status("idle")
	n := len(r.d.Wanted())
	r.n.askPresences(users)
	r.until("two requests", func() bool { return len(r.d.Wanted()) >= n+2 })
	if got := r.d.Wanted()[n:]; !slices.Contains(got, maxAsk) || !slices.Contains(got, 30) {
		t.Errorf("they name %d persons", got)
	}
	r.until("the answer", func() bool { return r.hub.Appearance(alice, bobAddress).Presence == "idle" })
}
