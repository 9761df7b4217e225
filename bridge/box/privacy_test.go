package box

import (
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
	"wtvgate/msnp/wire"
)

const (
	aliceAddr = "alice@webtv.local"
	carolAddr = "carol@webtv.local"
	doraAddr  = "dora@webtv.local"
)

// TestWhoSeesAndCallsWhom: alice has carol on her list; carol's settings decide
// what alice sees and what comes of calling her (msnp.md 10; a contact that
// exists and does not block can always be called, design 5).
func TestWhoSeesAndCallsWhom(t *testing.T) {
	const no = ""
	for _, tt := range []struct {
		name  string
		carol []string // her edits; then OUT signs her out
		sees  string   // the initial burst of alice
		call  string
	}{
		{"open, stranger", []string{"CHG NLN"}, "NLN " + carolAddr, "ring"},
		{"open, allowed", []string{"ADD AL " + aliceAddr, "CHG BSY"}, "BSY " + carolAddr, "ring"},
		{"open, blocked", []string{"ADD BL " + aliceAddr, "CHG NLN"}, no, "217"},
		{"open, on her own list and blocked", []string{"ADD FL " + aliceAddr, "ADD BL " + aliceAddr, "CHG NLN"}, no, "217"},
		{"closed, stranger", []string{"BLP BL", "CHG NLN"}, no, "217"},
		{"closed, on her own list only", []string{"BLP BL", "ADD FL " + aliceAddr, "CHG NLN"}, no, "217"},
		{"closed, allowed", []string{"BLP BL", "ADD AL " + aliceAddr, "CHG LUN"}, "LUN " + carolAddr, "ring"},
		{"closed, blocked", []string{"BLP BL", "ADD BL " + aliceAddr, "CHG NLN"}, no, "217"},
		{"somebody else blocked", []string{"ADD BL " + doraAddr, "CHG NLN"}, "NLN " + carolAddr, "ring"},
		{"closed, somebody else allowed", []string{"BLP BL", "ADD AL " + doraAddr, "CHG NLN"}, no, "217"},
		{"hidden", []string{"CHG HDN"}, no, "waits"},
		{"hidden, blocked", []string{"ADD BL " + aliceAddr, "CHG HDN"}, no, "217"},
		{"hidden, allowed", []string{"ADD AL " + aliceAddr, "CHG HDN"}, no, "waits"},
		{"no invitations", []string{"CHG NLN", "IMS OFF"}, "NLN " + carolAddr, "waits"},
		{"no invitations, blocked", []string{"CHG NLN", "IMS OFF", "ADD BL " + aliceAddr}, no, "217"},
		{"invitations again", []string{"CHG NLN", "IMS OFF", "IMS ON"}, "NLN " + carolAddr, "ring"},
		{"no status yet", nil, no, "waits"},
		{"no status yet, blocked", []string{"ADD BL " + aliceAddr}, no, "217"},
		{"signed out", []string{"CHG NLN", "OUT"}, no, "waits"},
		{"signed out, blocked", []string{"ADD BL " + aliceAddr, "OUT"}, no, "217"},
		{"signed out, closed", []string{"BLP BL", "OUT"}, no, "217"},
		{"signed out, closed, allowed", []string{"BLP BL", "ADD AL " + aliceAddr, "OUT"}, no, "waits"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, FlattenNobody, func(s *stage) {
				c := s.enter("carol", pcClient, false)
				for _, e := range tt.carol {
					if e == "OUT" {
						c.Done()
						continue
					}
					c.edit(e)
				}
				a := s.enter("alice", pcClient, false)
				a.edit("ADD FL " + carolAddr)
				sees := ""
				for _, p := range a.status(wire.Online) {
					sees += p
				}
				if sees != tt.sees {
					t.Errorf("alice sees %q, want %q", sees, tt.sees)
				}
				if got := a.calls(carolAddr); got != tt.call {
					t.Errorf("her call: %s, want %s", got, tt.call)
				}
			})
		})
	}
}

