package sec

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func TestParseKey(t *testing.T) {
	if mustKey(t, "bWluaXNydiE=") != PublicMinisrvKey || mustKey(t, "CC5rWmRUE0o=") != PublicRedialedKey {
		t.Error("public keys are not those published")
	}
	if k, err := ParseKey(" bWluaXNydiE=\r\n"); err != nil || k != PublicMinisrvKey {
		t.Errorf("with white space around it: %v", err)
	}
	for in, want := range map[string]string{
		"":                 "empty",
		"minisrv!":         "not valid base64",
		"bWlua\nXNydiE=":   "not valid base64",
		"not base64":       "not valid base64",
		"bWluaXNydiE":      "not valid base64",
		"bWluaXNydiF=":     "not valid base64", // bits after the last byte
		"AAAAAAAAAA==":     "7 bytes",
		"AAAAAAAAAAAA":     "9 bytes",
		"QUFBQUFBQUFBQUE=": "11 bytes",
	} {
		_, err := ParseKey(in)
		if err == nil || !strings.Contains(err.Error(), want) || in != "" && strings.Contains(err.Error(), in) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestPublic(t *testing.T) {
	for _, k := range []Key{PublicMinisrvKey, PublicRedialedKey} {
		same := k
		same[3] ^= 1 // a parity bit: the same key to DES
		if !k.Public() || !same.Public() || same.Canonical() != k.Canonical() {
			t.Errorf("%s is not found to be public", k.Base64())
		}
		if !bytes.Equal(encipher(k, make([]byte, 8)), encipher(same, make([]byte, 8))) {
			t.Error("parity bits are used")
		}
		k[3] ^= 2
		if k.Public() {
			t.Errorf("%s is found to be public", k.Base64())
		}
	}
}

// TestKeysStayHidden: no way of printing shows a key.
func TestKeysStayHidden(t *testing.T) {
	k := PublicMinisrvKey
	s := SessionKey{'m', 'i', 'n', 'i', 's', 'r', 'v', '!', 1}
	keys := Keys{Session1: s, Session2: s, Next: k}
	tk := Ticket{SigningKey: k, Keys: keys}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("x", "key", k, "session", s, "keys", keys, "pointer", &keys)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+" "+verb+"\n", k, s, keys, tk)
	}
	for _, secret := range []string{"minisrv", "109 105", "109, 105", "6d696e", "0x6d", "6D69", "bWlua"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is shown: %s", secret, out.String())
		}
	}
}

