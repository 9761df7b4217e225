package matrix

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/olm"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// crypto_receive.go: what friends write encrypted. A message whose key has not
// come stays as a row that waits for it and holds no other; both sides are told
// once, and the key is asked for (lessons L41).

const (
	// keepUnread is how long a message waits for its key (matrix.md 5.4).
	keepUnread = 24 * time.Hour
	// maxUnread bounds the messages of a room that wait: a stranger's events with
	// keys that never come must not fill the disk.
	maxUnread = 200
)

// errKeyless ends the work on an event whose key has not come.
var errKeyless = errors.New("matrix: the key of a message has not come")

// sealed handles an encrypted event: as what it says, when it can be read.
func (n *Network) sealed(ctx context.Context, r room, evt *event.Event) error {
	if !n.encrypts() {
		return n.unreadable(ctx, r, evt)
	}
	if evt.Mautrix.WasEncrypted {
		return nil // encrypted twice: nobody does that in earnest
	}
	if err := parse(evt); err != nil {
		return err
	}
	if !r.encrypted {
		if err := n.mark(ctx, r.id, "encrypted"); err != nil {
			return err
		}
	}
	d, err := n.devices.of(ctx, r.account)
	if errors.Is(err, errNoDevices) {
		return n.unreadable(ctx, r, evt)
	} else if err != nil {
		return effectOf(err)
	}
	plain, err := d.decrypt(ctx, evt)
	switch {
	case err == nil:
		return n.said(ctx, plain)
	case errors.Is(err, crypto.ErrDuplicateMessageIndex):
		n.log.Warn("a message was sent again under another id and is ignored", "room", r.id, "event", evt.ID)
		return nil
	case errors.Is(err, crypto.ErrNoSessionFound):
		return n.waitForKey(ctx, d, r, evt)
	case hopeless(err):
		n.log.Info("a message cannot be decrypted", "account", r.account, "room", r.id, "event", evt.ID, "err", err)
		return n.tellUnread(ctx, r, evt.ID, sessionOf(evt), n.timeOf(evt))
	}
	return unknownCause(err)
}

// unknownCause bounds the tries of an event that fails for a reason that is not
// known: it must not hold those behind it for ever (lessons L5).
func unknownCause(err error) error {
	var effect sideEffect
	if errors.As(err, &effect) {
		return err
	}
	return sideEffect{err}
}

// hopeless tells whether no key that may come can help.
func hopeless(err error) bool {
	for _, e := range []error{
		olm.ErrUnknownMessageIndex, crypto.ErrGroupSessionWithheld, crypto.ErrUnsupportedAlgorithm, crypto.ErrCorruptedMegolmPayload,
		crypto.ErrWrongRoom, crypto.ErrDeviceKeyMismatch, crypto.ErrIncorrectEncryptedContentType, olm.ErrBadMAC,
		olm.ErrBadSignature, olm.ErrBadMessageFormat, olm.ErrBadVerification, olm.ErrWrongProtocolVersion, olm.ErrEmptyInput,
		olm.ErrMsgIndexTooHigh, olm.ErrBadInput, olm.ErrInputToSmall, olm.ErrLibolmInvalidBase64, errUntrusted,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &kind)
}

// errUntrusted is a message whose key does not belong to whom it says.
var errUntrusted = errors.New("matrix: the key of a message came from somebody else")

// decrypt reads an event. When its key is not there, what the homeserver has for
// the device is looked at first.
func (d *device) decrypt(ctx context.Context, evt *event.Event) (*event.Event, error) {
	plain, err := d.mach.DecryptMegolmEvent(ctx, evt)
	if errors.Is(err, crypto.ErrNoSessionFound) {
		if err := d.awaitKey(ctx, evt); err != nil {
			return nil, err
		}
		plain, err = d.mach.DecryptMegolmEvent(ctx, evt)
	}
	if err != nil {
		return nil, err
	}
	switch t := plain.Mautrix.TrustState; t {
	case mid.TrustStateDeviceKeyMismatch, mid.TrustStateBlacklisted, mid.TrustStateForwarded:
		return nil, fmt.Errorf("%w (%s)", errUntrusted, t)
	case mid.TrustStateUnknownDevice:
		d.n.log.Warn("a message came from a device that its writer does not show", "account", d.account, "event", evt.ID)
	}
	return plain, nil
}

