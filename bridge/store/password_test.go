package store

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func setPassword(t *testing.T, s *Store, password string, keep bool) Hashed {
	t.Helper()
	h, err := s.HashPassword(password, keep)
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error { return tx.SetPassword(alice, h) })
	return h
}

func TestPassword(t *testing.T) {
	s, _ := open(t)
	ctx := t.Context()
	withAccounts(t, s)
	check := func(password string, want bool) {
		t.Helper()
		if got, err := s.CheckPassword(ctx, alice, password); err != nil || got != want {
			t.Errorf("CheckPassword(%q) = %v, %v; want %v", password, got, err, want)
		}
	}
	check("secret", false)
	check("", false)
	h := setPassword(t, s, "secret", false)
	if !strings.HasPrefix(h.phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash string %q", h.phc)
	}
	check("secret", true)
	check("Secret", false)
	check("secret\n", false)
	check("", false)
	if a, err := s.Account(ctx, alice); err != nil || !a.HasPassword {
		t.Errorf("Account = %+v, %v", a, err)
	}
	if p, kept, err := s.RecoverablePassword(ctx, alice); err != nil || kept || p != "" {
		t.Errorf("RecoverablePassword = %q, %v, %v", p, kept, err)
	}
	if again := setPassword(t, s, "secret", false); again.phc == h.phc {
		t.Error("the same password gives the same hash: no salt")
	}
	update(t, s, func(tx *Tx) error { return tx.SetPassword(alice, Hashed{}) })
	check("secret", false)
	wantIs(t, s.Update(ctx, func(tx *Tx) error { return tx.SetPassword("nobody@webtv.local", h) }), ErrNotFound)
	if ok, err := s.CheckPassword(ctx, "nobody@webtv.local", "secret"); ok || err != nil {
		t.Errorf("an unknown account: %v, %v", ok, err)
	}
}

func TestRecoverablePassword(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := openAt(t, dir, newClock())
	ctx := t.Context()
	withAccounts(t, s)
	const password = "correct horse Батарея"
	h := setPassword(t, s, password, true)
	if p, kept, err := s.RecoverablePassword(ctx, alice); err != nil || !kept || p != password {
		t.Errorf("RecoverablePassword = %q, %v, %v", p, kept, err)
	}
	if ok, err := s.CheckPassword(ctx, alice, password); err != nil || !ok {
		t.Errorf("CheckPassword = %v, %v", ok, err)
	}
	const dave = "dave@webtv.local"
	update(t, s, func(tx *Tx) error { return tx.CreateAccount(NewAccount{Address: dave, Password: h}) })
	if p, kept, err := s.RecoverablePassword(ctx, dave); err != nil || !kept || p != password {
		t.Errorf("of an account made with it: %q, %v, %v", p, kept, err)
	}
	_, _, err := s.RecoverablePassword(ctx, "nobody@webtv.local")
	wantIs(t, err, ErrNotFound)
	setPassword(t, s, "other", false) // no longer kept
	if p, kept, err := s.RecoverablePassword(ctx, alice); err != nil || kept || p != "" {
		t.Errorf("after a change: %q, %v, %v", p, kept, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range readAll(t, dir) {
		if strings.Contains(text, password) {
			t.Errorf("%s holds the password in the clear", name)
		}
	}
}

func TestPasswordPolicy(t *testing.T) {
	s, _ := open(t)
	for _, good := range []string{"x", strings.Repeat("x", 127), "ü ö", " "} {
		if _, err := s.HashPassword(good, false); err != nil {
			t.Errorf("HashPassword(%q): %v", good, err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("x", 128), "a\nb", "a\x00", "\x7f", "a\u0085b"} {
		_, err := s.HashPassword(bad, false)
		wantIs(t, err, ErrInvalid)
	}
}

func TestHashTurns(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	for range maxHashes { // as many as may hash at once
		s.hashes <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := s.CheckPassword(ctx, alice, "x")
		failed <- err
	}()
	cancel()
	wantIs(t, <-failed, context.Canceled)
	for range maxHashes {
		<-s.hashes
	}
	if _, err := s.CheckPassword(t.Context(), alice, "x"); err != nil {
		t.Error(err)
	}
}

func TestParsePHC(t *testing.T) {
	sum, salt := strings.Repeat("A", 43), strings.Repeat("A", 22)
	good := "$argon2id$v=19$m=64,t=1,p=2$" + salt + "$" + sum
	p, err := parsePHC(good)
	if err != nil || p.memory != 64 || p.time != 1 || p.threads != 2 || len(p.salt) != 16 || len(p.sum) != 32 {
		t.Fatalf("parsePHC = %+v, %v", p, err)
	}
	for _, bad := range []string{"", "$", "x" + good, strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "19", "16", 1),
		strings.Replace(good, "m=64", "m=9999999", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "t=1", "t=99", 1),
		strings.Replace(good, "p=2", "p=0", 1), strings.Replace(good, "p=2", "p=300", 1), strings.Replace(good, "m=64", "m=-1", 1),
		good + "$", good + "!", strings.Replace(good, salt, "AAAA", 1), strings.Replace(good, sum, "AAAA", 1), good + good[29:],
		strings.Replace(good, salt, "A-AA", 1)} {
		if p, err := parsePHC(bad); err == nil {
			t.Errorf("parsePHC(%q) = %+v, want a refusal", bad, p)
		}
	}
}

func TestDamagedHash(t *testing.T) {
	s, _ := open(t)
	withAccounts(t, s)
	if _, err := s.DB().Exec(`UPDATE accounts SET password = 'plain'`); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.CheckPassword(t.Context(), alice, "plain"); ok || err == nil {
		t.Errorf("CheckPassword = %v, %v", ok, err)
	}
}
