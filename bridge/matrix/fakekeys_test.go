package matrix

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"
)

// fakekeys_test.go: the homeserver's part in encryption, and a friend who
// encrypts. It keeps keys and hands them on; it checks nothing.

// keyServer is what a homeserver knows of devices. The homeserver's mutex guards
// it.
type keyServer struct {
	noDevices bool                      // application services may not log in
	tokens    map[string]string         // of devices, to user
	device    map[string]string         // token to device
	keys      map[string]map[string]any // user to device to its keys
	signing   map[string]map[string]any // user to the body of device_signing/upload
	signed    map[string]int            // user to uploaded signatures
	once      map[string][]entry        // user and device to one-time keys
	fallback  map[string]any            // user and device to the fallback key
	toDevice  map[string][]any          // user and device to what waits
	changed   map[string]int            // user to the place in the stream of the last change
	place     int
}

type entry struct {
	id  string
	key any
}

func newKeyServer() *keyServer {
	return &keyServer{tokens: map[string]string{}, device: map[string]string{}, keys: map[string]map[string]any{}, signing: map[string]map[string]any{},
		signed: map[string]int{}, once: map[string][]entry{}, fallback: map[string]any{}, toDevice: map[string][]any{}, changed: map[string]int{}}
}

// answer does a call; ok is false for one that is none of its.
func (k *keyServer) answer(c call, seg []string) (status int, body any, ok bool) {
	user, dev := c.user, c.device
	switch {
	case seg[1] == "login" && c.method == "POST":
		if k.noDevices {
			return 403, forbiddenBody, true
		}
		dev = c.body["device_id"].(string)
		token := fmt.Sprintf("token-%s-%s-%d", user, dev, len(k.tokens))
		k.tokens[token], k.device[token] = user, dev
		return 200, m{"user_id": user, "device_id": dev, "access_token": token}, true
	case seg[1] == "devices":
		return 404, m{"errcode": "M_FORBIDDEN"}, true // as Dendrite answers
	case seg[1] == "keys" && seg[2] == "upload":
		return 200, k.upload(user, dev, c.body), true
	case seg[1] == "keys" && seg[2] == "query":
		return 200, k.query(c.body["device_keys"].(m)), true
	case seg[1] == "keys" && seg[2] == "claim":
		return 200, k.claim(c.body["one_time_keys"].(m)), true
	case seg[1] == "keys" && seg[2] == "device_signing":
		k.signing[user] = c.body
		return 200, fine, true
	case seg[1] == "keys" && seg[2] == "signatures":
		k.signed[user]++
		return 200, m{"failures": m{}}, true
	case seg[1] == "sendToDevice":
		k.send(user, seg[2], c.body["messages"].(m))
		return 200, fine, true
	case seg[1] == "sync":
		return 200, k.sync(user, dev, c.query.Get("since")), true
	}
	return 0, nil, false
}

func (k *keyServer) upload(user, dev string, body m) m {
	key := user + " " + dev
	if d, ok := body["device_keys"].(m); ok {
		if k.keys[user] == nil {
			k.keys[user] = m{}
		}
		k.keys[user][dev] = d
		k.place++
		k.changed[user] = k.place
	}
	once, _ := body["one_time_keys"].(m)
	for id, v := range once {
		k.once[key] = append(k.once[key], entry{id, v})
	}
	fallback, _ := body["fallback_keys"].(m)
	for id, v := range fallback {
		k.fallback[key] = m{id: v}
	}
	return m{"one_time_key_counts": m{"signed_curve25519": len(k.once[key])}}
}

func (k *keyServer) query(users m) m {
	answer := m{"device_keys": m{}, "master_keys": m{}, "self_signing_keys": m{}, "user_signing_keys": m{}}
	for user := range users {
		if k.keys[user] != nil {
			answer["device_keys"].(m)[user] = k.keys[user]
		}
		if s := k.signing[user]; s != nil {
			answer["master_keys"].(m)[user] = s["master_key"]
			answer["self_signing_keys"].(m)[user] = s["self_signing_key"]
		}
	}
	return answer
}

