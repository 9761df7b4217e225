// Package sec is the cryptography of WTVP: shared keys, challenge and response, tickets, and the RC4 streams that follow
// SECURE ON. All of it is of its time (DES without chaining, MD5, RC4): it keeps a hobby network's users apart and is no
// protection against anybody with means. Everything here is a pure function of its arguments; nothing is kept or locked.
//
// Section numbers in comments are those of the project's WTVP reference.
package sec

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// KeySize is the size of a shared key in bytes. DES uses 56 bits of them.
const KeySize = 8

// Key is a shared key: 8 raw bytes, the lowest bit of each unused by DES (section 6.1). It never prints itself; Base64 does
// on request.
type Key [KeySize]byte

// Keys that everybody knows, so that anybody can forge a ticket under them (section 7.1). Callers refuse them unless the
// operator insists.
var (
	// PublicMinisrvKey is the default initial_shared_key of minisrv.
	PublicMinisrvKey = Key{'m', 'i', 'n', 'i', 's', 'r', 'v', '!'}
	// PublicRedialedKey is the one fixed in the source of WebTV Redialed.
	PublicRedialedKey = Key{0x08, 0x2e, 0x6b, 0x5a, 0x64, 0x54, 0x13, 0x4a}
)

// ParseKey reads a key as WebTV servers write it in their configuration: base64 of exactly 8 bytes, 12 digits the last of
// which is "=".
func ParseKey(s string) (Key, error) {
	s = strings.TrimSpace(s) // it may come from a file
	if s == "" {
		return Key{}, errors.New("sec: key is empty; want 8 bytes in base64, for instance 12 characters ending in =")
	}
	b, err := decode64(s)
	if err != nil {
		return Key{}, errors.New("sec: key is not valid base64; want 8 bytes in base64, 12 characters ending in =")
	}
	if len(b) != KeySize {
		return Key{}, fmt.Errorf("sec: key has %d bytes, want exactly %d (12 characters of base64 ending in =)", len(b), KeySize)
	}
	return Key(b), nil
}

// decode64 reads base64 on one line; the library's decoder would pass over line ends.
func decode64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("line end in base64")
	}
	return base64.StdEncoding.Strict().DecodeString(s)
}

// NewKey makes a random key.
func NewKey(rand io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(rand, k[:]); err != nil {
		return Key{}, fmt.Errorf("sec: making a key: %w", err)
	}
	return k, nil
}

// Base64 is the key as ParseKey reads it.
func (k Key) Base64() string { return base64.StdEncoding.EncodeToString(k[:]) }

// Canonical is the key with its unused parity bits cleared. Two keys that do the same have one canonical form; compare those,
// or a box could change its signing key, which stands in clear in its ticket, without changing what it opens.
func (k Key) Canonical() Key {
	for i := range k {
		k[i] &^= 1
	}
	return k
}

// Public tells whether the key does the same as one of the published default keys.
func (k Key) Public() bool {
	c := k.Canonical()
	return c == PublicMinisrvKey.Canonical() || c == PublicRedialedKey.Canonical()
}

// Format keeps a key out of logs and messages, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// LogValue keeps a key out of structured logs.
func (k Key) LogValue() slog.Value { return slog.StringValue("[key]") }

// SessionKey is one of the two keys of a login; Session 1 enciphers what the client sends, 2 what the server sends.
type SessionKey [16]byte

// Format keeps a session key out of logs and messages, whatever the verb.
func (k SessionKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// LogValue keeps a session key out of structured logs.
func (k SessionKey) LogValue() slog.Value { return slog.StringValue("[key]") }

// Keys is what a challenge gives both sides.
type Keys struct {
	Session1 SessionKey // client to server
	Session2 SessionKey // server to client
	Next     Key        // shared key of the next challenge
}
