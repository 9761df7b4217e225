package e2e

import (
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/e2e/harness"
	"wtvgate/msnp/wire"
)

// An operator talks with the bot in a room of theirs; somebody else is turned down.
func TestOperatorsRoom(t *testing.T) {
	p := newParts(t)
	p.g.Stop()
	p.g.Env = []string{"WTVGATE_MATRIX_OPERATORS=@op:" + harness.Domain}
	p.g.Start()
	op, bot := p.hs.NewFriend("op"), mid.NewUserID("webtvbot", harness.Domain)
	p.box.SignIn(wire.MSNP8)

	room := op.InviteDirect(bot)
	op.WaitMember(room, bot, event.MembershipJoin)
	op.WaitText(room, bot, "I answer the operators of this gateway. Say help.")
	op.Send(room, "kick "+p.box.Address)
	op.WaitText(room, bot, p.box.Address+" is signed out; its box may sign in again\n")
	op.Send(room, "kick "+p.box.Address)
	op.WaitText(room, bot, p.box.Address+" is not signed in; `wtvgate session list` shows who is\n")
	if log := p.g.Log(); !strings.Contains(log, "verb=session.kick account="+p.box.Address+" by=@op:"+harness.Domain) {
		t.Error("the log does not say who did it")
	}

	other := p.bob.InviteDirect(bot)
	p.bob.WaitMember(other, bot, event.MembershipLeave)
}
