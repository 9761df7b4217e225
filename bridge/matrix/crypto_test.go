package matrix

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix"

	"wtvgate/bridge"
)

// sealedRoom is an encrypted room that Alice's ghost made with Bob, who has
// joined.
func (w *world) sealedRoom() string {
	w.t.Helper()
	rid := w.joined()
	w.eventually("the room to be encrypted", `SELECT encrypted FROM matrix_rooms WHERE room = ?`, rid)
	return rid
}

// The ghost has its device before anybody writes to it, signed, and keeps it;
// what is secret of it is sealed.
func TestDeviceIsMadeOnce(t *testing.T) {
	w := upSealed(t)
	row := func() (device, mode, token, seeds string) {
		err := w.o.DB.QueryRow(`SELECT device, mode, token, seeds FROM matrix_devices`).Scan(&device, &mode, &token, &seeds)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	device, mode, token, seeds := row()
	if mode != modeLogin || !strings.HasPrefix(token, "sealed for "+sealToken) || !strings.HasPrefix(seeds, "sealed for "+sealSeeds) {
		t.Errorf("mode %s, token %q, seeds %q", mode, token, seeds)
	}
	w.hs.mu.Lock()
	keys, fallback, signed := len(w.hs.keys.once[ghostA+" "+device]), w.hs.keys.fallback[ghostA+" "+device], w.hs.keys.signed[ghostA]
	w.hs.mu.Unlock()
	if keys != 51 || fallback == nil || signed != 2 {
		t.Errorf("%d one-time keys, fallback %v, %d signatures", keys, fallback, signed)
	}
	for range 2 {
		before := len(w.hs.find("GET /sync"))
		w.restart()
		w.hs.wait("GET /sync", before+1) // the look at the start: it uses the device
		if again, _, _, _ := row(); again != device {
			t.Errorf("another device after a restart: %s, was %s", again, device)
		}
	}
	if n := len(w.hs.find("POST /login")); n != 1 {
		t.Errorf("%d logins", n)
	}
}

func TestEncryptedBothWays(t *testing.T) {
	w := upSealed(t)
	bob := w.newPenpal("ONE")
	rid := w.sealedRoom()
	w.push("1", bob.seal(rid, "$1", "hello", true))
	if got := bodies(await[bridge.MessageEvent](t, w.core, 1)); !slices.Equal(got, []string{"hello"}) {
		t.Errorf("received %q", got)
	}
	if _, err := w.n.Send(t.Context(), out("m1", "a secret")); err != nil {
		t.Fatal(err)
	}
	sent := w.hs.sent(rid, "m.room.encrypted")
	if len(sent) != 1 || strings.Contains(fmt.Sprint(sent), "a secret") || len(w.hs.sent(rid, "m.room.message")) != 0 {
		t.Fatalf("the room has %v", sent)
	}
	if text, err := bob.read(sent[0]); text != "a secret" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	w.push("2", sent[0]) // its echo
	if e := await[bridge.EchoEvent](t, w.core, 1)[0]; e.ID != "m1" || string(e.Event) != sent[0]["event_id"] {
		t.Errorf("echo %+v", e)
	}
}

// A further device of the friend gets the next message.
func TestFriendsNewDevice(t *testing.T) {
	w := upSealed(t)
	w.newPenpal("ONE")
	rid := w.sealedRoom()
	if _, err := w.n.Send(t.Context(), out("m1", "for one")); err != nil {
		t.Fatal(err)
	}
	two := w.newPenpal("TWO")
	if _, err := w.n.Send(t.Context(), out("m2", "for both")); err != nil {
		t.Fatal(err)
	}
	if text, err := two.read(w.hs.sent(rid, "m.room.encrypted")[1]); text != "for both" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
}

// The library shares the friends' devices between ghosts: the one that sees a
// change ends the sessions of all.
func TestSessionsOfAllGhostsEnd(t *testing.T) {
	w := upSealed(t)
	w.newPenpal("ONE")
	rid := w.sealedRoom()
	if _, err := w.n.Send(t.Context(), out("m1", "x")); err != nil {
		t.Fatal(err)
	}
	_, err := w.o.DB.Exec(`INSERT INTO crypto_megolm_outbound_session SELECT '@webtv_carol:hs.test', room_id, 'other', session, shared,
		max_messages, message_count, max_age, created_at, last_used FROM crypto_megolm_outbound_session`)
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.n.devices.of(t.Context(), alice.Address)
	if err != nil {
		t.Fatal(err)
	}
	d.mach.OnDevicesChanged(t.Context(), bobID) // finds the room without the library's own tables
	var left int
	if err := w.o.DB.QueryRow(`SELECT count(*) FROM crypto_megolm_outbound_session WHERE room_id = ?`, rid).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d sessions left, %v", left, err)
	}
}

