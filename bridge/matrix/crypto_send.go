package matrix

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// crypto_send.go: what is sent into encrypted rooms. What was encrypted is a row
// before it is sent, so that every try sends the same under the same transaction
// id; it is sent with the application service's token, which has no limits
// (matrix.md 5.5, 8).

const (
	// keepCiphertexts is how long an encrypted message is kept for further tries:
	// longer than the core tries.
	keepCiphertexts = 7 * 24 * time.Hour
	// reshareAfter is how long a session is used that a device of the friend could
	// not be given, for want of a one-time key (matrix.md 5.5).
	reshareAfter = time.Minute
	// askDevices is how long our homeserver asks the friend's for devices before a
	// room is made: whoever waits for the room waits for this.
	askDevices = 3 * time.Second
)

// envelope is the content of an encrypted event. Our id stands outside, by which
// the event is known again; it says nothing about the message.
func envelope(sealed *event.EncryptedEventContent, key id.Message) (json.RawMessage, error) {
	raw, err := json.Marshal(sealed)
	if err != nil {
		return nil, fmt.Errorf("matrix: encrypt: %w", err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("matrix: encrypt: %w", err)
	}
	fields[keyMessage] = key
	if raw, err = json.Marshal(fields); err != nil {
		return nil, fmt.Errorf("matrix: encrypt: %w", err)
	}
	return raw, nil
}

// send writes a message into a room, encrypted if the room is.
func (n *Network) send(ctx context.Context, r room, key id.Message, kind event.Type, content any) (mid.EventID, error) {
	_, c, err := n.ghost(r.account)
	if err != nil {
		return "", err
	}
	if r.encrypted {
		raw, err := n.ciphertext(ctx, r, key, kind, content)
		if err != nil {
			return "", err
		}
		kind, content = event.EventEncrypted, raw
	}
	resp, err := c.SendMessageEvent(ctx, r.id, kind, content, mautrix.ReqSendEvent{TransactionID: transactionID(string(key)), DontEncrypt: true})
	if err != nil {
		return "", n.judge(err, textRefused)
	}
	return resp.EventID, nil
}

// ciphertext is a message encrypted: the row of an earlier try, or a new one.
func (n *Network) ciphertext(ctx context.Context, r room, key id.Message, kind event.Type, content any) (json.RawMessage, error) {
	if !n.encrypts() {
		return nil, bridge.Permanent(textEncrypted, nil)
	}
	raw, err := n.storedCiphertext(ctx, r.id, key)
	if err != nil || raw != nil {
		return raw, err
	}
	d, err := n.devices.of(ctx, r.account)
	if err != nil {
		return nil, err
	}
	sealed, err := d.encrypt(ctx, r, kind, content)
	if err != nil {
		return nil, err
	}
	if raw, err = envelope(sealed, key); err != nil {
		return nil, err
	}
	return raw, n.exec(ctx, "store an encrypted message", `INSERT INTO matrix_ciphertexts (msg, room, content, created) VALUES (?, ?, ?, ?)`,
		key, r.id, []byte(raw), n.now().UnixMilli())
}

func (n *Network) storedCiphertext(ctx context.Context, rid mid.RoomID, key id.Message) (raw json.RawMessage, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = n.db.QueryRowContext(ctx, `SELECT content FROM matrix_ciphertexts WHERE msg = ? AND room = ?`, key, rid).Scan((*[]byte)(&raw))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("matrix: find an encrypted message: %w", err)
	}
	return raw, nil
}

// pruneCiphertexts forgets what no try needs any more.
func (n *Network) pruneCiphertexts(ctx context.Context) error {
	return n.exec(ctx, "prune encrypted messages", `DELETE FROM matrix_ciphertexts WHERE created < ?`, n.now().Add(-keepCiphertexts).UnixMilli())
}

