package chaos

import (
	"context"
	"math/rand/v2"
	"time"

	"wtvgate/bridge/discord/discordtest"
)

// harm.go: what goes wrong.

const (
	routeSend = "POST /channels/{channel}/messages"
	// lineEvery is how often some box's line is spoilt.
	lineEvery = 400 * time.Millisecond
	maxStall  = 4 * time.Second
)

// Lines are the counts of what was done to telephone lines.
type Lines struct{ Hung, Cut, Stalled int }

// SpoilLines hangs up, cuts and stalls boxes' lines until ctx ends.
func SpoilLines(ctx context.Context, boxes []*Box, seed uint64) (n Lines) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	for ctx.Err() == nil {
		pause(ctx, lineEvery/2+time.Duration(rnd.Int64N(int64(lineEvery))))
		p := boxes[rnd.IntN(len(boxes))].Phone
		switch rnd.IntN(6) {
		case 0, 1:
			p.HangUp()
			n.Hung++
		case 2:
			p.Cut()
			n.Cut++
		default:
			p.Stall(time.Duration(rnd.Int64N(int64(maxStall))))
			n.Stalled++
		}
	}
	return n
}

// SpoilDiscord arms one fault of Discord's.
func SpoilDiscord(d *discordtest.Server, rnd *rand.Rand) {
	switch rnd.IntN(12) {
	case 0:
		d.Fail(routeSend, discordtest.RateLimited(time.Second, "user"))
	case 1:
		d.Fail(routeSend, discordtest.RateLimited(time.Second, "shared"))
	case 2:
		d.Fail(routeSend, discordtest.RateLimited(time.Second, "global"))
	case 3:
		d.Fail(routeSend, discordtest.EdgeBan(time.Second))
	case 4:
		d.Fail(routeSend, discordtest.Error(502, 0))
	case 5:
		d.Fail(routeSend, discordtest.Lost())
	case 6:
		d.Fail(routeSend, discordtest.Reset())
	case 7, 8:
		d.RepeatNext("MESSAGE_CREATE", 5)
	case 9:
		d.Drop()
	case 10:
		d.Op7()
	case 11:
		d.Fail(routeSend, discordtest.Error(400, 50035)) // for ever: told to the author
	}
}