// Every try of a message is the same event under the same transaction id, also
// when the gateway was killed in between.
func TestSameCiphertextEachTry(t *testing.T) {
	w := upSealed(t)
	w.newPenpal("ONE")
	rid := w.sealedRoom()
	w.hs.fail(fault{match: "PUT /send/m.room.encrypted", times: 2, status: 502, body: "{}"})
	for range 2 {
		if _, err := w.n.Send(t.Context(), out("m1", "once")); err == nil {
			t.Fatal("sent in spite of the fault")
		}
		w.restart()
	}
	if _, err := w.n.Send(t.Context(), out("m1", "once")); err != nil {
		t.Fatal(err)
	}
	tries := w.hs.find("PUT /send/m.room.encrypted")
	if len(tries) != 3 {
		t.Fatalf("%d tries", len(tries))
	}
	for _, c := range tries {
		if c.path != tries[0].path || fmt.Sprint(c.body) != fmt.Sprint(tries[0].body) || c.device != "" {
			t.Errorf("a try differs: %s %v (device %q)", c.path, c.body, c.device)
		}
	}
	// and a message that arrived although the answer was lost is found by its id
	m := out("m1", "once")
	m.Retry = true
	w.hs.forget()
	if _, err := w.n.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := w.hs.sent(rid, "m.room.encrypted"); len(got) != 1 {
		t.Errorf("the room has %d messages", len(got))
	}
}

// Messages without a key hold no other, are told of once per key and shown when
// it comes.
func TestKeyComesLate(t *testing.T) {
	w := upSealed(t)
	bob := w.newPenpal("ONE")
	rid := w.sealedRoom()
	w.push("1", bob.seal(rid, "$1", "one", false), bob.seal(rid, "$2", "two", false))
	w.push("2", textEv(rid, "$3", bobID, "in clear"))
	if got := bodies(await[bridge.MessageEvent](t, w.core, 1)); !slices.Equal(got, []string{"in clear"}) {
		t.Errorf("received %q", got)
	}
	if n := await[bridge.NoticeEvent](t, w.core, 1)[0]; n.Text != "A message from Bob could not be decrypted." || n.Account != alice.Address {
		t.Errorf("notice %+v", n)
	}
	w.hs.wait("PUT /sendToDevice/m.room_key_request", 1)
	w.eventually("both to be told of", `SELECT count(*) = 2 FROM matrix_inbox WHERE state = 3 AND told = 1`)
	w.restart() // a kill loses nothing of it
	w.eventually("both to wait again", `SELECT count(*) = 2 FROM matrix_inbox WHERE state = 3 AND told = 1`)
	bob.give(rid)
	w.n.Attending(alice.Address, true, bridge.PresenceOnline)
	if got := bodies(await[bridge.MessageEvent](t, w.core, 3)); !slices.Equal(got, []string{"in clear", "one", "two"}) {
		t.Errorf("received %q", got)
	}
	if got := of[bridge.NoticeEvent](w.core); len(got) != 1 {
		t.Errorf("notices %+v", got)
	}
	notices := w.hs.sent(rid, "m.room.encrypted")
	if text, err := bob.read(notices[0]); len(notices) != 1 || text != noticeUnread || err != nil {
		t.Errorf("%d notices to the friend, %q, %v", len(notices), text, err)
	}
}

