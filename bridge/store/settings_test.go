package store

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

func TestSettings(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	has := func(a id.Account, want map[string]string) {
		t.Helper()
		if got, err := s.Settings(t.Context(), a); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s has %v, %v; want %v", a, got, err, want)
		}
	}
	has(alice, map[string]string{})
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.SetSetting(alice, "emoji", "words"), tx.SetSetting(alice, "lines", "7"), tx.SetSetting(alice, "emoji", "dropped"), tx.SetSetting(alice, "none", ""))
	})
	has(alice, map[string]string{"emoji": "dropped", "lines": "7"})
	has(carol, map[string]string{})
	err := s.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting("nobody@webtv.local", "emoji", "words") })
	wantIs(t, err, ErrNotFound)
	err = s.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting(alice, "emoji", strings.Repeat("x", 65)) })
	wantIs(t, err, ErrTooLong)
	update(t, s, func(tx *Tx) error { return errors.Join(tx.SetSetting(alice, "emoji", ""), tx.RemoveAccount(carol)) })
	has(alice, map[string]string{"lines": "7"})
}

func TestPictureLinks(t *testing.T) {
	s, clock := open(t)
	withAccounts(t, s)
	at := func(d time.Duration) time.Time { return clock.Now().Add(d).UTC().Truncate(time.Millisecond) }
	add := func(a id.Account, token, file string, d time.Duration, want string) {
		t.Helper()
		got, err := s.AddPicture(t.Context(), PictureLink{Token: token, Account: a, Network: "matrix", File: file, Ref: "ref of " + file, Expires: at(d)}, 3)
		if err != nil || got != want {
			t.Errorf("link %q, %v; want %q", got, err, want)
		}
	}
	add(alice, "one", "f1", time.Hour, "one")
	add(alice, "two", "f1", 2*time.Hour, "one") // the link that is there lives longer
	add(carol, "three", "f1", time.Hour, "three")
	want := PictureLink{"one", alice, "matrix", "f1", "ref of f1", at(2 * time.Hour)}
	if got, err := s.Picture(t.Context(), "one"); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, token := range []string{"two", "", "ONE"} {
		_, err := s.Picture(t.Context(), token)
		wantIs(t, err, ErrNotFound)
	}
	for i := range 3 {
		add(alice, fmt.Sprint("n", i), fmt.Sprint("g", i), 3*time.Hour, fmt.Sprint("n", i))
	}
	_, err := s.Picture(t.Context(), "one") // crowded out
	wantIs(t, err, ErrNotFound)
	var sealed []byte
	if err := s.DB().QueryRow(`SELECT ref FROM pictures WHERE token = 'n0'`).Scan(&sealed); err != nil || strings.Contains(string(sealed), "ref of") {
		t.Errorf("the reference is stored as %q, %v", sealed, err)
	}
	_, err = s.AddPicture(t.Context(), PictureLink{Token: "x", Account: "nobody@webtv.local", File: "f"}, 3)
	wantIs(t, err, ErrNotFound)
	clock.add(90 * time.Minute)
	if n, err := s.Prune(t.Context(), clock.Now().Add(-Retention)); err != nil || n != 1 { // carol's
		t.Errorf("pruned %d, %v", n, err)
	}
	update(t, s, func(tx *Tx) error { return tx.RemoveAccount(alice) })
	_, err = s.Picture(t.Context(), "n0")
	wantIs(t, err, ErrNotFound)
}

func TestMessagesByEvent(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	conv := id.Conversation{Account: alice, Peer: bob}
	var in, out int64
	update(t, s, func(tx *Tx) (err error) {
		row := Incoming{Account: alice, Peer: bob, Network: "matrix", Event: "$1", Kind: "message", Name: "Bob", Body: []byte("one")}
		if in, err = tx.AddIncoming(row); err != nil {
			return err
		}
		row.Event, row.Kind = "$2", "aside"
		if _, err = tx.AddIncoming(row); err != nil {
			return err
		}
		if out, err = tx.AddOutgoing(Outgoing{Account: alice, Peer: bob, Network: "matrix", Kind: "message", Body: []byte("mine")}); err != nil {
			return err
		}
		return tx.SetOutgoing(out, Sent, "$3", "")
	})
	update(t, s, func(tx *Tx) error {
		row, err := tx.IncomingByEvent(conv, "matrix", "$1")
		if err != nil || row.ID != in || string(row.Body) != "one" || row.Revision != 0 {
			t.Errorf("%+v, %v", row, err)
		}
		if o, err := tx.OutgoingByEvent(conv, "matrix", "$3"); err != nil || o.ID != out {
			t.Errorf("%+v, %v", o, err)
		}
		for _, c := range []struct {
			conv id.Conversation
			n    id.Network
			e    id.Event
		}{{conv, "matrix", "$3"}, {conv, "matrix", ""}, {conv, "discord", "$1"}, {id.Conversation{Account: carol, Peer: bob}, "matrix", "$1"},
			{id.Conversation{Account: alice, Peer: dora}, "matrix", "$1"}} {
			_, err := tx.IncomingByEvent(c.conv, c.n, c.e)
			wantIs(t, err, ErrNotFound)
		}
		_, err = tx.OutgoingByEvent(conv, "matrix", "$1")
		wantIs(t, err, ErrNotFound)
		if all, err := tx.PendingOfKind(conv, "aside", 9); err != nil || len(all) != 1 || all[0].Event != "$2" {
			t.Errorf("%+v, %v", all, err)
		}
		wantIs(t, tx.ReplaceIncoming(in, make([]byte, MaxBody+1)), ErrTooLong)
		if err := tx.ReplaceIncoming(in, []byte("won")); err != nil {
			return err
		}
		if ok, err := tx.MarkWritten(row); ok || err != nil {
			t.Errorf("an old row was marked: %v", err)
		}
		fresh, err := tx.Incoming(in)
		if err != nil || string(fresh.Body) != "won" || fresh.Revision != 1 {
			t.Errorf("%+v, %v", fresh, err)
		}
		for _, want := range []bool{true, false} {
			if ok, err := tx.MarkWritten(fresh); ok != want || err != nil {
				t.Errorf("marked: %v, %v", ok, err)
			}
		}
		if err := tx.DropIncoming(in); err != nil {
			return err
		}
		if fresh, _ = tx.Incoming(in); fresh.State != Delivered {
			t.Errorf("what was written was dropped: %+v", fresh)
		}
		other, err := tx.IncomingByEvent(conv, "matrix", "$2")
		if err != nil || tx.DropIncoming(other.ID) != nil {
			t.Error(err)
		}
		for _, want := range []bool{true, false} {
			if ok, err := tx.MarkShown(other.ID); ok != want || err != nil {
				t.Errorf("shown: %v, %v", ok, err)
			}
		}
		_, err = tx.Incoming(999)
		wantIs(t, err, ErrNotFound)
		return nil
	})
}