func (k *keyServer) claim(users m) m {
	answer := m{}
	for user, devs := range users {
		answer[user] = m{}
		for dev := range devs.(m) {
			key := user + " " + dev
			if all := k.once[key]; len(all) > 0 {
				answer[user].(m)[dev] = m{all[0].id: all[0].key}
				k.once[key] = all[1:]
			} else if f := k.fallback[key]; f != nil {
				answer[user].(m)[dev] = f
			}
		}
	}
	return m{"one_time_keys": answer}
}

func (k *keyServer) send(from, kind string, messages m) {
	for user, devs := range messages {
		for dev, content := range devs.(m) {
			targets := []string{dev}
			if dev == "*" {
				targets = nil
				for one := range k.keys[user] {
					targets = append(targets, one)
				}
			}
			for _, one := range targets {
				key := user + " " + one
				k.toDevice[key] = append(k.toDevice[key], m{"type": kind, "sender": from, "content": content})
			}
		}
	}
}

// sync hands over what waits; a second sync from the same place would get
// nothing, which the tests do not need.
func (k *keyServer) sync(user, dev, since string) m {
	key := user + " " + dev
	waiting := k.toDevice[key]
	k.toDevice[key] = nil
	var from int
	_, _ = fmt.Sscanf(since, "s%d", &from) // none: from the beginning
	var changed []string
	for other, at := range k.changed {
		if at > from && since != "" {
			changed = append(changed, other)
		}
	}
	answer := m{"next_batch": fmt.Sprintf("s%d", k.place), "to_device": m{"events": slices.Concat([]any{}, waiting)},
		"device_lists": m{"changed": changed}, "device_one_time_keys_count": m{"signed_curve25519": len(k.once[key])}}
	if k.fallback[key] != nil {
		answer["device_unused_fallback_key_types"] = []string{"signed_curve25519"}
	}
	return answer
}

// penpal is a friend with a client that encrypts: the library's, with its own
// memory.
type penpal struct {
	t    *testing.T
	w    *world
	mach *crypto.OlmMachine
	c    *mautrix.Client
}

// roomsOfPenpal lets every room be encrypted.
type roomsOfPenpal struct{}

func (roomsOfPenpal) IsEncrypted(context.Context, mid.RoomID) (bool, error) { return true, nil }
func (roomsOfPenpal) GetEncryptionEvent(context.Context, mid.RoomID) (*event.EncryptionEventContent, error) {
	return &event.EncryptionEventContent{Algorithm: mid.AlgorithmMegolmV1}, nil
}
func (roomsOfPenpal) FindSharedRooms(context.Context, mid.UserID) ([]mid.RoomID, error) {
	return nil, nil
}

