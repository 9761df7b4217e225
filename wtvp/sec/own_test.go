package sec

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

var ownTime = time.Unix(1795347283, 0)

func newSealer(t testing.TB, first byte) *Sealer {
	t.Helper()
	s, err := NewSealer(append([]byte{first}, make([]byte, MasterSize-1)...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func someKeys() (k Keys) {
	for i := range 16 {
		k.Session1[i], k.Session2[i] = byte(i), byte(0x80+i)
	}
	copy(k.Next[:], "nextkey!")
	return k
}

func TestNewSealer(t *testing.T) {
	for _, n := range []int{0, 8, 31, 33} {
		if _, err := NewSealer(make([]byte, n)); err == nil {
			t.Errorf("a master key of %d bytes is taken", n)
		}
	}
}

func TestSealedTickets(t *testing.T) {
	s := newSealer(t, 1)
	for _, want := range []Sealed{
		{SSID: "81a7b50070b002bf", Keys: someKeys(), Expires: ownTime.Add(time.Hour)},
		{SSID: "1", UserID: 99, Expires: ownTime.Add(time.Second)},
		{SSID: strings.Repeat("z", MaxSealedSSID), UserID: 5, Keys: someKeys(), Expires: ownTime.Add(1000 * time.Hour)},
	} {
		text, err := s.Seal(want)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(text, "\r\n ") || len(text) > 200 {
			t.Errorf("ticket %q", text)
		}
		if got, err := s.Open(text, ownTime); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		if got, err := s.Open(text, want.Expires); !errors.Is(err, ErrExpired) || got != want {
			t.Errorf("at its end: %+v, %v", got, err)
		}
		if _, err := newSealer(t, 2).Open(text, ownTime); err == nil {
			t.Error("opens under another key")
		}
		again, err := s.Seal(want)
		if err != nil || again == text {
			t.Errorf("two tickets are the same: %v", err)
		}
	}
	for _, bad := range []Sealed{{}, {SSID: strings.Repeat("z", MaxSealedSSID+1)}, {SSID: "1", UserID: -1}, {SSID: "1", UserID: 100}} {
		if _, err := s.Seal(bad); err == nil {
			t.Errorf("%+v is sealed", bad)
		}
	}
}

func TestDamagedSealedTickets(t *testing.T) {
	s := newSealer(t, 1)
	text, err := s.Seal(Sealed{SSID: "81a7b50070b002bf", Keys: someKeys(), Expires: ownTime.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for _, bit := range []byte{1, 0x80} {
			b := bytes.Clone(raw)
			b[i] ^= bit
			if _, err := s.Open(base64.StdEncoding.EncodeToString(b), ownTime); err == nil {
				t.Fatalf("opens with bit %#x of byte %d turned", bit, i)
			}
		}
		if _, err := s.Open(base64.StdEncoding.EncodeToString(raw[:i]), ownTime); err == nil {
			t.Fatalf("opens with %d of %d bytes", i, len(raw))
		}
	}
	for _, bad := range []string{"", "=", "AAAA", text + "\n", text[:len(text)-1], strings.Repeat("A", MaxTicket+4)} {
		if _, err := s.Open(bad, ownTime); err == nil || strings.Contains(err.Error(), text) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestStatelessChallenge(t *testing.T) {
	s, other := newSealer(t, 1), newSealer(t, 2)
	const ssid = "81a7b50070b002bf"
	c, err := s.Challenge(ssid, ownTime, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// The box's side knows the initial key alone.
	box, err := OpenChallenge(c.Base64(), s.InitialKey(ssid))
	if err != nil {
		t.Fatal(err)
	}
	if len(box.raw) != ChallengeSize || box.Keys != c.Keys || box.Keys == (Keys{}) || box.Keys.Session1 == box.Keys.Session2 {
		t.Errorf("%d bytes, keys %x and %x", len(box.raw), box.Keys.Session1[:], c.Keys.Session1[:])
	}
	for _, at := range []time.Duration{-clockSkew, 0, challengeLife} {
		if got, err := s.CheckResponse(ssid, box.Response(), ownTime.Add(at)); err != nil || got.Keys != c.Keys {
			t.Errorf("after %v: %v", at, err)
		}
	}
	twice, err := s.Challenge(ssid, ownTime, rand.Reader)
	if err != nil || twice.Base64() == c.Base64() || twice.Keys == c.Keys {
		t.Errorf("two challenges are the same: %v", err)
	}
	raw, err := base64.StdEncoding.DecodeString(box.Response())
	if err != nil {
		t.Fatal(err)
	}
	raw[40] ^= 1
	for name, got := range map[string]error{
		"another box":    second(s.CheckResponse("81a7b50070b002be", box.Response(), ownTime)),
		"another server": second(other.CheckResponse(ssid, box.Response(), ownTime)),
		"too late":       second(s.CheckResponse(ssid, box.Response(), ownTime.Add(challengeLife+time.Second))),
		"from nowhere":   second(s.CheckResponse(ssid, box.Response(), ownTime.Add(-clockSkew-time.Second))),
		"damaged":        second(s.CheckResponse(ssid, base64.StdEncoding.EncodeToString(raw), ownTime)),
		"short":          second(s.CheckResponse(ssid, base64.StdEncoding.EncodeToString(raw[:63]), ownTime)),
		"long":           second(s.CheckResponse(ssid, strings.Repeat("A", 100), ownTime)),
		"empty":          second(s.CheckResponse(ssid, "", ownTime)),
		"the other one":  second(s.CheckResponse(ssid, base64.StdEncoding.EncodeToString(append(twice.raw[:8:8], raw[8:]...)), ownTime)),
	} {
		if got == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if s.InitialKey(ssid) == s.InitialKey("81a7b50070b002be") || s.InitialKey(ssid) == other.InitialKey(ssid) || s.InitialKey(ssid) != newSealer(t, 1).InitialKey(ssid) {
		t.Error("initial keys: one for each box and server, always the same")
	}
}

func second[T any](_ T, err error) error { return err }

// FuzzSealedTicket: nothing opens that was not sealed, nothing panics, and no error repeats the ticket.
func FuzzSealedTicket(f *testing.F) {
	s := newSealer(f, 1)
	good := Sealed{SSID: "81a7b50070b002bf", UserID: 1, Keys: someKeys(), Expires: ownTime.Add(time.Hour)}
	text, err := s.Seal(good)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{text, "", "AQ==", "AAAA", text[:40], strings.ToLower(text)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := s.Open(in, ownTime)
		if err == nil && got != good { // sealed under this key, by this process or another of the fuzzer's
			t.Fatalf("%q opens as %+v", in, got)
		}
		if err != nil && len(in) > 40 && strings.Contains(err.Error(), in) {
			t.Fatalf("the error repeats the ticket: %v", err)
		}
		if _, err := s.CheckResponse("81a7b50070b002bf", in, ownTime); err == nil {
			t.Fatalf("%q answers a challenge", in)
		}
	})
}
