package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"wtvgate/bridge/discord/discordtest"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// rig_talk_test.go: what boxes and friends of the rig say and have read.

// say has a box write.
func (r *rig) say(a id.Account, to id.Address, words string) {
	r.t.Helper()
	if err := r.hub.Say(r.t.Context(), id.Conversation{Account: a, Peer: to}, text.FromMSN(words, "")); err != nil {
		r.t.Fatalf("say %q: %v", words, err)
	}
}

// add has a box put somebody on its list.
func (r *rig) add(a id.Account, peer id.Address) {
	r.t.Helper()
	if _, _, err := r.hub.AddContact(r.t.Context(), a, peer, string(peer), store.ForwardList, nil); err != nil {
		r.t.Fatalf("add %s: %v", peer, err)
	}
}

// inbox is what waits for an account, as "sender: text".
func (r *rig) inbox(a id.Account) []string {
	r.t.Helper()
	lines := []string{}
	for _, row := range r.rows(a) {
		var c text.Content
		if err := json.Unmarshal(row.Body, &c); err != nil {
			r.t.Fatal(err)
		}
		lines = append(lines, row.Name+": "+c.Body)
	}
	return lines
}

func (r *rig) rows(a id.Account) []store.Incoming {
	rows, err := r.st.PendingIncoming(context.Background(), a, 0, 10000)
	if err != nil {
		r.t.Fatal(err)
	}
	return rows
}

// gets waits until exactly these lines wait for an account, and takes them.
func (r *rig) gets(a id.Account, want ...string) {
	r.t.Helper()
	r.until(fmt.Sprintf("%s gets %q", a, want), func() bool { return len(r.inbox(a)) >= len(want) })
	if got := r.inbox(a); strings.Join(got, "|") != strings.Join(want, "|") {
		r.t.Fatalf("%s got %q, want %q", a, got, want)
	}
	r.take(a)
}

// take has the box read all that waits.
func (r *rig) take(a id.Account) {
	r.t.Helper()
	if err := r.hub.Delivered(r.t.Context(), r.rows(a)); err != nil {
		r.t.Fatal(err)
	}
}

// sent are the texts that the bot wrote into a channel.
func (r *rig) sent(c *discordtest.Channel) (all []string) {
	for _, m := range r.d.Sent(c) {
		all = append(all, m.Content)
	}
	return all
}

// answer is what a person's command or button gets.
func (r *rig) answer(i *discordtest.Interaction) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a, err := i.Wait(ctx)
	if err != nil {
		r.t.Fatalf("no answer: %v\n%s", err, r.log)
	}
	return a.Content
}

const bobAddress = id.Address("coolcat@discord.com")

// friend makes a person in the guild who is linked with accounts, all of whom were
// asked and accepted.
func (r *rig) friend(name string, g *discordtest.Guild, accounts ...id.Account) *discordtest.Person {
	r.t.Helper()
	p := r.d.AddUser(name)
	p.Join(g)
	for _, a := range accounts {
		r.link(p, name, a)
	}
	return p
}

// link goes through asking and accepting.
func (r *rig) link(p *discordtest.Person, name string, a id.Account) {
	r.t.Helper()
	before := len(r.d.Sent(p.DM()))
	r.add(a, id.Address(name+"@discord.com"))
	r.until("the ask", func() bool { return len(r.d.Sent(p.DM())) > before })
	asks := r.d.Sent(p.DM())
	if got := r.answer(p.Press(asks[len(asks)-1].ID, pressYes+a.Local())); !strings.HasPrefix(got, "You can now chat with") {
		r.t.Fatalf("the answer to yes is %q", got)
	}
	r.gets(a, name+"@discord.com: (They said yes.)")
}

// said are the bot's texts in a channel after the first n.
func (r *rig) said(c *discordtest.Channel, n int) []string { return r.sent(c)[n:] }
