package sec

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// MasterSize is the size of the key a Sealer is made of, in bytes.
	MasterSize = 32
	// MaxSealedSSID is the longest serial number in a ticket: real ones have 16 digits, those of emulators a few more.
	MaxSealedSSID = 32
	// maxSealedUser bounds the user number: boxes show six.
	maxSealedUser = 99

	// sealedVersion is the first byte of a ticket of our own, so that another form can come later.
	sealedVersion = 1
	// sealedFixed is the size of what stands before the SSID: expiry, user, both session keys, next key.
	sealedFixed = 8 + 1 + 2*len(SessionKey{}) + KeySize
	// challengeLife is how long a challenge may be answered. A box answers within one round trip; a slow line and a user
	// who is asked something may take minutes.
	challengeLife = 10 * time.Minute
	// clockSkew is how far in the future a challenge may have been made: the clock may have been set back since.
	clockSkew = time.Minute
)

// Sealed is what a ticket of our own holds (section 7.3). Unlike a Ticket it names its box.
type Sealed struct {
	SSID    string // in the form of server.FoldSSID, 1 to MaxSealedSSID bytes
	UserID  int    // 0 to 99
	Keys    Keys
	Expires time.Time // to the second
}

// Sealer makes and opens tickets of our own, and the challenges that lead to them. It keeps nothing about boxes: a challenge can
// be made again from its id, so thousands of begun sign-ins cost no memory, and a restart in the middle of one does no harm. It
// may be used from many goroutines.
type Sealer struct {
	aead cipher.AEAD
	seed []byte // of what boxes are given in the course of a sign-in
}