// awaitKey gives a missing key the time it may need to come.
func (d *device) awaitKey(ctx context.Context, evt *event.Event) error {
	if d.n.feeds.running(d.account) {
		d.mach.WaitForSession(ctx, evt.RoomID, evt.Content.AsEncrypted().SenderKey, sessionOf(evt), d.n.pace.key)
		return nil
	}
	return effectOf(d.syncOnce(ctx))
}

func sessionOf(evt *event.Event) mid.SessionID { return evt.Content.AsEncrypted().SessionID }

// waitForKey puts an event aside until its key comes.
func (n *Network) waitForKey(ctx context.Context, d *device, r room, evt *event.Event) error {
	session := sessionOf(evt)
	var waiting int
	dbctx, cancel := dbContext(ctx)
	defer cancel()
	err := n.db.QueryRowContext(dbctx, `SELECT count(*) FROM matrix_inbox WHERE room = ? AND state = ?`, r.id, rowKeyless).Scan(&waiting)
	if err != nil {
		return fmt.Errorf("matrix: count what waits for keys: %w", err)
	}
	if waiting >= maxUnread {
		return n.tellUnread(ctx, r, evt.ID, session, n.timeOf(evt))
	}
	err = n.exec(ctx, "put event aside", `UPDATE matrix_inbox SET state = ?, session = ? WHERE event = ?`, rowKeyless, session, evt.ID)
	if err != nil {
		return err
	}
	n.log.Info("a message waits for its key", "account", r.account, "room", r.id, "event", evt.ID)
	if found, err := d.store.GetGroupSession(ctx, r.id, session); found != nil || err != nil { // it came meanwhile
		n.keyArrived(ctx, r.id, session, 0)
	}
	n.feeds.unread()
	return errKeyless
}

// keyArrived puts what waited for a session back in line.
func (n *Network) keyArrived(ctx context.Context, rid mid.RoomID, session mid.SessionID, _ uint32) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	res, err := n.db.ExecContext(ctx, `UPDATE matrix_inbox SET state = ? WHERE state = ? AND session = ? AND room = ?`, rowNew, rowKeyless, session, rid)
	if err != nil {
		n.log.Error("what waited for a key goes on waiting until the next start", "room", rid, "err", err)
		return
	}
	if count, err := res.RowsAffected(); err == nil && count > 0 {
		n.inbox.add(rid)
	}
}

// retryKeyless puts all that waits for keys back in line: at the start, for what
// came while nobody looked.
func (n *Network) retryKeyless(ctx context.Context) error {
	return n.exec(ctx, "read again", `UPDATE matrix_inbox SET state = ? WHERE state = ?`, rowNew, rowKeyless)
}

// unreadRow is a message that waits for its key.
type unreadRow struct {
	event    mid.EventID
	room     mid.RoomID
	session  mid.SessionID
	received time.Time
	told     bool
}

// sweepUnread tells of messages that have waited too long, asks for their keys,
// and gives up the oldest. It says when to come again; zero for when there is
// nothing.
func (n *Network) sweepUnread(ctx context.Context) (next time.Duration, err error) {
	rows, err := n.unread(ctx)
	if err != nil {
		return 0, err
	}
	now := n.now()
	for _, u := range rows {
		due := u.received.Add(n.pace.unread)
		if u.told {
			due = u.received.Add(keepUnread)
		}
		if wait := due.Sub(now); wait > 0 {
			if next == 0 || wait < next {
				next = wait
			}
			continue
		}
		if u.told {
			n.inbox.giveUp(u.room, u.event, errKeyless)
			if err := n.inbox.settle(ctx, u.event, rowDead); err != nil {
				return 0, err
			}
			continue
		}
		if err := n.missing(ctx, u); err != nil {
			return 0, err
		}
		next = time.Second
	}
	return next, nil
}

