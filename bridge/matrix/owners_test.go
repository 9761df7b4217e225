package matrix

import (
	"os"
	"path/filepath"
	"testing"

	"wtvgate/bridge"
)

const realAlice = "@real.alice:hs.test"

// withOwner gives Alice's account the token of her own Matrix account, which is in
// the room.
func withOwner(t *testing.T, w *world, token string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.o.Owners, string(alice.Address)), []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.hs.mu.Lock()
	w.hs.keys.tokens["real-token"] = realAlice
	w.hs.mu.Unlock()
	w.hs.with(roomG, func(r *fakeRoom) { r.members[realAlice] = m{"membership": "join", "displayname": "Alice R."} })
}

// The owner speaks and reads as herself; what the box wrote does not come back, what
// she writes elsewhere does.
func TestOwnerSpeaksAsThemselves(t *testing.T) {
	w := upCrowd(t, func(o *Options) { o.Owners, o.RoomMembers = t.TempDir(), 10 })
	withOwner(t, w, "real-token")
	w.goesIn(alice, aliasG)
	w.goesIn(carol, aliasG)
	r, err := w.n.Send(t.Context(), toRoom(alice, aliasG, "m1", "as myself"))
	if err != nil {
		t.Fatal(err)
	}
	sent := w.hs.sent(roomG, "m.room.message")
	if len(sent) != 1 || sent[0]["sender"] != realAlice {
		t.Fatalf("sent %v", sent)
	}
	forged := textEv(roomG, "$f", bobID, "forged")
	forged["content"].(m)["wtvgate.id"] = "m1"
	w.push("1", sent[0], textEv(roomG, "$e", realAlice, "from my phone"), forged)
	var got []string
	for _, e := range await[bridge.MessageEvent](t, w.core, 5) {
		got = append(got, string(e.Account)+" "+e.Speaker+": "+e.Text.Body)
	}
	want := map[string]int{"carol@webtv.test Alice R.: as myself": 1, "alice@webtv.test Alice R.: from my phone": 1, "carol@webtv.test Alice R.: from my phone": 1,
		"alice@webtv.test Bob: forged": 1, "carol@webtv.test Bob: forged": 1}
	for _, line := range got {
		want[line]--
	}
	for line, n := range want {
		if n != 0 {
			t.Errorf("%s: %d too few", line, n)
		}
	}
	if e := await[bridge.EchoEvent](t, w.core, 1); len(e) != 1 || e[0].ID != "m1" || e[0].Event != r.Event {
		t.Errorf("echo %+v", e)
	}
	if err := w.n.MarkRead(t.Context(), toRoom(alice, aliasG, "", ""), "$f alice@webtv.test"); err != nil {
		t.Fatal(err)
	}
	var readers []string
	for _, c := range w.hs.find("POST /v3/rooms/" + pathG + "/receipt/") {
		readers = append(readers, c.user)
	}
	if len(readers) != 2 || readers[0] != ghostA || readers[1] != realAlice {
		t.Errorf("read by %q", readers)
	}
	again := toRoom(alice, aliasG, "m1", "as myself") // whose answer was lost
	again.Retry = true
	w.hs.forget()
	if a, err := w.n.Send(t.Context(), again); err != nil || a.Event != r.Event || len(w.hs.sent(roomG, "m.room.message")) != 1 {
		t.Errorf("sent again as %q, %v", a.Event, err)
	}
	if _, err := w.n.Send(t.Context(), toRoom(carol, aliasG, "m2", "as my ghost")); err != nil || w.hs.sent(roomG, "m.room.message")[1]["sender"] != ghostC {
		t.Errorf("Carol: %v", err)
	}
}

// The ghost speaks where the owner cannot; when that cannot be told, nobody does.
func TestOwnerFallsBack(t *testing.T) {
	for name, c := range map[string]struct {
		token  string
		change func(*world)
		sender string
	}{
		"unknown token":    {"gone", nil, ghostA},
		"no token":         {"two words", nil, ghostA},
		"not a member":     {"real-token", func(w *world) { w.hs.with(roomG, func(r *fakeRoom) { delete(r.members, realAlice) }) }, ghostA},
		"homeserver fails": {"real-token", func(w *world) { w.hs.fail(fault{match: "GET /v3/account/whoami", times: -1, status: 502, body: "{}"}) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := upCrowd(t, func(o *Options) { o.Owners = t.TempDir() })
			withOwner(t, w, c.token)
			if c.change != nil {
				c.change(w)
			}
			w.goesIn(alice, aliasG)
			_, err := w.n.Send(t.Context(), toRoom(alice, aliasG, "m1", "x"))
			sent := w.hs.sent(roomG, "m.room.message")
			if c.sender == "" {
				if err == nil || permanent(err) || len(sent) != 0 {
					t.Errorf("sent %v, %v", sent, err)
				}
				return
			}
			if err != nil || len(sent) != 1 || sent[0]["sender"] != c.sender {
				t.Errorf("sent %v, %v", sent, err)
			}
		})
	}
}