// encrypt encrypts for the room's friend, whose devices get the key first if
// they do not have it.
func (d *device) encrypt(ctx context.Context, r room, kind event.Type, content any) (*event.EncryptedEventContent, error) {
	d.sending.Lock()
	defer d.sending.Unlock()
	if err := d.upToDate(ctx, r); err != nil {
		return nil, err
	}
	for range 2 {
		sealed, err := d.mach.EncryptMegolmEvent(ctx, r.id, kind, content)
		if err == nil {
			return sealed, nil
		}
		if !crypto.IsShareError(err) {
			return nil, fmt.Errorf("matrix: encrypt: %w", err)
		}
		if err := d.share(ctx, r); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("matrix: encrypt: the session ends as it begins")
}

// upToDate learns of new devices of the friend before the first message since
// the start, and ends a session that a device was not given.
func (d *device) upToDate(ctx context.Context, r room) error {
	if !d.n.feeds.running(d.account) {
		if err := d.syncOnce(ctx); err != nil {
			return err
		}
	}
	if at, ok := d.again[string(r.id)]; ok && d.n.now().After(at) {
		delete(d.again, string(r.id))
		if err := d.n.dropSessions(ctx, string(r.id)); err != nil {
			return err
		}
	}
	if d.fresh[string(r.id)] {
		return nil
	}
	if _, err := d.mach.FetchKeys(ctx, []mid.UserID{r.friend}, true); err != nil {
		return d.n.judge(err, textNoDevices)
	}
	d.fresh[string(r.id)] = true
	return nil
}

// share gives a new session to the friend's devices. Whoever else may be in a
// direct room is not meant.
func (d *device) share(ctx context.Context, r room) error {
	if _, err := d.mach.FetchKeys(ctx, []mid.UserID{r.friend}, true); err != nil {
		return d.n.judge(err, textNoDevices)
	}
	if err := d.mach.ShareGroupSession(ctx, r.id, []mid.UserID{r.friend}); err != nil {
		return d.n.judge(err, textNoDevices)
	}
	session, err := d.store.GetOutboundGroupSession(ctx, r.id)
	if err != nil || session == nil {
		return fmt.Errorf("matrix: find session: %w", err)
	}
	all, err := d.store.GetDevices(ctx, r.friend)
	if err != nil {
		return fmt.Errorf("matrix: find devices: %w", err)
	}
	for _, one := range all {
		shared, err := d.store.IsOutboundGroupSessionShared(ctx, r.friend, one.IdentityKey, session.ID())
		if err != nil {
			return fmt.Errorf("matrix: find devices: %w", err)
		}
		if !shared {
			d.again[string(r.id)] = d.n.now().Add(reshareAfter)
		}
	}
	return nil
}

// canRead tells whether a friend has a device that reads encrypted messages.
func (d *device) canRead(ctx context.Context, friend mid.UserID) (bool, error) {
	resp, err := d.client.QueryKeys(ctx, &mautrix.ReqQueryKeys{DeviceKeys: mautrix.DeviceKeysRequest{friend: {}}, Timeout: askDevices.Milliseconds()})
	if err != nil {
		return false, d.n.judge(err, textRefused)
	}
	if len(resp.Failures) > 0 { // the friend's server does not answer now: those in use today all encrypt
		return true, nil
	}
	return len(resp.DeviceKeys[friend]) > 0, nil
}

// startEncrypted tells whether a new room with a friend is to be encrypted: if
// the friend can read that, as clients do it.
func (n *Network) startEncrypted(ctx context.Context, a id.Account, friend mid.UserID) (bool, error) {
	if !n.encrypts() {
		return false, nil
	}
	d, err := n.devices.of(ctx, a)
	if errors.Is(err, errNoDevices) && n.o.Encryption != encryptionRequire {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if n.o.Encryption == encryptionRequire {
		return true, nil
	}
	return d.canRead(ctx, friend)
}

// megolm is the content of the m.room.encryption that we write.
var megolm = map[string]any{"algorithm": string(mid.AlgorithmMegolmV1)}

// lock switches a room to encryption, which cannot be taken back.
func (n *Network) lock(ctx context.Context, r room) (room, error) {
	_, c, err := n.ghost(r.account)
	if err != nil {
		return r, err
	}
	if _, err := c.SendStateEvent(ctx, r.id, event.StateEncryption, "", megolm); err != nil {
		return r, n.judge(err, textPlain)
	}
	raw, err := json.Marshal(megolm)
	if err != nil {
		return r, fmt.Errorf("matrix: encryption: %w", err)
	}
	r.encrypted = true
	return r, n.setEncrypted(ctx, r.id, raw)
}

// checkPlain makes sure that a room that counts as plain is so, before anything
// is written there in clear: the event that says otherwise may still be on its
// way. Once per room and start, and whenever plain is not allowed.
func (n *Network) checkPlain(ctx context.Context, r room) (room, error) {
	if r.encrypted || !n.encrypts() {
		return r, nil
	}
	if _, seen := n.plain.Load(r.id); !seen {
		_, c, err := n.ghost(r.account)
		if err != nil {
			return r, err
		}
		var content json.RawMessage
		err = c.StateEvent(ctx, r.id, event.StateEncryption, "", &content)
		switch {
		case err == nil:
			r.encrypted = true
			return r, n.setEncrypted(ctx, r.id, content)
		case !notThere(err):
			return r, n.judge(err, textRefused)
		}
		n.plain.Store(r.id, true)
	}
	if n.o.Encryption == encryptionRequire {
		return n.lock(ctx, r)
	}
	return r, nil
}

// notThere tells whether the homeserver has no such state.
func notThere(err error) bool {
	var he mautrix.HTTPError
	return errors.As(err, &he) && he.Response != nil && he.Response.StatusCode == http.StatusNotFound
}

// noticeTo writes a line of the gateway's own into a room.
func (n *Network) noticeTo(ctx context.Context, r room, key id.Message, text string) error {
	_, err := n.send(ctx, r, key, event.EventMessage, outgoing{Type: event.MsgNotice, Body: text})
	return err
}

// unsealed refuses what was written in clear where that is not allowed, and
// tells both sides.
func (n *Network) unsealed(ctx context.Context, r room, evt *event.Event) error {
	if evt.Type != event.EventMessage && evt.Type != event.EventSticker && evt.Type != event.EventUnstablePollStart {
		return nil
	}
	if !r.toldBox {
		err := n.receive(ctx, bridge.NoticeEvent{Event: id.Event(evt.ID), Account: r.account, From: id.Remote(r.friend), Time: n.timeOf(evt),
			Text: r.friendName() + " wrote without encryption, which is not allowed here. An encrypted chat was asked for."})
		if err != nil {
			return err
		}
		if err := n.mark(ctx, r.id, "told_box"); err != nil {
			return err
		}
	}
	if r.toldFriend {
		return nil
	}
	err := n.noticeTo(ctx, r, id.Message("plain-"+string(r.id)), noticePlain)
	if err != nil && !permanent(err) {
		return effectOf(err)
	}
	return n.mark(ctx, r.id, "told_friend")
}

// noticePlain is what a friend reads who writes in clear where that is not
// allowed.
const noticePlain = "This WebTV gateway takes encrypted messages alone. Please switch encryption on in this chat, or start an encrypted one."

// fitEncryption notes whether a room that we just joined is encrypted, and
// encrypts it where nothing else is allowed.
func (n *Network) fitEncryption(ctx context.Context, r room, all mautrix.RoomStateMap) (room, error) {
	evt := all[event.StateEncryption][""]
	switch {
	case evt != nil:
		r.encrypted = true
		return r, n.setEncrypted(ctx, r.id, evt.Content.VeryRaw)
	case n.o.Encryption == encryptionRequire:
		return n.lock(ctx, r)
	}
	return r, nil
}

// ensureDevice gives a ghost its device, before the first friend writes to it: a
// message that is older than the device can never be read (matrix.md 5.1). A
// homeserver that has none for us is no fault of the ghost.
func (n *Network) ensureDevice(ctx context.Context, a id.Account) error {
	if !n.encrypts() {
		return nil
	}
	_, err := n.devices.of(ctx, a)
	if errors.Is(err, errNoDevices) {
		n.log.Warn("the homeserver lets ghosts have no devices: encrypted chats cannot be used", "account", a)
		return nil
	}
	return err
}