// newPenpal gives Bob a device.
func (w *world) newPenpal(dev string) *penpal {
	w.t.Helper()
	c, err := mautrix.NewClient(w.hs.srv.URL, bobID, "bob-"+dev)
	if err != nil {
		w.t.Fatal(err)
	}
	c.DeviceID = mid.DeviceID(dev)
	w.hs.mu.Lock()
	w.hs.keys.tokens["bob-"+dev], w.hs.keys.device["bob-"+dev] = bobID, dev
	w.hs.mu.Unlock()
	p := &penpal{t: w.t, w: w, c: c, mach: crypto.NewOlmMachine(c, nil, crypto.NewMemoryStore(nil), roomsOfPenpal{})}
	if err := p.mach.Load(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := p.mach.ShareKeys(w.t.Context(), 0); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// seal encrypts a text for Alice's ghost and makes the event; withKey says
// whether the ghost gets the key.
func (p *penpal) seal(room, ev, text string, withKey bool) m {
	p.t.Helper()
	ctx := p.t.Context()
	content := event.MessageEventContent{MsgType: event.MsgText, Body: text}
	sealed, err := p.mach.EncryptMegolmEvent(ctx, mid.RoomID(room), event.EventMessage, &content)
	if crypto.IsShareError(err) {
		to := []mid.UserID{ghostA}
		if !withKey {
			to = nil
		}
		if err := p.mach.ShareGroupSession(ctx, mid.RoomID(room), to); err != nil {
			p.t.Fatal(err)
		}
		session, lost := p.mach.CryptoStore.GetOutboundGroupSession(ctx, mid.RoomID(room))
		if lost != nil {
			p.t.Fatal(lost)
		}
		session.ShareContent() // the key from the first message on, for give
		sealed, err = p.mach.EncryptMegolmEvent(ctx, mid.RoomID(room), event.EventMessage, &content)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return evOf(p.t, room, ev, sealed)
}

// give sends the key of the room's session after all.
func (p *penpal) give(room string) {
	p.t.Helper()
	ctx := p.t.Context()
	session, err := p.mach.CryptoStore.GetOutboundGroupSession(ctx, mid.RoomID(room))
	if err != nil {
		p.t.Fatal(err)
	}
	session.Shared = false
	if err := p.mach.ShareGroupSession(ctx, mid.RoomID(room), []mid.UserID{ghostA}); err != nil {
		p.t.Fatal(err)
	}
}

func evOf(t *testing.T, room, id string, content any) m {
	t.Helper()
	data, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	var c m
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return ev(room, id, "m.room.encrypted", bobID, c)
}

// read syncs and decrypts an event of a room as the homeserver has it.
func (p *penpal) read(e m) (text string, err error) {
	p.t.Helper()
	c, err := p.open(e)
	return c.Body, err
}

// open decrypts an event.
func (p *penpal) open(e m) (event.MessageEventContent, error) {
	p.t.Helper()
	ctx := p.t.Context()
	resp, err := p.c.FullSyncRequest(ctx, mautrix.ReqSync{})
	if err != nil {
		p.t.Fatal(err)
	}
	p.mach.ProcessSyncResponse(ctx, resp, "")
	data, err := json.Marshal(e)
	if err != nil {
		p.t.Fatal(err)
	}
	evt, err := parseEvent(data)
	if err == nil {
		err = parse(evt)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	plain, err := p.mach.DecryptMegolmEvent(ctx, evt)
	if err != nil {
		return event.MessageEventContent{}, err
	}
	return *plain.Content.AsMessage(), nil
}

// upSealed starts with encryption and waits until the ghost has its device.
func upSealed(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := newWorld(t)
	w.o.Encryption, w.o.Vault = encryptionAllow, noVault{}
	for _, c := range change {
		c(&w.o)
	}
	w.start()
	w.eventually("the ghost's device", `SELECT ready FROM matrix_devices`)
	w.core.wait(t, "connection", func() bool { return len(w.core.states) > 0 })
	<-w.n.compared
	return w
}

// noVault marks what it seals, so that it shows what was not.
type noVault struct{}

func (noVault) Seal(plain []byte, context string) ([]byte, error) {
	return append([]byte("sealed for "+context+":"), plain...), nil
}

func (noVault) Unseal(sealed []byte, context string) ([]byte, error) {
	plain, ok := strings.CutPrefix(string(sealed), "sealed for "+context+":")
	if !ok {
		return nil, fmt.Errorf("%.40q is not sealed for %s", sealed, context)
	}
	return []byte(plain), nil
}

// sent lists a room's events of a kind, as the homeserver has them.
func (hs *homeserver) sent(rid, kind string) (all []m) {
	hs.with(rid, func(r *fakeRoom) {
		for _, e := range r.events {
			if e["type"] == kind && e["state_key"] == nil {
				all = append(all, e)
			}
		}
	})
	return all
}
