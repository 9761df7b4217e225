package matrix

import (
	"context"
	"errors"
	"time"

	"maunium.net/go/mautrix"
)

// signUp makes one of our users.
func (n *Network) signUp(ctx context.Context, c *mautrix.Client) error {
	_, err := c.MakeRequest(ctx, "POST", c.BuildClientURL("v3", "register"), &mautrix.ReqRegister[any]{
		Username: c.UserID.Localpart(), Type: mautrix.AuthTypeAppservice, InhibitLogin: true,
	}, nil)
	if errors.Is(err, mautrix.MUserInUse) {
		return nil
	}
	return n.judge(err, textRegister)
}

// maxUnknown bounds the users that are made in an hour to turn invitations down
// which are for nobody: anybody may think of names, and a user stays.
const maxUnknown = 20

// mayMake tells whether one more may be made.
func (g *ghosts) mayMake() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := g.n.now(); now.Sub(g.madeFrom) >= time.Hour {
		g.made, g.madeFrom = 0, now
	}
	g.made++
	return g.made <= maxUnknown
}
