package matrix

import (
	"strings"
	"testing"

	"wtvgate/bridge"
)

// A friend whose name has 60,000 letters fills no screens with each wave.
func TestLongNamesAreCutInDirectRooms(t *testing.T) {
	w := up(t)
	rid := w.joined()
	before := len(of[bridge.MessageEvent](w.core))
	w.push("n", memberEv(rid, "$n", bobID, bobID, "join", m{"displayname": strings.Repeat("E", 60000)}),
		ev(rid, "$w", "m.room.message", bobID, m{"msgtype": "m.emote", "body": "waves"}))
	e := await[bridge.MessageEvent](t, w.core, before+1)[before]
	if want := "* " + strings.Repeat("E", maxMemberName/4) + " waves"; e.Text.Body != want {
		t.Errorf("a wave of %d letters, want %d", len(e.Text.Body), len(want))
	}
}