// NewSealer makes a Sealer of a secret of MasterSize bytes.
func NewSealer(master []byte) (*Sealer, error) {
	if len(master) != MasterSize {
		return nil, fmt.Errorf("sec: master key has %d bytes, want %d", len(master), MasterSize)
	}
	key, err := hkdf.Key(sha256.New, master, nil, "wtvgate ticket", 32)
	if err != nil {
		return nil, fmt.Errorf("sec: deriving the ticket key: %w", err)
	}
	seed, err := hkdf.Key(sha256.New, master, nil, "wtvgate challenge", 32)
	if err != nil {
		return nil, fmt.Errorf("sec: deriving the challenge key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("sec: ticket key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("sec: ticket key: %w", err)
	}
	return &Sealer{aead: aead, seed: seed}, nil
}

// Seal writes a ticket, in base64 on one line.
func (s *Sealer) Seal(t Sealed) (string, error) {
	if t.SSID == "" || len(t.SSID) > MaxSealedSSID {
		return "", fmt.Errorf("sec: ticket for an SSID of %d characters, want 1 to %d", len(t.SSID), MaxSealedSSID)
	}
	if t.UserID < 0 || t.UserID > maxSealedUser {
		return "", fmt.Errorf("sec: ticket for user %d, want 0 to %d", t.UserID, maxSealedUser)
	}
	plain := make([]byte, 0, sealedFixed+len(t.SSID))
	plain = binary.BigEndian.AppendUint64(plain, uint64(t.Expires.Unix()))
	plain = append(plain, byte(t.UserID))
	plain = append(plain, t.Keys.Session1[:]...)
	plain = append(plain, t.Keys.Session2[:]...)
	plain = append(plain, t.Keys.Next[:]...)
	plain = append(plain, t.SSID...)
	return base64.StdEncoding.EncodeToString(s.aead.Seal([]byte{sealedVersion}, nil, plain, nil)), nil
}

// ErrExpired is returned for a ticket that was good once.
var ErrExpired = errors.New("sec: ticket has expired")

// Open reads a ticket of our own. Errors hold nothing of it.
func (s *Sealer) Open(ticket string, now time.Time) (Sealed, error) {
	if ticket == "" {
		return Sealed{}, errors.New("sec: ticket is empty")
	}
	if len(ticket) > MaxTicket {
		return Sealed{}, fmt.Errorf("sec: ticket is longer than %d characters", MaxTicket)
	}
	raw, err := decode64(ticket)
	if err != nil {
		return Sealed{}, errors.New("sec: ticket is not valid base64")
	}
	if len(raw) == 0 || raw[0] != sealedVersion {
		return Sealed{}, errors.New("sec: ticket is none of ours")
	}
	plain, err := s.aead.Open(nil, nil, raw[1:], nil)
	if err != nil || len(plain) <= sealedFixed || len(plain) > sealedFixed+MaxSealedSSID {
		return Sealed{}, errors.New("sec: ticket is none of ours (it does not open)")
	}
	t := Sealed{Expires: time.Unix(int64(binary.BigEndian.Uint64(plain)), 0), UserID: int(plain[8])}
	b := plain[9:]
	t.Keys.Session1, b = SessionKey(b[:16]), b[16:]
	t.Keys.Session2, b = SessionKey(b[:16]), b[16:]
	t.Keys.Next, t.SSID = Key(b[:KeySize]), string(b[KeySize:])
	if !now.Before(t.Expires) {
		return t, ErrExpired
	}
	return t, nil
}

// InitialKey is the wtv-initial-key of a box: the key its first challenge is made under (section 6.4). It is the same at every
// preregister, so nothing has to be remembered between that and the challenge.
func (s *Sealer) InitialKey(ssid string) Key {
	return Key(s.derive("initial key", ssid, nil)[:KeySize])
}

// Challenge makes a challenge for a box under its InitialKey. Its id holds the time, and all else in it follows from id and SSID,
// so CheckResponse can make it again.
func (s *Sealer) Challenge(ssid string, now time.Time, rand io.Reader) (*Challenge, error) {
	var id [idSize]byte
	binary.BigEndian.PutUint32(id[:], uint32(now.Unix()))
	if _, err := io.ReadFull(rand, id[4:]); err != nil {
		return nil, fmt.Errorf("sec: making a challenge: %w", err)
	}
	return s.challenge(ssid, id)
}

func (s *Sealer) challenge(ssid string, id [idSize]byte) (*Challenge, error) {
	var random []byte
	for i := byte(0); len(random) < md5Offset; i++ {
		random = append(random, s.derive("challenge", ssid, append(id[:], i))...)
	}
	return NewChallenge(s.InitialKey(ssid), io.MultiReader(bytes.NewReader(id[:]), bytes.NewReader(random)))
}

// CheckResponse checks what a box answers to the Challenge it was given, and returns that challenge with its keys. Errors hold
// nothing of the answer.
func (s *Sealer) CheckResponse(ssid, response string, now time.Time) (*Challenge, error) {
	if len(response) > base64.StdEncoding.EncodedLen(ResponseSize) {
		return nil, errors.New("sec: answer to the challenge is too long")
	}
	raw, err := decode64(response)
	if err != nil || len(raw) < checkedSize {
		return nil, errors.New("sec: answer to the challenge is not base64 of 72 bytes")
	}
	made := time.Unix(int64(binary.BigEndian.Uint32(raw)), 0)
	if age := now.Sub(made); age > challengeLife || age < -clockSkew {
		return nil, errors.New("sec: answer to a challenge that is too old, or was never made")
	}
	c, err := s.challenge(ssid, [idSize]byte(raw))
	if err != nil {
		return nil, err
	}
	if !c.Check(response) {
		return nil, errors.New("sec: wrong answer to the challenge")
	}
	return c, nil
}

// derive gives 32 bytes that only this Sealer knows. The parts cannot run into one another: the SSID has its length before it.
func (s *Sealer) derive(what, ssid string, more []byte) []byte {
	h := hmac.New(sha256.New, s.seed)
	_, _ = fmt.Fprintf(h, "%s %d %s", what, len(ssid), ssid)
	_, _ = h.Write(more)
	return h.Sum(nil)
}