// Who is nobody cannot be called; a friend elsewhere always can, also one whom
// the caller blocks: blocking has one direction.
func TestCallsOfOthers(t *testing.T) {
	onStage(t, FlattenNobody, func(s *stage) {
		a := s.visible("alice", wire.Online)
		a.edit("ADD BL " + bob)
		a.edit("ADD BL " + carolAddr)
		s.visible("carol", wire.Online)
		for address, want := range map[string]string{
			"ghost@webtv.local": "217", "x@nowhere.example": "217", "nobody@test.example": "217", "hello": "208",
			bob: "waits", "offline@test.example": "waits", carolAddr: "ring", doraAddr: "waits",
		} {
			if got := a.calls(address); got != want {
				t.Errorf("calling %s: %s, want %s", address, got, want)
			}
		}
		a.Done()
		if got := a.calls(bob); got != "217" {
			t.Errorf("calling after the end: %s", got)
		}
	})
}

// What the blocked party is told: one FLN, then nothing, as if the other had
// left; the one who blocks goes on seeing them.
func TestWhatTheBlockedSee(t *testing.T) {
	onStage(t, FlattenNobody, func(s *stage) {
		a, c := s.visible("alice", wire.Online), s.visible("carol", wire.Online)
		a.edit("ADD FL " + carolAddr)
		c.edit("ADD FL " + aliceAddr)
		a.told()
		c.told()
		a.edit("ADD BL " + carolAddr)
		c.tells("FLN " + aliceAddr)
		a.edit("CHG BSY")
		if err := a.SetInvitations(s.t.Context(), false, func() {}); err != nil {
			t.Fatal(err)
		}
		a.edit("CHG HDN")
		a.edit("CHG NLN")
		a.edit("BLP BL")
		a.edit("BLP AL")
		c.tells()
		c.edit("CHG AWY")
		a.tells("NLN AWY " + carolAddr)
		a.edit("REM BL " + carolAddr)
		a.edit("ADD AL " + carolAddr)
		c.tells("NLN NLN " + aliceAddr)
		a.Done()
		c.tells("FLN " + aliceAddr)
	})
}

// BLP works at once, on those alone who are on neither list.
func TestClosedModeAtOnce(t *testing.T) {
	onStage(t, FlattenNobody, func(s *stage) {
		a, c, d := s.visible("alice", wire.Idle), s.visible("carol", wire.Online), s.visible("dora", wire.Online)
		a.edit("ADD AL " + doraAddr)
		c.edit("ADD FL " + aliceAddr)
		d.edit("ADD FL " + aliceAddr)
		a.tells("ADD RL "+carolAddr, "ADD RL "+doraAddr)
		c.told()
		d.told()
		start := time.Now()
		a.edit("BLP BL")
		c.tells("FLN " + aliceAddr)
		a.edit("BLP AL")
		c.tells("NLN IDL " + aliceAddr)
		a.edit("BLP BL")
		c.tells("FLN " + aliceAddr)
		a.edit("ADD AL " + carolAddr)
		c.tells("NLN IDL " + aliceAddr)
		d.tells()
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
	})
}