// What no key can mend is told at once.
func TestHopelessMessage(t *testing.T) {
	w := upSealed(t)
	w.newPenpal("ONE")
	rid := w.sealedRoom()
	for i, content := range []m{{"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "short", "session_id": strings.Repeat("s", 43)}, {"algorithm": "m.unknown"}} {
		w.push(fmt.Sprint("h", i), ev(rid, fmt.Sprint("$h", i), "m.room.encrypted", bobID, content))
		await[bridge.NoticeEvent](t, w.core, i+1)
	}
	w.push("3", textEv(rid, "$3", bobID, "still here"))
	await[bridge.MessageEvent](t, w.core, 1)
}

// A room that was switched to encryption without our knowing gets no clear text.
func TestEncryptionUnseen(t *testing.T) {
	w := upSealed(t)
	rid := w.joined() // Bob cannot read encrypted messages yet: a plain room
	w.newPenpal("ONE")
	w.hs.with(rid, func(r *fakeRoom) { r.encrypted = true })
	if _, err := w.n.Send(t.Context(), out("m1", "a secret")); err != nil {
		t.Fatal(err)
	}
	if len(w.hs.sent(rid, "m.room.message")) != 0 || len(w.hs.sent(rid, "m.room.encrypted")) != 1 {
		t.Errorf("the room has %q", w.hs.bodies(rid))
	}
}

// A homeserver that has lost the device gets another with the same signing keys;
// one that has lost the token gives another for the same device.
func TestDeviceLost(t *testing.T) {
	w := upSealed(t)
	master := func() any {
		w.hs.mu.Lock()
		defer w.hs.mu.Unlock()
		return w.hs.keys.signing[ghostA]["master_key"].(m)["keys"]
	}
	before := fmt.Sprint(master())
	var old string
	if err := w.o.DB.QueryRow(`SELECT device FROM matrix_devices`).Scan(&old); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.hs.mu.Lock()
	clear(w.hs.keys.tokens) // a token only
	w.hs.mu.Unlock()
	w.start()
	w.hs.wait("POST /login", 2)
	w.eventually("the same device", `SELECT device = ? AND ready FROM matrix_devices`, old)
	w.stop()
	w.hs.mu.Lock()
	clear(w.hs.keys.keys)
	clear(w.hs.keys.signing)
	w.hs.mu.Unlock()
	w.start()
	w.eventually("another device", `SELECT device <> ? AND ready FROM matrix_devices`, old)
	if after := fmt.Sprint(master()); after != before {
		t.Errorf("other signing keys: %s, were %s", after, before)
	}
}

// A homeserver that lets ghosts have no devices: encrypted chats are refused in
// words, and plain ones go on.
func TestNoDevices(t *testing.T) {
	w := newWorld(t)
	w.o.Encryption, w.o.Vault = encryptionAllow, noVault{}
	w.hs.keys.noDevices = true
	w.start()
	w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
	rid := w.joined()
	if _, err := w.n.Send(t.Context(), out("m1", "hello")); err != nil {
		t.Fatal(err)
	}
	w.push("1", ev(rid, "$1", "m.room.encrypted", bobID, m{"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"}))
	await[bridge.NoticeEvent](t, w.core, 1)
	if _, err := w.n.Send(t.Context(), out("m2", "hello")); !permanent(err) {
		t.Errorf("Send into an encrypted room: %v", err)
	}
}

// With require nothing is said in clear: plain rooms are encrypted or left.
func TestEncryptionRequired(t *testing.T) {
	w := upSealed(t, func(o *Options) { o.Encryption = encryptionRequire })
	bob := w.newPenpal("ONE")
	w.push("1", w.invite(roomR, "$inv", true))
	await[bridge.RequestEvent](t, w.core, 1)
	if err := w.n.Accept(t.Context(), out("a1", "")); err != nil {
		t.Fatal(err)
	}
	w.hs.wait("PUT /state/m.room.encryption", 1)
	w.push("2", textEv(roomR, "$clear", bobID, "in clear"), bob.seal(roomR, "$sealed", "sealed", true))
	if got := bodies(await[bridge.MessageEvent](t, w.core, 1)); !slices.Equal(got, []string{"sealed"}) {
		t.Errorf("received %q", got)
	}
	if n := of[bridge.NoticeEvent](w.core); len(n) != 1 || !strings.Contains(n[0].Text, "without encryption") {
		t.Errorf("notices %+v", n)
	}
	const other = "!other:hs.test"
	w.push("3", w.invite(other, "$inv2", true))
	w.hs.with(other, func(r *fakeRoom) { r.locked = true })
	await[bridge.RequestEvent](t, w.core, 2)
	if err := w.n.Accept(t.Context(), out("a2", "")); !permanent(err) {
		t.Errorf("Accept of a room that cannot be encrypted: %v", err)
	}
	if calls := w.hs.wait("POST /leave", 1); calls[0].body["reason"] != reasonPlain {
		t.Errorf("left with %v", calls[0].body)
	}
}

// The SQLite driver must survive statements whose caller has gone: an older
// version wedged for ever (matrix.md 6).
func TestCancelledStatements(t *testing.T) {
	db := openDB(t)
	if _, err := db.Exec(`CREATE TABLE t (x INTEGER)`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 20 {
				ctx, cancel := context.WithCancel(context.Background())
				tx, err := db.BeginTx(ctx, nil)
				if err == nil {
					if i%2 == 0 {
						cancel()
					}
					_, _ = tx.ExecContext(ctx, `INSERT INTO t VALUES (?)`, g) // may be cancelled
					_ = tx.Commit()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	for range 50 {
		tx, err := db.Begin()
		if err == nil {
			_, err = tx.Exec(`INSERT INTO t VALUES (1)`)
		}
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			t.Fatalf("the database is stuck: %v", err)
		}
	}
}

// An answer without a number of one-time keys is not one without keys: the
// homeserver is asked, now and then.
func TestOneTimeKeysAreCounted(t *testing.T) {
	w := upSealed(t)
	d, err := w.n.devices.of(t.Context(), alice.Address)
	if err != nil {
		t.Fatal(err)
	}
	d.syncing.Lock()
	defer d.syncing.Unlock()
	d.counted = time.Time{}
	before := len(w.hs.find("POST /keys/upload"))
	for i, want := range []int{51, enoughKeys} {
		var resp mautrix.RespSync
		if err := d.countKeys(t.Context(), &resp); err != nil || resp.DeviceOTKCount.SignedCurve25519 != want {
			t.Errorf("count %d is %d, %v; want %d", i, resp.DeviceOTKCount.SignedCurve25519, err, want)
		}
	}
	if n := len(w.hs.find("POST /keys/upload")) - before; n != 1 {
		t.Errorf("asked %d times", n)
	}
}