func (n *Network) unread(ctx context.Context) ([]unreadRow, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	rows, err := n.db.QueryContext(ctx, `SELECT event, room, session, received, told FROM matrix_inbox WHERE session <> '' AND state = ? ORDER BY seq`, rowKeyless)
	if err != nil {
		return nil, fmt.Errorf("matrix: list what waits for keys: %w", err)
	}
	defer rows.Close()
	var all []unreadRow
	for rows.Next() {
		var u unreadRow
		var ms int64
		if err := rows.Scan(&u.event, &u.room, &u.session, &ms, &u.told); err != nil {
			return nil, fmt.Errorf("matrix: list what waits for keys: %w", err)
		}
		u.received = time.UnixMilli(ms)
		all = append(all, u)
	}
	return all, rows.Err()
}

// missing tells both sides of a message that waits, and asks the writer's
// devices for the key.
func (n *Network) missing(ctx context.Context, u unreadRow) error {
	r, ok, err := n.roomByID(ctx, u.room)
	if err != nil {
		return err
	}
	if ok && r.state.ghostIn() {
		if err := n.tellUnread(ctx, r, u.event, u.session, u.received); err != nil {
			return err
		}
		if d, err := n.devices.of(ctx, r.account); err == nil {
			if err := d.askForKey(ctx, r, u.session); err != nil {
				n.log.Debug("key not asked for", "account", r.account, "err", err)
			}
		}
	}
	return n.exec(ctx, "note what was told", `UPDATE matrix_inbox SET told = 1 WHERE session = ? AND room = ?`, u.session, u.room)
}

// askForKey asks all devices of the friend for a session's key, once: who has
// not sent it will mostly not do so now, but it costs nothing (matrix.md 5.4).
func (d *device) askForKey(ctx context.Context, r room, session mid.SessionID) error {
	return d.mach.SendRoomKeyRequest(ctx, r.id, "", session, "", map[mid.UserID][]mid.DeviceID{r.friend: {"*"}})
}

// Lines about a message that cannot be read.
const (
	lineUnread   = "A message from %s could not be decrypted."
	noticeUnread = "The WebTV gateway could not decrypt a message of yours and has asked your device for its key. Please send it again if nobody answers."
)

// tellUnread tells box and friend, once per session, that a message cannot be
// read.
func (n *Network) tellUnread(ctx context.Context, r room, ev mid.EventID, session mid.SessionID, at time.Time) error {
	told, err := n.toldOf(ctx, r.id, session)
	if err != nil || told {
		return err
	}
	err = n.receive(ctx, bridge.NoticeEvent{Event: id.Event(string(ev) + "#unread"), Account: r.account, From: id.Remote(r.friend),
		Text: fmt.Sprintf(lineUnread, r.friendName()), Time: at})
	if err != nil {
		return err
	}
	key := id.Message("unread-" + string(r.id) + string(session))
	if err := n.noticeTo(ctx, r, key, noticeUnread); err != nil && !permanent(err) {
		return effectOf(err)
	}
	return n.exec(ctx, "note what was told", `UPDATE matrix_inbox SET told = 1, session = ? WHERE event = ?`, session, ev)
}

func (n *Network) toldOf(ctx context.Context, rid mid.RoomID, session mid.SessionID) (told bool, err error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = n.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM matrix_inbox WHERE session = ? AND session <> '' AND room = ? AND told = 1)`,
		session, rid).Scan(&told)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("matrix: find what was told: %w", err)
	}
	return told, nil
}