// Removals from the allow and block lists show when they have settled, additions
// at once; the way from one list to the other does not flicker (msnp.md 10).
func TestPrivacySettles(t *testing.T) {
	type step struct {
		after time.Duration
		edit  string
		told  []string // carol, right then
	}
	gone, back := []string{"FLN " + aliceAddr}, []string{"NLN NLN " + aliceAddr}
	for _, tt := range []struct {
		name  string
		setup []string
		steps []step
	}{
		{"block, in closed mode", []string{"BLP BL", "ADD AL " + carolAddr}, []step{
			{0, "REM AL " + carolAddr, nil}, {time.Second, "ADD BL " + carolAddr, gone}, {5 * time.Second, "", nil}}},
		{"disallow, in closed mode", []string{"BLP BL", "ADD AL " + carolAddr}, []step{
			{0, "REM AL " + carolAddr, nil}, {2*time.Second - 1, "", nil}, {1, "", gone}, {5 * time.Second, "", nil}}},
		{"off and on again", []string{"BLP BL", "ADD AL " + carolAddr}, []step{
			{0, "REM AL " + carolAddr, nil}, {time.Second, "ADD AL " + carolAddr, nil}, {5 * time.Second, "", nil}}},
		{"disallow, in open mode", []string{"ADD AL " + carolAddr}, []step{
			{0, "REM AL " + carolAddr, nil}, {5 * time.Second, "", nil}}},
		{"block, in open mode", []string{"ADD AL " + carolAddr}, []step{
			{0, "REM AL " + carolAddr, nil}, {time.Second, "ADD BL " + carolAddr, gone}, {5 * time.Second, "", nil}}},
		{"unblock", []string{"ADD BL " + carolAddr}, []step{
			{0, "REM BL " + carolAddr, nil}, {2*time.Second - 1, "", nil}, {1, "", back}, {5 * time.Second, "", nil}}},
		{"unblock and allow, in closed mode", []string{"BLP BL", "ADD BL " + carolAddr}, []step{
			{0, "REM BL " + carolAddr, nil}, {time.Second, "ADD AL " + carolAddr, back}, {5 * time.Second, "", nil}}},
		{"two removals settle together", []string{"BLP BL", "ADD AL " + carolAddr, "ADD AL " + doraAddr}, []step{
			{0, "REM AL " + doraAddr, nil}, {time.Second, "REM AL " + carolAddr, nil}, {time.Second, "", gone}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, FlattenNobody, func(s *stage) {
				a, c := s.visible("alice", wire.Online), s.visible("carol", wire.Online)
				c.edit("ADD FL " + aliceAddr)
				for _, e := range tt.setup {
					a.edit(e)
				}
				c.told()
				for _, st := range tt.steps {
					<-time.After(st.after)
					if st.edit != "" {
						a.edit(st.edit)
					}
					c.tells(st.told...)
				}
			})
		})
	}
}

// Friends of other networks: what they write, by the account's lists and mode.
func TestFriendsAndPrivacy(t *testing.T) {
	for _, tt := range []struct {
		name  string
		edits []string
		comes bool
	}{
		{"open, stranger", nil, true},
		{"open, blocked", []string{"ADD BL " + bob}, false},
		{"open, on the list and blocked", []string{"ADD FL " + bob, "ADD BL " + bob}, false},
		{"closed, stranger", []string{"BLP BL"}, false},
		{"closed, on the list only", []string{"ADD FL " + bob, "BLP BL"}, false},
		{"closed, allowed", []string{"ADD AL " + bob, "BLP BL"}, true},
		{"hidden", []string{"CHG HDN"}, true},
		{"no invitations", []string{"IMS OFF"}, true},
		{"unblocked", []string{"ADD BL " + bob, "REM BL " + bob}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, FlattenNobody, func(s *stage) {
				a := s.visible("alice", wire.Online)
				for _, e := range tt.edits {
					a.edit(e)
				}
				a.told()
				s.receive(bridge.MessageEvent{Event: "$1", Account: acct("alice"), From: "bob", Name: "Bob",
					Text: text.Content{Body: "hi"}, Time: time.Now()})
				rows, err := s.hub.WaitingFrom(s.t.Context(), id.Conversation{Account: acct("alice"), Peer: bob}, 0, 10)
				if err != nil || (len(rows) == 1) != tt.comes {
					t.Errorf("%d messages wait, %v; want one: %v", len(rows), err, tt.comes)
				}
				// And only who gets through is "has added you".
				want := []string(nil)
				if tt.comes {
					want = []string{"ADD RL " + bob}
				}
				a.tells(want...)
			})
		})
	}
}
