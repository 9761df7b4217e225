package matrix

import (
	"testing"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// TestLater: replies, corrections, reactions and redactions as the core hears of
// them.
func TestLater(t *testing.T) {
	w := up(t)
	rid := w.joined()
	relates := func(kind, to string, more m) m {
		rel := m{"rel_type": kind, "event_id": to}
		for k, v := range more {
			rel[k] = v
		}
		return m{"msgtype": "m.text", "body": "x", "m.relates_to": rel}
	}
	redaction := ev(rid, "$7", "m.room.redaction", bobID, m{})
	redaction["redacts"] = "$1"
	w.push("later",
		textEv(rid, "$1", bobID, "hello"),
		ev(rid, "$2", "m.room.message", bobID, m{"msgtype": "m.text", "body": "yes", "m.relates_to": m{"m.in_reply_to": m{"event_id": "$sent1"}}}),
		ev(rid, "$3", "m.room.message", bobID, relates("m.thread", "$0", m{"is_falling_back": true, "m.in_reply_to": m{"event_id": "$2"}})),
		ev(rid, "$4", "m.room.message", bobID, m{"msgtype": "m.text", "body": "* hello!", "m.new_content": m{"msgtype": "m.text", "body": "hello!"},
			"m.relates_to": m{"rel_type": "m.replace", "event_id": "$1"}}),
		ev(rid, "$5", "m.reaction", bobID, relates("m.annotation", "$sent1", m{"key": "👍"})),
		ev(rid, "$6", "m.reaction", bobID, func() m {
			c := relates("m.annotation", "$sent1", m{"key": "mxc://hs.test/party"})
			c["shortcode"] = ":party:"
			return c
		}()),
		redaction,
		ev(rid, "$8", "m.room.redaction", bobID, m{"redacts": "$2"}),
		ev(rid, "$9", "m.reaction", bobID, m{}),
		ev(rid, "$10", "m.room.redaction", bobID, m{}),
		ev(rid, "$11", "m.reaction", "@carol:hs.test", relates("m.annotation", "$sent1", m{"key": "👍"})),
		textEv(rid, "$12", bobID, "end"))
	said := await[bridge.MessageEvent](t, w.core, 5)
	for i, want := range []struct {
		body              string
		answers, replaces id.Event
	}{{"hello", "", ""}, {"yes", "$sent1", ""}, {"x", "", ""}, {"(edited) hello!", "", "$1"}, {"end", "", ""}} {
		if got := said[i]; got.Text.Body != want.body || got.Answers != want.answers || got.Replaces != want.replaces {
			t.Errorf("message %d: %q answers %q, replaces %q", i, got.Text.Body, got.Answers, got.Replaces)
		}
	}
	reactions := of[bridge.ReactionEvent](w.core)
	if len(reactions) != 2 || reactions[0].Emoji != "👍" || reactions[1].Emoji != ":party:" || reactions[0].To != "$sent1" || reactions[0].Name != "Bob" ||
		reactions[0].From != bobID || reactions[0].Account != alice.Address || reactions[0].Event != "$5" {
		t.Errorf("reactions %+v", reactions)
	}
	deletions := of[bridge.DeletionEvent](w.core)
	if len(deletions) != 2 || deletions[0].Of != "$1" || deletions[1].Of != "$2" || deletions[1].Event != "$8" {
		t.Errorf("deletions %+v", deletions)
	}
}