func TestNewChallenge(t *testing.T) {
	shared := mustKey(t, "bWluaXNydiE=")
	for range 50 {
		c, err := NewChallenge(shared, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		box, err := OpenChallenge(c.Base64(), shared)
		if err != nil || box.Keys != c.Keys || len(c.raw) != ChallengeSize {
			t.Fatalf("box cannot open it: %v", err)
		}
		if last := decipher(shared, c.raw[104:]); !bytes.Equal(last, bytes.Repeat([]byte{8}, 8)) {
			t.Fatalf("last block %x", last)
		}
		if !c.Check(box.Response()) {
			t.Fatal("right response is refused")
		}
		if other, _ := NewChallenge(shared, rand.Reader); other.Check(box.Response()) {
			t.Fatal("response to another challenge is accepted")
		}
	}
	if _, err := NewChallenge(shared, strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("poor source of random: %v", err)
	}
	if _, err := NewKey(strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("poor source of random: %v", err)
	}
}

// TestChallengeLengths is section 6.3: 105 to 111 bytes are accepted whatever the cut block holds, 112 only with eight 08.
func TestChallengeLengths(t *testing.T) {
	shared := PublicRedialedKey
	c, err := NewChallenge(shared, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	open := func(b []byte) error {
		_, err := OpenChallenge(base64.StdEncoding.EncodeToString(b), shared)
		return err
	}
	for n := range len(c.raw) + 1 {
		if err := open(c.raw[:n]); (err == nil) != (n >= MinChallengeSize) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if err := open(append(bytes.Clone(c.raw), 0)); err == nil {
		t.Error("113 bytes are accepted")
	}
	zeros := append(bytes.Clone(c.raw[:104]), encipher(shared, make([]byte, 8))...)
	if err := open(zeros); err == nil || !strings.Contains(err.Error(), "08") {
		t.Errorf("padding of zeros: %v", err)
	}
	if err := open(zeros[:111]); err != nil {
		t.Errorf("cut padding of zeros: %v", err)
	}
	for _, s := range []string{"", "***", strings.Repeat("A", 200), c.Base64() + "AAAA"} {
		if _, err := OpenChallenge(s, shared); err == nil {
			t.Errorf("%.20q is accepted", s)
		}
	}
}

func TestCheck(t *testing.T) {
	c, err := NewChallenge(PublicRedialedKey, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	right := c.response()
	check := func(b []byte) bool { return c.Check(base64.StdEncoding.EncodeToString(b)) }
	for i := range right {
		wrong := bytes.Clone(right)
		wrong[i] ^= 0x40
		if check(wrong) != (i >= checkedSize) {
			t.Errorf("byte %d changed: %v", i, check(wrong))
		}
	}
	for n := range right {
		if check(right[:n]) != (n >= checkedSize) {
			t.Errorf("%d bytes: %v", n, check(right[:n]))
		}
	}
	for _, s := range []string{"", "*", c.Response() + "AAAA", c.Response()[:95]} {
		if c.Check(s) {
			t.Errorf("%q is accepted", s)
		}
	}
}

func newTestTicket(t testing.TB, store string) (*Ticket, error) {
	t.Helper()
	signing, err := NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewChallenge(signing, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return NewTicket(signing, c, []byte(store))
}

func TestTicketStore(t *testing.T) {
	for store, want := range map[string]int{
		`{}`: 0, `{"user_id":7}`: 7, `{"user_id":"7"}`: 7, `{"user_id":null}`: 0, `{"a":{"user_id":3},"user_id":2147483647}`: 2147483647,
	} {
		tk, err := newTestTicket(t, store)
		if err != nil {
			t.Errorf("%s: %v", store, err)
			continue
		}
		back, err := DecodeTicket(tk.Encode(PublicMinisrvKey), PublicMinisrvKey)
		if err != nil || back.UserID != want || string(back.Store) != store || back.Keys != tk.Keys {
			t.Errorf("%s: %v", store, err)
		}
	}
	for _, store := range []string{
		``, ` {}`, `[]`, `7`, `null`, `{"user_id":`, `{} x`, `{"user_id":-1}`, `{"user_id":1.5}`, `{"user_id":"x"}`, `{"user_id":""}`,
		`{"user_id":true}`, `{"user_id":[1]}`, `{"user_id":2147483648}`, `{"user_id":99999999999}`, "{\"a\":\"\xff\"}",
	} {
		if _, err := newTestTicket(t, store); err == nil {
			t.Errorf("NewTicket takes store %q", store)
		}
		tk, err := newTestTicket(t, `{}`)
		if err != nil {
			t.Fatal(err)
		}
		tk.Store = []byte(store)
		if _, err := DecodeTicket(tk.Encode(PublicMinisrvKey), PublicMinisrvKey); err == nil || !strings.Contains(err.Error(), "store") {
			t.Errorf("DecodeTicket of store %q: %v", store, err)
		}
	}
	tk, err := newTestTicket(t, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := OpenChallenge(base64.StdEncoding.EncodeToString(tk.Challenge()), tk.SigningKey)
	if n, err := NewTicket(tk.SigningKey, c, nil); err != nil || string(n.Store) != "{}" {
		t.Errorf("no store: %v", err)
	}
	c.raw = c.raw[:107]
	if _, err := NewTicket(tk.SigningKey, c, nil); err == nil {
		t.Error("a cut challenge is taken")
	}
}

// TestTicketDamaged: a change of any byte of the checked part is refused, and so is any cut.
func TestTicketDamaged(t *testing.T) {
	tk, err := newTestTicket(t, `{"user_id":0}`)
	if err != nil {
		t.Fatal(err)
	}
	initial := mustKey(t, "4b95JWXGvKI=")
	s := tk.Encode(initial)
	raw, _ := base64.StdEncoding.DecodeString(s)
	decode := func(b []byte) error {
		_, err := DecodeTicket(base64.StdEncoding.EncodeToString(b), initial)
		return err
	}
	if err := decode(raw); err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 0x10
		// The id of the challenge (8 to 15) is covered by nothing. The last blocks hold the end of the challenge's padding,
		// the store and its padding: changed, they are no JSON any more.
		if err := decode(bad); (err == nil) != (i >= 8 && i < 16) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for n := range raw {
		if decode(raw[:n]) == nil {
			t.Errorf("%d bytes are accepted", n)
		}
	}
	for _, bad := range []string{"", "*", s + "AAAA", s[:len(s)-1], strings.Repeat("A", MaxTicket+4), s[:8] + "\n" + s[8:]} {
		_, err := DecodeTicket(bad, initial)
		if err == nil || bad != "" && bad != "*" && strings.Contains(err.Error(), bad) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

// TestSigningKeyParity: a box can change the parity bits of its signing key without the ticket failing, so only the canonical
// form identifies it.
func TestSigningKeyParity(t *testing.T) {
	tk, err := newTestTicket(t, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	changed := *tk
	changed.SigningKey[0] ^= 1
	back, err := DecodeTicket(changed.Encode(PublicMinisrvKey), PublicMinisrvKey)
	if err != nil || back.SigningKey == tk.SigningKey || back.SigningKey.Canonical() != tk.SigningKey.Canonical() {
		t.Errorf("%v", err)
	}
}

func TestParseIncarnation(t *testing.T) {
	for in, want := range map[string]uint32{"0": 0, "4": 4, "4294967295": 4294967295, "007": 7} {
		if got, err := ParseIncarnation(in); err != nil || got != want {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "-1", "+1", "4294967296", "0x4", "4 ", "1_0", "four"} {
		if got, err := ParseIncarnation(in); err == nil {
			t.Errorf("%q is read as %d", in, got)
		}
	}
}

// TestReaderTakesNoMore: what a Reader was not asked for stays in the buffer as it came.
func TestReaderTakesNoMore(t *testing.T) {
	br := bufio.NewReader(strings.NewReader("abcdefSECURE ON"))
	r := NewReader(br, NewStream(SessionKey{1}, 1))
	if _, err := r.ReadByte(); err != nil {
		t.Fatal(err)
	}
	if n, err := r.Read(make([]byte, 5)); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	rest, err := io.ReadAll(br)
	if err != nil || string(rest) != "SECURE ON" {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestPadding(t *testing.T) {
	for n := range 17 {
		in := bytes.Repeat([]byte{1}, n)
		out := pad(in)
		if len(out)%8 != 0 || len(out) <= n {
			t.Fatalf("%d bytes padded to %d", n, len(out))
		}
		back, err := unpad(out)
		if err != nil || !bytes.Equal(back, in) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for _, bad := range [][]byte{nil, {1, 1, 1}, {0, 0, 0, 0, 0, 0, 0, 0}, {9, 9, 9, 9, 9, 9, 9, 9}, {1, 1, 1, 1, 1, 1, 3, 2}} {
		if _, err := unpad(bad); err == nil {
			t.Errorf("%x is accepted", bad)
		}
	}
}
