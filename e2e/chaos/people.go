package chaos

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/discord/discordtest"
	"wtvgate/e2e/harness"
)

// people.go: friends, who write to boxes and read what boxes write.

// sendTime bounds a friend's request to the homeserver.
const sendTime = 15 * time.Second

// Chat is a friend's half of one conversation with a box.
type Chat struct {
	to, from *Flow                              // to the box; from the box
	say      func(context.Context, string) fate // writes to the box
	has      func(context.Context) ([]string, error)
	name     string                              // of the friend, as the ledger has it
	event    func(context.Context, string) error // asks for one event of the network's; nil: nobody to ask
}

// MatrixChat is a friend's room with a box's ghost.
func MatrixChat(l *Ledger, f *harness.Friend, room mid.RoomID, ghost mid.UserID, b *Box, address string) *Chat {
	return &Chat{to: l.NewFlow(address, b.Address, true), from: b.Writes(address, false), name: address,
		say: func(ctx context.Context, text string) fate {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
			defer cancel()
			if f.TrySend(ctx, room, text) != nil {
				return unknown
			}
			return accepted
		},
		has:   func(ctx context.Context) ([]string, error) { return f.All(ctx, room, ghost) },
		event: func(ctx context.Context, ev string) error { return f.HasEvent(ctx, room, mid.EventID(ev)) }}
}

// DiscordChat is a person's direct messages with the bot, who is linked with one
// box.
func DiscordChat(l *Ledger, d *discordtest.Server, p *discordtest.Person, b *Box, address string) *Chat {
	return &Chat{to: l.NewFlow(address, b.Address, true), from: b.Writes(address, false), name: address,
		say: func(_ context.Context, text string) fate {
			p.Say(p.DM(), text)
			return accepted
		},
		has: func(context.Context) (all []string, err error) {
			for _, m := range d.Sent(p.DM()) {
				all = append(all, m.Content)
			}
			return all, nil
		}}
}

// Live has a friend write in one of their chats now and then, until ctx ends.
func Live(ctx context.Context, chats []*Chat, seed uint64, pace time.Duration, talk *atomic.Bool) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	for ctx.Err() == nil {
		pause(ctx, pace/2+time.Duration(rnd.Int64N(int64(pace))))
		if !talk.Load() || ctx.Err() != nil {
			continue
		}
		c := chats[rnd.IntN(len(chats))]
		if n, text, ok := c.to.Write(); ok {
			c.to.Settle(n, c.say(ctx, text))
		}
	}
}

// Read takes what the friend has in place of what the ledger knew.
func (c *Chat) Read(ctx context.Context, l *Ledger) error {
	texts, err := c.has(ctx)
	if err == nil {
		l.Replace(c.from, c.name, texts)
	}
	return err
}
