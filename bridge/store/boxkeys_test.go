package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"testing"
	"time"
)

func pin(t *testing.T, s *Store, ssid string, key []byte) (news KeyNews, err error) {
	t.Helper()
	err = s.Update(t.Context(), func(tx *Tx) error { news, err = tx.PinKey(ssid, key); return err })
	return news, err
}

func wantPin(t *testing.T, s *Store, ssid string, key []byte, want KeyNews) {
	t.Helper()
	if got, err := pin(t, s, ssid, key); err != nil || got != want {
		t.Errorf("PinKey(%s, %x) = %d, %v; want %d", ssid, key, got, err, want)
	}
}

func TestSigningKeysBelongToTheBoxThatShowedThemFirst(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := openAt(t, dir, c)
	one, two := []byte{1, 2, 3, 4, 5, 6, 7, 8}, []byte{8, 7, 6, 5, 4, 3, 2, 1}
	if err := s.CheckKey(t.Context(), "8100b0000000affe", one); err != nil {
		t.Errorf("nobody's key: %v", err)
	}
	wantPin(t, s, "8100B0000000AFFE", one, KeyFirst)
	wantPin(t, s, "8100b0000000affe", one, KeyKnown)
	wantPin(t, s, "8100b0000000affe", []byte{0, 3, 2, 5, 4, 7, 6, 9}, KeyKnown) // other parity bits, the same key
	wantPin(t, s, "8100b0000000affe", two, KeyChanged)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir, c)
	for _, key := range [][]byte{one, two} {
		_, err := pin(t, s, "8100b0000000beef", key)
		wantIs(t, err, ErrKeyTaken)
		if text := "store: the signing key in the ticket was first shown by box 8100b0000000affe, now by box 8100b0000000beef"; err.Error() != text {
			t.Errorf("says %q, want %q", err, text)
		}
		wantIs(t, s.CheckKey(t.Context(), "8100b0000000beef", key), ErrKeyTaken)
	}
	wantPin(t, s, "8100b0000000beef", []byte{9, 9, 9, 9, 9, 9, 9, 9}, KeyFirst)
	for _, bad := range []struct {
		ssid string
		key  []byte
	}{{"", one}, {"81 0", one}, {"8100", nil}, {"8100", []byte{1}}} {
		_, err := pin(t, s, bad.ssid, bad.key)
		wantIs(t, err, ErrInvalid)
		wantIs(t, s.CheckKey(t.Context(), bad.ssid, bad.key), ErrInvalid)
	}
}

func TestOldSigningKeysAreForgotten(t *testing.T) {
	s, c := open(t)
	key := func(i int) []byte { return []byte{byte(2 * i), 0, 0, 0, 0, 0, 0, 0} }
	for i := range maxBoxKeys + 3 {
		if _, err := pin(t, s, "8100", key(i)); err != nil {
			t.Fatal(err)
		}
		c.add(time.Millisecond)
	}
	var n int
	if err := s.DB().QueryRow(`SELECT count(*) FROM box_keys`).Scan(&n); err != nil || n != maxBoxKeys {
		t.Errorf("%d keys are kept, %v; want %d", n, err, maxBoxKeys)
	}
	wantIs(t, s.CheckKey(t.Context(), "8101", key(3)), ErrKeyTaken)
	if err := s.CheckKey(t.Context(), "8101", key(2)); err != nil {
		t.Errorf("the oldest but %d: %v", maxBoxKeys, err)
	}
}

func TestForgetKeys(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	one, two := []byte{1, 2, 3, 4, 5, 6, 7, 8}, []byte{8, 7, 6, 5, 4, 3, 2, 1}
	update(t, s, func(tx *Tx) error { return tx.LinkBox(alice, Box{SSID: "8100"}) })
	update(t, s, func(tx *Tx) error { return tx.LinkBox(carol, Box{SSID: "8101"}) })
	wantPin(t, s, "8100", one, KeyFirst)
	wantPin(t, s, "8101", two, KeyFirst)
	update(t, s, func(tx *Tx) error {
		if n, err := tx.ForgetKeys(alice); n != 1 || err != nil {
			t.Errorf("ForgetKeys = %d, %v; want 1", n, err)
		}
		return nil
	})
	wantPin(t, s, "8102", one, KeyFirst)
	wantIs(t, s.CheckKey(t.Context(), "8102", two), ErrKeyTaken)
}

func TestWTVPKeyIsMadeOnceAndSealed(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := openAt(t, dir, c)
	first, err := s.WTVPKey(context.Background())
	if err != nil || len(first) != wtvpKeySize || bytes.Equal(first, make([]byte, wtvpKeySize)) {
		t.Fatalf("%x, %v", first, err)
	}
	var stored string
	if err := s.DB().QueryRow(`SELECT value FROM meta WHERE key = 'wtvp_key'`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if raw, err := base64.StdEncoding.DecodeString(stored); err != nil || bytes.Contains(raw, first) {
		t.Errorf("the key stands in the database in clear (%v)", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir, c)
	if again, err := s.WTVPKey(context.Background()); err != nil || !bytes.Equal(again, first) {
		t.Errorf("after a restart another key, %v", err)
	}
}
